# SPDX-License-Identifier: Apache-2.0
"""A collector: takes streams that no other collector has, and writes their bodies in the order of the queue.

    lock a stream ─▶ read on from its mark ─▶ a window of bodies ─▶ written, each under its key ─▶ the mark moves
    the locks' connection, the queue or the process is lost ─▶ another collector reads on from the mark

The mark may lag behind: bodies written twice are known by their keys (lake_receipt), in the transaction of their rows. So a
collector that is slow to notice that its stream is no longer its own does no harm.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import zstandard
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from chengyun.collect.batch import Sender
from chengyun.collect.decode import read_body
from chengyun.collect.encodings import LARGEST_BODY, decompress
from chengyun.collect.house import House
from chengyun.collect.queue.jet import Jet, Queued
from chengyun.errors import Problem, Unavailable

__all__ = ["Drain"]

WINDOW_BODIES = 64
WINDOW_BYTES = 32 * 1024 * 1024
"""Of bodies as queued; a window is written together."""
LOOK_EVERY_S = 1.0
"""How often a stream that another collector has is asked for again."""
MARK_EVERY_S = 1.0
FORGET_EVERY_S = 10.0
AGAIN_AFTER_S = 0.5
IDLE_AFTER_S = 20.0
OURS, PRESENT = 0x71756575, 0x71757072
"""Of the advisory locks ("queu", "qupr" in ASCII): seed of the streams' keys, and the key every collector shares."""
ATTEMPTS = 5
"""How often a body that fails for no reason of its own is tried before it is set aside."""

_ASTRAY = """
INSERT INTO collect_deadletter (stream, received_at, actor, source, simulated, area_code, code, reason, row, state, note)
VALUES (%s, now(), %s, %s, %s, '', %s, %s, jsonb_build_object('queue_place', %s::int8, 'file', %s::text), 'waiting', '')
"""
_MARK = """
INSERT INTO queue_mark (stream, place, moved_at) VALUES (%s, %s, now())
ON CONFLICT (stream) DO UPDATE SET place = excluded.place, moved_at = excluded.moved_at WHERE queue_mark.place < excluded.place
"""
_COLLECTORS = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s::int8::oid AND objid = 0 AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_TROUBLE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError)

log = logging.getLogger(__name__)


class Drain:
    """Writes what is queued. aside: folder where bodies that cannot be written are kept whole."""

    def __init__(self, house: House, jet: Jet, aside: Path) -> None:
        self._house, self._jet, self._aside = house, jet, aside
        self._owned: dict[str, asyncio.Task[None]] = {}
        self.written = 0

    async def run(self) -> None:
        """Work until cancelled. One connection holds the locks of all our streams: what ends it ends our right to them."""
        while True:
            try:
                async with await AsyncConnection.connect(self._house.dsn, autocommit=True, connect_timeout=5) as locks:
                    await locks.execute("SELECT pg_advisory_lock_shared(%s, 0)", [PRESENT])
                    while True:
                        await self._share_out(locks)
                        await asyncio.sleep(LOOK_EVERY_S)
            except (Unavailable, *_TROUBLE) as away:
                log.info("begun again: %s", str(away).partition("\n")[0])
            finally:
                for stream in list(self._owned):
                    await self._end(stream)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _share_out(self, locks: AsyncConnection) -> None:
        """Take streams that have something queued and no collector, up to our share of them; give back what is beyond it."""
        for stream, task in list(self._owned.items()):
            if task.done():
                await self._end(stream)
                await self._unlock(locks, stream)
        waiting = await self._jet.waiting()
        active = [stream for stream, count in sorted(waiting.items()) if count and stream in self._house.writers]
        row = await (await locks.execute(_COLLECTORS, [PRESENT])).fetchone()
        share = math.ceil(len(active) / max(int(row[0]) if row else 1, 1))
        for stream in list(self._owned)[share:] if active else []:
            await self._end(stream)
            await self._unlock(locks, stream)
        for stream in active:
            if len(self._owned) >= share:
                break
            if stream not in self._owned:
                asked = await locks.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", [stream, OURS])
                taken = await asked.fetchone()
                if taken and taken[0]:
                    self._owned[stream] = asyncio.create_task(self._drain(stream, locks))

    async def _unlock(self, locks: AsyncConnection, stream: str) -> None:
        await locks.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", [stream, OURS])

    async def _end(self, stream: str) -> None:
        task = self._owned.pop(stream)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        except (Unavailable, *_TROUBLE) as away:
            log.info("%s: %s", stream, str(away).partition("\n")[0])
        except Exception:
            log.exception("%s: ended", stream)

    async def _drain(self, stream: str, locks: AsyncConnection) -> None:
        """Write a stream's bodies; return when none came for a while."""
        async with self._house.pool.connection() as conn:
            row = await (await conn.execute("SELECT place FROM queue_mark WHERE stream = %s", [stream])).fetchone()
        reached = marked = int(row[0]) if row else 0
        mark_at = forget_at = busy_at = time.monotonic()
        async with self._jet.reading(stream, reached) as reader:
            while True:
                bodies = await reader.next(WINDOW_BODIES, within_s=1.0)
                await locks.execute("SELECT 1")  # raises when the stream may no longer be ours
                for window in _windows(bodies):
                    await self._write(stream, window)
                    reached = window[-1].place
                now = time.monotonic()
                if bodies:
                    busy_at = now
                if reached > marked and (now >= mark_at or not bodies):
                    async with self._house.pool.connection() as conn:
                        await conn.execute(_MARK, [stream, reached])
                    marked, mark_at = reached, now + MARK_EVERY_S
                if marked and now >= forget_at:
                    await self._jet.forget(stream, marked)
                    forget_at = now + FORGET_EVERY_S
                if now - busy_at > IDLE_AFTER_S and reached == marked:
                    await self._jet.forget(stream, marked)
                    return

    async def _write(self, stream: str, window: Sequence[Queued]) -> None:
        """Write a window; return when all of it is durable.

        Bodies behind one that has to be tried again are written again after it, as new versions, so that the last word on an
        observation is the one that was sent last.
        """
        again = ""
        while True:
            outcomes = await asyncio.gather(
                *[self._write_one(stream, queued, again) for queued in window], return_exceptions=True
            )
            failed = next((i for i, it in enumerate(outcomes) if isinstance(it, BaseException)), None)
            if failed is None:
                return
            wrong = outcomes[failed]
            if not isinstance(wrong, Unavailable | psycopg.Error | PoolTimeout | TimeoutError):
                assert isinstance(wrong, BaseException)
                raise wrong
            log.info("%s: %s of %s bodies wait for the database: %s", stream, len(window) - failed, len(window), wrong)
            later = any(not isinstance(it, BaseException) for it in outcomes[failed + 1 :])
            window = window[failed:]
            if later:
                again = f"+{dt.datetime.now(dt.UTC):%H%M%S%f}"
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _write_one(self, stream: str, queued: Queued, again: str) -> None:
        told = queued.headers
        sender = Sender(told.get("actor", ""), told.get("source", ""), told.get("simulated") == "1")
        key = told.get("key") or f"queue-{queued.place}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                body = decompress(queued.body, "zstd", LARGEST_BODY)
                decoded = read_body(body, self._house.city.streams[stream])
                batch = await self._house.batch(stream, decoded, sender, key=f"{key}{again}", body=body)
                await self._house.write(stream, batch)
            except (Unavailable, *_TROUBLE):
                raise
            except Problem as problem:
                if problem.code == "idempotency_key_in_use":  # its twin is in this very window
                    await asyncio.sleep(AGAIN_AFTER_S)
                    continue
                if problem.code != "idempotency_key_reused" or not told.get("key"):
                    await self._set_aside(stream, queued, sender, problem.code, problem.sentence)
                    return
                # The sender used one key for two bodies and was told 202 for both: both are kept.
                key = f"queue-{queued.place}"
                continue
            except Exception as wrong:
                log.exception("%s: body %s could not be written", stream, queued.place)
                if attempt == ATTEMPTS:
                    await self._set_aside(stream, queued, sender, "bug", f"{type(wrong).__name__}: {wrong}"[:500])
                    return
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            self.written += 1
            return
        raise Unavailable(f"Body {queued.place} of {stream} was not written in {ATTEMPTS} attempts.")

    async def _set_aside(self, stream: str, queued: Queued, sender: Sender, code: str, reason: str) -> None:
        """Keep a body that cannot be written: whole in a file, and as a dead letter that names it."""
        self._aside.mkdir(parents=True, exist_ok=True)
        file = self._aside / f"{stream}-{queued.place}.zst"
        with open(file, "wb") as out:
            out.write(queued.body)
            out.flush()
            os.fsync(out.fileno())
        async with self._house.pool.connection() as conn:
            known = await conn.execute(
                "SELECT 1 FROM collect_deadletter WHERE stream = %s AND row->>'queue_place' = %s", [stream, str(queued.place)]
            )
            if await known.fetchone() is None:
                values = [stream, sender.actor, sender.source, sender.simulated, code, reason.replace("\x00", "\ufffd")]
                await conn.execute(_ASTRAY, [*values, queued.place, file.name])


def _windows(bodies: Sequence[Queued]) -> list[list[Queued]]:
    """Return the bodies in order, so many together as fit into memory once they are opened."""
    windows: list[list[Queued]] = []
    size = WINDOW_BYTES + 1
    for body in bodies:
        opened = zstandard.frame_content_size(body.body)
        opened = opened if 0 < opened < LARGEST_BODY else LARGEST_BODY
        if size + opened > WINDOW_BYTES:
            windows.append([])
            size = 0
        windows[-1].append(body)
        size += opened
    return windows
