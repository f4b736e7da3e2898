# SPDX-License-Identifier: Apache-2.0
"""Events delivered by sallyport-courier to a real HTTPS server, which checks their signatures."""
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import pytest

import gate as gate_module
from lab import free_port, wait_for, word


class Receiver:
    """An HTTPS server that keeps what it is sent; what is not signed makes it say so."""

    def __init__(self, folder, secret, port=None, tls=True, name='127.0.0.1'):
        self.secret, self.port, self.name = secret, port or free_port(), name
        self.got, self.wrong, self.status = [], [], 204
        self.tls = None
        if tls:
            self.ca = folder / f'hook-{self.port}.pem'
            key = folder / f'hook-{self.port}.key'
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=hook',
                            '-addext', f'subjectAltName={"IP" if name[0].isdigit() else "DNS"}:{name}',
                            '-out', self.ca, '-keyout', key], check=True, capture_output=True)
            self.ca.chmod(0o644)
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(self.ca, key)
        self.server = None
        self.up()

    def up(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 5

            def do_POST(self):
                receiver.take(self.headers, self.rfile.read(int(self.headers['Content-Length'])))
                self.send_response(receiver.status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', self.port), Handler,
                                                      bind_and_activate=False)
        self.server.allow_reuse_address = True
        self.server.server_bind()
        self.server.server_activate()
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, headers, body):
        event_id = headers['X-Sallyport-Event-Id']
        fields = dict(part.split('=') for part in headers['X-Sallyport-Signature'].split(','))
        proof = hmac.new(self.secret.encode(), f'{fields["t"]}.{event_id}.'.encode() + body,
                         hashlib.sha256).hexdigest()
        if proof != fields['v1'] or abs(time.time() - int(fields['t'])) > 60:
            self.wrong.append((dict(headers), body))
        elif self.status < 300:
            self.got.append((event_id, json.loads(body)))

    def reasons(self):
        return [event.get('reason') for _, event in self.got]

    def hook(self, *events, secret=None):
        scheme = 'https' if self.tls else 'http'
        return {'url': f'{scheme}://{self.name}:{self.port}/hook?token=path-secret',
                'secret': secret or self.secret, 'events': list(events)}


@pytest.fixture(name='receiver')
def _receiver(tmp_path):
    made = []
    gate_module.let_others_pass(tmp_path)

    def start(**options):
        made.append(Receiver(tmp_path, word(16), **options))
        return made[-1]
    yield start
    for receiver in made:
        receiver.down()


@pytest.fixture(name='service')
def _service(make_gate, scripted):
    def start(*hooks, **more):
        return make_gate(gate_module.target_entry('desk', scripted()), webhooks=list(hooks), **more)
    return start


def say(service, number):
    """Provoke one ban_added event with a reason of its own."""
    done = service.command('ban', 'add', f'198.51.100.{number}', '--reason', f'n{number}', '-c',
                           service.file)
    assert done.returncode == 0, done.stderr
    return f'n{number}'


def spool(service):
    return sorted(p.name for p in (service.state / 'spool').iterdir() if p.suffix == '.item')


def secrets_are_nowhere(service, *receivers):
    text = (service.state / 'events.jsonl').read_text() + service.process.text()
    for receiver in receivers:
        assert receiver.secret not in text and 'path-secret' not in text


def test_delivered_signed_and_only_what_is_wanted(receiver, service):
    first, second = receiver(), receiver(tls=False)
    gate = service(first.hook('ban_added', 'service_started'), second.hook('ban_added'),
                   ca_file=str(first.ca))
    said = [say(gate, n) for n in range(1, 6)]
    gate.command('ban', 'remove', '198.51.100.1', '-c', gate.file)
    said.append(say(gate, 9))
    wait_for(lambda: first.reasons()[1:] == said and second.reasons() == said, what='all events')
    assert first.got[0][1]['event'] == 'service_started'
    assert not first.wrong and not second.wrong
    logged = [e for e in gate.events('ban_added')]
    assert [event for _, event in second.got] == logged  # the very documents of the log
    assert [i for i, _ in first.got[1:]] == [i for i, _ in second.got]  # one id an event
    assert len({i for i, _ in second.got}) == 6
    wait_for(lambda: spool(gate) == [], what='an empty spool')
    secrets_are_nowhere(gate, first, second)


def test_server_down_courier_killed_server_up(receiver, service):
    there = receiver()
    gate = service(there.hook('ban_added'), ca_file=str(there.ca))
    there.down()
    said = [say(gate, 1)]
    failing = gate.wait_event('webhook_failing')
    assert failing['webhook'] == f'https://127.0.0.1:{there.port}' and 'connect' in failing['reason']
    for n in range(2, 6):
        pid = gate.roles()['courier']
        gate.kill(pid)
        said.append(say(gate, n))
        wait_for(lambda pid=pid: gate.roles().get('courier') not in (None, pid), what='a courier')
    wait_for(lambda: len(spool(gate)) == 5, what='all events in the spool')
    gate.kill(gate.process.pid)  # keeper too, and with it all: the spool is on the disk
    wait_for(lambda: not gate.process.alive(), what='the end of keeper')
    gate.start()
    there.up()
    wait_for(lambda: there.reasons() == said, timeout=15, what='what was spooled')
    assert not there.wrong
    wait_for(lambda: spool(gate) == [], what='an empty spool')
    assert (gate.state / 'spool').stat().st_mode & 0o777 == 0o700


def test_a_reload_changes_the_courier_and_loses_nothing(receiver, service):
    old, new = receiver(), receiver(tls=False)
    gate = service(old.hook('ban_added'), ca_file=str(old.ca))
    old.down()
    said = [say(gate, 1), say(gate, 2)]
    wait_for(lambda: len(spool(gate)) == 2, what='the spool')
    gate.config['webhooks'].append(new.hook('ban_added'))
    gate.file.write_text(json.dumps(gate.config))
    pid = gate.roles()['courier']
    assert gate.command('reload', '-c', gate.file).returncode == 0
    said.append(say(gate, 3))
    old.up()
    wait_for(lambda: old.reasons() == said and new.reasons() == said[2:], timeout=15, what='all')
    wait_for(lambda: not gate_module.running(pid), what='the end of the old courier')
    gate.config['webhooks'] = []
    gate.file.write_text(json.dumps(gate.config))
    assert gate.command('reload', '-c', gate.file).returncode == 0
    say(gate, 4)
    assert len(old.got) == 3 and len(new.got) == 1 and not gate.events('webhook_dropped')


def test_a_certificate_of_somebody_else_is_refused(receiver, service):
    there, other, elsewhere = receiver(), receiver(), receiver(name='elsewhere.test')
    hook = elsewhere.hook('ban_added')
    hook['url'] = hook['url'].replace('elsewhere.test', '127.0.0.1')
    both = there.ca.with_name('both.pem')
    both.write_text(other.ca.read_text() + elsewhere.ca.read_text())
    both.chmod(0o644)
    gate = service(there.hook('ban_added'), hook, ca_file=str(both))
    say(gate, 1)
    for port in (there.port, elsewhere.port):
        failing = gate.wait_event('webhook_failing', webhook=f'https://127.0.0.1:{port}')
        assert 'certificate' in failing['reason'].lower(), failing
    assert there.got == elsewhere.got == [] == there.wrong and len(spool(gate)) == 2


def test_what_a_receiver_will_never_take_is_given_up(receiver, service):
    there = receiver(tls=False)
    gate = service(there.hook('ban_added'))
    there.status = 503
    say(gate, 1)
    assert gate.wait_event('webhook_failing')['reason'] == 'HTTP 503'
    there.status = 422
    dropped = gate.wait_event('webhook_dropped')
    assert dropped['reason'] == 'HTTP 422' and dropped['count'] == 1
    there.status = 200
    said = say(gate, 2)
    wait_for(lambda: there.reasons() == [said] and spool(gate) == [], what='the next event')
    gate.wait_event('webhook_dropped')
    assert len(gate.events('webhook_dropped')) == 1


def test_a_name_is_resolved_and_another_secret_shows(receiver, service):
    named, forged = receiver(name='localhost'), receiver(tls=False)
    gate = service(named.hook('ban_added'), forged.hook('ban_added', secret=word(16)),
                   ca_file=str(named.ca))
    said = say(gate, 1)
    wait_for(lambda: named.reasons() == [said] and forged.wrong, what='both')
    assert not forged.got and not named.wrong


def test_an_upgrade_hands_the_spool_over(receiver, service):
    there = receiver()
    gate = service(there.hook('ban_added'), ca_file=str(there.ca))
    there.down()
    said = [say(gate, 1)]
    gate.wait_event('webhook_failing')
    pid = gate.roles()['courier']
    done = gate.command('upgrade', '-c', gate.file)
    heirs = [e['pid'] for e in gate.events('service_started') if e['pid'] != gate.process.pid]
    try:
        assert done.returncode == 0 and len(heirs) == 1, done.stderr
        said.append(say(gate, 2))
        there.up()
        wait_for(lambda: there.reasons() == said and spool(gate) == [], timeout=15, what='both')
        wait_for(lambda: not gate_module.running(pid), what='the end of the old courier')
    finally:
        for heir in heirs:  # it outlives the process that the gate knows
            gate.kill(heir)


def test_the_courier_can_do_little(receiver, service):
    there = receiver(tls=False)
    gate = service(there.hook('ban_added'))
    pid = gate.roles()['courier']
    status = open(f'/proc/{pid}/status', encoding='ascii').read()
    assert 'Seccomp:\t2' in status and 'NoNewPrivs:\t1' in status and 'CapEff:\t0000000000000000' in status
    with open(f'/proc/{pid}/environ', 'rb') as environ:
        assert environ.read() == b''
    opened = {os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd')}
    files = {f for f in opened if f.startswith('/') and f != '/dev/null'}
    assert files - {str(gate.folder / 'serve.log')} == {str(gate.state / 'spool'),
                                                        str(gate.state / 'spool/lock')}
    assert not [f for f in opened if 'memfd' in f]
