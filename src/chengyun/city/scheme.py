# SPDX-License-Identifier: Apache-2.0
"""The categories of a kind of case and the time limits by category: two dated tables beside a CaseType.

categories.csv   catalog_version,in_force,code,kind,major,minor,verified,source
limits.csv       in_force,category,condition,area_level,value,unit,verified,source
areas.csv        in_force,area,level       which areas are of which level, by the longest prefix of the area's code; optional
inspections.csv  in_force,category,every_days,verified,source   how often things of a category are looked at; optional

A code means something only with the catalogue it is from. In limits.csv a category is a code or the beginning of one; of the
rows that fit, the one with the longest category wins, then the one that names the condition, then the area's level. A new
edition of a limit is a new row with a later in_force.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from chengyun.city.casework import SECONDS, Span
from chengyun.city.declare import report

__all__ = ["Category", "Inspection", "Limit", "Scheme"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Category:
    """A category of a catalogue. code: unique in its catalogue, e.g. event/0104. verified: whether it was seen in public use."""

    catalog_version: str
    in_force: dt.date
    code: str
    kind: str
    major: str
    minor: str
    verified: bool
    source: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit and the rule it is from. category, condition, area_level: "" where it speaks of all."""

    in_force: dt.date
    category: str
    condition: str
    area_level: str
    span: Span
    verified: bool
    source: str

    def fits(self, category: str, condition: str, area_level: str, day: dt.date) -> bool:
        return (
            self.in_force <= day
            and category.startswith(self.category)
            and self.condition in ("", condition)
            and self.area_level in ("", area_level)
        )

    @property
    def rank(self) -> tuple[int, bool, bool, dt.date]:
        return len(self.category), bool(self.condition), bool(self.area_level), self.in_force


@dataclass(frozen=True, slots=True)
class Inspection:
    """How often things of a category, or of those that begin so, are to be looked at; every_days 0: not at all."""

    in_force: dt.date
    category: str
    every_days: int
    verified: bool
    source: str


@dataclass(frozen=True)
class Scheme:
    """Categories and limits as read from a folder. area_levels: (in force, prefix, level)."""

    categories: tuple[Category, ...]
    limits: tuple[Limit, ...]
    area_levels: tuple[tuple[dt.date, str, str], ...] = ()
    inspections: tuple[Inspection, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Scheme:
        """Read the tables. Faults are reported with file and line."""
        categories = tuple(_rows(folder / "categories.csv", _category))
        limits = tuple(_rows(folder / "limits.csv", _limit))
        levels, cycles = folder / "areas.csv", folder / "inspections.csv"
        return cls(
            categories,
            limits,
            tuple(_rows(levels, _level)) if levels.exists() else (),
            tuple(_rows(cycles, _inspection)) if cycles.exists() else (),
        )

    def version_on(self, day: dt.date) -> str:
        """Return the catalogue in force on a day; "" before the first."""
        return next((version for since, version in reversed(self._editions) if since <= day), "")

    def catalogue(self, version: str) -> Mapping[str, Category]:
        """Return the categories of a catalogue by code, in the file's order."""
        return self._catalogues.get(version, {})

    def category(self, code: str, version: str) -> Category | None:
        """Return what a code means in a catalogue."""
        return self.catalogue(version).get(code)

    @functools.cached_property
    def _catalogues(self) -> Mapping[str, Mapping[str, Category]]:
        found: dict[str, dict[str, Category]] = {}
        for one in self.categories:
            found.setdefault(one.catalog_version, {})[one.code] = one
        return found

    @functools.cached_property
    def _editions(self) -> tuple[tuple[dt.date, str], ...]:
        return tuple(sorted({(one.in_force, one.catalog_version) for one in self.categories}))

    def area_level(self, area_code: str, day: dt.date) -> str:
        """Return the level of an area, from its longest known prefix; "" for an area nobody has put into one."""
        found = [one for one in self.area_levels if one[0] <= day and area_code.startswith(one[1])]
        return max(found, key=lambda one: (len(one[1]), one[0]))[2] if found else ""

    def limit(self, category: str, condition: str, area_level: str, day: dt.date) -> Limit | None:
        """Return the limit that goes before all others that fit; None without any."""
        fitting = [one for one in self.limits if one.fits(category, condition, area_level, day)]
        return max(fitting, key=lambda one: one.rank) if fitting else None

    def inspection(self, category: str, day: dt.date) -> Inspection | None:
        """Return how often a category is looked at: the longest that fits, its newest edition; None where nothing is said."""
        fitting = [one for one in self.inspections if one.in_force <= day and category.startswith(one.category)]
        return max(fitting, key=lambda one: (len(one.category), one.in_force)) if fitting else None


def _rows(path: Path, make: Callable[[Mapping[str, str]], T]) -> Iterator[T]:
    at = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    yield make(row)
                except (KeyError, ValueError, ArithmeticError, AttributeError) as wrong:
                    report(f"{at}, line {number}: {wrong!r}. Columns are named in city/scheme.py; dates are YYYY-MM-DD.")
    except OSError as wrong:
        report(f"{at}: {wrong.strerror}.")


def _category(row: Mapping[str, str]) -> Category:
    return Category(
        row["catalog_version"], dt.date.fromisoformat(row["in_force"]), row["code"], row["kind"], row["major"], row["minor"],
        _truth(row["verified"]), row["source"],
    )  # fmt: skip


def _limit(row: Mapping[str, str]) -> Limit:
    unit = next((one for one in SECONDS if one == row["unit"]), None)
    if unit is None:
        raise ValueError(f"unit {row['unit']!r} is not one of {', '.join(SECONDS)}")
    span = Span(Decimal(row["value"]), unit)
    return Limit(
        dt.date.fromisoformat(row["in_force"]), row["category"], row["condition"], row["area_level"], span,
        _truth(row["verified"]), row["source"],
    )  # fmt: skip


def _level(row: Mapping[str, str]) -> tuple[dt.date, str, str]:
    return dt.date.fromisoformat(row["in_force"]), row["area"], row["level"]


def _inspection(row: Mapping[str, str]) -> Inspection:
    every = int(row["every_days"])
    if every < 0:
        raise ValueError(f"every_days is {every}, expected 0 or more")
    return Inspection(dt.date.fromisoformat(row["in_force"]), row["category"], every, _truth(row["verified"]), row["source"])


def _truth(text: str) -> bool:
    return {"1": True, "0": False}[text]
