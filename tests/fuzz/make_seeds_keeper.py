#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seeds of keeper_ipc and api_line: lives of a session, each cut or bent at one place."""
import pathlib
import struct

SIGN, CHALLENGE, VERIFY, DECIDE, DELEGATE, CONNECT = 8, 10, 12, 14, 16, 18
CERTIFICATE, BIND, SEAL, CLEAR, NOTE = 20, 22, 24, 26, 28
DIALED = 4
LOGIN = [SIGN, CHALLENGE, VERIFY, DECIDE]


def record(how, kind, data=b"", count=None):
    return struct.pack("<BBH", how, kind, len(data) if count is None else count) + data


def note(kind, a=0, b=0, text=b"", step=0):
    return record(1, NOTE, struct.pack("<IIIIIIQQ", kind, step, 2, 1, 2, 0, a, b) + bytes(64) + text)


def good(*kinds):
    return b"".join(record(0, k) for k in kinds)


def write(target, seeds):
    folder = pathlib.Path(__file__).parent / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


def pad(data, remainder):
    """The size chooses login and NLA of the world: 6 worlds."""
    while len(data) % 6 != remainder:
        data += b"\x00"
    return data


login, connected = good(*LOGIN), good(*LOGIN, CONNECT) + record(DIALED, 0)
trusted = connected + good(CERTIFICATE)
admitted = trusted + good(BIND, SEAL)
delegated = login + good(DELEGATE, CONNECT) + record(DIALED, 0) + good(CERTIFICATE)
ipc = {
    "sign_twice": good(SIGN, SIGN),
    "login": login,
    "wrong_proof": good(SIGN, CHALLENGE) + record(2, VERIFY, b"\x50\x04\x01"),
    "wrong_size_fields": good(SIGN, CHALLENGE) + record(1, VERIFY, b"\xff" * 20),
    "late_proof": good(SIGN, CHALLENGE) + record(5, 0, count=61) + good(VERIFY),
    "dial_dns": good(*LOGIN, CONNECT) + record(DIALED, 1),
    "dial_refused_first": login + record(DIALED, 2) + good(CONNECT),
    "dial_status_odd": good(*LOGIN, CONNECT) + record(DIALED, 200),
    "connected": connected,
    "other_key": connected + record(1, CERTIFICATE, b"\x22" * 32),
    "bind_large": trusted + record(1, BIND, b"\x00" * 24 + b"\xff\xff"),
    "bind_other_key": pad(trusted + record(2, BIND, b"\x7c\x14\x31"), 0),
    "bind_short_key": pad(trusted + record(2, BIND, b"\x28\x00\x01\x29\x00\x00") + good(SEAL), 0),
    "bind_old_version": pad(trusted + record(2, BIND, b"\x1c\x00\x04"), 0),
    "bind_no_flags": pad(trusted + record(2, BIND, b"\x18\x00\x00"), 0),
    "admitted": pad(admitted, 0),
    "admitted_allowed": pad(admitted, 2),
    "seal_wrong_size": pad(trusted + good(BIND) + record(1, SEAL, b"\x01" * 16), 0),
    "seal_unsigned": pad(trusted + good(BIND) + record(2, SEAL, b"\x14\x00\x01") + note(2), 0),
    "seal_other_binding": pad(trusted + good(BIND) + record(2, SEAL, b"\x30\x00\x01"), 0),
    "clear_off": pad(trusted + good(CLEAR), 4),
    "clear_required": pad(trusted + good(CLEAR), 0),
    "delegated": pad(delegated + good(BIND, SEAL), 5),
    "delegated_other": pad(login + record(1, DELEGATE, b"\x02\x00" + bytes(6)), 1),
    "active": pad(admitted + note(4) + note(5) + note(6) + note(8, 5, 6, b"bye"), 2),
    "channels": pad(good(SIGN) + b"".join(note(1, 1, 0, b"ch%d" % i) for i in range(5)), 0),
    "notes": note(0, 2600, 0x04000300, b"PC\x1b") + note(2, step=5) + note(3, text=b"CVE-2019-0708"),
    "note_odd": note(99),
    "short": record(3, SIGN, bytes(8)),
    "answer_type": record(0, SIGN + 1),
    "push_type": record(0, 30),
}
api = {
    "sessions": b'{"cmd":"sessions"}',
    "kill": b'{"cmd":"kill","id":"0123456789abcdef"}',
    "reason": b'{"cmd":"kill","id":"0123456789abcdef","reason":"maintenance"}',
    "escape": b'{"cmd":"kill","id":"a\\u0041\\n","reason":"\\"{["}',
    "spaces": b' { "cmd" : "sessions" } ',
    "empty": b"",
    "brace": b"{",
    "list": b"[1,2]",
    "deep": b"[" * 60,
    "nested": b'{"cmd":{"cmd":"sessions"}}',
    "double": b'{"cmd":"sessions","cmd":"kill"}',
    "unknown": b'{"cmd":"stop"}',
    "number": b'{"cmd":1e999}',
    "nul": b'{"cmd":"kill","id":"a\\u0000b"}',
    "raw_nul": b'{"cmd":"\x00"}',
    "utf8": '{"cmd":"kill","id":"é","reason":"日本"}'.encode(),
    "bad_utf8": b'{"cmd":"\xff\xfe"}',
    "surrogate": b'{"cmd":"kill","id":"\\ud800"}',
    "extra": b'{"cmd":"sessions","x":null}',
    "long_id": b'{"cmd":"kill","id":"' + b"a" * 40 + b'"}',
    "trailing": b'{"cmd":"sessions"}{}',
}
write("keeper_ipc", ipc)
write("api_line", api)
