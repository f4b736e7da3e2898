# SPDX-License-Identifier: Apache-2.0
"""Turns that a target's connection sequence may take: redirection, RDSTLS, licensing, odd steps."""
import struct

import pytest

from gate import target_entry
from rdpmini import Closed, Refused, Script, Target, credssp, licence, mcs

LB_NOREDIRECT, LB_PK_ENCRYPTED = 0x80, 0x4000
NO_CONNECTION = 0x404


@pytest.fixture
def machine(certificate):
    """Start a scripted target on a loopback address of its own: redirections name no port."""
    targets = []

    def start(host='127.0.0.1', **script):
        target = Target(*certificate, 'worker', 'behind-the-gate', Script(**script), host=host)
        target.host = host
        targets.append(target)
        return target
    yield start
    for target in targets:
        target.close()


def entry(name, target, **more):
    return target_entry(name, target, address=f'{target.host}:{target.port}', **more)


def rule(*names, user='demo'):
    return {'name': 'all', 'users': [user], 'targets': list(names)}


def refused(service, client):
    """Run into a wall; what the client was told, if it was."""
    with client, pytest.raises((Refused, Closed)) as said:
        client.run()
    service.wait_event('session_end')
    return said.value


# --- redirection ---------------------------------------------------------------------------------

def test_redirection_to_another_target(make_gate, machine):
    second = machine('127.0.0.3')
    first = machine('127.0.0.2', redirect=mcs.redirection(
        session=0x51, fqdn='127.0.0.3', user='spy', domain='OUT', password='carried-along'))
    service = make_gate(entry('broker', first), entry('host', second, verify='tofu'))
    with service.mini('demo#broker') as client:
        client.run()
        client.send_keys(0x1E)
        assert second.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))
    assert second.fact('credentials') == ('', 'worker', 'behind-the-gate'), 'keeper knows the account'
    assert second.fact('info')['user'] == 'worker'
    cluster = second.fact('blocks')[0xC004]
    flags, session = struct.unpack('<II', cluster)
    assert flags & 2 and session == 0x51
    event = service.wait_event('target_redirected')
    assert (event['next_target'], event['host'], event['hop']) == ('host', '127.0.0.3', 1)
    learned = service.wait_event('target_certificate_learned')
    assert learned['target'] == 'host', 'the new target is known by its own name'
    service.wait_event('session_end')
    assert not service.failures()
    assert 'carried-along' not in (service.state / 'events.jsonl').read_text()


def test_redirection_by_token(make_gate, machine):
    """No address: the same target again, with the load balancer's words in the next request."""
    def send_on(connection):
        first = len(target.connections) == 1
        connection.script = Script(redirect=packet if first else None)

    packet = mcs.redirection(token=b'Cookie: msts=3640205228.15629.0000\r\n')
    target = machine('127.0.0.2', before_active=send_on)
    service = make_gate(entry('desk', target))
    with service.mini() as client:
        client.run()
    assert target.contacts == 2
    assert b'Cookie: msts=3640205228.15629.0000\r\n' in target.connections[1].facts['request']
    assert b'mstshash' not in target.connections[1].facts['request']


def test_redirection_to_a_listed_host(make_gate, machine):
    second = machine('127.0.0.3')
    first = machine('127.0.0.2', redirect=mcs.redirection(
        address='10.255.255.1', addresses=['192.0.2.7', '127.0.0.3']))
    service = make_gate(entry('farm', first, verify='tofu',
                              redirects=[f'127.0.0.3:{second.port}']))
    with service.mini() as client:
        client.run()
    assert second.fact('credentials') == ('', 'worker', 'behind-the-gate')
    known = (service.state / 'known_targets').read_text()
    assert ' farm\n' in known and ' farm/127.0.0.3\n' in known


@pytest.mark.parametrize('to', [
    {'fqdn': 'evil.example'}, {'address': '127.0.0.1'}, {'fqdn': '127.0.0.9'},
    {'addresses': ['192.0.2.1', '::1']}], ids=str)
def test_redirection_to_elsewhere_is_refused(make_gate, machine, to):
    first = machine('127.0.0.2', redirect=mcs.redirection(**to))
    denied = machine('127.0.0.9')
    service = make_gate(entry('broker', first), entry('other', denied), rules=[rule('broker')])
    said = refused(service, service.mini('demo#broker'))
    assert isinstance(said, Closed) or said.code == NO_CONNECTION
    event = service.wait_event('target_redirect_refused')
    assert 'reason' in event and not denied.contacts
    assert not service.events('target_redirected')


def test_three_redirections_and_no_fourth(make_gate, machine):
    target = machine('127.0.0.2', redirect=mcs.redirection(fqdn='127.0.0.2'))
    service = make_gate(entry('loop', target))
    said = refused(service, service.mini())
    assert isinstance(said, Closed) or said.code == NO_CONNECTION
    assert target.contacts == 4, 'the first and three hops'
    assert service.wait_event('target_redirect_refused')['hop'] == 4


@pytest.mark.parametrize('packet', [
    mcs.redirection(token=b'Cookie: msts=1\r\nX: y\r\n'),
    mcs.redirection(token=b'Cookie: msts=' + b'1' * 300 + b'\r\n'),
    mcs.redirection(fqdn='host\r\n.example'),
    mcs.redirection(fqdn=b'o'),
    mcs.redirection(fqdn='x' * 300),
    mcs.redirection(flags=1),
    struct.pack('<HHIIII', 0x400, 20, 1, 0x800, 0xFFFFFFFF, 0x80000000),
], ids=['token break', 'token long', 'name break', 'odd', 'name long', 'flag', 'count'])
def test_bad_redirections_end_the_session(make_gate, machine, packet):
    target = machine('127.0.0.2', redirect=packet)
    service = make_gate(entry('desk', target))
    refused(service, service.mini())
    assert target.contacts == 1
    assert len(service.failures()) == 1, service.new_events()


def test_no_redirect_is_information(make_gate, machine):
    def say(connection):
        packet = mcs.redirection(flags=LB_NOREDIRECT, fqdn='elsewhere.example')
        connection.send_io(mcs.share_control(mcs.PDU_REDIRECT, 1002, bytes(2) + packet))

    target = machine('127.0.0.2', before_active=say)
    service = make_gate(entry('desk', target))
    with service.mini() as client:
        client.run()
    service.wait_event('target_no_redirect')
    assert target.contacts == 1


def test_redirection_of_a_live_session_ends_it(make_gate, machine):
    def send_on(connection):
        packet = mcs.redirection(fqdn='127.0.0.3', password='not-for-the-client')
        connection.send_io(mcs.share_control(mcs.PDU_REDIRECT, 1002, bytes(2) + packet))
        connection.serve()

    target, second = machine('127.0.0.2', on_active=send_on), machine('127.0.0.3')
    service = make_gate(entry('desk', target), entry('second', second))
    with service.mini('demo#desk') as client:
        client.run()
        with pytest.raises(Closed):
            while True:
                kind, _, _ = client.receive_share()
                assert kind != mcs.PDU_REDIRECT
    assert not second.contacts


# --- RDSTLS --------------------------------------------------------------------------------------

GUID = 'QUJDREVGR0hJSktMTU5PUA=='.encode('utf-16-le') + b'\0\0'
BLOB = bytes(range(200)) + b'\0'


def rdstls_pair(machine, **script):
    second = machine('127.0.0.3', selected=mcs.PROTOCOL_RDSTLS, **script)
    first = machine('127.0.0.2', redirect=mcs.redirection(
        flags=LB_PK_ENCRYPTED, fqdn='127.0.0.3', user='worker', domain='FARM', password=BLOB,
        guid=GUID))
    return first, second


def test_rdstls_follows_a_redirection(make_gate, machine):
    first, second = rdstls_pair(machine)
    service = make_gate(entry('broker', first), entry('host', second))
    with service.mini('demo#broker') as client:
        client.run()
    assert second.fact('requested') == 0x0F
    assert second.fact('rdstls_head') == struct.pack('<HHH', 1, 2, 1)
    assert second.fact('rdstls') == [GUID, 'worker\0'.encode('utf-16-le'),
                                     'FARM\0'.encode('utf-16-le'), BLOB]
    assert 'credentials' not in second.connections[-1].facts
    assert first.fact('requested') == 0x0B, 'RDSTLS is offered behind a redirection only'


@pytest.mark.parametrize('result', [5, 0x52E, 0x775, 0xFFFFFFFF])
def test_rdstls_refused(make_gate, machine, result):
    first, second = rdstls_pair(machine, rdstls=result)
    service = make_gate(entry('broker', first), entry('host', second))
    refused(service, service.mini('demo#broker'))
    assert 'info' not in second.connections[-1].facts
    assert service.failures()[0]['event'] == 'target_login_failed'


def test_rdstls_is_not_taken_unasked(make_gate, machine):
    target = machine('127.0.0.2', selected=mcs.PROTOCOL_RDSTLS)
    service = make_gate(entry('desk', target))
    refused(service, service.mini())
    assert 'rdstls' not in target.connections[-1].facts


# --- licensing -----------------------------------------------------------------------------------

def licensing(server, facts):
    """A Session Host that insists: request, challenge, licence."""
    def run(connection):
        connection.send_io(server.begin())
        facts.append(server.asked(connection.receive()[1]))
        connection.send_io(licence.challenge(server.keys))
        facts.append(server.responded(connection.receive()[1]))
        connection.send_io(server.give())
    return run


@pytest.mark.parametrize('certificate_of', [licence.proprietary, licence.x509])
def test_licence_is_issued_kept_and_shown(make_gate, machine, certificate_of):
    given = bytes(range(256)) * 20
    first, second = (licence.LicenceServer(certificate_of(), given) for _ in range(2))
    second.kind = licence.UPGRADE_LICENSE
    facts = []
    target = machine('127.0.0.2', licensing=licensing(first, facts))
    service = make_gate(entry('host', target))
    with service.mini() as client:
        client.run()
    assert facts[0] == licence.NEW_LICENSE_REQUEST
    assert facts[1] == struct.pack('<HHHH', 0x100, 0x100, 3, 10) + b'T\0E\0S\0T\0\0\0'
    assert first.user == b'worker\0' and first.machine == b'sallyport\0'
    assert service.wait_event('target_licence')['bytes'] == len(given)
    kept = list((service.state / 'licences').iterdir())
    assert [file.read_bytes() for file in kept] == [given]
    assert kept[0].stat().st_mode & 0o777 == 0o600
    service.wait_event('session_end')

    target.script.licensing = licensing(second, facts)
    with service.mini() as client:
        client.run()
    assert facts[2] == licence.LICENSE_INFO and second.shown == given
    assert second.hardware_id == first.hardware_id


def test_licence_that_is_still_good(make_gate, machine):
    """After LICENSE_INFO a host may say "valid client" at once."""
    server, facts = licence.LicenceServer(licence.x509()), []
    target = machine('127.0.0.2', licensing=licensing(server, facts))
    service = make_gate(entry('host', target))
    with service.mini() as client:
        client.run()
    service.wait_event('session_end')

    def short(connection):
        connection.send_io(server.begin())
        facts.append(server.asked(connection.receive()[1]))
        connection.send_io(mcs.licence_valid())

    target.script.licensing = short
    with service.mini() as client:
        client.run()
    assert facts[-1] == licence.LICENSE_INFO


def test_request_without_a_usable_key_is_declined(make_gate, machine):
    said = []

    def run(connection):
        connection.send_io(licence.request(bytes(32), b''))
        said.append(connection.receive()[1])
        connection.send_io(mcs.licence_valid())

    service = make_gate(entry('host', machine('127.0.0.2', licensing=run)))
    with service.mini() as client:
        client.run()
    assert said[0][4] == 0xFF and said[0][8:12] == struct.pack('<I', 2), 'ERR_NO_LICENSE'


def bad_mac(connection, server):
    connection.send_io(server.begin())
    server.asked(connection.receive()[1])
    connection.send_io(licence.challenge(server.keys)[:-1] + b'\0')


def challenge_first(connection, server):
    server.keys = licence.Keys(bytes(48), bytes(32), bytes(32))
    connection.send_io(licence.challenge(server.keys))


def twice(connection, server):
    connection.send_io(server.begin())
    connection.receive()
    connection.send_io(server.begin())


def many_scopes(connection, server):
    whole = server.begin()
    at = whole.rindex(struct.pack('<IHH', 1, 0xE, 14))
    connection.send_io(whole[:at] + b'\xff\xff\xff\xff' + whole[at + 4:])


@pytest.mark.parametrize('trick', [bad_mac, challenge_first, twice, many_scopes])
def test_licence_server_that_lies(make_gate, machine, trick):
    def run(connection):
        trick(connection, licence.LicenceServer(licence.x509()))
        connection.receive()

    target = machine('127.0.0.2', licensing=run)
    service = make_gate(entry('host', target))
    said = refused(service, service.mini())
    assert isinstance(said, Closed) or 0x100 <= said.code <= 0x404
    assert not service.events('target_licence') and len(service.failures()) == 1


# --- odd steps -----------------------------------------------------------------------------------

SKIP_JOINS, HEARTBEAT = 0x800, 0x400
PERSISTENT_KEYS, UPDATE = 0x2B, 0x02


@pytest.mark.parametrize('by_client', [False, True], ids=['client joins', 'client skips'])
@pytest.mark.parametrize('by_target', [False, True], ids=['target wants joins', 'target skips'])
def test_channel_joins_may_be_skipped(make_gate, machine, by_client, by_target):
    target = machine('127.0.0.2', early=8 if by_target else 0)
    service = make_gate(entry('desk', target))
    early = mcs.CLIENT_EARLY | (SKIP_JOINS if by_client else 0)
    with service.mini(early=early, channels=[('cliprdr', 0xC0A00000)]) as client:
        client.run()
        client.send_keys(0x1E)
        assert target.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))
    assert target.connections[-1].facts.get('joined', 0) == (0 if by_target else 3)


def test_correlation_info_is_taken(make_gate, machine):
    service = make_gate(entry('desk', machine('127.0.0.2')))
    with service.mini(negotiation_flags=8, correlation=bytes(range(1, 13)) + bytes(4)) as client:
        client.run()


@pytest.mark.parametrize('token', [
    b'Cookie: msts=' + b'A2C4' * 8 + b'\r\n', b'Cookie: msts=3640205228.15629.0000\r\n',
    b'Cookie: msts=' + b'A' * 184 + b'\r\n', b'tsv://MS Terminal Services Plugin.1.pool\r\n'],
    ids=['ticket', 'balancer', '199 bytes', 'tsv'])
def test_routing_tokens_are_taken(make_gate, machine, token):
    """Whoever brings one signs in as anybody else, and it does not reach the target."""
    target = machine('127.0.0.2')
    service = make_gate(entry('desk', target))
    with service.mini(cookie=token) as client:
        client.run()
    assert token[8:20] not in target.fact('request')


@pytest.mark.parametrize('wanted', [True, False])
def test_heartbeat(make_gate, machine, wanted):
    beat = struct.pack('<HHBBBB', 0x4000, 0, 0, 30, 5, 10)

    def after(connection):
        connection.send_channel(connection.message_channel, beat)
        connection.send_share(mcs.SET_ERROR_INFO, struct.pack('<I', 0))
        connection.serve()

    target = machine('127.0.0.2', message_channel=True, on_active=after)
    service = make_gate(entry('desk', target))
    early = mcs.CLIENT_EARLY if wanted else mcs.CLIENT_EARLY & ~HEARTBEAT
    with service.mini(message_channel=True, early=early) as client:
        client.run()
        channel, data = client.receive_channel()
        if wanted:
            assert channel == client.message_id and data == beat
        else:
            assert channel == client.io_channel


def test_persistent_keys_are_dropped(make_gate, machine):
    target = machine('127.0.0.2')
    service = make_gate(entry('desk', target))
    with service.mini() as client:
        client.run()
        client.send_share(PERSISTENT_KEYS, struct.pack('<5H5HBBH', 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0)
                          + bytes(8))
        client.send_share(mcs.FRAME_ACK, struct.pack('<I', 7))
        seen = target.wait(lambda t: (mcs.PDU_DATA, mcs.FRAME_ACK)
                           in t.connections[-1].facts.get('shares', []))
        assert seen and (mcs.PDU_DATA, PERSISTENT_KEYS) not in target.fact('shares')


def test_slow_path_both_ways(make_gate, machine):
    """Clients and servers that never learned fast-path."""
    paint = struct.pack('<HH', 3, 0)  # a synchronize update

    def slow(connection):
        connection.send_share(UPDATE, paint)
        connection.serve()

    target = machine('127.0.0.2', on_active=slow)
    service = make_gate(entry('desk', target))
    with service.mini() as client:
        client.run()
        kind, data_kind, body = client.receive_share()
        assert (kind, data_kind, body) == (mcs.PDU_DATA, UPDATE, paint)
        client.send_share(mcs.INPUT, struct.pack('<HHIHHHH', 1, 0, 0, 4, 0, 0x1E, 0))
        assert target.wait(lambda t: (mcs.PDU_DATA, mcs.INPUT)
                           in t.connections[-1].facts.get('shares', []))


@pytest.mark.parametrize('extended', [True, False], ids=['extended data', 'none'])
def test_monitors_reach_the_target(make_gate, machine, extended):
    monitors = struct.pack('<II', 0, 2) + struct.pack('<iiiiI', 0, 0, 1023, 767, 1)
    monitors += struct.pack('<iiiiI', 1024, 0, 2047, 767, 0)
    target = machine('127.0.0.2', rsp_flags=1 if extended else 0)
    service = make_gate(entry('desk', target))
    with service.mini(blocks=mcs.block(0xC005, monitors)) as client:
        client.run()
    assert target.fact('blocks').get(0xC005) == (monitors if extended else None)


def test_reconnect_cookie_does_not_reach_the_client(make_gate, machine):
    """It would log on without credentials, past a grant that was taken back."""
    bits = bytes(range(0x80, 0x90))
    cookie = struct.pack('<III', 28, 1, 5) + bits

    def give(connection):
        info = struct.pack('<IHII', 3, 6 + 4 + 28, 1, 28) + cookie + bytes(570)
        connection.send_share(mcs.SAVE_SESSION_INFO, info)
        connection.send_share(UPDATE, struct.pack('<HH', 3, 0))
        connection.serve()

    service = make_gate(entry('desk', machine('127.0.0.2', on_active=give)))
    with service.mini() as client:
        client.run()
        data_kind = None
        while data_kind != UPDATE:
            _, data_kind, body = client.receive_share()
            assert bits not in body


# --- delegated credentials -------------------------------------------------------------------------

def test_delegated_password_reaches_the_target(make_gate, machine):
    target = machine('127.0.0.2')
    own = {**entry('desk', target), 'login': 'delegate'}
    service = make_gate(own)
    target.user, target.password = 'demo', service.passwords['demo']
    with service.mini() as client:
        client.run()
    assert target.fact('credentials')[1:] == ('demo', service.passwords['demo'])
    assert service.wait_event('access_granted')['login'] == 'delegate'


def test_delegate_without_credentials_is_refused(make_gate, machine):
    """As restricted admin and smart cards do: there is nothing to pass on."""
    target = machine('127.0.0.2')
    service = make_gate({**entry('desk', target), 'login': 'delegate'})
    refused(service, service.mini(alter={'secret': lambda _: credssp.ts_password('', '', '')}))
    event = service.wait_event('access_denied')
    assert 'delegated no password' in event['reason']
    assert all('requested' not in c.facts for c in target.connections), 'nothing was said to it'
