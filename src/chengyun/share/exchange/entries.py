# SPDX-License-Identifier: Apache-2.0
"""A receipt as the log's entry: {"receipt": {…}, "signature": text} in canonical form. Pure: no database, no clock.

Version 1 is signed by itself, in hex; version 2 together with others of its moment (chengyun.share.ledger.shared), in base64url,
because there is more of it. The version is part of what is signed, so neither is taken for the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from chengyun.access.signatures import text, untext, verify
from chengyun.errors import Refused
from chengyun.share.exchange import messages
from chengyun.share.ledger import shared
from chengyun.share.ledger.verifier import canonical

__all__ = ["ALONE", "SHARED", "parse", "proof_of", "signed_by", "written"]

ALONE, SHARED = 1, 2
"""Versions."""
_FORMS = {ALONE: (verify, bytes.fromhex), SHARED: (shared.verify, untext)}


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


def signed_by(leaf: bytes, jwk: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the receipt in an entry if the holder of a key signed it, in the form the receipt itself names."""
    try:
        entry = json.loads(leaf)
        receipt = entry["receipt"]
        version = receipt["version"]
        check, read = _FORMS[version if type(version) is int else -1]
        said, signature = canonical(receipt), read(entry["signature"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    # There is one way to write an entry: what is signed is what stands in it.
    if leaf != written(said, signature) or not check(jwk, said, signature):
        return None
    return cast("dict[str, Any]", receipt)


def _text(signature: bytes) -> str:
    return text(signature) if shared.is_shared(signature) else signature.hex()
