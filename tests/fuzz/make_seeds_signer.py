#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the seed corpus of signer_tbs: what servers sign, and its near misses; same files always."""
import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus" / "signer_tbs"


def verify(hash_size, who=b"server", pad=64):
    return b" " * pad + b"TLS 1.3, " + who + b" CertificateVerify\0" + b"\xa5" * hash_size


def exchange(curve, size, first=4, kind=3):
    point = bytes([first]) + b"\x5a" * (size - 1) if size else b""
    return b"\x11" * 64 + bytes([kind, curve >> 8, curve & 0xFF, size]) + point


SEEDS = {
    "verify_sha256": verify(32),
    "verify_sha384": verify(48),
    "verify_sha512": verify(64),
    "verify_none": verify(0),
    "verify_31": verify(31),
    "verify_client": verify(32, b"client"),
    "verify_pad63": verify(32, pad=63),
    "verify_pad65": verify(32, pad=65),
    "verify_pad_only": b" " * 64,
    "x25519": exchange(29, 32),
    "x25519_short": exchange(29, 31),
    "x25519_long": exchange(29, 33),
    "p256": exchange(23, 65),
    "p256_compressed": exchange(23, 33, first=2),
    "p256_hybrid": exchange(23, 65, first=6),
    "p256_trail": exchange(23, 65) + b"\0",
    "p384": exchange(24, 97),
    "p384_cut": exchange(24, 97)[:-1],
    "p521": exchange(25, 133),
    "x448": exchange(30, 56),
    "unknown_curve_empty": exchange(31, 0),
    "explicit_prime": exchange(23, 65, kind=1),
    "digest": b"\x5a" * 32,
    "randoms_only": b"\x11" * 64,
}

CORPUS.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (CORPUS / name).write_bytes(data)
