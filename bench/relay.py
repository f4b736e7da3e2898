# SPDX-License-Identifier: Apache-2.0
"""relay_vs_haproxy and rtt_*_vs_haproxy: what the relaying process costs, in CPU and in time.

Bulk: fast-path PDUs of the greatest size, each in a TLS record of its own, four in a segment.
Round trip: an input PDU of 100 bytes and its answer of as many; what counts is what the relay adds
to the way without it. Through Sallyport a real connection sequence goes before (NLA towards the
client, TLS towards the target); through HAProxy there is TLS on both sides and nothing else.
"""
import statistics
import time

from gate import cpu_seconds
from lab import make_certificate, wait_for
from peers import HaProxy, Load, Target, same_cipher


def drain_round(load, seconds, cpu):
    """(MB, CPU seconds, seconds, cipher) of one drained stream."""
    with load:
        report = load.need()
        time.sleep(0.5)
        spent, (start, began) = -cpu(), load.drained()
        time.sleep(seconds)
        spent, (end, ended) = spent + cpu(), load.drained()
    return {'mb': (end - start) / 1e6, 'cpu': spent, 'seconds': ended - began, 'cipher': report['cipher']}


def bulk(folder, pair, seconds, rounds):
    source, bare = Target(*pair, 'pour'), Target(*pair, 'pour', bare=True)
    haproxy = HaProxy(folder, *pair, bare.port)
    service = source.gate(folder / 'gate-bulk')
    ours, theirs, direct = [], [], []
    try:
        for _ in range(rounds):
            load = Load(service.port, '--drain', password=service.passwords['demo'])
            pid, = service.session_pids()
            ours.append(drain_round(load, seconds, lambda pid=pid: cpu_seconds(pid)))
            wait_for(lambda: not service.session_pids(), what='the end of the session')
            theirs.append(drain_round(Load(haproxy.port, '--bare', '--drain'), seconds, haproxy.cpu))
            direct.append(drain_round(Load(bare.port, '--bare', '--drain'), seconds, lambda: 0))
    finally:
        for started in (service, haproxy, source, bare):
            started.stop()

    def per_cpu(runs):
        return statistics.median(run['mb'] / run['cpu'] for run in runs)

    def per_second(runs):
        return round(statistics.median(run['mb'] / run['seconds'] for run in runs), 1)

    return {'relay_vs_haproxy': round(per_cpu(ours) / per_cpu(theirs), 3),
            'relay_mb_per_cpu_s': round(per_cpu(ours), 1),
            'relay_haproxy_mb_per_cpu_s': round(per_cpu(theirs), 1),
            'relay_mb_per_s': per_second(ours), 'relay_haproxy_mb_per_s': per_second(theirs),
            'relay_direct_mb_per_s': per_second(direct), 'relay_cipher': same_cipher(ours + theirs)}


def round_trips(folder, pair, count, rounds):
    target, bare = Target(*pair, 'echo'), Target(*pair, 'echo', bare=True)
    haproxy = HaProxy(folder, *pair, bare.port)
    service = target.gate(folder / 'gate-echo')
    ways = {'ours': (service.port, '--echo', count), 'haproxy': (haproxy.port, '--bare', '--echo', count),
            'direct': (bare.port, '--bare', '--echo', count)}
    runs = {way: [] for way in ways}
    try:
        for _ in range(rounds):
            for way, argv in ways.items():
                runs[way].append(Load(*argv, password=service.passwords['demo']).need())
    finally:
        for started in (service, haproxy, target, bare):
            started.stop()
    same_cipher(runs['ours'] + runs['haproxy'])
    figures = {}
    for name in ('median', 'p99'):
        took = {way: statistics.median(run[f'echo_{name}_us'] for run in runs[way]) for way in ways}
        figures |= {f'rtt_{name}_vs_haproxy': round((took['ours'] - took['direct'])
                                                    / max(took['haproxy'] - took['direct'], 0.1), 3)}
        figures |= {f'rtt_{name}_us_{way}': round(us, 1) for way, us in took.items()}
    return figures


def measure(folder, quick):
    folder.mkdir(parents=True)
    pair = make_certificate(folder)
    figures = bulk(folder, pair, *((1.5, 3) if quick else (5, 5)))
    return figures | round_trips(folder, pair, *((3000, 3) if quick else (20000, 5)))
