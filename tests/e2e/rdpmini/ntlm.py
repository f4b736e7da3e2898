# SPDX-License-Identifier: Apache-2.0
"""NTLMv2 in both roles, MS-NLMP, from hashlib and two ciphers too old for it."""
import hashlib
import hmac
import os
import struct
import time

FLAGS = 0xE20882B7
TARGET_INFO = 0x00800000
VERSION = bytes([6, 1, 0xB1, 0x1D, 0, 0, 0, 15])
AV_EOL, AV_NB_COMPUTER, AV_NB_DOMAIN, AV_DNS_COMPUTER, AV_DNS_DOMAIN = 0, 1, 2, 3, 4
AV_FLAGS, AV_TIMESTAMP, AV_TARGET_NAME, AV_CHANNEL_BINDINGS = 6, 7, 9, 10


def _rol(value, count):
    value &= 0xFFFFFFFF
    return (value << count | value >> (32 - count)) & 0xFFFFFFFF


def md4(data):
    """RFC 1320."""
    def f(x, y, z):
        return x & y | ~x & z

    def g(x, y, z):
        return x & y | x & z | y & z

    def h(x, y, z):
        return x ^ y ^ z

    rounds = ((f, 0, (3, 7, 11, 19), range(16)),
              (g, 0x5A827999, (3, 5, 9, 13), [i % 4 * 4 + i // 4 for i in range(16)]),
              (h, 0x6ED9EBA1, (3, 9, 11, 15), [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]))
    padded = data + b'\x80' + bytes((55 - len(data)) % 64) + struct.pack('<Q', len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for at in range(0, len(padded), 64):
        x = struct.unpack('<16I', padded[at:at + 64])
        a, b, c, d = state
        for mix, constant, shifts, order in rounds:
            for i, k in enumerate(order):
                a = _rol(a + mix(b, c, d) + x[k] + constant, shifts[i % 4])
                a, b, c, d = d, a, b, c
        state = [(s + v) & 0xFFFFFFFF for s, v in zip(state, (a, b, c, d))]
    return struct.pack('<4I', *state)


class Rc4:
    """One direction's key stream."""

    def __init__(self, key):
        self.s, self.i, self.j = list(range(256)), 0, 0
        j = 0
        for i in range(256):
            j = (j + self.s[i] + key[i % len(key)]) % 256
            self.s[i], self.s[j] = self.s[j], self.s[i]

    def crypt(self, data):
        out, s = bytearray(), self.s
        for byte in data:
            self.i = (self.i + 1) % 256
            self.j = (self.j + s[self.i]) % 256
            s[self.i], s[self.j] = s[self.j], s[self.i]
            out.append(byte ^ s[(s[self.i] + s[self.j]) % 256])
        return bytes(out)


def utf16(text):
    return text.encode('utf-16-le')


def nt_hash(password):
    return md4(utf16(password))


def _hmac(key, data):
    return hmac.new(key, data, 'md5').digest()


def response_key(password, user, domain):
    return _hmac(nt_hash(password), utf16(user.upper()) + utf16(domain))


def av_read(data):
    """AV pairs as a list of (id, value), MsvAvEOL left out."""
    pairs, at = [], 0
    while True:
        kind, size = struct.unpack_from('<HH', data, at)
        if kind == AV_EOL:
            return pairs
        pairs.append((kind, data[at + 4:at + 4 + size]))
        at += 4 + size


def av_write(pairs):
    return b''.join(struct.pack('<HH', k, len(v)) + v for k, v in pairs) + bytes(4)


def filetime():
    return struct.pack('<Q', int((time.time() + 11644473600) * 10_000_000))


class Seal:
    """Sign and seal with one side's keys and check with the other's, MS-NLMP 3.4."""

    def __init__(self, exported, is_client):
        def key(direction, use):
            magic = b'session key to %s %s key magic constant\0' % (direction, use)
            return hashlib.md5(exported + magic).digest()

        out, back = b'client-to-server', b'server-to-client'
        if not is_client:
            out, back = back, out
        self.exported = exported
        self.sign_out, self.sign_in = key(out, b'signing'), key(back, b'signing')
        self.seal_out, self.seal_in = key(out, b'sealing'), key(back, b'sealing')
        self.reset()

    def keys(self):
        """Every key of the context by its name."""
        return {name: getattr(self, name)
                for name in ('exported', 'sign_in', 'sign_out', 'seal_in', 'seal_out')}

    def reset(self):
        """After a mechListMIC both streams and both numbers begin again (MS-SPNG 3.3.5.1)."""
        self.rc4_out, self.rc4_in = Rc4(self.seal_out), Rc4(self.seal_in)
        self.seq_out = self.seq_in = 0

    def seal(self, plain):
        text = self.rc4_out.crypt(plain)
        return self._signature(plain) + text

    def mic(self, plain):
        return self._signature(plain)

    def _signature(self, plain):
        seq = struct.pack('<I', self.seq_out)
        check = self.rc4_out.crypt(_hmac(self.sign_out, seq + plain)[:8])
        self.seq_out += 1
        return struct.pack('<I', 1) + check + seq

    def unseal(self, data):
        plain = self.rc4_in.crypt(data[16:])
        seq = struct.pack('<I', self.seq_in)
        check = self.rc4_in.crypt(_hmac(self.sign_in, seq + plain)[:8])
        self.seq_in += 1
        if data[:16] != struct.pack('<I', 1) + check + seq:
            raise ValueError('NTLM signature does not match')
        return plain


class Initiator:
    """Client role. Attributes may be changed between the calls to lie."""

    def __init__(self, user, password, domain='', spn='TERMSRV/127.0.0.1', workstation='MINI'):
        self.user, self.password, self.domain = user, password, domain
        self.spn, self.workstation = spn, workstation
        self.flags, self.with_mic = FLAGS, True
        self.extra_av = []
        self.seal = None

    def negotiate(self):
        self.negotiate_bytes = (b'NTLMSSP\0' + struct.pack('<II', 1, self.flags) + bytes(16) + VERSION)
        return self.negotiate_bytes

    def authenticate(self, challenge):
        flags, = struct.unpack_from('<I', challenge, 20)
        server_challenge = challenge[24:32]
        size, _, at = struct.unpack_from('<HHI', challenge, 40)
        pairs = av_read(challenge[at:at + size])
        stamp = dict(pairs).get(AV_TIMESTAMP, filetime())
        if self.with_mic:
            pairs.append((AV_FLAGS, struct.pack('<I', 2)))
        pairs += [(AV_CHANNEL_BINDINGS, bytes(16)), (AV_TARGET_NAME, utf16(self.spn))] + self.extra_av
        temp = b'\1\1' + bytes(6) + stamp + os.urandom(8) + bytes(4) + av_write(pairs) + bytes(4)
        key = response_key(self.password, self.user, self.domain)
        proof = _hmac(key, server_challenge + temp)
        exported = os.urandom(16)
        encrypted = Rc4(_hmac(key, proof)).crypt(exported)
        message = bytearray(self._message(flags, proof + temp, encrypted))
        if self.with_mic:
            message[72:88] = _hmac(exported, self.negotiate_bytes + challenge + bytes(message))
        self.seal = Seal(exported, is_client=True)
        return bytes(message)

    def _message(self, flags, nt_response, encrypted):
        parts = [utf16(self.domain), utf16(self.user), utf16(self.workstation), bytes(24),
                 nt_response, encrypted]
        at, where = 88, []
        for part in parts:
            where.append(struct.pack('<HHI', len(part), len(part), at))
            at += len(part)
        domain, user, station, lm, nt, session_key = where
        return (b'NTLMSSP\0' + struct.pack('<I', 3) + lm + nt + domain + user + station + session_key
                + struct.pack('<I', flags) + VERSION + bytes(16) + b''.join(parts))


class Acceptor:
    """Server role for one account."""

    def __init__(self, user, password, name='MINI'):
        self.account, self.password, self.name = user, password, name
        self.seal = None
        self.user = self.domain = None

    def challenge(self, negotiate):
        self.negotiate_bytes = negotiate
        flags = struct.unpack_from('<I', negotiate, 12)[0] | TARGET_INFO
        name = utf16(self.name)
        info = av_write([(AV_NB_DOMAIN, name), (AV_NB_COMPUTER, name), (AV_DNS_DOMAIN, name),
                         (AV_DNS_COMPUTER, name), (AV_TIMESTAMP, filetime())])
        self.server_challenge = os.urandom(8)
        self.challenge_bytes = (
            b'NTLMSSP\0' + struct.pack('<I', 2) + struct.pack('<HHI', len(name), len(name), 56)
            + struct.pack('<I', flags) + self.server_challenge + bytes(8)
            + struct.pack('<HHI', len(info), len(info), 56 + len(name)) + VERSION + name + info)
        return self.challenge_bytes

    def accept(self, message):
        """True if the proof and the MIC are right; user and domain are set in any case."""
        def field(at):
            size, _, offset = struct.unpack_from('<HHI', message, at)
            return message[offset:offset + size]

        self.domain = field(28).decode('utf-16-le')
        self.user = field(36).decode('utf-16-le')
        response = field(20)
        key = response_key(self.password, self.user, self.domain)
        proof = _hmac(key, self.server_challenge + response[16:])
        exported = Rc4(_hmac(key, proof)).crypt(field(52))
        self.seal = Seal(exported, is_client=False)
        blank = message[:72] + bytes(16) + message[88:]
        mic = _hmac(exported, self.negotiate_bytes + self.challenge_bytes + blank)
        return self.user == self.account and proof == response[:16] and mic == message[72:88]
