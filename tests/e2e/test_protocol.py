# SPDX-License-Identifier: Apache-2.0
"""Forms of the protocol that no client of Debian speaks, and targets that do not behave."""
import ssl
import struct

import pytest

from gate import target_entry
from rdpmini import Closed, Refused, mcs
from rdpmini.credssp import OID_NTLM, REQUEST_MIC, ACCEPT_INCOMPLETE


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize('requested', [3, 11], ids=['HYBRID', 'HYBRID_EX'])
def test_connection_comes_up(make_gate, scripted, requested, version):
    target = scripted()
    service = make_gate(target_entry('desk', target))
    with service.mini(requested=requested, tls_version=version) as client:
        client.run()
        assert client.selected == (8 if requested == 11 else 2)
        client.send_keys(0x1E)
        assert target.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))
    assert target.fact('credentials') == ('', 'worker', 'behind-the-gate')
    info = target.fact('info')
    assert info['user'] == 'worker' and info['password'] == ''
    service.wait_event('session_end')
    assert not service.failures()


@pytest.mark.filterwarnings('ignore:.*TLSv1_1 is deprecated')
def test_tls_1_1_is_refused(gate):
    with gate.mini() as client:
        client.stage_x224()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(Closed):
            client.line.start_tls(context)


@pytest.mark.parametrize('mic_late', [False, True], ids=['at once', 'a round later'])
@pytest.mark.parametrize('form', ['ntlm', 'kerberos'])
def test_spnego(gate, form, mic_late):
    with gate.mini(spnego=form, mic_late=mic_late) as client:
        client.run('nla')
        if form == 'kerberos':
            assert client.first_reply['state'] in (REQUEST_MIC, ACCEPT_INCOMPLETE)
            assert client.first_reply['mech'] == OID_NTLM


@pytest.mark.parametrize('version,good', [(2, False), (4, False), (5, True), (6, True), (7, True)])
def test_credssp_versions(gate, version, good):
    with gate.mini(credssp_version=version) as client:
        if good:
            client.run('nla')
        else:
            with pytest.raises((Refused, Closed)):
                client.run('nla')


def test_ntlm_without_mic_is_refused(gate):
    gate.mark()
    with gate.mini() as client:
        client.ntlm.with_mic = False
        with pytest.raises((Refused, Closed)):
            client.run('nla')
    gate.one_failure('session_failed')


# --- targets -----------------------------------------------------------------------------------

def failing(service, client):
    with client, pytest.raises((Refused, Closed)) as said:
        client.run()
    service.wait_event('session_end')
    assert len(service.failures()) == 1, service.new_events()
    return said.value, service.failures()[0]


def test_target_with_hybrid_ex(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted(selected=8)))
    with service.mini() as client:
        client.run()


def test_target_denies_early(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted(selected=8, early_result=5)))
    failing(service, service.mini())


@pytest.mark.parametrize('script', [
    {'selected': 0}, {'selected': 1}, {'selected': 3}, {'selected': 16}, {'failure': 2}, {'failure': 5}],
    ids=['selects RDP', 'selects TLS', 'selects two', 'selects AAD', 'no TLS', 'HYBRID required'])
def test_target_downgrades(make_gate, scripted, script):
    target = scripted(**script)
    service = make_gate(target_entry('desk', target))
    failing(service, service.mini())
    assert 'info' not in target.connections[-1].facts


def test_target_with_wrong_binding_gets_no_password(make_gate, scripted):
    target = scripted(wrong_echo=True)
    service = make_gate(target_entry('desk', target))
    failing(service, service.mini())
    assert 'credentials' not in target.connections[-1].facts


def test_target_was_told_other_protocols(make_gate, scripted):
    """SC_CORE.clientRequestedProtocols differs: someone changed the request on its way."""
    service = make_gate(target_entry('desk', scripted(echo_protocols=1)))
    failing(service, service.mini())


def test_target_with_licence_error(make_gate, scripted):
    refusal = struct.pack('<HHBBHIIHH', 0x80, 0, 0xFF, 3, 16, 2, 1, 4, 0)
    service = make_gate(target_entry('desk', scripted(licence=refusal)))
    said, _ = failing(service, service.mini())
    assert isinstance(said, Closed) or 0x100 <= said.code <= 0x10A


def test_target_measures_round_trips(make_gate, scripted):
    """Connect-time auto-detect is answered by Sallyport itself."""
    def measure(connection):
        request = struct.pack('<HHBBHH', mcs.SEC_AUTODETECT_REQ, 0, 6, 0, 7, 0x1001)
        connection.send_channel(connection.message_channel, request)
        channel, answer = connection.receive()
        connection.target.tell(connection, measured=(channel == connection.message_channel, answer))

    target = scripted(before_active=measure, message_channel=True)
    service = make_gate(target_entry('desk', target))
    with service.mini(message_channel=True) as client:
        client.run()
    if not target.connections[-1].message_channel:
        pytest.skip('Sallyport asked the target for no message channel')
    right_channel, answer = target.fact('measured')
    assert right_channel and answer == struct.pack('<HHBBHH', mcs.SEC_AUTODETECT_RSP, 0, 6, 1, 7, 0)


def test_deactivate_and_activate_again(make_gate, scripted):
    def twice(connection):
        connection.deactivate()
        connection.activate()
        connection.target.tell(connection, again=True)
        connection.serve()

    target = scripted(on_active=twice)
    service = make_gate(target_entry('desk', target))
    with service.mini() as client:
        client.run()
        kind, _, _ = client.receive_share()
        assert kind == mcs.PDU_DEACTIVATE_ALL
        kind, _, body = client.receive_share()
        assert kind == mcs.PDU_DEMAND_ACTIVE
        client.activate(body)
        assert target.fact('again')
        client.send_keys(0x1E)
        assert target.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))


def test_injected_account_is_not_shown(make_gate, scripted):
    """Save Session Info names the account of the target; the client gets what its person typed."""
    def logged_on(connection):
        domain, user = 'VAULT\0'.encode('utf-16-le'), 'worker\0'.encode('utf-16-le')
        connection.send_share(mcs.SAVE_SESSION_INFO, struct.pack('<IHIIII', 1, 1, 18, 5, len(domain), len(user))
                              + bytes(558) + domain + user)
        connection.serve()

    service = make_gate(target_entry('desk', scripted(on_active=logged_on)))
    with service.mini() as client:
        client.run()
        _, data_kind, body = client.receive_share()
    assert data_kind == mcs.SAVE_SESSION_INFO
    assert 'worker'.encode('utf-16-le') not in body and 'VAULT'.encode('utf-16-le') not in body
    assert 'demo'.encode('utf-16-le') in body


def test_target_error_reaches_the_client(make_gate, scripted):
    def shut(connection):
        connection.send_share(mcs.SET_ERROR_INFO, struct.pack('<I', 0xC))
        connection.line.send(mcs.data_tpdu(b'\x21\x80'))

    service = make_gate(target_entry('desk', scripted(on_active=shut)))
    with service.mini() as client:
        client.run()
        _, data_kind, body = client.receive_share()
        assert data_kind == mcs.SET_ERROR_INFO and body == struct.pack('<I', 0xC)
        with pytest.raises(Closed):
            client.receive_share()
    service.wait_event('session_end')
    assert not service.failures()


def test_graphics_pass_untouched(make_gate, scripted):
    def paint(connection):
        for size in (1, 100, 5000, 16000):
            connection.send_fast(bytes(range(256)) * (size // 256 + 1))
        connection.serve()

    service = make_gate(target_entry('desk', scripted(on_active=paint)))
    with service.mini() as client:
        client.run()
        for size in (1, 100, 5000, 16000):
            kind, whole = client.line.pdu()
            assert kind == 'fast' and whole[3:] == bytes(range(256)) * (size // 256 + 1)


def test_frame_acknowledgements_reach_the_target(make_gate, scripted):
    target = scripted()
    service = make_gate(target_entry('desk', target))
    with service.mini() as client:
        client.run()
        client.send_share(mcs.FRAME_ACK, struct.pack('<I', 7))
        assert target.wait(lambda t: (mcs.PDU_DATA, mcs.FRAME_ACK)
                           in t.connections[-1].facts.get('shares', []))
