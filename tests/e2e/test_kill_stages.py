# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each process at twenty stages of a connection (KILL-01): what is lost, what goes on.

The connection under test stands at a stage when a process dies. EXPECTED says whether it can still
go on to its desktop; another session, at work before, tells whether the rest is alive.
"""
import os
import signal
import threading

import pytest

from gate import Gate, running, target_entry
from lab import is_accepted, make_certificate, wait_for
from rdpmini import Closed, Refused, Script, Target
from test_states import Walk

# Stages of the client's leg, as test_states.py walks them, then those of the target's leg, which is
# held there, then the desktop's life.
CLIENT = ('start', 'x224', 'tls', 'challenged', 'proven', 'nla', 'mcs', 'erected', 'attached',
          'joined_user', 'joined')
TARGET = ('target_x224', 'target_tls', 'target_nla', 'target_mcs', 'target_info', 'target_licence')
ALIVE = ('demanded', 'confirmed', 'working')
ALL = CLIENT + TARGET + ALIVE
assert len(ALL) == 20

# What becomes of the connection when a process is killed: 'lost', or 'lives' up to its desktop.
# Door lets go of a connection with its first byte; dialer does so once the target is dialled, which
# happens as soon as the person is proven: between the two, either is right.
EXPECTED = {
    # Before the first byte a connection has no session to be killed.
    'session': {stage: 'lives' if stage == 'start' else 'lost' for stage in ALL},
    'door': {stage: 'lost' if stage == 'start' else 'lives' for stage in ALL},
    'spawner': {stage: 'lives' for stage in ALL},
    'dialer': {stage: 'either' if stage in ('proven', 'nla') else 'lives' for stage in ALL},
    'keeper': {stage: 'lost' for stage in ALL},
}


def serve(connection):
    """A desktop that answers each input with itself."""
    while True:
        kind, body = connection.line.pdu()
        if kind == 'fast':
            connection.send_fast(body)


class HeldTarget(Target):
    """An honest target whose next connection waits at a stage until it is let go."""

    def __init__(self, folder):
        super().__init__(*make_certificate(folder), 'worker', 'behind', Script(on_active=serve))
        self.hold_at, self.reached, self.let_go = None, threading.Event(), threading.Event()

    def hold(self, stage):
        self.hold_at = stage
        self.reached.clear()
        self.let_go.clear()

    def _play(self, connection):
        for name, method in (('x224', '_x224'), ('nla', '_nla'), ('mcs', '_mcs'), ('info', '_joins'),
                             ('active', 'activate')):
            self._wrap(connection, name, method)
        super()._play(connection)

    def _wrap(self, connection, name, method):
        plain = getattr(connection, method)

        def held(*args):
            if self.hold_at == name:
                self.hold_at = None
                self.reached.set()
                self.let_go.wait(20)
            return plain(*args)
        setattr(connection, method, held)


HOLDS = {'target_x224': 'x224', 'target_tls': 'nla', 'target_nla': 'mcs', 'target_mcs': 'info',
         'target_info': 'active', 'target_licence': 'active'}


class Stage:
    """One connection brought to a stage, and able to go on from there."""

    def __init__(self, service, target, stage):
        self.target, self.stage = target, stage
        self.walk = Walk(service, {})
        if stage in CLIENT:
            self.walk.go(stage)
        elif stage in TARGET:
            target.hold(HOLDS[stage])
            self.walk.go('joined')
            self.walk.say('client_info')
            assert target.reached.wait(10), f'the target was never at {stage}'
        else:
            self.walk.go('demanded' if stage == 'demanded' else 'confirmed')
            if stage == 'working':
                self._finish_activation()

    def _finish_activation(self):
        for name in ('synchronize', 'control', 'font_list'):
            self.walk.say(name)

    def finish(self):
        """Go on to the desktop: 'lives' if it answers a key."""
        walk, line = self.walk, self.walk.client.line
        line.sock.settimeout(8)
        try:
            if self.stage in CLIENT:
                walk.go_on(self.stage, 'confirmed')
            elif self.stage in TARGET:
                self.target.let_go.set()
                walk.client.io_channel = 1003
                walk.take_demand()
                walk.say('confirm_active')
            elif self.stage == 'demanded':
                walk.say('confirm_active')
            if self.stage != 'working':
                self._finish_activation()
            walk.say('input_fast')
            while line.pdu()[0] != 'fast':
                pass
            return 'lives'
        except (Closed, Refused, ValueError, TimeoutError, OSError):
            return 'lost'
        finally:
            self.target.let_go.set()
            line.close()


@pytest.fixture
def lab(tmp_path):
    """Starts a service for each stage, since a helper that dies again and again comes back later."""
    with HeldTarget(tmp_path) as target:
        yield lambda name: Gate(tmp_path / name, [target_entry('desk', target)]), target


def sessions(service):
    """Every session that lives, whoever its parent is by now."""
    return [e['pid'] for e in service.events('session_start') if running(e['pid'])]


def session_of(service, client):
    """pid of the session at the other end, which the event of its start names; None before it."""
    address, port = client.line.sock.getsockname()
    started = [e for e in service.events('session_start') if e['source'] == f'{address}:{port}']
    return started[0]['pid'] if started else None


def wait_accepted(service, client):
    """Until then a connection waits in the kernel, for whichever door is there."""
    port = client.line.sock.getsockname()[1]
    wait_for(lambda: is_accepted(port, service.port), what='that door has accepted')


def one_stage(service, target, role, stage):
    """What became of the connection; the rest must be as it was."""
    with service.mini() as witness:
        witness.run()
        under_test = Stage(service, target, stage)
        victim = None
        if stage == 'start':
            wait_accepted(service, under_test.walk.client)
        if role != 'session':
            victim = service.roles()[role]
        elif stage != 'start':
            victim = wait_for(lambda: session_of(service, under_test.walk.client), what='the session')
        if victim is not None:
            service.kill(victim)
            wait_for(lambda: not running(victim), what='its end')
        outcome = under_test.finish()
        service.wait_roles(10)
        wait_for(lambda: len(sessions(service)) == 1, 10, f'that no orphan is left at {stage}')
        witness.send_keys(0x1E)
        assert [witness.line.pdu()[0] for _ in range(2)] == ['fast', 'fast'], 'the other session died'
    wait_for(lambda: not sessions(service), what='the end of the other session')
    return outcome


@pytest.mark.parametrize('role', ['session', 'door', 'spawner', 'dialer'])
def test_what_is_killed_is_lost_and_nothing_else(lab, role):
    start, target = lab
    found = {}
    for stage in ALL:
        service = start(stage)
        try:
            found[stage] = one_stage(service, target, role, stage)
        finally:
            service.stop()
    wrong = {stage: outcome for stage, outcome in found.items()
             if EXPECTED[role][stage] not in (outcome, 'either')}
    assert not wrong


def test_who_waits_for_a_dead_door_is_let_in_by_the_next(lab):
    start, target = lab
    service = start('waiting')
    try:
        door = service.roles()['door']
        os.kill(door, signal.SIGSTOP)
        under_test = Stage(service, target, 'start')
        port = under_test.walk.client.line.sock.getsockname()[1]
        assert not is_accepted(port, service.port)
        service.kill(door)
        assert under_test.finish() == 'lives'
    finally:
        service.stop()


@pytest.mark.parametrize('stage', ALL)
def test_keeper_takes_every_process_with_it(lab, stage):
    start, target = lab
    service = start(stage)
    try:
        under_test = Stage(service, target, stage)
        everyone = service.all_pids()
        os.kill(service.process.pid, signal.SIGKILL)
        wait_for(lambda: not [p for p in everyone if running(p)], 5, 'the end of every process')
        assert under_test.finish() == EXPECTED['keeper'][stage] == 'lost'
    finally:
        service.stop()
