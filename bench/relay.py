# SPDX-License-Identifier: Apache-2.0
"""relay_vs_haproxy: what a CPU-second of the relaying process carries, bulk graphics.

One source feeds both: fast-path PDUs of the greatest size, each in a TLS record of its own, four in
a segment. One sink reads both. Through Sallyport a real connection sequence goes before (NLA towards
the client, TLS towards the target); through HAProxy there is TLS on both sides and nothing else.
Rounds are interleaved. Source and sink are OpenSSL driven from Python: the part "direct" shows how
fast they are without anything between them.
"""
import multiprocessing
import statistics
import threading
import time

from gate import Gate, cpu_seconds, target_entry
from lab import Process, bound_tcp, free_port, make_certificate, wait_for
from rdpmini import Client, Closed, Script, Target, mcs
from rdpmini.client import client_context
from rdpmini.line import Line

PDU = mcs.fastpath(bytes(i * 7 & 0xFF for i in range(16380)))
BATCH = 4


def pour(connection):
    """Send graphics until the other side goes."""
    line = connection.line
    while True:
        for _ in range(BATCH):
            line.tls.write(PDU)
        line._flush()


def bare_source(certificate, key, port):
    """The same stream without RDP: TLS, one byte in, then PDUs."""
    import socket
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.num_tickets = 0

    def serve(sock):
        connection = type('Bare', (), {'line': Line(sock, timeout=60)})
        try:
            connection.line.start_tls(context, server_side=True)
            connection.line.take(1)
            pour(connection)
        except (Closed, OSError):
            sock.close()

    listener = socket.create_server(('127.0.0.1', port), backlog=16)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def rdp_source(certificate, key, pipe):
    """The scripted target in a process of its own; says its port."""
    target = Target(certificate, key, 'worker', 'behind', Script(selected=1, on_active=pour))
    pipe.send(target.port)
    pipe.recv()


def drain(line, seconds):
    """Bytes of PDUs read in so many seconds."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count += len(line.receive())
    return count


class Sources:
    """Both sources, each in a process of its own."""

    def __init__(self, folder):
        self.certificate, self.key = make_certificate(folder)
        self.bare_port = free_port()
        ours, theirs = multiprocessing.Pipe()
        self.pipe = ours
        self.processes = [
            multiprocessing.Process(target=bare_source, args=(self.certificate, self.key, self.bare_port)),
            multiprocessing.Process(target=rdp_source, args=(self.certificate, self.key, theirs))]
        for process in self.processes:
            process.daemon = True
            process.start()
        self.rdp_port = ours.recv()
        wait_for(lambda: bound_tcp(self.bare_port), what='the source')

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.join()


def start_haproxy(folder, sources):
    """HAProxy, one thread, TLS in and out; (process, port)."""
    both, port = folder / 'haproxy.pem', free_port()
    both.touch(mode=0o600)
    both.write_text(sources.certificate.read_text() + sources.key.read_text())
    config = folder / 'haproxy.cfg'
    config.write_text(f'''global
    nbthread 1
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{port} ssl crt {both} ciphersuites TLS_AES_128_GCM_SHA256 no-tls-tickets
    server source 127.0.0.1:{sources.bare_port} ssl verify none ciphersuites TLS_AES_128_GCM_SHA256
''')
    process = Process(['haproxy', '-db', '-f', config], folder / 'haproxy.log')
    wait_for(lambda: bound_tcp(port), what='haproxy')
    return process, port


def bare_round(port, pid, seconds):
    """One round without RDP: (MB, relay CPU seconds, cipher)."""
    line = Line.dial('127.0.0.1', port)
    line.start_tls(client_context())
    line.send(b'S')
    drain(line, 0.5)
    before = cpu_seconds(pid) if pid else 0
    count = drain(line, seconds)
    spent = cpu_seconds(pid) - before if pid else 0
    cipher = line.tls.cipher()[0]
    line.close()
    return count / 1e6, spent, cipher


def gate_round(service, seconds):
    with service.mini() as client:
        client.run()
        pid, = service.session_pids()
        drain(client.line, 0.5)
        before = cpu_seconds(pid)
        count = drain(client.line, seconds)
        spent = cpu_seconds(pid) - before
        cipher = client.line.tls.cipher()[0]
    wait_for(lambda: not service.session_pids(), what='the end of the session')
    return count / 1e6, spent, cipher


def measure(folder, quick):
    folder.mkdir(parents=True)
    seconds, rounds = (2, 2) if quick else (5, 5)
    sources = Sources(folder)
    haproxy, port = start_haproxy(folder, sources)
    entry = target_entry('bulk', type('T', (), {'port': sources.rdp_port, 'user': 'worker',
                                                'password': 'behind'}), nla='off', verify='tofu')
    service = Gate(folder / 'gate', [entry])
    ours, theirs, direct = [], [], []
    try:
        for _ in range(rounds):
            ours.append(gate_round(service, seconds))
            theirs.append(bare_round(port, haproxy.pid, seconds))
            direct.append(bare_round(sources.bare_port, None, seconds))
    finally:
        service.stop()
        haproxy.stop()
        sources.stop()
    ciphers = {cipher for _, _, cipher in ours + theirs}
    if len(ciphers) != 1:
        raise SystemExit(f'bench: the ciphers differ, so the ratio says nothing: {ciphers}')

    def per_cpu(runs):
        return statistics.median(mb / cpu for mb, cpu, _ in runs)

    return {'relay_vs_haproxy': round(per_cpu(ours) / per_cpu(theirs), 3),
            'relay_mb_per_cpu_s': round(per_cpu(ours), 1),
            'relay_haproxy_mb_per_cpu_s': round(per_cpu(theirs), 1),
            'relay_mb_per_s': round(statistics.median(mb for mb, _, _ in ours) / seconds, 1),
            'relay_haproxy_mb_per_s': round(statistics.median(mb for mb, _, _ in theirs) / seconds, 1),
            'relay_direct_mb_per_s': round(statistics.median(mb for mb, _, _ in direct) / seconds, 1),
            'relay_cipher': ciphers.pop()}
