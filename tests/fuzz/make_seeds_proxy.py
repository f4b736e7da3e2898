#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of the PROXY header from tests/vectors; same input, same files."""
from make_seeds_session import VECTORS, load, write


def seeds():
    for path in sorted((VECTORS / "proxy_v2").glob("*.hex")):
        data = load(path)
        yield path.stem, data
        yield f"{path.stem}_cut", data[:-1]
        yield f"{path.stem}_more", data + b"\0"
    tcp4 = load(VECTORS / "proxy_v2" / "tcp4.hex")
    for name, at, value in (("udp", 13, 0x12), ("unix", 13, 0x31), ("command", 12, 0x22),
                            ("length", 14, 0xFF), ("short_body", 15, 11)):
        yield name, tcp4[:at] + bytes([value]) + tcp4[at + 1:]
    yield "version_1", b"PROXY TCP4 192.0.2.7 198.51.100.1 51000 3389\r\n"


if __name__ == "__main__":
    write("proxy_v2", seeds())
