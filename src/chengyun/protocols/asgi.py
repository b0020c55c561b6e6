# SPDX-License-Identifier: Apache-2.0
"""The protocols process: one address for each foreign language, one pool of connections, one policy for all.

/sensorthings/v1.1   OGC SensorThings        /ngsi-ld/v1   ETSI NGSI-LD        /ogc   OGC API Features and Tiles
/open311             Open311 GeoReport v2    /exchange/v1  signed exchange between departments and nodes

A process of its own, so that a neighbour's heavy question never stands before an observation that comes in.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chengyun.city import load_city
from chengyun.collect.encodings import decompress
from chengyun.collect.wire import JSON, GoneError, Receive, Send, answer, lifespan, read, tell
from chengyun.config import Config, config
from chengyun.errors import NotFound, Problem, Unavailable
from chengyun.protocols.door import Door, Given, Reply, Request, Visitors

__all__ = ["App"]

DOORS = ("sensorthings", "ngsild", "ogc", "open311", "exchange")
"""Each a package with `door.py`: `open_door() -> Door`."""
CONNECTIONS = 4
PREFLIGHT = (
    ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("access-control-allow-headers", "Authorization, Content-Type, Link, Prefer"),
    ("access-control-max-age", "86400"),
)

log = logging.getLogger(__name__)


class App:
    """The ASGI application; doors are opened by the lifespan, or by `start` in a test."""

    def __init__(self, settings: Callable[[], Config] = config) -> None:
        self._settings = settings
        self._doors: list[Door] = []
        self._pool: Any = None
        self._visitors: Visitors | None = None

    async def start(self) -> None:
        """Connect and open every door."""
        settings = self._settings()
        pool: Any = AsyncConnectionPool(
            settings.dsn(), min_size=1, max_size=CONNECTIONS, open=False, timeout=5.0, reconnect_timeout=30.0
        )
        await pool.open()
        self._pool, self._visitors = pool, Visitors(pool)
        given = Given(load_city(settings.packs), settings, pool)
        for name in DOORS:
            if importlib.util.find_spec(f"chengyun.protocols.{name}.door"):
                door: Door = importlib.import_module(f"chengyun.protocols.{name}.door").open_door()
                await door.open(given)
                self._doors.append(door)

    async def stop(self) -> None:
        for door in reversed(self._doors):
            await door.close()
        self._doors = []
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send, self.start, self.stop)
            return
        if scope["type"] != "http":
            return
        try:
            await self._send(send, await self._reply(scope, receive), scope["method"])
        except Problem as problem:
            await tell(send, problem)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
            await tell(send, Unavailable("The database is away. Send this again in a moment."))
        except (GoneError, asyncio.CancelledError):
            return
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer(send, 500, b'{"code":"bug","message":"Something broke here; it is in the log."}', [JSON])

    async def _reply(self, scope: dict[str, Any], receive: Receive) -> Reply:
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        if raw_path == "/health":
            async with self._pool.connection(timeout=2.0) as conn:
                await conn.execute("SELECT 1")
            return Reply(body=b'{"ok":true}')
        door = next((it for it in self._doors if raw_path == it.prefix or raw_path.startswith(f"{it.prefix}/")), None)
        if door is None:
            raise NotFound(f"There is nothing here. Doors: {', '.join(it.prefix for it in self._doors)}.")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return Reply(204, headers=PREFLIGHT)
        visitor = await self._visitors.of(headers.get("authorization", "")) if self._visitors else None
        if visitor is None:
            raise Unavailable("The process is starting. Send this again in a moment.")
        body = b""
        if scope["method"] not in ("GET", "HEAD"):
            sent = await read(headers.get("content-length", "").encode("latin-1"), receive)
            body = decompress(sent, headers.get("content-encoding", ""))
        below = raw_path.removeprefix(door.prefix)
        return await door.answer(
            Request(
                method=scope["method"], path=unquote(below), raw_path=below, query=scope["query_string"].decode("latin-1"),
                headers=headers, body=body, root=self._root(scope, headers) + door.prefix, visitor=visitor,
            )
        )  # fmt: skip

    def _root(self, scope: dict[str, Any], headers: dict[str, str]) -> str:
        settings = self._settings()
        if settings.protocols_url:
            return settings.protocols_url
        scheme = "https" if settings.https else scope.get("scheme", "http")
        return f"{scheme}://{headers.get('host') or f'{settings.host}:{settings.protocols_port}'}"

    async def _send(self, send: Send, reply: Reply, method: str) -> None:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        headers.append((b"access-control-allow-origin", b"*"))
        headers.append((b"access-control-expose-headers", b"Location, Link, ETag, NGSILD-Results-Count"))
        if reply.status not in (204, 304):
            headers.append((b"content-type", reply.content_type.encode("latin-1")))
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})
