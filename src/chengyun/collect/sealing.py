# SPDX-License-Identifier: Apache-2.0
"""A batch of history, judged as the front door judges, sealed in one transaction with everything the books say of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from psycopg import AsyncConnection

from chengyun.city import City
from chengyun.collect import flags
from chengyun.collect.batch import Batch, DeadRow, unit_hints
from chengyun.collect.dead import write_dead_letters
from chengyun.collect.house import House
from chengyun.collect.judging import end_simulation, local_days
from chengyun.collect.load import Loaded
from chengyun.collect.watching import Noticed, Watching
from chengyun.lake import chunks, faults, history, hot
from chengyun.lake.rows import Rows

__all__ = ["HISTORY", "Sealing"]

HISTORY = dt.timedelta(days=7)
"""What is older raises no alert: nobody can act on it any more."""
MOST_DEAD_LETTERS = 1_000
"""Of one part; more go to a file, so that a wrong file does not bury what people must mend."""


class Sealing:
    """One stream whose only sealer the caller is. loaded: what it came to so far."""

    def __init__(self, city: City, house: House, stream: str, zone: ZoneInfo) -> None:
        self.city, self.house, self.zone = city, house, zone
        self.stream = city.streams[stream]
        self.mirror = house.mirrors[stream]
        self.table = self.mirror.table
        self.loaded = Loaded()
        self._watching = Watching(city, stream, zone)

    async def commit(self, batch: Batch, rejects: Path, now: dt.datetime) -> None:
        """Seal a part in one transaction; nothing that others see changes before it.

        rejects: the file for rows that dead letters have no room for. now: when the part counts as received.
        """
        mirror, table = self.mirror, self.table
        letters, rejected = batch.dead[:MOST_DEAD_LETTERS], batch.dead[MOST_DEAD_LETTERS:]
        if rejected:
            await asyncio.to_thread(_write_rejects, rejects, rejected)
        async with self.house.pool.connection() as conn:
            chunk, seq_from = await hot.lock_stream(conn, table, len(batch))
            if mirror.next_seq != seq_from:
                await mirror.refresh(conn, seq_from)
            mirror.make_room()
            simulated = mirror.register.simulated
            ended = np.unique(batch.slot[simulated[batch.slot]]) if not batch.sender.simulated else batch.slot[:0]
            if len(ended):
                mirror.memory.forget(await end_simulation(conn, mirror, ended))
            judged = await asyncio.to_thread(self._judge, batch)
            counts = flags.count_flags(judged.quality)
            if len(batch):
                seq_to = seq_from + len(batch) - 1
                staged = await asyncio.to_thread(history.stage, table, self._history(batch, judged, seq_from), chunk, seq_to)
                await chunks.publish(conn, table, chunk, seq_to, staged)
                rows = self._rows(batch, judged)
                # Before the newest rows are these: the rules take only what is later than the newest they know.
                noticed = await self._notice(conn, rows, now, seq_from)
                await hot.keep_latest(conn, table, rows, seq_from, newest=judged.newest, runs=judged.newest_runs)
                await hot.touch(conn, table, local_days(batch.time, self.zone))
                await self._watching.write(conn, noticed)
            answer = msgspec.json.encode(
                {"accepted": len(batch), "dead": len(batch.dead), "flags": counts, "digest": batch.digest}
            )
            await hot.write_receipts(
                conn,
                [
                    hot.Receipt(
                        table.qualified, seq_from, seq_from + len(batch) - 1, now, batch.sender.actor, batch.sender.source,
                        batch.key, answer if batch.key else b"",
                    )
                ],
            )  # fmt: skip
            await write_dead_letters(conn, table.qualified, mirror.register, [_with_dead(batch, letters)], now)
        faults.step("history-committed")
        flags.advance(
            mirror.memory, judged, batch.slot, batch.time, batch.values, batch.words, seq_from
        )  # fmt: skip
        mirror.next_seq = seq_from + len(batch)
        if len(ended):
            mirror.register.ended(ended)
        self._count(batch, counts, rejects if rejected else None)

    def _judge(self, batch: Batch) -> flags.Judged:
        simulated = np.full(len(batch), batch.sender.simulated)
        return flags.judge(self.mirror.watch, self.mirror.memory, batch.slot, batch.time, batch.values, batch.words, simulated)

    def _history(self, batch: Batch, judged: flags.Judged, seq_from: int) -> history.History:
        slots, entity = np.unique(batch.slot, return_inverse=True)
        keys = [self.mirror.register.keys[slot] for slot in slots.tolist()]
        return history.History(seq_from, keys, entity, batch.time, judged.quality, batch.values, batch.words)

    def _rows(self, batch: Batch, judged: flags.Judged) -> Rows:
        numbers = dict(zip(self.table.quantities, batch.values, strict=True))
        words = {key: column.tolist() for key, column in batch.words.items()}
        return Rows(self.mirror.register.ids[batch.slot], batch.time, judged.quality, numbers, words)

    async def _notice(self, conn: AsyncConnection[Any], rows: Rows, now: dt.datetime, seq_from: int) -> Noticed:
        """Judge rows by the stream's rules, unless nobody can act on them any more."""
        if int(rows.time.max()) < _microseconds(now - HISTORY):
            return Noticed((), ())
        if self._watching.next_seq != seq_from:
            await self._watching.restore(conn, seq_from)
        return self._watching.judge(rows, self.mirror.register.by_id, now, seq_from)

    def _count(self, batch: Batch, counts: dict[str, int], rejects: Path | None) -> None:
        self.loaded.stored += len(batch)
        self.loaded.flags.update(Counter(counts))
        for it in batch.dead:
            self.loaded.dead[it.dead.code] += 1
            self.loaded.example.setdefault(it.dead.code, it.dead.reason)
        if "range" in counts:
            hints = unit_hints(self.stream, batch.values)
            self.loaded.hints += [hint for hint in hints if hint not in self.loaded.hints][:5]
        if rejects is not None:
            self.loaded.rejects.append(rejects)


def _write_rejects(path: Path, dead: Sequence[DeadRow]) -> None:
    """Write rows that are beyond what dead letters take, one JSON object a line, durable when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as out:
        out.writelines(_lines(dead))
        out.flush()
        os.fsync(out.fileno())


def _lines(dead: Sequence[DeadRow]) -> Iterator[bytes]:
    for it in dead:
        yield msgspec.json.encode({"code": it.dead.code, "reason": it.dead.reason, "row": it.row}) + b"\n"


def _with_dead(batch: Batch, dead: list[DeadRow]) -> Batch:
    return Batch(batch.sender, batch.slot, batch.time, batch.values, batch.words, dead)


def _microseconds(instant: dt.datetime) -> int:
    return int(instant.timestamp() * 1_000_000)
