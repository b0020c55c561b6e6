# SPDX-License-Identifier: Apache-2.0
"""A receipt as the log's entry: {"receipt": {…}, "signature": text} in canonical form. Pure: no database, no clock.

Version 1 is signed by itself, in hex; version 2 together with others of its moment (chengyun.share.ledger.shared), in base64url,
because there is more of it. The version is part of what is signed, so neither is taken for the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chengyun.access.signatures import text, untext, verify
from chengyun.errors import Refused
from chengyun.share.exchange import messages
from chengyun.share.ledger import shared
from chengyun.share.ledger.verifier import canonical

__all__ = ["ALONE", "SHARED", "Previous", "Said", "encoded", "parse", "proof_of", "signed_by", "written"]

ALONE, SHARED = 1, 2
"""Versions."""


class Previous(msgspec.Struct):
    root: str
    size: int


class Said(msgspec.Struct):
    """The words of both versions, none of them a fraction, in the order of their canonical form: msgspec writes just that."""

    as_of: int
    asked: Mapping[str, str]
    at: str
    consumer: str
    consumer_key: str
    dataset: str
    digest: str
    fields: Sequence[str]
    grants: Sequence[str]
    id: str
    log: str
    previous: Previous
    provider: str
    provider_key: str
    purpose: str
    rows: int
    version: int
    way: str


class _Entry(msgspec.Struct):
    receipt: Said
    signature: str


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(_Entry)


def encoded(receipt: Said) -> bytes:
    """Return a receipt's canonical form, as verifier.canonical writes it, in a tenth of its time."""
    return _encoder.encode(receipt)


def written(said: bytes, signature: bytes) -> bytes:
    """Return an entry. said: the receipt's canonical form, which is what the signature is of."""
    return b'{"receipt":' + said + b',"signature":"' + _text(signature).encode() + b'"}'


def proof_of(checked: messages.Checked) -> dict[str, str]:
    """Return what proves later that the consumer asked: its signature, and the digest of what it signed."""
    word = "shared" if checked.algorithm.endswith(messages.SHARED) else "signature"
    return {"signed": hashlib.sha256(checked.base).hexdigest(), word: _text(checked.signature)}


def parse(leaf: bytes) -> dict[str, Any]:
    """Return the receipt in a log entry. Raises Refused for what is none."""
    try:
        found = json.loads(leaf)["receipt"]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, dict) or "id" not in found:
        raise Refused("This is no receipt.", code="receipt", status=400)
    return found


def signed_by(leaf: bytes, keys: Mapping[str, Mapping[str, Any]]) -> Said | None:
    """Return the receipt in an entry if the one of some keys that it names signed it, in the form it names."""
    try:
        entry = _decoder.decode(leaf)
        receipt = entry.receipt
        raw = untext(entry.signature) if receipt.version == SHARED else bytes.fromhex(entry.signature)
        jwk = keys[receipt.provider_key]
    except (ValueError, KeyError, RecursionError):
        return None
    # There is one way to write an entry: what is signed is what stands in it.
    said = encoded(receipt)
    if leaf != written(said, raw):
        # Another's program may say more than ours.
        said = _said_in(leaf)
        if leaf != written(said, raw):
            return None
    is_signed = {ALONE: verify, SHARED: shared.verify}.get(receipt.version)
    return receipt if is_signed and is_signed(jwk, said, raw) else None


def _said_in(leaf: bytes) -> bytes:
    """Return the canonical form of all that a receipt says; empty where it has none."""
    try:
        return canonical(json.loads(leaf)["receipt"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _text(signature: bytes) -> str:
    return text(signature) if shared.is_shared(signature) else signature.hex()
