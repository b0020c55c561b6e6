# SPDX-License-Identifier: Apache-2.0
"""What a step does to a case, its clock and its stay. Pure: no database, and the same for one step and for a year of them.

services.py calls it for rows it has locked, replay.py for drafts it writes in sets. Both hand in what must be looked up: the
owner, the department and the person.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chengyun.cases import clock as clocks
from chengyun.cases.clock import Basis, Clock
from chengyun.cases.office import Granted, local_day, stay_limit, work_limit, work_time
from chengyun.city import CaseType, State, Transition

__all__ = ["CaseLike", "ClockLike", "Stay", "advance", "begin", "clock_of"]


class CaseLike(Protocol):
    """What a case must carry; models.Case does, and replay.Draft."""

    type: str
    state: str
    ended: bool
    suspended: bool
    emergency: bool
    category: str
    condition: str
    area_code: str
    due_at: dt.datetime
    warn_at: dt.datetime | None
    closed_at: dt.datetime | None
    in_time: bool | None
    stage_since: dt.datetime
    dispatched_at: dt.datetime | None
    handled_at: dt.datetime | None
    verified_at: dt.datetime | None


class ClockLike(Protocol):
    """What a case's own clock must carry; models.CaseClock does, and replay.Draft."""

    limit_s: int
    granted_s: int
    used_s: float
    running_since: dt.datetime | None
    started_at: dt.datetime | None
    basis: str
    edition: dt.date | None
    source: str
    limit_text: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay as models.CaseStage keeps it, without whose it is."""

    state: str
    post: str
    clock: str
    reason: str
    entered_at: dt.datetime
    basis: str
    limit_s: int
    used_s: float
    own_limit: bool
    due_at: dt.datetime | None
    until: dt.datetime | None


def clock_of(row: ClockLike) -> Clock:
    """Return a case's own clock as a value."""
    return Clock(row.limit_s, row.used_s, row.running_since, _basis(row.basis))


def _basis(text: str) -> Basis:
    return "working" if text == "working" else "continuous"


def begin(case: Any, clock: Any, declared: CaseType, first: State, now: dt.datetime) -> Stay:
    """Set a new case's clock and begin its first stay. Raises nothing: what is wrong with a case is found before."""
    _grant(clock, work_limit(case, declared, local_day(now)))
    clock.used_s, clock.running_since, clock.started_at = 0.0, None, None
    case.due_at = clocks.due_after(_basis(clock.basis), now, clock.limit_s, work_time())
    if first.runs_case_clock == "runs":
        clock.running_since = clock.started_at = now
    return _enter(case, clock, first, now, "", None)


def advance(
    case: Any,
    clock: Any,
    declared: CaseType,
    step: Transition,
    now: dt.datetime,
    *,
    reason: str = "",
    until: dt.datetime | None = None,
    asked_until: dt.datetime | None = None,
    other_work: bool = False,
) -> Stay:
    """Take a step that is open: change case and clock, and return the stay it begins.

    case, clock: a CaseLike and a ClockLike. until: what came with the step; asked_until: what the stay before it asked for.
    other_work: whether the category, the condition or the emergency is another one than before the step.
    """
    target = declared.state(step.to)
    if step.counts:
        setattr(case, step.counts, getattr(case, step.counts) + 1)
    if step.charges:
        case.dispatched_at = case.dispatched_at or now
    if step.marks == "handled":
        case.handled_at = now
    elif step.marks == "verified":
        case.verified_at = now
    if target.runs_case_clock == "runs" and clock.started_at is None:
        # The limit is the one in force when the work goes out; it stays with the case from here on.
        _grant(clock, work_limit(case, declared, local_day(now)))
        clock.started_at = now
    elif other_work and clock.started_at is not None:
        _grant_anew(clock, work_limit(case, declared, local_day(now)), now)
    own = clock_of(clock)
    if step.extends:
        own = replace(own, limit_s=own.limit_s + _extra(clock, own, until or asked_until, now))
    own = clocks.move(own, target.runs_case_clock, now, work_time())
    clock.limit_s, clock.used_s, clock.running_since = int(own.limit_s), own.used_s, own.running_since
    return _enter(case, clock, target, now, reason, until or (asked_until if target.clock == "paused" else None))


def _grant(clock: Any, limit: Granted) -> None:
    clock.limit_s = clock.granted_s = limit.seconds
    clock.basis, clock.edition, clock.source, clock.limit_text = limit.basis, limit.edition, limit.source[:200], limit.text


def _grant_anew(clock: Any, limit: Granted, now: dt.datetime) -> None:
    """Give a clock the limit of what the work has turned out to be: what is used stays used, what was added stays added."""
    own, added = clock_of(clock), max(0, clock.limit_s - clock.granted_s)
    if own.running_since is not None:
        settled = clocks.move(own, "paused", now, work_time())
        clock.used_s, clock.running_since = settled.used_s, now
    _grant(clock, limit)
    clock.limit_s = clock.granted_s + added


def _extra(clock: ClockLike, own: Clock, until: dt.datetime | None, now: dt.datetime) -> float:
    """Return the seconds an extension adds: up to the day asked for, at most the first limit once more."""
    if until is None:
        return clock.granted_s
    due = clocks.due_at(own, work_time()) or now
    return min(clocks.elapsed(own.basis, due, until, work_time()), clock.granted_s)


def _enter(case: Any, clock: ClockLike, state: State, now: dt.datetime, said: str, until: dt.datetime | None) -> Stay:
    limit = stay_limit(case.type, state, local_day(now), emergency=case.emergency)
    own = clock_of(clock)
    runs = state.clock == "runs"
    timing = Clock(limit.seconds, 0.0, now if runs else None, limit.basis) if limit else own
    due = _pause_ends(limit, now, until) if state.clock == "paused" else clocks.due_at(timing, work_time()) if runs else None
    used = timing.used_s if limit or own.running_since is None else clocks.view(own, now, work_time()).used.total_seconds()
    reason = f"{state.because}（{said}）" if state.because and state.clock == "paused" and said else state.because
    case.state, case.stage_since, case.suspended = state.key, now, state.suspends
    case.ended = state.clock == "ended"
    case.closed_at = now if case.ended else None
    case.in_time = own.used_s <= own.limit_s if case.ended and not state.drops else None
    case.due_at = due or case.due_at
    case.warn_at = clocks.warn_after(timing, work_time()) if runs else None
    return Stay(
        state.key,
        state.owner,
        state.clock,
        reason[:500],
        now,
        timing.basis,
        int(timing.limit_s),
        used,
        limit is not None,
        due,
        until,
    )


def _pause_ends(limit: Granted | None, now: dt.datetime, until: dt.datetime | None) -> dt.datetime | None:
    last = now + dt.timedelta(seconds=limit.seconds) if limit else None
    return min(last, until) if last and until else last or until
