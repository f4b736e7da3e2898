# SPDX-License-Identifier: Apache-2.0
"""Enrolling a second factor: the code that another implementation makes of the secret is taken, once."""
import base64
import hashlib
import hmac
import json
import struct
import time
import urllib.parse

import pytest

from gate import Gate, target_entry


class Nowhere:
    """A target that nobody connects to."""
    port, user, password = 9, 'nobody', 'nothing'


@pytest.fixture(name='gate')
def _gate(tmp_path):
    gate = Gate(tmp_path / 'gate', [target_entry('web01', Nowhere)], users=('alice', 'bob'))
    yield gate
    gate.stop()


def ask(gate, *argv):
    return json.loads(gate.command('factor', *argv, '--json', '-c', gate.file).stdout)


def code_of(secret, at=None):
    """RFC 6238 without liboath."""
    step = struct.pack('>Q', int(time.time() if at is None else at) // 30)
    digest = hmac.new(base64.b32decode(secret), step, hashlib.sha1).digest()
    start = digest[19] & 15
    return f'{(int.from_bytes(digest[start:start + 4], "big") & 0x7fffffff) % 10 ** 6:06d}'


def test_enrol_confirm_remove(gate):
    made = ask(gate, 'enrol', 'alice')
    query = urllib.parse.parse_qs(urllib.parse.urlparse(made['uri']).query)
    assert query['secret'] == [made['secret']] and query['issuer'] == ['Sallyport']
    assert ask(gate, 'list')['factors'] == [{'user': 'alice', 'kind': 'totp', 'state': 'unconfirmed', 'proven': ''}]
    assert 'wrong' in ask(gate, 'confirm', 'alice', code_of(made['secret'], 0))['error']
    assert ask(gate, 'confirm', 'alice', code_of(made['secret']))['ok']
    assert not ask(gate, 'enrol', 'alice')['ok']  # not replaced behind its owner's back
    assert not ask(gate, 'confirm', 'alice', code_of(made['secret']))['ok']
    for name in ('factor_enrolled', 'factor_confirmed'):
        assert gate.events(name, person='alice')
    gate.stop()
    gate.process.log.unlink()
    gate.start()
    assert [f['state'] for f in ask(gate, 'list')['factors']] == ['good']
    for file in gate.state.rglob('*'):
        if file.is_file():  # sealed at rest
            raw = file.read_bytes()
            assert made['secret'].encode() not in raw and base64.b32decode(made['secret']) not in raw, file
    assert ask(gate, 'remove', 'alice')['ok']
    assert ask(gate, 'list')['factors'] == []


def test_shown_to_be_scanned_and_refusals(gate):
    shown = gate.command('factor', 'enrol', 'bob', '-c', gate.file).stdout
    rows = [line for line in shown.splitlines() if set(line) <= set(' ▀▄█') and line]
    assert len({len(row) for row in rows}) == 1 and len(rows) * 2 >= len(rows[0]) > 40
    assert 'otpauth://totp/Sallyport:bob?' in shown
    assert 'no such user' in ask(gate, 'enrol', 'nobody')['error']
    assert not ask(gate, 'remove', 'alice')['ok'] and not ask(gate, 'confirm', 'alice', '123456')['ok']
    for _ in range(5):
        assert 'wrong' in ask(gate, 'confirm', 'bob', '12345x')['error']
    assert 'begin anew' in ask(gate, 'confirm', 'bob', '12345x')['error']
