# SPDX-License-Identifier: Apache-2.0
"""Windows of periods: which must be computed when a day was touched, and how they are run together.

A window is what one period needs of time: a local day for hour and day indicators, else the month or the year. Its name
is its first local day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from chengyun.city.words import Period
from chengyun.standards.times import day_bounds, month_bounds, year_bounds

__all__ = ["Chunk", "chunks", "moved_windows", "period_end", "reach", "window_bounds", "window_of"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring windows that are computed by one query. since, until: UTC; parameters: as SQL takes them."""

    starts: tuple[dt.date, ...]
    since: dt.datetime
    until: dt.datetime
    parameters: Mapping[str, Any]


def window_of(period: Period, day: dt.date) -> dt.date:
    """Return the window of a period that a local day lies in."""
    if period == "month":
        return day.replace(day=1)
    if period == "year":
        return day.replace(month=1, day=1)
    return day


def window_bounds(period: Period, start: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return a window's first instant and the first after it, in UTC."""
    if period == "month":
        return month_bounds(start, zone)
    if period == "year":
        return year_bounds(start.year, zone)
    return day_bounds(start, zone)


def reach(since: dt.datetime, days: int, zone: ZoneInfo) -> dt.datetime:
    """Return where reading begins of what looks so many local days back from an instant: a local midnight, in UTC."""
    return since if not days else day_bounds(since.astimezone(zone).date() - dt.timedelta(days=days), zone)[0]


def moved_windows(period: Period, looks_back: int, day: dt.date, today: dt.date) -> set[dt.date]:
    """Return the windows a local day that changed moves: its own, and those that look back on it, up to today's."""
    last = max(day, min(day + dt.timedelta(days=looks_back), today))
    return {window_of(period, day + dt.timedelta(days=after)) for after in range((last - day).days + 1)}


def period_end(period: Period, start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the first instant after the period that starts at an instant, in UTC."""
    if period == "hour":
        return start.astimezone(dt.UTC) + dt.timedelta(hours=1)
    return window_bounds(period, start.astimezone(zone).date(), zone)[1]


def chunks(
    period: Period,
    starts: Iterable[dt.date],
    zone: ZoneInfo,
    parameters: Callable[[dt.date], Mapping[str, Any] | None],
    most_days: int = 31,
) -> list[Chunk]:
    """Run neighbouring windows together, newest first: days of a year, a year of months, one year; never across editions.

    most_days: how many days go together; up to 31, only those of one month do.
    parameters: window → what its SQL is given; None: no edition was in force, so the window has no formula and is left out.
    """
    found: list[Chunk] = []
    run: list[dt.date] = []
    given: Mapping[str, Any] | None = None

    def end() -> None:
        if run and given is not None:
            since, until = window_bounds(period, run[0], zone)[0], window_bounds(period, run[-1], zone)[1]
            found.append(Chunk(tuple(run), since, until, given))
        run.clear()

    for start in sorted(set(starts)):
        mine = parameters(start)
        joined = run and mine == given and len(run) < most_days and _together(period, run[-1], start, zone, most_days)
        if not joined:
            end()
        given = mine
        run.append(start)
    end()
    return found[::-1]


def _together(period: Period, before: dt.date, start: dt.date, zone: ZoneInfo, most_days: int) -> bool:
    if period == "year" or window_bounds(period, before, zone)[1] != window_bounds(period, start, zone)[0]:
        return False
    return before.year == start.year and (period == "month" or most_days > 31 or before.month == start.month)
