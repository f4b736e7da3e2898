#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of a person in the lobby: typing, mouse, both paths, each screen."""
import struct

from make_seeds_session import write

SHIFT, ENTER, TAB, ESCAPE, BACK, F2, ALTGR = 0x2A, 0x1C, 0x0F, 0x01, 0x0E, 0x3C, 0x38


def fast(*events):
    body = b"".join(events)
    return bytes([len(events) << 2]) + struct.pack(">H", 0x8000 | len(body) + 3) + body


def key(code, up=False, extended=False):
    return bytes([(1 if up else 0) | (2 if extended else 0), code])


def letter(code):
    return bytes([4 << 5]) + struct.pack("<H", code)


def mouse(flags, x, y):
    return bytes([1 << 5]) + struct.pack("<HHH", flags, x, y)


def slow(*events):
    body = b"".join(struct.pack("<IHHHH", 7, *event) for event in events)
    return struct.pack("<HH", len(events), 0) + body


def seeds():
    typed = fast(*(key(c) for c in (0x1E, 0x30, 0x2E, ENTER)))
    for screen in range(8):
        yield f"keys_{screen}", bytes([1, screen]) + typed
        yield f"flags_{screen}", bytes([1, screen | 0xF8]) + typed + fast(key(TAB), key(ENTER))
    yield "unicode", bytes([1, 1]) + fast(letter(0xE4), letter(0xD83D), letter(0xDE00), letter(13))
    yield "shift", bytes([1, 2]) + fast(key(SHIFT), key(0x10), key(SHIFT, True), key(BACK))
    yield "altgr", bytes([1, 0]) + fast(key(ALTGR, extended=True), key(0x10), key(ALTGR, True, True))
    yield "walk", bytes([1, 0]) + fast(*(key(c, extended=True) for c in (0x50, 0x50, 0x48, 0x51, 0x49)))
    yield "leave", bytes([1, 3]) + fast(key(ESCAPE), key(F2))
    yield "click", bytes([1, 0]) + fast(mouse(0x9000, 320, 240), mouse(0x1000, 320, 240), mouse(0x0878, 5, 5))
    yield "many", bytes([1, 2]) + typed * 40
    yield "slow_keys", bytes([0, 2]) + slow((4, 0, 0x1E, 0), (4, 0xC000, 0x1E, 0), (4, 0, ENTER, 0))
    yield "slow_mouse", bytes([0, 0]) + slow((0x8001, 0x9000, 320, 240), (0x8002, 1, 2, 3))
    yield "slow_unicode", bytes([0, 1]) + slow((5, 0, 0x41, 0), (0, 0, 0, 0), (0x8004, 0, 1, 1))


if __name__ == "__main__":
    write("lobby_input", seeds())
