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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import AlertRule, Change, City, Limits, Silent, Stream, Together, Unusual, Within, qualify
from chengyun.operate.conditions import (
    NEVER,
    Batch,
    Event,
    Holding,
    Kind,
    Moves,
    Settle,
    State,
    StreamRule,
    firsts,
    history_after,
    instant,
    lasts,
    limit_on,
    micros,
    step_limits,
)
from chengyun.operate.fences import Fence, rings_of
from chengyun.operate.steps import Steps

if TYPE_CHECKING:
    from chengyun.lake.rows import Rows
    from chengyun.operate.detectors.condition import Oddities

__all__ = ["Holding", "Named", "RuleWatch", "StreamRule", "Transition", "group_key", "limit_on", "step_limits"]

SIMULATED = 128
INVALID_SHIFT = 8

GROUP_DIGITS = {"city": 4, "district": 6, "street": 9}
"""How much of an area's code names the area of a level (GB/T 2260, GB/T 10114)."""


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
    times: observations since the condition began. now: when it was noticed. historic: it speaks of a time long past when it
    was noticed, as when years of history are loaded: it is written down and calls nobody. quiet: its rule is on probation: it
    is counted and calls nobody.
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
    historic: bool = False
    quiet: bool = False


def group_key(key: str, rule: AlertRule, area_code: str) -> str:
    """Return what an alert is grouped under: its rule and the area of the level the rule names; empty: by itself."""
    return f"{key}@{area_code[: GROUP_DIGITS[rule.group]]}" if rule.group and area_code else ""


class RuleWatch:
    """Every rule on one stream that its observations can decide (Silent and Together are decided elsewhere).

    rules: qualified key → rule; None: those the city's packs declare. quiet: keys of those on probation.
    boundaries: area code → its boundary as WKB, for rules that watch one.
    """

    def __init__(
        self, city: City, stream: str, *, zone: ZoneInfo | None = None, rules: Mapping[str, AlertRule] | None = None,
        quiet: Collection[str] = (), boundaries: Mapping[str, bytes] | None = None,
    ) -> None:  # fmt: skip
        if zone is None:
            from chengyun.config import config  # only here: with a zone given, this module reads no settings

            zone = config().zone
        self.stream = stream
        self.declared: Stream = city.streams[stream]
        self.quiet = frozenset(quiet)
        self.rules = [
            StreamRule(key, stream, rule)
            for key, rule in (city.alerts if rules is None else rules).items()
            if qualify(key.split(".")[0], rule.on) == stream and not isinstance(rule.when, Silent | Together)
        ]
        bit = {quantity.key: 1 << (INVALID_SHIFT + i) for i, quantity in enumerate(self.declared.quantities)}
        self._ids = np.empty(0, np.int64)
        self._newest = np.empty(0, np.int64)
        self._states = [
            _state(one, bit, self.declared.cadence, city.limits(one.key), zone, boundaries or {})
            for one in self.rules
            if not isinstance(one.rule.when, Within) or one.rule.when.area in (None, *(boundaries or {}))
        ]
        self._pending: _Pending | None = None

    def restore(self, newest: Iterable[tuple[int, dt.datetime]], holdings: Iterable[Holding] = ()) -> None:
        """Take over where an earlier process stopped.

        newest: each entity's newest phenomenon time. holdings: open alerts and runs begun, of this watch's rules.
        """
        seen = {int(entity): micros(time) for entity, time in newest}
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
            if isinstance(state, Moves) and state.rule.rule.field == field_key:
                for entity, time, value in rows:
                    state.remember(self._slot(entity), micros(time), value)

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
        settles: list[Settle] = []
        readings: dict[tuple[object, ...], _Reading | None] = {}
        for state in self._states:
            source = state.source()
            if source not in readings:
                readings[source] = _Reading.of(state, batch, rows)
            reading = readings[source]
            if reading is None or state.silent_about(reading.lowest, reading.highest):
                continue
            events, settle = state.judge(reading.batch, reading.values, now)
            settles.append(settle)
            for event in events:
                entity = int(self._ids[event.slot])
                named = names.get(entity) or Named(str(entity), str(entity))
                found.append(self._transition(state.rule, event, named, rows, now, seq_from))
        newest = self._newest.copy()
        last = lasts(batch.slot)
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
            (settle.rule, int(self._ids[slot]), run, instant(since))
            for settle in settles
            for slot, run, since in settle.changed_runs()
        ]

    def oddities(self) -> list[tuple[Oddities, np.ndarray]]:
        """Return the rules that learn, each with the entity at every slot."""
        return [(state, self._ids) for state in self._states if isinstance(state.rule.rule.when, Unusual)]  # type: ignore[misc]

    def slot(self, entity: int) -> int:
        """Return where an entity's state stands; it has been admitted."""
        return self._slot(entity)

    def admit(self, entities: Iterable[int]) -> None:
        """Make room for entities."""
        self._admit(np.array(sorted(set(entities)), np.int64))

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

    def _counting(self, rows: Rows) -> Batch:
        slot = np.searchsorted(self._ids, rows.entity)
        order = np.argsort(slot, kind="stable")
        slot, time = slot[order], rows.time[order]
        first = firsts(slot)
        if (first[1:] | (time[1:] > time[:-1])).all():  # nothing came late: what counts is what is newer than what was known
            keep = time > self._newest[slot]
            return Batch(slot, time, order) if keep.all() else Batch(slot[keep], time[keep], order[keep])
        # The newest time before each row: a running maximum that starts anew for each entity. Ranks keep the
        # segments apart in one pass: a later entity's rank is always higher than any of an earlier one.
        _, rank = np.unique(time, return_inverse=True)
        lifted = rank + np.cumsum(first) * (len(time) + 1)
        before = np.empty_like(lifted)
        before[1:] = np.maximum.accumulate(lifted)[:-1]
        keep = (first | (lifted > np.where(first, lifted, before))) & (time > self._newest[slot])
        return Batch(slot[keep], time[keep], order[keep])

    def _transition(
        self, rule: StreamRule, event: Event, named: _Named, rows: Rows, now: dt.datetime, seq_from: int | None
    ) -> Transition:
        evidence: dict[str, Any] = {
            "stream": self.stream,
            "field": rule.rule.field,
            "subject": named.key,
            "time": instant(event.time).isoformat(),
            "value": event.value,
        }
        evidence |= event.note or {}
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
            since=instant(event.since),
            last_seen=instant(event.time),
            times=event.times,
            now=now,
            severity=rule.rule.severity,
            group_key=group_key(rule.key, rule.rule, named.area_code),
            simulated=bool(rows.quality[event.origin] & SIMULATED),
            evidence=evidence,
            historic=now - instant(event.time) > history_after(self.declared.cadence),
            quiet=rule.key in self.quiet,
        )


class _Pending(NamedTuple):
    newest: np.ndarray
    settles: list[Settle]


class _Reading(NamedTuple):
    """What rules of one source see of a batch."""

    batch: Batch
    values: np.ndarray
    lowest: float
    highest: float

    @classmethod
    def of(cls, state: State, batch: Batch, rows: Rows) -> _Reading | None:
        values, usable = state.read(rows, batch.origin)
        if not usable.all():
            batch, values = Batch(*(column[usable] for column in batch)), values[usable]
        return cls(batch, values, float(values.min()), float(values.max())) if len(values) else None


def _state(
    one: StreamRule, bit: Mapping[str, int], cadence: dt.timedelta | None, limits: Limits, zone: ZoneInfo,
    boundaries: Mapping[str, bytes],
) -> State:  # fmt: skip
    """Return the memory a rule's condition needs."""
    when = one.rule.when
    if isinstance(when, Change):
        return Moves(one, bit[str(one.rule.field)], cadence)
    if isinstance(when, Unusual):
        from chengyun.operate.detectors.condition import Oddities  # it stands on this module's neighbours

        return Oddities(one, bit, cadence, zone)
    if isinstance(when, Within):
        shape = boundaries[when.area] if when.area is not None else when.polygon
        fence = Fence(rings_of(shape), when.outside, when.lon, when.lat)
        return Steps(one, bit[when.lon] | bit[when.lat], cadence, limits, zone, fence)
    return Steps(one, bit[str(one.rule.field)], cadence, limits, zone)
