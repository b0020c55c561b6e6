# SPDX-License-Identifier: Apache-2.0
"""Days, months and years as a place lives them, and instants as machines write them.

An instant is aware and compared in UTC; a day is a local date. A local day is not always 24 hours long: China kept
daylight saving time from 1986 to 1991, so the zone's history decides, never a fixed offset of eight hours.
"""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["day_bounds", "days_between", "local_day", "month_bounds", "parse_instant", "year_bounds"]

_MILLISECOND = dt.timedelta(milliseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HAS_TIME = re.compile(r"\d{4}-?\d{2}-?\d{2}[Tt ]\d{2}")


def local_day(instant: dt.datetime, zone: dt.tzinfo) -> dt.date:
    """Return the date a calendar on the wall shows at that instant. Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no offset, so its day cannot be told. Give an aware datetime.")
    return instant.astimezone(zone).date()


def day_bounds(day: dt.date, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of a local day and the first of the next, in UTC."""
    return _start(day, zone), _start(day + dt.timedelta(days=1), zone)


def month_bounds(day: dt.date, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of the day's local month and the first of the next month, in UTC."""
    first = day.replace(day=1)
    return _start(first, zone), _start((first + dt.timedelta(days=31)).replace(day=1), zone)


def year_bounds(year: int, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the first instant of a local year and the first of the next, in UTC."""
    return _start(dt.date(year, 1, 1), zone), _start(dt.date(year + 1, 1, 1), zone)


def days_between(since: dt.datetime, until: dt.datetime, zone: dt.tzinfo) -> list[dt.date]:
    """Return every local day that has an instant in [since, until), in order; none when until is not after since."""
    if until <= since:
        return []
    first, last = local_day(since, zone), local_day(until - dt.timedelta(microseconds=1), zone)
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def parse_instant(text: str | int, zone: dt.tzinfo | None = None) -> dt.datetime:
    """Return the instant, in UTC, that a source wrote: ISO 8601, or whole milliseconds since 1970 as a number.

    zone: what a time without an offset is local to; None: such a time is refused. Of an hour that a clock shows twice
        in autumn, the first is meant.
    Raises ValueError with what was read and what was expected.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError(f"{text!r} is not a time. Write ISO 8601 with an offset, or milliseconds since 1970.")
    if isinstance(text, int):
        try:
            return _EPOCH + text * _MILLISECOND
        except OverflowError:
            raise ValueError(f"{text} is not a time: milliseconds since 1970 reach from year 1 to year 9999.") from None
    if not _HAS_TIME.match(text):
        raise ValueError(f"{text[:40]!r} is not a time. Write ISO 8601, for example 2026-03-01T08:00:00+08:00.")
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError as wrong:
        raise ValueError(f"{text[:40]!r} is not a time: {wrong}. Write ISO 8601, e.g. 2026-03-01T08:00:00+08:00.") from None
    if read.tzinfo is None and zone is None:
        raise ValueError(f"{text[:40]!r} has no offset from UTC. Write, for example, {text[:40]}+08:00.")
    local = read if read.tzinfo is not None else read.replace(tzinfo=zone)
    try:
        instant = local.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError(f"{text[:40]!r} is outside the years 1 to 9999 in UTC.") from None
    if read.tzinfo is None and instant.astimezone(zone).replace(tzinfo=None) != read:
        raise ValueError(f"{text[:40]!r} never was: the clocks of {zone} were put forward over it. Write it with its offset.")
    return instant


def _start(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    # fold=0 is right in both odd cases: a midnight skipped becomes the instant of the jump, one shown twice its first.
    return dt.datetime.combine(day, dt.time.min, tzinfo=zone).astimezone(dt.UTC)
