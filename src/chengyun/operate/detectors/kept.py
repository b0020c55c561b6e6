# SPDX-License-Identifier: Apache-2.0
"""What detectors have learnt, kept between starts of the ingest process: with SQL, for that process has no Django.

A few entities go with every group that is written, so that none waits long and no group carries all. After a start the rest is
learnt again from the hot rows behind what was kept, which are the same rows in the same order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from psycopg import sql

from chengyun.city import City
from chengyun.errors import Malformed
from chengyun.lake.rows import Rows
from chengyun.lake.tables import StreamTable, stream_table
from chengyun.operate.conditions import instant, micros
from chengyun.operate.detectors.condition import Oddities, counting, local_seconds

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from chengyun.operate.rules import RuleWatch

__all__ = ["Kept", "load", "take", "write"]

AT_A_TIME = 64
"""Entities whose memory goes with one group: 150 kB for one quantity."""
MOST_ROWS = 500_000
"""Hot rows learnt from again at a start, the newest; more would keep ingest waiting."""

READ = "SELECT entity, seq, time, memory FROM detectors_memory WHERE rule = %s"
CHUNKS = "SELECT chunk FROM lake_chunk WHERE stream = %s AND dropped_at IS NULL ORDER BY chunk"
AFTER = """
SELECT hot.entity_id, hot.time, hot.seq, hot.quality, {columns} FROM {hot} AS hot
LEFT JOIN unnest(%s::int[], %s::bigint[]) AS learnt (entity_id, up_to) USING (entity_id)
WHERE hot.seq > coalesce(learnt.up_to, 0) ORDER BY hot.seq DESC LIMIT %s
"""
WRITE = """
INSERT INTO detectors_memory (rule, entity, seq, time, memory)
SELECT %s, * FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::bytea[])
ON CONFLICT (rule, entity) DO UPDATE SET seq = excluded.seq, time = excluded.time, memory = excluded.memory
"""


class Kept(NamedTuple):
    """The memories of a rule's entities, all as of one seq."""

    rule: str
    entities: list[int]
    seq: int
    times: list[dt.datetime]
    memories: list[bytes]


def take(watch: RuleWatch, seq: int) -> list[Kept]:
    """Return what is to be kept next, as of a seq up to which everything is settled."""
    found = []
    for state, ids in watch.oddities():
        slots = np.flatnonzero(state.dirty)[:AT_A_TIME]
        if len(slots):
            state.dirty[slots] = False
            times = [instant(int(time)) for time in state.newest[slots]]
            found.append(Kept(state.rule.key, ids[slots].tolist(), seq, times, state.detector.saved(slots)))
    return found


async def write(conn: AsyncConnection[Any], kept: Sequence[Kept]) -> None:
    """Write memories inside the caller's transaction."""
    for one in kept:
        await conn.execute(WRITE, [one.rule, one.entities, [one.seq] * len(one.entities), one.times, one.memories])


async def load(conn: AsyncConnection[Any], city: City, watch: RuleWatch) -> None:
    """Give a new watch's detectors what was kept, and let them learn what came after it."""
    table = stream_table(city, watch.stream)
    for state, _ in watch.oddities():
        rows = await (await conn.execute(READ, [state.rule.key])).fetchall()
        watch.admit([int(entity) for entity, *_ in rows])
        learnt: dict[int, int] = {}
        for entity, seq, time, memory in rows:
            slot = watch.slot(int(entity))
            try:
                state.detector.restore(slot, bytes(memory))
            except Malformed:
                continue  # of an earlier version: it learns anew
            state.newest[slot] = micros(time)
            learnt[int(entity)] = int(seq)
        await _learn(conn, table, watch, state, learnt)


async def _learn(
    conn: AsyncConnection[Any], table: StreamTable, watch: RuleWatch, state: Oddities, learnt: dict[int, int]
) -> None:
    """Learn from the hot rows that came after what was kept."""
    columns = sql.SQL(", ").join(sql.Identifier(field) for field in state.fields)
    found: list[tuple[Any, ...]] = []
    for (chunk,) in await (await conn.execute(CHUNKS, [table.qualified])).fetchall():
        text = sql.SQL(AFTER).format(columns=columns, hot=sql.Identifier(*table.chunk(chunk).split(".")))
        given = [list(learnt), list(learnt.values()), MOST_ROWS]
        found += await (await conn.execute(text, given)).fetchall()
    found = sorted(found, key=lambda row: int(row[2]))[-MOST_ROWS:]
    if not found:
        return
    watch.admit(sorted({int(row[0]) for row in found}))
    slot = np.array([watch.slot(int(row[0])) for row in found])
    order = np.argsort(slot, kind="stable")
    numbers = {field: _numbers(found, 4 + place) for place, field in enumerate(state.fields)}
    time = np.array([micros(row[1]) for row in found])
    rows = Rows(np.array([row[0] for row in found], np.int32), time, np.array([row[3] for row in found]), numbers, {})
    values = state.columns(rows, order)
    keep = counting(slot[order], time[order], state.newest)
    known = keep & ~np.isnan(values).all(axis=1)
    judged = state.detector.judge(slot[order][known], local_seconds(time[order][known], state.zone), values[known])
    state.detector.settle(judged)
    np.maximum.at(state.newest, slot[order][keep], time[order][keep])
    state.dirty[judged.slots] = True


def _numbers(rows: Sequence[tuple[Any, ...]], place: int) -> np.ndarray:
    return np.array([np.nan if row[place] is None else row[place] for row in rows], np.float64)
