# SPDX-License-Identifier: Apache-2.0
"""PROXY protocol: the source behind a trusted proxy counts, and nobody else's word on it does."""
import json
import shutil
import socket
import struct

import pytest

from gate import new_source, target_entry
from lab import Process, bound_tcp, free_port, wait_for
from rdpmini import Closed, Refused
from test_kill import answers, echo

SIGNATURE = bytes.fromhex('0d0a0d0a000d0a515549540a')
BEHIND = '192.0.2.7'


def header(source=BEHIND, port=51000, command=0x21, more=b''):
    body = socket.inet_aton(source) + socket.inet_aton('198.51.100.1') + struct.pack('>HH', port, 3389)
    return SIGNATURE + bytes([command, 0x11]) + struct.pack('>H', len(body + more)) + body + more


def header6(source='2001:db8::7', port=51000):
    body = socket.inet_pton(socket.AF_INET6, source) + bytes(16) + struct.pack('>HH', port, 3389)
    return SIGNATURE + b'\x21\x21' + struct.pack('>H', len(body)) + body


@pytest.fixture
def desk(scripted):
    return target_entry('desk', scripted(on_active=echo))


@pytest.fixture
def proxied(make_gate, desk):
    """(service, its marked port); the plain port is service.port. The proxies are 127.9.0.0/16."""
    def make(**more):
        service = make_gate(desk)
        port = free_port()
        service.config['listeners'].append(
            {'address': f'127.0.0.1:{port}', 'proxy_protocol': True, 'trusted': ['127.9.0.0/16'], **more})
        service.file.write_text(json.dumps(service.config))
        answer = service.command('reload', '-s', service.state / 'control.sock')
        assert answer.returncode == 0, answer
        service.mark()
        return service, port
    return make


def through(service, port, first=b'', source='127.9.0.1', **options):
    """A client of ours behind a proxy that says first."""
    plain, service.port = service.port, port
    client = service.mini(source=source, **options)
    service.port = plain
    if first:
        client.line.send(first)
    return client


@pytest.mark.parametrize('first,source', [
    (header(), f'{BEHIND}:51000'), (header6(), '[2001:db8::7]:51000'),
    (header(more=b'\x04\x00\x03abc'), f'{BEHIND}:51000')], ids=['IPv4', 'IPv6', 'extension'])
def test_the_source_behind_the_proxy_counts(proxied, first, source):
    service, port = proxied()
    with through(service, port, first) as client:
        client.run()
        assert answers(client)
        event = service.wait_event('proxied_source')
        assert event['source'] == source and event['proxy'].startswith('127.9.0.1:')
        for name in ('auth_succeeded', 'access_granted', 'session_active'):
            assert service.wait_event(name)['source'] == source
        shown = json.loads(service.command('sessions', '--json', '-s',
                                           service.state / 'control.sock').stdout)
        assert [s['source'] for s in shown['sessions']] == [source]


@pytest.mark.parametrize('first', [header(command=0x20), SIGNATURE + b'\x20\0\0\0'],
                         ids=['with an address', 'bare'])
def test_local_keeps_the_proxys_address(proxied, first):
    service, port = proxied()
    with through(service, port, first) as client:
        client.run()
        assert answers(client)
    assert service.wait_event('session_active')['source'].startswith('127.9.0.1:')
    assert not [e for e in service.new_events() if e['event'] == 'proxied_source']


def test_a_header_in_pieces(proxied):
    service, port = proxied()
    with through(service, port) as client:
        for byte in header():
            client.line.send(bytes([byte]))
        client.run()
        assert answers(client)


def test_who_is_not_trusted_is_refused_without_a_process(proxied):
    service, port = proxied()
    with pytest.raises((Closed, OSError)):
        through(service, port, header(), source=new_source()).run()
    event = service.wait_event('connection_refused')
    assert event['reason'] == 'not a proxy that this listener trusts'
    assert not [e for e in service.new_events() if e['event'] == 'session_start']


@pytest.mark.parametrize('first,where', [
    (b'PROXY TCP4 192.0.2.7 198.51.100.1 51000 3389\r\n', 'PROXY.version 1'),
    (b'', 'PROXY.signature'),  # straight the X.224 request
    (header(command=0x22), 'PROXY.command'),
    (SIGNATURE + b'\x21\x12\x00\x0c' + bytes(12), 'PROXY.family'),
    (SIGNATURE + b'\x21\x11\xff\xff', 'PROXY.length'),
    (SIGNATURE + b'\x21\x11\x00\x04' + bytes(4), 'PROXY.source port')],
    ids=['version 1', 'none', 'command', 'family', 'length', 'short'])
def test_bad_headers_are_named(proxied, first, where):
    service, port = proxied()
    with through(service, port, first) as client:
        with pytest.raises((Closed, OSError)):
            client.run()
    event = service.one_failure('session_failed')
    assert (event['step'], event['where']) == ('proxy', where) or \
        where == 'PROXY.source port' and event['where'].startswith('PROXY.')
    assert event['source'].startswith('127.9.0.1:')


def test_a_header_on_a_plain_listener_is_no_header(proxied):
    """BF-12: whoever tells us a source without being asked is not believed."""
    service, _ = proxied()
    source = new_source()
    with service.mini(source=source) as client:
        client.line.send(header())
        with pytest.raises((Closed, OSError)):
            client.run()
    event = service.one_failure('session_failed')
    assert event['source'].startswith(source + ':') and event['step'] == 'x224'


def test_failures_are_charged_to_who_is_behind(proxied):
    """One that guesses passwords through the proxy is shut out; the others behind it are not."""
    service, port = proxied()
    for _ in range(40):
        with through(service, port, header(), password='wrong') as client:
            try:
                client.run('nla')
            except (Refused, Closed, OSError):
                pass
        if [e for e in service.new_events() if e['event'] == 'connection_refused']:
            break
    event = service.wait_event('connection_refused')
    assert event['source'].startswith(BEHIND + ':') and 'behind the proxy' in event['reason']
    with through(service, port, header('192.0.2.200')) as client:
        client.run()
        assert answers(client)


def test_a_marked_listener_has_its_own_limit(proxied):
    """Ten behind one address: more than limits.per_source, up to the listener's own."""
    service, port = proxied(limit=10)
    clients = [through(service, port, header(port=1000 + i)) for i in range(10)]
    for client in clients:
        client.stage_x224()
    with pytest.raises((Closed, OSError)):
        through(service, port, header()).run()
    assert service.wait_event('connection_refused')['reason'] == \
        'too many unauthenticated connections of this listener'
    with service.mini() as plain:
        plain.run('nla')
    for client in clients:
        client.line.close()


def haproxy(folder, port, backend):
    folder.mkdir()
    file = folder / 'haproxy.cfg'
    file.write_text(f"""
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen rdp
    bind 127.0.0.1:{port}
    server gate 127.0.0.1:{backend} send-proxy-v2 source 127.9.0.1
""")
    process = Process(['haproxy', '-f', file, '-db'], folder / 'haproxy.log')
    wait_for(lambda: bound_tcp(port), what='haproxy')
    return process


@pytest.mark.skipif(not shutil.which('haproxy'), reason='haproxy is not installed')
def test_behind_a_real_haproxy(proxied, tmp_path):
    service, port = proxied()
    outside = free_port()
    process = haproxy(tmp_path / 'haproxy', outside, port)
    try:
        source = new_source()
        with through(service, outside, source=source) as client:
            client.run()
            assert answers(client)
        assert service.wait_event('session_active')['source'].startswith(source + ':')
    finally:
        process.stop()


@pytest.mark.parametrize('listener,expected', [
    ({'address': '127.0.0.1:3389', 'proxy_protocol': True}, 'listeners[0].trusted'),
    ({'address': '127.0.0.1:3389', 'trusted': ['10.0.0.0/8']}, 'listeners[0].proxy_protocol'),
    ({'address': '127.0.0.1:3389', 'proxy_protocol': True, 'trusted': ['x']}, 'listeners[0].trusted[0]'),
    ({'address': 'here:3389'}, 'listeners[0].address'),
    ({'address': '127.0.0.1:3389', 'proxy_protocol': 'yes'}, 'listeners[0].proxy_protocol'),
    ({'address': '127.0.0.1:3389', 'limit': 0}, 'listeners[0].limit'),
    ({'proxy_protocol': False}, 'listeners[0].address'),
    ({'address': '127.0.0.1:3389', 'proxy': True}, 'listeners[0].proxy'),
    ('here:3389', 'field listeners[0]:'), ("it's:3389", 'listeners[0]'), ('', 'listeners[0]')])
def test_what_is_wrong_with_a_listener_is_named(proxied, listener, expected):
    service, _ = proxied()
    service.config['listeners'] = [listener]
    service.file.write_text(json.dumps(service.config, indent=1))
    answer = service.command('check', '-c', service.file)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f'sallyport: {service.file}:') and expected in answer.stderr, answer
