# SPDX-License-Identifier: Apache-2.0
"""What is asked of components: lists, what is due, what is near a place, what may be registered twice.

A place is looked for through the register's point index; distances are reckoned on the ground.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.db import connection
from django.db.models import F, Max, Min, Q, QuerySet

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.cases.components.register import Kind, kind, local_day
from chengyun.cases.field.places import distance_m
from chengyun.city.models import ComponentRegister

__all__ = [
    "Asked",
    "Due",
    "Near",
    "Pair",
    "cycles",
    "due_counts",
    "due_rows",
    "extent",
    "listed",
    "near",
    "pairs",
    "visible_rows",
]

METRES_PER_DEGREE = 111_195.0
SAME_PLACE_M = 1.5
"""Two things of one category closer than this are taken for one that was surveyed twice, until a person says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list shows. category: a code or its beginning. text: part of key, name or address.
    due: only those whose look is due."""

    category: str = ""
    state: str = ""
    area: str = ""
    grid: str = ""
    text: str = ""
    due: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of a category. every_days: the cycle it follows; verified, source: of that cycle."""

    category: str
    name: str
    count: int
    due: int
    every_days: int
    verified: bool
    source: str

    @property
    def share(self) -> float:
        return self.due / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Near:
    """A component near a place."""

    key: str
    name: str
    address: str
    state: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two components of a category at one place: key is the newer one."""

    key: str
    name: str
    other: str
    other_name: str
    category: str
    area_code: str
    distance_m: float
    lon: float
    lat: float


@dataclass(frozen=True)
class Cycles:
    """days: category → days of its cycle, of those that are looked at at all."""

    days: Mapping[str, int]
    said: Mapping[str, tuple[bool, str]] = field(default_factory=dict)


def visible_rows(actor: Actor, known: Kind | None = None) -> QuerySet[ComponentRegister]:
    """Return the components in use an actor may see."""
    known = known or kind()
    rows: QuerySet[ComponentRegister] = known.model._default_manager.filter(scope(actor, known.dataset).q(), valid_to=None)
    return rows


def cycles(known: Kind, day: dt.date) -> Cycles:
    """Return how often each category of the catalogue in force is looked at."""
    found = {code: known.scheme.inspection(code, day) for code in known.catalogue(day)[1]}
    kept = {code: one for code, one in found.items() if one is not None and one.every_days}
    return Cycles(
        {code: it.every_days for code, it in kept.items()}, {code: (it.verified, it.source) for code, it in kept.items()}
    )


def listed(actor: Actor, asked: Asked, now: dt.datetime) -> QuerySet[ComponentRegister]:
    """Return the components asked for, longest not looked at first where only those due are asked for."""
    known = kind()
    rows = visible_rows(actor, known)
    if asked.category:
        rows = rows.filter(category__startswith=asked.category)
    if asked.state:
        rows = rows.filter(state=asked.state)
    if asked.area:
        rows = rows.filter(area_code__startswith=asked.area)
    if asked.grid:
        rows = rows.filter(grid_code=asked.grid)
    if asked.text:
        exact = Q(key__startswith=asked.text) if asked.text.isdigit() else Q(name__icontains=asked.text)
        rows = rows.filter(exact | Q(address__icontains=asked.text))
    if asked.due:
        return rows.filter(_due(known, now, asked.category)).order_by("inspected_at", "key")
    return rows.order_by("key")


def due_rows(actor: Actor, asked: Asked, now: dt.datetime, limit: int) -> list[ComponentRegister]:
    """Return components whose look is due, those never looked at first, then the oldest look."""
    known = kind()
    rows = listed(actor, asked, now).filter(_due(known, now, asked.category))
    return list(rows.order_by(F("inspected_at").asc(nulls_first=True), "key")[:limit])


def due_counts(actor: Actor, now: dt.datetime, area: str = "") -> tuple[Due, ...]:
    """Return per category how many there are and how many are due, the most overdue category first."""
    known, day = kind(), local_day(now)
    allowed = scope(actor, known.dataset)
    text, params = allowed.sql("area_code", "postgres")
    periods = cycles(known, day)
    codes = list(periods.days)
    names = known.catalogue(day)[1]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT c.category, count(*), count(*) FILTER (
                WHERE y.days > 0 AND (c.inspected_at IS NULL OR c.inspected_at < %(now)s - y.days * INTERVAL '1 day'))
            FROM {known.model._meta.db_table} AS c
            LEFT JOIN unnest(%(codes)s::text[], %(days)s::int[]) AS y (category, days) ON y.category = c.category
            WHERE c.valid_to IS NULL AND c.area_code LIKE %(area)s AND c.state <> 'removed' AND {text}
            GROUP BY c.category
            """,  # noqa: S608  names and the scope are ours, values are bound
            {**params, "now": now, "codes": codes, "days": [periods.days[code] for code in codes], "area": f"{area}%"},
        )
        rows = cursor.fetchall()
    found = [
        Due(
            code, names[code].minor if code in names else code, count, due, periods.days.get(code, 0),
            *periods.said.get(code, (False, "")),
        )
        for code, count, due in rows
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.due, one.category)))


def extent(actor: Actor, asked: Asked, now: dt.datetime) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of what is asked for; None where nothing has a place."""
    rows = listed(actor, replace(asked, due=False), now).order_by()
    found = rows.aggregate(west=Min("lon"), south=Min("lat"), east=Max("lon"), north=Max("lat"))
    if found["west"] is None or found["south"] is None:
        return None
    return found["west"], found["south"], found["east"], found["north"]


def near(actor: Actor, lon: float, lat: float, category: str = "", within_m: float = 60.0, limit: int = 5) -> list[Near]:
    """Return the components of a category, or of all, around a place, the nearest first."""
    known = kind()
    high = within_m / METRES_PER_DEGREE
    wide = high / max(0.05, math.cos(math.radians(lat)))
    box = [lon - wide, lat - high, lon + wide, lat + high]
    rows = visible_rows(actor, known).extra(where=["point(lon, lat) <@ box(point(%s, %s), point(%s, %s))"], params=box)
    if category:
        rows = rows.filter(category__startswith=category)
    found = [
        Near(row.key, row.name, row.address, row.get_state_display(), distance_m(lon, lat, row.lon or 0.0, row.lat or 0.0))
        for row in rows.order_by()[:2000]
    ]
    return sorted((one for one in found if one.distance_m <= within_m), key=lambda one: (one.distance_m, one.key))[:limit]


def pairs(actor: Actor, *, keys: Sequence[str] | None = None, limit: int = 100) -> list[Pair]:
    """Return things of one category at one place, which may be one thing. keys: only pairs one of these belongs to."""
    known = kind()
    text, params = scope(actor, known.dataset).sql("a.area_code", "postgres")
    table = known.model._meta.db_table
    # A square about each, found in the index; what is in its corners is thrown away by the distance below.
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT a.key, a.name, b.key, b.name, a.category, a.area_code, a.lon, a.lat, b.lon, b.lat
            FROM {table} AS a JOIN {table} AS b
              ON point(b.lon, b.lat) <@ box(
                   point(a.lon - %(reach)s / greatest(0.05, cosd(a.lat)), a.lat - %(reach)s),
                   point(a.lon + %(reach)s / greatest(0.05, cosd(a.lat)), a.lat + %(reach)s))
              AND b.category = a.category AND b.id < a.id AND b.valid_to IS NULL
            WHERE a.valid_to IS NULL AND {text}
              AND (%(keys)s::text[] IS NULL OR a.key = ANY(%(keys)s::text[]) OR b.key = ANY(%(keys)s::text[]))
            LIMIT %(most)s
            """,  # noqa: S608
            {
                **params,
                "reach": SAME_PLACE_M / METRES_PER_DEGREE,
                "keys": None if keys is None else list(keys),
                "most": limit * 2,
            },
        )
        rows = cursor.fetchall()
    found = [
        Pair(key, name, other, other_name, category, area, distance_m(x, y, x2, y2), x, y)
        for key, name, other, other_name, category, area, x, y, x2, y2 in rows
    ]
    return sorted((one for one in found if one.distance_m <= SAME_PLACE_M), key=lambda one: (one.distance_m, one.key))[:limit]


def _due(known: Kind, now: dt.datetime, category: str) -> Q:
    """Return which components are due, one condition for each cycle."""
    spans: dict[int, list[str]] = {}
    for code, days in cycles(known, local_day(now)).days.items():
        if code.startswith(category) or category.startswith(code):
            spans.setdefault(days, []).append(code)
    found = Q(pk__in=[])
    for days, codes in spans.items():
        late = Q(inspected_at=None) | Q(inspected_at__lt=now - dt.timedelta(days=days))
        found |= Q(category__in=codes) & late
    return found & ~Q(state=ComponentRegister.State.REMOVED)
