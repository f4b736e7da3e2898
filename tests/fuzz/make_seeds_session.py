#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpora of the layers above MCS from tests/vectors; same input, same files."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
WANTED = 24

# Each target and the folder of its vectors; channel's seeds are sequences, made below.
TARGETS = {
    "client_info": "client_info",
    "licence": "licence",
    "autodetect": "autodetect",
    "share": "share",
    "save_session": "save_session",
    "redirection": "redirection",
    "demand_active": "demand_active",
    "confirm_active": "confirm_active",
    "fastpath_input": "fastpath_input",
}


def load(path):
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return bytes.fromhex("".join(lines).replace(" ", ""))


def variants(data):
    """What a parser should tell apart, the most telling first: cuts, then lies in length fields."""
    yield "cut1", data[:-1]
    yield "plus1", data + b"\0"
    yield "half", data[: len(data) // 2]
    for at in range(4, min(len(data) - 1, 64), 2):
        for name, value in (("ff", 0xFFFF), ("00", 0), ("80", 0x8000)):
            yield f"at{at}_{name}", data[:at] + struct.pack("<H", value) + data[at + 2:]


def chunk(direction, size, length, flags):
    return struct.pack("<BHII", direction, size, length, flags)


def channel_seeds():
    first, last = 1, 2
    for direction in (0, 1):
        whole = chunk(direction, 8, 8, first | last)
        yield f"whole_{direction}", whole
        yield f"three_{direction}", (chunk(direction, 1600, 4000, first)
                                     + chunk(direction, 1600, 4000, 0)
                                     + chunk(direction, 800, 4000, last))
        yield f"first_twice_{direction}", chunk(direction, 4, 8, first) * 2
        yield f"last_alone_{direction}", chunk(direction, 8, 8, last)
        yield f"length_changes_{direction}", (chunk(direction, 4, 8, first)
                                              + chunk(direction, 4, 9, last))
        yield f"too_many_{direction}", chunk(direction, 9, 8, first | last)
        yield f"too_few_{direction}", chunk(direction, 7, 8, first | last)
        yield f"too_long_{direction}", chunk(direction, 1601, 1601, first | last)
        yield f"huge_{direction}", (chunk(direction, 1600, 0xFFFFFFFF, first)
                                    + chunk(direction, 1600, 0xFFFFFFFF, 0) * 4)
        yield f"suspend_{direction}", chunk(direction, 0, 0, 0x20) + whole
        yield f"resume_{direction}", chunk(direction, 0, 0, 0x40) + whole
        yield f"compressed_{direction}", chunk(direction, 8, 8, first | last | 0x200000)
        yield f"empty_{direction}", chunk(direction, 0, 0, first | last)
        yield f"short_{direction}", whole[:-1]


def seeds(folder):
    """The vectors themselves, then variants of each in turn until there are enough."""
    vectors = [(path.stem, load(path)) for path in sorted((VECTORS / folder).glob("*.hex"))]
    yield from vectors
    made = len(vectors)
    streams = [(name, variants(data)) for name, data in vectors]
    while made < WANTED and streams:
        name, stream = streams.pop(0)
        item = next(stream, None)
        if item is None:
            continue
        streams.append((name, stream))
        yield f"{name}.{item[0]}", item[1]
        made += 1


def write(target, items):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, data in items:
        (folder / name).write_bytes(data)
        count += 1
    if count < 20:
        raise SystemExit(f"{target}: {count} seeds are fewer than 20")
    print(f"{target}: {count} seeds")


def main():
    for target, folder in TARGETS.items():
        write(target, seeds(folder))
    write("channel", channel_seeds())


if __name__ == "__main__":
    main()
