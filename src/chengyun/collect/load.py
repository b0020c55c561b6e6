# SPDX-License-Identifier: Apache-2.0
"""Files into the lake: a pack's feed reads them, the same writer as for HTTP stores them, in this process.

Loading a file again changes nothing a reader sees: a row with the values it had is no new version.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gzip
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import zstandard

from chengyun.city import City, Feed, Malformed, Observation, Registered, Stream, qualify
from chengyun.collect import hooks
from chengyun.collect.batch import Batch, DeadRow, Sender
from chengyun.collect.decode import Dead, read_columns
from chengyun.collect.house import House
from chengyun.collect.registering import register
from chengyun.collect.shedding import wait_for_turn
from chengyun.config import Config
from chengyun.errors import NotFound, Refused, nearest
from chengyun.lake import database

__all__ = ["BROKEN", "Loaded", "find_feed", "load_files", "open_file", "plain_columns", "plain_name", "read_rows"]

ROWS = 5_000
"""Rows of one batch."""
UNDER_WAY = 4
"""Batches written while the next is read."""


def _gzip() -> tuple[Callable[[BinaryIO], Any], type[Exception]]:
    """Return what opens gzip files, and what it raises of a damaged one."""
    try:  # three times as fast, where it is installed: chengyun[history]
        from isal import igzip, isal_zlib
    except ImportError:
        return gzip.open, zlib.error
    return igzip.open, cast("type[Exception]", isal_zlib.error)  # its stubs take it for a value


_open_gzip, _gzip_error = _gzip()
BROKEN = (EOFError, OSError, zlib.error, _gzip_error, zstandard.ZstdError, zipfile.BadZipFile)
"""What reading a file raises that is cut off or damaged, compressed or not."""

Progress = Callable[[int, int], None]
"""(rows read, bytes read of all files)."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


@dataclass(slots=True)
class Loaded:
    """What a load came to. dead: reason's code → rows; example: code → the first sentence.

    skipped: rows that an earlier load of the same file had kept. waited_s: while senders were turned away. rejects: files with
    the rows that dead letters had no room for.
    """

    read: int = 0
    stored: int = 0
    registered: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)
    skipped: int = 0
    waited_s: float = 0.0
    rejects: list[Path] = field(default_factory=list)


def find_feed(city: City, name: str) -> tuple[str, Feed]:
    """Return the pack and the feed of `pack.feed`. Raises NotFound naming the nearest."""
    if name in city.register_feeds:
        raise Refused(f"{name} fills a register; load it with `chengyun registers load {name} FILE…`.", code="register_feed")
    if name not in city.feeds:
        raise NotFound(f"There is no feed {name!r}.{nearest(name, city.feeds)} Feeds: {', '.join(city.feeds)}.")
    return name.split(".")[0], city.feeds[name]


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """Open a file, decompressed where its name says so; yield it and how many bytes of it have been read from disk."""
    if not path.is_file():
        raise Refused(f"{path} is not a file.", code="no_file")
    with open(path, "rb") as raw:
        match path.suffix.lower():
            case ".gz":
                with _open_gzip(raw) as opened:
                    yield cast("BinaryIO", opened), raw.tell
            case ".zst":
                with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as opened:
                    yield cast("BinaryIO", opened), raw.tell
            case _:
                yield raw, raw.tell


def plain_name(path: Path) -> str:
    """Return a file's name as it would be without its compression."""
    return path.name.removesuffix(".gz").removesuffix(".zst")


def read_rows(feed: Feed, opened: BinaryIO, name: str) -> Iterator[Registered | Observation | Malformed]:
    """Yield what a feed reads in an open file. name: for messages, without the ending of a compression."""
    try:
        yield from feed.read(opened, name)
    except BROKEN as broken:
        yield Malformed(f"{name} is broken: {broken}. What came before is kept.", code="broken_file", file=name)


def load_files(
    config: Config, city: City, feed_name: str, paths: Sequence[Path], progress: Progress = lambda _rows, _bytes: None
) -> Loaded:
    """Load files one after the other."""
    pack, feed = find_feed(city, feed_name)
    began = dt.datetime.now(dt.UTC)
    loaded = asyncio.run(_load(config, city, pack, feed, paths, progress))
    for tell in hooks.after_load:
        tell(f"{pack}.{feed.key}", began, loaded.read)
    return loaded


async def _load(config: Config, city: City, pack: str, feed: Feed, paths: Sequence[Path], progress: Progress) -> Loaded:
    qualified = qualify(pack, feed.stream)
    house = House(city, database.url(), config.zone, config.secret)
    await house.open(guest=True)
    loaded = Loaded()
    bytes_before = 0
    try:
        for path in paths:
            sender = Sender(f"load:{pack}.{feed.key}", path.name[:200])
            room = asyncio.Semaphore(UNDER_WAY)
            async with asyncio.TaskGroup() as group:
                with open_file(path) as (opened, position):
                    parts = _parts(feed, opened, path)
                    # Feeds and the ORM are synchronous: both run in one thread, so that writing goes on meanwhile.
                    while (part := await asyncio.to_thread(next, parts, None)) is not None:
                        loaded.read += len(part.rows) + len(part.malformed)
                        if part.registered:
                            loaded.registered += await asyncio.to_thread(register, city, pack, part.registered)
                            async with house.pool.connection() as conn:
                                await house.mirrors[qualified].register.load(conn, [it.key for it in part.registered])
                        batch = await _batch(house, qualified, part, sender)
                        await room.acquire()
                        loaded.waited_s += await wait_for_turn(house.pool, city.streams[qualified].urgency)
                        group.create_task(_write(house, qualified, batch, loaded, room))
                        progress(loaded.read, bytes_before + position())
            bytes_before += path.stat().st_size
    finally:
        await house.close()
    return loaded


@dataclass(slots=True)
class _Part:
    registered: list[Registered] = field(default_factory=list)
    rows: list[Observation] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)


def _parts(feed: Feed, opened: BinaryIO, path: Path) -> Iterator[_Part]:
    part = _Part()
    for row in read_rows(feed, opened, plain_name(path)):
        match row:
            case Registered():
                part.registered.append(row)
            case Observation():
                part.rows.append(row)
            case _:
                part.malformed.append(row)
        if len(part.rows) + len(part.malformed) >= ROWS:
            yield part
            part = _Part()
    yield part


def plain_columns(rows: Sequence[Observation], stream: Stream) -> dict[str, list[Any]]:
    """Return a feed's rows as columns of the values a sender would write. Raises Refused for a column the stream lacks."""
    _refuse_unknown(rows, stream)
    return {name: [_plain(row.values.get(name)) for row in rows] for name in stream.columns}


async def _batch(house: House, qualified: str, part: _Part, sender: Sender) -> Batch:
    stream = house.city.streams[qualified]
    batch = await house.batch(qualified, read_columns(plain_columns(part.rows, stream), stream), sender)
    for dead in batch.dead:
        dead.row["line"] = part.rows[dead.index].line
    batch.dead += [
        DeadRow(
            len(part.rows) + index, Dead(wrong.code, wrong.sentence), {name: str(value) for name, value in wrong.fields.items()}
        )
        for index, wrong in enumerate(part.malformed)
    ]
    return batch


def _refuse_unknown(rows: Sequence[Observation], stream: Stream) -> None:
    for name in {name for row in rows for name in row.values}:
        if name not in stream.columns:
            raise Refused(f"The feed gives a column {name!r} that {stream.key} does not have.{nearest(name, stream.columns)}")


def _plain(value: Any) -> Any:
    """Return a feed's value as a sender would write it: times in milliseconds, numbers as float."""
    match value:
        case None | str() | bool():
            return value
        case dt.datetime() if value.tzinfo is not None:
            return (value - _EPOCH) // _MILLISECOND
        case dt.datetime():
            return value.isoformat()  # without an offset: the reader of times says what is missing
        case _:
            return float(value)


async def _write(house: House, qualified: str, batch: Batch, loaded: Loaded, room: asyncio.Semaphore) -> None:
    try:
        answer = msgspec.json.decode(await house.write(qualified, batch))
    finally:
        room.release()
    loaded.stored += answer["accepted"]
    loaded.flags.update(answer["flags"])
    for it in batch.dead:
        loaded.dead[it.dead.code] += 1
        loaded.example.setdefault(it.dead.code, it.dead.reason)
    loaded.hints += [hint for hint in answer.get("hints", []) if hint not in loaded.hints][:5]
