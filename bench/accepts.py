# SPDX-License-Identifier: Apache-2.0
"""accepts_vs_tls and connect_added_ms: what coming in costs, in CPU and in time."""
import statistics

from gate import cpu_seconds
from lab import Process, bound_tcp, free_port, make_certificate, wait_for
from peers import Load, Target, same_cipher, service_cpu


def accepts(folder, pair, service, count, rounds):
    """Proven persons per CPU-second of all our processes, against bare TLS of openssl s_server."""
    port = free_port()
    server = Process(['openssl', 's_server', '-accept', f'127.0.0.1:{port}', '-cert', pair[0], '-key', pair[1],
                      '-quiet', '-tls1_3', '-num_tickets', 0, '-no_cache', '-naccept', count * rounds * 2],
                     folder / 's_server.log')
    wait_for(lambda: bound_tcp(port), what='openssl s_server')
    ours, theirs, runs = [], [], []
    try:
        for _ in range(rounds):
            before = service_cpu(service)
            runs.append(Load(service.port, '--until', 'nla', '--concurrency', 8, count=count,
                             password=service.passwords['demo']).need())
            wait_for(lambda: not service.session_pids(), what='the end of all sessions')
            ours.append(count / (service_cpu(service) - before))
            before = cpu_seconds(server.pid)
            runs.append(Load(port, '--bare', '--until', 'tls', '--concurrency', 1, count=count).need())
            theirs.append(count / (cpu_seconds(server.pid) - before))
    finally:
        server.stop()
    same_cipher(runs)
    return {'accepts_vs_tls': round(statistics.median(ours) / statistics.median(theirs), 3),
            'accepts_per_cpu_s': round(statistics.median(ours), 1),
            'accepts_s_server_per_cpu_s': round(statistics.median(theirs), 1)}


def connects(target, service, count, rounds):
    """Connection sequences one after the other, to Font Map: through, and straight to the target."""
    through, direct = [], []
    for _ in range(rounds):
        through.append(Load(service.port, count=count, password=service.passwords['demo']).need())
        direct.append(Load(target.port, '--no-nla', count=count).need())
    ours, straight = (statistics.median(run['median_ms'] for run in runs) for runs in (through, direct))
    return {'connect_added_ms': round(ours - straight, 2), 'connect_ms': round(ours, 2),
            'connect_direct_ms': round(straight, 2)}


def measure(folder, quick):
    folder.mkdir(parents=True)
    pair = make_certificate(folder)
    target = Target(*pair, 'idle')
    service = target.gate(folder / 'gate')
    try:
        figures = accepts(folder, pair, service, *((150, 2) if quick else (500, 5)))
        figures |= connects(target, service, *((20, 2) if quick else (50, 5)))
    finally:
        service.stop()
        target.stop()
    return figures
