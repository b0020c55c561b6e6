# SPDX-License-Identifier: Apache-2.0
"""What is asked of the counts, within the areas the reader may see cases of.

One statement reads the cells and the notes that wait to be folded, so what happened a moment ago is in it and nothing is in it
twice. What no sheet knows by the day or the week is counted from the cases themselves where these are few, and else by the month.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from django.conf import settings
from django.db import connection

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.access.predicates import AreaIn, Everything, Or, Predicate
from chengyun.cases.statistics.models import COUNTED, DIMENSIONS, HOURS
from chengyun.cases.statistics.sheets import Sheet, sheet_for
from chengyun.cases.statistics.sql import parts, sums
from chengyun.city import City
from chengyun.config import config

__all__ = [
    "Asked", "By", "Counts", "Grain", "Row", "Span", "areas_of", "backlog", "broken_down", "grain_for", "series", "whole_months",
]  # fmt: skip

Grain = Literal["day", "week", "month"]
By = Literal["area", "category", "department", "source"]
STREET = 9
MOST_READ = 10_000
"""Cases read for one count: so many are read in some 30 ms by the index of areas and days, and a page counts four times."""

DAY = dt.timedelta(days=1)

NOTES = ", ".join((*DIMENSIONS, *COUNTED))


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both in it."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted. types: of cases; none: all the reader may see. area: a code or its first digits. department: its id."""

    types: tuple[str, ...] = ()
    area: str = ""
    category: str = ""
    department: int | None = None
    source: str = ""

    @property
    def narrowed(self) -> dict[str, str | int]:
        """Return category, department and source as far as they are asked for."""
        given = {"category": self.category, "department": self.department, "source": self.source}
        return {name: value for name, value in given.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts by name, as models.COUNTED says them."""

    of: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        if name not in COUNTED:
            raise KeyError(name)
        return self.of.get(name, 0)

    def __add__(self, other: Counts) -> Counts:
        return Counts({name: self[name] + other[name] for name in COUNTED})

    @property
    def days(self) -> float | None:
        """Return the mean time from opening to closing in days."""
        return self["seconds"] / self["closed"] / 86400 if self["closed"] else None

    @property
    def median_days(self) -> float | None:
        """Return about half of the cases' time in days: the class it lies in is known, within it they are taken as even."""
        classes = [self[f"h{at}"] for at in range(len(HOURS) + 1)]
        half, low = sum(classes) / 2, 0
        if not half:
            return None
        for count, high in zip(classes, (*HOURS, None), strict=True):
            if half <= count:
                return (low if high is None else low + (high - low) * half / count) / 24
            half, low = half - count, high or low
        return low / 24

    @property
    def share_in_time(self) -> float | None:
        return self["in_time"] / self["closed"] if self["closed"] else None


@dataclass(frozen=True, slots=True)
class Row:
    """key: a day, or a value of what is broken down by. now, then: in the span asked for, and in the one compared with."""

    key: Any
    now: Counts
    then: Counts


def areas_of(actor: Actor) -> dict[str, tuple[str, ...]]:
    """Return the kinds of cases an actor may read and in which areas, as prefixes; "" is the whole city."""
    city: City = settings.CITY
    found = {}
    for key in city.cases:
        prefixes = {prefix for name in ("cases", key) for prefix in _prefixes(scope(actor, name).rows)}
        if prefixes:
            found[key] = ("",) if "" in prefixes else tuple(sorted(prefixes))
    return found


def grain_for(actor: Actor, asked: Asked, grain: Grain, by: By | None, spans: Sequence[Span]) -> Grain:
    """Return the finest grain a question can be answered by: a month where days are not counted apart so far, and the cases of
    the area are too many to be read."""
    place = _place(actor, asked)
    if grain == "month" or place is None:
        return grain
    if sheet_for(True, *_needs(place, asked, by)) is not None:
        return grain
    # All of the area: its index passes over other areas and days, not over the other cases of these days.
    whole = replace(asked, category="", department=None, source="")
    counted = [sum(months.values(), Counts()) for months in series(actor, whole, "month", spans)]
    read = max((max(one["opened"], one["closed"] + one["dropped"]) for one in counted), default=0)
    return grain if read <= MOST_READ else "month"


def whole_months(actor: Actor, asked: Asked, by: By | None = None) -> bool:
    """Say whether a question by the month is answered for whole months only: days are counted on no sheet it can be read from."""
    place = _place(actor, asked)
    if place is None:
        return False
    digits, apart = _needs(place, asked, by)
    return sheet_for(True, digits, apart) is None and sheet_for(False, digits, apart) is not None


def series(actor: Actor, asked: Asked, grain: Grain, spans: Sequence[Span]) -> list[dict[dt.date, Counts]]:
    """Return for each span the counts of its days, weeks (by their Monday) or months that have any."""
    key = {"day": "day", "week": "date_trunc('week', day)::date", "month": "date_trunc('month', day)::date"}[grain]
    found: list[dict[dt.date, Counts]] = [{} for _ in spans]
    for at, key_value, counts in _counted(actor, asked, grain, spans, key, None):
        found[at][key_value] = counts
    return found


def broken_down(actor: Actor, asked: Asked, grain: Grain, by: By, spans: Sequence[Span]) -> list[Row]:
    """Return the counts of each area, category, department or source, most opened first; of areas, those just below the asked."""
    digits = _below(asked.area)
    key = f"left(area, {digits})" if by == "area" else by
    now: dict[Any, Counts] = {}
    then: dict[Any, Counts] = {}
    for at, value, counts in _counted(actor, asked, grain, spans, key, by):
        (then if at else now)[value] = counts
    rows = [Row(value, now.get(value, Counts()), then.get(value, Counts())) for value in now | then]
    return sorted(rows, key=lambda row: (-row.now["opened"], -row.now["closed"], -row.then["opened"], str(row.key)))


def backlog(actor: Actor, asked: Asked) -> int:
    """Return how many cases are open now: all that were ever opened less all that have ended."""
    ever = [Span(dt.date(1900, 1, 1), dt.date(2999, 12, 31))]
    counts = next((one for _at, _key, one in _counted(actor, asked, "month", ever, "1", None)), Counts())
    return counts["opened"] - counts["closed"] - counts["dropped"]


def _counted(
    actor: Actor, asked: Asked, grain: Grain, spans: Sequence[Span], key: str, by: By | None
) -> Iterator[tuple[int, Any, Counts]]:
    """Yield (number of the span, key, counts). Spans may share days: each is a statement of its own."""
    place = _place(actor, asked)
    if place is None:
        return
    digits, apart = _needs(place, asked, by)
    daily, monthly = sheet_for(True, digits, apart), sheet_for(False, digits, apart)
    for at, span in enumerate(spans):
        values: dict[str, Any] = {**asked.narrowed}
        conditions = [_where(place, values), *(f"{name} = %({name})s" for name in asked.narrowed)]
        if grain == "month" and daily is None and monthly is not None:
            span = _months(span)  # all that is counted apart
        values |= {"first": span.first, "last": span.last}
        if monthly is None or (daily is None and grain != "month"):
            rows = _cases(values, asked, place, span)
            within = "true"  # cases are asked for by moments, of which the database knows how many there are
        else:
            within = "day BETWEEN %(first)s AND %(last)s"
            whole = grain == "month" or by is not None
            pieces = list(_parted(daily or monthly, monthly, span)) if whole else [(daily or monthly, span)]
            rows = _kept(pieces, conditions, asked.area, values)
        text = f"""
            SELECT {key}, {sums()} FROM ({rows}) AS counted WHERE {within} GROUP BY 1
        """  # noqa: S608  words of this module; values are parameters
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            for value, *counts in cursor.fetchall():
                yield at, value, Counts(dict(zip(COUNTED, counts, strict=True)))


def _kept(pieces: Iterable[tuple[Sheet, Span]], conditions: Sequence[str], area: str, values: dict[str, Any]) -> str:
    """Return the cells of sheets, each with the days it is read for, and the notes of all days."""
    # Every part says all it can as equal or between, so that an index leads to its cells and passes over the rest.
    where = " AND ".join(conditions)
    found = []
    for number, (sheet, days) in enumerate(pieces):
        values |= {f"since_{number}": days.first, f"until_{number}": days.last}
        within = f"day BETWEEN %(since_{number})s AND %(until_{number})s AND {_in_area(area, sheet, values)}"
        found.append(f"SELECT {NOTES} FROM statistics_cell WHERE sheet = {sheet.number} AND {where} AND {within}")  # noqa: S608
    noted = f"{where} AND day BETWEEN %(first)s AND %(last)s AND area LIKE %(area)s"
    values["area"] = f"{area}%"
    return " UNION ALL ".join((*found, f"SELECT {NOTES} FROM statistics_delta WHERE {noted}"))  # noqa: S608


def _in_area(area: str, sheet: Sheet, values: dict[str, Any]) -> str:
    """Return the condition of the cells within an area; codes are digits, so any order of names puts them alike."""
    if not area:
        return "true"
    values |= {"in_area": area, "to_area": area.ljust(sheet.digits, "9")}
    return "area = %(in_area)s" if len(area) == sheet.digits else "area BETWEEN %(in_area)s AND %(to_area)s"


def _parted(daily: Sheet, monthly: Sheet, span: Span) -> Iterator[tuple[Sheet, Span]]:
    """Yield the parts of a span: days until the first month begins, the whole months, days since the last has ended."""
    begin = span.first if span.first.day == 1 else _next_month(span.first)
    end = span.last if (span.last + DAY).day == 1 else span.last.replace(day=1) - DAY
    if begin > end:
        yield daily, span
        return
    if span.first < begin:
        yield daily, Span(span.first, begin - DAY)
    yield monthly, Span(begin, end)
    if end < span.last:
        yield daily, Span(end + DAY, span.last)


def _cases(values: dict[str, Any], asked: Asked, place: Mapping[str, tuple[str, ...]], span: Span) -> str:
    """Return what the cases themselves add, of those that could count in the span. The area is their own, to its last digit."""
    where = [_where(place, values, "c.", "area_code"), *(f"c.{_COLUMN[name]} = %({name})s" for name in asked.narrowed)]
    if asked.area:
        where.append("c.area_code LIKE %(area)s")
        values["area"] = f"{asked.area}%"
    values["since"] = dt.datetime.combine(span.first, dt.time(), config().zone)
    values["until"] = dt.datetime.combine(span.last + DAY, dt.time(), config().zone)
    opened, closed = (
        " AND ".join((*where, f"c.{moment} >= %(since)s AND c.{moment} < %(until)s")) for moment in ("opened_at", "closed_at")
    )
    noted = parts("cases_case", str(config().zone), where=opened, ended_where=closed)
    return f"SELECT * FROM ({noted}) AS noted ({NOTES})"  # noqa: S608


_COLUMN = {"category": "category", "department": "department_id", "source": "source"}


def _place(actor: Actor, asked: Asked) -> dict[str, tuple[str, ...]] | None:
    """Return the kinds and areas to count in; None where the actor may see nothing of what is asked."""
    if asked.area and not re.fullmatch(r"\d{2,12}", asked.area):
        return None
    allowed = areas_of(actor)
    wanted = {key: prefixes for key, prefixes in allowed.items() if not asked.types or key in asked.types}
    return wanted or None


def _needs(place: Mapping[str, tuple[str, ...]], asked: Asked, by: By | None) -> tuple[int, set[str]]:
    """Return how many digits of areas, and which dimensions, an answer has to tell apart."""
    seen = max(len(prefix) for prefixes in place.values() for prefix in prefixes)
    digits = max(seen, len(asked.area), _below(asked.area) if by == "area" else 0)
    apart = set(asked.narrowed) | ({by} if by and by != "area" else set())
    return next((size for size in (4, 6, STREET) if digits <= size), 12), apart


def _below(area: str) -> int:
    return 6 if len(area) < 6 else STREET if len(area) < STREET else 12


def _where(place: Mapping[str, tuple[str, ...]], values: dict[str, Any], row: str = "", area: str = "area") -> str:
    """Return the condition that leaves only kinds and areas that may be seen."""
    free = [key for key, prefixes in place.items() if prefixes == ("",)]
    values["free"] = free
    found = [f"{row}type = ANY(%(free)s)"] if free else []
    for at, (key, prefixes) in enumerate(sorted(one for one in place.items() if one[0] not in free)):
        values |= {f"kind_{at}": key, f"seen_{at}": [f"{prefix}%" for prefix in prefixes]}
        found.append(f"{row}type = %(kind_{at})s AND {row}{area} LIKE ANY(%(seen_{at})s)")
    return f"({' OR '.join(found)})"


def _prefixes(rows: Predicate) -> tuple[str, ...]:
    """Return the areas of a predicate; rows that are seen for another reason than where they are, are not counted."""
    match rows:
        case Everything():
            return ("",)
        case AreaIn(prefixes):
            return prefixes
        case Or(several):
            return tuple(prefix for part in several for prefix in _prefixes(part))
    return ()


def _months(span: Span) -> Span:
    return Span(span.first.replace(day=1), _next_month(span.last) - DAY)


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + 32 * DAY).replace(day=1)
