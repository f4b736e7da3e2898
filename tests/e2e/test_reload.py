# SPDX-License-Identifier: Apache-2.0
"""Reload: a good file takes effect at once, a bad one not at all, and no session notices."""
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from gate import children, new_source, running, target_entry
from lab import free_port, make_certificate, wait_for
from rdpmini import Refused, mcs, ntlm
from rdpmini.client import STAGES, client_context
from test_kill import answers, echo
from test_memory import found_in, key_forms

SESSIONS = 20


@pytest.fixture
def desk(scripted):
    return target_entry('desk', scripted(on_active=echo))


def connects(service, **options):
    """A whole new connection, which then works."""
    with service.mini(**options) as client:
        client.run()
        return answers(client)


def people(service, count):
    clients = [service.mini() for _ in range(count)]
    for client in clients:
        client.run()
        assert answers(client)
    return clients


def go_on(client, after):
    """From where it was to the desktop."""
    for stage in STAGES[STAGES.index(after) + 1:]:
        getattr(client, 'stage_' + stage)()


def rewrite(service, **changes):
    service.config.update(changes)
    service.file.write_text(json.dumps(service.config, indent=1))


def reload(service, *more):
    return service.command('reload', '-s', service.state / 'control.sock', *more)


def hang_up(service, sent_signal, event, count=1):
    service.mark(live=len(service.events('session_start')) - len(service.events('session_end')))
    os.kill(service.process.pid, sent_signal)
    return service.wait_event(event, count=count)


def tls_socket(port, context, name=None):
    """TLS with the front; RDP's own negotiation comes first."""
    sock = socket.create_connection(('127.0.0.1', port), 10, source_address=(new_source(), 0))
    sock.sendall(mcs.connection_request(b'', mcs.neg_req(mcs.PROTOCOL_HYBRID, 0)))
    assert sock.recv(64)[5] == 0xD0
    return context.wrap_socket(sock, server_hostname=name)


def leaf(port):
    """The certificate that a new handshake gets, DER."""
    with tls_socket(port, client_context()) as tls:
        return tls.getpeercert(binary_form=True)


def pair(folder):
    folder.mkdir()
    certificate, key = make_certificate(folder)
    key.chmod(0o600)
    return certificate, key


def test_users_rules_and_limits_are_replaced(make_gate, desk):
    service = make_gate(desk)
    assert connects(service)
    service.passwords['eve'] = 'Aa1-eve-comes-later'
    rewrite(service, users=service.config['users'] + [
        {'name': 'eve', 'nt_hash': ntlm.nt_hash(service.passwords['eve']).hex()}],
        rules=[{'name': 'all', 'users': ['demo', 'eve'], 'targets': ['desk']}])
    with service.mini(user='eve') as client:
        with pytest.raises(Refused):
            client.run('nla')
    answer = reload(service, '--json')
    assert answer.returncode == 0 and json.loads(answer.stdout) == {'ok': True}, answer
    assert connects(service, user='eve')

    rewrite(service, users=service.config['users'][1:],
            rules=[{'name': 'all', 'users': ['eve'], 'targets': ['desk']}])
    service.mark()  # eve's connection has ended as well before it is counted who is there
    hang_up(service, signal.SIGHUP, 'reloaded')
    assert connects(service, user='eve')
    with service.mini() as client:
        with pytest.raises(Refused):
            client.run('nla')


@pytest.mark.parametrize('how', ['signal', 'command'])
def test_a_bad_file_changes_nothing(make_gate, desk, how):
    """With somebody at work, and with somebody who has not said a word yet."""
    service = make_gate(desk)
    worker = people(service, 1)[0]
    before = service.roles()
    silent = socket.create_connection(('127.0.0.1', service.port), source_address=(new_source(), 0))
    handshake = service.mini()
    handshake.run('tls')
    text = service.file.read_text()
    service.file.write_text(text.replace('"rules"', '"rulez"'))
    service.mark(live=2)
    if how == 'signal':
        os.kill(service.process.pid, signal.SIGHUP)
    else:
        answer = reload(service)
        assert answer.returncode == 1
        assert f'{service.file}:' in answer.stderr and 'rulez' in answer.stderr, answer
    event = service.wait_event('reload_failed')
    assert f'{service.file}:' in event['reason'] and 'rulez' in event['reason']
    assert 'sallyport: not reloaded: ' in service.process.text()
    assert service.roles() == before, 'helpers were touched'
    assert answers(worker)
    go_on(handshake, 'tls')
    assert answers(handshake)
    assert connects(service)
    silent.close()
    handshake.line.close()
    worker.line.close()
    service.file.write_text(text)
    assert reload(service).returncode == 0
    assert connects(service)


def test_a_good_file_under_an_unauthenticated_client(make_gate, desk):
    """Who is accepted, but silent, and who is in the middle of the handshake are served all the same."""
    service = make_gate(desk)
    silent, early = service.mini(), service.mini()
    early.run('x224')
    old = service.roles()
    assert reload(service).returncode == 0
    new = service.roles()
    assert all(new[role] != old[role] for role in ('door', 'spawner', 'dialer'))
    assert new['keeper'] == old['keeper']
    go_on(early, 'x224')
    assert answers(early)
    silent.run()
    assert answers(silent)
    assert connects(service)
    wait_for(lambda: not running(old['door']) and not running(old['spawner']), 15, 'the old helpers')
    assert answers(early) and answers(silent), 'sessions live on as keeper\'s own'
    silent.line.close()
    early.line.close()
    wait_for(lambda: not running(old['dialer']), 15, 'the old dialer')


def test_listeners_come_and_go(make_gate, desk):
    service = make_gate(desk)
    worker = people(service, 1)[0]
    first, second = service.port, free_port()
    rewrite(service, listeners=[f'127.0.0.1:{first}', f'127.0.0.1:{second}'])
    assert reload(service).returncode == 0
    assert connects(service)
    service.port = second
    assert connects(service)
    rewrite(service, listeners=[f'127.0.0.1:{second}'])
    assert reload(service).returncode == 0
    assert connects(service)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', first), timeout=5)
    assert answers(worker)
    worker.line.close()


def test_a_port_that_is_taken_changes_nothing(make_gate, desk):
    service = make_gate(desk)
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        rewrite(service, listeners=[f'127.0.0.1:{other.getsockname()[1]}'])
        answer = reload(service)
    assert answer.returncode == 1 and 'another program listens there' in answer.stderr
    assert connects(service)


def test_what_cannot_change_is_named(make_gate, desk, tmp_path):
    service = make_gate(desk)
    rewrite(service, control_socket=str(tmp_path / 'other.sock'))
    answer = reload(service)
    assert answer.returncode == 1 and 'control_socket has changed' in answer.stderr
    assert connects(service)


@pytest.mark.skipif(os.geteuid() != 0, reason='memory of keeper is readable for root only')
def test_a_new_certificate_under_twenty_sessions(make_gate, desk, tmp_path):
    """TLS-10: new handshakes get the new one, the old key is nowhere any more, nobody is dropped."""
    certificate, key = pair(tmp_path / 'old')
    service = make_gate(desk, certificate={'cert': str(certificate), 'key': str(key)})
    clients = people(service, SESSIONS)
    old_key, old_leaf, old_door = key_forms(key), leaf(service.port), service.roles()['door']
    assert any(name.startswith('key number') for name in found_in(service.process.pid, old_key))

    new_certificate, new_key = pair(tmp_path / 'new')
    certificate.write_bytes(new_certificate.read_bytes())
    key.write_bytes(new_key.read_bytes())
    new_leaf = ssl.PEM_cert_to_DER_cert(new_certificate.read_text())
    os.kill(service.process.pid, signal.SIGHUP)
    # Two doors accept for a moment, so either certificate may come until the old door has gone.

    def has_gone():
        assert leaf(service.port) in (old_leaf, new_leaf)
        return not running(old_door)
    wait_for(has_gone, 5, 'the end of the old door')
    assert {leaf(service.port) for _ in range(SESSIONS)} == {new_leaf}
    wait_for(lambda: not found_in(service.process.pid, old_key), 10, 'the end of the old key')
    for pid in children(service.process.pid):
        assert not found_in(pid, old_key)
    assert all(answers(client) for client in clients)
    assert connects(service)
    for client in clients:
        client.line.close()


def test_a_certificate_of_another_key_changes_nothing(make_gate, desk, tmp_path):
    certificate, key = pair(tmp_path / 'old')
    service = make_gate(desk, certificate={'cert': str(certificate), 'key': str(key)})
    _, other_key = pair(tmp_path / 'new')
    before = leaf(service.port)
    key.write_bytes(other_key.read_bytes())
    answer = reload(service)
    assert answer.returncode == 1 and 'another key' in answer.stderr
    assert leaf(service.port) == before and connects(service)


def make_chain(folder, *algorithm):
    """A root, an intermediate and a leaf for 127.0.0.1: (chain file, key, root)."""
    folder.mkdir()

    def run(*argv):
        subprocess.run(['openssl', *argv], check=True, capture_output=True, cwd=folder)
    (folder / 'ca.ext').write_text('basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n')
    (folder / 'leaf.ext').write_text('subjectAltName=IP:127.0.0.1\n')
    for name, issuer, extensions in (('root', None, 'ca'), ('middle', 'root', 'ca'),
                                     ('leaf', 'middle', 'leaf')):
        run('genpkey', *algorithm, '-out', f'{name}.key')
        run('req', '-new', '-key', f'{name}.key', '-subj', f'/CN={name}', '-out', f'{name}.csr')
        signer = ['-CA', f'{issuer}.pem', '-CAkey', f'{issuer}.key', '-CAcreateserial'] if issuer \
            else ['-signkey', 'root.key']
        run('x509', '-req', '-in', f'{name}.csr', *signer, '-days', '2', '-extfile',
            f'{extensions}.ext', '-out', f'{name}.pem')
    chain = folder / 'chain.pem'
    chain.write_text((folder / 'leaf.pem').read_text() + (folder / 'middle.pem').read_text())
    (folder / 'leaf.key').chmod(0o600)
    return chain, folder / 'leaf.key', folder / 'root.pem'


@pytest.mark.parametrize('algorithm', [
    ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'),
    ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'),
    ('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')], ids=['P-256', 'P-384', 'RSA'])
@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=['TLS1.2', 'TLS1.3'])
def test_chains_verify(make_gate, desk, tmp_path, algorithm, version):
    """A client that knows the root alone verifies the leaf: the intermediate comes along."""
    chain, key, root = make_chain(tmp_path / 'pki', *algorithm)
    service = make_gate(desk, certificate={'cert': str(chain), 'key': str(key)})
    context = ssl.create_default_context(cafile=root)
    context.minimum_version = context.maximum_version = version
    with tls_socket(service.port, context, '127.0.0.1') as tls:
        assert tls.version() == version.name.replace('_', '.')
    assert connects(service)


def test_many_reloads_leave_nothing_behind(make_gate, desk):
    service = make_gate(desk)
    worker = people(service, 1)[0]
    for _ in range(5):
        assert reload(service).returncode == 0
    assert connects(service)
    wait_for(lambda: len(children(service.process.pid)) == 4, 20, 'three helpers and one session')
    descriptors = len(os.listdir(f'/proc/{service.process.pid}/fd'))
    for _ in range(5):
        assert reload(service).returncode == 0
    wait_for(lambda: len(children(service.process.pid)) == 4, 20, 'three helpers and one session')
    wait_for(lambda: len(os.listdir(f'/proc/{service.process.pid}/fd')) <= descriptors, 5,
             'as many descriptors as before')
    assert answers(worker)
    worker.line.close()


class Manager:
    """What systemd is to a service: a datagram socket."""

    def __init__(self, folder):
        self.path = folder / 'notify'
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.path))
        self.path.chmod(0o777)
        self.sock.settimeout(10)

    def hears(self):
        return self.sock.recv(4096).decode()


def test_service_manager_is_told(make_gate, desk, tmp_path, monkeypatch):
    tmp_path.chmod(0o711)
    manager = Manager(tmp_path)
    monkeypatch.setenv('NOTIFY_SOCKET', str(manager.path))
    service = make_gate(desk)
    monkeypatch.delenv('NOTIFY_SOCKET')
    assert manager.hears() == 'READY=1'
    assert reload(service).returncode == 0
    assert manager.hears().startswith('RELOADING=1\nMONOTONIC_USEC=')
    assert manager.hears() == 'READY=1'
    service.file.write_text('nonsense')
    assert reload(service).returncode == 1
    assert manager.hears().startswith('RELOADING=1\n')
    assert manager.hears() == 'READY=1'
    service.stop()
    assert manager.hears() == 'STOPPING=1'
