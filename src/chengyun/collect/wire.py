# SPDX-License-Identifier: Apache-2.0
"""ASGI without a framework: a body read within bounds, an answer sent, a Problem told. What every fast process here shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from chengyun.collect.encodings import LARGEST_BODY
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable

__all__ = [
    "CORS",
    "JSON",
    "GoneError",
    "Headers",
    "Receive",
    "Send",
    "answer",
    "query_of",
    "read",
    "status_of",
    "tell",
    "until_gone",
]

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
# Any page may read: what it sees is decided by a ticket or token it shows, never by a cookie that a foreign page could ride on.
CORS = [(b"access-control-allow-origin", b"*"), (b"cache-control", b"no-store")]
BODY_WITHIN_S = 60.0
"""How long a body that comes in parts may take."""
RETRY_AFTER_S = b"1"


class GoneError(Exception):
    """Whoever asked went away: a sender before its body was whole, a reader of live updates."""


async def read(announced: bytes, receive: Receive) -> bytes:
    """Return the whole body; announced: its Content-Length, or b"".

    Raises Malformed when it is too large, Refused when it takes too long, GoneError when the sender went away.
    """
    too_large = Malformed(
        f"The body is larger than {LARGEST_BODY // 1024 // 1024} MB. Send it in parts.", code="body_too_large", status=413
    )  # fmt: skip
    if announced.isdigit() and int(announced[:18]) > LARGEST_BODY:
        raise too_large
    parts: list[bytes] = []
    size = 0
    deadline: float | None = None
    message = await receive()
    while True:
        if message["type"] == "http.disconnect":
            raise GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            raise too_large
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + BODY_WITHIN_S
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise Refused(
                f"The body was not whole within {BODY_WITHIN_S:.0f} s. Send it in parts.", code="body_too_slow", status=408
            ) from None


async def until_gone(receive: Receive) -> None:
    """Return when whoever asked has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def query_of(scope: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of an address; of one given twice, the last."""
    return {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}


def status_of(problem: Problem) -> int:
    """Return the HTTP status a Problem is told with."""
    match problem:
        case NotFound():
            return 404
        case Unavailable():
            return 503
        case Malformed():
            return int(str(problem.fields.get("status", 422)))
        case _:
            return int(str(problem.fields.get("status", 403)))


async def tell(send: Send, problem: Problem) -> None:
    """Answer with a Problem: {"code", "message", its fields}."""
    status = status_of(problem)
    headers = [JSON, *CORS]
    if status == 503:
        headers.append((b"retry-after", RETRY_AFTER_S))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    told = {name: value for name, value in problem.fields.items() if name != "status"}
    body = msgspec.json.encode({"code": problem.code, "message": problem.sentence, **told}, enc_hook=str)
    await answer(send, status, body, headers)


async def answer(send: Send, status: int, body: bytes, headers: Headers | None = None) -> None:
    """Answer whole; JSON unless the headers say otherwise."""
    chosen = [*(headers if headers is not None else [JSON]), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": chosen})
    await send({"type": "http.response.body", "body": body})
