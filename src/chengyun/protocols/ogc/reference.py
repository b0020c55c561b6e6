# SPDX-License-Identifier: Apache-2.0
"""Coordinate reference systems a caller may name, and the way between each and the longitude and latitude we keep.

At rest everything is WGS-84, longitude first (CRS84). CGCS2000 (EPSG:4490) and WGS-84 (EPSG:4326) are written latitude first,
as EPSG defines them; they differ by centimetres, less than any position here is known to.

Standard: OGC 18-058r1 (Features Part 2); EPSG 3857 is the spherical Mercator of radius 6378137 m.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.errors import Refused

__all__ = ["CRS84", "REFERENCES", "SWAPPED", "Reference", "reference_of"]

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
SWAPPED = ("http://www.opengis.net/def/crs/EPSG/0/4326", "http://www.opengis.net/def/crs/EPSG/0/4490")
"""Those that write latitude first and change nothing else."""
RADIUS_M = 6378137.0
HALF_M = math.pi * RADIUS_M
HIGHEST_LAT = math.degrees(2 * math.atan(math.exp(math.pi)) - math.pi / 2)
"""Where spherical Mercator is cut so that the world is a square."""

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """out: (lon, lat) → coordinates as written in this system. back: the reverse."""

    uri: str
    out: Callable[[float, float], Pair]
    back: Callable[[float, float], Pair]

    @property
    def curie(self) -> str:
        authority, code = self.uri.split("/")[-3], self.uri.split("/")[-1]
        return f"{authority}:{code}"

    def written(self, geometry: Any) -> Any:
        """Return nested GeoJSON coordinates (lon, lat) as written in this system."""
        if self.uri == CRS84:
            return geometry
        return _each(geometry, self.out)

    def read(self, geometry: Any) -> Any:
        """Return nested coordinates written in this system as longitude and latitude."""
        return geometry if self.uri == CRS84 else _each(geometry, self.back)

    def read_box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """Return west, south, east, north of a box whose corners are written in this system."""
        west, south = self.back(box[0], box[1])
        east, north = self.back(box[2], box[3])
        return west, south, east, north


def to_mercator(lon: float, lat: float) -> Pair:
    """Return metres; a latitude beyond the square is put on its edge."""
    held = max(-HIGHEST_LAT, min(HIGHEST_LAT, lat))
    return math.radians(lon) * RADIUS_M, math.asinh(math.tan(math.radians(held))) * RADIUS_M


def from_mercator(x: float, y: float) -> Pair:
    """Return degrees; beyond the square, of its edge."""
    held = max(-HALF_M, min(HALF_M, y))
    return math.degrees(x / RADIUS_M), math.degrees(math.atan(math.sinh(held / RADIUS_M)))


def _swap(first: float, second: float) -> Pair:
    return second, first


def _same(lon: float, lat: float) -> Pair:
    return lon, lat


def _each(node: Any, change: Callable[[float, float], Pair]) -> Any:
    if node and isinstance(node[0], int | float):
        return list(change(node[0], node[1]))
    return [_each(one, change) for one in node]


REFERENCES = {
    one.uri: one
    for one in (
        Reference(CRS84, _same, _same),
        *(Reference(uri, _swap, _swap) for uri in SWAPPED),
        Reference("http://www.opengis.net/def/crs/EPSG/0/3857", to_mercator, from_mercator),
    )
}
SHORT = {one.curie: one for one in REFERENCES.values()}


def reference_of(name: str | None, parameter: str) -> Reference:
    """Return the system a URI or a CURIE names, CRS84 for none. Raises Refused naming the parameter."""
    if name is None:
        return REFERENCES[CRS84]
    bare = name.removeprefix("[").removesuffix("]")
    found = REFERENCES.get(name) or SHORT.get(bare)
    if found is None:
        raise Refused(f"{parameter} {name[:100]!r} is not offered; there are {', '.join(REFERENCES)}.", code="crs", status=400)
    return found
