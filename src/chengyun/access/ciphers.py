# SPDX-License-Identifier: Apache-2.0
"""Digests, MACs and sealed bytes in two sets of algorithms that say the same things: the international one and China's own.

| set | digest | MAC | sealing | signature |
|---|---|---|---|---|
| international | SHA-256 | HMAC-SHA-256 | AES-256-GCM | Ed25519 |
| domestic | SM3 | HMAC-SM3 | SM4-GCM | SM2 |

CHENGYUN_CRYPTO chooses what is written. Everything written names its algorithm, so what the other set wrote stays readable.

Standard: GB/T 32905-2016 (SM3), GB/T 32907-2016 (SM4), RFC 8998 (SM4-GCM), GB/T 32918-2016 (SM2).
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chengyun.errors import Refused, nearest

NONCE, TAG = 12, 16


@dataclass(frozen=True, slots=True)
class Suite:
    """One set of algorithms. key_bytes: how long a key of its cipher is."""

    name: str
    digest: str
    sealing: str
    signature: str
    key_bytes: int


INTERNATIONAL = Suite("international", "sha-256", "aes-256-gcm", "ed25519", 32)
DOMESTIC = Suite("domestic", "sm3", "sm4-gcm", "sm2", 16)
SUITES = {suite.name: suite for suite in (INTERNATIONAL, DOMESTIC)}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"sha-256": hashes.SHA256, "sm3": hashes.SM3}
_CIPHERS = {"aes-256-gcm": (algorithms.AES256, 32), "sm4-gcm": (algorithms.SM4, 16)}


@functools.cache
def suite() -> Suite:
    """Return this installation's set of algorithms."""
    return suite_named(os.environ.get("CHENGYUN_CRYPTO") or INTERNATIONAL.name)


def suite_named(name: str) -> Suite:
    """Return a set by its name. Raises Refused for another word."""
    if name not in SUITES:
        raise Refused(f"CHENGYUN_CRYPTO is {name!r}, expected {' or '.join(SUITES)}.{nearest(name, SUITES)}")
    return SUITES[name]


def digest(data: bytes, algorithm: str | None = None) -> bytes:
    """Return 32 bytes. algorithm: "sha-256" or "sm3"; None: this installation's."""
    made = hashes.Hash(_HASHES[algorithm or suite().digest]())
    made.update(data)
    return made.finalize()


def mac(key: bytes, data: bytes, algorithm: str | None = None) -> bytes:
    """Return the HMAC over a digest, 32 bytes."""
    made = hmac.HMAC(key, _HASHES[algorithm or suite().digest]())
    made.update(data)
    return made.finalize()


def derive(key: bytes, purpose: str, length: int = 32, algorithm: str | None = None) -> bytes:
    """Return a key of its own for a purpose: who has it learns neither the first key nor that of another purpose."""
    chosen = _HASHES[algorithm or suite().digest]()
    return HKDF(chosen, length, salt=None, info=purpose.encode()).derive(key)


def seal(key: bytes, plain: bytes, context: bytes, algorithm: str | None = None) -> bytes:
    """Return nonce, cipher text and tag. context: what must be said again to open it. A key may seal 2³² times."""
    cipher, length = _CIPHERS[algorithm or suite().sealing]
    nonce = os.urandom(NONCE)
    worker = Cipher(cipher(key[:length]), modes.GCM(nonce)).encryptor()
    worker.authenticate_additional_data(context)
    return nonce + worker.update(plain) + worker.finalize() + worker.tag


def unseal(key: bytes, sealed: bytes, context: bytes, algorithm: str) -> bytes:
    """Return what was sealed. Raises Refused when key or context are others, or a byte was changed."""
    cipher, length = _CIPHERS[algorithm]
    refused = Refused("What was sealed cannot be opened: it was changed, or another key sealed it.", code="unsealable")
    if len(sealed) < NONCE + TAG:
        raise refused
    nonce, text, tag = sealed[:NONCE], sealed[NONCE:-TAG], sealed[-TAG:]
    worker = Cipher(cipher(key[:length]), modes.GCM(nonce, tag)).decryptor()
    worker.authenticate_additional_data(context)
    try:
        return worker.update(text) + worker.finalize()
    except InvalidTag as wrong:
        raise refused from wrong
