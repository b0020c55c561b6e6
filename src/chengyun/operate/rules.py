# SPDX-License-Identifier: Apache-2.0
"""Alert rules on a stream's batches: which subjects begin, go on or cease to need attention.

    quiet ──value beyond limit, `times` in a row──▶ holding ──value back within `clear`──▶ quiet

Pure numpy, no Django, no clock, no database: it runs in the ingest process on every batch. `judge` only looks;
`settle` makes what it saw the state, once the transaction that carried the rows has committed. So that the result does
not depend on how arriving rows were cut into batches, rows are taken in the order they arrived and a row counts only
when its time is later than every row of its entity before it: duplicates, corrections and late rows change nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import Above, AlertRule, Below, Change, City, Limits, Silent, Stream, qualify
from chengyun.errors import Refused, nearest

if TYPE_CHECKING:
    from chengyun.lake.rows import Rows

__all__ = ["Holding", "Named", "RuleWatch", "StreamRule", "Transition", "group_key", "limit_on", "step_limits"]

NEVER = np.iinfo(np.int64).min
SIMULATED = 128
INVALID_SHIFT = 8
UPDATE_EVERY = dt.timedelta(seconds=30)
"""An open alert's newest value is written at most this often: a holding alert must not cost a write per observation."""

GROUP_DIGITS = {"city": 4, "district": 6, "street": 9}
"""How much of an area's code names the area of a level (GB/T 2260, GB/T 10114)."""

Kind = Literal["raise", "update", "clear"]


class Named(NamedTuple):
    """What people call an entity, and where it stands."""

    key: str
    name: str
    area_code: str = ""


class _Named(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def area_code(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that happened to an alert.

    rule, dataset: qualified keys of the rule and of what it watches. since: when the condition began, last_seen: the
    newest observation it speaks of (both phenomenon time). value: the newest value, worst: the farthest beyond the limit.
    times: observations since the condition began. now: when it was noticed.
    """

    kind: Kind
    rule: str
    dataset: str
    subject: str
    subject_name: str
    area_code: str
    value: float | None
    worst: float | None
    limit: float | None
    since: dt.datetime
    last_seen: dt.datetime
    times: int
    now: dt.datetime
    severity: str
    group_key: str = ""
    simulated: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class StreamRule:
    """A rule with the qualified keys around it."""

    key: str
    stream: str
    rule: AlertRule


def step_limits(limit: float | str, limits: Limits, zone: ZoneInfo) -> tuple[np.ndarray, np.ndarray]:
    """Return (instants in µs, values): from each instant on the value is the limit; NaN where none is in force."""
    if not isinstance(limit, str):
        return np.array([NEVER]), np.array([float(limit)])
    table, _, name = limit.partition(":")
    starts, values = [NEVER], [np.nan]
    for entry in limits.editions(table):
        if name not in entry.values:
            raise Refused(f"{limits.file}, {table} of {entry.in_force} has no {name!r}.{nearest(name, entry.values)}")
        starts.append(_micros(dt.datetime.combine(entry.in_force, dt.time(), zone)))
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


def group_key(key: str, rule: AlertRule, area_code: str) -> str:
    """Return what an alert is grouped under: its rule and the area of the level the rule names; empty: by itself."""
    return f"{key}@{area_code[: GROUP_DIGITS[rule.group]]}" if rule.group and area_code else ""


class _Batch(NamedTuple):
    """The rows of a batch that count, grouped by entity in order of arrival. slot: index into the state arrays."""

    slot: np.ndarray
    time: np.ndarray
    origin: np.ndarray


class RuleWatch:
    """Every rule on one stream that its observations can decide (Silent is decided by the clock, elsewhere)."""

    def __init__(self, city: City, stream: str, *, zone: ZoneInfo | None = None) -> None:
        if zone is None:
            from chengyun.config import config  # only here: with a zone given, this module reads no settings

            zone = config().zone
        self.stream = stream
        self.declared: Stream = city.streams[stream]
        pack = stream.split(".")[0]
        self.rules = [
            StreamRule(key, stream, rule)
            for key, rule in city.alerts.items()
            if key.startswith(f"{pack}.") and qualify(pack, rule.on) == stream and not isinstance(rule.when, Silent)
        ]
        bit = {quantity.key: 1 << (INVALID_SHIFT + i) for i, quantity in enumerate(self.declared.quantities)}
        self._ids = np.empty(0, np.int64)
        self._newest = np.empty(0, np.int64)
        self._states: list[_Steps | _Moves] = []
        for one in self.rules:
            invalid = bit[str(one.rule.field)]
            if isinstance(one.rule.when, Change):
                self._states.append(_Moves(one, invalid))
            else:
                self._states.append(_Steps(one, invalid, city.limits(one.key), zone))
        self._pending: _Pending | None = None

    def restore(self, newest: Iterable[tuple[int, dt.datetime]], holdings: Iterable[Holding] = ()) -> None:
        """Take over where an earlier process stopped.

        newest: each entity's newest phenomenon time. holdings: open alerts and runs begun, of this watch's rules.
        """
        seen = {int(entity): _micros(time) for entity, time in newest}
        held = list(holdings)
        self._admit(np.array(sorted({*seen, *(one.entity for one in held)}), np.int64))
        for entity, time in seen.items():
            self._newest[self._slot(entity)] = time
        by_rule = {state.rule.key: state for state in self._states}
        for one in held:
            if one.rule in by_rule:
                by_rule[one.rule].restore(self._slot(one.entity), one)

    def remember(self, field_key: str, values: Iterable[tuple[int, dt.datetime, float]]) -> None:
        """Give rules of change the values that arrived before this process started, oldest first."""
        rows = list(values)
        self._admit(np.array(sorted({int(entity) for entity, _, _ in rows}), np.int64))
        for state in self._states:
            if isinstance(state, _Moves) and state.rule.rule.field == field_key:
                for entity, time, value in rows:
                    state.tail(self._slot(entity), _micros(time), value)

    def judge(
        self, rows: Rows, names: Mapping[int, _Named], now: dt.datetime, *, seq_from: int | None = None
    ) -> list[Transition]:
        """Say what a batch changes, without changing the state.

        names: entity id → what it is called; read only for entities something happens to.
        seq_from: sequence number of the first row, for the evidence.
        """
        self._pending = None
        if not self.rules or not len(rows.entity):
            return []
        self._admit(np.unique(rows.entity).astype(np.int64))
        batch = self._counting(rows)
        if not len(batch.slot):
            return []
        found: list[Transition] = []
        settles: list[_Settle] = []
        for state in self._states:
            values = rows.numbers[str(state.rule.rule.field)][batch.origin]
            quality = rows.quality[batch.origin]
            usable = ~np.isnan(values) & ((quality & state.invalid) == 0)
            part = batch if usable.all() else _Batch(*(column[usable] for column in batch))
            if not len(part.slot):
                continue
            events, settle = state.judge(part, values[usable], now)
            settles.append(settle)
            for event in events:
                entity = int(self._ids[event.slot])
                named = names.get(entity) or Named(str(entity), str(entity))
                found.append(self._transition(state.rule, event, named, rows, now, seq_from))
        newest = self._newest.copy()
        last = _lasts(batch.slot)
        newest[batch.slot[last]] = batch.time[last]
        self._pending = _Pending(newest, settles)
        return found

    def settle(self, transitions: Sequence[Transition] = ()) -> None:  # noqa: ARG002  # names what was committed
        """Make the last judged batch the state. Call after its transaction committed; not calling forgets it."""
        if self._pending is None:
            return
        self._newest = self._pending.newest
        for settle in self._pending.settles:
            settle.apply()
        self._pending = None

    def runs(self) -> list[tuple[str, int, int, dt.datetime]]:
        """Return (rule, entity, observations in a row, since) of runs that are not alerts yet, as the last judge saw them."""
        settles = self._pending.settles if self._pending else []
        return [
            (settle.rule, int(self._ids[slot]), run, _instant(since))
            for settle in settles
            for slot, run, since in settle.changed_runs()
        ]

    def _slot(self, entity: int) -> int:
        return int(np.searchsorted(self._ids, entity))

    def _admit(self, ids: np.ndarray) -> None:
        """Make room for entities not seen before; the state arrays stay sorted by entity id."""
        if not len(ids):
            return
        at = np.searchsorted(self._ids, ids)
        known = at < len(self._ids)
        known[known] = self._ids[at[known]] == ids[known]
        if known.all():
            return
        fresh, where = ids[~known], at[~known]
        self._ids = np.insert(self._ids, where, fresh)
        self._newest = np.insert(self._newest, where, NEVER)
        for state in self._states:
            state.widen(where)

    def _counting(self, rows: Rows) -> _Batch:
        slot = np.searchsorted(self._ids, rows.entity)
        order = np.argsort(slot, kind="stable")
        slot, time = slot[order], rows.time[order]
        first = _firsts(slot)
        # The newest time before each row: a running maximum that starts anew for each entity. Ranks keep the
        # segments apart in one pass: a later entity's rank is always higher than any of an earlier one.
        _, rank = np.unique(time, return_inverse=True)
        lifted = rank + np.cumsum(first) * (len(time) + 1)
        before = np.empty_like(lifted)
        before[1:] = np.maximum.accumulate(lifted)[:-1]
        keep = (first | (lifted > np.where(first, lifted, before))) & (time > self._newest[slot])
        return _Batch(slot[keep], time[keep], order[keep])

    def _transition(
        self, rule: StreamRule, event: _Event, named: _Named, rows: Rows, now: dt.datetime, seq_from: int | None
    ) -> Transition:
        evidence: dict[str, Any] = {
            "stream": self.stream,
            "field": rule.rule.field,
            "subject": named.key,
            "time": _instant(event.time).isoformat(),
            "value": event.value,
        }
        if seq_from is not None:
            evidence["seq"] = seq_from + event.origin
        return Transition(
            kind=event.kind,
            rule=rule.key,
            dataset=self.stream,
            subject=named.key,
            subject_name=named.name,
            area_code=named.area_code,
            value=event.value,
            worst=event.worst,
            limit=event.limit,
            since=_instant(event.since),
            last_seen=_instant(event.time),
            times=event.times,
            now=now,
            severity=rule.rule.severity,
            group_key=group_key(rule.key, rule.rule, named.area_code),
            simulated=bool(rows.quality[event.origin] & SIMULATED),
            evidence=evidence,
        )


class _Event(NamedTuple):
    kind: Kind
    slot: int
    origin: int
    time: int
    value: float
    worst: float
    limit: float | None
    since: int
    times: int


class _Settle(Protocol):
    rule: str

    def apply(self) -> None: ...
    def changed_runs(self) -> list[tuple[int, int, int]]: ...


class _Pending(NamedTuple):
    newest: np.ndarray
    settles: list[_Settle]


class _Marks:
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

    def restore(self, slot: int, one: Holding) -> None:
        self.holds[slot] = one.holds
        self.run[slot] = one.run
        self.since[slot] = _micros(one.since)
        self.worst[slot] = np.nan if one.worst is None else one.worst
        self.times[slot] = one.times


class _Steps(_Marks):
    """Above and Below: Below is Above with the sign turned."""

    def __init__(self, rule: StreamRule, invalid: int, limits: Limits, zone: ZoneInfo) -> None:
        super().__init__()
        self.rule = rule
        self.invalid = invalid
        when = rule.rule.when
        assert isinstance(when, Above | Below)  # for the type checker: RuleWatch chose the class by it
        self.sign = 1.0 if isinstance(when, Above) else -1.0
        self.wanted = when.times
        self.clear = when.clear
        self.starts, self.limits = step_limits(when.limit, limits, zone)

    def judge(self, batch: _Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[_Event], _Settle]:
        slot = batch.slot
        limit = self.limits[np.searchsorted(self.starts, batch.time, side="right") - 1]
        signed = values * self.sign
        beyond = signed > limit * self.sign
        within = signed <= (limit if self.clear is None else np.float64(self.clear)) * self.sign
        if not beyond.any() and not self.holds[slot].any() and not self.run[slot].any():
            return [], _StepSettle(self, {})
        return self._walk(batch, values, limit, beyond, within, now)

    def _walk(
        self, batch: _Batch, values: np.ndarray, limit: np.ndarray, beyond: np.ndarray, within: np.ndarray, now: dt.datetime
    ) -> tuple[list[_Event], _Settle]:
        slot = batch.slot
        index = np.arange(len(slot))
        first = _firsts(slot)
        start = np.maximum.accumulate(np.where(first, index, 0))
        broken = np.maximum.accumulate(np.where(~beyond, index, -1))
        carried = broken < start
        run = np.where(beyond, index - np.where(carried, start - 1, broken) + np.where(carried, self.run[slot], 0), 0)
        reached = run >= self.wanted
        turn = np.maximum.accumulate(np.where(reached | within, index, -1))
        after = np.where(turn >= start, reached[turn], self.holds[slot])
        before = np.where(first, self.holds[slot], np.roll(after, 1))
        events: list[_Event] = []
        marks: dict[int, tuple[bool, int, int, float, int, int]] = {}
        instant = _micros(now)
        # Only entities something is going on with are walked row by row; the rest of the batch stays in numpy.
        busy = np.unique(slot[beyond | before | after | (first & (self.run[slot] > 0))])
        for one in busy:
            low, high = int(np.searchsorted(slot, one)), int(np.searchsorted(slot, one, side="right"))
            since, worst, times, told = int(self.since[one]), float(self.worst[one]), int(self.times[one]), int(self.told[one])
            for i in range(low, high):
                time, value = int(batch.time[i]), float(values[i])
                known_limit = None if np.isnan(limit[i]) else float(limit[i])
                if not before[i] and run[i] == 1:
                    since, worst, times = time, np.nan, 0
                if run[i] or before[i]:
                    times += 1
                    worst = value if np.isnan(worst) or (value - worst) * self.sign > 0 else worst
                kind: Kind | None = None
                if after[i] != before[i]:
                    kind = "raise" if after[i] else "clear"
                elif after[i] and i == high - 1 and instant - told >= UPDATE_EVERY // dt.timedelta(microseconds=1):
                    kind = "update"
                if kind:
                    told = instant
                    event = _Event(kind, int(one), int(batch.origin[i]), time, value, worst, known_limit, since, times)
                    events.append(event)
            marks[int(one)] = (bool(after[high - 1]), int(run[high - 1]), since, worst, times, told)
        return events, _StepSettle(self, marks)


class _StepSettle:
    def __init__(self, state: _Steps, marks: dict[int, tuple[bool, int, int, float, int, int]]) -> None:
        self.state = state
        self.rule = state.rule.key
        self.marks = marks

    def apply(self) -> None:
        state = self.state
        for slot, mark in self.marks.items():
            state.holds[slot], state.run[slot], state.since[slot], state.worst[slot], state.times[slot], state.told[slot] = mark

    def changed_runs(self) -> list[tuple[int, int, int]]:
        if self.state.wanted == 1:
            return []
        return [
            (slot, 0 if holds else run, since)
            for slot, (holds, run, since, *_) in self.marks.items()
            if (0 if holds else run) != (0 if self.state.holds[slot] else self.state.run[slot])
        ]


class _Moves(_Marks):
    """Change: the value against every value of the same entity not older than the span."""

    def __init__(self, rule: StreamRule, invalid: int) -> None:
        super().__init__()
        self.rule = rule
        self.invalid = invalid
        when = rule.rule.when
        assert isinstance(when, Change)  # for the type checker: RuleWatch chose the class by it
        self.by = when.by
        self.within = when.within // dt.timedelta(microseconds=1)
        self.tails: list[tuple[np.ndarray, np.ndarray]] = []

    def widen(self, where: np.ndarray) -> None:
        super().widen(where)
        for offset, at in enumerate(where):
            self.tails.insert(int(at) + offset, (np.empty(0, np.int64), np.empty(0)))

    def tail(self, slot: int, time: int, value: float) -> None:
        times, values = self.tails[slot]
        self.tails[slot] = (np.append(times, time), np.append(values, value))

    def judge(self, batch: _Batch, values: np.ndarray, now: dt.datetime) -> tuple[list[_Event], _Settle]:
        events: list[_Event] = []
        marks: dict[int, tuple[bool, int, float, int, int]] = {}
        tails: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        edges = np.append(np.flatnonzero(_firsts(batch.slot)), len(batch.slot))
        for low, high in pairwise(edges.tolist()):
            one = int(batch.slot[low])
            old_times, old_values = self.tails[one]
            times, all_values = np.append(old_times, batch.time[low:high]), np.append(old_values, values[low:high])
            moved = self._moved(times, all_values)[len(old_times) :]
            keep = times >= times[-1] - self.within
            tails[one] = (times[keep], all_values[keep])
            holds, since, worst = bool(self.holds[one]), int(self.since[one]), float(self.worst[one])
            count, told = int(self.times[one]), int(self.told[one])
            if not holds and not (moved > self.by).any():
                continue
            for i, move in enumerate(moved):
                time, value, beyond = int(batch.time[low + i]), float(values[low + i]), bool(move > self.by)
                kind: Kind | None = None
                if beyond and not holds:
                    kind, since, worst, count = "raise", time, value, 0
                elif holds and not beyond:
                    kind = "clear"
                elif holds and low + i == high - 1 and _micros(now) - told >= UPDATE_EVERY // dt.timedelta(microseconds=1):
                    kind = "update"
                if beyond or holds:
                    count += 1
                holds = beyond
                if kind:
                    told = _micros(now)
                    origin = int(batch.origin[low + i])
                    events.append(_Event(kind, one, origin, time, value, worst, self.by, since, count))
            marks[one] = (holds, since, worst, count, told)
        return events, _MoveSettle(self, marks, tails)

    def _moved(self, times: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return for each row the largest distance to an earlier value within the span."""
        largest = np.zeros(len(times))
        for lag in range(1, len(times)):
            close = times[lag:] - times[:-lag] <= self.within
            if not close.any():
                break
            largest[lag:] = np.maximum(largest[lag:], np.where(close, np.abs(values[lag:] - values[:-lag]), 0.0))
        return largest


class _MoveSettle:
    def __init__(
        self,
        state: _Moves,
        marks: dict[int, tuple[bool, int, float, int, int]],
        tails: dict[int, tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self.state = state
        self.rule = state.rule.key
        self.marks = marks
        self.tails = tails

    def apply(self) -> None:
        state = self.state
        for slot, tail in self.tails.items():
            state.tails[slot] = tail
        for slot, mark in self.marks.items():
            state.holds[slot], state.since[slot], state.worst[slot], state.times[slot], state.told[slot] = mark

    def changed_runs(self) -> list[tuple[int, int, int]]:
        return []


def _firsts(slot: np.ndarray) -> np.ndarray:
    first = np.ones(len(slot), bool)
    first[1:] = slot[1:] != slot[:-1]
    return first


def _lasts(slot: np.ndarray) -> np.ndarray:
    last = np.ones(len(slot), bool)
    last[:-1] = slot[1:] != slot[:-1]
    return last


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _micros(time: dt.datetime) -> int:
    return (time - _EPOCH) // dt.timedelta(microseconds=1)


def _instant(micros: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=int(micros))
