# SPDX-License-Identifier: Apache-2.0
"""Observations that come one by one, written many at a time: whoever waits shares a transaction, and hears after its commit."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from chengyun.errors import Malformed, Problem, Unavailable
from chengyun.lake.hot import Receipt, write_receipts
from chengyun.protocols.sensorthings.bodies import Reference, read_entity
from chengyun.protocols.sensorthings.changes import leave
from chengyun.protocols.sensorthings.kinds import KINDS
from chengyun.protocols.sensorthings.observing import Numbers, Row, find_features, lock, write
from chengyun.protocols.sensorthings.writing import NO_FEATURE

__all__ = ["Group", "Sender", "receipts", "simple_row"]

MOST = 2_000
"""Observations of one transaction."""
WAITING = 20_000
"""So many may wait; further ones are told to come again."""

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: as it stands in receipts."""

    actor: str
    source: str


@dataclass(slots=True)
class _Waiter:
    row: Row
    sender: Sender
    answer: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Group:
    """The one writer of single Observations. tells: note them for subscribers."""

    def __init__(self, pool: Pool, numbers: Numbers, *, tells: bool = False) -> None:
        self._pool, self._numbers, self._tells = pool, numbers, tells
        self._waiting: list[_Waiter] = []
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._fail(self._waiting, Unavailable("The process is stopping. Send this again in a moment."))
        self._waiting = []

    async def put(self, row: Row, sender: Sender) -> int:
        """Return an Observation's id once it is committed. Raises Malformed when it cannot be, Unavailable when too many wait."""
        if len(self._waiting) >= WAITING:
            raise Unavailable("More Observations arrive than can be written. Send this again in a moment.")
        waiter = _Waiter(row, sender)
        self._waiting.append(waiter)
        self._some.set()
        return await waiter.answer

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if not self._waiting:
                self._some.clear()
            try:
                await self._write(batch)
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError):
                self._fail(batch, Unavailable("The database is away. Send this again in a moment."))
            except (Problem, psycopg.Error) as wrong:
                if len(batch) == 1:
                    self._fail(batch, _said(wrong))
                else:
                    # One of them cannot be written; the others must not suffer for it.
                    for waiter in batch:
                        try:
                            await self._write([waiter])
                        except (Problem, psycopg.Error) as own:
                            self._fail([waiter], _said(own))
            except BaseException as wrong:
                self._fail(batch, wrong)
                if not isinstance(wrong, Exception):
                    raise

    async def _write(self, batch: list[_Waiter]) -> None:
        async with self._pool.connection() as conn, conn.transaction():
            rows, wrong = await _fill(conn, [waiter.row for waiter in batch])
            good = [(waiter, row) for waiter, row in zip(batch, rows, strict=True) if row is not None]
            ids = await write(conn, self._numbers, [row for _, row in good]) if good else []
            if good:
                senders: dict[Sender, list[int]] = {}
                for (waiter, _), number in zip(good, ids, strict=True):
                    senders.setdefault(waiter.sender, []).append(number)
                await write_receipts(conn, [receipts(sender, held) for sender, held in senders.items()])
                if self._tells:
                    await leave(conn, [("Observation", number, None) for number in ids])
        for (waiter, _), number in zip(good, ids, strict=True):
            if not waiter.answer.done():
                waiter.answer.set_result(number)
        for position, sentence in wrong.items():
            self._fail([batch[position]], Malformed(sentence, code="body", status=400))

    @staticmethod
    def _fail(batch: list[_Waiter], wrong: BaseException) -> None:
        for waiter in batch:
            if not waiter.answer.done():
                waiter.answer.set_exception(wrong if isinstance(wrong, Exception) else Unavailable("The process is stopping."))


async def _fill(conn: Connection, rows: list[Row]) -> tuple[list[Row | None], dict[int, str]]:
    """Lock the rows' Datastreams and find the features they do not name.

    Returns the rows in their places, None for those that cannot be written, and for each of these the sentence that says why.
    """
    there = await lock(conn, (row.datastream for row in rows))
    without = {row.datastream for row in rows if row.feature is None and row.datastream in there}
    features = await find_features(conn, without) if without else {}
    named = {row.feature for row in rows if row.feature is not None}
    known: set[int] = set()
    if named:
        cursor = await conn.execute("SELECT id FROM sensorthings_feature WHERE id = ANY(%s) FOR KEY SHARE", [sorted(named)])
        known = {int(row[0]) for row in await cursor.fetchall()}
    found: list[Row | None] = []
    wrong: dict[int, str] = {}
    for position, row in enumerate(rows):
        feature = row.feature if row.feature is not None else features.get(row.datastream)
        if row.datastream not in there:
            wrong[position] = f"There is no Datastream {row.datastream}."
        elif row.feature is not None and row.feature not in known:
            wrong[position] = f"There is no FeatureOfInterest {row.feature}."
        elif feature is None:
            wrong[position] = NO_FEATURE.format(row.datastream)
        found.append(None if position in wrong else row if row.feature is not None else row._replace(feature=feature))
    return found, wrong


def receipts(sender: Sender, ids: list[int]) -> Receipt:
    """Return the receipt of what one sender wrote in one transaction: from the first id to the last."""
    now = dt.datetime.now(dt.UTC)
    return Receipt("sensorthings", ids[0], ids[-1], now, sender.actor, sender.source, None, b"")


def _said(wrong: Exception) -> Exception:
    if isinstance(wrong, psycopg.DataError):
        return Malformed("The database cannot hold a value of this Observation.", code="body", status=400)
    return wrong


def simple_row(body: Any, given: dict[str, int], now: dt.datetime) -> Row | None:
    """Return an Observation that only refers to what is there already; None for one that brings something with it."""
    kind = KINDS["Observation"]
    entity = read_entity(kind, body, whole=True, given=frozenset(given))
    columns: dict[str, Any] = entity.columns
    for name, held in entity.links.items():
        if not isinstance(held[0], Reference) or name == "MultiDatastream":
            return None
        columns[kind.links_by_name[name].column] = held[0].id
    for name, number in given.items():
        columns[kind.links_by_name[name].column] = number
    if columns.get("datastream_id") is None:
        return None
    return Row(
        columns["datastream_id"], columns.get("feature_id"), columns.get("phenomenon_start") or now,
        columns.get("phenomenon_end"), columns["result_time"], columns["number"], columns["result"],
        columns["result_quality"], columns["valid_start"], columns["valid_end"], columns["parameters"],
    )  # fmt: skip
