# SPDX-License-Identifier: Apache-2.0
"""Every message in every state of the connection sequence (PRE-08).

TABLE names the cells in which something goes on; every other one ends the connection. Before NLA is
done no cell leads to a proven person or to a connection to the target, and before Client Info is
whole the target, which is dialled as soon as keeper has decided, hears not a word.
"""
import concurrent.futures
import socket
import ssl
import struct

import pytest

from gate import target_entry
from lab import wait_for
from rdpmini import Closed, Refused, mcs
from rdpmini.client import client_context
from rdpmini import credssp

PATIENCE = 0.6  # s; what has not ended by then waits for more
WORKERS = 6

# state: {message: what it leads to}. 'on' = the next message is due, silently or with an answer.
TABLE = {
    'start': {'x224_request': 'on'},
    'x224': {'client_hello': 'on'},
    'tls': {'negotiate': 'on'},
    'challenged': {'authenticate': 'on'},
    'proven': {'credentials': 'on'},
    'nla': {'connect_initial': 'on'},
    'mcs': {'erect_domain': 'on'},
    'erected': {'attach_user': 'on'},
    'attached': {'join_user': 'on', 'join_io': 'on'},
    'joined_user': {'join_io': 'on'},
    'joined': {'client_info': 'on'},
    # A TSRequest looks like the beginning of a longer fast-path PDU, whose end is waited for.
    'demanded': {'confirm_active': 'on', 'authenticate': 'on'},
    # From here on the desktop's own messages pass, in any order (MS-RDPBCGR 1.3.1.3).
    'confirmed': {'synchronize': 'on', 'control': 'on', 'font_list': 'on', 'input_slow': 'on',
                  'input_fast': 'on', 'authenticate': 'on'},
}
STATES = list(TABLE)
BEFORE_PROOF = STATES[:STATES.index('proven')]
BEFORE_TARGET = STATES[:STATES.index('demanded')]


def ts(client, **fields):
    return credssp.ts_request(6, nonce=client.nonce, **fields)


class Walk:
    """A client that goes to a state and knows what each message would be there."""

    def __init__(self, service, replay):
        self.client, self.replay = service.mini(requested=3), replay
        self.share_id, self.user_id, self.challenge = 0x103EF, 1004, None

    def messages(self):
        """Every kind of message, as right as it can be made in this state."""
        c, io, share = self.client, mcs.IO_CHANNEL, self.share_id

        def data(body):
            return mcs.send_request(self.user_id, io, body)

        def page(kind, body):
            return data(mcs.share_data(share, kind, self.user_id, body))

        def join(channel):
            return mcs.data_tpdu(struct.pack('>BHH', 0x38, self.user_id - 1001, channel))

        return {
            'x224_request': lambda: mcs.connection_request(b'Cookie: mstshash=mini\r\n', mcs.neg_req(3)),
            'client_hello': self._hello,
            'negotiate': lambda: ts(c, nego=c.ntlm.negotiate()),
            'authenticate': self._authenticate,
            'credentials': self._credentials,
            'connect_initial': self._connect_initial,
            'erect_domain': lambda: mcs.data_tpdu(b'\x04\x01\x00\x01\x00'),
            'attach_user': lambda: mcs.data_tpdu(b'\x28'),
            'join_user': lambda: join(self.user_id),
            'join_io': lambda: join(io),
            'join_unknown': lambda: join(1040),
            'client_info': lambda: data(mcs.client_info('demo', '', 'secret')),
            'licence': lambda: data(mcs.licence_valid()),
            'confirm_active': lambda: data(mcs.confirm_active(share, self.user_id, 1024, 768)),
            'demand_active': lambda: data(mcs.demand_active(share, 1024, 768)),
            'synchronize': lambda: page(mcs.SYNCHRONIZE, struct.pack('<HH', 1, 1002)),
            'control': lambda: page(mcs.CONTROL, struct.pack('<HHI', 4, 0, 0)),
            'font_list': lambda: page(mcs.FONT_LIST, struct.pack('<HHHH', 0, 0, 3, 0x32)),
            'input_slow': lambda: page(mcs.INPUT, struct.pack('<HHIHHHH', 1, 0, 0, 4, 0, 0x1E, 0)),
            'input_fast': lambda: bytes([8, 6, 0x00, 0x1E, 0x01, 0x1E]),
            'channel_data': lambda: mcs.send_request(self.user_id, 1030, struct.pack('<II', 4, 3) + b'abcd'),
            'ultimatum': lambda: mcs.data_tpdu(b'\x21\x80'),
            'disconnect': lambda: mcs.tpkt(b'\x06\x80\0\0\0\0\0'),
            'web': lambda: b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
        }

    def _hello(self):
        out = ssl.MemoryBIO()
        tls = client_context().wrap_bio(ssl.MemoryBIO(), out)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        return out.read()

    def _authenticate(self):
        """The right answer to the challenge; a recorded one where there is none."""
        if self.challenge is None:
            return self.replay['authenticate']
        token = self.client.ntlm.authenticate(self.challenge)
        self.challenge = None
        return ts(self.client, nego=token, pub_key_auth=self.client._binding())

    def _credentials(self):
        if self.client.ntlm.seal is None:
            return self.replay['credentials']
        secret = credssp.ts_password('', 'demo', self.client.password)
        return ts(self.client, auth_info=self.client.ntlm.seal.seal(secret))

    def _connect_initial(self):
        blocks = mcs.client_core(1024, 768, 2) + mcs.block(0xC002, bytes(8))
        return mcs.data_tpdu(mcs.connect_initial(blocks))

    def say(self, name):
        """Make and send a message; its bytes."""
        data = self.messages()[name]()
        self.client.line.send(data)
        return data

    def go(self, state):
        """Walk the straight way to a state, reading every answer."""
        return self.go_on('start', state)

    def go_on(self, here, state):
        """The same from a state where the walk stands already."""
        steps = {'start': None, 'x224': self._to_x224, 'tls': lambda: self.client.stage_tls(),
                 'challenged': self._to_challenged, 'proven': self._to_proven,
                 'nla': lambda: self.say('credentials'),
                 'mcs': lambda: (self.say('connect_initial'), self.client.line.tpkt()),
                 'erected': lambda: self.say('erect_domain'), 'attached': self._to_attached,
                 'joined_user': lambda: (self.say('join_user'), self.client.line.tpkt()),
                 'joined': lambda: (self.say('join_io'), self.client.line.tpkt()),
                 'demanded': self._to_demanded, 'confirmed': lambda: self.say('confirm_active')}
        for name in STATES[STATES.index(here) + 1:STATES.index(state) + 1]:
            steps[name]()
        return self

    def _to_x224(self):
        self.say('x224_request')
        self.client.line.tpkt()
        self.client.selected = 2

    def _to_challenged(self):
        self.client.key = credssp.subject_public_key(self.client.line.certificate)
        self.say('negotiate')
        self.challenge = self.client._answer()['nego']

    def _to_proven(self):
        self.say('authenticate')
        self.client._check_echo(self.client._answer())

    def _to_attached(self):
        self.say('attach_user')
        self.user_id = self.client.user_id = struct.unpack_from('>H', self.client.line.tpkt(), 5)[0] + 1001

    def _to_demanded(self):
        self.client.io_channel = mcs.IO_CHANNEL
        self.say('client_info')
        self.take_demand()

    def take_demand(self):
        """The licence and Demand Active, which answer Client Info."""
        c = self.client
        c.stage_licence()
        kind, _, body = c._next_share()  # Refused if it is an error
        assert kind == mcs.PDU_DEMAND_ACTIVE
        self.share_id, = struct.unpack_from('<I', body)

    def outcome(self, name):
        """'end' if the connection is closed soon after the message, whatever is said before."""
        line = self.client.line
        try:
            self.say(name)
            line.sock.settimeout(PATIENCE)
            while True:
                line.receive()
        except (TimeoutError, socket.timeout):
            return 'on'
        except Closed:
            return 'end'
        finally:
            line.close()


def record(service):
    """An AUTHENTICATE and sealed credentials of an honest exchange, for replay elsewhere."""
    walk = Walk(service, {}).go('challenged')
    made = {'authenticate': walk.say('authenticate')}
    walk.client._check_echo(walk.client._answer())
    made['credentials'] = walk.say('credentials')
    walk.client.line.close()
    return made


@pytest.fixture(scope='module')
def bench(tmp_path_factory):
    from gate import Gate
    from lab import make_certificate
    from rdpmini import Script, Target
    folder = tmp_path_factory.mktemp('states')

    def wait(connection):
        try:
            while True:
                connection.receive()
        except (Closed, ValueError):
            pass
    with Target(*make_certificate(folder), 'worker', 'behind', Script(on_active=wait)) as target:
        service = Gate(folder / 'gate', [target_entry('desk', target)])
        yield service, target, record(service)
        service.stop()


def heard(target):
    """Connections at the target that said something."""
    return sum('requested' in connection.facts for connection in target.connections)


@pytest.mark.parametrize('state', STATES)
def test_every_message(bench, state):
    service, target, replay = bench
    wait_for(lambda: not service.session_pids(), what='the end of earlier sessions')
    contacts, addressed, marked = target.contacts, heard(target), len(service.events())

    def cell(name):
        try:
            return name, Walk(service, replay).go(state).outcome(name)
        except (Closed, Refused, ValueError) as error:
            return name, f'never came to {state}: {error}'

    names = list(Walk(service, replay).messages())
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        found = dict(pool.map(cell, names))
    wait_for(lambda: not service.session_pids(), what='the end of all sessions')
    went_on = {name: what for name, what in found.items() if what != 'end'}
    assert went_on == TABLE[state]

    events = service.events()[marked:]
    proven = sum(e['event'] == 'auth_succeeded' for e in events)
    if state in BEFORE_PROOF:
        assert proven == ('authenticate' in TABLE[state])
        assert target.contacts - contacts <= proven
    if state in BEFORE_TARGET:
        assert heard(target) - addressed == ('client_info' in TABLE[state])
    assert not [e for e in events if 'signal' in e.get('reason', '')]
