# SPDX-License-Identifier: Apache-2.0
"""A city without a register is not an empty page: some components, grids and crews, invented and marked as such.

Made once, by the jobs process after the start, while the city keeps nothing of its own; what a person removed stays removed.
"""

from __future__ import annotations

import datetime as dt
import random

from django.db import transaction

from chengyun.access.models import Organisation
from chengyun.areas import queries as areas
from chengyun.areas.files import Feature
from chengyun.areas.services import put_areas
from chengyun.cases.components.register import Kind, kind, local_day
from chengyun.cases.crews.models import Crew, Shift
from chengyun.cases.crews.needs import known_skills

__all__ = ["SOURCE", "invent", "keep_shifts"]

SOURCE = "模拟"
DISTRICTS = 4
PER_DISTRICT = 120
SIDE, CELL = 3, 0.0014
"""Grids of a district: so many by so many, of so many degrees, some 130 m."""
KINDS = ("0101", "0102", "0103", "0118", "0104", "0106")
CREWS = 4
AHEAD = dt.timedelta(days=7)


def invent(now: dt.datetime, seed: int) -> int:
    """Make what is missing; return how many components. Nothing happens where there are any, or no areas yet."""
    known, day = kind(), local_day(now)
    if known.model._default_manager.exists():
        return 0
    places = [row for row in areas.areas_on(day, "district") if row.lon is not None and row.lat is not None][:DISTRICTS]
    if not places:
        return 0
    chance = random.Random(seed)  # noqa: S311  invented, not secret
    with transaction.atomic():
        made = 0
        for row in places:
            assert row.lon is not None
            assert row.lat is not None
            grids = _grids(row.code, row.lon, row.lat, day)
            made += _components(known, row.code, row.lon, row.lat, now, chance, grids)
        _crews(places, day)
    return made


def keep_shifts(now: dt.datetime) -> int:
    """Let invented crews be out in the days to come; return how many shifts were added."""
    first = local_day(now)
    wanted = [first + dt.timedelta(days=n) for n in range(AHEAD.days)]
    added = 0
    for crew in Crew.objects.filter(key__startswith="sim-", active=True):
        there = set(crew.shifts.filter(day__in=wanted).values_list("day", flat=True))
        rows = [_shift(crew, day) for day in wanted if day not in there and day.weekday() < 6]
        added += len(Shift.objects.bulk_create(rows, ignore_conflicts=True))
    return added


def _grids(district: str, lon: float, lat: float, day: dt.date) -> dict[str, tuple[float, float]]:
    """Draw grids about a district's middle, in its first community; return their south-west corners by code."""
    community = next((row.code for row in areas.areas_on(day, "community") if row.code.startswith(district)), "")
    if not community or any(row.code.startswith(community) for row in areas.areas_on(day, "grid")):
        return {}
    features, corners = [], {}
    for number in range(SIDE * SIDE):
        west = lon + (number % SIDE - SIDE / 2) * CELL
        south = lat + (number // SIDE - SIDE / 2) * CELL
        code = f"{community}{number + 1:03d}"
        ring = [[west, south], [west + CELL, south], [west + CELL, south + CELL], [west, south + CELL], [west, south]]
        ring = [[round(x, 7), round(y, 7)] for x, y in ring]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append(Feature(at=SOURCE, code=code, name=f"模拟网格 {number + 1}", geometry=shape))
        corners[code] = (west, south)
    put_areas(features, "WGS-84", valid_from=day, source=SOURCE, demonstration=True)
    return corners


def _components(
    known: Kind,
    district: str,
    lon: float,
    lat: float,
    now: dt.datetime,
    chance: random.Random,
    grids: dict[str, tuple[float, float]],
) -> int:
    version, catalogue = known.catalogue(local_day(now))
    rows = []
    reach = SIDE / 2 * CELL
    for number in range(1, PER_DISTRICT + 1):
        minor = chance.choice(KINDS)
        code = f"component/{minor}"
        if code not in catalogue:
            continue
        x, y = round(lon + chance.uniform(-reach, reach), 6), round(lat + chance.uniform(-reach, reach), 6)
        inside = next((it for it, (west, south) in grids.items() if west <= x < west + CELL and south <= y < south + CELL), "")
        looked = now - dt.timedelta(days=chance.randrange(0, 120)) if chance.random() > 0.1 else None
        rows.append(
            known.model(
                key=f"{district}{minor}9{number:05d}",
                name=f"模拟{catalogue[code].minor} {number}",
                category=code,
                catalog_version=version,
                lon=x,
                lat=y,
                area_code=inside[:12] or district,
                grid_code=inside,
                state="damaged" if chance.random() < 0.02 else "intact",
                inspected_at=looked,
                simulated=True,
                source=SOURCE,
            )
        )
    return len(known.model._default_manager.bulk_create(rows))


def _crews(places: list[areas.AreaRow], day: dt.date) -> None:
    if Crew.objects.exists():
        return
    body = Organisation.objects.exclude(kind="centre").filter(duties__isnull=False).order_by("pk").first()
    body = body or Organisation.objects.exclude(kind="centre").order_by("pk").first()
    if body is None:
        return
    skills = known_skills()
    for number in range(CREWS):
        place = places[number % len(places)]
        lon, lat = place.lon or 0.0, place.lat or 0.0
        crew = Crew.objects.create(
            key=f"sim-{number + 1}", name=f"模拟班组 {number + 1}", organisation=body,
            skills=list(skills[number % 2 :: 2] or skills),
            start_lon=lon, start_lat=lat, end_lon=lon, end_lat=lat, vehicle=SOURCE,
        )  # fmt: skip
        Shift.objects.bulk_create([_shift(crew, day + dt.timedelta(days=n)) for n in range(AHEAD.days)])


def _shift(crew: Crew, day: dt.date) -> Shift:
    return Shift(
        crew=crew, day=day, begins=dt.time(8, 30), ends=dt.time(17, 30), break_min=60, break_from=dt.time(11, 30),
        break_until=dt.time(13),
    )  # fmt: skip
