# SPDX-License-Identifier: Apache-2.0
"""A front end: checks a body like the stream process does, and queues it. Raw ASGI, no Django, no state of its own.

POST /ingest/<pack.stream>   as at the stream process; the answer is 202 {"queued": rows, "place": n, "dead": [...]}
GET  /health

While the database is away, senders seen lately are still known and their bodies are still taken.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import psycopg
import zstandard
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chengyun.access import tokens
from chengyun.city import load_city
from chengyun.collect.decode import read_body
from chengyun.collect.encodings import decompress
from chengyun.collect.queue.jet import Jet
from chengyun.collect.queue.settings import QueueSettings, read_queue
from chengyun.collect.wire import JSON, GoneError, Receive, Send, answer, lifespan, read, tell
from chengyun.config import Config, config
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable, nearest

__all__ = ["Front"]

KNOWN_FOR_S = 5.0
KNOWN_WHILE_AWAY_S = 900.0
"""How long a sender is believed while the database, which could say otherwise, is away."""
FIRST_TRY_S = 5.0
"""How long a start waits for the queue before it goes on without."""
IN_FLIGHT = 256 * 1024 * 1024
"""Bytes of bodies under way; beyond it senders are asked to come back."""
LONGEST_KEY = 64
MOST_DEAD_TOLD = 1_000

log = logging.getLogger(__name__)


class Front:
    """The ASGI application."""

    def __init__(self, settings: Callable[[], Config] = config, queue: Callable[[], QueueSettings] = read_queue) -> None:
        self._settings, self._queue = settings, queue
        self._jet: Jet | None = None
        self._opening: asyncio.Task[None] | None = None
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] | None = None
        self._senders: tokens.Remembered[dict[str, Any]] = tokens.Remembered(KNOWN_FOR_S)
        self._in_flight = 0
        self.taken = 0

    async def start(self) -> None:
        """Connect to the queue and the database, or go on trying. Raises Refused when the nodes cannot keep the queue."""
        settings = self._settings()
        self._city = load_city(settings.packs)
        self._jet = Jet(self._queue(), "front")
        # Nodes may be choosing a leader just now: then senders are asked to come back, and this process stays.
        opening = asyncio.create_task(self._jet.open_when_there())
        if (await asyncio.wait({opening}, timeout=FIRST_TRY_S))[0]:
            await opening
        else:
            self._opening = asyncio.create_task(self._go_on(self._jet, opening))
        self._pool = AsyncConnectionPool(settings.dsn(), min_size=1, max_size=2, open=False, timeout=2.0)
        await self._pool.open()

    async def _go_on(self, jet: Jet, opening: Awaitable[None]) -> None:
        """Open the queue however long it takes; what would have ended the start is said, and tried again."""
        while True:
            try:
                return await opening
            except Refused as wrong:
                log.error("%s", wrong.sentence)
            await asyncio.sleep(FIRST_TRY_S)
            opening = jet.open_when_there()

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._jet is not None:
            await self._jet.close()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send, self.start, self.stop)
        if scope["type"] != "http":
            return
        try:
            await self._route(scope, receive, send)
        except Problem as problem:
            await tell(send, problem)
        except GoneError:
            return
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer(send, 500, b'{"code":"bug","message":"Something broke here; it is in the log."}')

    async def _route(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        first, _, rest = path.lstrip("/").partition("/")
        if (first, method) == ("health", "GET"):
            ok = self._jet is not None and self._jet.connected
            body = msgspec.json.encode({"ok": ok, "taken": self.taken, "bytes_under_way": self._in_flight})
            await answer(send, 200 if ok else 503, body)
        elif first == "ingest" and method == "POST":
            await self._ingest(rest, scope, receive, send)
        elif first in ("ingest", "health"):
            raise Refused(f"{method} is not possible here.", code="method", status=405)
        else:
            raise NotFound("There is nothing here. Ways in: POST /ingest/<stream>, GET /health.")

    async def _ingest(self, stream: str, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        holder = await self._holder(headers.get(b"authorization", ""))
        if stream not in self._city.streams:
            raise NotFound(f"There is no stream {stream[:80]!r}.{nearest(stream[:80], self._city.streams)}")
        if not tokens.allows(holder["scopes"], stream):
            raise Refused(
                f"The token does not allow sending to {stream}; it needs the scope ingest:{stream}.", code="scope", status=403
            )
        key = headers.get(b"idempotency-key", "").strip()
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise Refused(
                f"The Idempotency-Key is longer than {LONGEST_KEY} printable characters.", code="idempotency_key", status=400
            )
        announced = headers.get(b"content-length", "")
        expected = int(announced) if announced.isdigit() and len(announced) < 12 else 0
        counted = 0

        def count(size: int) -> None:
            nonlocal counted
            more = max(size - counted, 0)
            if self._in_flight + more > IN_FLIGHT:
                raise Unavailable("More bodies are under way than fit. Send this again in a moment.", code="busy")
            self._in_flight, counted = self._in_flight + more, counted + more

        try:
            count(expected)
            # A body may come without saying how large it will be.
            sent = await read(announced.encode(), receive, count)
            await self._take(stream, holder, key, sent, headers.get(b"content-encoding", ""), send)
        finally:
            self._in_flight -= counted

    async def _take(self, stream: str, holder: dict[str, Any], key: str, sent: bytes, encoding: str, send: Send) -> None:
        body = decompress(sent, encoding)
        decoded = read_body(body, self._city.streams[stream])
        told = {
            "actor": holder["actor"], "source": holder["source"], "simulated": "1" if "simulate" in holder["scopes"] else "",
            "key": key,
        }  # fmt: skip
        packed = zstandard.ZstdCompressor(level=1).compress(body)
        if len(packed) > self._queue_of().largest_body:
            raise Malformed(
                f"The body is larger than the queue takes ({self._queue_of().largest_body:,} bytes packed). Send it in parts.",
                code="body_too_large", status=413,
            )  # fmt: skip
        # With what it holds: one key used for two bodies is the sender's mistake, and both are kept, as the answers say.
        same = f"{stream}/{holder['actor']}/{key}/{hashlib.sha256(body).hexdigest()[:32]}" if key else None
        place = await self._queue_of().put(stream, packed, told, same)
        self.taken += 1
        dead = [{"index": index, "code": it.code, "reason": it.reason} for index, it in sorted(decoded.dead.items())]
        answered = {"queued": len(decoded) - len(dead), "place": place, "dead": dead[:MOST_DEAD_TOLD]}
        await answer(send, 202, msgspec.json.encode(answered), [JSON])

    def _queue_of(self) -> Jet:
        if self._jet is None:
            raise Unavailable("The process is starting. Send this again in a moment.")
        return self._jet

    async def _holder(self, header: str) -> dict[str, Any]:
        scheme, _, raw = header.partition(" ")
        raw = raw.strip()
        found = await self._find(raw) if scheme.lower() == "bearer" and raw and "\x00" not in raw else None
        if found is None:
            raise Refused(
                "The token is missing, unknown, expired or revoked. Send `Authorization: Bearer <token>`.",
                code="token",
                status=401,
            )
        return found

    async def _find(self, raw: str) -> dict[str, Any] | None:
        now, digest = time.monotonic(), tokens.digest(raw)
        known, found = self._senders.get(digest, now)
        if known:
            return found
        purpose = tokens.verify_internal(self._settings().secret, raw)
        if purpose is not None:
            found = {"actor": f"internal:{purpose}", "source": purpose, "scopes": [purpose]}
        else:
            try:
                found = await self._look_up(raw)
            except (psycopg.Error, PoolTimeout):
                if (last := self._senders.last(digest, now, KNOWN_WHILE_AWAY_S)) is not None:
                    return last
                raise Unavailable("The database that knows the tokens is away. Send this again in a moment.") from None
        self._senders.keep(digest, found, now)
        return found

    async def _look_up(self, raw: str) -> dict[str, Any] | None:
        if self._pool is None:
            raise Unavailable("The process is starting. Send this again in a moment.")
        async with self._pool.connection() as conn:
            row: Any = await (await conn.execute(tokens.FIND, [tokens.digest(raw)])).fetchone()
        if row is None:
            return None
        actor = ":".join(part for part in ("account", str(row[0]) if row[0] else "-", row[1]) if part)
        return {"actor": actor, "source": raw[:9], "scopes": list(row[2])}
