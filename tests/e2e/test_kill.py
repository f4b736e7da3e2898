# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each process under ten live sessions: only what was killed is lost."""
import time

import pytest

from gate import running, target_entry
from lab import wait_for
from rdpmini import Closed


def echo(connection):
    """A desktop that answers each input with itself."""
    while True:
        kind, body = connection.line.pdu()
        if kind == 'fast':
            connection.send_fast(body)


def answers(client):
    client.send_keys(0x1E)
    return [client.line.pdu()[0] for _ in range(2)] == ['fast', 'fast']


@pytest.fixture
def busy(make_gate, scripted):
    """Ten people at work: (service, clients)."""
    service = make_gate(target_entry('desk', scripted(on_active=echo)))
    clients = [service.mini() for _ in range(10)]
    for client in clients:
        client.run()
        assert answers(client)
    yield service, clients
    for client in clients:
        client.line.close()


def works_within(service, seconds):
    """A new connection comes up, counted from now with every try."""
    end = time.monotonic() + seconds
    while True:
        try:
            with service.mini(timeout=seconds) as client:
                client.run()
                assert answers(client)
                assert time.monotonic() < end
                return
        except (OSError, Closed, TimeoutError):
            assert time.monotonic() < end, f'no new connection within {seconds} s'


def test_session(busy):
    service, clients = busy
    address, port = clients[3].line.sock.getsockname()
    start = [e for e in service.events('session_start') if f'{address}:{port}' in e['source']]
    service.mark(live=len(clients))
    service.kill(start[0]['pid'])
    with pytest.raises(Closed):
        clients[3].line.pdu()
    assert all(answers(c) for i, c in enumerate(clients) if i != 3)
    works_within(service, 2)
    service.wait_event('session_failed')
    assert len(service.failures()) == 1
    assert 'signal 9' in service.failures()[0]['reason']


@pytest.mark.parametrize('role', ['door', 'spawner', 'dialer'])
def test_helper(busy, role):
    service, clients = busy
    victim = service.roles()[role]
    service.kill(victim)
    works_within(service, 2)
    assert all(answers(c) for c in clients), f'a session died with the {role}'
    assert service.wait_roles()[role] != victim


def test_each_in_turn_again_and_again(busy):
    service, clients = busy
    for role in ('door', 'dialer', 'spawner') * 3:
        service.kill(service.wait_roles()[role])
        works_within(service, 2)
    assert all(answers(c) for c in clients)


def test_keeper_takes_everything_with_it(busy):
    service, clients = busy
    everyone = service.all_pids()
    assert len(everyone) >= 14
    service.kill(service.process.pid)
    wait_for(lambda: not [p for p in everyone if running(p)], 5, 'the end of every process')
    for client in clients:
        with pytest.raises(Closed):
            while True:
                client.line.pdu()  # last words may come first


def test_term_drains_and_leaves_nothing(busy):
    service, _ = busy
    everyone = service.all_pids()
    assert service.stop(timeout=40) == 0
    assert not [p for p in everyone if running(p)]
