# SPDX-License-Identifier: Apache-2.0
"""One TCP connection with TLS inside it, whose raw bytes a test may cut, slow down or change."""
import select
import socket
import ssl
import struct
import time


class Closed(Exception):
    """The peer ended the connection."""


class Stalled(Exception):
    """The fault asked for was played: nothing more is sent from here on."""


class Fault:
    """What happens to the bytes that leave.

    limit    raw bytes that may leave in all; None = every one
    ending   'stall' keeps the socket open behind the limit, 'fin' half-closes it, 'rst' resets it
    slow     one byte a segment
    flip     {offset: mask}: raw bytes changed on their way
    """

    def __init__(self, limit=None, ending='stall', slow=False, flip=None):
        self.limit, self.ending, self.slow, self.flip = limit, ending, slow, flip or {}


class Line:
    """Sends and receives whole things; knows TLS, not RDP."""

    def __init__(self, sock, fault=None, timeout=20):
        self.sock, self.fault = sock, fault or Fault()
        self.sent = 0
        self.tls = None
        self.buffer = bytearray()
        self.timeout = timeout
        self.certificate = None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)

    @classmethod
    def dial(cls, host, port, source=None, **options):
        bound = (source, 0) if source else None
        return cls(socket.create_connection((host, port), options.get('timeout', 20), bound), **options)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    # --- raw bytes ----------------------------------------------------------------------------

    def push(self, raw):
        raw = self._changed(raw)
        left = None if self.fault.limit is None else self.fault.limit - self.sent
        cut = left is not None and left <= len(raw)
        if cut:
            raw = raw[:max(left, 0)]
        try:
            if self.fault.slow:
                for byte in raw:
                    self.sock.sendall(bytes([byte]))
            elif raw:
                self.sock.sendall(raw)
        except OSError as error:
            raise Closed(str(error)) from None
        self.sent += len(raw)
        if cut:
            self._end()

    def _changed(self, raw):
        hits = [at for at in self.fault.flip if self.sent <= at < self.sent + len(raw)]
        if not hits:
            return raw
        raw = bytearray(raw)
        for at in hits:
            raw[at - self.sent] ^= self.fault.flip[at]
        return bytes(raw)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def _end(self):
        if self.fault.ending == 'rst':
            self.reset()
        elif self.fault.ending == 'fin':
            self.half_close()
        raise Stalled(f'{self.sent} bytes sent, then {self.fault.ending}')

    def pull(self):
        """Some raw bytes, at least one."""
        try:
            data = self.sock.recv(262144)
        except socket.timeout:
            raise TimeoutError('the peer sends nothing') from None
        except OSError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed('end of stream')
        return data

    def wait_closed(self, timeout):
        """Seconds until the peer closes, whatever it still sends; None if it does not in time."""
        start = time.monotonic()
        while True:
            left = start + timeout - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                if not self.sock.recv(65536):
                    return time.monotonic() - start
            except OSError:
                return time.monotonic() - start

    # --- TLS ----------------------------------------------------------------------------------

    def start_tls(self, context, server_side=False):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.incoming.write(bytes(self.buffer))
        self.buffer.clear()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self.incoming.write(self.pull())
            except ssl.SSLError as error:
                self._flush()
                raise Closed(f'TLS: {error.reason}') from None
        self._flush()
        self.certificate = self.tls.getpeercert(True)

    def _flush(self):
        raw = self.outgoing.read()
        if raw:
            self.push(raw)

    def send(self, data):
        if self.tls is None:
            self.push(data)
            return
        self.tls.write(data)
        self._flush()

    def receive(self):
        """Some bytes, at least one, out of TLS where there is one."""
        while self.tls is not None:
            try:
                data = self.tls.read(65536)
                if not data:
                    raise Closed('end of TLS')
                return data
            except ssl.SSLWantReadError:
                self.incoming.write(self.pull())
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                raise Closed('end of TLS') from None
            except ssl.SSLError as error:
                raise Closed(f'TLS: {error.reason}') from None
        return self.pull()

    def need(self, count):
        """Look at the first count bytes without taking them."""
        while len(self.buffer) < count:
            self.buffer += self.receive()
        return self.buffer

    def take(self, count):
        self.need(count)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    # --- PDU boundaries ------------------------------------------------------------------------

    def tpkt(self):
        """The body of one TPKT."""
        head = self.need(4)
        if head[0] != 3:
            raise ValueError(f'first byte {head[0]:#x} where a TPKT was due')
        return self.take(struct.unpack_from('>H', head, 2)[0])[4:]

    def pdu(self):
        """One PDU of the active phase: ('tpkt', body) or ('fast', whole)."""
        if self.need(2)[0] == 3:
            return 'tpkt', self.tpkt()
        first = self.buffer[1]
        size = (first & 0x7F) << 8 | self.need(3)[2] if first & 0x80 else first
        return 'fast', self.take(size)

    def ts_request(self):
        """One whole TSRequest, by its outer DER length."""
        first = self.need(2)[1]
        if not first & 0x80:
            return self.take(2 + first)
        count = first & 0x7F
        size = int.from_bytes(self.need(2 + count)[2:2 + count], 'big')
        return self.take(2 + count + size)
