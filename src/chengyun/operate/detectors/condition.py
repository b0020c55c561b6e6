# SPDX-License-Identifier: Apache-2.0
"""The condition Unusual: an observation so improbable for its entity at this time of the week, by all that came before.

    ordinary ──odds below the rule's──▶ holding ──`calm` ordinary observations in a row──▶ ordinary

A State of RuleWatch like any other (conditions.py): judging changes nothing, settling makes it the memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import Unusual
from chengyun.lake.rows import Rows
from chengyun.operate.conditions import (
    MICROSECOND,
    Batch,
    Event,
    Kind,
    Mark,
    Marks,
    StreamRule,
    firsts,
    history_after,
    instant,
    lasts,
    micros,
    worth_telling,
)
from chengyun.operate.detectors.watch import Detector, Judged

__all__ = ["Oddities", "OddSettle", "local_seconds"]


class Oddities(Marks):
    """A detector behind a rule. newest: by slot, the time of the newest observation learnt from; dirty: slots not yet kept."""

    def __init__(self, rule: StreamRule, bit: Mapping[str, int], cadence: dt.timedelta | None, zone: ZoneInfo) -> None:
        super().__init__()
        self.rule = rule
        self.history = history_after(cadence) // MICROSECOND
        when = rule.rule.when
        assert isinstance(when, Unusual)  # for the type checker: RuleWatch chose the class by it
        self.limit, self.calm = when.probability, when.calm
        self.fields = (str(rule.rule.field), *when.together)
        self.bits = np.array([bit[field] for field in self.fields])
        self.invalid = int(self.bits[0])
        self.zone = zone
        self.detector = Detector(len(self.fields))
        self.newest = np.empty(0, np.int64)
        self.dirty = np.empty(0, bool)
        self._values = np.empty((0, len(self.fields)))
        self._origin = np.empty(0, np.intp)

    def source(self) -> tuple[object, ...]:
        return (self.rule.key,)

    def read(self, rows: Rows, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first known value of each row and whether there is one; all of them are kept for judge."""
        values = self.columns(rows, origin)
        known = ~np.isnan(values)
        usable = known.any(axis=1)
        self._values, self._origin = values[usable], origin[usable]
        first = values[np.arange(len(values)), known.argmax(axis=1)]
        return first, usable

    def columns(self, rows: Rows, origin: np.ndarray) -> np.ndarray:
        """Return the rule's quantities (rows, quantities), NaN where unknown or invalid."""
        quality = rows.quality[origin]
        parts = [
            np.where((quality & bit) == 0, rows.numbers[field][origin], np.nan)
            for field, bit in zip(self.fields, self.bits.tolist(), strict=True)
        ]
        return np.column_stack(parts)

    def silent_about(self, lowest: float, highest: float) -> bool:  # noqa: ARG002  # every value is one to learn from
        return False

    def widen(self, where: np.ndarray) -> None:
        super().widen(where)
        self.detector.widen(where)
        self.newest = np.insert(self.newest, where, 0)
        self.dirty = np.insert(self.dirty, where, False)

    def judge(self, batch: Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[Event], OddSettle]:
        judged = self.detector.judge(batch.slot, local_seconds(batch.time, self.zone), self._values)
        odd = judged.odds < self.limit
        events: list[Event] = []
        marks: dict[int, Mark] = {}
        present = micros(now)
        for one in np.unique(batch.slot[odd | self.holds[batch.slot]]).tolist():
            low, high = int(np.searchsorted(batch.slot, one)), int(np.searchsorted(batch.slot, one, side="right"))
            mark = Mark(
                bool(self.holds[one]), int(self.run[one]), int(self.since[one]), float(self.worst[one]), int(self.times[one]),
                int(self.told[one]),
            )  # fmt: skip
            for i in range(low, high):
                mark, kind = self._next(mark, bool(odd[i]), int(batch.time[i]), float(values[i]), present, last=i == high - 1)
                if kind:
                    note = {"odds": float(f"{judged.odds[i]:.3g}"), "expected": _plain(judged.expected[i])}
                    events.append(
                        Event(
                            kind, one, int(batch.origin[i]), int(batch.time[i]), float(values[i]), mark.worst, None, mark.since,
                            mark.times, note,
                        )
                    )  # fmt: skip
            marks[one] = mark
        newest = batch.time[lasts(batch.slot)]
        return events, OddSettle(self, judged, newest, marks)

    def _next(
        self, mark: Mark, odd: bool, time: int, value: float, present: int, *, last: bool
    ) -> tuple[Mark, Kind | None]:  # fmt: skip
        """Return an entity's mark after one observation, and what there is to tell. run: ordinary ones in a row."""
        holds, run, since, worst, times, told = mark
        kind: Kind | None = None
        if odd:
            if not holds:
                kind, holds, since, times = "raise", True, time, 0
            worst, run, times = value, 0, times + 1
        elif holds:
            run, times = run + 1, times + 1
            if run >= self.calm:
                kind, holds = "clear", False
        if kind is None and holds and last and worth_telling(told, time, present, self.history):
            kind = "update"
        if kind:
            told = present if present - time <= self.history else np.iinfo(np.int64).min
        return Mark(holds, run, since, worst, times, told), kind


class OddSettle:
    """What Oddities becomes when the batch has committed."""

    def __init__(self, state: Oddities, judged: Judged, newest: np.ndarray, marks: dict[int, Mark]) -> None:
        self.state, self.judged, self.newest, self.marks = state, judged, newest, marks
        self.rule = state.rule.key

    def apply(self) -> None:
        self.state.detector.settle(self.judged)
        self.state.newest[self.judged.slots] = self.newest
        self.state.dirty[self.judged.slots] = True
        for slot, mark in self.marks.items():
            self.state.put(slot, mark)

    def changed_runs(self) -> list[tuple[int, int, int]]:
        return []


def local_seconds(time: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """Return seconds of the local clock since 1970, of instants in µs UTC."""
    seconds = time // 1_000_000
    # No zone's offset changes inside a quarter of an hour (IANA tz).
    quarters, place = np.unique(seconds // 900, return_inverse=True)
    offsets = [_offset_s(int(quarter) * 900, zone) for quarter in quarters]
    return np.asarray(seconds + np.array(offsets, np.int64)[place])


def _offset_s(second: int, zone: ZoneInfo) -> int:
    offset = instant(second * 1_000_000).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.6g}")


def counting(slot: np.ndarray, time: np.ndarray, newest: np.ndarray) -> np.ndarray:
    """Say which rows, grouped by slot in order of arrival, are newer than all of their entity before them."""
    keep = np.zeros(len(slot), bool)
    reached = 0
    for i, (one, first) in enumerate(zip(slot.tolist(), firsts(slot).tolist(), strict=True)):
        reached = int(newest[one]) if first else reached
        keep[i] = time[i] > reached
        reached = max(reached, int(time[i]))
    return keep
