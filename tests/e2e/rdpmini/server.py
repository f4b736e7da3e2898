# SPDX-License-Identifier: Apache-2.0
"""Server role: a target that does what a script says, and writes down what it was told."""
import socket
import ssl
import struct
import threading

from . import credssp, mcs, ntlm
from .line import Closed, Line, Stalled


class Script:
    """How a target behaves; the defaults are those of an honest one.

    selected        RDP_NEG_RSP.selectedProtocol; failure = an RDP_NEG_FAILURE code instead
    echo_protocols  SC_CORE.clientRequestedProtocols; None = what the client asked for
    wrong_echo      pubKeyAuth answers with the hash of another key
    before_echo     called with the connection and its ntlm.Acceptor before that answer
    early_result    value sent with HYBRID_EX
    licence         bytes sent instead of "valid client"
    before_active   called with the connection before Demand Active (auto-detect, redirection …)
    redirect        bytes of a Server Redirection Packet sent instead of Demand Active
    early           SC_CORE.earlyCapabilityFlags; 8 = channels need not be joined
    rdstls          resultCode of RDSTLS, if that is selected
    licensing       called with the connection instead of sending licence
    tamper          {step: function}: changes the bytes of that step's message. Steps: confirm mcs
                    attach join licence demand update
    credssp         TSRequest.version; below 5 pubKeyAuth is the key itself
    on_active       called with the connection once the client is active; returning ends it
    """

    def __init__(self, **changes):
        self.selected, self.failure, self.rsp_flags = mcs.PROTOCOL_HYBRID, None, 3
        self.echo_protocols, self.wrong_echo, self.early_result = None, False, 0
        self.before_echo = None
        self.licence = mcs.licence_valid()
        self.before_active, self.redirect, self.licensing = None, None, None
        self.rdstls, self.early = 0, 0
        self.on_active = Connection.serve
        self.message_channel, self.credssp, self.tamper = False, 6, {}
        for name, value in changes.items():
            if not hasattr(self, name):
                raise TypeError(f'no script line named {name}')
            setattr(self, name, value)


class Target:
    """Listens on a loopback port of its own and plays its script to each who comes.

    contacts     TCP connections seen
    requests     X.224 requests seen, connections that got through NLA or Client Info, and the last
                 Client Info: what the tests ask for
    """

    def __init__(self, certificate, key, user='alice', password='', script=None, host='127.0.0.1'):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.num_tickets = 0
        with open(certificate, encoding='ascii') as pem:
            self.key = credssp.subject_public_key(ssl.PEM_cert_to_DER_cert(pem.read()))
        self.user, self.password, self.script = user, password, script or Script()
        self.contacts = 0
        self.connections, self.failures = [], []
        self.changed = threading.Condition()
        self.socket = socket.create_server((host, 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        for connection in self.connections:
            connection.line.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            connection = Connection(self, sock)
            with self.changed:
                self.contacts += 1
                self.connections.append(connection)
                self.changed.notify_all()
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection):
        try:
            connection.run()
        except (Closed, Stalled, OSError, ValueError, TimeoutError) as error:
            with self.changed:
                self.failures.append(error)
        finally:
            try:
                connection.line.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.line.close()
            self.tell(connection, ended=True)

    def tell(self, connection, **facts):
        with self.changed:
            connection.facts.update(facts)
            self.changed.notify_all()

    def wait(self, question, timeout=15):
        """Wait until question(target) is true; its value."""
        with self.changed:
            return self.changed.wait_for(lambda: question(self), timeout)

    def fact(self, name, timeout=15):
        """A fact of the newest connection, once it is known."""
        self.wait(lambda t: t.connections and name in t.connections[-1].facts, timeout)
        return self.connections[-1].facts[name] if self.connections else None


class Connection:
    """One client at the target."""

    user_id, share_id = 1007, 0x103EF

    def __init__(self, target, sock):
        self.target, self.script = target, target.script
        self.line = Line(sock, timeout=60)
        self.facts = {}

    def run(self):
        self._x224()
        self.line.start_tls(self.target.context, server_side=True)
        if self.script.selected in (mcs.PROTOCOL_HYBRID, mcs.PROTOCOL_HYBRID_EX):
            self._nla()
        elif self.script.selected == mcs.PROTOCOL_RDSTLS:
            self._rdstls()
        self._mcs()
        self._joins()
        info = mcs.client_info_read(self.receive()[1])
        self.target.tell(self, info=info)
        if self.script.licensing:
            self.script.licensing(self)
        else:
            self.say('licence', mcs.send_indication(mcs.IO_CHANNEL, self.script.licence))
        if self.script.before_active:
            self.script.before_active(self)
        if self.script.redirect:
            self.send_io(mcs.share_control(mcs.PDU_REDIRECT, 1002, bytes(2) + self.script.redirect))
            while True:
                self.receive()  # until the client goes
        self.activate()
        self.target.tell(self, active=True)
        self.script.on_active(self)

    def _x224(self):
        body = self.line.tpkt()
        self.requested = struct.unpack_from('<I', body, len(body) - 4)[0]
        self.target.tell(self, requested=self.requested, request=body)
        if self.script.failure:
            self.say('confirm', mcs.connection_confirm(3, 0, self.script.failure))
            raise Closed('refused by script')
        self.say('confirm', mcs.connection_confirm(2, self.script.rsp_flags, self.script.selected))

    def _nla(self):
        acceptor = ntlm.Acceptor(self.target.user, self.target.password)
        first = credssp.ts_request_read(self.line.ts_request())
        version = min(self.script.credssp, first['version'])
        challenge = acceptor.challenge(first['nego'])
        self.line.send(credssp.ts_request(version, nego=challenge))
        second = credssp.ts_request_read(self.line.ts_request())
        good = acceptor.accept(second['nego'])
        self.target.tell(self, nla_user=acceptor.user)
        if not good:
            self.line.send(credssp.ts_request(version, error=0xC000006D))
            raise Closed('wrong password at the target')
        bound = acceptor.seal.unseal(second['pub_key_auth'])
        if bound != self._binding(version, True, second, self.target.key):
            raise Closed('pubKeyAuth is not bound to our key')
        if self.script.before_echo:
            self.script.before_echo(self, acceptor)
        key = bytes(32) if self.script.wrong_echo else self.target.key
        echo = self._binding(version, False, second, key)
        self.line.send(credssp.ts_request(version, pub_key_auth=acceptor.seal.seal(echo)))
        third = credssp.ts_request_read(self.line.ts_request())
        secret = credssp.ts_password_read(acceptor.seal.unseal(third['auth_info']))
        self.target.tell(self, credentials=secret)
        if self.script.selected == mcs.PROTOCOL_HYBRID_EX:
            self.line.send(struct.pack('<I', self.script.early_result))

    @staticmethod
    def _binding(version, to_server, request, key):
        """The plaintext of pubKeyAuth: MS-CSSP 3.1.5."""
        if version >= 5:
            return credssp.binding_hash(to_server, request['nonce'], key)
        assert 'nonce' not in request, 'before version 5 there is no nonce'
        return key if to_server else bytes([(key[0] + 1) & 0xFF]) + key[1:]

    def _rdstls(self):
        self.line.send(struct.pack('<HHHH', 1, 1, 1, 1))
        self.target.tell(self, rdstls_head=self.line.take(6))
        fields = []
        for _ in range(4):
            size, = struct.unpack('<H', self.line.take(2))
            fields.append(self.line.take(size))
        self.target.tell(self, rdstls=fields)
        self.line.send(struct.pack('<HHHI', 1, 4, 1, self.script.rdstls))

    def _mcs(self):
        blocks = mcs.gcc_blocks(self.line.tpkt())
        names = []
        if 0xC003 in blocks:
            count, = struct.unpack_from('<I', blocks[0xC003])
            names = [blocks[0xC003][4 + 12 * i:12 + 12 * i].split(b'\0')[0].decode() for i in range(count)]
        self.size = struct.unpack_from('<HH', blocks[0xC001], 4)
        self.channels = {name: 1004 + i for i, name in enumerate(names)}
        self.message_channel = 1004 + len(names) if self.script.message_channel and 0xC006 in blocks else 0
        self.target.tell(self, channels=names, size=self.size, blocks=blocks)
        wanted = self.script.echo_protocols
        answer = mcs.block(0x0C01, struct.pack('<III', 0x00080004,
                                               self.requested if wanted is None else wanted,
                                               self.script.early))
        answer += mcs.block(0x0C03, struct.pack('<HH', mcs.IO_CHANNEL, len(names))
                            + b''.join(struct.pack('<H', i) for i in self.channels.values())
                            + bytes(len(names) % 2 * 2))
        answer += mcs.block(0x0C02, bytes(8))
        if self.message_channel:
            answer += mcs.block(0x0C04, struct.pack('<H', self.message_channel))
        self.say('mcs', mcs.data_tpdu(mcs.connect_response(answer)))

    def _joins(self):
        """Erect Domain, Attach User and joins, until the first data, which is put back."""
        while True:
            head = self.line.need(8)
            if head[7] == 0x64:
                return
            pdu = self.line.tpkt()[3:]
            if pdu[0] == 0x28:
                self.say('attach', mcs.data_tpdu(struct.pack('>BBH', 0x2E, 0, self.user_id - 1001)))
            elif pdu[0] == 0x38:
                user, channel = struct.unpack_from('>HH', pdu, 1)
                self.target.tell(self, joined=self.facts.get('joined', 0) + 1)
                self.say('join', mcs.data_tpdu(struct.pack('>BBHHH', 0x3E, 0, user, channel, channel)))

    # --- activation -----------------------------------------------------------------------------

    def activate(self):
        """Demand Active to Font Map; may be called again after deactivate()."""
        self.say('demand', mcs.send_indication(mcs.IO_CHANNEL, mcs.demand_active(self.share_id, *self.size)))
        while True:
            for kind, _source, data_kind, body in mcs.shares(self.receive()[1]):
                if kind == mcs.PDU_CONFIRM_ACTIVE:
                    self.target.tell(self, confirm=body)
                elif data_kind == mcs.SYNCHRONIZE:
                    self.send_share(mcs.SYNCHRONIZE, struct.pack('<HH', 1, self.user_id))
                    self.send_share(mcs.CONTROL, struct.pack('<HHI', 4, 0, 0))
                elif data_kind == mcs.CONTROL and body[:2] == b'\1\0':
                    self.send_share(mcs.CONTROL, struct.pack('<HHI', 2, self.user_id, 0x3EA))
                elif data_kind == mcs.FONT_LIST:
                    self.send_share(mcs.FONT_MAP, struct.pack('<HHHH', 0, 0, 3, 4))
                    return

    def deactivate(self):
        self.send_io(mcs.share_control(mcs.PDU_DEACTIVATE_ALL, 1002, struct.pack('<IHB', self.share_id, 1, 0)))

    # --- sending and receiving ------------------------------------------------------------------

    def say(self, step, data):
        """Send a step's message, or what the script makes of it."""
        self.line.send(self.script.tamper.get(step, bytes)(data))

    def send_io(self, data):
        self.send_channel(mcs.IO_CHANNEL, data)

    def send_channel(self, channel, data):
        self.line.send(mcs.send_indication(channel, data))

    def send_share(self, kind, body):
        self.send_io(mcs.share_data(self.share_id, kind, 1002, body))

    def send_fast(self, body):
        self.line.send(mcs.fastpath(body))

    def receive(self):
        """The next MCS data: (channel, data); fast-path input is noted as a fact."""
        while True:
            kind, body = self.line.pdu()
            if kind == 'fast':
                self.target.tell(self, input=self.facts.get('input', b'') + body)
                continue
            pdu = body[3:]
            if pdu[0] in (0x20, 0x21):
                raise Closed('ultimatum')
            if pdu[0] != 0x64:
                raise ValueError(f'MCS PDU {pdu[0]:#x} where data was due')
            channel, = struct.unpack_from('>H', pdu, 3)
            size, at = mcs.per_length_read(pdu, 6)
            return channel, pdu[at:at + size]

    def serve(self):
        """Read until the client goes, noting each share PDU's type."""
        while True:
            channel, data = self.receive()
            if channel == mcs.IO_CHANNEL:
                seen = [(kind, data_kind) for kind, _, data_kind, _ in mcs.shares(data)]
                self.target.tell(self, shares=self.facts.get('shares', []) + seen)
            else:
                self.target.tell(self, channel_data=(channel, data))
