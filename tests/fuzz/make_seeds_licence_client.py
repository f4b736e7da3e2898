#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of the licensing client from its vectors; same input, same files."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors" / "licence_client"


def load(name):
    lines = (line.split("#")[0] for line in (VECTORS / f"{name}.hex").read_text().splitlines())
    return bytes.fromhex("".join(lines).replace(" ", ""))


def framed(*messages):
    return b"".join(struct.pack("<H", len(m)) + m for m in messages)


def seeds():
    proprietary, x509 = load("request_proprietary"), load("request_x509")
    challenge, licence = load("challenge"), load("new_licence")
    yield "proprietary", framed(proprietary)
    yield "x509", framed(x509)
    yield "spec", framed(load("spec_request"))
    for name, request in (("proprietary", proprietary), ("x509", x509)):
        whole = framed(request, challenge, licence)
        yield f"whole_{name}", whole
        yield f"whole_{name}_held", whole + b"\0"
        yield f"twice_{name}", framed(request, request, challenge, challenge)
    yield "licence_at_once", framed(x509, licence)
    yield "challenge_alone", framed(challenge)
    yield "licence_alone", framed(licence)
    yield "wrong_mac", framed(x509, challenge[:-1] + b"\0")
    yield "wrong_licence", framed(x509, challenge, licence[:20] + b"\0" + licence[21:])
    for at in (6, 8, 44, 120, 124, 126, 130, 142, 146, 150, 154):
        for value in (0, 0xFFFF):
            changed = x509[:at] + struct.pack("<H", value) + x509[at + 2:]
            yield f"at{at}_{value:x}", framed(changed)


def main():
    folder = HERE / "corpus" / "licence_client"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
