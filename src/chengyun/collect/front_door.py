# SPDX-License-Identifier: Apache-2.0
"""Posting to the stream process from our own other processes: the same way in as every sender's."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import msgspec

from chengyun.access.tokens import internal_token
from chengyun.config import Config
from chengyun.errors import Malformed, Unavailable

__all__ = ["kept_as", "post"]

TIMEOUT_S = 30.0


def post(config: Config, stream: str, body: Any, *, purpose: str, key: str | None = None) -> dict[str, Any]:
    """Send observations and return the answer.

    purpose: scope of the internal token, `simulate` or `ingest:*`. key: idempotency key.
    Raises Unavailable when the stream process is away or busy, Malformed when it refuses the body.
    """
    headers: Mapping[str, str] = {
        "Authorization": f"Bearer {internal_token(config.secret, purpose)}",
        "Content-Type": "application/json",
        **({"Idempotency-Key": key} if key else {}),
    }
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host  # noqa: S104  every address includes this one
    url = f"http://{host}:{config.stream_port}/ingest/{stream}"
    request = urllib.request.Request(url, data=msgspec.json.encode(body), headers=dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  our own address
            return msgspec.json.decode(answer.read())  # type: ignore[no-any-return]
    except urllib.error.HTTPError as refused:
        told = msgspec.json.decode(refused.read() or b"{}")
        sentence = str(told.get("message", f"The stream process answered {refused.code}."))
        if refused.code in (429, 503):
            raise Unavailable(sentence) from refused
        raise Malformed(sentence, code=str(told.get("code", "refused")), status=refused.code) from refused
    except OSError as away:
        raise Unavailable(
            f"The stream process does not answer at {host}:{config.stream_port}. Is `chengyun up` running?"
        ) from away


def kept_as(stream: str, purpose: str, key: str) -> str:
    """Return the key a body of ours is kept under in the lake's receipts: collect.house makes each its sender's own."""
    return f"{stream}/internal:{purpose}/{key}"
