# SPDX-License-Identifier: Apache-2.0
"""Rates, profiles, bands and grades as dated data: a pack's evaluation.toml, read once and checked whole.

    [[rates.<key>]]     a share of what is counted: met / due, both in the words of counted.COUNTS
    [[bands.<key>]]     points for a quantity: [lower bound, points], the last that fits
    [[grades]]          grade from a lower bound of the score
    [[profiles.<key>]]  what a unit's score is made of: terms with weights that sum to 100
    [[signs.<key>]]     a test for figures that were made rather than earned

An entry says whether its text was verified in a published source. One that was not is configuration, and every page and
file that shows a figure from it says so.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

from django.conf import settings
from django.utils.translation.trans_null import gettext_noop  # asks for no settings

from chengyun.cases.evaluation.counted import COUNTS
from chengyun.city import City, Limits
from chengyun.errors import Misdeclared, NotFound, nearest

__all__ = [
    "DIMENSIONS",
    "Bands",
    "Book",
    "Dimension",
    "Profile",
    "Rate",
    "Sign",
    "Term",
    "book",
    "evaluated_types",
    "read_book",
    "stages_of",
]

Dimension = Literal["area", "department", "inspector", "intake", "chief", "dispatcher"]
DIMENSIONS: tuple[Dimension, ...] = ("area", "department", "inspector", "intake", "chief", "dispatcher")
"""区域, 部门, and the posts 监督员, 受理员, 值班长, 派遣员."""

TABLES = ("rates", "bands", "grades", "profiles", "signs", "stages", "stages_of")


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of what is counted. met, less: what the numerator adds and takes off. low: whether less is better."""

    key: str
    name: str
    met: str
    less: str
    due: str
    low: bool
    verified: bool
    source: str
    note: str

    @property
    def formula(self) -> str:
        """The formula in the words of the reference."""
        met = f"({COUNTS[self.met]} − {COUNTS[self.less]})" if self.less else COUNTS[self.met]
        return f"{met} / {COUNTS[self.due]}"


@dataclass(frozen=True, slots=True)
class Bands:
    """Points for a quantity: (lower bound, points), rising; below the first bound, no points are declared."""

    key: str
    steps: tuple[tuple[int, Fraction], ...]
    verified: bool
    source: str

    def points(self, quantity: int) -> Fraction:
        return next(points for bound, points in reversed(self.steps) if quantity >= bound)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a score: a rate × 100 (or 100 minus that, for one of which less is better), or the points of a count."""

    weight: Fraction
    rate: Rate | None = None
    count: str = ""
    bands: Bands | None = None

    @property
    def key(self) -> str:
        return self.rate.key if self.rate else self.count

    @property
    def name(self) -> str:
        return self.rate.name if self.rate else f"{COUNTS[self.count]}分值"

    @property
    def verified(self) -> bool:
        return self.rate.verified if self.rate else bool(self.bands and self.bands.verified)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a score of one kind of unit is made of.

    least: cases a unit needs to be ranked. missing: what a term without a denominator does: "null" leaves the score unknown,
    "share" gives its weight to the others.
    """

    key: str
    name: str
    dimension: Dimension
    terms: tuple[Term, ...]
    grades: tuple[tuple[Fraction, str], ...]
    grades_verified: bool
    least: int
    missing: Literal["null", "share"]
    verified: bool
    in_force: dt.date
    source: str
    note: str

    @property
    def rates(self) -> tuple[Rate, ...]:
        return tuple(term.rate for term in self.terms if term.rate)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The parts of the profile that no published source settles, in its own words."""
        found = [] if self.verified else [gettext_noop("权重")]
        return (
            *found,
            *(term.name for term in self.terms if not term.verified),
            *(() if self.grades_verified else (gettext_noop("等级"),)),
        )


@dataclass(frozen=True, slots=True)
class Sign:
    """A test: is met/due of a unit so far above what the others show that chance does not explain it?

    excess: how far above the others' share before a unit is named. level: share of false namings among those named.
    seen: the share of such deeds that leave a trace; taints: what the others, unseen, make of a named unit's cases `among` which
    they are (tally.py); "" when the fair view leaves nothing to hide.
    """

    key: str
    name: str
    meaning: str
    met: str
    due: str
    excess: float
    level: float
    seen: float
    taints: Literal["", "doubt", "coaxed", "ghost"]
    among: str
    source: str


@dataclass(frozen=True)
class Book:
    """What is in force on a day."""

    day: dt.date
    rates: Mapping[str, Rate]
    profiles: Mapping[str, Profile]
    signs: Mapping[str, Sign]

    def profile(self, key: str) -> Profile:
        """Return a profile. Raises NotFound with the nearest key."""
        if key not in self.profiles:
            raise NotFound(f"There is no evaluation profile {key!r}.{nearest(key, self.profiles)}")
        return self.profiles[key]

    def of(self, dimension: str) -> tuple[Profile, ...]:
        return tuple(one for one in self.profiles.values() if one.dimension == dimension)


def book(type_key: str, day: dt.date) -> Book:
    """Return what is in force for a case type on a day. Raises NotFound for a type whose pack declares no evaluation."""
    return read_book(_file(type_key), day)


def stages_of(type_key: str, day: dt.date) -> Mapping[str, Any]:
    """Return which states of a case type are which post's, and the times the signs go by. Raises NotFound."""
    tables, own = _tables(_file(type_key)), f"stages_of.{type_key.split('.', 1)[1]}"
    name = own if own in tables else "stages"
    entry = tables.editions(name)[0] if day < tables.editions(name)[0].in_force else tables.on(name, day)
    return entry.values


def evaluated_types() -> tuple[str, ...]:
    """Return the case types of the city whose pack declares an evaluation."""
    city: City = settings.CITY
    return tuple(key for key in city.cases if (city.packs[key.split(".")[0]].folder / "evaluation.toml").exists())


def _file(type_key: str) -> Path:
    city: City = settings.CITY
    pack = city.packs.get(type_key.split(".")[0])
    file = pack.folder / "evaluation.toml" if pack else None
    if file is None or not file.exists():
        raise NotFound(f"The pack of case type {type_key!r} declares no evaluation.toml.")
    return file


def read_book(file: Path, day: dt.date) -> Book:
    """Return what a file says is in force on a day. Raises Misdeclared with every fault."""
    tables = _tables(file)

    def on(kind: str) -> Iterator[tuple[str, Any]]:
        for name in tables:
            if name.startswith(f"{kind}.") and tables.editions(name)[0].in_force <= day:
                yield name.removeprefix(f"{kind}."), tables.on(name, day)

    rates = {key: _rate(key, it) for key, it in on("rates")}
    bands = {key: _bands(key, it) for key, it in on("bands")}
    grades = tables.on("grades", day)
    profiles = {key: _profile(key, it, rates, bands, grades) for key, it in on("profiles")}
    order = {dimension: place for place, dimension in enumerate(DIMENSIONS)}
    ranked = sorted(profiles.values(), key=lambda one: (order[one.dimension], -one.verified, one.key))
    signs = {key: _sign(key, it) for key, it in on("signs")}
    return Book(day, rates, {one.key: one for one in ranked}, signs)


@functools.lru_cache(maxsize=16)
def _tables(file: Path) -> Limits:
    tables = Limits.read(file)
    faults = list(_faults(tables))
    if faults:
        raise Misdeclared([f"{tables.file}, {fault}" for fault in faults])
    return tables


def _faults(tables: Limits) -> Iterator[str]:
    names = {kind: {name.split(".", 1)[1] for name in tables if name.startswith(f"{kind}.")} for kind in ("rates", "bands")}
    for name in tables:
        kind, _, key = name.partition(".")
        for it in tables.editions(name):
            if kind in ("rates", "signs"):
                for word in ("met", "less", "due", "among"):
                    count = it.values.get(word, "" if word in ("less", "among") else None)
                    if count != "" and count not in COUNTS:
                        yield f"{name}: {word} {count!r} is not counted.{nearest(str(count), COUNTS)}"
            elif kind == "profiles":
                yield from (f"{name}: {fault}" for fault in _profile_faults(it.values, names))
            elif kind not in TABLES:
                yield f"{name}: {kind!r} is none of {', '.join(TABLES)}.{nearest(kind, TABLES)}"
            if kind in ("rates", "bands", "signs") and not key:
                yield f"{name}: expected [[{kind}.<key>]]."


def _profile_faults(values: Mapping[str, Any], names: Mapping[str, set[str]]) -> Iterator[str]:
    if values.get("dimension") not in DIMENSIONS:
        yield f"dimension {values.get('dimension')!r} is none of {', '.join(DIMENSIONS)}."
    terms: Sequence[Mapping[str, Any]] = values.get("terms", ())
    for term in terms:
        if "rate" in term:
            if term["rate"] not in names["rates"]:
                yield f"rate {term['rate']!r} is not declared.{nearest(term['rate'], names['rates'])}"
        elif term.get("count") not in COUNTS or term.get("bands") not in names["bands"]:
            yield f"term {dict(term)!r}: expected a rate, or a count with its bands."
    weights = sum(Fraction(term.get("weight", 0)) for term in terms)
    if weights != 100:
        yield f"the weights sum to {float(weights):g}, expected 100."


def _rate(key: str, it: Any) -> Rate:
    v = it.values
    return Rate(
        key, v["name"], v["met"], v.get("less", ""), v["due"], v.get("low", False), v.get("verified", False), it.source, it.note
    )


def _sign(key: str, it: Any) -> Sign:
    v = it.values
    return Sign(
        key, v["name"], v["meaning"], v["met"], v["due"], float(v["excess"]), float(v["level"]), float(v.get("seen", 1)),
        v.get("taints", ""), v.get("among", ""), it.source,
    )  # fmt: skip


def _bands(key: str, it: Any) -> Bands:
    steps = tuple((int(bound), Fraction(points)) for bound, points in it["steps"])
    return Bands(key, steps, it.values.get("verified", False), it.source)


def _profile(key: str, it: Any, rates: Mapping[str, Rate], bands: Mapping[str, Bands], grades: Any) -> Profile:
    v = it.values
    terms = tuple(
        Term(Fraction(term["weight"]), rate=rates[term["rate"]])
        if "rate" in term
        else Term(Fraction(term["weight"]), count=term["count"], bands=bands[term["bands"]])
        for term in v["terms"]
    )
    return Profile(
        key=key,
        name=v["name"],
        dimension=v["dimension"],
        terms=terms,
        grades=tuple((Fraction(cast("Decimal", bound)), str(grade)) for bound, grade in grades["bounds"]),
        grades_verified=grades.values.get("verified", False),
        least=int(v.get("least", 30)),
        missing=v.get("missing", "null"),
        verified=v.get("verified", False),
        in_force=it.in_force,
        source=it.source,
        note=it.note,
    )
