#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of RDSTLS from tests/vectors/rdstls; same input, same files."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors" / "rdstls"


def load(name):
    lines = (line.split("#")[0] for line in (VECTORS / name).read_text().splitlines())
    return bytes.fromhex("".join(lines).replace(" ", ""))


def seeds():
    capabilities, request, result = (load(n + ".hex") for n in ("capabilities", "request", "result"))
    yield "capabilities", capabilities
    yield "request", request
    yield "result", result
    yield "client", capabilities + result
    for code in (5, 0x52E, 0x530, 0x532, 0x533, 0x773, 0x775):
        yield f"client_{code:x}", capabilities + result[:6] + struct.pack("<I", code)
    yield "client_twice", capabilities * 2
    yield "plus1", request + b"\0"
    for at in (6, 18, 26, 32):
        for value in (0, 1, 0xFFFF):
            yield f"at{at}_{value:x}", request[:at] + struct.pack("<H", value) + request[at + 2:]
    yield "empty", request[:6] + bytes.fromhex("0000 0200 0000 0200 0000 0000")
    yield "cookie", bytes.fromhex("0100 0200 0200 07000000 1c00 1c000000 01000000") + bytes(20)
    for at in (0, 2, 4):
        yield f"head{at}", request[:at] + b"\2\0" + request[at + 2:]


def main():
    folder = HERE / "corpus" / "rdstls"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
