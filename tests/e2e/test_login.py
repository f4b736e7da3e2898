# SPDX-License-Identifier: Apache-2.0
"""How a target logs the person on: by its own login screen, in restricted admin mode, by old CredSSP."""
import secrets
import struct

import pytest

from gate import target_entry
from lab import wait_for
from rdpmini import Closed, Refused, credssp, mcs

AUTOLOGON = 0x8
LOGIN_BOX = (0xDE, 0xDE, 0xDE)
RESTRICTED_ADMIN = 1, 8  # asked for in RDP_NEG_REQ.flags, offered in RDP_NEG_RSP.flags


def refused(service, client):
    with client, pytest.raises((Refused, Closed)):
        client.run()
    service.wait_event('session_end')
    assert len(service.failures()) == 1, service.new_events()
    return service.failures()[0]


def pixels(framebuffer, colour):
    """How many pixels of an XWD file of 32 bits a pixel have the colour (BGR)."""
    data = framebuffer.read_bytes()
    header, = struct.unpack_from('>I', data)
    colours, = struct.unpack_from('>I', data, 76)
    body = data[header + 12 * colours:]
    return sum(b == colour[0] and g == colour[1] and r == colour[2]
               for b, g, r in zip(body[0::4], body[1::4], body[2::4]))


def asks(target):
    return {**target_entry('desk', target, verify='tofu', nla='off'), 'login': 'ask'}


# --- login: ask ------------------------------------------------------------------------------------

def test_a_target_that_asks_is_told_no_account(make_gate, scripted):
    target = scripted(selected=mcs.PROTOCOL_SSL)
    service = make_gate(asks(target))
    with service.mini() as client:
        client.run()
        client.send_keys(0x1E)
        assert target.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))
    info = target.fact('info')
    assert (info['domain'], info['user'], info['password']) == ('', '', '')
    assert not info['flags'] & AUTOLOGON
    assert target.fact('requested') == mcs.PROTOCOL_SSL
    assert b'mstshash' not in target.fact('request')
    assert service.wait_event('access_granted')['login'] == 'ask'
    service.wait_event('session_end')
    assert not service.failures()


def test_a_target_that_asks_must_be_the_right_one(make_gate, scripted):
    """A person types a password into what is shown: not into anybody's screen."""
    target = scripted(selected=mcs.PROTOCOL_SSL)
    service = make_gate({**asks(target), 'tls': {'verify': 'pin', 'pin': 'sha256:' + '11' * 32}})
    event = refused(service, service.mini())
    assert event['event'] == 'target_certificate_changed'
    assert 'info' not in target.connections[-1].facts


def test_the_person_logs_in_on_xrdps_own_screen(make_gate, xrdp, freerdp):
    service = make_gate(asks(xrdp))
    client = freerdp(service, 'demo')
    service.wait_event('session_active')
    wait_for(lambda: pixels(client.display.framebuffer, LOGIN_BOX) > 20000, 20, "xrdp's login box")
    assert service.passwords['demo'] not in client.process.text()
    # xrdp's box has the user's name, then the password; its focus starts on the name.
    client.display.run('xdotool', 'mousemove', '20', '20', 'type', '--delay', '40', xrdp.user)
    client.display.run('xdotool', 'key', 'Tab')
    client.display.run('xdotool', 'type', '--delay', '40', xrdp.password)
    client.display.run('xdotool', 'key', 'Return')
    client.wait_painted(xrdp)
    said = 'k' + secrets.token_hex(3)
    client.type(said)
    wait_for(lambda: said in xrdp.typed(), what='the typed word in the session')
    assert not service.failures()


# --- restricted admin ------------------------------------------------------------------------------

def test_restricted_admin_clients_need_no_password_of_their_own(make_gate, scripted):
    wanted, offered = RESTRICTED_ADMIN
    target = scripted()
    service = make_gate(target_entry('desk', target))
    empty = {'secret': lambda _: credssp.ts_password('', '', '')}
    with service.mini(negotiation_flags=wanted, alter=empty) as client:
        client.run()
        assert client.negotiation_answer[8] & offered
    with service.mini() as client:
        client.run()
        assert not client.negotiation_answer[8] & offered, 'only who asks is told'
    assert target.fact('credentials') == ('', 'worker', 'behind-the-gate')
    assert not service.failures()


def test_restricted_admin_does_not_replace_delegation(make_gate, scripted):
    target = scripted()
    service = make_gate({**target_entry('desk', target), 'login': 'delegate'})
    empty = {'secret': lambda _: credssp.ts_password('', '', '')}
    event = refused(service, service.mini(negotiation_flags=1, alter=empty))
    assert event['event'] == 'access_denied' and 'delegated no password' in event['reason']


def test_restricted_admin_of_a_real_client(gate, shadow, freerdp):
    client = freerdp(gate, 'demo', '/restricted-admin')
    client.wait_painted(shadow)


@pytest.mark.parametrize('selected', [mcs.PROTOCOL_HYBRID, mcs.PROTOCOL_HYBRID_EX])
def test_a_restricted_admin_target_gets_no_password(make_gate, scripted, selected):
    wanted, offered = RESTRICTED_ADMIN
    target = scripted(selected=selected, rsp_flags=3 | offered)
    service = make_gate(target_entry('desk', target, restricted_admin=True))
    with service.mini() as client:
        client.run()
    flags, = struct.unpack_from('<B', target.fact('request'), len(target.fact('request')) - 7)
    assert flags == wanted
    assert target.fact('nla_user') == 'worker'
    assert target.fact('credentials') == ('', '', '')
    assert target.fact('info')['password'] == ''


def test_a_target_without_restricted_admin_is_refused(make_gate, scripted):
    target = scripted()
    service = make_gate(target_entry('desk', target, restricted_admin=True))
    event = refused(service, service.mini())
    assert event['where'] == 'target offers no restricted admin mode'
    assert 'nla_user' not in target.connections[-1].facts


# --- CredSSP of old targets ------------------------------------------------------------------------

@pytest.mark.parametrize('version', [2, 3, 4, 5, 6])
def test_old_credssp_where_the_target_says_so(make_gate, scripted, version):
    target = scripted(credssp=version)
    service = make_gate(target_entry('desk', target, verify='tofu', credssp_min=2))
    with service.mini() as client:
        client.run()
    assert target.fact('credentials') == ('', 'worker', 'behind-the-gate')
    service.wait_event('session_end')
    assert not service.failures()


@pytest.mark.parametrize('version,settings', [(4, {}), (2, {}), (3, {'credssp_min': 4})])
def test_old_credssp_is_refused_elsewhere(make_gate, scripted, version, settings):
    target = scripted(credssp=version)
    service = make_gate(target_entry('desk', target, verify='tofu', **settings))
    event = refused(service, service.mini())
    assert event['event'] == 'target_login_failed' and event['where'] == 'TSRequest.version'
    assert 'nla_user' not in target.connections[-1].facts, 'no proof was sent'


def test_old_credssp_with_a_wrong_echo_gets_no_password(make_gate, scripted):
    target = scripted(credssp=4, wrong_echo=True)
    service = make_gate(target_entry('desk', target, verify='tofu', credssp_min=2))
    refused(service, service.mini())
    assert 'credentials' not in target.connections[-1].facts
