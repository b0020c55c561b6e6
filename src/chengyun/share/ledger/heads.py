# SPDX-License-Identifier: Apache-2.0
"""Signed heads: the root of a log, its size and the time, as a note that strangers' tools read.

    cy-330200/exchange                              origin: the node's name and the log
    42                                              size
    q9n…=                                           root, base64
    time 2026-11-22T09:00:00.000000Z                extension line

    — <origin> <base64 of key hash (4 bytes) and signature>

Standard: C2SP tlog-checkpoint and signed-note; the key hash of algorithm 0x01 (Ed25519), 0xff for SM2.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass

from chengyun.access.keystore import SigningKey

__all__ = ["SignedHead", "sign_head"]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The state of a log that somebody answers for. note: the whole text with its signature; key_id: thumbprint of the key."""

    log: str
    size: int
    root: bytes
    at: dt.datetime
    key_id: str
    note: str


def sign_head(log: str, size: int, root: bytes, at: dt.datetime, origin: str, key: SigningKey) -> SignedHead:
    """Sign a root."""
    name = f"{origin}/{log}"
    body = f"{name}\n{size}\n{base64.b64encode(root).decode()}\ntime {stamp(at)}\n"
    signature = base64.b64encode(key_hash(name, key) + key.sign(body.encode())).decode()
    return SignedHead(log, size, root, at, key.key_id, f"{body}\n— {name} {signature}\n")


def key_hash(name: str, key: SigningKey) -> bytes:
    """Return the four bytes that tell a note's keys apart."""
    words = [key.public[part] for part in ("x", "y") if part in key.public]
    point = b"".join(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)) for word in words)
    kind = b"\x01" if key.algorithm == "ed25519" else b"\xff" + key.algorithm.encode()
    return hashlib.sha256(name.encode() + b"\n" + kind + point).digest()[:4]


def stamp(at: dt.datetime) -> str:
    """Return an instant as receipts and heads write it: UTC, microseconds, Z."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
