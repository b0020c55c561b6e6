# SPDX-License-Identifier: Apache-2.0
"""Polygons: read, checked, converted, simplified, and asked which of them holds a point.

shapely is imported inside the functions: it costs some 20 MB, and a web process that only shows outlines, which are
kept ready in the table, never needs it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chengyun.standards.coordinates import is_projected, to_wgs84

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]

SCREEN_DEGREES = 0.001
"""How far an outline may leave its boundary: about 100 m, a pixel when a city of 150 km fills 1,500 pixels."""

FEW = 64
"""So many areas are gone through one by one, for all points at once; of more, a tree tells which may hold a point."""

_TINY_SHARE = 1e-3
"""A boundary that crosses itself is mended when that changes less than this share of its area: digitising leaves such knots."""


def read_polygon(geometry: object, crs: str) -> BaseGeometry:
    """Return the polygon or multipolygon of a GeoJSON geometry, in the file's coordinates.

    Raises ValueError saying what is wrong: not a polygon, empty, out of the system's range, or crossing itself by more
    than a knot.
    """
    import shapely

    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        kind = geometry.get("type") if isinstance(geometry, dict) else geometry
        raise ValueError(f"the geometry is {kind!r}, expected a Polygon or a MultiPolygon")
    try:
        polygon = shapely.force_2d(shapely.from_geojson(json.dumps(geometry)))
    except (shapely.errors.GEOSException, ValueError) as wrong:
        raise ValueError(f"the geometry cannot be read: {wrong}") from wrong
    if polygon.is_empty:
        raise ValueError("the geometry has no coordinates")
    _check_range(polygon.bounds, crs)
    if polygon.is_valid:
        return polygon
    mended = _polygons_only(shapely.make_valid(polygon))
    if abs(mended.area - polygon.area) > _TINY_SHARE * mended.area:
        raise ValueError(f"the boundary is not valid: {shapely.is_valid_reason(polygon)}")
    return mended


def to_wgs84_polygon(polygon: BaseGeometry, crs: str) -> BaseGeometry:
    """Return the polygon with every corner converted to WGS-84."""
    import shapely

    def convert(corners: Floats) -> Floats:
        return np.column_stack(to_wgs84(corners[:, 0].copy(), corners[:, 1].copy(), crs))

    moved = shapely.transform(polygon, convert)
    # Corners closer than the conversion's rounding can change order; a zero-width buffer unties that knot.
    return moved if moved.is_valid else _polygons_only(shapely.make_valid(moved))


def label_point(polygon: BaseGeometry) -> tuple[float, float]:
    """Return a point well inside the largest part, where a map can write the name."""
    import shapely

    largest = max(shapely.get_parts(polygon), key=lambda part: part.area)
    # A grid is smaller than what is exact enough for a district.
    point = shapely.maximum_inscribed_circle(largest, tolerance=min(0.001, math.sqrt(largest.area) / 50)).coords[0]
    return round(point[0], 6), round(point[1], 6)


def to_wkb(polygon: BaseGeometry) -> bytes:
    """Return the polygon as well-known binary."""
    import shapely

    return bytes(shapely.to_wkb(polygon))


def outlines(polygons: Sequence[BaseGeometry], degrees: float = SCREEN_DEGREES) -> list[dict[str, Any]]:
    """Return each polygon as a GeoJSON geometry for screens; borders that neighbours share stay shared.

    degrees: how far an outline may leave its boundary.

    Holes stay, parts do not vanish, and coordinates are rounded to a metre.
    """
    import shapely

    simple = shapely.coverage_simplify(np.array(polygons, dtype=object), degrees)
    return [_rounded(json.loads(shapely.to_geojson(polygon))) for polygon in simple]


class Places:
    """Areas that can be asked which of them holds a point; the first in the order given wins on a shared border."""

    def __init__(self, codes: Sequence[str], boundaries: Sequence[bytes]) -> None:
        import shapely

        self._codes = np.array(["", *codes], dtype=np.str_)
        self._polygons = shapely.from_wkb(np.array(boundaries, dtype=object)) if boundaries else np.array([], dtype=object)
        shapely.prepare(self._polygons)
        self._bounds = shapely.bounds(self._polygons).reshape(-1, 4)
        self._tree = shapely.STRtree(self._polygons) if len(self._polygons) > FEW else None

    def __len__(self) -> int:
        return len(self._polygons)

    def locate(self, lons: Floats, lats: Floats) -> npt.NDArray[np.str_]:
        """Return the code of the area that holds each point (WGS-84); empty for a point in none or not a number."""
        import shapely

        found = np.zeros(len(lons), dtype=np.int32)
        if self._tree is not None:
            known = np.flatnonzero(np.isfinite(lons) & np.isfinite(lats))
            points, polygons = self._tree.query(shapely.points(lons[known], lats[known]), predicate="intersects")
            # Written from the last to the first, so that the first of several stands.
            last_first = np.argsort(-polygons, kind="stable")
            found[known[points[last_first]]] = polygons[last_first] + 1
            return self._codes[found]
        order = np.arange(len(lons))
        for number, (polygon, (west, south, east, north)) in enumerate(zip(self._polygons, self._bounds, strict=True), start=1):
            near = order[(lons[order] >= west) & (lons[order] <= east) & (lats[order] >= south) & (lats[order] <= north)]
            if len(near):
                found[near[shapely.intersects_xy(polygon, lons[near], lats[near])]] = number
                order = order[found[order] == 0]
        return self._codes[found]


def _check_range(bounds: tuple[float, float, float, float], crs: str) -> None:
    west, south, east, north = bounds
    span = f"the coordinates run from {west:g} {south:g} to {east:g} {north:g}"
    if is_projected(crs):
        # A zone is some 300 km wide about an easting of 500 km; with the zone's number before it, that is another system.
        if not (west >= 0 and east <= 1_000_000 and south >= 0 and north <= 6_500_000):
            raise ValueError(f"{span}, expected metres on the grid of {crs}, easting first and without the zone's number")
    elif not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise ValueError(f"{span}, expected degrees, longitude first; a file in metres names its grid, such as EPSG:4549")


def _polygons_only(geometry: BaseGeometry) -> BaseGeometry:
    """Drop the stray lines and points that mending leaves behind."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _rounded(geometry: dict[str, Any]) -> dict[str, Any]:
    def tidy(node: Any) -> Any:
        return [tidy(item) for item in node] if isinstance(node[0], list) else [round(node[0], 5), round(node[1], 5)]

    return {"type": geometry["type"], "coordinates": tidy(geometry["coordinates"])}
