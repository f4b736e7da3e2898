#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpora of the channel filters: dialogues of the vectors; same input, same files."""
import struct

from make_seeds_session import VECTORS, load, write

FIRST, LAST, SHOW, SUSPEND, COMPRESSED = 1, 2, 0x10, 0x20, 0x200000
TO_TARGET, TO_CLIENT, CHUNK = 0, 1, 2
ALL = 0x1F


def message(way, data):
    return struct.pack("<BH", way, len(data)) + data


def chunk(way, length, flags, data):
    return struct.pack("<BHII", way | CHUNK, len(data), length, flags) + data


def clip(name):
    return load(VECTORS / "cliprdr" / f"{name}.hex")


def clipboard_dialogue(way):
    """The owner's messages go this way, the asker's go back."""
    back = 1 - way
    yield "start", message(TO_CLIENT, clip("caps_server")) + message(
        TO_CLIENT, clip("monitor_ready")) + message(TO_TARGET, clip("caps_client")) + message(
            TO_TARGET, clip("temp_directory"))
    yield "text", message(way, clip("list_text")) + message(back, clip("list_response")) + message(
        back, clip("data_request")) + message(way, clip("data_response"))
    yield "images", message(way, clip("list_images")) + message(
        back, bytes.fromhex("040000000400000008000000")) + message(way, clip("data_response"))
    yield "files", message(way, clip("list_files")) + message(back, clip("lock")) + message(
        back, clip("files_request")) + message(way, clip("files_response"))
    yield "contents", message(back, clip("size_request")) + message(
        way, clip("size_response")) + message(back, clip("range_request")) + message(
            way, clip("range_response")) + message(back, clip("unlock"))


def clipboard_seeds():
    for way in (TO_TARGET, TO_CLIENT):
        for policy in (ALL, 0, 0x1D, 0x1E, 0x07, 0x0B, 0x13):
            said = b"".join(part for _, part in clipboard_dialogue(way))
            yield f"all_{way}_{policy:02x}", bytes([policy]) + said
        parts = dict(clipboard_dialogue(way))
        for name in ("text", "images", "files"):
            yield f"{name}_{way}", bytes([ALL]) + parts["start"] + parts[name]
        bad = clip("files_response")
        bad = bad[:84] + "..\\x".encode("utf-16-le") + bad[92:]
        yield f"climbs_{way}", (bytes([ALL]) + parts["start"] + message(way, clip("list_files"))
                                + message(1 - way, clip("files_request")) + message(way, bad))
        long = struct.pack("<HHI", 5, 1, 4000) + bytes(4000)
        asked = message(way, clip("list_text")) + message(1 - way, clip("data_request"))
        pieces = (chunk(way, 4008, FIRST | SHOW, long[:1600])
                  + message(1 - way, clip("size_request"))
                  + chunk(way, 4008, SHOW, long[1600:3200])
                  + chunk(way, 4008, LAST | SHOW, long[3200:]))
        yield f"chunks_{way}", bytes([ALL]) + parts["start"] + asked + pieces


def device(name):
    return load(VECTORS / "rdpdr" / f"{name}.hex")


START = (message(TO_CLIENT, device("server_announce")) + message(TO_TARGET, device("client_announce"))
         + message(TO_TARGET, device("client_name")) + message(TO_CLIENT, device("caps_server"))
         + message(TO_CLIENT, device("client_id_confirm")) + message(
             TO_TARGET, device("caps_client")) + message(TO_CLIENT, device("user_logged_on")))
DRIVES = START + message(TO_TARGET, device("device_list")) + message(
    TO_CLIENT, device("device_reply"))


def request(major, body, minor=0, device_id=1, file_id=5, completion=1):
    return message(TO_CLIENT, struct.pack("<HHIIIII", 0x4472, 0x4952, device_id, file_id,
                                          completion, major, minor) + body)


def create(path, access=0x120089, disposition=1, **ids):
    wide = path.encode("utf-16-le") + b"\0\0"
    return request(0, struct.pack("<IQIIIII", access, 0, 0, 0, disposition, 0, len(wide)) + wide,
                   **ids)


def completion(value, data=b"", device_id=1, number=1, status=0):
    return message(TO_TARGET, struct.pack("<HHIIII", 0x4472, 0x4943, device_id, number, status,
                                          value) + data)


def transfer(major, length, data=b""):
    return request(major, struct.pack("<IQ", length, 0) + bytes(20) + data)


def announce(kind, number):
    return message(TO_TARGET, struct.pack("<HHIII8sI", 0x4472, 0x4441, 1, kind, number, b"X:", 0))


def device_seeds():
    opened = create("\\a") + completion(5, b"\1")
    read = transfer(3, 9) + completion(9, b"123456789")
    written = transfer(4, 9, b"123456789") + completion(9, b"\0")
    closed = request(2, bytes(32)) + completion(0)
    for policy in (0, 1, 2, 3, ALL):
        yield f"start_{policy:02x}", bytes([policy]) + DRIVES
        yield f"file_{policy:02x}", bytes([policy]) + DRIVES + opened + read + written + closed
    for name in ("control", "volume", "set_volume", "information", "set_information", "directory",
                 "notify"):
        yield name, (b"\3" + DRIVES + opened + message(TO_CLIENT, device(f"{name}_request"))
                     + message(TO_TARGET, device(f"{name}_response")))
    yield "spec_file", b"\3" + DRIVES + b"".join(
        message(TO_CLIENT, device(f"{what}_request")) + message(TO_TARGET, device(f"{what}_response"))
        for what in ("create", "read", "write", "close"))
    yield "climbs", b"\3" + DRIVES + create("\\..\\x") + create("\\a\\..")
    yield "write_too_long", b"\3" + DRIVES + opened + transfer(4, 10, b"123456789")
    yield "read_too_long", b"\3" + DRIVES + opened + transfer(3, 9) + completion(10, b"123456789")
    yield "remove", b"\3" + DRIVES + opened + message(TO_TARGET, device("device_remove")) + read
    yield "printer", b"\4" + START + announce(4, 1) + opened + written + closed
    yield "smart_card", b"\x08" + START + announce(32, 1) + request(14, bytes(40)) + completion(0)
    yield "port", b"\x10" + START + announce(1, 1) + opened + read + written
    yield "wrong_sender", b"\3" + message(TO_TARGET, device("server_announce"))


def common_seeds():
    def piece(way, data, length, flags, chunk_max=255):
        return struct.pack("<BHII", way | (chunk_max - 1 & 0x7F) << 1, len(data), length,
                           flags) + data
    for way in (0, 1):
        for kind in range(8):
            data = bytes([kind]) + bytes(199)
            yield f"whole_{way}_{kind}", piece(way, data, 200, FIRST | LAST | SHOW)
            yield f"pieces_{way}_{kind}", (piece(way, data[:100], 200, FIRST)
                                           + piece(1 - way, b"\7x", 2, FIRST | LAST)
                                           + piece(way, data[100:], 200, LAST, 7))
        yield f"suspend_{way}", piece(way, b"", 0, SUSPEND) + piece(way, b"\0", 1, FIRST | LAST)
        yield f"compressed_{way}", piece(way, b"\0", 1, FIRST | LAST | COMPRESSED)
        yield f"twice_{way}", piece(way, bytes(99), 200, FIRST) * 2


def main():
    write("cliprdr_filter", clipboard_seeds())
    write("rdpdr_filter", device_seeds())
    write("svc", common_seeds())


if __name__ == "__main__":
    main()
