# SPDX-License-Identifier: Apache-2.0
"""Everything the ingest process keeps while it runs: registers, mirrors, writers. No HTTP here: `chengyun load` uses it too."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from chengyun.access import tokens
from chengyun.city import City
from chengyun.collect.admission import Admission
from chengyun.collect.batch import Batch, Sender, body_digest, prepare
from chengyun.collect.decode import Decoded
from chengyun.collect.mirror import Mirror
from chengyun.collect.queue.rules import begin
from chengyun.collect.queue.settings import rules_apart
from chengyun.collect.registers import Register
from chengyun.collect.shedding import close_left_open, keep_episodes
from chengyun.collect.watching import Watching
from chengyun.collect.writer import StreamWriter
from chengyun.errors import NotFound, Unavailable, nearest
from chengyun.lake.tables import stream_table

__all__ = ["House", "Holder"]

CONNECTIONS = 6
"""To the database at most; the pool opens them as they are needed and closes those that are not."""
FOLLOW_EVERY_S = 0.5
"""How soon rows that another process wrote are seen in live updates and newest rows."""
KEEP_EVERY_S = 1.0
"""How soon it is written down that requests are turned away."""
TOKEN_KEPT_S = 5.0
"""How long a revoked token may still be used."""
UNKNOWN_KEPT_S = 2.0
"""How long a key that was not in the register is not asked for again."""

log = logging.getLogger(__name__)


class Holder:
    """Who holds a token, and what for."""

    __slots__ = ("actor", "scopes", "source")

    def __init__(self, actor: str, source: str, scopes: Sequence[str]) -> None:
        self.actor, self.source, self.scopes = actor, source, frozenset(scopes)


class House:
    """The streams of a city, ready to take observations."""

    def __init__(self, city: City, dsn: str, zone: ZoneInfo, secret: str, *, connections: int = CONNECTIONS) -> None:
        self.city = city
        self.dsn = dsn
        self._secret = secret
        self.pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            dsn, min_size=1, max_size=connections, open=False, timeout=5.0, reconnect_timeout=30.0
        )
        places = asyncio.Semaphore(connections // 2)
        tables = {key: stream_table(city, key) for key in city.streams}
        self.registers = {table.register: Register(table.register) for table in tables.values()}
        self.mirrors = {key: Mirror(city, table, self.registers[table.register]) for key, table in tables.items()}
        self.writers = {
            key: StreamWriter(mirror, self.pool, places, zone, Watching(city, key, zone)) for key, mirror in self.mirrors.items()
        }  # fmt: skip
        self.admission = Admission()
        self._changed: set[str] = set()
        self._heard = asyncio.Event()
        self._holders: tokens.Remembered[Holder] = tokens.Remembered(TOKEN_KEPT_S)
        self._unknown: dict[tuple[str, str], float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, *, guest: bool = False) -> None:
        """Connect, read registers and newest rows, start the writers.

        guest: beside a stream process, whose times of overload stay open.
        """
        await self.pool.open()
        with contextlib.suppress(psycopg.OperationalError):
            async with self.pool.connection() as conn:
                for register in self.registers.values():
                    await register.load(conn)
                if not guest:
                    await close_left_open(conn)
                if rules_apart():
                    for mirror in self.mirrors.values():
                        await begin(conn, mirror.table)
            await self.follow_once()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(writer.run()) for writer in self.writers.values()]
        self._tasks += [
            loop.create_task(self._follow()),
            loop.create_task(self._reload()),
            loop.create_task(self._keep_episodes()),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pool.close()

    def stream(self, qualified: str) -> StreamWriter:
        """Return a stream's writer. Raises NotFound naming the nearest stream."""
        if qualified not in self.writers:
            raise NotFound(f"There is no stream {qualified[:80]!r}.{nearest(qualified[:80], self.writers)}")
        return self.writers[qualified]

    async def holder(self, raw: str) -> Holder | None:
        """Return who holds a token; None when it is unknown, expired or revoked."""
        now, digest = time.monotonic(), tokens.digest(raw)
        known, found = self._holders.get(digest, now)
        if known:
            return found
        purpose = tokens.verify_internal(self._secret, raw)
        if purpose is not None:
            # "ingest:*@counts": what one of our own processes sends for a source named after the @.
            scope, _, source = purpose.partition("@")
            found = Holder(f"source:{source}" if source else f"internal:{scope}", source or scope, [scope])
        else:
            async with self.pool.connection() as conn:
                row = await (await conn.execute(tokens.FIND, [digest])).fetchone()
            found = Holder(_actor(row[0], row[1]), raw[:9], row[2]) if row else None
        self._holders.keep(digest, found, now)
        return found

    async def batch(self, stream: str, decoded: Decoded, sender: Sender, *, key: str | None = None, body: bytes = b"") -> Batch:
        """Return a decoded body as a batch: entities found, in the database too when they are new."""
        mirror = self.mirrors[stream]
        register = mirror.register
        slots = register.find(decoded.keys)
        if len(slots) and slots.min() < 0:
            await self._look_up(register, {decoded.keys[i] for i in (slots < 0).nonzero()[0].tolist()})
            slots = register.find(decoded.keys)
        batch = prepare(decoded, slots, register.slots, mirror.stream, sender, dt.datetime.now(dt.UTC))
        if key is not None:
            # The sender's own: two senders may choose the same key, and neither must see the other's answer.
            batch.key = f"{stream}/{sender.actor}/{key}"
            batch.digest = body_digest(body)
        return batch

    async def write(self, stream: str, batch: Batch) -> bytes:
        """Return the answer to a batch once it is committed; see StreamWriter.write."""
        return await self.writers[stream].write(batch)

    async def follow_once(self) -> None:
        """Read what other processes wrote since the last time."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT stream, next_seq FROM lake_stream")
            books = {str(stream): int(next_seq) for stream, next_seq in await cursor.fetchall()}
        for stream, writer in self.writers.items():
            if stream in books:
                await writer.refresh(books[stream])

    def register_changed(self, table: str) -> None:
        """Read a register again soon; "" is every one."""
        self._changed |= {table} & self.registers.keys() if table else self.registers.keys()
        self._heard.set()

    def rules_changed(self) -> None:
        """Judge by rules read anew from the next group on."""
        for writer in self.writers.values():
            writer.rules_changed()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            try:
                await self.follow_once()
            except (psycopg.Error, Unavailable, TimeoutError):
                continue  # the writers say that the database is away; this only follows

    async def _reload(self) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            changed, self._changed = self._changed, set()
            try:
                async with self.pool.connection() as conn:
                    for table in sorted(changed):
                        await self.registers[table].load(conn)
            except (psycopg.Error, TimeoutError):
                log.warning("the registers could not be read again; unknown keys are still looked up one by one")

    async def _keep_episodes(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            going_on = self.admission.episodes(dt.datetime.now(dt.UTC))
            ended = self.admission.take_ended()
            if not (going_on or ended):
                continue
            try:
                async with self.pool.connection() as conn:
                    await keep_episodes(conn, [*ended, *going_on])
            except (psycopg.Error, TimeoutError):
                self.admission.give_back(ended)  # overload and a slow database come together; told as soon as it answers

    async def _look_up(self, register: Register, keys: set[str]) -> None:
        now = time.monotonic()
        asked = [
            key for key in keys if "\x00" not in key and len(key) <= 64 and self._unknown.get((register.table, key), 0) < now
        ]
        if not asked:
            return
        async with self.pool.connection() as conn:
            await register.load(conn, asked)
        if len(self._unknown) > 100_000:
            self._unknown.clear()
        self._unknown |= {(register.table, key): now + UNKNOWN_KEPT_S for key in asked if key not in register.slots}


def _actor(account: int | None, organisation: str | None) -> str:
    return ":".join(part for part in ("account", str(account) if account else "-", organisation) if part)
