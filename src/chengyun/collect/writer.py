# SPDX-License-Identifier: Apache-2.0
"""The one writer of a stream in this process: whatever waits becomes one transaction, then everyone is answered.

    this process   wait ─▶ take all that waits ─▶ judge: flags, rules, bytes to send ──┐   ┌─▶ memory moves on ─▶ answers
    the database                             lock the stream ─▶ rows ─▶ newest rows, days, alerts, receipts ─▶ commit

Two groups are under way: while the database works on one, the next is judged, as if the one before it were committed. When
it was not, or somebody else wrote in between, the next is judged again, inside its own transaction. Nothing is answered
before the commit, and what readers see moves only after it. A batch the database refuses by itself does not take its
neighbours with it: the group is then written one batch at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chengyun.collect.batch import Batch
from chengyun.collect.dead import write_dead_letters
from chengyun.collect.judging import Judging, Verdict, replayed
from chengyun.collect.mirror import Mirror
from chengyun.collect.watching import Watching
from chengyun.errors import Malformed, Problem, Unavailable
from chengyun.lake import hot

__all__ = ["AWAY", "StreamWriter"]

GROUP_ROWS = 8_000
"""Rows of one transaction, about; a larger group gains nothing and answers later."""
QUEUE_ROWS = 1_000_000
"""Rows that may wait; beyond it senders are asked to come back."""
QUEUE_BATCHES = 20_000
DEEP = 2
"""Groups under way: one in its turn, one whose rows are on their way."""
AWAY = "The database is away and this was not acknowledged. Send it again: what was kept all the same counts as repeated."
"""Also said when the connection is lost at the commit itself, when nobody can know whether the rows were kept."""
STOPPING = "The process is stopping. Send this again."

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[bytes]


@dataclass(slots=True)
class _UnderWay:
    """A group being written. handed_over: everything but its commit has been sent, or it is done."""

    waiting: list[_Waiting]
    verdict: Verdict | None
    before: asyncio.Task[None] | None
    handed_over: asyncio.Event = field(default_factory=asyncio.Event)


class StreamWriter:
    """Takes batches of one stream and answers each when it is durable.

    places: for groups whose rows are sent before their turn, of all writers on one pool; fewer than its connections.
    """

    def __init__(
        self,
        mirror: Mirror,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        places: asyncio.Semaphore,
        zone: ZoneInfo,
        watching: Watching,
    ) -> None:
        self.mirror = mirror
        self.written = 0
        self._pool, self._places = pool, places
        self._chunk: int | None = None
        self._under_way: dict[asyncio.Task[None], _UnderWay] = {}
        self._judging = Judging(mirror, watching, zone)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._stopped = False

    @property
    def waiting_rows(self) -> int:
        return self._waiting_rows

    def rules_changed(self) -> None:
        """Judge the next group by rules read anew."""
        self._judging.watching.forget()

    async def write(self, batch: Batch) -> bytes:
        """Return the answer to a batch once it is committed.

        Raises Unavailable when too much waits or the database is away, Refused or Malformed when it cannot be taken.
        """
        if self._stopped:
            raise Unavailable(STOPPING)
        if self._waiting_rows + len(batch) > QUEUE_ROWS or len(self._waiting) >= QUEUE_BATCHES:
            raise Unavailable("More observations wait than can be written now. Send this again in a moment.", code="busy")
        waiting = _Waiting(batch, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_rows += len(batch)
        self._wake.set()
        return await waiting.answer

    async def run(self) -> None:
        """Write until cancelled."""
        group: list[_Waiting] = []
        try:
            while True:
                await self._wake.wait()
                group = self._take()
                if not group:
                    self._wake.clear()
                    continue
                verdict = await self._ahead(group)
                if verdict is None and self._under_way:
                    await asyncio.wait(self._under_way)
                    verdict = await self._ahead(group)
                self._begin(_UnderWay(group, verdict, next(reversed(self._under_way), None)))
                group = []
                if len(self._under_way) == DEEP:
                    await asyncio.wait([next(iter(self._under_way))])
                    for one in list(self._under_way.values()):
                        await one.handed_over.wait()  # while this thread judges, the database has something to do
        except Exception:
            log.exception("%s: the writer has ended", self.mirror.table.qualified)
            raise
        finally:
            self._stopped = True
            left = [it for one in self._under_way.values() for it in one.waiting]
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            for waiting in (*left, *group, *self._waiting):
                _fail(waiting, Unavailable(STOPPING))

    async def refresh(self, next_seq: int) -> None:
        """Follow what another process wrote, as the books show it; nothing happens while a group of ours is under way."""
        if self._under_way or self._turn.locked() or self._waiting or self.mirror.next_seq == next_seq:
            return
        async with self._turn, self._pool.connection() as conn:
            await self._judging.follow(conn, next_seq)

    def _refusal(self, wrong: Exception) -> Exception:
        """Return what a sender is told of a batch that failed alone. Our own bug is logged, and the writer goes on."""
        match wrong:
            case Problem():
                return wrong
            case psycopg.errors.UniqueViolation():
                return Unavailable("Another request with this Idempotency-Key is being written. Send this again.")
            case psycopg.DataError() | psycopg.IntegrityError():
                log.warning("%s: the database refused a batch: %s", self.mirror.table.qualified, str(wrong).partition("\n")[0])
                return Malformed(
                    "The database refused the values of this request; none of it was kept.", code="refused_values", status=422
                )
            case _:
                log.error("%s: a batch could not be written", self.mirror.table.qualified, exc_info=wrong)
                return wrong

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        while self._waiting and (not group or rows + len(self._waiting[0].batch) <= GROUP_ROWS):
            waiting = self._waiting.popleft()
            self._waiting_rows -= len(waiting.batch)
            if waiting.answer.done():
                continue  # its sender has given up, so nobody would hear that it was kept
            group.append(waiting)
            rows += len(waiting.batch)
        # Batches of one sender stand together, so that one receipt can speak for them.
        group.sort(key=lambda it: (it.batch.sender.actor, it.batch.sender.source, it.batch.sender.simulated))
        return group

    async def _ahead(self, group: list[_Waiting]) -> Verdict | None:
        """Return the verdict on a group before its turn; None when it can only be judged in its transaction."""
        batches = [it.batch for it in group]
        keys = {batch.key for batch in batches if batch.key}
        answered: dict[int, bytes] = {}
        if keys:
            if not keys.isdisjoint(it.batch.key for one in self._under_way.values() for it in one.waiting):
                return None  # the answer that this request repeats is being written
            try:
                async with self._pool.connection() as conn:
                    answered = await replayed(conn, batches)
            except (psycopg.Error, PoolTimeout, Problem):
                return None  # it will be met again in the transaction, and told from there
        try:
            return await self._judging.ahead(batches, answered)
        except Exception:
            self._judging.fall_back()
            return None  # the same

    def _begin(self, one: _UnderWay) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            one.handed_over.set()
            del self._under_way[task]

        task = asyncio.create_task(self._write_group(one))
        self._under_way[task] = one
        task.add_done_callback(ended)

    async def _write_group(self, one: _UnderWay) -> None:
        """Write a group and answer it."""
        try:
            if one.verdict is not None and await self._commit_ahead(one, one.verdict):
                _tell(one.waiting, one.verdict)
                return
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as lost:
            # The database chose us to give way; nothing was kept and nothing remembered, so it is done again, in turn.
            log.info("%s: a group is written again: %s", self.mirror.table.qualified, str(lost).partition("\n")[0])
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
            _fail_all(one.waiting, Unavailable(AWAY))
            return
        except Exception as wrong:  # met again in turn, and told from there
            log.info("%s: a group is written in turn: %s", self.mirror.table.qualified, str(wrong).partition("\n")[0])
        if one.before is not None:
            await asyncio.wait([one.before])
        async with self._turn:
            await self._write_in_turn(one.waiting)

    async def _commit_ahead(self, one: _UnderWay, verdict: Verdict) -> bool:
        """Send a group's rows while the group before it is being written, the rest in its turn; return whether it is committed.

        It is not when the verdict does not stand, or another process has written to the stream or closed its chunk.
        """
        table, judging = self.mirror.table, self._judging
        if self._chunk is None:
            return False
        opened = hot.Open(self._chunk, verdict.seq_from)
        try:
            async with contextlib.AsyncExitStack() as place:
                # Places are fewer than connections: those that wait for others must not hold all of them.
                await place.enter_async_context(self._places)
                if not judging.stands(verdict):
                    return False
                async with self._pool.connection() as conn:
                    if len(verdict.group):
                        await hot.copy_in(conn, table, opened.chunk, verdict.copied)
                    if one.before is not None:
                        await asyncio.wait([one.before])
                    await place.aclose()
                    async with self._turn:
                        if not judging.stands(verdict) or await self._send(conn, verdict, one.handed_over) != opened:
                            await conn.rollback()
                            return False
                        await conn.commit()
                        self._settle(verdict)
                        return True
        finally:
            if judging.stands(verdict) and self.mirror.next_seq != verdict.seq_from + len(verdict.group):
                judging.fall_back()

    async def _write_in_turn(self, group: list[_Waiting]) -> None:
        """Judge a group inside its transaction and write it; batch by batch when it cannot be written as one."""
        try:
            verdict = await self._commit_again([it.batch for it in group])
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, Unavailable) as away:
            sentence = away.sentence if isinstance(away, Unavailable) else AWAY
            _fail_all(group, Unavailable(sentence))
        except Exception as wrong:
            if len(group) > 1:
                for it in group:
                    await self._write_in_turn([it])
            else:
                _fail(group[0], self._refusal(wrong))
        else:
            _tell(group, verdict)

    async def _commit_again(self, batches: list[Batch]) -> Verdict:
        try:
            return await self._commit(batches)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as lost:
            log.info("%s: a group is written again: %s", self.mirror.table.qualified, str(lost).partition("\n")[0])
            return await self._commit(batches)

    async def _commit(self, batches: list[Batch]) -> Verdict:
        table = self.mirror.table
        try:
            async with self._pool.connection() as conn:
                answered = await replayed(conn, batches)
                chunk, seq_from = await hot.lock_stream(conn, table)
                verdict = await self._judging.in_turn(conn, batches, answered, seq_from)
                if len(verdict.group):
                    await hot.copy_in(conn, table, chunk, verdict.copied)
                await self._send(conn, verdict)
        except BaseException:
            self._judging.fall_back()
            raise
        self._chunk = chunk
        self._settle(verdict)
        return verdict

    async def _send(self, conn: AsyncConnection[Any], verdict: Verdict, handed_over: asyncio.Event | None = None) -> hot.Open:
        """Do the rest of a group's transaction, whose rows are sent; return the chunk and the seq the stream was at."""
        table, move = self.mirror.table, verdict.move
        async with conn.pipeline():
            locking = await hot.ask_for_lock(conn, table, len(verdict.group))
            moving = await hot.move_latest(conn, table, move) if move.entities else None
            await hot.touch(conn, table, verdict.days)
            await self._judging.watching.write(conn, verdict.noticed)
            await hot.write_receipts(conn, verdict.receipts)
            await write_dead_letters(conn, table.qualified, self.mirror.register, verdict.fresh, verdict.now)
            if handed_over is not None:
                handed_over.set()
        if moving is not None:
            await hot.add_latest(conn, table, move, moving.rowcount)
        return await hot.locked(locking, table)

    def _settle(self, verdict: Verdict) -> None:
        self._judging.settle(verdict)
        self.written += len(verdict.group)


def _tell(group: list[_Waiting], verdict: Verdict) -> None:
    told = iter(verdict.answers)
    for i, it in enumerate(group):
        answer = verdict.answered[i] if i in verdict.answered else next(told)
        if not it.answer.done():
            it.answer.set_result(answer)


def _fail(waiting: _Waiting, wrong: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(wrong)


def _fail_all(group: list[_Waiting], wrong: Exception) -> None:
    for waiting in group:
        _fail(waiting, wrong)
