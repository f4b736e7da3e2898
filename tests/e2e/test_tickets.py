# SPDX-License-Identifier: Apache-2.0
"""Tickets through NLA: good once, for one person, one target and their source, whatever else is tried."""
import concurrent.futures
import json

import pytest

from gate import Gate, target_entry
from lab import FreeRdp, wait_for
from rdpmini import Refused, ntlm

WRONG = ('credssp', 0xC000006D)


@pytest.fixture(name='gate', scope='module')
def _gate(tmp_path_factory, shadow):
    gate = Gate(tmp_path_factory.mktemp('tickets'),
                [target_entry('web01', shadow), target_entry('web02', shadow),
                 {'name': 'own', 'address': f'127.0.0.1:{shadow.port}', 'login': 'delegate',
                  'tls': {'verify': 'none'}}],
                users=('alice', 'bob'), names=['gate.example'],
                rules=[{'name': 'all', 'users': ['alice'], 'targets': ['web01', 'web02', 'own']}],
                limits={'per_source': 200, 'unauthenticated': 500})
    yield gate
    gate.stop()


def ask(gate, *argv):
    done = gate.command(*argv, '--json', '-c', gate.file)
    return json.loads(done.stdout)


def issue(gate, *argv, user='alice', target='web01'):
    answer = ask(gate, 'ticket', 'issue', user, target, *argv)
    assert answer['ok'], answer
    return answer


def told(client, until='nla'):
    """None if the client is in, else what it was told."""
    try:
        with client:
            client.run(until)
    except Refused as said:
        return said.kind, said.code
    return None


def login(gate, ticket, password=None, **options):
    return told(gate.mini(ticket['id'], password or ticket['password'], **options))


def state_of(gate, ticket):
    return next(t['state'] for t in ask(gate, 'ticket', 'list')['tickets'] if t['id'] == ticket['id'])


def test_a_desktop_by_ticket_once(gate, shadow, tmp_path):
    ticket = issue(gate, '--for', '5m')
    assert len(ticket['password'].replace('-', '')) >= 26  # of 32 letters: 130 bits at least
    gate.mark()
    client = FreeRdp(tmp_path, gate.port, ticket['id'], ticket['password'])
    try:
        client.wait_painted(shadow)
        granted = gate.wait_event('access_granted')
        assert granted['person'] == 'alice' and granted['target'] == 'web01'
        assert gate.wait_event('auth_succeeded')['method'] == 'ticket'
        assert [s['user'] for s in ask(gate, 'sessions')['sessions']] == ['alice']
        assert state_of(gate, ticket) == 'used'
    finally:
        client.stop()
    gate.mark()
    again = FreeRdp(tmp_path / 'again', gate.port, ticket['id'], ticket['password'])
    try:
        assert again.code() != 0
    finally:
        again.stop()
    assert gate.one_failure('auth_failed')['reason'] == 'the ticket was used before'


def test_one_of_a_hundred_wins(gate):
    ticket = issue(gate)
    gate.mark()
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: login(gate, ticket), range(100)))
    assert answers.count(None) == 1, answers
    assert answers.count(WRONG) == 99
    gate.wait_event('session_end', count=100, timeout=30)
    refused = [e['reason'] for e in gate.new_events() if e['event'] == 'auth_failed']
    assert refused == ['the ticket was used before'] * 99
    assert len([e for e in gate.new_events() if e['event'] == 'auth_succeeded']) == 1


def test_refusals_look_like_a_wrong_password(gate):
    """Wrong password, revoked, wrong source: the same bytes, and the reason for the administrator."""
    good, revoked, bound = issue(gate), issue(gate), issue(gate, '--from', '192.0.2.7')
    assert ask(gate, 'ticket', 'revoke', revoked['id'])['ok']
    answers = []
    for ticket, password, reason in [
            (good, 'not the password', 'wrong password'),
            (revoked, None, 'the ticket was revoked'),
            (bound, None, 'the ticket is for another source')]:
        gate.mark()
        client = gate.mini(ticket['id'], password or ticket['password'])
        assert told(client) == WRONG
        answers.append(client.answers[-1])
        event = gate.one_failure('auth_failed')
        assert event['reason'] == reason and event['method'] == 'ticket'
    assert answers[0] == answers[1] == answers[2]
    assert state_of(gate, bound) == 'unused'  # a guess from elsewhere does not use it up
    assert login(gate, good) is None


def test_only_from_its_source(gate):
    ticket = issue(gate, '--from', '127.77.0.0/16')
    assert login(gate, ticket, source='127.78.0.1') == WRONG
    assert login(gate, ticket, source='127.77.3.4') is None


def test_not_another_target_and_any_spelling_of_its_name(gate):
    ticket = issue(gate)
    gate.mark()
    name = ticket['id'].upper() + '#web02'
    assert told(gate.mini(name, ticket['password'])) is None
    assert gate.wait_event('access_granted')['target'] == 'web01'


def test_expired(gate):
    """10 s is the shortest time that there is; other tests' tickets live on meanwhile."""
    ticket = issue(gate, '--for', '10s')
    gate.mark()
    wait_for(lambda: state_of(gate, ticket) == 'expired', timeout=15, what='the end of the ticket')
    assert login(gate, ticket) == WRONG
    assert gate.one_failure('auth_failed')['reason'] == 'the ticket has expired'


def test_what_cannot_be_issued(gate):
    for argv, word in [(['nobody', 'web01'], 'no such user'), (['alice', 'none'], 'no such target'),
                       (['bob', 'web01'], 'no rule'), (['alice', 'own'], 'delegate'),
                       (['alice', 'web01', '--for', '1s'], '10 seconds'),
                       (['alice', 'web01', '--for', '25h'], '24 hours'),
                       (['alice', 'web01', '--for', 'ever'], '--for'),
                       (['alice', 'web01', '--from', '192.0.2.1/24'], '--from')]:
        answer = ask(gate, 'ticket', 'issue', *argv)
        assert not answer['ok'] and word in answer['error'], (argv, answer)
    assert not ask(gate, 'ticket', 'revoke', 't-00000000')['ok']


def test_nothing_of_a_password_is_kept(gate, tmp_path):
    ticket = issue(gate, '--rdp', str(tmp_path / 'web01.rdp'))
    text = (tmp_path / 'web01.rdp').read_bytes().decode('utf-16')
    assert f'username:s:{ticket["id"]}\r\n' in text and ticket['password'] not in text
    hash_ = ntlm.nt_hash(ticket['password'])
    for file in gate.state.rglob('*'):
        if file.is_file():
            raw = file.read_bytes()
            for secret in (ticket['password'].encode(), hash_, hash_.hex().encode()):
                assert secret not in raw, file


def test_survives_a_restart_but_not_its_use(gate):
    used, unused = issue(gate), issue(gate)
    assert login(gate, used) is None
    gate.process.popen.kill()
    gate.process.wait()
    gate.process.log.unlink()  # its "ready" is not the next one's
    gate.start()
    assert login(gate, used) == WRONG
    assert gate.wait_event('auth_failed', user=used['id'])['reason'] == 'the ticket was used before'
    assert login(gate, unused) is None
