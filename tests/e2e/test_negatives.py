# SPDX-License-Identifier: Apache-2.0
"""What a target may not answer: the negative cases of Microsoft's client suite that a back can meet.

Each ends the connection with one event; the person hears of it in Sallyport's words, and the next
connection works.
"""
import struct

import pytest

from gate import target_entry
from rdpmini import Closed, Refused, mcs

SECURITY_BLOCK = b'\x02\x0c\x0c\x00'


def shorter(data):
    """TPKT says one byte less than there is."""
    return data[:2] + struct.pack('>H', len(data) - 1) + data[4:]


def longer_mcs(data):
    """The MCS length says one byte more than there is."""
    at = 13
    if data[at] & 0x80:
        return data[:at] + struct.pack('>H', struct.unpack_from('>H', data, at)[0] + 1) + data[at + 2:]
    return data[:at] + bytes([data[at] + 1]) + data[at + 1:]


def payload(data):
    return 15 if data[13] & 0x80 else 14


def put(at, value):
    """Change bytes behind the MCS header."""
    def change(data):
        i = payload(data) + at
        return data[:i] + value + data[i + len(value):]
    return change


def security(at, value):
    """Change a field of SC_SECURITY."""
    def change(data):
        i = data.index(SECURITY_BLOCK) + 4 + at
        return data[:i] + value + data[i + len(value):]
    return change


def swap(old, new):
    def change(data):
        assert old in data
        return data.replace(old, new, 1)
    return change


TAMPERED = {
    'confirm: TPKT length': ('confirm', shorter),
    'confirm: TPKT version': ('confirm', lambda d: b'\x02' + d[1:]),
    'confirm: negotiation data': ('confirm', lambda d: d[:11] + b'\x07' + d[12:]),
    'confirm: negotiation length': ('confirm', lambda d: d[:13] + b'\x07\x00' + d[15:]),
    'mcs: result': ('mcs', swap(b'\x0a\x01\x00', b'\x0a\x01\x01')),
    'mcs: H.221 key': ('mcs', swap(b'McDn', b'Duca')),
    'mcs: user data length': ('mcs', swap(SECURITY_BLOCK, b'\x02\x0c\x08\x00')),
    'mcs: encryption method': ('mcs', security(0, struct.pack('<I', 2))),
    'mcs: encryption method unknown': ('mcs', security(0, struct.pack('<I', 0x8000))),
    'mcs: encryption level': ('mcs', security(4, struct.pack('<I', 3))),
    'attach: TPKT length': ('attach', shorter),
    'attach: result': ('attach', lambda d: d[:8] + b'\x01' + d[9:]),
    'attach: no initiator': ('attach', lambda _: mcs.data_tpdu(b'\x2c\x00')),
    'join: TPKT length': ('join', shorter),
    'join: result': ('join', lambda d: d[:8] + b'\x01' + d[9:]),
    'join: no channel': ('join', lambda d: mcs.data_tpdu(b'\x3c' + d[8:13])),
    'join: another channel': ('join', lambda d: d[:-2] + b'\x07\xff'),
    'licence: TPKT length': ('licence', shorter),
    'licence: MCS length': ('licence', longer_mcs),
    'licence: no flag': ('licence', put(0, b'\x00\x00')),
    'licence: encrypted': ('licence', put(0, b'\x88\x00')),
    'demand: TPKT length': ('demand', shorter),
    'demand: MCS length': ('demand', longer_mcs),
    'demand: total length': ('demand', put(0, b'\xff\x0f')),
    'demand: another PDU': ('demand', put(2, b'\x13\x00')),
    'demand: capabilities length': ('demand', put(12, b'\xff\x7f')),
}


def one_ending(service, client):
    """How the client's connection ended, and the one event."""
    with client, pytest.raises((Refused, Closed)):
        client.run()
        while True:
            client.line.pdu()
    service.wait_event('session_end')
    assert len(service.failures()) == 1, service.new_events()
    event = service.failures()[0]
    assert 'signal' not in event.get('reason', ''), event
    return event


@pytest.fixture
def hostile(make_gate, scripted):
    """Sallyport in front of a target whose script changes from case to case."""
    target = scripted()
    service = make_gate(target_entry('desk', target))
    return service, target


def test_each_negative_case_before_activation(hostile):
    service, target = hostile
    wrong = {}
    for name, (step, change) in TAMPERED.items():
        service.mark()
        target.script.tamper = {step: change}
        event = one_ending(service, service.mini(timeout=40))
        if event['event'] not in ('session_failed', 'exploit_attempt') or \
                event['step'] != 'splice' and not event['step'].startswith('target_'):
            wrong[name] = event
    assert not wrong
    target.script.tamper = {}
    with service.mini() as client:
        client.run()


def update(change):
    """A slow-path update that is not what it says, once the client is active."""
    def send(connection):
        data = mcs.share_data(connection.share_id, 2, 1002, struct.pack('<HH', 3, 0))
        connection.line.send(change(mcs.send_indication(mcs.IO_CHANNEL, data)))
        connection.serve()
    return send


def chunk(change):
    """A chunk of a static channel that is not what it says."""
    def send(connection):
        data = struct.pack('<II', 8, 3) + bytes(8)
        connection.line.send(change(mcs.send_indication(connection.channels['rdpsnd'], data)))
        connection.serve()
    return send


AFTER = {
    'slow path: TPKT length': update(shorter), 'slow path: MCS length': update(longer_mcs),
    'slow path: total length': update(put(0, b'\xff\x0f')),
    'slow path: total length too small': update(put(0, b'\x05\x00')),
    'ultimatum: TPKT length': lambda c: c.line.send(shorter(mcs.data_tpdu(b'\x21\x80'))),
    'channel: TPKT length': chunk(shorter), 'channel: MCS length': chunk(longer_mcs),
}


def test_each_negative_case_behind_activation(hostile):
    service, target = hostile
    for name, send in AFTER.items():
        service.mark()
        target.script.on_active = send
        event = one_ending(service, service.mini(channels=[('rdpsnd', 0xC0000000)], timeout=40))
        assert event['event'] == 'session_failed' and event['step'] == 'splice', (name, event)


def test_a_desktop_too_large_is_clamped(hostile):
    """FreeRDP d943f5f78: 65535 by 65535."""
    service, target = hostile
    with service.mini(size=(65535, 65535)) as client:
        client.run()
    assert target.fact('size') == (8192, 8192)
