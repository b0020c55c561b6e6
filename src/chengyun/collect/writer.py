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
from dataclasses import dataclass
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

GROUP_ROWS = 25_000
"""Rows of one transaction, about; a larger group gains nothing and answers later."""
QUEUE_ROWS = 200_000
"""Rows that may wait; beyond it senders are asked to come back."""
QUEUE_BATCHES = 20_000
AWAY = "The database is away and this was not acknowledged. Send it again: what was kept all the same counts as repeated."
"""Also said when the connection is lost at the commit itself, when nobody can know whether the rows were kept."""
STOPPING = "The process is stopping. Send this again."

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[bytes]


class StreamWriter:
    """Takes batches of one stream and answers each when it is durable."""

    def __init__(
        self, mirror: Mirror, pool: AsyncConnectionPool[AsyncConnection[Any]], zone: ZoneInfo, watching: Watching
    ) -> None:
        self.mirror = mirror
        self.written = 0
        self._pool = pool
        self._judging = Judging(mirror, watching, zone)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._stopped = False

    @property
    def waiting_rows(self) -> int:
        return self._waiting_rows

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
        writing: asyncio.Task[None] | None = None
        written: list[_Waiting] = []
        group: list[_Waiting] = []
        try:
            while True:
                await self._wake.wait()
                group = self._take()
                if not group:
                    self._wake.clear()
                    continue
                verdict = await self._ahead(group, written)
                if writing is not None:
                    await writing
                    written = []
                    verdict = verdict or await self._ahead(group, written)
                writing, written = asyncio.create_task(self._write_in_turn(group, verdict)), group
                group = []
        finally:
            self._stopped = True
            if writing is not None:
                writing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await writing
            for waiting in (*written, *group, *self._waiting):
                _fail(waiting, Unavailable(STOPPING))

    async def refresh(self, next_seq: int) -> None:
        """Follow what another process wrote, as the books show it; nothing happens while a group of ours is under way."""
        if self._turn.locked() or self._waiting or self.mirror.next_seq == next_seq:
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

    async def _ahead(self, group: list[_Waiting], before: list[_Waiting]) -> Verdict | None:
        """Return the verdict on a group before its turn; None when it can only be judged in its transaction.

        before: the group being written.
        """
        batches = [it.batch for it in group]
        keys = {batch.key for batch in batches if batch.key}
        answered: dict[int, bytes] = {}
        if keys:
            if not keys.isdisjoint(it.batch.key for it in before):
                return None  # the answer that this request repeats is being written
            try:
                async with self._pool.connection() as conn:
                    answered = await replayed(conn, batches)
            except (psycopg.Error, PoolTimeout, Problem):
                return None  # it will be met again in the transaction, and told from there
        try:
            return await self._judging.ahead(batches, answered)
        except Exception:
            log.exception("%s: a group could not be judged ahead", self.mirror.table.qualified)
            return None

    async def _write_in_turn(self, group: list[_Waiting], verdict: Verdict | None) -> None:
        async with self._turn:
            await self._write_group(group, verdict)

    async def _write_group(self, group: list[_Waiting], verdict: Verdict | None = None) -> None:
        try:
            answers = await self._commit_again([it.batch for it in group], verdict)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, Unavailable) as away:
            sentence = away.sentence if isinstance(away, Unavailable) else AWAY
            for it in group:
                _fail(it, Unavailable(sentence))
        except Exception as wrong:
            if len(group) > 1:
                for it in group:
                    await self._write_group([it])
            else:
                _fail(group[0], self._refusal(wrong))
        else:
            for it, answer in zip(group, answers, strict=True):
                if not it.answer.done():
                    it.answer.set_result(answer)

    async def _commit_again(self, batches: list[Batch], verdict: Verdict | None) -> list[bytes]:
        try:
            return await self._commit(batches, verdict)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as lost:
            # The database chose us to give way; nothing was kept and nothing remembered, so the same may simply be done again.
            log.info("%s: a group is written again: %s", self.mirror.table.qualified, str(lost).partition("\n")[0])
            return await self._commit(batches, None)

    async def _commit(self, batches: list[Batch], verdict: Verdict | None) -> list[bytes]:
        try:
            async with self._pool.connection() as conn:
                verdict = await self._send(conn, batches, verdict)
        except BaseException:
            self._judging.fall_back()
            raise
        self._judging.settle(verdict)
        self.written += len(verdict.group)
        told = iter(verdict.answers)
        return [verdict.answered[i] if i in verdict.answered else next(told) for i in range(len(batches))]

    async def _send(self, conn: AsyncConnection[Any], batches: list[Batch], verdict: Verdict | None) -> Verdict:
        """Do everything of a group's transaction but the commit; return the verdict it was written by."""
        table = self.mirror.table
        stands = verdict is not None and self._judging.stands(verdict)
        answered = verdict.answered if verdict is not None and stands else await replayed(conn, batches)
        reserved = len(verdict.group) if verdict is not None and stands else 0
        chunk, seq_from = await hot.lock_stream(conn, table, reserved)
        if verdict is None or not stands or verdict.seq_from != seq_from:
            verdict = await self._judging.in_turn(conn, batches, answered, seq_from)
            if len(verdict.group) != reserved:
                await hot.take_seqs(conn, table, len(verdict.group) - reserved)
        if len(verdict.group):
            await hot.copy_in(conn, table, chunk, verdict.copied)
        async with conn.pipeline():
            moving = await hot.move_latest(conn, table, verdict.move) if verdict.move.entities else None
            await hot.touch(conn, table, verdict.days)
            await self._judging.watching.write(conn, verdict.noticed)
            await hot.write_receipts(conn, verdict.receipts)
            await write_dead_letters(conn, table.qualified, self.mirror.register, verdict.fresh, verdict.now)
        if moving is not None:
            await hot.add_latest(conn, table, verdict.move, moving.rowcount)
        return verdict


def _fail(waiting: _Waiting, wrong: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(wrong)
