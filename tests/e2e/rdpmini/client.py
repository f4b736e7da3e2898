# SPDX-License-Identifier: Apache-2.0
"""Client role: the connection sequence of MS-RDPBCGR 1.3.1.1 as stages that a test may stop in."""
import os
import ssl
import struct

from . import credssp, mcs, ntlm
from .line import Closed, Fault, Line, Stalled

__all__ = ['Client', 'Closed', 'Fault', 'Refused', 'STAGES', 'Stalled', 'client_context']

STAGES = ('x224', 'tls', 'nla', 'mcs', 'domain', 'info', 'licence', 'active')


class Refused(Exception):
    """The peer said no in the protocol's own words: kind and code."""

    def __init__(self, kind, code):
        super().__init__(f'{kind} {code:#x}')
        self.kind, self.code = kind, code


def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class Client:
    """One connection.

    early        CS_CORE.earlyCapabilityFlags; 0x800 joins no channel if the server agrees
    blocks       more GCC blocks
    correlation  16 bytes of RDP_NEG_CORRELATION_INFO; set negotiation_flags to 8

    requested    RDP_NEG_REQ.requestedProtocols; None sends no RDP_NEG_REQ at all
    spnego       None raw NTLM; 'ntlm' SPNEGO with NTLM first; 'kerberos' SPNEGO with Kerberos first
    mic_late     with SPNEGO: pubKeyAuth one message after mechListMIC, as Windows may
    cut          {step: bytes}: stop so many bytes into what that step sends (ending as fault says).
                 Steps: x224 tls negotiate authenticate credentials mcs domain info confirm
    hold         a step before which nothing more is sent
    alter        {step: function}: changes the plain bytes of that step's message; the sending side
                 is closed behind it. Steps as above, and secret for TSCredentials before sealing
    """

    def __init__(self, port, user='', password='', domain='', host='127.0.0.1', requested=0x0B,
                 cookie=b'Cookie: mstshash=mini\r\n', negotiation_flags=0, tls_version=None, spnego=None,
                 mic_late=False, credssp_version=6, channels=(), size=(1024, 768), source=None,
                 fault=None, cut=None, hold=None, alter=None,
                 message_channel=False, timeout=20, early=None, blocks=b'', correlation=None):
        self.user, self.password, self.domain = user, password, domain
        self.requested, self.cookie, self.negotiation_flags = requested, cookie, negotiation_flags
        self.tls_version, self.spnego, self.mic_late = tls_version, spnego, mic_late
        self.credssp_version, self.channels, self.size = credssp_version, list(channels), size
        self.cut, self.hold, self.alter = cut or {}, hold, alter or {}
        self.message_channel, self.blocks, self.correlation = message_channel, blocks, correlation
        self.early = mcs.CLIENT_EARLY if early is None else early
        self.nonce = os.urandom(32)
        self.ntlm = ntlm.Initiator(user, password, domain, f'TERMSRV/{host}')
        self.line = Line.dial(host, port, source, fault=fault, timeout=timeout)
        self.selected = self.negotiation_answer = None
        self.early_result = None
        self.answers = []
        self.share_id = 0
        self.offsets = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()

    def run(self, until='active'):
        """Walk the stages up to and with until."""
        for stage in STAGES[:STAGES.index(until) + 1]:
            getattr(self, 'stage_' + stage)()
        return self

    def _step(self, name):
        """Mark where a step's bytes begin, and arrange the fault that the test wants there."""
        self.offsets[name] = self.line.sent
        if self.hold == name:
            raise Stalled(f'held before {name}')
        if name in self.cut:
            self.line.fault.limit = self.line.sent + self.cut[name]

    def _send(self, step, data):
        """Send the message of a step, or the lie that the test tells in its place."""
        change = self.alter.get(step)
        if change is None:
            self.line.send(data)
            return
        self.line.send(change(data))
        self.line.half_close()
        raise Stalled(f'{step} altered')

    # --- X.224, TLS -----------------------------------------------------------------------------

    def stage_x224(self):
        self._step('x224')
        wish = b'' if self.requested is None else mcs.neg_req(self.requested, self.negotiation_flags)
        if self.correlation is not None:
            wish += struct.pack('<BBH', 6, 0, 36) + self.correlation + bytes(16)
        self._send('x224', mcs.connection_request(self.cookie, wish))
        body = self.line.tpkt()
        self.negotiation_answer = body
        if len(body) < 15:
            self.selected = 0
            return
        kind, _, _, value = struct.unpack_from('<BBHI', body, 7)
        if kind == 3:
            raise Refused('negotiation', value)
        self.selected = value

    def stage_tls(self):
        self._step('tls')
        if self.selected:
            self.line.start_tls(client_context(self.tls_version))

    # --- CredSSP --------------------------------------------------------------------------------

    def stage_nla(self):
        if self.selected not in (mcs.PROTOCOL_HYBRID, mcs.PROTOCOL_HYBRID_EX):
            return
        self.key = credssp.subject_public_key(self.line.certificate)
        if self.spnego:
            self._nla_spnego()
        else:
            self._nla_raw()
        self._step('credentials')
        secret = credssp.ts_password(self.domain, self.user, self.password)
        if 'secret' in self.alter:
            secret = self.alter['secret'](secret)
        self._credssp('credentials', auth_info=self.ntlm.seal.seal(secret))
        if self.selected == mcs.PROTOCOL_HYBRID_EX:
            self.early_result, = struct.unpack('<I', self.line.take(4))
            if self.early_result:
                raise Refused('early result', self.early_result)

    def _credssp(self, step, **fields):
        self._send(step, credssp.ts_request(self.credssp_version, nonce=self.nonce, **fields))

    def _answer(self):
        raw = self.line.ts_request()
        self.answers.append(raw)
        answer = credssp.ts_request_read(raw)
        if 'error' in answer:
            raise Refused('credssp', answer['error'])
        return answer

    def _binding(self):
        return self.ntlm.seal.seal(credssp.binding_hash(True, self.nonce, self.key))

    def _check_echo(self, answer):
        plain = self.ntlm.seal.unseal(answer['pub_key_auth'])
        if plain != credssp.binding_hash(False, self.nonce, self.key):
            raise ValueError('the server is bound to another key')

    def _nla_raw(self):
        self._step('negotiate')
        self._credssp('negotiate', nego=self.ntlm.negotiate())
        challenge = self._answer()['nego']
        self._step('authenticate')
        token = self.ntlm.authenticate(challenge)
        self._credssp('authenticate', nego=token, pub_key_auth=self._binding())
        self._check_echo(self._answer())

    def _nla_spnego(self):
        mechs = [credssp.OID_NTLM]
        if self.spnego == 'kerberos':
            mechs = [credssp.OID_MS_KERBEROS, credssp.OID_KERBEROS, credssp.OID_NTLM]
        self._step('negotiate')
        negotiate = self.ntlm.negotiate()
        if self.spnego == 'kerberos':
            self._credssp('negotiate', nego=credssp.neg_token_init(mechs, b'\x60\x03\x06\x01\x00'))
            self.first_reply = credssp.neg_token_resp_read(self._answer()['nego'])
            self._credssp('negotiate', nego=credssp.neg_token_resp(token=negotiate))
        else:
            self._credssp('negotiate', nego=credssp.neg_token_init(mechs, negotiate))
        challenge = credssp.neg_token_resp_read(self._answer()['nego'])['token']
        self._step('authenticate')
        token = self.ntlm.authenticate(challenge)
        mic = self.ntlm.seal.mic(credssp.mech_list(mechs))
        self.ntlm.seal.reset()
        final = credssp.neg_token_resp(token=token, mic=mic)
        if self.mic_late:
            self._credssp('authenticate', nego=final)
            self._server_mic(self._answer(), mechs)
            self._credssp('authenticate', pub_key_auth=self._binding())
            self._check_echo(self._answer())
            return
        self._credssp('authenticate', nego=final, pub_key_auth=self._binding())
        answer = self._answer()
        if 'nego' in answer:
            self._server_mic(answer, mechs)
        self._check_echo(answer)

    def _server_mic(self, answer, mechs):
        reply = credssp.neg_token_resp_read(answer['nego'])
        if reply.get('state') != credssp.ACCEPT_COMPLETED:
            raise ValueError('SPNEGO is not completed')
        if 'mic' in reply:
            check = ntlm.Seal.__new__(ntlm.Seal)
            check.__dict__.update(self.ntlm.seal.__dict__)
            check.reset()
            sealed = check.rc4_in.crypt(reply['mic'][4:12])
            wanted = ntlm._hmac(check.sign_in, bytes(4) + credssp.mech_list(mechs))[:8]
            if sealed != wanted:
                raise ValueError('server mechListMIC is wrong')

    # --- MCS, Client Info, licence --------------------------------------------------------------

    def stage_mcs(self):
        self._step('mcs')
        early = self.early | (0x80 if self.message_channel else 0)
        blocks = mcs.client_core(*self.size, self.selected, early)
        blocks += mcs.block(0xC004, struct.pack('<II', 0x15, 0)) + mcs.block(0xC002, bytes(8))
        blocks += mcs.client_net(self.channels) if self.channels else b''
        blocks += mcs.block(0xC006, bytes(4)) if self.message_channel else b''
        blocks += self.blocks
        self._send('mcs', mcs.data_tpdu(mcs.connect_initial(blocks)))
        body = self.line.tpkt()
        if body[3:5] != b'\x7f\x66':
            raise ValueError('no Connect Response')
        self.server_blocks = mcs.gcc_blocks(body)
        net = self.server_blocks[0x0C03]
        self.io_channel, count = struct.unpack_from('<HH', net)
        self.channel_ids = list(struct.unpack_from(f'<{count}H', net, 4))
        self.message_id = struct.unpack('<H', self.server_blocks.get(0x0C04, b'\0\0'))[0]

    def stage_domain(self):
        self._step('domain')
        self._send('domain', mcs.data_tpdu(b'\x04\x01\x00\x01\x00'))
        self.line.send(mcs.data_tpdu(b'\x28'))
        confirm = self.line.tpkt()[3:]
        if confirm[0] != 0x2E or confirm[1]:
            raise ValueError('no Attach User Confirm')
        self.user_id = struct.unpack_from('>H', confirm, 2)[0] + 1001
        message = [self.message_id] if self.message_id else []
        core = self.server_blocks[0x0C01]
        if self.early & 0x800 and len(core) >= 12 and core[8] & 8:
            return  # both sides can do without joins
        for channel in (self.user_id, self.io_channel, *message, *self.channel_ids):
            self.line.send(mcs.data_tpdu(struct.pack('>BHH', 0x38, self.user_id - 1001, channel)))
            joined = self.line.tpkt()[3:]
            if joined[0] != 0x3E or joined[1]:
                raise ValueError(f'channel {channel} not joined')

    def stage_info(self):
        self._step('info')
        info = mcs.client_info(self.user, self.domain, self.password)
        self._send('info', mcs.send_request(self.user_id, self.io_channel, info))

    def stage_licence(self):
        while True:
            channel, data = self.receive_channel()
            flags, = struct.unpack_from('<H', data)
            if channel == self.io_channel and flags & mcs.SEC_LICENSE_PKT:
                code, transition = struct.unpack_from('<II', data, 8)
                if data[4] != 0xFF or (code, transition) != (7, 2):
                    raise Refused('licence', code)
                return

    # --- activation -----------------------------------------------------------------------------

    def stage_active(self):
        while True:
            kind, source, body = self._next_share()
            if kind == mcs.PDU_DEMAND_ACTIVE:
                break
        self.activate(body, source)

    def _next_share(self):
        """The next share PDU; Set Error Info before activation ends everything."""
        while True:
            channel, data = self.receive_channel()
            if channel != self.io_channel:
                continue
            for kind, source, data_kind, body in mcs.shares(data):
                if data_kind == mcs.SET_ERROR_INFO and body[:4] != bytes(4):
                    raise Refused('error info', struct.unpack_from('<I', body)[0])
                return kind, data_kind or source, body

    def activate(self, body, _source=0):
        """Answer one Demand Active and go on to Font Map."""
        self.share_id, = struct.unpack_from('<I', body)
        self._step('confirm')
        self.send_io(mcs.confirm_active(self.share_id, self.user_id, *self.size))
        for kind, data in ((mcs.SYNCHRONIZE, struct.pack('<HH', 1, 1002)),
                           (mcs.CONTROL, struct.pack('<HHI', 4, 0, 0)),
                           (mcs.CONTROL, struct.pack('<HHI', 1, 0, 0)),
                           (mcs.FONT_LIST, struct.pack('<HHHH', 0, 0, 3, 0x32))):
            self.send_share(kind, data)
        while True:
            kind, data_kind, body = self._next_share()
            if kind == mcs.PDU_DATA and data_kind == mcs.FONT_MAP:
                return

    # --- what is there after it -------------------------------------------------------------------

    def send_io(self, data):
        self.send_channel(self.io_channel, data)

    def send_channel(self, channel, data):
        self.line.send(mcs.send_request(self.user_id, channel, data))

    def send_share(self, kind, body):
        self.send_io(mcs.share_data(self.share_id, kind, self.user_id, body))

    def send_keys(self, *codes):
        """Fast-path scancodes, pressed and released."""
        for code in codes:
            self.line.send(bytes([4, 4, 0x00, code]))
            self.line.send(bytes([4, 4, 0x01, code]))

    def receive_channel(self):
        """The next MCS data: (channel, data). Fast-path output is skipped; an ultimatum is Closed."""
        while True:
            kind, body = self.line.pdu()
            if kind == 'fast':
                continue
            pdu = body[3:]
            if pdu[0] in (0x20, 0x21):
                raise Closed(f'ultimatum, reason {(pdu[0] & 1) << 1 | pdu[1] >> 7}')
            if pdu[0] != 0x68:
                raise ValueError(f'MCS PDU {pdu[0]:#x} where data was due')
            channel, = struct.unpack_from('>H', pdu, 3)
            size, at = mcs.per_length_read(pdu, 6)
            return channel, pdu[at:at + size]

    def receive_share(self):
        """The next share PDU: (type, share data type or None, body)."""
        while True:
            channel, data = self.receive_channel()
            if channel == self.io_channel:
                for kind, _source, data_kind, body in mcs.shares(data):
                    return kind, data_kind, body
