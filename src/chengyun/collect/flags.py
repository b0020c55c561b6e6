# SPDX-License-Identifier: Apache-2.0
"""What is noticed about observations as they come in, judged by column, never one by one. Pure: no clock, no database.

An entity's observations form a chain in time. A row is compared with the one before it in the chain:

    time after it    GAP when more than 1.5 cadences later; SPIKE and STUCK by quantity, against valid values only
    the same time    DUPLICATE when every value is the same, CORRECTION otherwise; it replaces the one before
    time before it   outside the chain: LATE when older than the entity's newest by more than the stream allows

Rows of one group are taken as having come together: in the order of entity, time and arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chengyun.city import Stream
from chengyun.lake.rows import INVALID_SHIFT, SUSPECT_SHIFT, Bools, Flag, Floats, Int32s, Int64s

__all__ = ["NEVER", "Judged", "Memory", "Watch", "advance", "count_flags", "judge"]

NEVER = np.iinfo(np.int64).min
"""The newest time of an entity that has not reported."""

_GAP_CADENCES = 1.5
_MASKS = ((1 << 48) - 1) << INVALID_SHIFT
_FLAG_NAMES = [(int(flag), str(flag.name).lower()) for flag in Flag]
Objects = NDArray[np.object_]


class Marks:
    """What is said of every reading of an entity, whatever it reads, by slot: bits of the quality word.

    A device in quarantine or without calibration marks the entity it is bound to; chengyun.collect.things decides.
    """

    __slots__ = ("bits",)

    def __init__(self) -> None:
        self.bits: Int64s = np.zeros(0, dtype=np.int64)

    def put(self, marked: Mapping[int, int]) -> None:
        """Replace all marks. marked: slot → bits."""
        bits = np.zeros(max(marked, default=-1) + 1, dtype=np.int64)
        bits[list(marked)] = list(marked.values())
        self.bits = bits

    def of(self, slot: NDArray[np.intp]) -> Int64s:
        """Return the bits of every slot."""
        known = slot < len(self.bits)
        return np.where(known, self.bits[np.where(known, slot, 0)], 0)


@dataclass(frozen=True, slots=True)
class Watch:
    """The thresholds of a stream as arrays, one element per Quantity; times in microseconds.

    spike: infinity where not watched. stuck: 0 where not watched. longest_step: 0 when the stream has no cadence.
    """

    low: Floats
    high: Floats
    spike: Floats
    stuck: Int32s
    longest_step: int
    late_after: int
    marks: Marks = field(default_factory=lambda: Marks())

    @classmethod
    def of(cls, stream: Stream) -> Watch:
        quantities = stream.quantities
        cadence = 0 if stream.cadence is None else stream.cadence.total_seconds()
        return cls(
            np.array([it.valid[0] for it in quantities], dtype=np.float64),
            np.array([it.valid[1] for it in quantities], dtype=np.float64),
            np.array([np.inf if it.spike is None else it.spike for it in quantities], dtype=np.float64),
            np.array([it.stuck or 0 for it in quantities], dtype=np.int32),
            int(cadence * _GAP_CADENCES * 1_000_000),
            int(stream.late_after.total_seconds() * 1_000_000),
        )


class Memory:
    """The newest observation of every entity of a stream, by slot; the mirror of the table of newest rows.

    values: as sent, quantities × slots. words: code or text → values. run: how many equal valid values in a row each
    quantity ends. seq, quality: of the newest row, 0 where there is none.
    """

    def __init__(self, quantities: int, words: tuple[str, ...]) -> None:
        self.time: Int64s = np.full(0, NEVER, dtype=np.int64)
        self.seq: Int64s = np.zeros(0, dtype=np.int64)
        self.quality: Int64s = np.zeros(0, dtype=np.int64)
        self.values: Floats = np.full((quantities, 0), np.nan)
        self.run: Int32s = np.zeros((quantities, 0), dtype=np.int32)
        self.words: dict[str, Objects] = {key: np.full(0, None, dtype=np.object_) for key in words}

    def __len__(self) -> int:
        return len(self.time)

    def grow(self, slots: int) -> None:
        """Make room for slots; doubles, so that registering one by one stays cheap."""
        more = max(slots, 2 * len(self)) - len(self)
        if slots <= len(self):
            return
        self.time = np.concatenate([self.time, np.full(more, NEVER, dtype=np.int64)])
        self.seq = np.concatenate([self.seq, np.zeros(more, dtype=np.int64)])
        self.quality = np.concatenate([self.quality, np.zeros(more, dtype=np.int64)])
        self.values = np.concatenate([self.values, np.full((len(self.values), more), np.nan)], axis=1)
        self.run = np.concatenate([self.run, np.zeros((len(self.run), more), dtype=np.int32)], axis=1)
        self.words = {
            key: np.concatenate([column, np.full(more, None, dtype=np.object_)]) for key, column in self.words.items()
        }  # fmt: skip

    def copy(self, other: Memory) -> None:
        """Become what another memory of the same stream and size is."""
        self.time[:], self.seq[:], self.quality[:] = other.time, other.seq, other.quality
        self.values[:], self.run[:] = other.values, other.run
        for key, column in self.words.items():
            column[:] = other.words[key]

    def forget(self, slots: NDArray[np.intp]) -> None:
        """Take slots back to an entity that has not reported."""
        self.time[slots] = NEVER
        self.seq[slots] = 0
        self.quality[slots] = 0
        self.values[:, slots] = np.nan
        self.run[:, slots] = 0
        for column in self.words.values():
            column[slots] = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a group. quality is in order of arrival.

    newest: position, in order of arrival, of the row that is now the newest of its entity; one per entity that moved.
    newest_runs: quantities × newest.
    """

    quality: Int64s
    newest: NDArray[np.intp]
    newest_runs: Int32s


def judge(
    watch: Watch,
    memory: Memory,
    slot: NDArray[np.intp],
    time: Int64s,
    values: Floats,
    words: dict[str, Objects],
    simulated: Bools,
) -> Judged:
    """Judge the rows of a group against the memory, which is not changed.

    values: quantities × rows. words: code or text → rows. simulated: whether a row is made, not measured.
    """
    count = len(slot)
    order = np.lexsort((time, slot))
    in_order = bool((order[1:] > order[:-1]).all()) if count else True
    if not in_order:
        slot, time, values = slot[order], time[order], values[:, order]
        words = {key: column[order] for key, column in words.items()}
        simulated = simulated[order]
    newest_time = memory.time[slot]
    first = np.ones(count, dtype=np.bool_)
    np.not_equal(slot[1:], slot[:-1], out=first[1:])

    # The row before in the chain: the one before in the group where that is at least as new as memory, else memory's.
    linked = ~first
    linked[1:] &= (time[:-1] >= newest_time[1:]) | (time[1:] == time[:-1])
    before = np.flatnonzero(linked) - 1
    then = newest_time.copy()
    then[linked] = time[before]
    old = memory.values[:, slot]
    old[:, linked] = values[:, before]
    known = then != NEVER
    forward = known & (time > then)
    repeat = known & (time == then)

    kinds = np.where(simulated, int(Flag.SIMULATED), 0).astype(np.int64)
    if repeat.any():
        same = ((values == old) | (np.isnan(values) & np.isnan(old))).all(axis=0)
        for key, column in words.items():
            old_words = memory.words[key][slot]
            old_words[linked] = column[before]
            same &= column == old_words
        kinds[repeat & same] |= int(Flag.DUPLICATE)
        kinds[repeat & ~same] |= int(Flag.CORRECTION)
    late = (newest_time != NEVER) & (time < newest_time)
    late[late] = newest_time[late] - time[late] > watch.late_after
    kinds[late] |= int(Flag.LATE)
    gap = np.zeros(count, dtype=np.bool_)
    if watch.longest_step:
        gap[forward] = time[forward] - then[forward] > watch.longest_step
        kinds[gap] |= int(Flag.GAP)

    low, high = watch.low[:, None], watch.high[:, None]
    invalid = (values < low) | (values > high)
    if invalid.any():
        kinds[invalid.any(axis=0)] |= int(Flag.RANGE)
        valid = np.where(invalid, np.nan, values)
    else:
        valid = values
    old = np.where((old < low) | (old > high), np.nan, old)
    suspect = np.zeros_like(invalid)
    near = forward & ~gap
    with np.errstate(invalid="ignore"):
        spike = (np.abs(valid - old) > watch.spike[:, None]) & near
    if spike.any():
        kinds[spike.any(axis=0)] |= int(Flag.SPIKE)
        suspect |= spike
    runs = _runs(watch, memory, slot, linked, forward, repeat, valid, old)
    stuck = (runs >= watch.stuck[:, None]) & (watch.stuck[:, None] > 0)
    if stuck.any():
        kinds[stuck.any(axis=0)] |= int(Flag.STUCK)
        suspect |= stuck

    quality = kinds
    if invalid.any():
        quality = quality | (_mask(invalid) << INVALID_SHIFT)
    if suspect.any():
        quality = quality | (_mask(suspect) << SUSPECT_SHIFT)
    if len(watch.marks.bits):
        quality = quality | watch.marks.of(slot)
    last = np.ones(count, dtype=np.bool_)
    last[:-1] = first[1:]
    newest = np.flatnonzero(last & (time >= newest_time))
    if not in_order:
        back = np.empty_like(order)
        back[order] = np.arange(count)
        return Judged(quality[back], order[newest], runs[:, newest])
    return Judged(quality, newest, runs[:, newest])


def advance(
    memory: Memory,
    judged: Judged,
    slot: NDArray[np.intp],
    time: Int64s,
    values: Floats,
    words: dict[str, Objects],
    seq_from: int,
) -> NDArray[np.intp]:
    """Bring the memory up to a group that has been committed; return the slots that moved."""
    rows = judged.newest
    moved = slot[rows]
    memory.time[moved] = time[rows]
    memory.seq[moved] = rows + seq_from
    memory.quality[moved] = judged.quality[rows]
    memory.values[:, moved] = values[:, rows]
    memory.run[:, moved] = judged.newest_runs
    for key, column in words.items():
        memory.words[key][moved] = column[rows]
    return moved


def count_flags(quality: Int64s) -> dict[str, int]:
    """Return how many rows carry each flag, by its name in lower case; flags that none carries are left out."""
    seen = int(np.bitwise_or.reduce(quality)) if len(quality) else 0
    if not seen & ~_MASKS:
        return {}
    return {name: int(np.count_nonzero(quality & bit)) for bit, name in _FLAG_NAMES if seen & bit}


def _runs(
    watch: Watch, memory: Memory, slot: NDArray[np.intp], linked: Bools, forward: Bools, repeat: Bools, valid: Floats, old: Floats
) -> Int32s:
    """Return how many equal valid values in a row each row ends, quantities × rows; 0 where unknown, invalid or not watched."""
    runs = np.zeros(valid.shape, dtype=np.int32)
    count = valid.shape[1]
    positions = np.arange(count)
    for index in np.flatnonzero(watch.stuck):
        goes_on = (valid[index] == old[index]) & (forward | repeat)
        begins = ~np.isnan(valid[index])
        step = goes_on & forward
        carried = np.where(goes_on & ~linked, memory.run[index, slot] + step, begins)
        starts = ~(goes_on & linked)
        since = np.maximum.accumulate(np.where(starts, positions, 0))
        steps = np.cumsum(step)
        runs[index] = np.maximum(carried[since] + steps - steps[since], begins) * begins
    return runs


def _mask(bits: Any) -> Int64s:
    weights = np.int64(1) << np.arange(len(bits), dtype=np.int64)
    return (bits.astype(np.int64) * weights[:, None]).sum(axis=0)  # type: ignore[no-any-return]
