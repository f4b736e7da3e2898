#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpora of framing, X.224, MCS and GCC from tests/vectors; same input, same files."""
from make_seeds_session import VECTORS, load, seeds, write

# Each target has the name of its folder of vectors; frame's seeds choose a kind, made below.
TARGETS = [
    "x224_request",
    "x224_confirm",
    "mcs_connect_initial",
    "mcs_connect_response",
    "mcs_domain",
    "gcc_client",
    "gcc_server",
]
TPKT, TSREQUEST, ACTIVE = b"\0", b"\1", b"\2"


def frame_seeds():
    for folder in ("x224_request", "mcs_domain"):
        for path in sorted((VECTORS / folder).glob("*.hex")):
            yield f"tpkt_{path.stem}", TPKT + load(path)
    fast = load(VECTORS / "frame" / "fastpath_lab.hex")
    yield "fastpath", ACTIVE + fast
    yield "fastpath_encrypted", ACTIVE + b"\x80" + fast[1:]
    yield "fastpath_short", ACTIVE + b"\0\2"
    yield "fastpath_long", ACTIVE + b"\0\xff\xff"
    yield "tpkt_in_active", ACTIVE + bytes.fromhex("0300000802f08028")
    yield "tpkt_too_short", TPKT + bytes.fromhex("03000006")
    yield "tsrequest_short", TSREQUEST + bytes.fromhex("3003020100")
    yield "tsrequest_81", TSREQUEST + bytes.fromhex("308180") + bytes(128)
    yield "tsrequest_82", TSREQUEST + bytes.fromhex("308201af")
    yield "tsrequest_max", TSREQUEST + bytes.fromhex("30823ffc")
    yield "tsrequest_above", TSREQUEST + bytes.fromhex("30823ffd")
    yield "tsrequest_indefinite", TSREQUEST + bytes.fromhex("3080")


def main():
    for target in TARGETS:
        write(target, seeds(target))
    write("frame", frame_seeds())


if __name__ == "__main__":
    main()
