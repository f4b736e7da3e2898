# SPDX-License-Identifier: Apache-2.0
"""Each way of being refused: the client is told what protocol.md says, and there is one event."""
import pytest

from gate import target_entry
from lab import free_port
from rdpmini import Refused

LOGON_FAILURE = 0xC000006D
INSUFFICIENT_PRIVILEGES, TARGET_UNKNOWN, CANNOT_CONNECT = 0x9, 0x400, 0x404


def refused(client, until='active'):
    with client, pytest.raises(Refused) as said:
        client.run(until)
    return said.value.kind, said.value.code


def test_unknown_user_and_wrong_password_look_the_same(gate):
    gate.mark()
    answers = []
    for user, password in (('demo', 'not the password'), ('nobody', 'not the password'), ('nobody', '')):
        client = gate.mini(user, password)
        assert refused(client, 'nla') == ('credssp', LOGON_FAILURE)
        answers.append(client.answers[-1])
        gate.wait_event('session_end', count=len(answers))
    assert answers[0] == answers[1] == answers[2]
    assert [e['event'] for e in gate.failures()] == ['auth_failed'] * 3


def test_wrong_password_with_a_real_client(gate, freerdp):
    gate.mark()
    client = freerdp(gate, 'demo', '/log-level:INFO', password='not-the-password')
    assert client.code() != 0
    assert 'LOGON_FAILURE' in client.process.text()
    gate.one_failure('auth_failed')


@pytest.mark.parametrize('requested', [0x03, 0x0B], ids=['HYBRID', 'HYBRID_EX'])
def test_no_rule(make_gate, scripted, requested):
    target = scripted()
    service = make_gate(target_entry('desk', target), users=('demo', 'other'),
                        rules=[{'name': 'one', 'users': ['other'], 'targets': ['desk']}])
    kind, code = refused(service.mini('demo', requested=requested))
    assert (kind, code) in (('early result', 5), ('error info', INSUFFICIENT_PRIVILEGES))
    assert (kind == 'early result') == (requested == 0x0B)
    service.one_failure('access_denied')
    assert target.contacts == 0


def test_target_that_is_not_there_looks_like_one_not_allowed(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted()), target_entry('other', scripted()),
                        rules=[{'name': 'one', 'users': ['demo'], 'targets': ['desk']}])
    said = {refused(service.mini('demo#other', requested=3)),
            refused(service.mini('demo#none', requested=3))}
    assert len(said) == 1, said


def test_target_down(make_gate, scripted, freerdp):
    target = scripted()
    target.port = free_port()
    service = make_gate(target_entry('desk', target))
    assert refused(service.mini()) == ('error info', CANNOT_CONNECT)
    service.one_failure('target_unreachable')

    client = freerdp(service, 'demo')
    assert client.code() != 0


def test_target_certificate_changed(make_gate, shadow, freerdp):
    service = make_gate(target_entry('desk', shadow, verify='tofu'))
    first = freerdp(service, 'demo')
    first.wait_painted(shadow)
    first.stop()
    service.wait_event('session_end')

    shadow.change_certificate()
    service.mark()
    kind, code = refused(service.mini())
    assert kind == 'error info' and code
    failure = service.one_failure('target_certificate_changed')
    assert failure['target'] == 'desk'


def test_wrong_pin_is_refused_before_any_secret(make_gate, scripted):
    target = scripted()
    entry = target_entry('desk', target)
    entry['tls'] = {'verify': 'pin', 'pin': 'sha256:' + '0' * 64}
    service = make_gate(entry)
    assert refused(service.mini())[0] == 'error info'
    service.one_failure('target_certificate_changed')
    assert 'nla_user' not in target.connections[-1].facts


def test_target_password_wrong(make_gate, shadow, freerdp):
    service = make_gate(target_entry('desk', shadow, password='not-the-password'))
    kind, code = refused(service.mini())
    assert kind == 'error info' and code
    service.one_failure('target_login_failed')

    service.mark()
    client = freerdp(service, 'demo')
    assert client.code() != 0
    service.one_failure('target_login_failed')
