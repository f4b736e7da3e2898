# SPDX-License-Identifier: Apache-2.0
"""Just-in-time access: asked for, decided by somebody else, ended by time or by hand, under open sessions."""
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import shutil
import socket
import tempfile
import threading
import time

import pytest

from gate import target_entry
from lab import FreeRdp, wait_for
from rdpmini import Closed, Refused
from test_kill import answers, echo
from test_policy import MONDAY_10, clock, ended  # noqa: F401

NOT_ENTITLED, TIME_OVER = 9, 4
RULES = [
    {'name': 'standing', 'users': ['erin'], 'targets': ['desk']},
    {'name': 'on-demand', 'groups': ['staff'], 'targets': ['desk'],
     'require': {'approval': {'by': 'leads', 'longest': '2h', 'reason': 'required',
                              'ticket': 'CHG-[0-9]+'}}}]


@pytest.fixture
def gate(make_gate, scripted):
    return make(make_gate, target_entry('desk', scripted(on_active=echo)))


def make(make_gate, desk):
    return make_gate(
        desk, users=('alice', 'bob', 'carol', 'dave', 'erin'), rules=RULES,
        groups=[{'name': 'staff', 'members': ['alice', 'bob', 'dave']},
                {'name': 'leads', 'members': ['bob', 'carol']},
                {'name': 'firefighters', 'members': ['dave']}],
        break_glass={'group': 'firefighters'}, lobby={'enabled': 'false'})


def ask(service, who, *argv, ok=True):
    done = service.command(*argv, '--as', who, '--json', '-s', service.state / 'control.sock')
    answer = json.loads(done.stdout)
    assert answer['ok'] == ok, answer
    return answer if ok else answer['error']


def request(service, who='alice', *more):
    return ask(service, who, 'request', 'add', 'desk', '--reason', 'disk full', '--ticket', 'CHG-17',
               *more)['request']['id']


def approve(service, request_id, *more, who='carol'):
    return ask(service, who, 'grant', 'approve', request_id, *more)['grant']['id']


def at_work(service, user='alice'):
    client = service.mini(user)
    client.run()
    assert answers(client)
    return client


def denied(service, user='alice'):
    service.mark()
    with service.mini(user) as client, pytest.raises((Refused, Closed)):
        client.run()
    return service.one_failure('access_denied')


def event(service, name, **match):
    found = service.events(name, **match)
    assert len(found) == 1, (name, match, found)
    return found[0]


def test_asked_approved_and_over(gate):
    """Refused, asked, approved by another, in; and out within 2 s of the end, with its reason."""
    assert denied(gate)['rules'] == 'on-demand needs, approval needed'
    wish = request(gate, 'alice', '--for', '1h')
    assert request(gate) == wish  # asked twice is asked once
    assert denied(gate)
    granted = approve(gate, wish, '--for', '8s')
    end = time.monotonic() + 8
    clients = [at_work(gate) for _ in range(20)]
    assert time.monotonic() < end
    for client in clients:
        assert ended(client)[0] == TIME_OVER
        assert -1 <= time.monotonic() - end <= 2
    assert denied(gate)
    asked = event(gate, 'access_requested')
    assert (asked['person'], asked['target'], asked['by'], asked['group'], asked['for_s'],
            asked['reason'], asked['ticket']) == \
        ('alice', 'desk', 'alice', 'leads', 3600, 'disk full', 'CHG-17')
    assert event(gate, 'access_approved')['by'] == 'carol'
    until = event(gate, 'access_granted_until', grant=granted)
    assert until['person'] == 'alice' and until['request'] == wish and until['until']
    gate.wait_event('session_end')
    wait_for(lambda: gate.events('access_over', grant=granted), what='access_over')
    assert at_work(gate, 'erin')  # standing access beside it


def test_extended_under_an_open_session(gate):
    granted = approve(gate, request(gate), '--for', '4s')
    end = time.monotonic() + 4
    client = at_work(gate)
    ask(gate, 'bob', 'grant', 'extend', granted, '--for', '1h')
    wait_for(lambda: time.monotonic() > end + 2, what='the first end')
    assert answers(client)
    assert not gate.events('access_ended')
    assert 'longer' in ask(gate, 'bob', 'grant', 'extend', granted, '--for', '2h', ok=False)
    ask(gate, 'alice', 'grant', 'extend', granted, '--for', '1m', ok=False)
    client.line.close()


def test_revoked_under_an_open_session(gate):
    granted = approve(gate, request(gate))
    client = at_work(gate)
    assert 'owner' in ask(gate, 'erin', 'grant', 'revoke', granted, ok=False)
    start = time.monotonic()
    ask(gate, 'carol', 'grant', 'revoke', granted, '--reason', 'no longer needed')
    assert ended(client)[0] == NOT_ENTITLED
    assert time.monotonic() - start <= 2
    assert event(gate, 'access_revoked')['word'] == 'no longer needed'
    assert denied(gate)


def test_who_may_not_decide(gate):
    wish = request(gate, 'bob')
    assert 'own request' in ask(gate, 'bob', 'grant', 'approve', wish, ok=False)
    assert 'own request' in ask(gate, 'BOB', 'grant', 'approve', wish, ok=False)
    assert 'approving group' in ask(gate, 'alice', 'grant', 'approve', wish, ok=False)
    assert 'longer' in ask(gate, 'carol', 'grant', 'approve', wish, '--for', '3h', ok=False)
    assert 'somebody else' in ask(gate, 'alice', 'request', 'withdraw', wish, ok=False)
    assert [r['id'] for r in ask(gate, 'carol', 'request', 'list')['requests']] == [wish]
    assert ask(gate, 'alice', 'request', 'list')['requests'] == []
    ask(gate, 'carol', 'grant', 'refuse', wish, '--reason', 'not today')
    assert event(gate, 'access_refused')['word'] == 'not today'
    assert 'not open' in ask(gate, 'carol', 'grant', 'approve', wish, ok=False)
    ask(gate, 'bob', 'request', 'withdraw', request(gate, 'bob'))
    assert denied(gate, 'bob')
    assert not gate.events('access_granted_until')


def test_what_cannot_be_asked_for(gate):
    for argv, word in [(['--ticket', 'CHG-1'], 'reason'), (['--reason', 'x'], 'ticket'),
                       (['--reason', 'x', '--ticket', 'none'], 'ticket'),
                       (['--reason', 'x', '--ticket', 'CHG-1', '--for', '3h'], 'longer'),
                       (['--reason', 'x' * 300, '--ticket', 'CHG-1'], '255')]:
        assert word in ask(gate, 'alice', 'request', 'add', 'desk', *argv, ok=False)
    assert 'no rule' in ask(gate, 'erin', 'request', 'add', 'desk', ok=False)
    assert 'no rule' in ask(gate, 'alice', 'request', 'add', 'nowhere', ok=False)
    assert 'no such user' in ask(gate, 'mallory', 'request', 'add', 'desk', ok=False)
    assert gate.command('grant', 'approve').returncode == 2
    assert gate.command('grant', 'refuse', 'r-1').returncode == 2
    assert not gate.events('access_requested')


def test_two_approvers_one_outcome(gate):
    wish = request(gate)
    both = threading.Barrier(2)
    said = []

    def decide(who, *argv):
        both.wait()
        done = gate.command('grant', *argv, '--as', who, '--json', '-s', gate.state / 'control.sock')
        said.append(json.loads(done.stdout)['ok'])
    people = [threading.Thread(target=decide, args=('bob', 'approve', wish)),
              threading.Thread(target=decide, args=('carol', 'refuse', wish, '--reason', 'no'))]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(said) == [False, True]
    assert len(gate.events('access_approved')) + len(gate.events('access_refused')) == 1


def test_acknowledged_is_kept(gate):
    """kill -9 right behind the answer: the grant is there again, and said again."""
    granted = approve(gate, request(gate), '--for', '1h')
    wish = request(gate, 'dave')
    gate.process.popen.kill()
    gate.process.wait()
    gate.process.log.unlink()  # its "ready" is not the next one's
    gate.start()
    client = at_work(gate)
    assert len(gate.events('access_granted_until', grant=granted)) == 2
    ask(gate, 'alice', 'grant', 'revoke', granted)  # one's own
    assert ended(client)[0] == NOT_ENTITLED
    approve(gate, wish)
    at_work(gate, 'dave').line.close()


def test_break_glass(gate):
    glass = ['grant', 'break-glass', 'desk', '--for', '1h', '--reason', 'the building burns']
    assert 'break_glass.group' in ask(gate, 'alice', *glass, ok=False)
    assert denied(gate, 'dave')
    granted = ask(gate, 'dave', *glass)['grant']['id']
    loud = event(gate, 'break_glass')
    assert (loud['person'], loud['reason'], loud['grant']) == ('dave', 'the building burns', granted)
    client = at_work(gate, 'dave')
    table = gate.command('grant', 'list', '-s', gate.state / 'control.sock').stdout.splitlines()
    assert table[0].startswith('GRANT ') and table[1].startswith(granted)
    assert table[0].index('REASON') == table[1].index('the building burns')
    assert table[0].index('BY') == table[1].index('break glass')
    client.line.close()


def test_a_clock_set_back_lengthens_nothing(clock, gate):
    granted = approve(gate, request(gate), '--for', '4s')
    end = time.monotonic() + 4
    client = at_work(gate)
    clock(MONDAY_10 - 3600)
    assert answers(client)
    assert ended(client)[0] == TIME_OVER
    assert time.monotonic() - end <= 2
    assert denied(gate)
    wait_for(lambda: gate.events('access_over', grant=granted), what='access_over')


def test_revoked_at_any_moment(make_gate, scripted):
    """At 200 random moments of a connection: no access after the revocation, nobody inside 2 s later."""
    people = [f'p{i}' for i in range(200)]
    service = make_gate(
        target_entry('desk', scripted(on_active=echo)), users=(*people, 'carol'),
        rules=[{'name': 'jit', 'groups': ['staff'], 'targets': ['desk'],
                'require': {'approval': {'by': 'leads', 'reason': 'optional'}}}],
        groups=[{'name': 'staff', 'members': people}, {'name': 'leads', 'members': ['carol']}])
    lock = threading.Lock()  # the control socket takes few at once

    def say(who, cmd, **fields):
        with lock, socket.socket(socket.AF_UNIX) as line:
            line.connect(str(service.state / 'control.sock'))
            line.sendall(json.dumps({'cmd': cmd, 'as': who, **fields}).encode() + b'\n')
            answer = json.loads(line.makefile().readline())
        assert answer['ok'], answer
        return answer

    def one(person):
        wish = say(person, 'request_add', target='desk')['request']['id']
        granted = say('carol', 'grant_approve', id=wish)['grant']['id']
        revoke = threading.Timer(random.random() * 0.5, say, ('carol', 'grant_revoke'), {'id': granted})
        revoke.start()
        try:
            with service.mini(person) as client:
                client.run()
                while True:
                    client._next_share()
        except (Refused, Closed, OSError):
            pass
        revoke.join()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, people))
    service.mark()
    inside = 0
    for person in people:
        revoked = moment(event(service, 'access_revoked', person=person))
        for granted in service.events('access_granted', user=person):
            inside += 1
            assert moment(granted) <= revoked
            assert moment(event(service, 'session_end', session=granted['session'])) - revoked <= 2
    assert inside > 20  # else it was not tested


def moment(found):
    return datetime.datetime.fromisoformat(found['time'].replace('Z', '+00:00')).timestamp()


def test_a_real_client(make_gate, shadow, tmp_path):
    """xfreerdp stays while its grant is extended, and goes at its end."""
    service = make(make_gate, target_entry('desk', shadow))
    granted = approve(service, request(service), '--for', '6s')
    first = time.monotonic() + 6
    client = FreeRdp(tmp_path, service.port, 'alice', service.passwords['alice'])
    try:
        client.wait_painted(shadow)
        ask(service, 'bob', 'grant', 'extend', granted, '--for', '3s')
        wait_for(lambda: time.monotonic() > first + 2, what='the first end')
        assert not service.events('session_end')
        service.wait_event('session_end', timeout=5)
        assert time.monotonic() - first - 3 <= 2
        assert client.code() != 0
    finally:
        client.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason='other accounts of the machine are asked as')
def test_the_kernel_says_who_asks(make_gate, scripted):
    """Accounts with roles: each is the user of its name, whatever it says of itself."""
    people = ('daemon', 'bin', 'games')
    folder = pathlib.Path(tempfile.mkdtemp(prefix='sallyport-'))
    folder.chmod(0o711)
    path = str(folder / 'c.sock')
    service = make_gate(
        target_entry('desk', scripted(on_active=echo)), users=people,
        control_socket=path, api={'approvers': ['bin']},
        rules=[{'name': 'jit', 'users': ['daemon', 'bin'], 'targets': ['desk'],
                'require': {'approval': {'by': 'leads', 'reason': 'optional'}}}],
        groups=[{'name': 'leads', 'members': ['bin', 'games']}])
    def run(account, *argv, ok=True):
        done = service.command(*argv, '--json', '-s', path, user=account, group=account, extra_groups=[])
        answer = json.loads(done.stdout)
        assert answer['ok'] == ok, answer
        return answer if ok else answer['error']
    wish = run('daemon', 'request', 'add', 'desk')['request']
    assert wish['person'] == 'daemon'
    assert 'speak for others' in run('daemon', 'request', 'add', 'desk', '--as', 'bin', ok=False)
    assert 'role' in run('daemon', 'grant', 'approve', wish['id'], ok=False)
    assert 'role' in run('games', 'grant', 'approve', wish['id'], ok=False)  # in the group, no role
    assert 'no user' in run('sys', 'request', 'add', 'desk', ok=False)
    assert run('daemon', 'grant', 'list')['grants'] == []
    granted = run('bin', 'grant', 'approve', wish['id'])['grant']
    assert granted['by'] == 'bin' and event(service, 'access_approved')['by_uid'] == 2
    own = run('bin', 'request', 'add', 'desk')['request']['id']
    assert 'own request' in run('bin', 'grant', 'approve', own, ok=False)
    assert [r['id'] for r in run('daemon', 'request', 'list')['requests']] == [wish['id']]
    assert service.events('api_refused', command='grant_approve')
    at_work(service, 'daemon').line.close()
    service.stop()
    assert 'cannot be read' not in service.process.text()
    shutil.rmtree(folder)
