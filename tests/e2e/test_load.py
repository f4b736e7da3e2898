# SPDX-License-Identifier: Apache-2.0
"""Many at once: connection sequences, sessions at rest, and two people on two desktops."""
import json
import os
import subprocess

import pytest

from gate import target_entry
from lab import BUILD, wait_for

LIMITS = {'unauthenticated': 4000, 'sessions': 2000, 'dials': 1000}


class Load:
    """bench/load.c; report() waits for its connections."""

    def __init__(self, service, count, concurrency, *flags):
        argv = [BUILD / 'bench/load', '--port', service.port, '--count', count,
                '--concurrency', concurrency, *flags]
        self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True,
                                      env=dict(os.environ, SP_LOAD_PASSWORD=service.passwords['demo']))
        self.report = json.loads(self.popen.stdout.readline())

    def stop(self):
        self.popen.stdin.close()
        return self.popen.wait(60)


@pytest.fixture
def idle_target(certificate):
    popen = subprocess.Popen([BUILD / 'bench/target', *certificate, 'idle'], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    target = type('Idle', (), {'user': 'worker', 'password': 'behind', 'port': int(popen.stdout.readline())})
    yield target
    popen.stdin.close()
    popen.wait(20)


@pytest.fixture
def service(make_gate, idle_target):
    return make_gate(target_entry('desk', idle_target, nla='off', verify='tofu'), limits=LIMITS)


def test_200_connection_sequences_at_once(service):
    load = Load(service, 200, 200)
    assert load.report['failed'] == 0, load.report
    assert load.stop() == 0
    wait_for(lambda: len(service.events('session_end')) == 200, what='the end of all sessions')
    assert not service.failures()


def test_500_sessions_at_rest(service):
    load = Load(service, 500, 50, '--hold')
    try:
        assert load.report['failed'] == 0, load.report
        pids = service.session_pids()
        assert len(pids) == 500
        with service.mini() as one_more:
            one_more.run()
            wait_for(lambda: len(service.session_pids()) == 501, what='one more session')
        assert set(pids) <= set(service.session_pids()), 'a session at rest was lost'
    finally:
        load.stop()
    wait_for(lambda: not service.session_pids(), 30, 'the end of all sessions')
    assert not service.failures()


def test_two_people_on_two_desktops(make_gate, shadow, xrdp, freerdp):
    """Each reaches the one desktop that a rule gives, and neither the other's."""
    service = make_gate(target_entry('left', shadow, verify='tofu'),
                        target_entry('right', xrdp, verify='tofu', nla='off'), users=('anna', 'bert'),
                        rules=[{'name': 'anna', 'users': ['anna'], 'targets': ['left']},
                               {'name': 'bert', 'users': ['bert'], 'targets': ['right']}])
    anna, bert = freerdp(service, 'anna'), freerdp(service, 'bert')
    anna.wait_painted(shadow)
    bert.wait_painted(xrdp)
    before = xrdp.typed()
    anna.type('anna was here')
    wait_for(lambda: 'anna was here' in shadow.typed(), what='what anna typed')
    bert.type('bert was here')
    wait_for(lambda: 'bert was here' in xrdp.typed(), what='what bert typed')
    assert 'bert' not in shadow.typed() and 'anna' not in xrdp.typed()[len(before):]
    granted = {(e['user'], e['target']) for e in service.events('access_granted')}
    assert granted == {('anna', 'left'), ('bert', 'right')}
    for user, other in (('anna', 'right'), ('bert', 'left')):
        denied = freerdp(service, f'{user}#{other}')
        assert denied.code() != 0
    assert {e['user'] for e in service.events('access_denied')} == {'anna#right', 'bert#left'}
    assert anna.process.alive() and bert.process.alive()
