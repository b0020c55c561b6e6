# SPDX-License-Identifier: Apache-2.0
"""Rules judged apart from the writing of observations, by as many processes as it takes (CHENGYUN_RULES=apart).

    lock a part of a stream's entities ─▶ the rows committed since its mark, in the order of their seqs ─▶ judged
        ─▶ ONE transaction: alerts, runs, each entity's newest time, the mark
    the locks' connection or the process is lost ─▶ another process judges on from the mark

What is judged is what is durable: hot rows are the log, a stream's seqs its order, so an entity's observations are judged in
the order they were acknowledged. The transaction locks the mark and finds it where it was left; otherwise another process has
judged, and the state is read anew. So a row is judged once, whoever dies; and a row that was counted before is not counted
again, because the newest time of its entity is kept with the mark.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb

from chengyun.city import City
from chengyun.collect.queue.settings import judged_apart
from chengyun.collect.registers import Named
from chengyun.lake.rows import Rows, invalid_bit
from chengyun.lake.tables import StreamTable, stream_table
from chengyun.operate import alert_store
from chengyun.operate.rules import Holding, RuleWatch, Transition

__all__ = ["PARTS", "Judges", "begin", "judged_up_to"]

PARTS = 8
"""Of each stream's entities, by number: as many processes may judge a stream."""
AT_ONCE = 20_000
"""Seqs judged together, over all parts."""
LOOK_EVERY_S = 0.2
RULES_EVERY_S = 2.0
"""How soon a rule that was changed or put on probation is judged as it is now."""
SHARE_EVERY_S = 1.0
NAMES_KEPT_S = 60.0
OURS, PRESENT = 0x72756C65, 0x72757072
"""Of the advisory locks ("rule", "rupr" in ASCII): seed of the parts' keys, and the key every process shares."""

_BEGUN = "SELECT EXISTS (SELECT FROM queue_rulemark WHERE stream = %s)"
_LOCK_STREAM = "SELECT next_seq - 1 FROM lake_stream WHERE stream = %s FOR UPDATE"
_FIRST_SEEN = """
INSERT INTO queue_ruleseen (stream, entity_id, time) SELECT %s, entity_id, time FROM {latest}
ON CONFLICT (stream, entity_id) DO UPDATE SET time = greatest(queue_ruleseen.time, excluded.time)
"""
_FIRST_MARKS = """
INSERT INTO queue_rulemark (stream, part, seq, past, moved_at)
SELECT %s, part, %s, '[]', now() FROM generate_series(0, %s) AS part
ON CONFLICT (stream, part) DO NOTHING
"""
_BOOKS = "SELECT stream, next_seq - 1 FROM lake_stream"
_CHUNKS = """
SELECT chunk FROM lake_chunk WHERE stream = %s AND dropped_at IS NULL AND seq_from <= %s AND (seq_to IS NULL OR seq_to > %s)
ORDER BY chunk
"""
_MARK = "SELECT seq, past FROM queue_rulemark WHERE stream = %s AND part = %s FOR UPDATE"
_MOVE = "UPDATE queue_rulemark SET seq = %s, past = %s, moved_at = now() WHERE stream = %s AND part = %s"
_SEEN = "SELECT entity_id, time FROM queue_ruleseen WHERE stream = %s AND entity_id %% %s = %s"
_SEE = """
INSERT INTO queue_ruleseen (stream, entity_id, time)
SELECT %s, entity, seen FROM unnest(%s::int4[], %s::timestamptz[]) AS judged (entity, seen)
ON CONFLICT (stream, entity_id) DO UPDATE SET time = excluded.time WHERE queue_ruleseen.time < excluded.time
"""
_PROCESSES = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s::int8::oid AND objid = 0 AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_JUDGED = "SELECT min(seq) FROM queue_rulemark WHERE stream = %s"
_MICROSECOND = dt.timedelta(microseconds=1)

Conn = AsyncConnection[Any]
log = logging.getLogger(__name__)


async def begin(conn: Conn, table: StreamTable) -> None:
    """Note from where on a stream is judged apart: from now, if it has not been. Writers do so before they take rows."""
    row = await (await conn.execute(_BEGUN, [table.qualified])).fetchone()
    if row and row[0]:
        return
    async with conn.transaction():
        found = await (await conn.execute(_LOCK_STREAM, [table.qualified])).fetchone()
        if found is None:
            return
        latest = sql.Identifier(*table.latest.split("."))
        await conn.execute(sql.SQL(_FIRST_SEEN).format(latest=latest), [table.qualified])
        await conn.execute(_FIRST_MARKS, [table.qualified, found[0], PARTS - 1])


def judged_up_to(conn: psycopg.Connection[Any], stream: str) -> int | None:
    """Return the seq up to which all of a stream is judged; None: it never was judged apart."""
    row = conn.execute(_JUDGED, [stream]).fetchone()
    return row[0] if row else None


@dataclass(slots=True)
class _Part:
    """A part this process judges. watch: None until its state has been read. mark: what the state has seen.

    past: (rule, entity) → since when, worst, how often, of conditions that hold in the past: their alerts are closed already.
    """

    table: StreamTable
    number: int
    watch: RuleWatch | None = None
    mark: int = 0
    standing: object = None
    past: dict[tuple[str, int], tuple[str, float | None, int]] = field(default_factory=dict)


class Judges:
    """Judges what no other process does, until cancelled."""

    def __init__(self, city: City, dsn: str, zone: ZoneInfo) -> None:
        self._city, self._dsn, self._zone = city, dsn, zone
        self._tables = [stream_table(city, key) for key in city.streams]
        self._parts: dict[tuple[str, int], _Part] = {}
        self._names: dict[str, tuple[float, dict[int, Named]]] = {}
        self._standing: Any = None
        self._shapes: dict[str, bytes] = {}
        self._asked = 0.0

    async def run(self) -> None:
        """Work until cancelled. One connection holds the locks: what ends it ends our right to our parts."""
        while True:
            try:
                async with (
                    await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as locks,
                    await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as conn,
                ):
                    for table in self._tables:
                        await begin(conn, table)
                    await locks.execute("SELECT pg_advisory_lock_shared(%s, 0)", [PRESENT])
                    await self._work(locks, conn)
            except (psycopg.OperationalError, psycopg.InterfaceError) as away:
                log.info("begun again: %s", str(away).partition("\n")[0])
            finally:
                self._parts.clear()
            await asyncio.sleep(SHARE_EVERY_S)

    async def _work(self, locks: Conn, conn: Conn) -> None:
        share_at = 0.0
        while True:
            if time.monotonic() >= share_at:
                await self._share_out(locks)
                await self._read_rules(conn)
                share_at = time.monotonic() + SHARE_EVERY_S
            books = dict(await (await conn.execute(_BOOKS)).fetchall())
            moved = False
            for part in self._parts.values():
                if part.mark < int(books.get(part.table.qualified, 0)) or part.watch is None:
                    moved |= await self._judge(conn, part, int(books.get(part.table.qualified, 0)))
            if not moved:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _share_out(self, locks: Conn) -> None:
        """Take parts that nobody has, up to our share of all; give back what is beyond it."""
        row = await (await locks.execute(_PROCESSES, [PRESENT])).fetchone()
        every = [(table, number) for table in self._tables for number in range(PARTS)]
        share = math.ceil(len(every) / max(int(row[0]) if row else 1, 1))
        for key in list(self._parts)[share:]:
            del self._parts[key]
            await locks.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", [f"{key[0]}#{key[1]}", OURS])
        for table, number in every:
            if len(self._parts) >= share:
                break
            key = (table.qualified, number)
            if key not in self._parts:
                asked = await locks.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", [f"{key[0]}#{number}", OURS])
                taken = await asked.fetchone()
                if taken and taken[0]:
                    self._parts[key] = _Part(table, number)

    async def _read_rules(self, conn: Conn) -> None:
        if time.monotonic() < self._asked + RULES_EVERY_S:
            return
        self._asked = time.monotonic()
        now = await alert_store.standing_rules(conn, self._city)
        if now != self._standing:
            self._standing, self._shapes = now, await alert_store.boundaries(conn, now.rules.values())

    async def _judge(self, conn: Conn, part: _Part, newest: int) -> bool:
        """Judge the next rows of a part in one transaction; say whether there were any, or may be more."""
        table = part.table
        async with conn.transaction():
            row = await (await conn.execute(_MARK, [table.qualified, part.number])).fetchone()
            if row is None:
                return False
            if part.watch is None or part.mark != row[0] or part.standing is not self._standing:
                await self._restore(conn, part, int(row[0]), row[1])
            assert part.watch is not None
            up_to = min(newest, part.mark + AT_ONCE)
            if up_to <= part.mark:
                return False
            seqs, rows = await self._rows(conn, part, up_to) if part.watch.rules else ([], None)
            if rows is not None and len(rows.entity):
                await self._write(conn, part, seqs, rows)
            past = [[*key, *held] for key, held in part.past.items()]
            await conn.execute(_MOVE, [up_to, Jsonb(past), table.qualified, part.number])
        part.watch.settle()
        part.mark = up_to
        return True

    def _follow_past(self, part: _Part, found: Sequence[Transition], names: Mapping[int, Named]) -> None:
        entities = {named.key: ident for ident, named in names.items()} if found else {}
        for one in found:
            key = one.rule, entities[one.subject]
            if one.kind != "clear" and one.historic:
                part.past[key] = one.since.isoformat(), one.worst, one.times
            else:
                part.past.pop(key, None)

    async def _write(self, conn: Conn, part: _Part, seqs: list[int], rows: Rows) -> None:
        assert part.watch is not None
        names = await self._named(conn, part.table, rows)
        found = part.watch.judge(rows, names, dt.datetime.now(dt.UTC), seq_from=0)
        # Rows of other parts lie between ours: the place among ours is not yet a seq.
        told = [replace(one, evidence={**one.evidence, "seq": seqs[one.evidence["seq"]]}) for one in found]
        await alert_store.write(conn, told)
        await alert_store.write_runs(conn, part.watch, names)
        self._follow_past(part, found, names)
        newest: dict[int, int] = {}
        for entity, at in zip(rows.entity.tolist(), rows.time.tolist(), strict=True):
            newest[entity] = max(at, newest.get(entity, at))
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        times = [epoch + at * _MICROSECOND for at in newest.values()]
        await conn.execute(_SEE, [part.table.qualified, list(newest), times])

    async def _restore(self, conn: Conn, part: _Part, mark: int, past: Sequence[Any]) -> None:
        """Read a part's state as it was at its mark."""
        table = part.table
        part.past = {(rule, entity): (since, worst, times) for rule, entity, since, worst, times in past}
        watch = RuleWatch(
            self._city, table.qualified, zone=self._zone, quiet=self._standing.quiet, boundaries=self._shapes,
            rules={key: rule for key, rule in self._standing.rules.items() if judged_apart(rule)},
        )  # fmt: skip
        if watch.rules:
            register = sql.Identifier(table.register)
            rules = {one.key for one in watch.rules}
            given = {"rules": sorted(rules), "loud": sorted(rules - watch.quiet), "quiet": sorted(rules & watch.quiet)}
            held = await conn.execute(sql.SQL(alert_store.statement("alert_held")).format(register=register), given)
            holdings = [
                Holding(rule, int(entity), bool(holds), int(run), since, worst, int(times))
                for rule, entity, holds, run, since, worst, times in await held.fetchall()
                if entity % PARTS == part.number
            ]
            holdings += [
                Holding(rule, entity, True, 0, dt.datetime.fromisoformat(since), worst, times)
                for (rule, entity), (since, worst, times) in part.past.items()
                if rule in rules
            ]
            seen = await conn.execute(_SEEN, [table.qualified, PARTS, part.number])
            watch.restore([(int(entity), at) for entity, at in await seen.fetchall()], holdings)
            _, before = await self._rows(conn, part, mark, after=0)
            for position, (key, numbers) in enumerate(before.numbers.items()):
                # Hot rows reach back far enough for a rule of change, which looks at minutes or hours.
                known = ~np.isnan(numbers) & (before.quality & invalid_bit(position) == 0)
                watch.remember(key, [
                    (int(entity), dt.datetime.fromtimestamp(at / 1e6, dt.UTC), float(value))
                    for entity, at, value in zip(
                        before.entity[known].tolist(), before.time[known].tolist(), numbers[known].tolist(), strict=True
                    )
                ])  # fmt: skip
        part.watch, part.mark, part.standing = watch, mark, self._standing

    async def _rows(self, conn: Conn, part: _Part, up_to: int, after: int | None = None) -> tuple[list[int], Rows]:
        """Return the hot rows of a part with its mark < seq ≤ up_to, in order. after: instead of the mark; the newest alone."""
        table, first = part.table, part.mark if after is None else max(after, up_to - AT_ONCE)
        found = await (await conn.execute(_CHUNKS, [table.qualified, up_to, first])).fetchall()
        one = sql.SQL(
            "SELECT seq, entity_id, (extract(epoch FROM time) * 1000000)::int8, quality, {values} FROM {chunk}"
            " WHERE seq > {first} AND seq <= {last} AND entity_id % {parts} = {part}"
        )
        values = sql.SQL(", ").join(map(sql.Identifier, table.quantities))
        parts = [
            one.format(
                values=values, chunk=sql.Identifier(*table.chunk(chunk).split(".")), first=first, last=up_to, parts=PARTS,
                part=part.number,
            )
            for (chunk,) in found
        ]  # fmt: skip
        rows: list[Any] = []
        if parts:
            rows = await (await conn.execute(sql.SQL(" UNION ALL ").join(parts) + sql.SQL(" ORDER BY 1"))).fetchall()
        seqs, entities, times, quality, *numbers = map(list, zip(*rows, strict=True)) if rows else ([] for _ in range(4))
        columns = numbers or [[] for _ in table.quantities]
        return list(seqs), Rows(
            np.array(entities, np.int32), np.array(times, np.int64), np.array(quality, np.int64),
            {key: np.array(column, np.float64) for key, column in zip(table.quantities, columns, strict=True)}, {},
        )  # fmt: skip

    async def _named(self, conn: Conn, table: StreamTable, rows: Rows) -> dict[int, Named]:
        """Return what the rows' entities are called."""
        until, known = self._names.get(table.register, (0.0, {}))
        if until < time.monotonic():
            known = {}
            self._names[table.register] = time.monotonic() + NAMES_KEPT_S, known
        missing = sorted(set(rows.entity.tolist()) - known.keys())
        if missing:
            text = sql.SQL("SELECT id, key, name, area_code FROM {register} WHERE id = ANY(%s)")
            found = await conn.execute(text.format(register=sql.Identifier(table.register)), [missing])
            known |= {int(ident): Named(*names) for ident, *names in await found.fetchall()}
        return known
