#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the corpus of session_handshake: whole connections of both legs, and where they may end.

usage: make_seeds_handshake.py BUILD/tests/fuzz/replay_session_handshake

The program is asked for its NTLM challenge, so that the exchange fits; all randomness is zero.
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'e2e'))

from rdpmini import credssp, mcs, ntlm  # noqa: E402

KEY = b'the key of a certificate that is not there'  # as in session_handshake.c
NONCE, SHARE_ID, TARGET_USER = bytes(32), 0x103EF, 1007
MECHS = [credssp.OID_NTLM]


def play(replay, client, target=b''):
    """What the session says to the client."""
    with tempfile.TemporaryDirectory() as folder:
        said = pathlib.Path(folder) / 'said'
        seeds = pathlib.Path(folder) / 'seeds'
        seeds.mkdir()
        (seeds / 'one').write_bytes(pack(client, target))
        subprocess.run([replay, seeds], check=False, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, SP_HANDSHAKE_ANSWERS=str(said)))
        return said.read_bytes() if said.exists() else b''


def pack(client, target=b'', hangs_up=False):
    return struct.pack('>H', len(client) | hangs_up << 15) + client + target


def ts(**fields):
    return credssp.ts_request(6, nonce=NONCE, **fields)


def negotiate_spnego(token):
    return credssp.neg_token_init(MECHS, token)


def nla(replay, requested, spnego):
    """X.224 to credentials as a list of messages."""
    initiator = ntlm.Initiator('demo', 'secret')
    first = initiator.negotiate()
    request = mcs.connection_request(b'Cookie: mstshash=demo\r\n', mcs.neg_req(requested))
    messages = [request, ts(nego=negotiate_spnego(first) if spnego else first)]
    challenge = credssp.ts_request_read(play(replay, b''.join(messages))[19:])['nego']
    if spnego:
        challenge = credssp.neg_token_resp_read(challenge)['token']
    token = initiator.authenticate(challenge)
    if spnego:
        mic = initiator.seal.mic(credssp.mech_list(MECHS))
        initiator.seal.reset()
        token = credssp.neg_token_resp(token=token, mic=mic)
    bound = initiator.seal.seal(credssp.binding_hash(True, NONCE, KEY))
    messages.append(ts(nego=token, pub_key_auth=bound))
    messages.append(ts(auth_info=initiator.seal.seal(credssp.ts_password('', 'demo', 'secret'))))
    return messages


def settings(selected, channels, message_channel):
    """Connect Initial to Client Info, and the user id that this gives."""
    blocks = mcs.client_core(1024, 768, selected) + mcs.block(0xC002, bytes(8))
    blocks += mcs.client_net([(name, 0xC0000000) for name in channels]) if channels else b''
    blocks += mcs.block(0xC006, bytes(4)) if message_channel else b''
    extra = len(channels) + message_channel
    user = 1004 + extra
    out = [mcs.data_tpdu(mcs.connect_initial(blocks)), mcs.data_tpdu(b'\x04\x01\x00\x01\x00'),
           mcs.data_tpdu(b'\x28')]
    out += [mcs.data_tpdu(struct.pack('>BHH', 0x38, user - 1001, channel))
            for channel in (user, 1003, *range(1004, 1004 + extra))]
    return out + [mcs.send_request(user, 1003, mcs.client_info('demo', '', 'secret'))], user


def work(user):
    """Confirm Active and what follows it."""
    def page(kind, body):
        return mcs.send_request(user, 1003, mcs.share_data(SHARE_ID, kind, user, body))
    return [mcs.send_request(user, 1003, mcs.confirm_active(SHARE_ID, user, 1024, 768)),
            page(mcs.SYNCHRONIZE, struct.pack('<HH', 1, 1002)), page(mcs.CONTROL, struct.pack('<HHI', 4, 0, 0)),
            page(mcs.FONT_LIST, struct.pack('<HHHH', 0, 0, 3, 0x32)), bytes([8, 6, 0, 0x1E, 1, 0x1E]),
            mcs.data_tpdu(b'\x21\x80')]


def target(channels, message_channel):
    """An honest target with TLS alone, every answer in its place."""
    ids = [1004 + i for i in range(len(channels))]
    message = [1004 + len(ids)] if message_channel else []
    blocks = mcs.block(0x0C01, struct.pack('<III', 0x00080004, 1, 0))
    blocks += mcs.block(0x0C03, struct.pack(f'<HH{len(ids)}H', 1003, len(ids), *ids) + bytes(len(ids) % 2 * 2))
    blocks += mcs.block(0x0C02, bytes(8))
    blocks += mcs.block(0x0C04, struct.pack('<H', *message)) if message else b''
    out = [mcs.connection_confirm(2, 3, 1), mcs.data_tpdu(mcs.connect_response(blocks)),
           mcs.data_tpdu(struct.pack('>BBH', 0x2E, 0, TARGET_USER - 1001))]
    out += [mcs.data_tpdu(struct.pack('>BBHHH', 0x3E, 0, TARGET_USER - 1001, channel, channel))
            for channel in (TARGET_USER, 1003, *message, *ids)]
    out += [mcs.send_indication(1003, mcs.licence_valid()),
            mcs.send_indication(1003, mcs.demand_active(SHARE_ID, 1024, 768))]
    return out


def main():
    os.urandom = bytes
    replay, out, seeds = sys.argv[1], HERE / 'corpus/session_handshake', {}
    for requested, spnego in ((3, False), (11, False), (3, True), (11, True)):
        proof = nla(replay, requested, spnego)
        form = f'{requested}{"_spnego" if spnego else ""}'
        for stage in range(1, 5):
            seeds[f'proof_{form}_{stage}'] = pack(b''.join(proof[:stage]))
        for channels, message in (((), 0), (('cliprdr', 'rdpsnd', 'unknown'), 1)):
            allowed = [name for name in channels if name != 'unknown']
            wish, user = settings(8 if requested == 11 else 2, channels, message)
            client = proof + wish + work(user)
            name = f'whole_{form}_{len(channels)}'
            seeds[name] = pack(b''.join(client), b''.join(target(allowed, message)))
            if requested == 3 and not spnego:
                for cut in range(5, len(proof + wish)):
                    seeds[f'settings_{len(channels)}_{cut}'] = pack(b''.join(client[:cut]))
                for cut in range(1, len(target(allowed, message))):
                    seeds[f'target_{len(channels)}_{cut}'] = pack(b''.join(client),
                                                                  b''.join(target(allowed, message)[:cut]), True)
    out.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (out / name).write_bytes(data)
    whole = seeds['whole_3_0'][2:]
    size, = struct.unpack_from('>H', seeds['whole_3_0'])
    if b'RDP\0' not in play(replay, whole[:size], whole[size:]):
        raise SystemExit('the whole handshake does not come to its end')


if __name__ == '__main__':
    main()
