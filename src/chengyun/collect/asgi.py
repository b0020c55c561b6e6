# SPDX-License-Identifier: Apache-2.0
"""The stream process over HTTP: observations in, newest rows and live updates out. Raw ASGI, no framework, no Django.

POST /ingest/<pack.stream>                 Authorization: Bearer, optional Idempotency-Key, Content-Encoding
GET  /latest/<pack.stream>?ticket=&since=  newest row of every entity the ticket shows; since: only higher seqs
GET  /live?ticket=                         server-sent events
GET  /health
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from chengyun.access import tickets, tokens
from chengyun.access.tickets import Ticket
from chengyun.city import load_city
from chengyun.collect.admission import Admission, Place
from chengyun.collect.batch import Batch, Sender
from chengyun.collect.decode import read_body
from chengyun.collect.encodings import decompress
from chengyun.collect.house import Holder, House
from chengyun.collect.live import MOST_READERS, Hub
from chengyun.collect.mqtt.settings import read_broker
from chengyun.collect.things.door import things
from chengyun.collect.things.marks import keep_marks
from chengyun.collect.wire import (
    CORS,
    JSON,
    GoneError,
    Receive,
    Send,
    answer,
    discard,
    is_local,
    length,
    lifespan,
    query_of,
    read,
    tell,
    until_gone,
)
from chengyun.collect.writer import AWAY
from chengyun.config import Config, config
from chengyun.errors import NotFound, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from chengyun.collect.mqtt.collector import Collector

__all__ = ["App", "app"]

PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, OPTIONS"),
    (b"access-control-allow-headers", b"Last-Event-ID, Cache-Control"),
    (b"access-control-max-age", b"86400"),
]
LONGEST_KEY = 64
ANSWER_WITHIN_S = 15.0
"""How long a sender waits for its answer when the database hangs."""
READ_WITHIN_S = 10.0
"""How long a reader of live updates may take nothing before it is let go."""

log = logging.getLogger(__name__)


class App:
    """The ASGI application; what it keeps is opened by the lifespan, or by `start` in a test."""

    def __init__(self, settings: Callable[[], Config] = config) -> None:
        self._settings = settings
        self._house: House | None = None
        self._hub: Hub | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.collector: Collector | None = None
        """What takes in from the MQTT broker; None where no broker is named."""

    @property
    def house(self) -> House:
        if self._house is None:
            raise Unavailable("The process is starting. Send this again in a moment.")
        return self._house

    async def start(self) -> None:
        """Open the house."""
        settings = self._settings()
        house = House(load_city(settings.packs), settings.dsn(), settings.zone, settings.secret)
        await house.open()
        self._hub = Hub(house.mirrors)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._hub.run()),
            loop.create_task(self._hub.listen(house.dsn, house.register_changed, house.rules_changed)),
            loop.create_task(keep_marks(house)),
        ]
        self._house = house
        if (broker := read_broker(settings.city)) is not None:
            # Loaded only where there is a broker.
            from chengyun.collect.mqtt.collector import Collector, collect_forever

            folder = settings.data / "mqtt"
            self._tasks.append(loop.create_task(collect_forever(lambda: Collector(house, broker, folder), self._collected_by)))

    def _collected_by(self, collector: Collector) -> None:
        self.collector = collector

    async def _begin(self) -> None:
        """Start, and take notice of being told to stop: the server waits for whoever still reads before it stops us."""
        await self.start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._let_go)

    def _let_go(self) -> None:
        """Let readers go, then tell the server: its own way of stopping stands behind SIGINT as well."""
        if self._hub is not None:
            self._hub.close()
        signal.raise_signal(signal.SIGINT)

    async def stop(self) -> None:
        """Let readers go, answer whoever waits, close."""
        if self._hub is not None:
            self._hub.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._house is not None:
            await self._house.close()
            self._house = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send, self._begin, self.stop)
            return
        if scope["type"] != "http":
            return
        try:
            await self._route(scope, receive, send)
        except Problem as problem:
            await tell(send, problem)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError):
            await tell(send, Unavailable(AWAY))
        except GoneError:
            return
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer(send, 500, msgspec.json.encode({"code": "bug", "message": "Something broke here; it is in the log."}))

    async def _route(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        first, _, rest = path.lstrip("/").partition("/")
        match first, method:
            case "ingest", "POST":
                await self._ingest(rest, scope, receive, send)
            case (("latest" | "live" | "health"), "OPTIONS"):
                await answer(send, 204, b"", PREFLIGHT)
            case "latest", "GET":
                await self._latest(rest, query_of(scope), send)
            case "things", _:
                await things(self.house, rest, scope, receive, send)
            case "live", "GET":
                await self._live(query_of(scope), receive, send)
            case "health", ("GET" | "HEAD"):
                await self._health(scope, send)
            case (("ingest" | "latest" | "live" | "health"), _):
                raise Refused(f"{method} is not possible here.", code="method", status=405)
            case _:
                raise NotFound("There is nothing here. Ways in: POST /ingest/<stream>, GET /latest/<stream>, /live, /health.")

    async def _ingest(self, stream: str, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name: value for name, value in scope["headers"] if name in _READ_HEADERS}
        async with asyncio.timeout(ANSWER_WITHIN_S):
            holder = await self._holder(headers.get(b"authorization", b""))
        self.house.stream(stream)
        if not tokens.allows(holder.scopes, stream):
            raise Refused(
                f"The token does not allow sending to {stream}; it needs the scope ingest:{stream}.", code="scope", status=403
            )
        key = headers.get(b"idempotency-key", b"").decode("latin-1").strip() or None
        if key and (len(key) > LONGEST_KEY or not key.isprintable()):
            raise Refused(
                f"The Idempotency-Key is longer than {LONGEST_KEY} printable characters.", code="idempotency_key", status=400
            )
        announced = headers.get(b"content-length", b"")
        try:
            place = self.house.admission.enter(self.house.city.streams[stream].urgency, length(announced) or 0)
        except Unavailable:
            await discard(announced, receive)
            raise
        with place:
            sender = Sender(holder.actor, holder.source, "simulate" in holder.scopes)
            batch = await self._read_batch(stream, sender, key, headers, receive, place)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                told = await self.house.write(stream, batch)
        await answer(send, 200, told)

    async def _read_batch(
        self, stream: str, sender: Sender, key: str | None, headers: Mapping[bytes, bytes], receive: Receive, place: Place
    ) -> Batch:
        """Return a body as a batch. What it was read from is let go here: only the batch waits for the database."""
        sent = await read(headers.get(b"content-length", b""), receive, place.grow)
        body = decompress(sent, headers.get(b"content-encoding", b"").decode("latin-1"))
        place.grow(len(body))
        decoded = read_body(body, self.house.city.streams[stream])
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await self.house.batch(stream, decoded, sender, key=key, body=body)

    async def _latest(self, stream: str, query: dict[str, str], send: Send) -> None:
        ticket = self._ticket(query)
        view = ticket.datasets.get(stream)
        if view is None:
            raise NotFound(f"There is no stream {stream[:80]!r} in this ticket.")
        mirror = self.house.stream(stream).mirror
        since = query.get("since", "0")
        if not since.isascii() or not since.isdigit() or len(since) > 18:
            raise Refused(f"since is {since[:40]!r}, expected the seq of an earlier answer.", code="since", status=400)
        # A seq from before a restored backup would hide what is here; such a reader gets everything.
        seq = int(since) if int(since) < (mirror.next_seq or 1) else 0
        await answer(send, 200, mirror.render(mirror.since(seq, view.areas), view.hidden), [JSON, *CORS])

    async def _live(self, query: dict[str, str], receive: Receive, send: Send) -> None:
        ticket = self._ticket(query)
        hub = self._hub
        if hub is None or len(hub.readers) >= MOST_READERS:
            raise Unavailable("Too many pages are open on live updates.", code="busy")
        with hub.reading(ticket) as reader:
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream"), *CORS]}
            )
            gone = asyncio.get_running_loop().create_task(until_gone(receive))
            gone.add_done_callback(lambda _: reader.close())
            try:
                async for message in reader.messages():
                    async with asyncio.timeout(READ_WITHIN_S):
                        await send({"type": "http.response.body", "body": message, "more_body": True})
                    if ticket.expires <= dt.datetime.now(dt.UTC):
                        break
            except TimeoutError:
                raise GoneError from None
            finally:
                gone.cancel()
            await send({"type": "http.response.body", "body": b""})

    async def _health(self, scope: dict[str, Any], send: Send) -> None:
        """Say that all is well; how much comes in and waits only to this machine and to who shows a token."""
        house = self.house
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            told_all = is_local(scope) if not authorization else await self._holder(authorization) is not None
            async with house.pool.connection(timeout=2.0) as conn:
                await conn.execute("SELECT 1")
        if not told_all:
            await answer(send, 200, b'{"ok":true}', [JSON, *CORS])
            return
        streams = {
            key: {"waiting": writer.waiting_rows, "written": writer.written, "seq": (writer.mirror.next_seq or 1) - 1}
            for key, writer in house.writers.items()
        }
        readers = len(self._hub.readers) if self._hub else 0
        told = {"ok": True, "streams": streams, "readers": readers, "admission": _admission(house.admission)}
        if self.collector is not None:
            told["mqtt"] = self.collector.status()
        await answer(send, 200, msgspec.json.encode(told), [JSON, *CORS])

    async def _holder(self, header: bytes) -> Holder:
        scheme, _, raw = header.decode("latin-1").partition(" ")
        holder = await self.house.holder(raw.strip()) if scheme.lower() == "bearer" and raw and "\x00" not in raw else None
        if holder is None:
            raise Refused(
                "The token is missing, unknown, expired or revoked. Send `Authorization: Bearer <token>`.",
                code="token",
                status=401,
            )
        return holder

    def _ticket(self, query: dict[str, str]) -> Ticket:
        try:
            return tickets.verify(self._settings().secret, query.get("ticket", ""), dt.datetime.now(dt.UTC))
        except Refused as refused:
            raise Refused(refused.sentence, code=refused.code, status=401) from refused


def _admission(admission: Admission) -> dict[str, Any]:
    shedding = [
        {"urgency": it.urgency, "since": it.since.isoformat(timespec="seconds"), "requests": it.requests}
        for it in admission.episodes(dt.datetime.now(dt.UTC))
    ]
    return {"bytes": admission.held, "shed": admission.shed, "shedding": shedding}


_READ_HEADERS = frozenset({b"authorization", b"idempotency-key", b"content-length", b"content-encoding"})


app = App()
