# SPDX-License-Identifier: Apache-2.0
"""What the conditions that observations decide have in common, and the one that looks back: Change. Steps stand in steps.py.

    State.read     rows → values and which of them are usable; rules with the same `source` share it
    State.judge    the rows that count and their usable values → what happened, and a Settle that makes it the state

Nothing changes before the Settle is applied. Batch rows are grouped by entity, and within an entity in the order they arrived.
A new kind of condition is a new State, and a line in rules._state.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import AlertRule, Change, Limits
from chengyun.errors import Refused, nearest

if TYPE_CHECKING:
    from chengyun.lake.rows import Rows

__all__ = [
    "Batch",
    "Event",
    "Holding",
    "Kind",
    "Marks",
    "Mark",
    "Moves",
    "Settle",
    "State",
    "StreamRule",
    "history_after",
    "limit_on",
    "step_limits",
]

NEVER = np.iinfo(np.int64).min
MICROSECOND = dt.timedelta(microseconds=1)
HISTORY = dt.timedelta(days=2)
UPDATE_EVERY = dt.timedelta(seconds=30) // MICROSECOND
"""An open alert's newest value is told at most this often: a holding alert must not cost a write per observation."""


def history_after(cadence: dt.timedelta | None) -> dt.timedelta:
    """Return how long after its time an observation, or a period after its end, is history when it is noticed."""
    return max(HISTORY, 3 * (cadence or dt.timedelta()))


Kind = Literal["raise", "update", "clear"]


@dataclass(frozen=True, slots=True)
class StreamRule:
    """A rule with the qualified keys around it."""

    key: str
    stream: str
    rule: AlertRule


@dataclass(frozen=True, slots=True)
class Holding:
    """State of one (rule, entity) as it is kept between starts: an open condition, or a run that is not yet long enough."""

    rule: str
    entity: int
    holds: bool
    run: int
    since: dt.datetime
    worst: float | None = None
    times: int = 0


def step_limits(limit: float | str, limits: Limits, zone: ZoneInfo) -> tuple[np.ndarray, np.ndarray]:
    """Return (instants in µs, values): from each instant on the value is the limit; NaN where none is in force."""
    if not isinstance(limit, str):
        return np.array([NEVER]), np.array([float(limit)])
    table, _, name = limit.partition(":")
    starts, values = [NEVER], [np.nan]
    for entry in limits.editions(table):
        if name not in entry.values:
            raise Refused(f"{limits.file}, {table} of {entry.in_force} has no {name!r}.{nearest(name, entry.values)}")
        starts.append(micros(dt.datetime.combine(entry.in_force, dt.time(), zone)))
        values.append(float(entry.values[name]))
    return np.array(starts), np.array(values)


def limit_on(limit: float | str, limits: Limits, day: dt.date) -> float | None:
    """Return a rule's limit on a local day, None before its first edition."""
    if not isinstance(limit, str):
        return float(limit)
    table, _, name = limit.partition(":")
    try:
        return float(limits.on(table, day)[name])
    except LookupError:
        return None


class Batch(NamedTuple):
    """The rows of a batch that count, grouped by entity in order of arrival. slot: index into the state arrays."""

    slot: np.ndarray
    time: np.ndarray
    origin: np.ndarray


class Event(NamedTuple):
    kind: Kind
    slot: int
    origin: int
    time: int
    value: float
    worst: float
    limit: float | None
    since: int
    times: int
    note: Mapping[str, Any] | None = None
    """What more the evidence says."""


class Mark(NamedTuple):
    """One entity's state."""

    holds: bool
    run: int
    since: int
    worst: float
    times: int
    told: int


class Settle(Protocol):
    rule: str

    def apply(self) -> None: ...
    def changed_runs(self) -> list[tuple[int, int, int]]: ...


class State(Protocol):
    """One rule's memory of the entities of its stream, and its judgement. Slots are positions among the watch's entities."""

    rule: StreamRule
    invalid: int

    def source(self) -> tuple[object, ...]: ...
    def read(self, rows: Rows, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def silent_about(self, lowest: float, highest: float) -> bool: ...
    def widen(self, where: np.ndarray) -> None: ...
    def restore(self, slot: int, one: Holding) -> None: ...
    def judge(self, batch: Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[Event], Settle]: ...


class Marks:
    """State arrays of one rule, one element an entity."""

    def __init__(self) -> None:
        self.holds = np.empty(0, bool)
        self.run = np.empty(0, np.int64)
        self.since = np.empty(0, np.int64)
        self.worst = np.empty(0, np.float64)
        self.times = np.empty(0, np.int64)
        self.told = np.empty(0, np.int64)

    def widen(self, where: np.ndarray) -> None:
        for name, empty in (("holds", False), ("run", 0), ("since", NEVER), ("worst", np.nan), ("times", 0), ("told", NEVER)):
            setattr(self, name, np.insert(getattr(self, name), where, empty))

    def put(self, slot: int, mark: Mark) -> None:
        self.holds[slot], self.run[slot], self.since[slot], self.worst[slot], self.times[slot], self.told[slot] = mark

    def restore(self, slot: int, one: Holding) -> None:
        self.holds[slot] = one.holds
        self.run[slot] = one.run
        self.since[slot] = micros(one.since)
        self.worst[slot] = np.nan if one.worst is None else one.worst
        self.times[slot] = one.times


class Moves(Marks):
    """Change: the value against every value of the same entity not older than the span.

    Each entity's values within the span stand in one row of two matrices, oldest first, right-aligned; the matrices grow
    to what the busiest entity needs.
    """

    def __init__(self, rule: StreamRule, invalid: int, cadence: dt.timedelta | None) -> None:
        super().__init__()
        self.rule = rule
        self.history = history_after(cadence) // MICROSECOND
        self.invalid = invalid
        when = rule.rule.when
        assert isinstance(when, Change)  # for the type checker: RuleWatch chose the class by it
        self.by = when.by
        self.within = when.within // MICROSECOND
        self.times_kept = np.full((0, 1), NEVER)
        self.values_kept = np.full((0, 1), np.nan)

    def source(self) -> tuple[object, ...]:
        return (self.rule.rule.field, self.invalid)

    def read(self, rows: Rows, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = rows.numbers[str(self.rule.rule.field)][origin]
        return values, ~np.isnan(values) & ((rows.quality[origin] & self.invalid) == 0)

    def silent_about(self, lowest: float, highest: float) -> bool:  # noqa: ARG002  # every value is one to compare the next with
        return False

    def widen(self, where: np.ndarray) -> None:
        super().widen(where)
        self.times_kept = np.insert(self.times_kept, where, NEVER, axis=0)
        self.values_kept = np.insert(self.values_kept, where, np.nan, axis=0)

    def remember(self, slot: int, time: int, value: float) -> None:
        self.keep(np.array([slot]), np.array([[time]]), np.array([[value]]))

    def keep(self, slots: np.ndarray, times: np.ndarray, values: np.ndarray) -> None:
        """Replace what is kept of these entities."""
        missing = times.shape[1] - self.times_kept.shape[1]
        if missing > 0:
            self.times_kept = np.pad(self.times_kept, ((0, 0), (missing, 0)), constant_values=NEVER)
            self.values_kept = np.pad(self.values_kept, ((0, 0), (missing, 0)), constant_values=np.nan)
        self.times_kept[slots] = NEVER
        self.times_kept[slots, -times.shape[1] :] = times
        self.values_kept[slots, -times.shape[1] :] = values

    def judge(self, batch: Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[Event], Settle]:
        fresh = firsts(batch.slot)
        slots = batch.slot[fresh]
        group = np.cumsum(fresh) - 1
        width = self.times_kept.shape[1]
        every_group = np.concatenate([np.repeat(np.arange(len(slots)), width), group])
        every_time = np.concatenate([self.times_kept[slots].ravel(), batch.time])
        every_value = np.concatenate([self.values_kept[slots].ravel(), values])
        place = np.concatenate([np.full(len(slots) * width, -1), np.arange(len(group))])
        order = np.argsort(every_group, kind="stable")
        order = order[every_time[order] != NEVER]
        every_group, every_time, every_value, place = (column[order] for column in (every_group, every_time, every_value, place))
        moved = self._moved(every_group, every_time, every_value)[place >= 0]
        settle = MoveSettle(self, slots, *self._kept(every_group, every_time, every_value))
        events: list[Event] = []
        instant = micros(now)
        beyond = moved > self.by
        for one in np.unique(batch.slot[beyond | self.holds[batch.slot]]).tolist():
            low, high = int(np.searchsorted(batch.slot, one)), int(np.searchsorted(batch.slot, one, side="right"))
            holds, since, worst = bool(self.holds[one]), int(self.since[one]), float(self.worst[one])
            times, told = int(self.times[one]), int(self.told[one])
            for i in range(low, high):
                time, value = int(batch.time[i]), float(values[i])
                was, holds = holds, bool(beyond[i])
                if holds and not was:
                    since, worst, times = time, value, 0
                times += holds or was
                kind: Kind | None = None
                if holds != was:
                    kind = "raise" if holds else "clear"
                elif holds and i == high - 1 and worth_telling(told, time, instant, self.history):
                    kind = "update"
                if kind:
                    # What was told as history must be told again as soon as the condition holds in the present.
                    told = NEVER if instant - time > self.history else instant
                    events.append(Event(kind, one, int(batch.origin[i]), time, value, worst, self.by, since, times))
            settle.marks[one] = Mark(holds, 0, since, worst, times, told)
        return events, settle

    def _moved(self, group: np.ndarray, time: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return for each row the largest distance to an earlier value of its entity within the span."""
        largest = np.zeros(len(time))
        for lag in range(1, len(time)):
            close = (group[lag:] == group[:-lag]) & (time[lag:] - time[:-lag] <= self.within)
            if not close.any():
                break
            largest[lag:] = np.maximum(largest[lag:], np.where(close, np.abs(value[lag:] - value[:-lag]), 0.0))
        return largest

    def _kept(self, group: np.ndarray, time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the matrices: what a later value may still be compared with."""
        last = np.flatnonzero(lasts(group))
        near = time >= time[last][group] - self.within
        back = last[group] - np.arange(len(group))
        width = int(back[near].max()) + 1
        times, values = np.full((len(last), width), NEVER), np.full((len(last), width), np.nan)
        times[group[near], width - 1 - back[near]] = time[near]
        values[group[near], width - 1 - back[near]] = value[near]
        return times, values


class MoveSettle:
    """What Moves becomes when the batch has committed."""

    def __init__(self, state: Moves, slots: np.ndarray, times: np.ndarray, values: np.ndarray) -> None:
        self.state = state
        self.rule = state.rule.key
        self.marks: dict[int, Mark] = {}
        self.kept = (slots, times, values)

    def apply(self) -> None:
        self.state.keep(*self.kept)
        for slot, mark in self.marks.items():
            self.state.put(slot, mark)

    def changed_runs(self) -> list[tuple[int, int, int]]:
        return []


def worth_telling(told: int, time: int, now: int, history: int) -> bool:
    """Say whether it is worth telling that a condition goes on."""
    if told == NEVER:
        return now - time <= history
    return now - told >= UPDATE_EVERY


def firsts(slot: np.ndarray) -> np.ndarray:
    first = np.ones(len(slot), bool)
    first[1:] = slot[1:] != slot[:-1]
    return first


def lasts(slot: np.ndarray) -> np.ndarray:
    last = np.ones(len(slot), bool)
    last[:-1] = slot[1:] != slot[:-1]
    return last


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros(time: dt.datetime) -> int:
    return (time - _EPOCH) // dt.timedelta(microseconds=1)


def instant(micros: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=int(micros))
