# SPDX-License-Identifier: Apache-2.0
"""TPKT, X.224, MCS, GCC and the share headers as bytes (T.123, T.125, MS-RDPBCGR 2.2)."""
import struct

PROTOCOL_RDP, PROTOCOL_SSL, PROTOCOL_HYBRID, PROTOCOL_RDSTLS, PROTOCOL_HYBRID_EX = 0, 1, 2, 4, 8
HYBRID_REQUIRED_BY_SERVER = 5
IO_CHANNEL = 1003
SEC_INFO_PKT, SEC_LICENSE_PKT = 0x40, 0x80
SEC_AUTODETECT_REQ, SEC_AUTODETECT_RSP = 0x1000, 0x2000
PDU_DEMAND_ACTIVE, PDU_CONFIRM_ACTIVE, PDU_DEACTIVATE_ALL, PDU_DATA, PDU_REDIRECT = 1, 3, 6, 7, 10
SYNCHRONIZE, CONTROL, INPUT, FONT_LIST, FONT_MAP = 0x1F, 0x14, 0x1C, 0x27, 0x28
SET_ERROR_INFO, SAVE_SESSION_INFO, FRAME_ACK = 0x2F, 0x26, 0x38


CLIENT_EARLY = 0x0661  # errors, connection type, layout, time zone, heartbeat


def redirection(session=7, flags=0, **fields):
    """A Server Redirection Packet (2.2.13.1); text becomes UTF-16 with its NUL, bytes stay."""
    order = {'address': 1, 'token': 2, 'user': 4, 'domain': 8, 'password': 0x10, 'fqdn': 0x100,
             'netbios': 0x200, 'tsv_url': 0x1000, 'guid': 0x8000, 'certificate': 0x10000}
    body = b''
    for name, flag in order.items():
        value = fields.pop(name, None)
        if value is None:
            continue
        if isinstance(value, str):
            value = (value + '\0').encode('utf-16-le')
        body += struct.pack('<I', len(value)) + value
        flags |= flag
    addresses = fields.pop('addresses', None)
    if addresses:
        texts = [(a + '\0').encode('utf-16-le') for a in addresses]
        inner = struct.pack('<I', len(texts)) + b''.join(struct.pack('<I', len(t)) + t for t in texts)
        body += struct.pack('<I', len(inner)) + inner
        flags |= 0x800
    if fields:
        raise TypeError(f'no field {fields}')
    return struct.pack('<HHII', 0x0400, 12 + len(body), session, flags) + body


def tpkt(body):
    return struct.pack('>BBH', 3, 0, len(body) + 4) + body


def data_tpdu(body):
    return tpkt(b'\x02\xf0\x80' + body)


def neg_req(protocols, flags=0):
    return struct.pack('<BBHI', 1, flags, 8, protocols)


def connection_request(cookie=b'', negotiation=b''):
    tail = cookie + negotiation
    return tpkt(struct.pack('>BBHHB', 6 + len(tail), 0xE0, 0, 0, 0) + tail)


def connection_confirm(kind, flags, value):
    tail = struct.pack('<BBHI', kind, flags, 8, value)
    return tpkt(struct.pack('>BBHHB', 6 + len(tail), 0xD0, 0, 0x1234, 0) + tail)


def per_length(size):
    return bytes([size]) if size < 0x80 else struct.pack('>H', size | 0x8000)


def per_length_read(data, at):
    if data[at] & 0x80:
        return struct.unpack_from('>H', data, at)[0] & 0x7FFF, at + 2
    return data[at], at + 1


def ber(tag, body):
    if len(body) < 0x80:
        return tag + bytes([len(body)]) + body
    return tag + b'\x82' + struct.pack('>H', len(body)) + body


def ber_read(data, at, tag_size=1):
    """(content, offset behind it)"""
    at += tag_size
    size, at = data[at], at + 1
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[at:at + count], 'big'), at + count
    return data[at:at + size], at + size


def _domain(*numbers):
    def one(n):
        size = max(1, (n.bit_length() + 7) // 8)
        return ber(b'\x02', n.to_bytes(size, 'big'))
    return ber(b'\x30', b''.join(one(n) for n in numbers))


def block(kind, body):
    return struct.pack('<HH', kind, len(body) + 4) + body


def blocks_read(data):
    out, at = {}, 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from('<HH', data, at)
        if size < 4:
            break
        out[kind] = data[at + 4:at + size]
        at += size
    return out


def connect_initial(blocks):
    gcc = b'\x00\x08\x00\x10\x00\x01\xc0\x00Duca' + struct.pack('>H', len(blocks) | 0x8000) + blocks
    user_data = b'\x00\x05\x00\x14\x7c\x00\x01' + struct.pack('>H', len(gcc) | 0x8000) + gcc
    return ber(b'\x7f\x65', b'\x04\x01\x01\x04\x01\x01\x01\x01\xff'
               + _domain(34, 2, 0, 1, 0, 1, 65535, 2) + _domain(1, 1, 1, 1, 0, 1, 1056, 2)
               + _domain(65535, 64535, 65535, 1, 0, 1, 65535, 2) + ber(b'\x04', user_data))


def connect_response(blocks):
    gcc = b'\x14\x76\x0a\x01\x01\x00\x01\xc0\x00McDn' + per_length(len(blocks)) + blocks
    user_data = b'\x00\x05\x00\x14\x7c\x00\x01' + per_length(len(gcc)) + gcc
    return ber(b'\x7f\x66', b'\x0a\x01\x00\x02\x01\x00'
               + _domain(34, 3, 0, 1, 0, 1, 65528, 2) + ber(b'\x04', user_data))


def gcc_blocks(pdu):
    """The user data blocks of a Connect Initial or Response, found by its H.221 key."""
    for key in (b'Duca', b'McDn'):
        at = pdu.find(key)
        if at >= 0:
            size, at = per_length_read(pdu, at + 4)
            return blocks_read(pdu[at:at + size])
    raise ValueError('no GCC user data')


def client_core(width, height, selected, early=CLIENT_EARLY, name='MINI', version=0x00080004):
    name16 = name.encode('utf-16-le')[:30]
    return block(0xC001, struct.pack('<IHHHHII', version, width, height, 0xCA01, 0xAA03, 0x409, 18363)
                 + name16.ljust(32, b'\0') + struct.pack('<III', 4, 0, 12) + bytes(64)
                 + struct.pack('<HHIHHH', 0xCA01, 1, 0, 32, 0x0F, early & 0xFFFF) + bytes(64)
                 + struct.pack('<BBI', 0, 0, selected))


def client_net(channels):
    body = struct.pack('<I', len(channels))
    for name, options in channels:
        raw = name if isinstance(name, bytes) else name.encode().ljust(8, b'\0')
        body += raw[:8] + struct.pack('<I', options)
    return block(0xC003, body)


def send_request(user, channel, data):
    return data_tpdu(struct.pack('>BHHB', 0x64, user - 1001, channel, 0x70) + per_length(len(data)) + data)


def send_indication(channel, data, user=1002):
    return data_tpdu(struct.pack('>BHHB', 0x68, user - 1001, channel, 0x70) + per_length(len(data)) + data)


def client_info(user, domain, password, flags=0x000B4773 & ~0x0080):
    texts = [t.encode('utf-16-le') for t in (domain, user, password, '', '')]
    body = struct.pack('<II5H', 0x409, flags, *(len(t) for t in texts))
    body += b''.join(t + b'\0\0' for t in texts)
    address, folder = '127.0.0.1\0'.encode('utf-16-le'), 'C:\\mini\0'.encode('utf-16-le')
    body += struct.pack('<HH', 2, len(address)) + address + struct.pack('<H', len(folder)) + folder
    body += bytes(172) + struct.pack('<IIH', 0, 0, 0)
    return struct.pack('<HH', SEC_INFO_PKT, 0) + body


def client_info_read(data):
    """domain, user, password, flags of a Client Info PDU with its security header."""
    flags, *sizes = struct.unpack_from('<I5H', data, 8)
    at, texts = 22, []
    for size in sizes:
        texts.append(data[at:at + size].decode('utf-16-le'))
        at += size + 2
    return {'domain': texts[0], 'user': texts[1], 'password': texts[2], 'flags': flags}


def licence_valid():
    return struct.pack('<HHBBHIIHH', SEC_LICENSE_PKT, 0, 0xFF, 3, 16, 7, 2, 4, 0)


def share_control(kind, source, body):
    return struct.pack('<HHH', len(body) + 6, kind | 0x10, source) + body


def share_data(share_id, kind, source, body):
    return share_control(PDU_DATA, source,
                         struct.pack('<IBBHBBH', share_id, 0, 1, len(body) + 4, kind, 0, 0) + body)


def capability(kind, body):
    return struct.pack('<HH', kind, len(body) + 4) + body


def capabilities(width, height, is_client):
    """The sets without which no peer goes on; enough for bitmap and surface updates."""
    sets = [
        capability(1, struct.pack('<9HBB', 1, 3, 0x200, 0, 0, 0x041D, 0, 0, 0, 1, 1)),
        capability(2, struct.pack('<7HHHBBHH', 32, 1, 1, 1, width, height, 0, 1, 1, 0, 0x08, 1, 0)),
        capability(3, bytes(16) + struct.pack('<IHHHHHH', 0, 1, 20, 0, 1, 0, 0x00AA) + bytes(32)
                   + struct.pack('<HHIIHHHH', 0x06A1, 0, 0, 0x38400, 0, 0, 0, 0)),
        capability(8, struct.pack('<HHH', 1, 25, 25)),
        capability(9, struct.pack('<HH', 0 if is_client else 1002, 0)),
        capability(0x0D, struct.pack('<HHIIII', 0x35, 0, 0x409, 4, 0, 12) + bytes(64)),
        capability(0x0E, struct.pack('<HH', 1, 0)),
        capability(0x14, struct.pack('<II', 0, 1600)),
        capability(0x1A, struct.pack('<I', 0x100000)),
        capability(0x1B, struct.pack('<H', 1)),
        capability(0x1C, struct.pack('<II', 0x52, 0)),
        capability(0x1E, struct.pack('<I', 2)),
    ]
    if is_client:
        sets += [capability(0x13, bytes([0, 0, 0, 3]) + bytes(36)),
                 capability(0x10, bytes(48)), capability(0x0F, struct.pack('<I', 1)),
                 capability(0x0C, struct.pack('<HH', 1, 0)),
                 capability(5, bytes(8)), capability(7, bytes(8)), capability(0x0A, struct.pack('<HH', 6, 0))]
    return sets


def demand_active(share_id, width, height, source=1002):
    sets = capabilities(width, height, is_client=False)
    body = b''.join(sets)
    return share_control(PDU_DEMAND_ACTIVE, source,
                         struct.pack('<IHH', share_id, 4, len(body) + 4) + b'RDP\0'
                         + struct.pack('<HH', len(sets), 0) + body + struct.pack('<I', 0))


def confirm_active(share_id, user, width, height):
    sets = capabilities(width, height, is_client=True)
    body = b''.join(sets)
    return share_control(PDU_CONFIRM_ACTIVE, user,
                         struct.pack('<IHHH', share_id, 0x03EA, 5, len(body) + 4) + b'MINI\0'
                         + struct.pack('<HH', len(sets), 0) + body)


def fastpath(body, header=0):
    """A fast-path PDU around body with the two-byte length form."""
    return struct.pack('>BH', header, (len(body) + 3) | 0x8000) + body


def shares(data):
    """The share PDUs in one MCS payload as (type, source, share data type or None, body)."""
    at = 0
    while at + 6 <= len(data):
        total, kind, source = struct.unpack_from('<HHH', data, at)
        if total == 0x8000:
            at += 8
            continue
        if total < 6:
            return
        pdu, at = data[at:at + total], at + total
        if kind & 0xF == PDU_DATA:
            yield PDU_DATA, source, pdu[14], pdu[18:]
        else:
            yield kind & 0xF, source, None, pdu[6:]
