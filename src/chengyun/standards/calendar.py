# SPDX-License-Identifier: Apache-2.0
"""Working days and office hours in China, and the counting of time in them.

Which days are off and which weekends are worked is published year by year (国务院办公厅关于节假日安排的通知); PyPI
chinesecalendar carries the notices. A year without a notice is unknown: it is refused, or with `guess` counted Monday to
Friday. A city adds days in a file of its own before a new release does (read_days).

    WorkingDays   a date → does it count as a working day; add working days
    OfficeHours   which windows of a day are worked, by season and edition
    WorkTime      both together as one running sum of worked time: how much lies between two instants, when so much is over
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chengyun.errors import Misdeclared, Unavailable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CalendarUnknown", "OfficeHours", "Season", "WorkTime", "WorkingDays", "official_days", "read_days", "read_hours"]

HOURS = Path(__file__).with_name("office_hours.toml")
GUESSED_YEARS = 4
"""How far beyond the last notice deadlines are still estimated, where that is asked for."""

_DAY = dt.timedelta(days=1)
_US = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class CalendarUnknown(Unavailable):
    """No notice says which days of the year are worked."""


@dataclass(frozen=True)
class WorkingDays:
    """The working days of the years first to last.

    off: weekdays that are not worked. worked: Saturdays and Sundays that are (调休).
    guess: count years beyond `last` Monday to Friday, for estimates; else they raise CalendarUnknown.
    """

    first: int
    last: int
    off: frozenset[dt.date]
    worked: frozenset[dt.date]
    guess: bool = False

    def is_working(self, day: dt.date) -> bool:
        """Say whether a day is a working day. Raises CalendarUnknown for a year without a notice."""
        if not self.knows(day) and not self.guess:
            raise CalendarUnknown(
                f"Which days of {day.year} are worked is not known: there are notices for {self.first} to {self.last}. "
                "Add the year's days to the file CHENGYUN_HOLIDAYS names."
            )
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def knows(self, day: dt.date) -> bool:
        return self.first <= day.year <= self.last

    def add(self, start: dt.date, days: int) -> dt.date:
        """Return the day on which so many working days are over; the start is not counted (期间开始之日不计入)."""
        day = start
        while days > 0:
            day += _DAY
            days -= self.is_working(day)
        return day

    def next_working(self, day: dt.date) -> dt.date:
        """Return the day itself, or the first working day after it: where a legal period that ends on a holiday ends."""
        while not self.is_working(day):
            day += _DAY
        return day

    def between(self, since: dt.date, until: dt.date) -> int:
        """Return how many working days lie in [since, until)."""
        return sum(self.is_working(since + dt.timedelta(days=number)) for number in range((until - since).days))


@functools.cache
def official_days() -> WorkingDays:
    """Return the working days of all years a notice was published for."""
    from chinese_calendar import constants

    off = frozenset(day for day in constants.holidays if day.weekday() < 5)
    years = {day.year for day in constants.holidays}
    return WorkingDays(min(years), max(years), off, frozenset(constants.workdays))


def read_days(path: Path, known: WorkingDays | None = None) -> WorkingDays:
    """Return the working days with a city's own file over them.

    path: CSV with `date` and `works` (0 or 1), and any other columns. A year named in it that follows the last known one
    becomes known. Raises Misdeclared naming the file.
    """
    known = known or official_days()
    off, worked, years = set(known.off), set(known.worked), {known.last}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                day = dt.date.fromisoformat(row["date"])
                works = {"1": True, "0": False}[row["works"].strip()]
                (off.discard if works else off.add)(day)
                (worked.add if works and day.weekday() >= 5 else worked.discard)(day)
                years.add(day.year)
    except (OSError, ValueError, KeyError, AttributeError) as wrong:
        raise Misdeclared(
            [f"{path.name} is not a list of days: {wrong!r}. Expected lines of date (YYYY-MM-DD) and works (0, 1)."]
        ) from wrong
    last = known.last
    while last + 1 in years:
        last += 1
    return WorkingDays(known.first, last, frozenset(off), frozenset(worked), known.guess)


@dataclass(frozen=True, slots=True)
class Season:
    """Office hours of part of the year. since, until: month and day, both inclusive; it may run over New Year."""

    windows: tuple[tuple[dt.time, dt.time], ...]
    since: tuple[int, int] = (1, 1)
    until: tuple[int, int] = (12, 31)

    def holds(self, day: dt.date) -> bool:
        at = (day.month, day.day)
        return self.since <= at <= self.until if self.since <= self.until else at >= self.since or at <= self.until


@dataclass(frozen=True)
class OfficeHours:
    """Editions of office hours: (day it came into force, seasons), oldest first."""

    editions: tuple[tuple[dt.date, tuple[Season, ...]], ...]

    def windows(self, day: dt.date) -> tuple[tuple[dt.time, dt.time], ...]:
        """Return the windows worked on a working day; none before the first edition."""
        index = bisect_right(self.editions, day, key=lambda one: one[0]) - 1
        if index < 0:
            return ()
        return next((season.windows for season in self.editions[index][1] if season.holds(day)), ())

    def day_seconds(self, day: dt.date) -> int:
        """Return how long a working day is: what 工作日 stands for in a limit."""
        return sum(_seconds(closes) - _seconds(opens) for opens, closes in self.windows(day))


def read_hours(path: Path = HOURS) -> OfficeHours:
    """Read office hours. Raises Misdeclared naming the file."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["hours"]
        found: dict[dt.date, list[Season]] = {}
        for table in tables:
            found.setdefault(table["in_force"], []).append(_season(table))
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise Misdeclared(
            [f"{path.name} does not say the office hours: {wrong!r}. Expected [[hours]] tables: in_force, source, windows."]
        ) from wrong
    return OfficeHours(tuple((day, tuple(seasons)) for day, seasons in sorted(found.items())))


def _season(table: Mapping[str, Any]) -> Season:
    windows = tuple((dt.time.fromisoformat(a), dt.time.fromisoformat(b)) for a, b in table["windows"])
    flat = [time for window in windows for time in window]
    if flat != sorted(set(flat)):
        raise ValueError(f"windows {table['windows']} do not follow each other")
    since, until = (
        tuple(int(part) for part in table.get(name, given).split("-")) for name, given in (("from", "01-01"), ("to", "12-31"))
    )
    return Season(windows, (since[0], since[1]), (until[0], until[1]))


@dataclass(frozen=True)
class WorkTime:
    """Worked time as one running sum: windows in order, and how much was worked when each began. In microseconds since 1970.

    Instants before the first window count as its start, those after the last as its end; `until` tells where that is.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    sums: Sequence[int] = field(repr=False)
    until: dt.datetime

    @classmethod
    def of(
        cls, days: WorkingDays, hours: OfficeHours, zone: dt.tzinfo, first: int | None = None, last: int | None = None
    ) -> WorkTime:
        """Lay out the worked windows of the years first to last; None: all that are known, or guessed."""
        first = max(days.first, first or days.first)
        last = last or (days.last + GUESSED_YEARS if days.guess else days.last)
        starts, ends, sums, total = [], [], [], 0
        day, end = dt.date(first, 1, 1), dt.date(last + 1, 1, 1)
        while day < end:
            for opens, closes in hours.windows(day) if days.is_working(day) else ():
                start, stop = _micros(dt.datetime.combine(day, opens, zone)), _micros(dt.datetime.combine(day, closes, zone))
                starts.append(start)
                ends.append(stop)
                sums.append(total)
                total += stop - start
            day += _DAY
        return cls(starts, ends, sums, dt.datetime.combine(end, dt.time.min, zone).astimezone(dt.UTC))

    def worked(self, since: dt.datetime, until: dt.datetime) -> dt.timedelta:
        """Return the time worked between two instants; negative when they are the other way round."""
        self._reaches(max(since, until))
        return (self._sum(_micros(until)) - self._sum(_micros(since))) * _US

    def add(self, start: dt.datetime, span: dt.timedelta) -> dt.datetime:
        """Return the instant, in UTC, at which the span has been worked: at the end of a window rather than the next start."""
        if span <= dt.timedelta(0):
            return start.astimezone(dt.UTC)
        self._reaches(start)
        target = self._sum(_micros(start)) + span // _US
        at = bisect_left(self.sums, target) - 1
        found = self.starts[at] + target - self.sums[at] if at >= 0 else self.starts[0]
        if found > self.ends[at]:
            raise CalendarUnknown(
                f"{span} of office hours from {start:%Y-%m-%d} on reach beyond {self.until:%Y}, the last year known."
            )
        return _EPOCH + found * _US

    def worked_many(self, since: npt.NDArray[np.int64], until: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `worked`, for arrays of microseconds since 1970."""
        return self._sums(until) - self._sums(since)

    def add_many(self, start: npt.NDArray[np.int64], span: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `add`, for arrays of microseconds since 1970."""
        import numpy as np

        starts, ends, sums = self._arrays
        target = self._sums(start) + span
        at = np.maximum(np.searchsorted(sums, target, side="left") - 1, 0)
        found: npt.NDArray[np.int64] = np.where(span <= 0, start, starts[at] + target - sums[at])
        if bool(np.any((found > ends[at]) & (span > 0))):
            raise CalendarUnknown(f"Deadlines reach beyond {self.until:%Y}, the last year known.")
        return found

    def _sum(self, at: int) -> int:
        index = bisect_right(self.starts, at) - 1
        return 0 if index < 0 else self.sums[index] + min(at, self.ends[index]) - self.starts[index]

    def _sums(self, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        import numpy as np

        starts, ends, sums = self._arrays
        index = np.searchsorted(starts, at, side="right") - 1
        inside = np.maximum(index, 0)
        return np.where(index < 0, 0, sums[inside] + np.minimum(at, ends[inside]) - starts[inside])

    @functools.cached_property
    def _arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        import numpy as np

        return np.array(self.starts, np.int64), np.array(self.ends, np.int64), np.array(self.sums, np.int64)

    def _reaches(self, at: dt.datetime) -> None:
        if at >= self.until:
            raise CalendarUnknown(f"Office hours are known until {self.until:%Y-%m-%d}; {at:%Y-%m-%d} is later.")


def _seconds(at: dt.time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _micros(at: dt.datetime) -> int:
    return (at - _EPOCH) // _US
