# SPDX-License-Identifier: Apache-2.0
"""What a group of batches comes to, worked out before the database is asked for anything: flags, alerts, bytes to send.

A verdict is made ahead, by what the stream will hold when the group before it is committed, or in turn, inside the group's
own transaction. One made ahead stands as long as nothing else happened to the stream: no group failed, nobody else wrote.

    mirror.memory, next_seq     as committed: what readers see
    mirror.ahead, ahead_seq     as it will be when all that was judged is committed; ahead_seq None: not known
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from numpy.typing import NDArray
from psycopg import AsyncConnection

from chengyun.collect import flags
from chengyun.collect.batch import Batch
from chengyun.collect.group import Group, answers, join, receipts
from chengyun.collect.mirror import Mirror
from chengyun.collect.watching import Noticed, Watching
from chengyun.errors import Refused
from chengyun.lake import binary, hot
from chengyun.lake.rows import Flag, Int64s, Rows

__all__ = ["Judging", "Verdict", "end_simulation", "local_days", "replayed"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A group judged, and everything that is sent to the database for it.

    answered: by position among the batches, answers given before. fresh: the others. era: when it was made; see Judging.
    """

    era: int
    answered: Mapping[int, bytes]
    fresh: Sequence[Batch]
    group: Group
    judged: flags.Judged
    seq_from: int
    now: dt.datetime
    copied: bytes
    move: hot.LatestMove
    days: Sequence[dt.date]
    noticed: Noticed
    answers: Sequence[bytes]
    receipts: Sequence[hot.Receipt]


class Judging:
    """Judges the groups of one stream in the order they are written. An era ends when what is ahead turns out otherwise."""

    def __init__(self, mirror: Mirror, watching: Watching, zone: ZoneInfo) -> None:
        self.mirror, self.watching = mirror, watching
        self._zone = zone
        self._era = 0

    def stands(self, verdict: Verdict) -> bool:
        return verdict.era == self._era

    async def ahead(self, batches: Sequence[Batch], answered: Mapping[int, bytes]) -> Verdict | None:
        """Return the verdict on the group after those judged so far; None when that needs its own transaction."""
        mirror = self.mirror
        era, seq_from = self._era, mirror.ahead_seq
        if seq_from is None or self.watching.next_seq != seq_from:
            return None
        fresh = [batch for i, batch in enumerate(batches) if i not in answered]
        group = join(fresh, mirror.register, mirror.table)
        if len(group.first_real):
            return None
        now = dt.datetime.now(dt.UTC)
        judged, rows = self._judge(group, seq_from)
        noticed = self.watching.judge(rows, mirror.register.by_id, now, seq_from)
        # The one thread also feeds the database and reads what comes in: neither must wait for all of this at once.
        await asyncio.sleep(0)
        copied = binary.copy_rows(mirror.table, rows, seq_from)
        await asyncio.sleep(0)
        return self._verdict(era, answered, fresh, group, judged, rows, seq_from, now, copied, noticed)

    async def in_turn(
        self, conn: AsyncConnection[Any], batches: Sequence[Batch], answered: Mapping[int, bytes], seq_from: int
    ) -> Verdict:
        """Return the verdict on a group inside its transaction, which has locked the stream. Nothing else is under way."""
        mirror = self.mirror
        self._end_era()
        if self.watching.next_seq != seq_from:
            await self.watching.restore(conn, seq_from)
        if mirror.next_seq != seq_from:
            await mirror.refresh(conn, seq_from)
        fresh = [batch for i, batch in enumerate(batches) if i not in answered]
        group = join(fresh, mirror.register, mirror.table)
        held = await end_simulation(conn, mirror, group.first_real) if len(group.first_real) else None
        mirror.look_ahead(seq_from)
        if held is not None:
            mirror.ahead.forget(held)
        now = dt.datetime.now(dt.UTC)
        judged, rows = self._judge(group, seq_from)
        noticed = self.watching.judge(rows, mirror.register.by_id, now, seq_from)
        copied = binary.copy_rows(mirror.table, rows, seq_from)
        return self._verdict(self._era, answered, fresh, group, judged, rows, seq_from, now, copied, noticed)

    def settle(self, verdict: Verdict) -> None:
        """Let readers see a group that is committed."""
        mirror, group = self.mirror, verdict.group
        mirror.make_room()
        if len(group.first_real):
            mirror.memory.forget(group.first_real[mirror.memory.quality[group.first_real] & int(Flag.SIMULATED) != 0])
            mirror.register.ended(group.first_real)
        mirror.moved[
            flags.advance(mirror.memory, verdict.judged, group.slot, group.time, group.values, group.words, verdict.seq_from)
        ] = True  # fmt: skip
        mirror.next_seq = verdict.seq_from + len(group)

    def fall_back(self) -> None:
        """Forget what was judged and not committed: the next group is judged in its own transaction."""
        self._end_era()
        self.watching.next_seq = None

    async def follow(self, conn: AsyncConnection[Any], next_seq: int) -> None:
        """Take over what another process wrote. Nothing is under way."""
        self._end_era()
        if self.watching.next_seq is None:
            # Later only when a group of ours comes: who follows a load would read every open condition twice a second.
            await self.watching.restore(conn, next_seq)
        if self.mirror.next_seq != next_seq:
            await self.mirror.refresh(conn, next_seq)
        self.mirror.look_ahead(next_seq)

    def _end_era(self) -> None:
        self._era += 1
        if self.mirror.ahead_seq is not None and self.mirror.ahead_seq != self.mirror.next_seq:
            self.watching.next_seq = None  # it holds what a group did that was judged and not committed
        self.mirror.ahead_seq = None

    def _judge(self, group: Group, seq_from: int) -> tuple[flags.Judged, Rows]:
        """Judge a group against what is ahead, and move that on: both, before anybody else looks at it."""
        mirror, table = self.mirror, self.mirror.table
        mirror.make_room()
        judged = flags.judge(mirror.watch, mirror.ahead, group.slot, group.time, group.values, group.words, group.simulated)
        flags.advance(mirror.ahead, judged, group.slot, group.time, group.values, group.words, seq_from)
        mirror.ahead_seq = seq_from + len(group)
        numbers = dict(zip(table.quantities, group.values, strict=True))
        words = {key: column.tolist() for key, column in group.words.items()}
        return judged, Rows(mirror.register.ids[group.slot], group.time, judged.quality, numbers, words)

    def _verdict(
        self, era: int, answered: Mapping[int, bytes], fresh: Sequence[Batch], group: Group, judged: flags.Judged,
        rows: Rows, seq_from: int, now: dt.datetime, copied: bytes, noticed: Noticed,
    ) -> Verdict:  # fmt: skip
        table = self.mirror.table
        told = answers(group, judged.quality, seq_from, self.mirror.stream)
        return Verdict(
            era=era, answered=answered, fresh=fresh, group=group, judged=judged, seq_from=seq_from, now=now, copied=copied,
            move=hot.latest_move(table, rows, seq_from, newest=judged.newest, runs=judged.newest_runs),
            days=local_days(group.time, self._zone) if len(group) else (),
            noticed=noticed, answers=told, receipts=receipts(table.qualified, group, told, seq_from, now),
        )  # fmt: skip


async def end_simulation(conn: AsyncConnection[Any], mirror: Mirror, slots: NDArray[Any]) -> NDArray[Any]:
    """Clear what was simulated from the newest rows: a real reading counts even when it is older. Return their slots."""
    await mirror.register.end_simulation(conn, slots)
    held: NDArray[Any] = slots[(mirror.memory.quality[slots] & int(Flag.SIMULATED)) != 0]
    if len(held):
        query = psycopg.sql.SQL("DELETE FROM {latest} WHERE entity_id = ANY(%s) AND quality & %s <> 0").format(
            latest=psycopg.sql.Identifier(*mirror.table.latest.split("."))
        )
        await conn.execute(query, [mirror.register.ids[held].tolist(), int(Flag.SIMULATED)])
    return held


def local_days(time: Int64s, zone: ZoneInfo) -> list[dt.date]:
    """Return the local days of instants, of which there is at least one, in order."""

    # No zone's day begins inside a quarter of an hour (IANA tz: offsets since 1972 are whole quarters).
    def day(quarter: int) -> dt.date:
        return dt.datetime.fromtimestamp(quarter * 900, zone).date()

    first, last = int(time.min()) // 900_000_000, int(time.max()) // 900_000_000
    if day(first) == day(last):
        return [day(first)]
    return sorted({day(quarter) for quarter in set((time // 900_000_000).tolist())})


async def replayed(conn: AsyncConnection[Any], batches: Sequence[Batch]) -> dict[int, bytes]:
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
