# SPDX-License-Identifier: Apache-2.0
"""pss_session_kib and pss_unauth_tcp_kib: what a connection costs in memory."""
import socket
import statistics

from gate import Gate, new_source, pss_kib, target_entry
from lab import make_certificate, wait_for
from rdpmini import Script, Target


def tree_kib(service):
    return sum(pss_kib(pid) for pid in service.roles().values())


def silent(service, count):
    """Open connections that say nothing; the growth of all our processes for each, in KiB."""
    before = tree_kib(service)
    held = []
    for _ in range(count):
        sock = socket.socket()
        sock.bind((new_source(), 0))
        sock.connect(('127.0.0.1', service.port))
        held.append(sock)
    door = service.roles()['door']
    wait_for(lambda: open_sockets(door) >= count, 4, 'that door holds them all')
    grown = tree_kib(service) - before
    for sock in held:
        sock.close()
    return max(grown, 0) / count


def open_sockets(pid):
    import os
    return sum(os.readlink(f'/proc/{pid}/fd/{fd}').startswith('socket:')
               for fd in os.listdir(f'/proc/{pid}/fd'))


def measure(folder, quick):
    folder.mkdir(parents=True)
    sessions, idle = (10, 40) if quick else (50, 60)
    with Target(*make_certificate(folder), 'worker', 'behind', Script()) as target:
        service = Gate(folder / 'gate', [target_entry('desk', target)])
        clients = []
        try:
            unauthenticated = silent(service, idle)
            for _ in range(sessions):
                clients.append(service.mini().run())
            each = [pss_kib(pid) for pid in service.session_pids()]
            assert len(each) == sessions
        finally:
            for client in clients:
                client.line.close()
            service.stop()
    return {'pss_session_kib': round(statistics.mean(each), 1), 'pss_session_kib_max': max(each),
            'pss_sessions': sessions, 'pss_unauth_tcp_kib': round(unauthenticated, 2)}
