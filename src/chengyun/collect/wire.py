# SPDX-License-Identifier: Apache-2.0
"""ASGI without a framework: a body read within bounds, an answer sent, a Problem told. What every fast process here shares."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import psycopg

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
    "discard",
    "is_local",
    "length",
    "lifespan",
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
SLOWEST_BYTES_S = 512 * 1024
"""Bytes a second a body must come with, after the first seconds: what is on its way takes room that others wait for."""
FIRST_S = 5.0
DISCARDED = 256 * 1024
"""Bytes of a body that are taken and thrown away, so that its sender reads the answer; of a larger one the connection ends."""
RETRY_AFTER_S = 1


class GoneError(Exception):
    """Whoever asked went away: a sender before its body was whole, a reader of live updates."""


def length(announced: bytes) -> int | None:
    """Return a body's length as its Content-Length announces it; None: it is not known before it has come.

    Raises Malformed when it is too large.
    """
    if not announced.isdigit():
        return None
    size = int(announced[:18])
    if size > LARGEST_BODY:
        raise _too_large()
    return size


def _too_large() -> Malformed:
    return Malformed(
        f"The body is larger than {LARGEST_BODY // 1024 // 1024} MB. Send it in parts.", code="body_too_large", status=413
    )  # fmt: skip


async def lifespan(
    receive: Receive, send: Send, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """Start and stop with the server that runs us; what cannot start is told to it in a sentence."""
    while True:
        match (await receive())["type"]:
            case "lifespan.startup":
                try:
                    await start()
                except (Problem, psycopg.Error) as wrong:
                    await send({"type": "lifespan.startup.failed", "message": str(wrong)})
                    return
                await send({"type": "lifespan.startup.complete"})
            case "lifespan.shutdown":
                await stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def discard(announced: bytes, receive: Receive) -> None:
    """Throw a body away as it comes, a small one whole."""
    if announced.isdigit() and int(announced[:18]) > DISCARDED:
        return
    size = 0
    try:
        async with asyncio.timeout(FIRST_S):
            while size <= DISCARDED:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


async def read(announced: bytes, receive: Receive, take: Callable[[int], None] = lambda _size: None) -> bytes:
    """Return the whole body; announced: its Content-Length, or b"". take: told how large it is so far, and may refuse.

    Raises Malformed when it is too large, Refused when it takes too long, GoneError when the sender went away.
    """
    expected = length(announced) or 0
    parts: list[bytes] = []
    size = 0
    deadline: float | None = None
    within_s = BODY_WITHIN_S
    message = await receive()
    while True:
        if message["type"] == "http.disconnect":
            raise GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            raise _too_large()
        take(size)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if deadline is None:
            within_s = min(BODY_WITHIN_S, FIRST_S + expected / SLOWEST_BYTES_S) if expected else BODY_WITHIN_S
            deadline = asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise Refused(
                f"The body was not whole within {within_s:.0f} s. Send it in parts.", code="body_too_slow", status=408
            ) from None


async def until_gone(receive: Receive) -> None:
    """Return when whoever asked has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def is_local(scope: dict[str, Any]) -> bool:
    """Say whether a request comes from this machine itself, not through a proxy that stands on it."""
    passed_on = {b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"}
    if any(name in passed_on for name, _ in scope["headers"]):
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False


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
        headers.append((b"retry-after", str(problem.fields.get("retry_after_s", RETRY_AFTER_S)).encode()))
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
