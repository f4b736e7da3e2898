# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own peers: load generator and target in C, and HAProxy as the reference."""
import json
import os
import subprocess

from gate import Gate, cpu_seconds, stat, target_entry
from lab import BUILD, Process, bound_tcp, free_port, wait_for

TICKS = os.sysconf('SC_CLK_TCK')
_sources = 0


class Target:
    """bench/target.c: pours, echoes or sits idle; bare without RDP."""

    user, password = 'worker', 'behind-the-gate'

    def __init__(self, certificate, key, mode, bare=False):
        argv = [BUILD / 'bench/target', certificate, key, mode, *(['bare'] if bare else [])]
        self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline())

    def stop(self):
        self.popen.stdin.close()
        self.popen.wait(10)

    def gate(self, folder, **settings):
        """Sallyport in front of it, without an early drop of what a load generator does."""
        entry = target_entry('bench', self, nla='off', verify='tofu')
        limits = {'unauthenticated': 4000, 'sessions': 2000, 'dials': 1000}
        return Gate(folder, [entry], limits=limits, **settings)


class Load:
    """bench/load.c at work; self.report is its one JSON line."""

    def __init__(self, port, *flags, password='', count=1, hold=False):
        global _sources
        argv = [BUILD / 'bench/load', '--port', port, '--count', count, '--sources', _sources, *flags]
        if hold:
            argv.append('--hold')
        _sources += count
        self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True,
                                      env=dict(os.environ, SP_LOAD_PASSWORD=password))
        self.report = json.loads(self.popen.stdout.readline())
        if not hold and '--drain' not in flags:
            self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def drained(self):
        """Bytes read so far, and when."""
        self.popen.stdin.write('\n')
        self.popen.stdin.flush()
        answer = json.loads(self.popen.stdout.readline())
        return answer['bytes'], answer['at']

    def stop(self):
        self.popen.stdin.close()
        self.popen.wait(30)

    def need(self):
        """The report, if nothing failed."""
        if self.report['failed']:
            raise SystemExit(f'bench: {self.report["failed"]} connections failed: {self.report["why"]}')
        return self.report


def service_cpu(service):
    """CPU seconds of all our processes, those that have ended with them."""
    total = 0
    for pid in service.all_pids():
        fields = stat(pid)
        if fields:
            total += sum(int(x) for x in fields[11:15]) / TICKS
    return total


class HaProxy:
    """HAProxy with one thread, TLS in and out, in front of a bare target."""

    def __init__(self, folder, certificate, key, target_port):
        both, self.port = folder / 'haproxy.pem', free_port()
        both.touch(mode=0o600)
        both.write_text(certificate.read_text() + key.read_text())
        config = folder / 'haproxy.cfg'
        config.write_text(f'''global
    nbthread 1
    maxconn 1000
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{self.port} ssl crt {both} ciphersuites TLS_AES_128_GCM_SHA256 no-tls-tickets
    server source 127.0.0.1:{target_port} ssl verify none ciphersuites TLS_AES_128_GCM_SHA256
''')
        self.process = Process(['haproxy', '-db', '-f', config], folder / 'haproxy.log')
        wait_for(lambda: bound_tcp(self.port), what='haproxy')

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        self.process.stop()


def same_cipher(runs):
    ciphers = {run['cipher'] for run in runs}
    if len(ciphers) != 1:
        raise SystemExit(f'bench: the ciphers differ, so the ratio says nothing: {ciphers}')
    return ciphers.pop()
