# SPDX-License-Identifier: Apache-2.0
"""The agent: HTTP and MQTT in, disk, city. A sender is answered, and a message acknowledged, when its record is on the disk.

    POST /ingest/<pack.stream>   as at the city, without a token on 127.0.0.1, or with the one given
    GET  /health                 {"waiting", "forwarded", "size", "dropped", "refused", "says"}
    MQTT  <topic>=<pack.stream>  from a broker beside the agent: JSON objects, in the city's columns

Those who wait are synced together, so that a slow disk is asked once for many.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chengyun.collect.edge.forward import City, Forwarder
from chengyun.collect.edge.store import LARGEST, Policy, Store
from chengyun.collect.mqtt.connection import Connection, open_connection
from chengyun.collect.mqtt.packets import Message
from chengyun.collect.mqtt.settings import Broker
from chengyun.errors import Problem, Refused, Unavailable

__all__ = ["Agent", "Orders"]

STREAM = re.compile(r"[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}")
READ_WITHIN_S = 30.0
LONGEST_HEAD = 16 * 1024
TOGETHER_S = 0.005
"""How long a sync waits for others to share it."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What an agent was started with. topics: MQTT filter → stream. token: local senders must show it; None: nobody must."""

    folder: Path
    city: City
    host: str = "127.0.0.1"
    port: int = 8340
    most: int = 1024 * 1024 * 1024
    policy: Policy = "refuse"
    token: str | None = None
    broker: Broker | None = None
    topics: Sequence[tuple[str, str]] = ()


class Agent:
    """Runs until cancelled. port: where it listens, once `ready` is set."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.store = Store(orders.folder, most=orders.most, policy=orders.policy)
        self.forwarder = Forwarder(self.store, orders.city)
        self.ready = asyncio.Event()
        self.port = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._asked = asyncio.Event()
        self._inbox: list[Message] = []
        self._heard = asyncio.Event()

    async def run(self) -> None:
        try:
            server = await asyncio.start_server(self._serve, self.orders.host, self.orders.port, limit=LONGEST_HEAD)
            self.port = int(server.sockets[0].getsockname()[1])
            async with server, asyncio.TaskGroup() as group:
                group.create_task(self.forwarder.run())
                group.create_task(self._sync())
                if self.orders.broker is not None:
                    group.create_task(self._listen(self.orders.broker))
                self.ready.set()
        finally:
            self.store.close()

    async def keep(self, stream: str, body: bytes) -> int:
        """Return a body's number when it is on the disk. Raises Refused or Unavailable."""
        number = self.store.append(stream, body)
        await self._synced()
        return number

    async def _synced(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._asked.set()
        await waiting

    async def _sync(self) -> None:
        while True:
            await self._asked.wait()
            await asyncio.sleep(TOGETHER_S)
            self._asked.clear()
            waiting, self._waiting = self._waiting, []
            try:
                self.store.sync()
            except OSError as wrong:
                log.error("the disk does not take what is written: %s", wrong)
                for one in waiting:
                    if not one.done():
                        one.set_exception(Unavailable(f"The disk does not take what is written: {wrong.strerror}."))
                raise
            for one in waiting:
                if not one.done():
                    one.set_result(None)
            self.forwarder.wake.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            while True:
                async with asyncio.timeout(READ_WITHIN_S):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    headers = {
                        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
                    }
                    status, told = await self._answer(head[0], headers, reader)
                body = json.dumps(told).encode()
                ends = headers.get("connection", "").lower() == "close" or status == 413
                closing = "Connection: close\r\n" if ends else ""
                lines = f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{closing}\r\n"
                writer.write(lines.encode() + body)
                await writer.drain()
                if ends:
                    break
        writer.close()

    async def _answer(self, line: str, headers: dict[str, str], reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
        method, _, rest = line.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:12]) > LARGEST or "transfer-encoding" in headers or "content-encoding" in headers:
            return 413, {"code": "body", "message": f"Send a plain body with its Content-Length, of at most {LARGEST} bytes."}
        body = await reader.readexactly(int(length))
        if method == "GET" and path == "/health":
            return 200, self.status()
        stream = path.removeprefix("/ingest/")
        if method != "POST" or stream == path or not STREAM.fullmatch(stream):
            return 404, {
                "code": "not_found",
                "message": "There is nothing here. Ways in: POST /ingest/<pack.stream>, GET /health.",
            }
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        if self.orders.token is not None and not hmac.compare_digest(shown.encode(), self.orders.token.encode()):
            return 401, {"code": "token", "message": "The token is missing or wrong. Send `Authorization: Bearer <token>`."}
        try:
            json.loads(body)
            return 200, {"stored": await self.keep(stream, body)}
        except (ValueError, RecursionError):
            return 400, {"code": "json", "message": "The body is not JSON."}
        except Unavailable as away:
            return 503, {"code": away.code, "message": away.sentence}
        except Refused as refused:
            return 413, {"code": refused.code, "message": refused.sentence}

    def status(self) -> dict[str, object]:
        store, forwarder = self.store, self.forwarder
        return {
            "waiting": store.waiting, "forwarded": store.forwarded, "size": store.size, "dropped": store.dropped,
            "refused": forwarder.refused, "says": forwarder.says,
        }  # fmt: skip

    async def _listen(self, broker: Broker) -> None:
        """Take messages from the broker beside; what is not on the disk is not acknowledged."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                connection = await open_connection(broker, self._take)
                await connection.subscribe([(name, 1) for name, _ in self.orders.topics])
                pause = FIRST_PAUSE_S
                working = asyncio.ensure_future(self._work(connection))
                either: set[asyncio.Future[object]] = {working, connection.lost}  # type: ignore[arg-type]
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    working.cancel()
                    connection.close()
                log.warning("mqtt: %s", connection.lost.result())
            except Problem as away:
                log.warning("mqtt: %s", away.sentence)
            self._inbox.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _take(self, messages: Sequence[Message]) -> None:
        self._inbox.extend(messages)
        self._heard.set()

    async def _work(self, connection: Connection) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            taken, self._inbox = self._inbox, []
            for message in taken:
                await self._keep_message(message)
            await self._synced()
            connection.acknowledge([message.packet for message in taken if message.packet])

    async def _keep_message(self, message: Message) -> None:
        topic = message.topic.decode(errors="replace")
        stream = next((stream for name, stream in self.orders.topics if _fits(name, topic)), None)
        if stream is None:
            return
        while True:
            try:
                self.store.append(stream, message.payload)
                break
            except Refused as wrong:
                log.warning("a message on %s was not taken: %s", topic[:200], wrong.sentence)
                return
            except Unavailable:
                # Full: the broker keeps it, and there is room once something was forwarded.
                await asyncio.sleep(1.0)


def _fits(name: str, topic: str) -> bool:
    levels, asked = topic.split("/"), name.split("/")
    for place, level in enumerate(asked):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(levels) == len(asked)
