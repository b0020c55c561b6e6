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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

Hash = Callable[[bytes], Any]
"""Of hashlib's kind: what it returns has a digest()."""


def sign_all(key: SigningKey, said: Sequence[bytes]) -> list[bytes]:
    """Return a signature for each of several messages, 2 to MOST."""
    size = len(said)
    if not 2 <= size <= MOST:
        raise ValueError(f"{size} messages, expected 2 to {MOST}")
    of = _hash(key.algorithm)
    level, above = [of(b"\x00" + one).digest() for one in said], []
    while len(level) > 1:
        above.append(level)
        odd = level[-1:] if len(level) & 1 else []
        level = [of(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)] + odd
    written = size.to_bytes(2)
    signed = key.sign(WORD + written + level[0])
    return [written + index.to_bytes(2) + _path(index, above) + signed for index in range(size)]


@dataclass(frozen=True, slots=True)
class Place:
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
    if not 2 <= size <= MOST or index >= size or end != 4 + 32 * _path_length(index, size):
        return None
    of = _hash("sm2" if jwk.get("kty") == "EC" else "ed25519")
    found, at, last = of(b"\x00" + said).digest(), index, size - 1
    for start in range(4, end, 32):
        # The last of a level without a neighbour stands in the next one as it is.
        while at == last and not at & 1:
            at, last = at >> 1, last >> 1
        beside = signature[start : start + 32]
        found = of(b"\x01" + beside + found if at & 1 else b"\x01" + found + beside).digest()
        at, last = at >> 1, last >> 1
    words = (jwk.get("kty"), jwk.get("crv"), jwk.get("x"), jwk.get("y"))
    try:
        _require_signed(words, WORD + signature[:2] + found, signature[end:])
    except _NotSigned:
        return None
    return Place(found, index, size)


def is_shared(signature: bytes) -> bool:
    """Say whether a signature has this form rather than that of a message signed by itself."""
    return len(signature) > _OWN


@functools.lru_cache(maxsize=4096)
def _path_length(index: int, size: int) -> int:
    """Return how many hashes lead from a message to the root."""
    count, last = 0, size - 1
    while last:
        count += index & 1 or index < last
        index, last = index >> 1, last >> 1
    return count


def _path(index: int, levels: Sequence[Sequence[bytes]]) -> bytes:
    path = b""
    for level in levels:
        beside = index ^ 1
        if beside < len(level):
            path += level[beside]
        index >>= 1
    return path


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


def _hash(algorithm: str) -> Hash:
    return hashlib.sha256 if algorithm == "ed25519" else _Sm3
