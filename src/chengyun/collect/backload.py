# SPDX-License-Identifier: Apache-2.0
"""History by the million rows: files through a feed, judged as the front door judges, straight into the sealed table.

    part of the file ─▶ rows ─▶ entities found ─▶ lock the stream ─▶ flags ─▶ files ─▶ newest rows, days, dead letters,
    receipt, chunk, pointer ─▶ commit                 (the next part is read meanwhile)

A part is one transaction: its rows are in the sealed table together with everything the books say of them, or nowhere.
Its receipt is named after the file's content and the part's number, so a load that was interrupted goes on where it stood
and nothing is kept twice. No alert is raised for what is long past; a part with newer rows goes through the rules too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from django.db import connections
from psycopg import AsyncConnection

from chengyun.city import City, Feed, Registered, qualify
from chengyun.collect import flags
from chengyun.collect.batch import Batch, DeadRow, Sender, unit_hints
from chengyun.collect.dead import write_dead_letters
from chengyun.collect.decode import Dead
from chengyun.collect.house import House
from chengyun.collect.judging import end_simulation, local_days
from chengyun.collect.load import Loaded, Progress, find_feed, open_file, plain_name
from chengyun.collect.registering import register
from chengyun.collect.tabular import PART_BYTES, Part, Piece, pieces, read_piece
from chengyun.collect.watching import Watching
from chengyun.config import Config
from chengyun.lake import chunks, database, faults, history, hot
from chengyun.lake import services as lake
from chengyun.lake.rows import Rows

__all__ = ["HISTORY", "is_history", "load_history"]

HISTORY = dt.timedelta(days=7)
"""What is older raises no alert: nobody can act on it any more."""
MOST_DEAD_LETTERS = 1_000
"""Of one part; more go to a file, so that a wrong file does not bury what people must mend."""
WAIT_S = 60.0
"""How long a load waits for who seals the stream just now."""


def is_history(city: City, feed_name: str, path: Path, now: dt.datetime) -> bool:
    """Say whether a file is long, begins with rows that are long past and can be read by column: to load it as history."""
    pack, feed = find_feed(city, feed_name)
    if feed.columns is None:
        return False
    with open_file(path) as (opened, _):
        first = next(iter(pieces(feed, opened, plain_name(path))), None)
        if first is None or len(first.text) < PART_BYTES:
            return False
        time = read_piece(feed, city.streams[qualify(pack, feed.stream)], first, plain_name(path)).decoded.time
    return bool(len(time)) and int(time.max()) < _microseconds(now - HISTORY)


def load_history(
    config: Config,
    city: City,
    feed_name: str,
    paths: Sequence[Path],
    progress: Progress = lambda _rows, _bytes: None,
    *,
    again: bool = False,
) -> Loaded:
    """Load files one after the other into the sealed table.

    again: also files, or parts of them, that were loaded before; their rows are then repetitions.
    Raises Unavailable when the stream's sealed table is being changed by another process and goes on being so.
    """
    pack, feed = find_feed(city, feed_name)
    qualified = qualify(pack, feed.stream)
    with lake.sealed_for_history(qualified, WAIT_S) as merge:
        load = _Load(config, city, pack, feed, progress, again, merge)
        return asyncio.run(load.run(paths))


class _Load:
    """One load of a feed's files. The caller is the stream's only sealer while it lasts."""

    def __init__(
        self, config: Config, city: City, pack: str, feed: Feed, progress: Progress, again: bool, merge: Callable[[], int]
    ) -> None:
        self.config, self.city, self.pack, self.feed = config, city, pack, feed
        self.progress, self.again, self.merge = progress, again, merge
        self.stream = city.streams[qualify(pack, feed.stream)]
        self.house = House(city, database.url(), config.zone, config.secret)
        self.mirror = self.house.mirrors[qualify(pack, feed.stream)]
        self.table = self.mirror.table
        self.loaded = Loaded()
        self.registered: set[tuple[str, str, str]] = set()

    async def run(self, paths: Sequence[Path]) -> Loaded:
        await self.house.pool.open()
        try:
            async with self.house.pool.connection() as conn:
                await self.mirror.register.load(conn)
            before = 0
            for path in paths:
                await self._file(path, before)
                before += path.stat().st_size
        finally:
            await self.house.pool.close()
        return self.loaded

    async def _file(self, path: Path, bytes_before: int) -> None:
        digest = await asyncio.to_thread(_digest, path)
        sender = Sender(f"load:{self.pack}.{self.feed.key}", path.name[:200])
        under_way: asyncio.Task[None] | None = None
        with open_file(path) as (opened, position):
            parts = pieces(self.feed, opened, plain_name(path))
            try:
                # Reading the next part goes on while the one before is written: at most two are in memory.
                while (piece := await asyncio.to_thread(next, parts, None)) is not None:
                    key = f"{self.table.qualified}/history/{self.feed.key}/{digest}/{PART_BYTES}/{piece.number}"
                    if not self.again and await self._kept(key):
                        continue
                    part = await asyncio.to_thread(read_piece, self.feed, self.stream, piece, plain_name(path))
                    batch = await self._batch(part, sender)
                    batch.key, batch.digest = None if self.again else key, digest
                    rejects = self._reject_file(path, digest, piece)
                    if under_way is not None:
                        await under_way
                    under_way = asyncio.create_task(self._commit(batch, rejects))
                    self.progress(self.loaded.read, bytes_before + position())
            finally:
                if under_way is not None:
                    await under_way
        await asyncio.to_thread(self.merge)

    async def _kept(self, key: str) -> bool:
        """Say whether a part is in the lake already, and count what it came to."""
        async with self.house.pool.connection() as conn:
            given = await hot.find_responses(conn, [key])
        if key not in given:
            return False
        answer = msgspec.json.decode(given[key])
        self.loaded.skipped += answer["accepted"]
        return True

    async def _batch(self, part: Part, sender: Sender) -> Batch:
        # What a feed says of a thing it says in every part; the register hears it once.
        new = {(one.entity, one.key, json.dumps(one.values, default=str)): one for one in part.registered}
        new = {known: one for known, one in new.items() if known not in self.registered}
        if new:
            self.loaded.registered += await asyncio.to_thread(self._register, list(new.values()))
            self.registered |= new.keys()
            async with self.house.pool.connection() as conn:
                await self.mirror.register.load(conn, [one.key for one in new.values()])
        batch = await self.house.batch(self.table.qualified, part.decoded, sender)
        for dead in batch.dead:
            dead.row["line"] = int(part.lines[dead.index])
        batch.dead += [
            DeadRow(
                len(part.decoded) + index, Dead(wrong.code, wrong.sentence),
                {name: str(value) for name, value in wrong.fields.items()},
            )
            for index, wrong in enumerate(part.malformed)
        ]  # fmt: skip
        self.loaded.read += len(part.decoded) + len(part.malformed)
        return batch

    def _register(self, found: Sequence[Registered]) -> int:
        try:
            return register(self.city, self.pack, found)
        finally:
            connections.close_all()  # of this thread, which nobody else would close

    async def _commit(self, batch: Batch, rejects: Path) -> None:
        """Seal a part in one transaction; nothing that others see changes before it."""
        mirror, table, now = self.mirror, self.table, dt.datetime.now(dt.UTC)
        letters, rejected = batch.dead[:MOST_DEAD_LETTERS], batch.dead[MOST_DEAD_LETTERS:]
        if rejected:
            await asyncio.to_thread(_write_rejects, rejects, rejected)
        async with self.house.pool.connection() as conn:
            chunk, seq_from = await hot.lock_stream(conn, table, len(batch))
            if mirror.next_seq != seq_from:
                await mirror.refresh(conn, seq_from)
            mirror.make_room()
            simulated = mirror.register.simulated
            ended = np.unique(batch.slot[simulated[batch.slot]])
            if len(ended):
                mirror.memory.forget(await end_simulation(conn, mirror, ended))
            judged = await asyncio.to_thread(self._judge, batch)
            counts = flags.count_flags(judged.quality)
            if len(batch):
                seq_to = seq_from + len(batch) - 1
                staged = await asyncio.to_thread(history.stage, table, self._history(batch, judged, seq_from), chunk, seq_to)
                await chunks.publish(conn, table, chunk, seq_to, staged)
                rows = self._rows(batch, judged)
                await hot.keep_latest(conn, table, rows, seq_from, newest=judged.newest, runs=judged.newest_runs)
                await hot.touch(conn, table, local_days(batch.time, self.config.zone))
                await self._watch(conn, rows, now, seq_from)
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

    async def _watch(self, conn: AsyncConnection[Any], rows: Rows, now: dt.datetime, seq_from: int) -> None:
        if int(rows.time.max()) < _microseconds(now - HISTORY):
            return
        watching = Watching(self.city, self.table.qualified, self.config.zone)
        await watching.restore(conn, seq_from)
        await watching.write(conn, watching.judge(rows, self.mirror.register.by_id, now, seq_from))

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

    def _reject_file(self, path: Path, digest: str, piece: Piece) -> Path:
        return self.config.data / "rejected" / f"{path.name}-{digest[:12]}-{piece.number}.jsonl"


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
