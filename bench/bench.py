# SPDX-License-Identifier: Apache-2.0
"""What Sallyport costs, as ratios against a reference measured in the same run."""
import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tests/e2e'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import accepts  # noqa: E402
import desktops  # noqa: E402
import guard  # noqa: E402
import memory  # noqa: E402
import policy  # noqa: E402
import relay  # noqa: E402

# key, what it is, bar, is more better
BARS = [
    ('relay_vs_haproxy', 'MB per CPU-second, bulk graphics, against HAProxy TLS to TLS', 1.0, True),
    ('rtt_median_vs_haproxy', 'added round trip of 100 bytes, median, against HAProxy', 1.0, False),
    ('rtt_p99_vs_haproxy', 'the same, 99th percentile', 1.0, False),
    ('pss_session_kib', 'memory of one of 200 live sessions, KiB PSS', 600, False),
    ('pss_unauth_tcp_kib', 'memory of one silent connection, KiB PSS', 64, False),
    ('pss_unauth_tls_kib', 'memory of one connection that stops after TLS, KiB PSS', 400, False),
    ('accepts_vs_tls', 'proven persons per CPU-second, against handshakes of openssl s_server', 0.35, True),
    ('refused_per_s', 'connections of a penalised source refused, per second of one core', 15000, True),
    ('policy_worst_blocks', 'decision, 10 000 rules that all name both, in SHA-256 blocks', 20000, False),
    ('policy_sessions_blocks', '1 000 sessions decided on again, in SHA-256 blocks', 4000000, False),
    ('connect_added_ms', 'connection sequence to Font Map, more than without', 25, False),
    ('frames_ratio', 'frames per second, against no gateway between, the lowest of four', 0.98, True),
    ('xrdp_relay_cpu_s', 'CPU seconds of all our processes, 20 s of 30 fps on xrdp', 0.25, False),
    ('key_to_pixel_added_ms', 'key press to pixel, more than without', 0.5, False),
]
PARTS = {'relay': relay.measure, 'memory': memory.measure, 'accepts': accepts.measure,
         'guard': guard.measure, 'policy': policy.measure, 'desktops': desktops.measure}


def show(figures):
    """One aligned line a key: value, bar, whether it is met, then the parts it was made of."""
    missed = 0
    print(f'{"":24}{"measured":>10}{"bar":>10}')
    for key, what, bar, more_is_better in BARS:
        if key not in figures:
            continue
        value = figures[key]
        met = value >= bar if more_is_better else value <= bar
        missed += not met
        sign = '>=' if more_is_better else '<='
        print(f'{key:24}{value:>10.3f}{sign + " " + str(bar):>10}  {"met" if met else "MISSED":8}{what}')
    for key, value in sorted(figures.items()):
        if key not in [row[0] for row in BARS]:
            print(f'  {key:32}{value if isinstance(value, str) else json.dumps(value)}')
    return missed


def main():
    asked = argparse.ArgumentParser(prog='bench/run')
    asked.add_argument('--quick', action='store_true')
    asked.add_argument('--json', metavar='FILE')
    asked.add_argument('--only', choices=sorted(PARTS))
    options = asked.parse_args()

    figures = {'machine': f'{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}',
               'quick': options.quick}
    with tempfile.TemporaryDirectory(prefix='sallyport-bench-') as folder:
        for name, measure in PARTS.items():
            if options.only in (None, name):
                print(f'measuring {name} …', file=sys.stderr)
                figures.update(measure(pathlib.Path(folder) / name, options.quick))
    missed = show(figures)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1) + '\n')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
