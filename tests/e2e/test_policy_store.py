# SPDX-License-Identifier: Apache-2.0
"""The store in the running service: made by commands, decided by at once, kept, exported, sealed."""
import json
import time

import pytest

from gate import target_entry
from rdpmini import ntlm
from test_kill import answers, echo

MANY = 1000


@pytest.fixture
def desk(scripted):
    return target_entry('desk', scripted(on_active=echo))


def ask(service, *argv, ok=True):
    done = service.command(*argv, '-s', service.state / 'control.sock')
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


def restart(service):
    service.stop()
    (service.folder / 'serve.log').unlink()  # "ready" must be the new one's
    service.start()


def secret_file(service, name, text):
    file = service.folder / name
    file.touch(mode=0o600)
    file.write_text(text)
    return f'file:{file}'


def test_made_and_taken_away_while_serving(make_gate, desk):
    service = make_gate(desk)
    password = 'Correct horse 1'
    inject = desk['login']['inject']
    ask(service, 'user', 'add', 'carol',
        'nt_hash=' + secret_file(service, 'carol', ntlm.nt_hash(password).hex()))
    ask(service, 'target', 'add', 'web01', f'address={desk["address"]}', 'tls.verify=none',
        f'login.inject.user={inject["user"]}',
        'login.inject.password=' + secret_file(service, 'web01', inject['password']))
    assert '+ rule web' in ask(service, 'rule', 'add', 'web', 'users=[carol]', 'targets=[web01]')
    assert 'stored:keep' in ask(service, 'user', 'show', 'carol')
    assert 'file' in ask(service, 'user', 'list')
    restart(service)  # it is all still there
    with service.mini('carol', password) as client:
        client.run()
        assert answers(client)
        service.mark(live=1)
        ask(service, 'rule', 'remove', 'web')
        service.wait_event('session_end', timeout=5)
    text = (service.state / 'store.db').read_bytes()
    assert ntlm.nt_hash(password).hex().encode() not in text
    assert inject['password'].encode() not in text
    refused = ask(service, 'user', 'remove', 'demo', ok=False)
    assert 'configuration file' in refused
    assert 'others see' in ask(service, 'user', 'set', 'carol', 'nt_hash=' + '0' * 32, ok=False)
    assert service.events('policy_changed')


def test_apply_and_export_of_a_thousand(make_gate, desk, capsys):
    service = make_gate(desk)
    policy = {
        'users': [{'name': f'user{i}', 'nt_hash': f'{i:032x}'} for i in range(MANY)],
        'groups': [{'name': 'all', 'members': [f'user{i}' for i in range(MANY)]}],
        'targets': [{'name': f'host{i}', 'address': f'10.0.{i // 250}.{i % 250 + 1}', 'tags': ['t'],
                     'login': {'inject': {'user': 'worker', 'password': f'secret {i}'}}}
                    for i in range(MANY)],
        'rules': [{'name': 'everybody', 'groups': ['all'], 'tags': ['t']}]}
    file = service.folder / 'policy.yaml'
    file.touch(mode=0o600)
    file.write_text(json.dumps(policy))
    began = time.monotonic()
    plan = ask(service, 'apply', file)
    exported = ask(service, 'export')
    took = time.monotonic() - began
    with capsys.disabled():
        print(f' {MANY} users and {MANY} targets applied and exported in {took:.2f} s ', end='')
    assert took <= 2
    assert plan.count('+ user') == MANY and plan.count('+ target') == MANY
    assert 'secret 7' not in exported
    file.write_text(exported)
    assert 'Nothing to change' in ask(service, 'apply', file)
    whole = json.loads(ask(service, 'export', '--secrets', '--json'))['policy']
    assert whole == policy
    ask(service, 'vault', 'rotate')
    file.write_text(json.dumps({**policy, 'users': policy['users'][1:]}))
    bad = {**policy, 'rules': [{'name': 'r', 'users': ['nobody'], 'targets': ['host1']}]}
    file.write_text(json.dumps(bad))
    assert 'rule r: ' in ask(service, 'apply', file, ok=False)
    restart(service)
    assert json.loads(ask(service, 'export', '--secrets', '--json'))['policy'] == policy
