#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpora of CredSSP, NTLM and SPNEGO from tests/vectors; same input, same files."""
import hashlib
import hmac
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
WANTED = 24
ACCEPTOR_KEY = b"0123456789abcde\0"  # of ntlm_acceptor.c

# Each target, its folders of vectors, and where lies in 16-bit fields begin to be of interest.
TARGETS = {
    "ts_request": (["ts_request"], 1),
    "ts_credentials": (["ts_credentials"], 1),
    "ntlm_negotiate": (["ntlm_negotiate"], 12),
    "ntlm_challenge": (["ntlm_challenge"], 12),
    "ntlm_authenticate": (["ntlm_authenticate"], 12),
    "spnego": (["spnego_init", "spnego_resp"], 1),
    "ntlm_initiator": (["ntlm_challenge"], 12),
}


def load(name):
    lines = (line.split("#")[0] for line in (VECTORS / f"{name}.hex").read_text().splitlines())
    return bytes.fromhex("".join(lines).replace(" ", ""))


def variants(data, start):
    """What a parser should tell apart, the most telling first: cuts, then lies in length fields."""
    yield "cut1", data[:-1]
    yield "plus1", data + b"\0"
    yield "half", data[: len(data) // 2]
    for at in range(start, min(len(data) - 1, start + 56), 2 if start > 1 else 1):
        for name, value in (("ff", 0xFFFF), ("00", 0), ("80", 0x8080)):
            yield f"at{at}_{name}", data[:at] + struct.pack("<H", value) + data[at + 2:]


def seeds(folders, start):
    """The vectors themselves, then variants of each in turn until there are enough."""
    names = [f"{folder}/{path.stem}" for folder in folders
             for path in sorted((VECTORS / folder).glob("*.hex"))]
    vectors = [(name.replace("/", "."), load(name)) for name in names]
    yield from vectors
    made = len(vectors)
    streams = [(name, variants(data, start)) for name, data in vectors]
    while made < WANTED and streams:
        name, stream = streams.pop(0)
        item = next(stream, None)
        if item is None:
            continue
        streams.append((name, stream))
        yield f"{name}.{item[0]}", item[1]
        made += 1


def av(number, value):
    return struct.pack("<HH", number, len(value)) + value


def av_seeds():
    challenge = load("ntlm_challenge/freerdp")
    server = challenge[60:108]
    client = load("ntlm_authenticate/freerdp")[132 + 44:132 + 158]
    end = av(0, b"")
    yield "server", server
    yield "client", client
    yield "empty", b""
    yield "end", end
    yield "end_with_value", av(0, b"x")
    yield "no_end", server[:-4]
    yield "half_header", server[:-2]
    yield "value_past_end", server[:2] + b"\xff\xff" + server[4:]
    yield "behind_end", end + server
    yield "twice", server[:-4] + server
    yield "flags_short", av(6, b"\1\0") + end
    yield "flags_long", av(6, b"\1\0\0\0\0") + end
    yield "flags_twice", av(6, b"\1\0\0\0") * 2 + end
    yield "bindings_short", av(10, b"x") + end
    yield "bindings", av(10, b"x" * 16) + end
    yield "single_host", av(8, struct.pack("<II", 48, 0) + b"z" * 40) + end
    yield "unknown", av(0xFFFF, b"x") + end
    yield "long_value", av(1, b"n\0" * 900) + end
    yield "many", av(5, b"") * 200 + end
    for number in range(1, 11):
        yield f"only_{number}", av(number, b"ab") + end


def tlv(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    if size < 0x100:
        return bytes([tag, 0x81, size]) + content
    return bytes([tag, 0x82]) + struct.pack(">H", size) + content


def rc4(key, data):
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) & 255
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + box[i]) & 255
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) & 255])
    return bytes(out)


def direction_key(kind):
    magic = f"session key to client-to-server {kind} key magic constant\0"
    return hashlib.md5(ACCEPTOR_KEY + magic.encode()).digest()


def mech_list_mic(mech_types):
    """What a client with the key of the target would sign (MS-NLMP 3.4.4.2, seq 0)."""
    digest = hmac.new(direction_key("signing"), bytes(4) + mech_types, hashlib.md5).digest()
    return struct.pack("<I", 1) + rc4(direction_key("sealing"), digest[:8]) + bytes(4)


def last_response(mic):
    token = load("ntlm_authenticate/freerdp")
    return tlv(0xA1, tlv(0x30, tlv(0xA2, tlv(4, token)) + tlv(0xA3, tlv(4, mic))))


def tokens(*items):
    return b"".join(struct.pack("<H", len(item)) + item for item in items)


def mech_types(offer):
    """The MechTypeList of one of our vectors: the SEQUENCE behind 0x60, OID, 0xA0, 0x30, 0xA0."""
    at = offer.index(bytes.fromhex("06062b0601050502")) + 8
    for _ in range(3):
        at += 2 if offer[at + 1] < 0x80 else 2 + (offer[at + 1] & 0x7F)
    first = offer[at + 1]
    size = 2 + first if first < 0x80 else 2 + (first & 0x7F) + int.from_bytes(
        offer[at + 2:at + 2 + (first & 0x7F)], "big")
    return offer[at:at + size]


def acceptor_seeds():
    negotiate, authenticate = load("ntlm_negotiate/freerdp"), load("ntlm_authenticate/freerdp")
    response = load("spnego_resp/negotiate")
    yield "raw", tokens(negotiate, authenticate)
    yield "raw_and_more", tokens(negotiate, authenticate, authenticate)
    yield "negotiate_twice", tokens(negotiate, negotiate)
    yield "authenticate_first", tokens(authenticate)
    yield "negotiate_only", tokens(negotiate)
    yield "empty_token", tokens(b"", negotiate)
    yield "cut", tokens(negotiate, authenticate)[:-5]
    yield "no_mic", tokens(negotiate, load("ntlm_authenticate/nlmp"))
    yield "raw_then_spnego", tokens(negotiate, last_response(bytes(16)))
    for name in ("kerberos_first", "spng_negoex_first", "mechs_50"):
        offer = load(f"spnego_init/{name}")
        mic = mech_list_mic(mech_types(offer))
        yield f"spnego_{name}", tokens(offer, response, last_response(mic))
        yield f"spnego_{name}_bad_mic", tokens(offer, response, last_response(bytes(16)))
        yield f"spnego_{name}_offer_twice", tokens(offer, offer)
    for name, middle in (("ntlm_first", []), ("ntlm_no_token", [response])):
        offer = load(f"spnego_init/{name}")
        mic = mech_list_mic(mech_types(offer))
        yield f"spnego_{name}", tokens(offer, *middle, last_response(mic))
        yield f"spnego_{name}_no_mic", tokens(offer, *middle, response)
    yield "spnego_reject", tokens(load("spnego_init/kerberos_first"), load("spnego_resp/reject"))
    for name in ("no_ntlm", "empty_mech_types", "mechs_51"):
        yield f"spnego_{name}", tokens(load(f"spnego_init/{name}"))


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
    for target, (folders, start) in TARGETS.items():
        write(target, seeds(folders, start))
    write("av_pairs", av_seeds())
    write("ntlm_acceptor", acceptor_seeds())


if __name__ == "__main__":
    main()
