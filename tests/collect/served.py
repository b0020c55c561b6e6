# SPDX-License-Identifier: Apache-2.0
"""The stream process's application on a loop of its own, spoken to over ASGI as a server would."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import itertools
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx
import msgspec
import psycopg
import uvloop

from chengyun.access import tickets, tokens
from chengyun.collect.asgi import App
from chengyun.config import config

T = TypeVar("T")
STREAM = "air_quality.station_5min"
_numbers = itertools.count(1)


class Served:
    """An App running against a database. Every test registers stations of its own, so tests do not meet."""

    def __init__(self, url: str) -> None:
        self.url = url
        settings = dataclasses.replace(config(), database_url=url)
        self.app = App(lambda: settings)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.app.start())
        self.token = self.issue("ingest:*")

    def close(self) -> None:
        self.run(self.app.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let work run beside the test."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def issue(self, *scopes: str) -> str:
        raw, prefix = tokens.new_token()
        self.rows(
            "INSERT INTO access_token (prefix, digest, name, scopes, created_at) VALUES (%s, %s, 'test', %s, now())",
            prefix, tokens.digest(raw), list(scopes),
        )  # fmt: skip
        return raw

    def stations(self, count: int, *, area: str = "330203", simulated: bool = False) -> list[str]:
        """Register stations with new keys."""
        keys = [f"T{next(_numbers):06d}" for _ in range(count)]
        self.rows(
            "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name)"
            " SELECT key, key, %s, %s, '', 'national', '', '' FROM unnest(%s::text[]) AS keys (key)",
            area, simulated, keys,
        )  # fmt: skip
        return keys

    def post(self, body: bytes | Any, *, stream: str = STREAM, token: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        sent = {"authorization": f"Bearer {token or self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.run(self.request("POST", f"/ingest/{stream}", content=content, headers=sent))

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.run(self.request("GET", path, params=query))

    async def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://stream") as client:
            return await client.request(method, path, **given)

    def ticket(self, *, stream: str = STREAM, areas: tuple[str, ...] = ("",), hidden: tuple[str, ...] = ()) -> str:
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
        return tickets.sign(config().secret, tickets.Ticket("test", {stream: tickets.View(areas, hidden)}, expires))

    @contextlib.contextmanager
    def listening(self, ticket: str) -> Iterator[Listener]:
        listener = Listener(self, ticket)
        try:
            yield listener
        finally:
            listener.close()


class Listener:
    """An open /live. `next` returns the next event of a kind."""

    def __init__(self, served: Served, ticket: str) -> None:
        self._served = served
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._open = asyncio.Event()
        self.status = 0
        scope = {"type": "http", "method": "GET", "path": "/live", "query_string": f"ticket={ticket}".encode(), "headers": []}
        self._task = asyncio.run_coroutine_threadsafe(served.app(scope, self._receive, self._send), served._loop)
        served.run(asyncio.wait_for(self._open.wait(), 5))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._events.put_nowait(message["body"])
            self._open.set()

    def next(self, kind: str, within_s: float = 2.0) -> Any:
        return self._served.run(asyncio.wait_for(self._next(kind), within_s))

    async def _next(self, kind: str) -> Any:
        while True:
            for event in (await self._events.get()).decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
                if lines.get("event") == kind:
                    return msgspec.json.decode(lines["data"])

    def close(self) -> None:
        self._served._loop.call_soon_threadsafe(self._gone.set)
        self._task.result(5)
