# SPDX-License-Identifier: Apache-2.0
"""A stretch of messages, made durable: routed, gathered by stream, written; returns when nothing of it can be lost.

message → way (topic) → rows gathered by stream → Decoded → Batch → the stream's writer → committed
unreadable → dead letter, with its topic and the reason
the database away → tried again until it is back; the broker keeps what is not acknowledged
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg_pool import PoolTimeout

from chengyun.city.words import URGENCIES
from chengyun.collect.batch import Batch, DeadRow, Sender
from chengyun.collect.decode import Dead
from chengyun.collect.house import House
from chengyun.collect.mirror import Mirror
from chengyun.collect.mqtt.arrivals import Arrivals
from chengyun.collect.mqtt.packets import Message
from chengyun.collect.mqtt.payloads import Block, Gathered, as_number, told
from chengyun.collect.mqtt.sparkplug import Nodes, Said
from chengyun.collect.mqtt.topics import Routes, Way
from chengyun.errors import Malformed, Problem, Unavailable

__all__ = ["Intake"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

_ASTRAY = """
INSERT INTO collect_deadletter (stream, received_at, actor, source, simulated, area_code, code, reason, row, state, note)
VALUES ('', now(), 'mqtt', %s, false, '', %s, %s, %s::jsonb, 'waiting', '')
"""

log = logging.getLogger(__name__)


class Intake:
    """What a collector does with messages, apart from the connection they came on.

    on_device: told what a device says of itself or answers; on_node: what a Sparkplug node's message says of its life.
    Both may be told the same twice.
    """

    def __init__(
        self,
        house: House,
        routes: Routes,
        arrivals: Arrivals,
        source: str,
        on_device: Callable[[Way, bytes], Awaitable[None]],
        on_node: Callable[[Said], Awaitable[None]],
    ) -> None:
        self.house = house
        self.routes = routes
        self.nodes = Nodes()
        self.counts: Counter[str] = Counter(messages=0, rows=0, dead=0, retries=0)
        self.newest = 0.0
        """When messages were last made durable, seconds since 1970."""
        self._arrivals = arrivals
        self._sender = Sender("mqtt", source)
        self._on_device = on_device
        self._on_node = on_node

    async def take(self, messages: Sequence[Message], behind: Callable[[], Sequence[Message]] = lambda: ()) -> None:
        """Return when every message is durable or set aside.

        behind: messages that wait for these. All are acknowledged in the order they came, so they are as urgent as the most
        urgent one here or behind: an alarm does not wait for history to find room.
        """
        gathered, astray, deeds = self._gather(messages)
        own = min((self._rank(qualified) for qualified in gathered), default=len(URGENCIES) - 1)
        size = sum(len(message.payload) for message in messages)
        with await self.house.admission.enter_in_time(lambda: URGENCIES[min(own, self._most_urgent(behind()))], size):
            await asyncio.gather(*(self._write(qualified, one) for qualified, one in gathered.items()))
        for letter in astray:
            await self._until_done(lambda letter=letter: self._write_astray(letter))  # type: ignore[misc]
        for deed in deeds:
            try:
                await self._until_done(deed)
            except Exception:
                # A bug of ours must not hold up every other message; what devices say of themselves they say again.
                log.exception("what a device or node said could not be kept")
                self.counts["unheard"] += 1
        self.counts["messages"] += len(messages)
        self.newest = time.time()

    def _rank(self, qualified: str) -> int:
        """Return a stream's place among the urgencies, 0 the most urgent."""
        return URGENCIES.index(self.house.city.streams[qualified].urgency)

    def _most_urgent(self, messages: Sequence[Message]) -> int:
        ranks = [len(URGENCIES) - 1]
        for topic in {message.topic for message in messages}:
            with contextlib.suppress(Malformed):
                way = self.routes.find(topic)
                carried = self.routes.matching(way.name) if way.kind == "sparkplug" else [(way.route, {})] if way.route else []
                ranks += [self._rank(route.qualified) for route, _ in carried if route is not None]
        return min(ranks)

    def _gather(
        self, messages: Sequence[Message]
    ) -> tuple[dict[str, Gathered], list[DeadRow], list[Callable[[], Awaitable[None]]]]:
        gathered: dict[str, Gathered] = {}
        astray: list[DeadRow] = []
        deeds: list[Callable[[], Awaitable[None]]] = []
        now = time.time_ns() // 1_000_000
        for message in messages:
            way: Way | None = None
            try:
                way = self.routes.find(message.topic)
                if way.kind == "sparkplug":
                    self._sparkplug(way, message, gathered, deeds, now)
                elif way.route is None:
                    deeds.append(lambda way=way, message=message: self._on_device(way, message.payload))  # type: ignore[misc]
                elif way.route.topic.payload == "plain":
                    self._plain(way, message, self._of(way.route.qualified, gathered), now)
                else:
                    into = self._of(way.route.qualified, gathered)
                    first = self._first_came(message)
                    given = into.json(way, message.payload, first or now, again=first is not None)
                    self._keep(message, given)
            except Malformed as wrong:
                topic = message.topic.decode(errors="replace")
                stream = way.route.qualified if way and way.route else str(wrong.fields.get("stream", ""))
                if stream:
                    self._of(stream, gathered).unreadable(topic, message.payload, wrong)
                else:
                    nowhere = Gathered(next(iter(self.house.city.streams.values())), lambda _: 0)
                    nowhere.unreadable(topic, message.payload, wrong)
                    astray += nowhere.dead
        return gathered, astray, deeds

    def _plain(self, way: Way, message: Message, into: Gathered, now: int) -> None:
        number = as_number(message.payload)
        if not math.isfinite(number):
            raise Malformed(f"The message {message.payload[:40]!r} is not a finite number.", code="type")
        first = self._first_came(message)
        before = {} if first is None else self._known_at(way, first)
        self._keep(message, into.plain(way, number, first or now, again=first is not None, before=before))

    def _first_came(self, message: Message) -> int | None:
        """Return the time a message was given when it came before; None when it is news."""
        return self._arrivals.recall(message.packet, _digest(message)) if message.again and message.packet else None

    def _keep(self, message: Message, time_ms: int) -> None:
        if message.packet:
            self._arrivals.keep(message.packet, _digest(message), time_ms)

    def _known_at(self, way: Way, time_ms: int) -> dict[str, float]:
        """Return what is kept of an entity at a moment, if that is its newest: a value sent again must not erase its like."""
        if way.route is None:
            return {}
        mirror = self.house.mirrors[way.route.qualified]
        entity = way.given[way.route.stream.entity.key]
        if _newest(mirror, entity) != time_ms:
            return {}
        slot = mirror.register.slots[entity]
        values = mirror.memory.values[:, slot]
        return {key: float(value) for key, value in zip(mirror.table.quantities, values, strict=True) if not np.isnan(value)}

    def _sparkplug(
        self, way: Way, message: Message, gathered: dict[str, Gathered], deeds: list[Callable[[], Awaitable[None]]], now: int
    ) -> None:
        said = self.nodes.take(way.name, message.payload, now)
        if said is None:
            return
        if said.gap or said.born or said.online is not None:
            deeds.append(lambda: self._on_node(said))
        for route, levels in self.routes.matching(way.name):
            if route.topic.payload != "sparkplug":
                continue
            stream = route.stream
            entity = levels.get(stream.entity.key) or self.routes.bindings.get((levels.get("device", ""), route.qualified))
            rows: dict[int, dict[str, Any]] = {}
            for reading in said.readings:
                column = route.columns.get(reading.metric, reading.metric)
                if entity is not None and column in stream.columns and column not in (stream.entity.key, stream.time):
                    row = rows.setdefault(reading.time, {stream.entity.key: entity, stream.time: reading.time})
                    row[column] = reading.value
            into = self._of(route.qualified, gathered)
            for row in rows.values():
                into.row(way.name, row)
            if said.unknown:
                aliases = ", ".join(map(str, said.unknown))
                into.unreadable(
                    way.name,
                    message.payload,
                    Malformed(f"No birth named the aliases {aliases}; the node is asked for one.", code="alias"),
                )

    def _of(self, qualified: str, gathered: dict[str, Gathered]) -> Gathered:
        found = gathered.get(qualified)
        if found is None:
            mirror = self.house.mirrors[qualified]
            found = gathered[qualified] = Gathered(self.house.city.streams[qualified], lambda entity: _newest(mirror, entity))
        return found

    async def _write(self, qualified: str, gathered: Gathered) -> None:
        blocks = gathered.blocks or [Block(rows=[])]
        # Entities are looked up one block after the other, so that blocks enter the writer's queue in their order.
        batches = []
        for number, block in enumerate(blocks):
            try:
                batch = await self._until_done(lambda block=block: self._batch(qualified, gathered, block))  # type: ignore[misc]
            except Malformed as wrong:
                dead = told(Dead(wrong.code, wrong.sentence), block.topics[0])
                kept: list[dict[str, Any]] = block.rows if block.rows is not None else [{"columns": block.columns}]
                gathered.dead += [DeadRow(index, dead, row) for index, row in enumerate(kept)]
                batch = await self._until_done(lambda: self._batch(qualified, gathered, Block(rows=[])))
            if number == len(blocks) - 1:
                batch.dead += gathered.dead
            batches.append(batch)
        await asyncio.gather(*(self._commit(qualified, batch) for batch in batches))

    async def _batch(self, qualified: str, gathered: Gathered, block: Block) -> Batch:
        batch = await self.house.batch(qualified, block.decode(gathered.stream), self._sender)
        batch.dead = [DeadRow(it.index, told(it.dead, block.topics[it.index]), it.row, it.slot) for it in batch.dead]
        return batch

    async def _commit(self, qualified: str, batch: Batch) -> None:
        try:
            answer = await self._until_done(lambda: self.house.write(qualified, batch))
        except Exception as wrong:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._commit(qualified, _part(batch, 0, half, batch.dead))
                await self._commit(qualified, _part(batch, half, len(batch), []))
                return
            if not len(batch):
                raise
            sentence = wrong.sentence if isinstance(wrong, Problem) else "It could not be written; the log says why."
            dead = DeadRow(0, Dead("refused_values", sentence), self._row(qualified, batch), int(batch.slot[0]))
            await self._commit(qualified, _part(batch, 0, 0, [*batch.dead, dead]))
            return
        told_of = msgspec.json.decode(answer)
        self.counts["rows"] += told_of["accepted"]
        self.counts["dead"] += len(batch.dead)

    def _row(self, qualified: str, batch: Batch) -> dict[str, Any]:
        mirror = self.house.mirrors[qualified]
        row: dict[str, Any] = {mirror.table.entity: mirror.register.keys[int(batch.slot[0])]}
        row[mirror.table.time] = int(batch.time[0]) // 1000
        row |= {
            key: float(value) for key, value in zip(mirror.table.quantities, batch.values[:, 0], strict=True) if value == value
        }
        return row | {key: column[0] for key, column in batch.words.items() if column[0] is not None}

    async def _until_done(self, deed: Callable[[], Awaitable[Any]]) -> Any:
        """Return what a deed returns, trying again while the database is away."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await deed()
            except (Unavailable, psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError):
                self.counts["retries"] += 1
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _write_astray(self, letter: DeadRow) -> None:
        row = msgspec.json.encode(letter.row).decode().replace("\\u0000", "\\ufffd")
        reason = letter.dead.reason.replace("\x00", "\ufffd")
        async with self.house.pool.connection() as conn:
            await conn.execute(_ASTRAY, [self._sender.source, letter.dead.code, reason, row])
        self.counts["dead"] += 1


def _newest(mirror: Mirror, entity: str) -> int:
    """Return the time of an entity's newest observation in milliseconds; 0 without one."""
    slot = mirror.register.slots.get(entity, -1)
    if not 0 <= slot < len(mirror.memory):
        return 0
    return max(int(mirror.memory.time[slot]) // 1000, 0)


def _digest(message: Message) -> int:
    # One more than a checksum, so that none is 0, which an empty slot holds.
    return zlib.crc32(message.payload, zlib.crc32(message.topic)) + 1


def _part(batch: Batch, start: int, end: int, dead: list[DeadRow]) -> Batch:
    words = {key: column[start:end] for key, column in batch.words.items()}
    return Batch(batch.sender, batch.slot[start:end], batch.time[start:end], batch.values[:, start:end], words, dead)
