# SPDX-License-Identifier: Apache-2.0
"""pss_session_kib and pss_unauth_*_kib: what a connection costs in memory."""
import os
import statistics

from gate import pss_kib
from lab import make_certificate, wait_for
from peers import Load, Target


def tree_kib(service):
    return sum(pss_kib(pid) for pid in service.all_pids())


def sockets(pid):
    found = 0
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            found += os.readlink(f'/proc/{pid}/fd/{fd}').startswith('socket:')
        except OSError:
            pass
    return found


def unauthenticated(service, until, count):
    """Connections that stop there; the growth of all our processes for each, in KiB."""
    door = service.roles()['door']
    idle = sockets(door)
    before = tree_kib(service)
    with Load(service.port, '--until', until, '--concurrency', 20, count=count, hold=True) as load:
        load.need()
        if until == 'tcp':
            wait_for(lambda: sockets(door) >= idle + count, 4, 'that door holds them all')
        grown = tree_kib(service) - before
    wait_for(lambda: not service.session_pids() and sockets(door) <= idle, what='their end')
    return round(max(grown, 0) / count, 2)


def measure(folder, quick):
    folder.mkdir(parents=True)
    # The figure is that of 200 sessions at once: what they share weighs less in each of many.
    count, silent = 200, (100 if quick else 300)
    target = Target(*make_certificate(folder), 'idle')
    service = target.gate(folder / 'gate')
    try:
        # Once through before anything is counted: what keeper and door keep for good is no one's.
        Load(service.port, '--concurrency', 20, password=service.passwords['demo'], count=20).need()
        wait_for(lambda: not service.session_pids(), what='the end of all sessions')
        tcp = unauthenticated(service, 'tcp', silent)
        tls = unauthenticated(service, 'tls', silent)
        with Load(service.port, '--concurrency', 20, password=service.passwords['demo'], count=count,
                  hold=True) as load:
            load.need()
            each = [pss_kib(pid) for pid in service.session_pids()]
            assert len(each) == count
    finally:
        service.stop()
        target.stop()
    return {'pss_session_kib': round(statistics.mean(each), 1), 'pss_session_kib_max': max(each),
            'pss_sessions': count, 'pss_unauth_tcp_kib': tcp, 'pss_unauth_tls_kib': tls}
