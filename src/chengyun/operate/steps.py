# SPDX-License-Identifier: Apache-2.0
"""Conditions that hold from one observation to the next: above or below a limit, inside or outside a place.

What is kept is kept of the few entities something goes on with: a city may have thousands of rules on one stream, and most of
them say nothing most of the time. All arithmetic is on whole columns; only what happened is walked through, so a year of
history is judged by the code that judges the newest batch.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import Above, Below, Limits, Within
from chengyun.lake.rows import Rows
from chengyun.operate.conditions import (
    MICROSECOND,
    NEVER,
    Batch,
    Event,
    Holding,
    Kind,
    Mark,
    StreamRule,
    firsts,
    history_after,
    lasts,
    micros,
    step_limits,
    worth_telling,
)
from chengyun.operate.fences import Fence

__all__ = ["StepSettle", "Steps"]

PART_MARGIN = 1.1
"""How many times the whole a part must read before the two contradict each other: two honest instruments differ a little."""
WRONG_PLACE = 0.5
"""A position is 1 where the condition holds and 0 where it does not; the limit stands between."""


class Steps:
    """Above, Below and Within. Below is Above with the sign turned; Within is above a limit no position but a wrong one is above.

    least: the lowest limit of any edition, in the turned sign: values that do not exceed it say nothing new of an idle rule.
    """

    def __init__(
        self, rule: StreamRule, invalid: int, cadence: dt.timedelta | None, limits: Limits, zone: ZoneInfo,
        fence: Fence | None = None,
    ) -> None:  # fmt: skip
        self.rule = rule
        self.history = history_after(cadence) // MICROSECOND
        self.invalid = invalid
        self.fence = fence
        when = rule.rule.when
        assert isinstance(when, Above | Below | Within)  # for the type checker: RuleWatch chose the class by it
        self.sign = -1.0 if isinstance(when, Below) else 1.0
        self.wanted = when.times
        self.clear = None if isinstance(when, Within) else when.clear
        self.whole = when.part_of if isinstance(when, Above) else None
        self._doubted: np.ndarray | None = None
        limit = WRONG_PLACE if isinstance(when, Within) else when.limit
        self.starts, self.limits = step_limits(limit, limits, zone)
        turned = self.limits * self.sign
        self.least = float(np.nanmin(turned)) if not np.isnan(turned).all() else np.inf
        self.marks: dict[int, Mark] = {}

    def source(self) -> tuple[object, ...]:
        """Return what the values are read from: rules that share it share the reading."""
        if self.whole is not None:
            return (self.rule.key,)
        return (self.fence,) if self.fence else (self.rule.rule.field, self.invalid)

    def read(self, rows: Rows, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values at these rows and which of them are usable."""
        quality = rows.quality[origin]
        if self.fence is not None:
            values = self.fence.judge(rows.numbers[self.fence.lon][origin], rows.numbers[self.fence.lat][origin])
        else:
            values = rows.numbers[str(self.rule.rule.field)][origin]
        usable = ~np.isnan(values) & ((quality & self.invalid) == 0)
        if self.whole is not None:
            self._doubted = (values > PART_MARGIN * rows.numbers[self.whole][origin])[usable]  # an unknown whole says nothing
        return values, usable

    def silent_about(self, lowest: float, highest: float) -> bool:
        """Say whether values between these change nothing."""
        return not self.marks and (highest if self.sign > 0 else -lowest) <= self.least

    def widen(self, where: np.ndarray) -> None:
        """Make room for entities: what stood at a place at or behind an insertion moves on."""
        self.marks = {slot + int(np.searchsorted(where, slot, side="right")): mark for slot, mark in self.marks.items()}

    def restore(self, slot: int, one: Holding) -> None:
        worst = np.nan if one.worst is None else one.worst
        self.marks[slot] = Mark(one.holds, one.run, micros(one.since), worst, one.times, NEVER)

    def judge(self, batch: Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[Event], StepSettle]:
        limit = self.limits[np.searchsorted(self.starts, batch.time, side="right") - 1]
        signed = values * self.sign
        beyond = signed > limit * self.sign
        fresh = firsts(batch.slot)
        owners = batch.slot[fresh]
        group = np.cumsum(fresh) - 1
        busy = np.zeros(len(owners), bool)
        busy[group[beyond]] = True
        known = np.zeros(len(owners), bool)
        if self.marks:
            active = np.fromiter(self.marks, np.int64, len(self.marks))
            known = np.isin(owners, active)
            busy |= known
        if not busy.any():
            return [], StepSettle(self, {})
        rows = busy[group]
        within = signed <= (limit if self.clear is None else np.float64(self.clear)) * self.sign
        carried = [self.marks.get(int(owner), QUIET) for owner in owners[busy].tolist()]
        doubted = np.zeros(len(rows), bool) if self._doubted is None else self._doubted
        columns = _Columns(
            batch.slot[rows], batch.time[rows], batch.origin[rows], values[rows], signed[rows], limit[rows], beyond[rows],
            within[rows], doubted[rows],
        )  # fmt: skip
        return self._walk(columns, carried, micros(now))

    def _walk(self, at: _Columns, carried: list[Mark], now: int) -> tuple[list[Event], StepSettle]:
        index = np.arange(len(at.slot))
        first = firsts(at.slot)
        group = np.cumsum(first) - 1
        start = np.flatnonzero(first)[group]
        holds0 = np.array([one.holds for one in carried], bool)
        run0 = np.array([one.run for one in carried], np.int64)
        broken = np.maximum.accumulate(np.where(~at.beyond, index, -1))
        onward = broken < start
        run = np.where(at.beyond, index - np.where(onward, start - 1, broken) + np.where(onward, run0[group], 0), 0)
        reached = run >= self.wanted + at.doubted
        turn = np.maximum.accumulate(np.where(reached | at.within, index, -1))
        after = np.where(turn >= start, reached[turn], holds0[group])
        before = np.where(first, holds0[group], np.roll(after, 1))
        spells = self._spells(at, group, run, before, after, carried)
        last = lasts(at.slot)
        happened = np.flatnonzero(before != after)
        told: dict[int, int] = {}
        events: list[tuple[int, Event]] = []
        for i in happened.tolist():
            # What was told as history must be told again as soon as the condition holds in the present.
            told[int(group[i])] = NEVER if now - int(at.time[i]) > self.history else now
            events.append((i, self._event("raise" if after[i] else "clear", at, i, spells.at(i))))
        marks: dict[int, Mark | None] = {}
        for i in np.flatnonzero(last).tolist():
            mine = int(group[i])
            said = told.get(mine, carried[mine].told)
            if not after[i] and not run[i]:
                marks[int(at.slot[i])] = None
                continue
            spell = spells.at(i)
            if after[i] and before[i] and worth_telling(said, int(at.time[i]), now, self.history):
                said = NEVER if now - int(at.time[i]) > self.history else now
                events.append((i, self._event("update", at, i, spell)))
            marks[int(at.slot[i])] = Mark(bool(after[i]), int(run[i]), spell.since, spell.worst, spell.times, said)
        events.sort(key=lambda one: one[0])
        return [event for _, event in events], StepSettle(self, marks)

    def _spells(
        self, at: _Columns, group: np.ndarray, run: np.ndarray, before: np.ndarray, after: np.ndarray, carried: list[Mark]
    ) -> _Spells:
        """Gather since, worst and times of what goes on at each row that counts.

        A spell begins with the first observation beyond the limit after quiet, and ends with the one that ends the condition
        or the run. Up to where it becomes an alert and from there on the worst is taken apart: both are asked for.
        """
        counts = np.flatnonzero((run > 0) | before)
        first = firsts(group[counts])
        begins = ~before[counts] & (run[counts] == 1)
        opening = first | begins
        spell = np.cumsum(opening) - 1
        heads = np.flatnonzero(opening)
        goes_on = ~begins[heads]
        raised = np.zeros(len(counts), bool)
        raised[1:] = (~before[counts] & after[counts])[:-1]
        part_heads = np.flatnonzero(opening | raised)
        part_worst = np.maximum.reduceat(at.signed[counts], part_heads) if len(counts) else np.empty(0)
        part = np.cumsum(opening | raised) - 1
        since = at.time[counts[heads]].copy()
        times0 = np.zeros(len(heads), np.int64)
        worst0 = np.full(len(heads), -np.inf)
        for k in np.flatnonzero(goes_on).tolist():
            mark = carried[int(group[counts[heads[k]]])]
            since[k], times0[k] = mark.since, mark.times
            worst0[k] = -np.inf if np.isnan(mark.worst) else mark.worst * self.sign
        place = np.full(len(run), -1)
        place[counts] = np.arange(len(counts))
        return _Spells(self.sign, place, spell, heads, since, times0, worst0, part, part_worst)

    def _event(self, kind: Kind, at: _Columns, i: int, spell: _Spell) -> Event:
        limit = None if np.isnan(at.limit[i]) else float(at.limit[i])
        value = float(at.values[i])
        return Event(
            kind, int(at.slot[i]), int(at.origin[i]), int(at.time[i]), value, spell.worst, limit, spell.since, spell.times
        )


QUIET = Mark(False, 0, NEVER, float("nan"), 0, NEVER)


class _Columns(NamedTuple):
    slot: np.ndarray
    time: np.ndarray
    origin: np.ndarray
    values: np.ndarray
    signed: np.ndarray
    limit: np.ndarray
    beyond: np.ndarray
    within: np.ndarray
    doubted: np.ndarray


class _Spell(NamedTuple):
    since: int
    worst: float
    times: int


class _Spells(NamedTuple):
    """What goes on, spell by spell, each of one part or two: before it became an alert, and since. place: row → counting row."""

    sign: float
    place: np.ndarray
    spell: np.ndarray
    heads: np.ndarray
    since: np.ndarray
    times: np.ndarray
    worst: np.ndarray
    part: np.ndarray
    part_worst: np.ndarray

    def at(self, i: int) -> _Spell:
        """Return what is to be said at a row that ends a part."""
        k = int(self.place[i])
        mine = int(self.spell[k])
        head = int(self.heads[mine])
        worst = float(self.worst[mine])
        for part in range(int(self.part[head]), int(self.part[k]) + 1):
            worst = max(worst, float(self.part_worst[part]))
        return _Spell(int(self.since[mine]), worst * self.sign, int(self.times[mine]) + k - head + 1)


class StepSettle:
    """What Steps becomes when the batch has committed. marks: None: nothing goes on any more."""

    def __init__(self, state: Steps, marks: dict[int, Mark | None]) -> None:
        self.state = state
        self.rule = state.rule.key
        self.marks = marks

    def apply(self) -> None:
        for slot, mark in self.marks.items():
            if mark is None:
                self.state.marks.pop(slot, None)
            else:
                self.state.marks[slot] = mark

    def changed_runs(self) -> list[tuple[int, int, int]]:
        if self.state.wanted == 1 and self.state.whole is None:
            return []
        changed = []
        for slot, mark in self.marks.items():
            former = self.state.marks.get(slot, QUIET)
            run, known = _run(mark or QUIET), _run(former)
            if run != known:
                changed.append((slot, run, (mark or former).since))
        return changed


def _run(mark: Mark) -> int:
    """Return the observations of a run that is not an alert yet."""
    return 0 if mark.holds else mark.run
