#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the splice's seed corpus: share and channel vectors in MCS, both directions."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


def load(path):
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return bytes.fromhex("".join(lines).replace(" ", "").replace("\n", ""))


def send_data(payload, from_client, channel=1003):
    user = 1007 - 1001 if from_client else 1
    head = struct.pack(">BHHBH", 0x64 if from_client else 0x68, user, channel, 0x70,
                       0x8000 | len(payload))
    body = b"\x02\xf0\x80" + head + payload
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def main():
    out = HERE / "corpus" / "splice"
    out.mkdir(parents=True, exist_ok=True)
    seeds = {}
    for name in ("share", "save_session", "demand_active", "confirm_active", "redirection"):
        for path in sorted((VECTORS / name).glob("*.hex")):
            for from_client in (0, 1):
                seeds[f"{name}_{path.stem}_{from_client}"] = (
                    bytes([from_client | 2]) + send_data(load(path), from_client))
    confirm = send_data(load(VECTORS / "confirm_active" / "spec.hex"), True)
    seeds["activate_then_input"] = b"\x01" + confirm + b"\x04\x04\x00\x1e"
    chunk = struct.pack("<II", 1, 3) + b"x"
    seeds["channel_mapped"] = b"\x03" + send_data(chunk, True, 1004)
    seeds["channel_denied"] = b"\x03" + send_data(chunk, True, 1005)
    seeds["fastpath_run"] = b"\x02" + b"\x00\x05\x03\x00\x00" * 3
    for name, how in (("cliprdr", 4), ("rdpdr", 8), ("drdynvc", 12)):
        for path in sorted((VECTORS / name).glob("*.hex"))[:8]:
            body = load(path)
            chunk = struct.pack("<II", len(body), 3) + body
            for bits in (2, 3, 34, 35):
                seeds[f"{name}_{path.stem}_{bits}"] = (
                    bytes([how | bits]) + send_data(chunk, bits & 1, 1004))
    for name, data in seeds.items():
        if len(data) < 3000:
            (out / name).write_bytes(data)


main()
