# SPDX-License-Identifier: Apache-2.0
"""login: delegate: the person's own account and password reach the target, without the suffix."""
import pytest


@pytest.mark.parametrize('user', ['demo', 'demo#desk'])
def test_the_target_logs_the_person_on(make_gate, scripted, user):
    target = scripted(user='demo')
    gate = make_gate({'name': 'desk', 'address': f'127.0.0.1:{target.port}', 'login': 'delegate',
                      'tls': {'verify': 'tofu'}, 'nla': 'required'})
    target.password = gate.passwords['demo']  # the same on both sides
    with gate.mini(user) as client:
        client.run('active')
        gate.wait_event('session_active')
    assert target.fact('credentials')[1:] == ('demo', gate.passwords['demo'])
    assert not gate.failures()
