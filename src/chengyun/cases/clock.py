# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a case's clock. Pure: `now` is an argument.

runs ──paused──▶ stands ──runs──▶ runs ──ended──▶ ended        calendar time, as CaseType.limit counts it
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Clock", "ClockView", "move", "start", "view"]

State = Literal["runs", "paused", "ended"]


@dataclass(frozen=True, slots=True)
class Clock:
    """limit_s: what there is. used_s: used up before `running_since`; running_since: None while it stands or has ended."""

    limit_s: float
    used_s: float
    running_since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock at an instant. share: of the limit that is used, above 1 when overdue. due_at: None while it stands."""

    used: dt.timedelta
    limit: dt.timedelta
    share: float
    running: bool
    due_at: dt.datetime | None
    overdue: bool


def start(limit: dt.timedelta, state: State, now: dt.datetime) -> Clock:
    """Return a new clock, running unless its first state says otherwise."""
    return Clock(limit.total_seconds(), 0.0, now if state == "runs" else None)


def move(clock: Clock, state: State, now: dt.datetime) -> Clock:
    """Return the clock after a step into a state. A clock that runs already goes on as it is."""
    if state == "runs":
        return clock if clock.running_since is not None else replace(clock, running_since=now)
    return replace(clock, used_s=_used(clock, now), running_since=None)


def view(clock: Clock, now: dt.datetime) -> ClockView:
    """Return what the clock shows."""
    used = _used(clock, now)
    left = dt.timedelta(seconds=clock.limit_s - used)
    running = clock.running_since is not None
    return ClockView(
        used=dt.timedelta(seconds=used),
        limit=dt.timedelta(seconds=clock.limit_s),
        share=used / clock.limit_s if clock.limit_s else 1.0,
        running=running,
        due_at=now + left if running else None,
        overdue=used > clock.limit_s,
    )


def _used(clock: Clock, now: dt.datetime) -> float:
    if clock.running_since is None:
        return clock.used_s
    return clock.used_s + max(0.0, (now - clock.running_since).total_seconds())
