# SPDX-License-Identifier: Apache-2.0
"""A collector: one session at the broker, everything it brings made durable, then acknowledged; commands the other way.

    connect ─▶ subscribe ─▶ messages ─▶ inbox ─▶ intake (commit) ─▶ PUBACK, in the order they came
       ▲  back-off 0.5 s … 30 s                ▲ the broker sends no more than `in_flight` unacknowledged ones
       └── connection lost: the inbox is dropped, the broker sends it again

Several collectors share subscriptions ($share/<group>/…). Sparkplug nodes and the state of devices need one listener that
hears everything in order: whoever holds an advisory lock in the database subscribes to those.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.city import Topic
from chengyun.city.words import Payload
from chengyun.collect.house import House
from chengyun.collect.mqtt.arrivals import Arrivals
from chengyun.collect.mqtt.connection import Connection, open_connection
from chengyun.collect.mqtt.intake import Intake
from chengyun.collect.mqtt.packets import Message, Will
from chengyun.collect.mqtt.settings import Broker
from chengyun.collect.mqtt.sparkplug import Said, rebirth_request
from chengyun.collect.mqtt.topics import DEVICES, Route, Routes, Way
from chengyun.collect.things import known
from chengyun.errors import Misdeclared, Problem, Refused, Unavailable

__all__ = ["Collector", "collect_forever"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
TOGETHER_S = 0.02
"""How long the first message waits for others: values of one device that come one by one are one observation."""
MOST_AT_ONCE = 2_000
"""Messages of one stretch; with 50 observations each they fill half of a writer's queue."""
MOST_UNREAD = 50_000
"""Messages held before the socket is no longer read; below MQTT 5 only the broker bounds what is under way."""
REPORT_EVERY_S = 5.0
REBIRTH_AFTER_S = 5.0
LISTENER = 0x6D717474
"""Key of the advisory lock ("mqtt" in ASCII): who holds it hears Sparkplug nodes and what devices say of themselves."""
KEEP, NEW_ONLY = 0, 1
"""Retain handling (MQTT 5, 3.8.3.1): what devices said last is asked for each time, readings only the first time."""

log = logging.getLogger(__name__)


class Collector:
    """Runs until cancelled; `status` says how it does."""

    def __init__(self, house: House, broker: Broker, folder: Path) -> None:
        self.house = house
        self.broker = broker
        self._arrivals = Arrivals(folder / f"{_file_name(broker.client)}.arrivals")
        self._filters_file = folder / f"{_file_name(broker.client)}.filters"
        self.intake = Intake(house, Routes([], {}, {}), self._arrivals, broker.client, self._device_said, self._node_said)
        self._connection: Connection | None = None
        self._inbox: list[Message] = []
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._ordered = asyncio.Event()
        self._lead = False
        self._asked: dict[str, float] = {}
        self._since = dt.datetime.now(dt.UTC)
        self._says = "connecting"

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def run(self) -> None:
        """Collect until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._collect())
                group.create_task(self._work())
                group.create_task(self._listen())
                group.create_task(self._command())
                group.create_task(self._report())
        finally:
            if self._connection is not None:
                self._connection.close()
            self._arrivals.close()

    def status(self) -> dict[str, Any]:
        return {
            "broker": self.broker.address, "client": self.broker.client, "connected": self.connected,
            "since": self._since.isoformat(), "waiting": len(self._inbox), "says": self._says, **self.intake.counts,
        }  # fmt: skip

    async def _collect(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._load()
                self._since = dt.datetime.now(dt.UTC)
                connection = await open_connection(self.broker, self._heard, will=self._will(False))
            except (Problem, psycopg.Error, TimeoutError) as away:
                self._say(away.sentence if isinstance(away, Problem) else "The database is away.")
                # Spread out, so that collectors do not come back all at once.
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  no secret
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            try:
                self._connection = connection
                await self._serve(connection)
            except (Unavailable, Refused) as away:
                self._say(away.sentence)
            finally:
                self._connection, self._since = None, dt.datetime.now(dt.UTC)
                # Not acknowledged, so the broker sends it again; what is being written is known by its arrival.
                self._inbox.clear()
                connection.close()
            pause = FIRST_PAUSE_S
            await asyncio.sleep(pause)

    async def _serve(self, connection: Connection) -> None:
        """Keep subscriptions as declared until the connection is lost."""
        # The broker's session remembers what an earlier life subscribed to, also what is declared no more.
        former = set(self._filters_file.read_text().split("\n")) - {""} if self._filters_file.exists() else set()
        held: set[str] = set()
        if will := self._will(True):
            await connection.publish(will.topic, will.payload, retain=True)
        while not connection.lost.done():
            wanted = self._filters()
            await connection.unsubscribe(sorted((held | former) - wanted.keys()))
            refused = await connection.subscribe([(name, wanted[name]) for name in sorted(wanted.keys() - held)])
            former = set()
            self._filters_file.write_text("\n".join(sorted(wanted)))
            if refused:
                self._say(f"The broker refuses the subscriptions {', '.join(refused[:5])}; its access list must allow them.")
            else:
                self._say("connected")
            held = set(wanted)
            if not self._lead and self.broker.share is None:
                self._lead = True
            self._ordered.set()
            changed: asyncio.Future[Any] = asyncio.ensure_future(self._changed.wait())
            either: set[asyncio.Future[Any]] = {changed, connection.lost}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            if self._changed.is_set():
                self._changed.clear()
                with contextlib.suppress(psycopg.Error, TimeoutError):
                    await self._load()
        self._say(connection.lost.result())

    def _filters(self) -> dict[str, int]:
        routes, share = self.intake.routes, self.broker.share
        shared = {(f"$share/{share}/{name}" if share else name): NEW_ONLY for name in routes.filters(sparkplug=False)}
        return shared | (dict.fromkeys(self._lead_filters(), KEEP) if self._lead or share is None else {})

    def _lead_filters(self) -> list[str]:
        return [*self.intake.routes.filters(sparkplug=True), f"{DEVICES}/+/state"]

    def _will(self, online: bool) -> Will | None:
        """Return what Sparkplug nodes hear of us (6.4.26): that we are there, or, left with the broker, that we are not."""
        if not self.intake.routes.filters(sparkplug=True):
            return None
        said = {"online": online, "timestamp": int(self._since.timestamp() * 1000)}
        return Will(f"spBv1.0/STATE/{_file_name(self.broker.client)}", msgspec.json.encode(said))

    def _heard(self, messages: Sequence[Message]) -> None:
        self._inbox.extend(messages)
        self._wake.set()
        if len(self._inbox) > MOST_UNREAD and self._connection is not None:
            self._connection.hold()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self._inbox:
                continue
            await asyncio.sleep(TOGETHER_S)
            while self._inbox:
                taken, self._inbox[:MOST_AT_ONCE] = self._inbox[:MOST_AT_ONCE], []
                connection = self._connection
                await self.intake.take(taken, lambda: self._inbox)
                if connection is not None:
                    connection.acknowledge([message.packet for message in taken if message.packet])
                    if len(self._inbox) <= MOST_UNREAD // 2:
                        connection.go_on()

    async def _load(self) -> None:
        """Read patterns, bindings and nodes; a pattern that does not fit is told and left out."""
        city = self.house.city
        async with self.house.pool.connection() as conn:
            channels = await known.read_channels(conn)
            bindings = await known.read_bindings(conn)
            cursor = await conn.execute("SELECT name, births FROM things_sparkplugnode")
            nodes = await cursor.fetchall()
        routes = []
        for qualified, topic in city.topics.items():
            stream = topic.stream if "." in topic.stream else f"{qualified.split('.')[0]}.{topic.stream}"
            routes.append(Route(topic, stream, city.streams[stream]))
        for row in channels:
            try:
                topic = Topic(row.key, row.pattern, row.stream, cast("Payload", row.payload), dict(row.fields))
                carried = city.streams[row.stream]
                if faults := list(topic.faults_for(carried)):
                    raise Misdeclared(faults)
            except (Misdeclared, KeyError) as wrong:
                log.warning("the topic pattern %s of this installation is left out: %s", row.key, wrong)
                continue
            routes.append(Route(topic, row.stream, carried))
        self.intake.routes = Routes(routes, city.streams, bindings)
        for name, births in nodes:
            if name not in self.intake.nodes.nodes:
                self.intake.nodes.remember(name, births)

    async def _listen(self) -> None:
        """Hear of changes, and stand ready to hear nodes and devices when the one who does goes."""
        while True:
            try:
                async with await AsyncConnection.connect(self.house.dsn, autocommit=True) as conn:
                    await conn.execute(f"LISTEN {known.CHANNEL}")
                    self._changed.set()
                    self._ordered.set()
                    while True:
                        if self.broker.share and not self._lead:
                            await self._try_lead(conn)
                        async for notice in conn.notifies(timeout=2.0, stop_after=1):
                            (self._ordered if notice.payload == "things_command" else self._changed).set()
            except psycopg.OperationalError:
                if self.broker.share:
                    self._lead = False
                await asyncio.sleep(1.0)

    async def _try_lead(self, conn: AsyncConnection[TupleRow]) -> None:
        row = await (await conn.execute("SELECT pg_try_advisory_lock(%s)", [LISTENER])).fetchone()
        if row and row[0]:
            self._lead = True
            self._changed.set()

    async def _command(self) -> None:
        """Send what waits to be sent; a command is marked as sent in the transaction that the broker's word ends."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPORT_EVERY_S):
                    await self._ordered.wait()
            self._ordered.clear()
            connection = self._connection
            if connection is None or not (self._lead or self.broker.share is None):
                continue
            try:
                async with self.house.pool.connection() as conn:
                    for order in await known.take_orders(conn, "mqtt"):
                        left = int((order.expires_at - dt.datetime.now(dt.UTC)).total_seconds())
                        await connection.publish(f"{DEVICES}/{order.device}/cmd", order.payload(), expires_s=max(left, 1))
            except (Problem, psycopg.Error, TimeoutError) as wrong:
                log.warning("commands could not be sent and are tried again: %s", str(wrong).partition("\n")[0])

    async def _device_said(self, way: Way, payload: bytes) -> None:
        async with self.house.pool.connection() as conn:
            if way.kind == "ack":
                counted = await known.answer_command(conn, way.device, payload)
            else:
                report = known.read_report(payload)
                counted = report is not None and await known.write_report(conn, way.device, report, dt.datetime.now(dt.UTC))
        if not counted:
            self.intake.counts["unheard"] += 1

    async def _node_said(self, said: Said) -> None:
        """Remember births and lives; ask for a birth where something is missing."""
        now = asyncio.get_running_loop().time()
        connection = self._connection
        if said.gap and connection is not None and now - self._asked.get(said.node, -60.0) > REBIRTH_AFTER_S:
            self._asked[said.node] = now
            group, node = said.node.split("/", 1)
            moment = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
            with contextlib.suppress(Problem):
                await connection.publish(f"spBv1.0/{group}/NCMD/{node}", rebirth_request(moment))
        if not said.born and said.online is None:
            return
        births = msgspec.json.encode(self.intake.nodes.births(said.node)).decode()
        async with self.house.pool.connection() as conn:
            await conn.execute(
                "INSERT INTO things_sparkplugnode (name, births, born_at, online) VALUES (%s, %s::jsonb, now(), %s)"
                " ON CONFLICT (name) DO UPDATE SET births = excluded.births, online = excluded.online,"
                " born_at = CASE WHEN %s THEN excluded.born_at ELSE things_sparkplugnode.born_at END",
                [said.node, births, said.online is not False or bool(said.device), said.born],
            )
            if said.online is not None:
                report = known.Report(online=said.online)
                await known.write_report(conn, said.device or said.node.split("/", 1)[1], report, dt.datetime.now(dt.UTC))

    async def _report(self) -> None:
        """Write down how this collector does, for the pages."""
        while True:
            with contextlib.suppress(psycopg.Error, TimeoutError):
                async with self.house.pool.connection() as conn:
                    counts = msgspec.json.encode(dict(self.intake.counts) | {"waiting": len(self._inbox)}).decode()
                    await conn.execute(
                        "INSERT INTO things_listener (client, broker, connected, since, reported_at, says, counts)"
                        " VALUES (%s, %s, %s, %s, now(), %s, %s::jsonb) ON CONFLICT (client) DO UPDATE SET"
                        " broker = excluded.broker, connected = excluded.connected, since = excluded.since,"
                        " reported_at = excluded.reported_at, says = excluded.says, counts = excluded.counts",
                        [self.broker.client, self.broker.address, self.connected, self._since, self._says, counts],
                    )
            await asyncio.sleep(REPORT_EVERY_S)

    def _say(self, sentence: str) -> None:
        if sentence != self._says:
            log.log(logging.INFO if sentence == "connected" else logging.WARNING, "mqtt: %s", sentence)
        self._says = sentence


async def collect_forever(collector: Callable[[], Collector], on_made: Callable[[Collector], None]) -> None:
    """Keep a collector running until cancelled; a bug of ours ends it, is logged, and it begins anew."""
    while True:
        made = collector()
        on_made(made)
        try:
            await made.run()
        except Exception:
            log.exception("the MQTT collector broke and begins anew")
        await asyncio.sleep(LONGEST_PAUSE_S / 10)


def _file_name(client: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in client)
