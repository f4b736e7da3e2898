# SPDX-License-Identifier: Apache-2.0
"""Licence server role (MS-RDPELE) with a key of its own; also makes the licensing vectors.

Run as a program it writes tests/vectors/licence_client anew.
"""
import hashlib
import pathlib
import struct

P = int('f070cf9c366c78547332a8ec73bac066ceb9c41bfd6ee8e7e4a6f91ae69bb71e0ac8ebd9d8496c71a3800662f01e03a62fa031a5f44efc96b8058d665a37c7d7', 16)
Q = int('d87db0c07baa931f10be4749926531d673ff9f3d78594a400bffed28d8cf0a2eb34e5cde57068d717c0f4cffd605c863af2127eeb28fcc28d33446e4c1870c71', 16)
N, E = P * Q, 65537
SIZE = 128
LICENSE_REQUEST, PLATFORM_CHALLENGE, NEW_LICENSE, UPGRADE_LICENSE = 1, 2, 3, 4
LICENSE_INFO, NEW_LICENSE_REQUEST, CHALLENGE_RESPONSE = 0x12, 0x13, 0x15


def rc4(key, data):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        out.append(byte ^ s[(s[i] + s[j]) % 256])
    return bytes(out)


def md5(data):
    return hashlib.md5(data).digest()


def salted(secret, first, second):
    return b''.join(md5(secret + hashlib.sha1(letters + secret + first + second).digest())
                    for letters in (b'A', b'BB', b'CCC'))


class Keys:
    """Both keys of one licensing exchange (MS-RDPELE 5.1.2)."""

    def __init__(self, premaster, client_random, server_random):
        master = salted(premaster, client_random, server_random)
        blob = salted(master, server_random, client_random)
        self.mac_key, self.key = blob[:16], md5(blob[16:32] + client_random + server_random)

    def crypt(self, data):
        return rc4(self.key, data)

    def mac(self, data):
        inner = hashlib.sha1(self.mac_key + b'\x36' * 40 + struct.pack('<I', len(data)) + data).digest()
        return md5(self.mac_key + b'\x5c' * 48 + inner)


def message(kind, body, version=3):
    return struct.pack('<HHBBH', 0x80, 0, kind, version, len(body) + 4) + body


def blob(kind, data):
    return struct.pack('<HH', kind, len(data)) + data


def blobs_read(data, count):
    out = []
    for _ in range(count):
        size, = struct.unpack_from('<H', data, 2)
        out.append(data[4:4 + size])
        data = data[4 + size:]
    return out, data


def proprietary():
    key = struct.pack('<IIIII', 0x31415352, SIZE + 8, SIZE * 8, SIZE - 1, E)
    key += N.to_bytes(SIZE, 'little') + bytes(8)
    return (struct.pack('<III', 0x80000001, 1, 1) + struct.pack('<HH', 6, len(key)) + key
            + struct.pack('<HH', 8, 72) + bytes(72))


def der(tag, content):
    size = len(content)
    head = bytes([size]) if size < 0x80 else b'\x82' + struct.pack('>H', size)
    return bytes([tag]) + head + content


def x509():
    """A chain of two; what is not looked at is there in form only."""
    modulus = der(2, b'\0' + N.to_bytes(SIZE, 'big'))
    key = der(0x30, modulus + der(2, E.to_bytes(3, 'big')))
    info = der(0x30, der(0x30, b'') + der(3, b'\0' + key))
    parts = der(0xA0, der(2, b'\2')) + der(2, b'\1') + 4 * der(0x30, b'') + info
    leaf = der(0x30, der(0x30, parts) + der(0x30, b'') + der(3, b'\0'))
    chain = b''.join(struct.pack('<I', len(c)) + c for c in (der(0x30, bytes(40)), leaf))
    return struct.pack('<II', 2, 2) + chain + bytes(16)


def request(server_random, certificate, scope=b'microsoft.com\0'):
    company, product = 'Microsoft Corporation\0'.encode('utf-16-le'), 'A02\0'.encode('utf-16-le')
    body = server_random + struct.pack('<I', 0x60000)
    body += struct.pack('<I', len(company)) + company + struct.pack('<I', len(product)) + product
    body += blob(0xD, struct.pack('<I', 1)) + blob(3, certificate)
    body += struct.pack('<I', 1) + blob(0xE, scope)
    return message(LICENSE_REQUEST, body)


def challenge(keys, text=b'T\0E\0S\0T\0\0\0'):
    return message(PLATFORM_CHALLENGE, bytes(4) + blob(9, keys.crypt(text)) + keys.mac(text))


def new_licence(keys, licence, kind=NEW_LICENSE, scope=b'microsoft.com\0'):
    clear = struct.pack('<I', 0x60000)
    for field in (scope, 'Microsoft Corporation\0'.encode('utf-16-le'), 'A02\0'.encode('utf-16-le'), licence):
        clear += struct.pack('<I', len(field)) + field
    return message(kind, blob(9, keys.crypt(clear)) + keys.mac(clear))


class LicenceServer:
    """One exchange: answers what the client sends, remembers what it said."""

    def __init__(self, certificate, licence=b'a licence', kind=NEW_LICENSE):
        self.random = bytes(range(32))
        self.certificate, self.licence, self.kind = certificate, licence, kind
        self.shown = self.user = self.machine = self.hardware_id = self.keys = None

    def begin(self):
        return request(self.random, self.certificate)

    def asked(self, data):
        """Take LICENSE_INFO or NEW_LICENSE_REQUEST; what was it?"""
        flags, _, kind, version, size = struct.unpack_from('<HHBBH', data)
        assert flags == 0x80 and version == 0x83 and size == len(data) - 4
        algorithm, _platform = struct.unpack_from('<II', data, 8)
        assert algorithm == 1
        client_random, rest = data[16:48], data[48:]
        (secret,), rest = blobs_read(rest, 1)
        assert secret[SIZE:] == bytes(8)
        clear = pow(int.from_bytes(secret, 'little'), pow(E, -1, (P - 1) * (Q - 1)), N)
        self.keys = Keys(clear.to_bytes(48, 'little'), client_random, self.random)
        (first, second), rest = blobs_read(rest, 2)
        if kind == NEW_LICENSE_REQUEST:
            assert rest == b''
            self.user, self.machine = first, second
        else:
            assert kind == LICENSE_INFO
            self.shown, self.hardware_id = first, self.keys.crypt(second)
            assert rest == self.keys.mac(self.hardware_id)
        return kind

    def responded(self, data):
        assert data[4] == CHALLENGE_RESPONSE
        (response, hardware), mac = blobs_read(data[8:], 2)
        response, hardware = self.keys.crypt(response), self.keys.crypt(hardware)
        assert self.keys.mac(response + hardware) == mac
        self.hardware_id = hardware
        return response

    def give(self):
        return new_licence(self.keys, self.licence, self.kind)


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / 'vectors' / 'licence_client'
    premaster, client_random, server_random = b'\x22' * 47 + b'\x01', b'\x11' * 32, bytes(range(32))
    keys = Keys(premaster, client_random, server_random)
    hardware = struct.pack('<I', 0x04010000) + b'\x33' * 16
    secret = pow(int.from_bytes(premaster, 'little'), E, N).to_bytes(SIZE, 'little') + bytes(8)
    head = struct.pack('<II', 1, 0x04010000) + client_random + blob(2, secret)
    text = b'T\0E\0S\0T\0\0\0'
    response = struct.pack('<HHHH', 0x100, 0x100, 3, len(text)) + text
    made = {
        'request_proprietary': request(server_random, proprietary()),
        'request_x509': request(server_random, x509()),
        'new_request': message(0x13, head + blob(0xF, b'worker\0') + blob(0x10, b'gate\0'), 0x83),
        'info': message(0x12, head + blob(1, b'a licence') + blob(9, keys.crypt(hardware))
                        + keys.mac(hardware), 0x83),
        'challenge': challenge(keys),
        'response': message(0x15, blob(9, keys.crypt(response)) + blob(9, keys.crypt(hardware))
                            + keys.mac(response + hardware), 0x83),
        'new_licence': new_licence(keys, b'a licence'),
        'upgrade': new_licence(keys, bytes(range(256)) * 28, UPGRADE_LICENSE),
        'keys': keys.mac_key + keys.key,
    }
    for name, data in made.items():
        lines = [data[i:i + 32].hex() for i in range(0, len(data), 32)]
        text = '# origin: tests/e2e/rdpmini/licence.py, an implementation of its own\n'
        (folder / f'{name}.hex').write_text(text + '\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
