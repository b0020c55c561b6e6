# SPDX-License-Identifier: Apache-2.0
"""One signature for many messages: the root of a small Merkle tree is signed, and each message carries its way to that root.

    signature = size (2 bytes) ‖ index (2 bytes) ‖ path (32 bytes each, nearest first) ‖ signature of the word (64 bytes)
    word      = ff "chengyun-shared-1" 0a ‖ size (2 bytes) ‖ root (32 bytes)        numbers: the most significant byte first
    leaf      = H(00 ‖ message)      node = H(01 ‖ left ‖ right)      tree: RFC 9162, 2.1

H is SHA-256 under Ed25519 keys, SM3 under SM2 keys. A message, its signature and the public key are all it takes to check one:
whoever holds one needs none of the others. No text in UTF-8 holds the byte ff, so the word is nothing else that a key signs, and
what a key signs by itself (64 bytes) is never taken for this. There is one way to write a signature: its length follows from size
and index, and a tree has at least two messages.

Each message holds something that nobody guesses (a nonce, a receipt's number): the hashes beside it tell nothing of the others.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chengyun.access import signatures
from chengyun.access.ciphers import digest
from chengyun.access.keystore import SigningKey

__all__ = ["LONGEST", "MOST", "Place", "is_shared", "place_signed", "sign_all", "verify"]

MOST = 1024
"""Messages of one tree: bounds a path, and the work of whoever is sent one."""
WORD = b"\xffchengyun-shared-1\n"
ROOTS_KEPT = 1024
"""Roots that were found signed: about 1 MB. The messages of a tree come close to each other."""
_OWN = 64
LONGEST = 4 + 32 * (MOST - 1).bit_length() + _OWN


def sign_all(key: SigningKey, said: Sequence[bytes]) -> list[bytes]:
    """Return a signature for each of several messages, 2 to MOST."""
    size = len(said)
    if not 2 <= size <= MOST:
        raise ValueError(f"{size} messages, expected 2 to {MOST}")
    of = hashlib.sha256 if key.algorithm == "ed25519" else _Sm3
    level, every = [of(b"\x00" + one).digest() for one in said], []
    while len(level) > 1:
        every += level
        odd = level[-1:] if len(level) & 1 else []
        level = [of(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)] + odd
    written = size.to_bytes(2)
    signed = key.sign(WORD + written + level[0])
    return [b"".join((written, begins, *[every[at] for at in path], signed)) for begins, path in _paths(size)]


class Place(msgspec.Struct, frozen=True):
    """Where a message stands: which of how many under a root. No two messages of a key stand at the same."""

    root: bytes
    index: int
    size: int


def verify(jwk: Mapping[str, Any], said: bytes, signature: bytes) -> bool:
    """Say whether the holder of a key signed this message among others. False also for what is no such signature."""
    return place_signed(jwk, said, signature) is not None


def place_signed(jwk: Mapping[str, Any], said: bytes, signature: bytes) -> Place | None:
    """Return where the holder of a key signed this message among others, None where that is not so."""
    size, index = int.from_bytes(signature[:2]), int.from_bytes(signature[2:4])
    end = len(signature) - _OWN
    if not 2 <= size <= MOST or index >= size:
        return None
    steps = _steps(index, size)
    if end != 4 + 32 * len(steps):
        return None
    kty = jwk.get("kty")
    of = _Sm3 if kty == "EC" else hashlib.sha256
    found = of(b"\x00" + said).digest()
    for start, stop, is_right in steps:
        beside = signature[start:stop]
        found = of(b"\x01" + beside + found if is_right else b"\x01" + found + beside).digest()
    try:
        _require_signed((kty, jwk.get("crv"), jwk.get("x"), jwk.get("y")), WORD + signature[:2] + found, signature[end:])
    except _NotSigned:
        return None
    return Place(found, index, size)


def is_shared(signature: bytes) -> bool:
    """Say whether a signature has this form rather than that of a message signed by itself."""
    return len(signature) > _OWN


@functools.lru_cache(maxsize=4096)
def _steps(index: int, size: int) -> tuple[tuple[int, int, bool], ...]:
    """Return for each hash from a message to the root where it begins and ends, and whether what is known stands right of it."""
    found: list[tuple[int, int, bool]] = []
    last = size - 1
    while last:
        # The last of a level without a neighbour stands in the next one as it is.
        if index & 1 or index < last:
            start = 4 + 32 * len(found)
            found.append((start, start + 32, bool(index & 1)))
        index, last = index >> 1, last >> 1
    return tuple(found)


@functools.lru_cache(maxsize=64)
def _paths(size: int) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """Return for each of so many messages its index as it is written, and where the hashes beside its way stand."""
    levels, start, width = [], 0, size
    while width > 1:
        levels.append((start, width))
        start, width = start + width, (width + 1) // 2
    return tuple(
        (index.to_bytes(2), tuple(at + (index >> up ^ 1) for up, (at, wide) in enumerate(levels) if (index >> up ^ 1) < wide))
        for index in range(size)
    )


class _NotSigned(Exception):
    """A root is not signed by the key."""


@functools.lru_cache(maxsize=ROOTS_KEPT)
def _require_signed(words: tuple[Any, ...], word: bytes, signature: bytes) -> None:
    """Raise _NotSigned unless a key signed a word. What raises is not kept: nobody drives out true roots with false ones."""
    named = {name: value for name, value in zip(("kty", "crv", "x", "y"), words, strict=True) if value is not None}
    if not signatures.verify(named, word, signature):
        raise _NotSigned


class _Sm3:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def digest(self) -> bytes:
        return digest(self._data, "sm3")
