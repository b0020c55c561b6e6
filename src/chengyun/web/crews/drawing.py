# SPDX-License-Identifier: Apache-2.0
"""Routes and shifts as shapes: numbers a template puts into SVG. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from chengyun.cases.crews.queries import CrewRoute, StopView

__all__ = ["Bar", "Dot", "Lane", "Line", "Picture", "draw", "lanes"]

WIDTH, HEIGHT, EDGE = 1000.0, 620.0, 28.0
COLOURS = 8
"""Classes route-1 to route-8 of the style sheet; more crews begin again, told apart by name and number."""


@dataclass(frozen=True, slots=True)
class Line:
    """points: of an SVG polyline. colour: 1 to COLOURS."""

    crew: str
    colour: int
    points: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A stop on the map."""

    x: float
    y: float
    colour: int
    place: int
    number: str
    title: str
    late: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A map without glyphs: outlines of areas, routes, stops, depots."""

    width: float
    height: float
    outlines: tuple[str, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    depots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stop in time. x, width: percent of the lane."""

    x: float
    width: float
    stop: StopView


@dataclass(frozen=True, slots=True)
class Lane:
    """A crew in time. x, width: of its shift."""

    route: CrewRoute
    colour: int
    x: float
    width: float
    bars: tuple[Bar, ...]


def draw(routes: Sequence[CrewRoute], outlines: Iterable[Any]) -> Picture | None:
    """Return the map of routes; None when nobody goes anywhere. outlines: GeoJSON geometries."""
    places = [(stop.lon, stop.lat) for route in routes for stop in route.stops]
    places += [place for route in routes if route.stops for place in (route.start, route.end)]
    if not places:
        return None
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = min((WIDTH - 2 * EDGE) / max((east - west) * squeeze, 1e-4), (HEIGHT - 2 * EDGE) / max(north - south, 1e-4))

    def at(lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (lon - (west + east) / 2) * squeeze * scale
        return round(x, 1), round(HEIGHT / 2 - (lat - (south + north) / 2) * scale, 1)

    lines, dots, depots = [], [], []
    for index, route in enumerate(routes):
        if not route.stops:
            continue
        colour = index % COLOURS + 1
        way = [route.start, *((stop.lon, stop.lat) for stop in route.stops), route.end]
        lines.append(Line(route.name, colour, " ".join(f"{x},{y}" for x, y in (at(*place) for place in way))))
        dots += [Dot(*at(it.lon, it.lat), colour, it.place, it.number, it.title, it.late_min > 0) for it in route.stops]
        depots += [at(*route.start), at(*route.end)]
    shapes = tuple(path for geometry in outlines if (path := _path(geometry, at)))
    return Picture(WIDTH, HEIGHT, shapes, tuple(lines), tuple(dots), tuple(dict.fromkeys(depots)))


def lanes(routes: Sequence[CrewRoute], zone: ZoneInfo | dt.tzinfo) -> tuple[tuple[Lane, ...], tuple[tuple[float, str], ...]]:
    """Return each crew's day in time, and the hours under them as (percent, text)."""
    if not routes:
        return (), ()
    first = min(route.begins for route in routes).hour
    last = max(math.ceil(_minutes(route.ends) / 60) for route in routes)
    span = max(1, last - first) * 60

    def share(minutes: float) -> float:
        return round(100 * (minutes - first * 60) / span, 2)

    found = []
    for index, route in enumerate(routes):
        begin, end = _minutes(route.begins), _minutes(route.ends)
        bars = []
        for stop in route.stops:
            starts = _minutes(stop.begins_at.astimezone(zone).time())
            length = (stop.ends_at - stop.begins_at).total_seconds() / 60
            bars.append(Bar(share(starts), round(100 * length / span, 2), stop))
        found.append(Lane(route, index % COLOURS + 1, share(begin), round(100 * (end - begin) / span, 2), tuple(bars)))
    return tuple(found), tuple((share(hour * 60), f"{hour}:00") for hour in range(first, last + 1))


def _minutes(time: dt.time) -> float:
    return time.hour * 60 + time.minute + time.second / 60


def _path(geometry: Any, at: Any) -> str:
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    rings = [ring for part in parts for ring in part]
    return " ".join("M" + " L".join(f"{x} {y}" for x, y in (at(*place[:2]) for place in ring)) + "Z" for ring in rings)
