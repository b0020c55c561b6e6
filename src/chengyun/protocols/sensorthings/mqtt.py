# SPDX-License-Identifier: Apache-2.0
"""The MQTT extension: what changes is told to a broker, and Observations come in by it. Only with CHENGYUN_MQTT_URL.

A change notes itself in the outbox, in its own transaction; the note goes once the broker has acknowledged every message about
it. So a subscriber hears of everything that is committed, and after a crash perhaps twice.
Standard: OGC 18-088, 14.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chengyun.collect.mqtt.connection import Connection, open_connection
from chengyun.collect.mqtt.packets import Message
from chengyun.collect.mqtt.settings import Broker
from chengyun.errors import NotFound, Problem, Unavailable
from chengyun.protocols.sensorthings import answering
from chengyun.protocols.sensorthings.bodies import decode
from chengyun.protocols.sensorthings.grouping import Group, Sender, simple_row
from chengyun.protocols.sensorthings.kinds import KINDS, kind_of
from chengyun.protocols.sensorthings.sql import Store

__all__ = ["Talk"]

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

VERSION = "v1.1"
AT_ONCE = 200
EVERY_S = 0.2
AGAIN_AFTER_S = 2.0
INTO = re.compile(rf"{re.escape(VERSION)}/(?:Datastreams\((\d{{1,18}})\)/)?Observations")
FILTERS = (f"{VERSION}/Observations", f"{VERSION}/+/Observations")

log = logging.getLogger(__name__)


class Talk:
    """One connection to the broker, kept for as long as the process lives."""

    def __init__(self, broker: Broker, pool: Pool, group: Group, root: str) -> None:
        self._broker = dataclasses.replace(broker, client=f"{broker.client}-sensorthings")
        self._pool, self._group, self._root = pool, group, root
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._taking: set[asyncio.Task[None]] = set()
        self._away = False

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._connection is not None:
            self._connection.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._talk()
            except (Problem, psycopg.Error, PoolTimeout, OSError, TimeoutError) as gone:
                if not self._away:
                    log.warning("the MQTT broker at %s is away: %s", self._broker.address, gone)
                self._away = True
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _talk(self) -> None:
        self._connection = connection = await open_connection(self._broker, self._come)
        refused = await connection.subscribe([(name, 0) for name in FILTERS])
        if refused:
            log.warning("the MQTT broker does not let us hear %s", ", ".join(refused))
        if self._away:
            log.info("the MQTT broker at %s is back", self._broker.address)
        self._away = False
        while not connection.lost.done():
            if not await self._tell(connection):
                await asyncio.sleep(EVERY_S)
        raise Unavailable(connection.lost.result())

    # --- out ------------------------------------------------------------------------------------------------------------

    async def _tell(self, connection: Connection) -> int:
        """Publish what waits in the outbox; return how many notes were done."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT id, kind, entity, changed FROM sensorthings_outbox ORDER BY id LIMIT %s", [AT_ONCE]
            )
            notes = await cursor.fetchall()
            messages = [
                message for _, kind, entity, changed in notes for message in await self._messages(conn, kind, entity, changed)
            ]
        if not notes:
            return 0
        await asyncio.gather(*(connection.publish(topic, payload) for topic, payload in messages))
        async with self._pool.connection() as conn:
            await conn.execute("DELETE FROM sensorthings_outbox WHERE id = ANY(%s)", [[note[0] for note in notes]])
        return len(notes)

    async def _messages(
        self, conn: AsyncConnection[TupleRow], name: str, number: int, changed: list[str] | None
    ) -> list[tuple[str, bytes]]:
        """Return topics and payloads of one change: the collection, the collections it is in, the entity, its properties."""
        kind = KINDS[name]
        try:
            whole = (await answering.entity_json(conn, Store(), kind, number, self._root)).encode()
        except NotFound:
            return []  # deleted meanwhile
        owners = await answering.owners_of(conn, kind, number)
        topics = [f"{VERSION}/{kind.set}"]
        topics += [f"{VERSION}/{kind_of(link).set}({owner})/{kind.set}" for link, owner in owners]
        if changed is None:
            return [(topic, whole) for topic in topics]
        topics.append(f"{VERSION}/{kind.set}({number})")
        held: dict[str, Any] = msgspec.json.decode(whole)
        parts = [(f"{topics[-1]}/{it}", msgspec.json.encode({it: held.get(it)})) for it in changed]
        return [(topic, whole) for topic in topics] + parts

    # --- in -------------------------------------------------------------------------------------------------------------

    def _come(self, messages: Sequence[Message]) -> None:
        for message in messages:
            task = asyncio.get_running_loop().create_task(self._take(message))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

    async def _take(self, message: Message) -> None:
        """Keep an Observation, then acknowledge it. What cannot be kept is said in the log; what is our own is let pass."""
        topic = message.topic.decode("utf-8", "replace")
        found = INTO.fullmatch(topic)
        if found and not message.retained and b'"@iot.selfLink"' not in message.payload:
            given = {"Datastream": int(found.group(1))} if found.group(1) else {}
            try:
                row = simple_row(decode(message.payload), given, dt.datetime.now(dt.UTC))
                if row is None:
                    log.warning(
                        "an Observation by MQTT on %s was not kept: it brings other entities with it; post it by HTTP", topic
                    )
                else:
                    await self._group.put(row, Sender("mqtt", topic[:40]))
            except Unavailable:
                return  # not acknowledged: the broker sends it again to the next connection
            except Problem as wrong:
                log.warning("an Observation by MQTT on %s was not kept: %s", topic, wrong.sentence)
        if message.packet and self._connection is not None:
            self._connection.acknowledge([message.packet])
