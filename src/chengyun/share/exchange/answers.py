# SPDX-License-Identifier: Apache-2.0
"""Answers, checked by whoever asked: by their signature, or by the receipt they were given with. Pure: no database, no clock.

A receipt is the provider's signed word for the request (digest of what was signed, nonce and all), the answer's body and the
moment. Where the asker takes shared signatures (messages.ACCEPTS) it stands for the answer's signature, of a 200 alone; answers
without a receipt are signed as ever.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import pybase64

from chengyun.errors import Refused
from chengyun.share.exchange import entries, messages

__all__ = ["checked"]

Keys = Mapping[str, Mapping[str, Any]]


def checked(
    status: int, headers: Mapping[str, str], body: bytes, asked: messages.Unsigned, consumer_key: str, pinned: Keys, now: int
) -> bytes:  # fmt: skip
    """Return the entry of the receipt an answer came with, empty without one, if the provider gave it to this very request.

    headers: names in lower case. asked: what was signed when it was asked; consumer_key: by which key. pinned: the provider's
    keys by their thumbprints. Raises Refused.
    """
    try:
        leaf = pybase64.b64decode(headers.get("exchange-receipt", ""), validate=True)
    except ValueError:
        raise Refused("The receipt is no base64.", code="receipt", status=401) from None
    alone = status == 200 and "signature-input" not in headers and bool(leaf)
    if not alone:
        messages.verify_response(
            status, headers, body, asked.nonce,
            lambda it: it.key_id in pinned and messages.is_signed_by(pinned[it.key_id], it), now,
        )  # fmt: skip
    if not leaf or status >= 400:
        return b""
    receipt = entries.signed_by(leaf, pinned)
    if receipt is None:
        raise Refused("The receipt is not signed by a key that is pinned.", code="receipt", status=401)
    if receipt.digest != hashlib.sha256(body).hexdigest() or receipt.consumer_key != consumer_key:
        raise Refused("The receipt is not of what arrived.", code="receipt", status=401)
    if alone:
        _require_to(receipt, asked, now)
    return leaf


def _require_to(receipt: entries.Said, asked: messages.Unsigned, now: int) -> None:
    """Raise Refused unless a receipt that stands for the answer's signature is of this request, and of now."""
    if receipt.asked.get("signed") != hashlib.sha256(asked.base).hexdigest():
        raise Refused("The answer is to another request.", code="receipt", status=401)
    try:
        at = _seconds(receipt.at)
    except (ValueError, OverflowError):
        raise Refused("The receipt says no time.", code="receipt", status=401) from None
    if abs(at - now) > messages.WINDOW_S:
        raise Refused(f"The answer is of {receipt.at}, further from now than clocks may differ.", code="clock", status=401)


@functools.lru_cache(maxsize=64)
def _seconds(at: str) -> float:
    """Receipts of one moment say the same time."""
    return dt.datetime.fromisoformat(at).timestamp()
