# SPDX-License-Identifier: Apache-2.0
"""Where things are: GeoJSON geometries, their boxes, and the geo-queries of clause 4.10.

A box of longitudes and latitudes finds the candidates in the database; the exact answer is worked out here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.vocabulary import GEOMETRIES

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["Box", "GeoQuery", "box_of", "matches_place", "read_geometry", "read_geo_query"]

Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

LARGEST_GEOMETRY = 100_000
"""Numbers in one geometry."""
EARTH_M = 6_371_008.8
"""Mean radius, IUGG."""
METRES_PER_DEGREE = math.pi * EARTH_M / 180
_RELATIONS = ("near", "within", "contains", "overlaps", "intersects", "equals", "disjoint")


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """One geo-query. nearest_m, farthest_m: of `near`; None where it sets no such bound."""

    relation: str
    geometry: dict[str, Any]
    geoproperty: str
    nearest_m: float | None = None
    farthest_m: float | None = None

    @property
    def box(self) -> Box | None:
        """A box every match touches; None when a match may be anywhere."""
        if self.relation == "disjoint" or (self.relation == "near" and self.farthest_m is None):
            return None
        west, south, east, north = box_of(self.geometry)
        if self.relation != "near" or self.farthest_m is None:
            return west, south, east, north
        high = self.farthest_m / METRES_PER_DEGREE * 1.001
        flat = math.cos(math.radians(min(89.9, max(abs(south), abs(north)) + high)))
        wide = high / flat
        if west - wide < -180 or east + wide > 180:
            west, east, wide = -180.0, 180.0, 0.0  # across the antimeridian: every longitude
        return west - wide, max(-90.0, south - high), east + wide, min(90.0, north + high)


def read_geometry(value: Any, where: str) -> dict[str, Any]:
    """Return a GeoJSON geometry that can be worked with. Raises BadRequestData otherwise."""
    if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
        raise bad(f'{where}: a place is a GeoJSON geometry such as {{"type": "Point", "coordinates": [121.5, 29.9]}}.')
    if value["type"] == "GeometryCollection":
        parts = value.get("geometries")
        if not isinstance(parts, list) or len(parts) > 100:
            raise bad(f"{where}: a GeometryCollection lists up to 100 geometries.")
        for part in parts:
            if isinstance(part, dict) and part.get("type") == "GeometryCollection":
                raise bad(f"{where}: a GeometryCollection does not stand in another.")
            read_geometry(part, where)
        return value
    numbers = _count(value.get("coordinates"), 0)
    if not 2 <= numbers <= LARGEST_GEOMETRY:
        raise bad(f"{where}: its coordinates are not 2 to {LARGEST_GEOMETRY} numbers.")
    try:
        shape = _shape(value)
    except Exception:
        raise bad(f"{where}: the coordinates do not make a {value['type']}.") from None
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise bad(f"{where}: coordinates are degrees, longitude first: -180 to 180, then -90 to 90.")
    return value


def box_of(geometry: dict[str, Any]) -> Box:
    """Return the box around a geometry."""
    if geometry["type"] == "Point":
        lon, lat = (float(one) for one in geometry["coordinates"][:2])
        return lon, lat, lon, lat
    west, south, east, north = _shape(geometry).bounds
    return float(west), float(south), float(east), float(north)


def read_geo_query(georel: Any, geometry: Any, coordinates: Any, geoproperty: str) -> GeoQuery:
    """Return a geo-query from its three parts. geoproperty: IRI of the attribute asked about."""
    if not (isinstance(georel, str) and isinstance(geometry, str) and coordinates is not None):
        raise bad("A geo-query needs georel, geometry and coordinates together.")
    if isinstance(coordinates, str):
        try:
            coordinates = msgspec.json.decode(coordinates)
        except msgspec.DecodeError:
            raise bad(f"coordinates is {coordinates[:60]!r}, expected JSON such as [121.5,29.9].") from None
    relation, *modifiers = georel.split(";")
    if relation not in _RELATIONS:
        raise bad(f"georel is {relation[:40]!r}, expected one of {', '.join(_RELATIONS)}.")
    wanted = read_geometry({"type": geometry, "coordinates": coordinates}, "The geo-query")
    bounds: dict[str, float] = {}
    for modifier in modifiers:
        name, equals, number = modifier.partition("==")
        if relation != "near" or name not in ("maxDistance", "minDistance") or not equals:
            raise bad(f"georel has {modifier[:40]!r}; only near takes maxDistance==m or minDistance==m.")
        try:
            bounds[name] = float(number)
        except ValueError:
            raise bad(f"{name} is {number[:40]!r}, expected metres.") from None
        if not 0 <= bounds[name] < math.inf:
            raise bad(f"{name} is {number[:40]!r}, expected metres.")
    if relation == "near" and not bounds:
        raise bad("georel near needs maxDistance==m or minDistance==m.")
    return GeoQuery(relation, wanted, geoproperty, bounds.get("minDistance"), bounds.get("maxDistance"))


def matches_place(query: GeoQuery, geometry: dict[str, Any]) -> bool:
    """Say whether a place answers a geo-query."""
    if query.relation == "near":
        away = distance_m(query.geometry, geometry)
        return (query.farthest_m is None or away <= query.farthest_m) and (query.nearest_m is None or away >= query.nearest_m)
    mine, asked = _shape(geometry), _shape(query.geometry)
    match query.relation:
        case "within":
            return bool(mine.within(asked))
        case "contains":
            return bool(mine.contains(asked))
        case "overlaps":
            return bool(mine.overlaps(asked))
        case "intersects":
            return bool(mine.intersects(asked))
        case "equals":
            return bool(mine.equals(asked))
        case _:
            return bool(mine.disjoint(asked))


def distance_m(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the distance in metres: great circle between points, otherwise between the nearest points on a flat map."""
    if one["type"] == other["type"] == "Point":
        return _great_circle(one["coordinates"], other["coordinates"])
    from shapely.ops import nearest_points

    first, second = nearest_points(_shape(one), _shape(other))
    return _great_circle((first.x, first.y), (second.x, second.y))


def _great_circle(one: Sequence[float], other: Sequence[float]) -> float:
    lon1, lat1, lon2, lat2 = (math.radians(float(x)) for x in (one[0], one[1], other[0], other[1]))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def _shape(geometry: dict[str, Any]) -> BaseGeometry:
    from shapely.geometry import shape  # large, and many requests never need it

    return shape(geometry)


def _count(value: Any, depth: int) -> int:
    """Return how many numbers stand in nested coordinates; -1 when something else does."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 1 if math.isfinite(value) else -1
    if not isinstance(value, list) or depth > 4 or not value:
        return -1
    total = 0
    for part in value:
        found = _count(part, depth + 1)
        if found < 0:
            return -1
        total += found
        if total > LARGEST_GEOMETRY:
            return total
    return total
