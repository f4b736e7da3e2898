# SPDX-License-Identifier: Apache-2.0
"""The guard: who guesses, breaks the protocol or is banned is kept out, and nobody else is."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from gate import new_source, target_entry
from lab import wait_for
from rdpmini import Closed, Refused

GUESSES = 4  # the fourth wrong password in a row shuts a source out, with the default penalties


@pytest.fixture
def guarded(make_gate, scripted):
    """A gate whose penalties count for loopback addresses too."""
    def make(**penalties):
        return make_gate(target_entry('desk', scripted()), limits={'penalties': penalties}, guard={})
    return make


def reach(service, source):
    """Whether door keeps a connection of that address for a moment."""
    try:
        with socket.create_connection(('127.0.0.1', service.port), 5, (source, 0)) as s:
            s.settimeout(0.5)
            return s.recv(1) != b''
    except TimeoutError:
        return True
    except ConnectionResetError:  # not ConnectionRefusedError: nobody would be listening
        return False


def restart(service):
    if service.process.alive():
        service.stop()
    service.start()
    service.wait_roles(15)


def login(service, source, password=None):
    """'in', 'refused' by CredSSP, or 'shut out' before a byte was said."""
    try:
        with service.mini(password=password, source=source) as client:
            client.run('active')
        return 'in'
    except Refused:
        return 'refused'
    except (Closed, ConnectionError):
        return 'shut out'


def ban(service, *argv):
    result = service.command('ban', *argv, '-c', service.file, '--json')
    return result.returncode, json.loads(result.stdout)


def test_wrong_passwords_shut_a_source_out_and_nobody_else(guarded):
    service = guarded()
    bad, good = new_source(), new_source()
    assert [login(service, bad, 'wrong') for _ in range(GUESSES)] == ['refused'] * GUESSES
    service.wait_event('source_penalised', reason='failed authentication')
    assert login(service, bad) == 'shut out', 'even with the right password'
    assert service.wait_event('connection_refused')['reason'] == 'the source is penalised or banned'
    assert login(service, good) == 'in'
    assert len(service.events('auth_failed')) == GUESSES


def test_connections_opened_before_get_no_verdict(guarded):
    """Eight connections at once are no more guesses than one after the other."""
    service = guarded()
    source = new_source()
    clients = [service.mini(password='wrong', source=source) for _ in range(8)]
    for client in clients:
        client.run('tls')
    for client in clients:
        with client, pytest.raises(Refused):
            client.stage_nla()
    failed = service.events('auth_failed')
    verified = [e for e in failed if e['reason'] == 'wrong password']
    assert len(failed) == 8 and 3 <= len(verified) <= GUESSES


def test_what_no_client_sends_costs_more(guarded):
    service = guarded()
    source = new_source()
    for _ in range(2):
        with socket.create_connection(('127.0.0.1', service.port), 5, (source, 0)) as s:
            s.sendall(b'GET / HTTP/1.1\r\n\r\n')
            s.settimeout(5)
            try:
                assert s.recv(1) == b''
            except ConnectionError:
                pass
        service.wait_event('session_failed')
    service.wait_event('source_penalised', reason='protocol violation before authentication')
    assert not reach(service, source)


def test_penalties_survive_a_restart_and_a_kill(guarded):
    service = guarded()
    source = new_source()
    for _ in range(GUESSES + 1):
        login(service, source, 'wrong')
    assert not reach(service, source)
    restart(service)
    assert not reach(service, source)
    time.sleep(1.5)  # they are written within a second or so
    os.kill(service.process.pid, signal.SIGKILL)
    wait_for(lambda: not service.process.alive(), 5, 'the end of keeper')
    restart(service)
    assert not reach(service, source)
    service.stop()
    (service.state / 'penalties').write_bytes(b'spoiled')
    restart(service)
    assert service.wait_event('state_ignored')['file'].endswith('/penalties')
    assert reach(service, source)


def test_exempt_sources_are_never_penalised(guarded):
    source = new_source()
    service = guarded(exempt=[source])
    for _ in range(5):
        assert login(service, source, 'wrong') == 'refused'
    assert login(service, source) == 'in'


def test_bans(guarded):
    service = guarded()
    source, other = new_source(), new_source()
    assert ban(service, 'add', source, '--for', '1h', '--reason', 'a test') == (0, {'ok': True})
    added = service.wait_event('ban_added')
    assert (added['network'], added['for_s'], added['reason']) == (source, 3600, 'a test')
    assert login(service, source) == 'shut out'
    assert login(service, other) == 'in'
    status, answer = ban(service, 'list')
    assert status == 0
    assert [(b['network'], b['reason']) for b in answer['bans']] == [(source, 'a test')]
    restart(service)
    assert login(service, source) == 'shut out', 'a ban survives a restart'
    assert ban(service, 'remove', source) == (0, {'ok': True})
    service.wait_event('ban_removed', network=source)
    assert login(service, source) == 'in'
    status, answer = ban(service, 'remove', source)
    assert status == 1 and 'no such ban' in answer['error']


def test_a_ban_ends_by_itself_and_a_penalty_can_be_forgiven(guarded):
    service = guarded()
    banned, guessing = new_source(), new_source()
    assert ban(service, 'add', banned, '--for', '1s')[0] == 0
    assert not reach(service, banned)
    service.wait_event('ban_removed', network=banned, reason='its time is over')
    assert reach(service, banned)
    for _ in range(GUESSES):
        login(service, guessing, 'wrong')
    assert [p['source'] for p in ban(service, 'list')[1]['penalties']] == [guessing]
    assert ban(service, 'remove', guessing)[0] == 0
    assert login(service, guessing) == 'in'


def test_hydra_does_not_reach_the_right_password(guarded, tmp_path):
    """BF-01 with a real tool: the right password is the 40th of its list."""
    service = guarded()
    # hydra cannot choose its own address: here it alone comes from 127.0.0.1.
    words = [f'guess-{n}' for n in range(39)] + [service.passwords['demo']]
    (tmp_path / 'words').write_text('\n'.join(words) + '\n')
    hydra = subprocess.Popen(
        ['hydra', '-I', '-l', 'demo', '-P', str(tmp_path / 'words'), '-t', '4', '-f',
         f'rdp://127.0.0.1:{service.port}'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=tmp_path)
    try:
        service.wait_event('source_penalised', timeout=30)
        assert login(service, new_source()) == 'in', 'others are served meanwhile'
        said, _ = hydra.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        hydra.kill()
        said, _ = hydra.communicate()
    assert b'1 valid password found' not in said
    tried = [e for e in service.events('auth_failed') if e['source'].startswith('127.0.0.1:')]
    assert 3 <= len([e for e in tried if e['reason'] == 'wrong password']) <= 10
    assert not [e for e in service.events('auth_succeeded') if e['source'].startswith('127.0.0.1:')]
    assert service.events('connection_refused')
