# SPDX-License-Identifier: Apache-2.0
"""Codes of administrative divisions: their shape, and which were valid when.

    33 02 12 | 006 | 003 | 012
    province, city, district or county (GB/T 2260) | street or town | community or village | grid

    6 digits, the last two 00    city        14 or 15 digits    grid (2 or 3 digits after the community)
    6 digits                     district    12 digits          community
    9 digits                     street

Functional zones (高新区, 前湾新区 …) are not units of GB/T 2260 and have no code here.

Many changes are known only to the month or the year. `valid_on` answers None inside such a period; where one day is
needed, a change counts from the first day after the period, when the new state certainly holds.
"""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["city", "district", "street", "community", "grid"]
LEVELS: tuple[Level, ...] = ("city", "district", "street", "community", "grid")

_LENGTHS: dict[int, Level] = {9: "street", 12: "community", 14: "grid", 15: "grid"}
_PARENT_DIGITS: dict[Level, int] = {"district": 4, "street": 6, "community": 9, "grid": 12}


class NotOneToOne(ValueError):
    """A code cannot be exchanged for another, because its territory was divided or the sources do not say."""


@dataclass(frozen=True, slots=True)
class Period:
    """A day known only to its month or year. first: its first day; after: the first day that is certainly later."""

    text: str
    first: dt.date
    after: dt.date

    @classmethod
    def read(cls, text: str) -> Period:
        """Read "YYYY" or "YYYY-MM". Raises ValueError."""
        year, month = (int(text), 0) if len(text) == 4 else (int(text[:4]), int(text[5:7]))
        first = dt.date(year, month or 1, 1)
        return cls(text, first, dt.date(year + 1, 1, 1) if month in (0, 12) else dt.date(year, month + 1, 1))


@dataclass(frozen=True, slots=True)
class Division:
    """One code's life. since, until: None means that the sources know of no beginning or end."""

    code: str
    name: str
    name_en: str
    level: Level
    since: Period | None
    until: Period | None
    note: str

    @property
    def valid_from(self) -> dt.date | None:
        """The first day on which the code certainly was valid."""
        return self.since.after if self.since else None

    @property
    def valid_to(self) -> dt.date | None:
        """The first day on which it certainly no longer was; None: it still is."""
        return self.until.after if self.until else None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a division's territory. whole: all of it went to the other code."""

    when: Period
    code: str
    to: str
    whole: bool
    note: str


def level_of(code: str) -> Level:
    """Return what kind of area a code names, from its shape alone. Raises ValueError saying what is wrong."""
    if not (code.isascii() and code.isdigit()):
        raise ValueError(f"Area code {code!r} holds something other than digits.")
    if len(code) == 6:
        if code[2:4] == "00":
            raise ValueError(f"Area code {code} names a province; the tree begins with a city, e.g. 330200.")
        return "city" if code.endswith("00") else "district"
    if len(code) not in _LENGTHS:
        raise ValueError(f"Area code {code} has {len(code)} digits, expected 6, 9, 12, 14 or 15.")
    if code[:6].endswith("00") or code[6:9] == "000" or (len(code) >= 12 and code[9:12] == "000"):
        raise ValueError(f"Area code {code} leaves out a level: every group above the last must name an area.")
    return _LENGTHS[len(code)]


def parent_of(code: str) -> str | None:
    """Return the code of the area around, None for a city. Raises ValueError for a wrong shape."""
    level = level_of(code)
    if level == "city":
        return None
    head = code[: _PARENT_DIGITS[level]]
    return head + "00" if level == "district" else head


def ancestor(code: str, level: Level) -> str | None:
    """Return the code of the area of that level which holds the code's area, itself included; None: the code is above."""
    found: str | None = code
    while found is not None and level_of(found) != level:
        found = parent_of(found)
    return found


def divisions() -> Mapping[str, Division]:
    """Return every county-level division on record, by code."""
    return _read()[0]


def changes() -> tuple[Change, ...]:
    """Return what became of divisions, oldest first."""
    return _read()[1]


def get_division(code: str) -> Division:
    """Return a division on record. Raises LookupError."""
    known = divisions()
    if code not in known:
        raise LookupError(f"No division {code} is on record; the county-level units of {', '.join(_cities())} are.")
    return known[code]


def valid_on(code: str, day: dt.date) -> bool | None:
    """Say whether a division's code was valid on a day; None: the change fell into a period that holds the day.

    Raises LookupError for a code that is not on record.
    """
    division = get_division(code)
    if division.since and day < division.since.first:
        return False
    if division.until and day >= division.until.after:
        return False
    if division.since and day < division.since.after:
        return None
    return None if division.until and day >= division.until.first else True


def spans(code: str) -> list[tuple[dt.date, dt.date | None]]:
    """Return the spans of days during which a division's code stood for one and the same territory, oldest first.

    The first day is 0001-01-01 when the sources know of no beginning; an end is left out of its span; None: still so.
    Raises LookupError for a code that is not on record.
    """
    division = get_division(code)
    first, end = division.valid_from or dt.date.min, division.valid_to
    cuts = {change.when.after for change in changes() if code in (change.code, change.to)}
    starts = [first, *sorted(cut for cut in cuts if cut > first and (end is None or cut < end))]
    return list(zip(starts, [*starts[1:], end], strict=True))


def successors(code: str, end: dt.date | None = None) -> tuple[str, ...]:
    """Return the codes that took over a division's territory or part of it; none while nothing is on record.

    end: the end of one of its spans, for the heirs of that span alone: a divided district that goes on is its own heir.
    """
    heirs = tuple(change.to for change in changes() if change.code == code and end in (None, change.when.after))
    goes_on = end is not None and any(first == end for first, _ in spans(code))
    return (code, *heirs) if goes_on else heirs


def code_on(code: str, written: dt.date, day: dt.date) -> str:
    """Return the code that the territory of `code`, as written down on one day, has on a later day.

    A day inside the period of a change counts as before it.
    Raises NotOneToOne when part of the territory went elsewhere: then the street decides, not the district.
    Raises LookupError for a code that is not on record.
    """
    current = get_division(code)
    for change in changes():
        if change.code != current.code or not written < change.when.after <= day:
            continue
        if not change.whole:
            old, new = get_division(change.code), get_division(change.to)
            raise NotOneToOne(
                f"Part of {old.code} {old.name} went to {new.code} {new.name} in {change.when.text}, so the code of {written} "
                f"does not say where a place is on {day}. Decide by its street ({change.note})."
            )
        current, written = get_division(change.to), change.when.after
    if valid_on(current.code, day) is False:
        raise NotOneToOne(f"What became of {current.code} {current.name} before {day} is not on record. Decide by the street.")
    return current.code


def _cities() -> list[str]:
    return [f"{row.code} {row.name}" for row in divisions().values() if row.level == "city"]


@functools.cache
def _read() -> tuple[Mapping[str, Division], tuple[Change, ...]]:
    tree = tomllib.loads((Path(__file__).parent / "divisions.toml").read_text(encoding="utf-8"))
    rows = [
        Division(
            row["code"],
            row["name"],
            row.get("name_en", ""),
            row["level"],
            Period.read(row["since"]) if "since" in row else None,
            Period.read(row["until"]) if "until" in row else None,
            row.get("note", ""),
        )
        for row in tree["division"]
    ]
    steps = [
        Change(Period.read(row["when"]), row["code"], row["to"], row["whole"], row.get("note", "")) for row in tree["change"]
    ]
    return {row.code: row for row in rows}, tuple(sorted(steps, key=lambda step: (step.when.after, step.code)))
