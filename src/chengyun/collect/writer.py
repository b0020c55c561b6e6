# SPDX-License-Identifier: Apache-2.0
"""The one writer of a stream in this process: whatever waits becomes one transaction, then everyone is answered.

    wait ─▶ take all that waits ─▶ lock the stream ─▶ flags ─▶ rows ─▶ newest rows ─▶ days ─▶ rules ─▶ receipts,
    dead letters ─▶ commit ─▶ memory moves on ─▶ answers

Nothing is answered before the commit, and the memory moves only after it. A batch the database refuses by itself does
not take its neighbours with it: the group is then written one batch at a time.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chengyun.collect import flags
from chengyun.collect.batch import Batch, unit_hints
from chengyun.collect.dead import write_dead_letters
from chengyun.collect.mirror import Mirror
from chengyun.collect.watching import Watching
from chengyun.errors import Malformed, Problem, Refused, Unavailable
from chengyun.lake import hot
from chengyun.lake.rows import Flag, Int64s, Rows

__all__ = ["AWAY", "StreamWriter"]

GROUP_ROWS = 25_000
"""Rows of one transaction, about; a larger group gains nothing and answers later."""
QUEUE_ROWS = 200_000
"""Rows that may wait; beyond it senders are asked to come back."""
QUEUE_BATCHES = 20_000
AWAY = "The database is away and this was not acknowledged. Send it again: what was kept all the same counts as repeated."
"""Also said when the connection is lost at the commit itself, when nobody can know whether the rows were kept."""
STOPPING = "The process is stopping. Send this again."
MOST_DEAD_TOLD = 1_000
"""Dead rows an answer lists; all are kept and counted."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[bytes]


@dataclass(slots=True)
class _Group:
    """Batches of one transaction joined: rows of batch i are bounds[i] to bounds[i + 1]."""

    batches: list[Batch]
    ended: list[list[str]]
    bounds: list[int]
    slot: NDArray[np.intp]
    time: Int64s
    values: NDArray[np.float64]
    words: dict[str, NDArray[np.object_]]
    simulated: NDArray[np.bool_]
    first_real: NDArray[np.intp]


class StreamWriter:
    """Takes batches of one stream and answers each when it is durable."""

    def __init__(
        self, mirror: Mirror, pool: AsyncConnectionPool[AsyncConnection[Any]], zone: ZoneInfo, watching: Watching
    ) -> None:
        self.mirror = mirror
        self.written = 0
        self._pool = pool
        self._zone = zone
        self._watching = watching
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
        group: list[_Waiting] = []
        try:
            while True:
                await self._wake.wait()
                group = self._take()
                if not group:
                    self._wake.clear()
                    continue
                async with self._turn:
                    await self._write_group(group)
        finally:
            self._stopped = True
            for waiting in (*group, *self._waiting):
                _fail(waiting, Unavailable(STOPPING))

    async def refresh(self, next_seq: int) -> None:
        """Follow what another process wrote, as the books show it; nothing happens while a group of ours is under way."""
        if self._turn.locked() or self._waiting or self.mirror.next_seq == next_seq:
            return
        async with self._turn, self._pool.connection() as conn:
            if self._watching.next_seq is None:
                # Later only when a group of ours comes: who follows a load would read every open condition twice a second.
                await self._watching.restore(conn, next_seq)
            if self.mirror.next_seq != next_seq:
                await self.mirror.refresh(conn, next_seq)

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

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            answers = await self._commit_again([it.batch for it in group])
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

    async def _commit_again(self, batches: list[Batch]) -> list[bytes]:
        try:
            return await self._commit(batches)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as lost:
            # The database chose us to give way; nothing was kept and nothing remembered, so the same may simply be done again.
            log.info("%s: a group is written again: %s", self.mirror.table.qualified, str(lost).partition("\n")[0])
            return await self._commit(batches)

    async def _commit(self, batches: list[Batch]) -> list[bytes]:
        mirror, table = self.mirror, self.mirror.table
        now = dt.datetime.now(dt.UTC)
        async with self._pool.connection() as conn:
            replayed = await _replayed(conn, batches)
            fresh = [batch for i, batch in enumerate(batches) if i not in replayed]
            group = self._join(fresh)
            count = len(group.slot)
            chunk, seq_from = await hot.lock_stream(conn, table, count)
            if self._watching.next_seq != seq_from:
                await self._watching.restore(conn, seq_from)
            if mirror.next_seq != seq_from:
                await mirror.refresh(conn, seq_from)
            mirror.make_room()
            if len(group.first_real):
                await self._end_simulation(conn, group.first_real)
            judged = flags.judge(mirror.watch, mirror.memory, group.slot, group.time, group.values, group.words, group.simulated)
            rows = self._rows(group, judged.quality)
            if count:
                await hot.append(conn, table, rows, seq_from, chunk)
                await hot.keep_latest(conn, table, rows, seq_from, newest=judged.newest, runs=judged.newest_runs)
                await hot.touch(conn, table, self._days(group.time))
            answers = self._answers(group, judged.quality, seq_from)
            noticed = await self._watching.watch(conn, rows, mirror.register.by_id, now, seq_from)
            await hot.write_receipts(conn, _receipts(table.qualified, group, answers, seq_from, now))
            await write_dead_letters(conn, table.qualified, mirror.register, fresh, now)
        mirror.moved.update(
            flags.advance(mirror.memory, judged, group.slot, group.time, group.values, group.words, seq_from).tolist()
        )  # fmt: skip
        mirror.next_seq = seq_from + count
        if len(group.first_real):
            mirror.register.ended(group.first_real)
        self._watching.settle(noticed, mirror.next_seq)
        self.written += count
        told = iter(answers)
        return [replayed[i] if i in replayed else next(told) for i in range(len(batches))]

    def _join(self, batches: list[Batch]) -> _Group:
        simulated_now = self.mirror.register.simulated
        real = [batch.slot for batch in batches if not batch.sender.simulated and len(batch)]
        real_slots = np.unique(np.concatenate(real)) if real and simulated_now.any() else np.zeros(0, dtype=np.intp)
        first_real = real_slots[simulated_now[real_slots]]
        ended: list[list[str]] = []
        kept: list[Batch] = []
        for batch in batches:
            if batch.sender.simulated and len(batch):
                batch, refused = self._without_real(batch, first_real)
            else:
                refused = []
            kept.append(batch)
            ended.append(refused)
        bounds = np.cumsum([0, *(len(batch) for batch in kept)]).tolist()
        if len(kept) == 1:
            one = kept[0]
            simulated = np.full(len(one), one.sender.simulated)
            return _Group(kept, ended, bounds, one.slot, one.time, one.values, one.words, simulated, first_real)
        quantities, words = self.mirror.table.quantities, self.mirror.table.words
        return _Group(
            kept,
            ended,
            bounds,
            np.concatenate([np.zeros(0, dtype=np.intp), *(batch.slot for batch in kept)]),
            np.concatenate([np.zeros(0, dtype=np.int64), *(batch.time for batch in kept)]),
            np.concatenate([np.zeros((len(quantities), 0)), *(batch.values for batch in kept)], axis=1),
            {key: np.concatenate([np.zeros(0, dtype=np.object_), *(batch.words[key] for batch in kept)]) for key in words},
            np.repeat([batch.sender.simulated for batch in kept], [len(batch) for batch in kept]),
            first_real,
        )

    def _without_real(self, batch: Batch, first_real: NDArray[np.intp]) -> tuple[Batch, list[str]]:
        """Return the rows of a simulated batch whose entity is not real, and the keys of those that are."""
        register = self.mirror.register
        real = ~register.simulated[batch.slot] | np.isin(batch.slot, first_real)
        if not real.any():
            return batch, []
        rest = Batch(
            batch.sender,
            batch.slot[~real],
            batch.time[~real],
            batch.values[:, ~real],
            {key: column[~real] for key, column in batch.words.items()},
            batch.dead,
            batch.key,
            batch.digest,
        )
        return rest, sorted({register.keys[slot] for slot in batch.slot[real].tolist()})

    async def _end_simulation(self, conn: AsyncConnection[Any], slots: NDArray[np.intp]) -> None:
        """Clear what was simulated from the newest rows: a real reading counts even when it is older."""
        mirror = self.mirror
        await mirror.register.end_simulation(conn, slots)
        held = slots[(mirror.memory.quality[slots] & int(Flag.SIMULATED)) != 0]
        if len(held):
            query = psycopg.sql.SQL("DELETE FROM {latest} WHERE entity_id = ANY(%s) AND quality & %s <> 0").format(
                latest=psycopg.sql.Identifier(*mirror.table.latest.split("."))
            )
            await conn.execute(query, [mirror.register.ids[held].tolist(), int(Flag.SIMULATED)])
            # Before the commit, because the rows are judged against it; should that fail, everything is read anew.
            mirror.memory.forget(held)
            mirror.next_seq = None

    def _rows(self, group: _Group, quality: Int64s) -> Rows:
        table = self.mirror.table
        numbers = dict(zip(table.quantities, group.values, strict=True))
        words = {key: column.tolist() for key, column in group.words.items()}
        return Rows(self.mirror.register.ids[group.slot], group.time, quality, numbers, words)

    def _days(self, time: Int64s) -> list[dt.date]:
        # No zone's day begins inside a quarter of an hour (IANA tz: offsets since 1972 are whole quarters).
        def day(quarter: int) -> dt.date:
            return dt.datetime.fromtimestamp(quarter * 900, self._zone).date()

        first, last = int(time.min()) // 900_000_000, int(time.max()) // 900_000_000
        if day(first) == day(last):
            return [day(first)]
        return sorted({day(quarter) for quarter in np.unique(time // 900_000_000).tolist()})

    def _answers(self, group: _Group, quality: Int64s, seq_from: int) -> list[bytes]:
        answers = []
        for batch, ended, start, end in zip(group.batches, group.ended, group.bounds, group.bounds[1:], strict=False):
            counts = flags.count_flags(quality[start:end])
            answer: dict[str, Any] = {
                "accepted": end - start,
                "dead": [
                    {"index": it.index, "code": it.dead.code, "reason": it.dead.reason} for it in batch.dead[:MOST_DEAD_TOLD]
                ],
                "flags": counts,
                "seq": [seq_from + start, seq_from + end - 1] if end > start else None,
            }
            if len(batch.dead) > MOST_DEAD_TOLD:
                answer["dead_total"] = len(batch.dead)
            if ended:
                answer["ended"] = ended
            if "range" in counts and (hints := unit_hints(self.mirror.stream, batch.values)):
                answer["hints"] = hints
            if batch.key:
                answer["digest"] = batch.digest
            answers.append(msgspec.json.encode(answer))
        return answers


async def _replayed(conn: AsyncConnection[Any], batches: list[Batch]) -> dict[int, bytes]:
    """Return the answers already given, by position. Raises Refused when a key comes back with another body."""
    keys = [batch.key for batch in batches if batch.key]
    if not keys:
        return {}
    if len(set(keys)) < len(keys):
        raise Refused("Two requests under way carry the same Idempotency-Key.", code="idempotency_key_in_use", status=409)
    given = await hot.find_responses(conn, keys)
    found = {i: given[batch.key] for i, batch in enumerate(batches) if batch.key in given}
    for i, answer in found.items():
        if msgspec.json.decode(answer).get("digest") != batches[i].digest:
            raise Refused(
                "This Idempotency-Key was used for another body. Use a new key for new observations.",
                code="idempotency_key_reused",
                status=422,
            )
    return found


def _receipts(stream: str, group: _Group, answers: Sequence[bytes], seq_from: int, now: dt.datetime) -> list[hot.Receipt]:
    """Return one receipt per request with a key, and one per run of requests of one sender without."""
    receipts: list[hot.Receipt] = []
    open_for: tuple[str, str] | None = None
    accepted: list[int] = []
    for i, batch in enumerate(group.batches):
        who = (batch.sender.actor, batch.sender.source)
        start, end = seq_from + group.bounds[i], seq_from + group.bounds[i + 1] - 1
        if batch.key is None and who == open_for:
            before = receipts[-1]
            accepted[-1] += len(batch)
            receipts[-1] = hot.Receipt(stream, before.seq_from, end, now, *who, None, b"")
        else:
            receipts.append(hot.Receipt(stream, start, end, now, *who, batch.key, answers[i] if batch.key else b""))
            accepted.append(len(batch))
            open_for = None if batch.key else who
    return [receipt for receipt, count in zip(receipts, accepted, strict=True) if count or receipt.idempotency_key]


def _fail(waiting: _Waiting, wrong: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(wrong)
