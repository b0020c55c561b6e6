# SPDX-License-Identifier: Apache-2.0
"""History by the million rows: files through a feed, judged as the front door judges, straight into the sealed table.

    part of the file ─▶ rows ─▶ entities found ─▶ lock the stream ─▶ flags ─▶ files ─▶ newest rows, days, dead letters,
    receipt, chunk, pointer ─▶ commit       (meanwhile the next part is read, and the one after it decompressed)

A part is one transaction: its rows are in the sealed table together with everything the books say of them, or nowhere.
Its receipt is named after the file's content and the part's number, so a load that was interrupted goes on where it stood
and nothing is kept twice. No alert is raised for what is long past; a part with newer rows goes through the rules too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from django.db import connections

from chengyun.city import City, Feed, Registered, qualify
from chengyun.collect.batch import Batch, DeadRow, Sender
from chengyun.collect.decode import Dead
from chengyun.collect.house import House
from chengyun.collect.load import Loaded, Progress, find_feed, open_file, plain_name
from chengyun.collect.registering import register
from chengyun.collect.sealing import HISTORY, Sealing
from chengyun.collect.tabular import PART_BYTES, Part, Piece, pieces, read_piece
from chengyun.config import Config
from chengyun.lake import database, hot
from chengyun.lake import services as lake

__all__ = ["HISTORY", "is_history", "load_history"]

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
    return bool(len(time)) and int(time.max()) < int((now - HISTORY).timestamp() * 1_000_000)


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
    with lake.sealed_for_history(qualified, WAIT_S) as merge, lake.told_of_history(qualified):
        load = _Load(config, city, pack, feed, progress, again, merge)
        # What has been imported by now stays: looking through it for garbage was a sixth of the work of a load.
        gc.freeze()
        try:
            return asyncio.run(load.run(paths))
        finally:
            gc.unfreeze()


class _Load:
    """One load of a feed's files. The caller is the stream's only sealer while it lasts."""

    def __init__(
        self, config: Config, city: City, pack: str, feed: Feed, progress: Progress, again: bool, merge: Callable[[], int]
    ) -> None:
        self.config, self.city, self.pack, self.feed = config, city, pack, feed
        self.progress, self.again, self.merge = progress, again, merge
        self.house = House(city, database.url(), config.zone, config.secret)
        self.sealing = Sealing(city, self.house, qualify(pack, feed.stream), config.zone)
        self.stream, self.mirror, self.table = self.sealing.stream, self.sealing.mirror, self.sealing.table
        self.loaded = self.sealing.loaded
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
            coming = _next(parts)
            try:
                # A part is read while the one before is written and the text of the next decompressed: three are in memory.
                while (piece := await coming) is not None:
                    coming = _next(parts)
                    key = f"{self.table.qualified}/history/{self.feed.key}/{digest}/{PART_BYTES}/{piece.number}"
                    if not self.again and await self._kept(key):
                        continue
                    part = await asyncio.to_thread(read_piece, self.feed, self.stream, piece, plain_name(path))
                    batch = await self._batch(part, sender)
                    batch.key, batch.digest = None if self.again else key, digest
                    rejects = self._reject_file(path, digest, piece)
                    if under_way is not None:
                        await under_way
                    under_way = asyncio.create_task(self.sealing.commit(batch, rejects, dt.datetime.now(dt.UTC)))
                    self.progress(self.loaded.read, bytes_before + position())
            finally:
                # The file is not closed while a thread reads it.
                await asyncio.gather(coming, return_exceptions=True)
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

    def _reject_file(self, path: Path, digest: str, piece: Piece) -> Path:
        return self.config.data / "rejected" / f"{path.name}-{digest[:12]}-{piece.number}.jsonl"


def _next(parts: Iterator[Piece]) -> asyncio.Task[Piece | None]:
    """Begin to read the next part of a file in another thread."""
    return asyncio.create_task(asyncio.to_thread(next, parts, None))


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
