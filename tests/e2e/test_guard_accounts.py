# SPDX-License-Identifier: Apache-2.0
"""The guard per account: guessing stops, its owner gets in, decoys, sprays, and a killed keeper."""
import json
import os
import signal

import pytest

from gate import new_source, target_entry
from lab import wait_for
from test_guard import login, reach, restart

NOBODY = 'a decoy account'


@pytest.fixture
def guarded(make_gate, scripted):
    def make(users=('demo', 'eve'), penalties=None, **guard):
        return make_gate(target_entry('desk', scripted()), users=users, guard=guard,
                         limits={'penalties': penalties or {}})
    return make


def as_user(service, source, user, password='wrong'):
    """The reason of the event that an attempt leaves; 'in' or 'shut out'."""
    before = len(service.events('auth_failed'))
    service_login = login_as(service, source, user, password)
    if service_login != 'refused':
        return service_login
    wait_for(lambda: len(service.events('auth_failed')) > before, 5, 'auth_failed')
    return service.events('auth_failed')[-1]['reason']


def login_as(service, source, user, password):
    from rdpmini import Closed, Refused
    try:
        with service.mini(user=user, password=password, source=source) as client:
            client.run('active')
        return 'in'
    except Refused:
        return 'refused'
    except (Closed, ConnectionError):
        return 'shut out'


def command(service, *argv):
    result = service.command(*argv, '-c', service.file, '--json')
    return result.returncode, json.loads(result.stdout)


def kill(service):
    os.kill(service.process.pid, signal.SIGKILL)
    wait_for(lambda: not service.process.alive(), 5, 'the end of keeper')


def test_an_account_is_guessed_at_ten_times_and_its_owner_gets_in(guarded):
    """Many sources, one account; spelled in every way; the owner from where he was before."""
    service = guarded()
    home, away = new_source(), new_source()
    assert login(service, home) == 'in'
    spellings = ['demo', 'DEMO', 'CORP\\demo', 'demo@corp.example', 'Demo#desk']
    reasons = [as_user(service, new_source(), spellings[n % 5]) for n in range(14)]
    assert 3 <= reasons.count('wrong password') <= 10
    assert 'too many attempts on this account, nothing was verified' in reasons
    assert login(service, away) == 'refused', 'even the right password, from a stranger'
    assert login(service, home) == 'in'
    event = service.wait_event('spray_suspected')
    assert event['pattern'] == 'one account from many sources'
    status, known = command(service, 'guard', 'explain', 'CORP\\Demo')
    assert status == 0 and [s['source'] for s in known['known_sources']] == [home]
    assert known['tries_in_window'] >= 3 and known['strangers_until'] and known['why'].startswith('too many')
    assert login_as(service, new_source(), 'eve', service.passwords['eve']) == 'in', 'others may'
    assert command(service, 'guard', 'forgive', 'demo') == (0, {'ok': True})
    assert login(service, away) == 'in'


def test_a_killed_keeper_has_counted_every_attempt(guarded):
    service = guarded(penalties={'exempt': ['127.0.0.0/8']})
    sources = [new_source() for _ in range(3)]
    for n in range(9):
        assert as_user(service, sources[n % 3], 'demo') == 'wrong password'
    kill(service)
    restart(service)
    assert as_user(service, sources[0], 'demo') == 'wrong password', 'the tenth'
    kill(service)
    restart(service)
    assert as_user(service, sources[1], 'demo').startswith('too many attempts on this account')


def test_decoys_ban_at_once_and_look_like_nobody(guarded):
    service = guarded(decoys=['administrator'], decoy_ban='1h')
    bad, curious = new_source(), new_source()
    assert as_user(service, curious, 'nobody') == 'unknown user'
    assert as_user(service, bad, 'CORP\\Administrator') == NOBODY
    assert service.wait_event('decoy_tried')['source'].startswith(bad + ':')
    assert not reach(service, bad) and reach(service, curious)
    status, answer = command(service, 'ban', 'list')
    assert [(b['network'], b['by']) for b in answer['bans']] == [(bad, 'guard')]
    status, answer = command(service, 'guard', 'explain', bad)
    assert (answer['why'], answer['ban']['reason']) == ('banned', 'tried a decoy account')
    restart(service)
    assert not reach(service, bad)


def test_a_mistyped_password_is_forgiven(guarded):
    service = guarded()
    home = new_source()
    for _ in range(4):
        assert login(service, home, 'wrong') == 'refused'
        assert login(service, home, 'wrong') == 'refused'
        assert login(service, home) == 'in'
    assert not service.events('source_penalised')


def test_sprays_are_seen_and_innocents_get_in(guarded):
    """Each of many sources tries one account once; one source tries many."""
    service = guarded(users=('demo', *(f'user{n}' for n in range(12))))
    for n in range(12):
        as_user(service, new_source(), f'user{n}')
    assert service.wait_event('spray_suspected')['pattern'] == 'one attempt each from many sources'
    assert login(service, new_source()) == 'in', 'a stranger with the right password at once'
    service.mark()
    source = new_source()
    tried = [as_user(service, source, f'user{n}') for n in range(8)]
    assert 'shut out' in tried and tried.count('wrong password') <= 4


def test_lists_of_the_configuration_and_of_the_administrator(guarded):
    blocked, allowed, friend = new_source(), new_source(), new_source()
    service = guarded(block=[blocked], allow=[allowed])
    assert not reach(service, blocked)
    assert command(service, 'ban', 'add', '127.0.0.0/8')[0] == 0
    assert not reach(service, friend) and reach(service, allowed)
    assert command(service, 'allow', 'add', friend, '--for', '1h') == (0, {'ok': True})
    assert service.wait_event('allow_added')['network'] == friend
    assert login(service, friend) == 'in'
    restart(service)
    assert reach(service, friend)
    assert sorted(n['by'] for n in command(service, 'allow', 'list')[1]['networks']) == [
        'administrator', 'configuration']
    assert command(service, 'allow', 'remove', friend) == (0, {'ok': True})
    assert not reach(service, friend)
    status, answer = command(service, 'allow', 'remove', allowed)
    assert status == 1 and 'no such network' in answer['error']
