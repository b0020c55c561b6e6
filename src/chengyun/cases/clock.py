# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a case's clocks. Pure: `now` and the office hours are arguments.

runs ──paused──▶ stands ──runs──▶ runs ──ended──▶ ended        around the clock, or in office hours alone
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

from chengyun.standards.calendar import WorkTime

__all__ = ["WARN_SHARE", "Basis", "Clock", "ClockView", "Colour", "due_after", "elapsed", "move", "view", "warn_after"]

Runs = Literal["runs", "paused", "ended"]
Basis = Literal["continuous", "working"]
Colour = Literal["green", "yellow", "red", "paused", "ended"]

WARN_SHARE = 0.8
"""Up to this share of the limit a case is green, up to the whole yellow, beyond it red (红黄绿灯)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """limit_s: what there is. used_s: used up before `running_since`; running_since: None while it stands or has ended."""

    limit_s: float
    used_s: float
    running_since: dt.datetime | None
    basis: Basis = "continuous"


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock at an instant. share: of the limit that is used, above 1 when overdue. due_at: None while it stands.

    basis: whether `used` and `limit` are office hours. colour: of the traffic light, or why there is none.
    """

    used: dt.timedelta
    limit: dt.timedelta
    share: float
    running: bool
    due_at: dt.datetime | None
    overdue: bool
    basis: Basis = "continuous"
    colour: Colour = "green"

    @property
    def left(self) -> dt.timedelta:
        """Time left; below zero when it is overdue."""
        return self.limit - self.used


def elapsed(basis: Basis, since: dt.datetime, until: dt.datetime, work: WorkTime) -> float:
    """Return the seconds counted between two instants; 0 when the second is not later."""
    if until <= since:
        return 0.0
    return (work.worked(since, until) if basis == "working" else until - since).total_seconds()


def due_after(basis: Basis, start: dt.datetime, seconds: float, work: WorkTime) -> dt.datetime:
    """Return when so many seconds have been counted; the start itself for none."""
    span = dt.timedelta(seconds=max(0.0, seconds))
    return work.add(start, span) if basis == "working" else start + span


def move(clock: Clock, runs: Runs, now: dt.datetime, work: WorkTime) -> Clock:
    """Return the clock after a step into a state. A clock that runs already goes on as it is."""
    if runs == "runs":
        return clock if clock.running_since is not None else replace(clock, running_since=now)
    return replace(clock, used_s=_used(clock, now, work), running_since=None)


def warn_after(clock: Clock, work: WorkTime) -> dt.datetime | None:
    """Return when a running clock turns yellow; when it was started at the earliest. None while it stands."""
    if clock.running_since is None:
        return None
    return due_after(clock.basis, clock.running_since, WARN_SHARE * clock.limit_s - clock.used_s, work)


def due_at(clock: Clock, work: WorkTime) -> dt.datetime | None:
    """Return when a running clock's limit is used up; None while it stands.

    Of one that ran beyond its limit before it stood, this is when it was started again.
    """
    if clock.running_since is None:
        return None
    return due_after(clock.basis, clock.running_since, clock.limit_s - clock.used_s, work)


def view(clock: Clock, now: dt.datetime, work: WorkTime, *, ended: bool = False) -> ClockView:
    """Return what the clock shows."""
    used = _used(clock, now, work)
    running = clock.running_since is not None
    share = used / clock.limit_s if clock.limit_s else 1.0
    lamp: Colour = "green" if share <= WARN_SHARE else "yellow" if share <= 1 else "red"
    return ClockView(
        used=dt.timedelta(seconds=used),
        limit=dt.timedelta(seconds=clock.limit_s),
        share=share,
        running=running,
        due_at=due_at(clock, work),
        overdue=used > clock.limit_s,
        basis=clock.basis,
        colour=lamp if running else "ended" if ended else "paused",
    )


def _used(clock: Clock, now: dt.datetime, work: WorkTime) -> float:
    if clock.running_since is None:
        return clock.used_s
    return clock.used_s + elapsed(clock.basis, clock.running_since, now, work)
