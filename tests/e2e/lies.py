# SPDX-License-Identifier: Apache-2.0
"""Where the length fields of a client's messages stand, and what may be said in them instead."""
import struct

CONSTRUCTED = {0x30, 0x60, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5}


def der_lengths(data, at=0, end=None):
    """(offset, size) of every length octet group of nested DER."""
    end = len(data) if end is None else end
    while at + 2 <= end:
        tag, first = data[at], data[at + 1]
        if first & 0x80:
            count = first & 0x7F
            size = int.from_bytes(data[at + 2:at + 2 + count], 'big')
            yield at + 2, count
            body = at + 2 + count
        else:
            size, body = first, at + 2
            yield at + 1, 1
        if tag in CONSTRUCTED:
            yield from der_lengths(data, body, body + size)
        at = body + size


def _x224(data):
    found = [(2, 2, 'big'), (4, 1, 'big')]
    at = data.rfind(struct.pack('<BBH', 1, 0, 8))
    return found + [(at + 2, 2, 'little')]


def _ts_request(data):
    found = [(at, size, 'big') for at, size in der_lengths(data)]
    token = data.find(b'NTLMSSP\0')
    if token < 0:
        return found
    descriptors = (16, 24) if data[token + 8] == 1 else (12, 20, 28, 36, 44, 52)
    for at in descriptors:
        found += [(token + at, 2, 'little'), (token + at + 4, 4, 'little')]
    return found


def _mcs(data):
    found = [(2, 2, 'big'), (4, 1, 'big'), (10, 2, 'big')]
    for key in (b'\x00\x05\x00\x14\x7c\x00\x01', b'Duca'):
        found.append((data.find(key) + len(key), 2, 'big'))
    at = data.find(b'Duca') + 6
    while at + 4 <= len(data):
        kind, size = struct.unpack_from('<HH', data, at)
        found.append((at + 2, 2, 'little'))
        if kind == 0xC003:
            found.append((at + 4, 4, 'little'))
        at += size
    return found


def _info(data):
    start = 15  # behind TPKT, X.224, MCS SendDataRequest with a two-byte length
    found = [(2, 2, 'big'), (4, 1, 'big'), (13, 2, 'big')]
    sizes = struct.unpack_from('<5H', data, start + 12)
    found += [(start + 12 + 2 * i, 2, 'little') for i in range(5)]
    at = start + 22 + sum(sizes) + 10 + 2
    found.append((at, 2, 'little'))
    at += 2 + struct.unpack_from('<H', data, at)[0]
    found.append((at, 2, 'little'))
    return found + [(len(data) - 2, 2, 'little')]


FIELDS = {'x224': _x224, 'negotiate': _ts_request, 'authenticate': _ts_request, 'credentials': _ts_request,
          'secret': lambda data: [(at, size, 'big') for at, size in der_lengths(data)],
          'mcs': _mcs, 'domain': lambda data: [(2, 2, 'big'), (4, 1, 'big')], 'info': _info}


def values(true, size):
    """Other things to say in a field of so many bytes."""
    top = (1 << 8 * size) - 1
    return sorted({0, true - 1, true + 1, 0x7F, 0x80, 0x7FFF, 0xFFFF, top} - {true, -1} - set(
        v for v in (0x7FFF, 0xFFFF, true + 1) if v > top))


def lies(step, data):
    """Every lie about one message: (offset, size, order, value)."""
    for at, size, order in FIELDS[step](data):
        true = int.from_bytes(data[at:at + size], order)
        for value in values(true, size):
            yield at, size, order, value


def tell(data, lie):
    at, size, order, value = lie
    return data[:at] + value.to_bytes(size, order) + data[at + size:]
