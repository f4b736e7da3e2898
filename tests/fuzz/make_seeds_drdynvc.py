#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of the filter of dynamic channels."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
RDS = "Microsoft::Windows::RDS::"
NAMES = [RDS + "Graphics", RDS + "DisplayControl", RDS + "Input", "ECHO", "AUDIO_INPUT",
         "URBDRC", "cliprdr", "RDCamera_Device_Enumerator", "AUDIO_PLAYBACK_DVC", "A" * 255,
         "A" * 256, ""]


def chunk(body, from_client=False, not_first=False, not_last=False, wait=0):
    how = from_client | not_first << 1 | not_last << 2 | wait << 3
    return struct.pack("<BH", how, len(body)) + body


def create(name, ident=1):
    return chunk(b"\x10" + bytes([ident]) + name.encode() + b"\0")


def opened(name, ident=1):
    return create(name, ident) + chunk(b"\x10" + bytes([ident]) + bytes(4), True)


def layout(count=1, width=1280, height=720):
    head = struct.pack("<IIII", 2, 16 + 40 * count, 40, count)
    one = struct.pack("<IiiIIIIIII", 1, 0, 0, width, height, 338, 190, 0, 100, 100)
    return head + one * min(count, 16)


def main():
    out = HERE / "corpus" / "drdynvc_filter"
    out.mkdir(parents=True, exist_ok=True)
    seeds = {f"name_{i}": opened(name) for i, name in enumerate(NAMES)}
    graphics, display = opened(NAMES[0]), opened(NAMES[1])
    caps = b"\x50\0\3\0" + bytes(8)
    seeds["caps"] = chunk(caps) + chunk(b"\x50\0\2\0", True)
    seeds["caps_v1"] = chunk(b"\x50\0\1\0") + chunk(b"\x50\0\1\0", True)
    seeds["data"] = graphics + chunk(b"\x30\1abc") + chunk(b"\x30\1abc", True)
    seeds["data_first"] = graphics + chunk(b"\x24\1\x06\0abc") + chunk(b"\x30\1def")
    seeds["close_client"] = graphics + chunk(b"\x40\1", True) + chunk(b"\x40\1")
    seeds["close_target"] = graphics + chunk(b"\x40\1") + chunk(b"\x40\1", True)
    seeds["fragments"] = graphics + chunk(b"\x30\1ab", not_last=True) + chunk(b"cd", not_first=True)
    seeds["layout"] = display + chunk(b"\x30\1" + layout(), True)
    seeds["layout_16"] = display + chunk(b"\x30\1" + layout(16), True)
    seeds["layout_17"] = display + chunk(b"\x30\1" + layout(17), True)
    seeds["layouts"] = display + chunk(b"\x30\1" + layout(), True, wait=7) * 5
    seeds["compressed"] = graphics + chunk(b"\x60\1\xe1\x02\0\xf0\xff\xff\xff")
    seeds["soft_sync"] = chunk(b"\x80\0\x08\0\0\0\1\0\0\0")
    seeds["no_nul"] = chunk(b"\x10\1ECHO")
    seeds["id_width_3"] = chunk(b"\x13\1\2\3\4ECHO\0")
    seeds["id_twice"] = graphics + create(NAMES[3])
    seeds["wide_id"] = chunk(b"\x12\1\2\3\4ECHO\0") + chunk(b"\x12\1\2\3\4\0\0\0\0", True)
    seeds["refused_by_client"] = create("ECHO") + chunk(b"\x10\1\1\0\0\xc0", True)
    for name, data in seeds.items():
        (out / name).write_bytes(data)


main()
