# SPDX-License-Identifier: Apache-2.0
"""Geometries without a spatial database: a rectangle kept beside each, searched by index, and GEOS for the exact answer.

Lengths and distances are in the units of the coordinates, degrees, as the neighbours of this API count them.
shapely and numpy are imported where they are used: most installations never ask a geometric question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.errors import Malformed
from chengyun.protocols.sensorthings.sql import GeoTest, Statement

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = [
    "FUNCTIONS", "MEASURES", "answer", "bounds", "is_pattern", "measure", "read_wkt", "transpose", "turned",
]  # fmt: skip

FUNCTIONS = {
    "geo.distance": 2, "geo.length": 1, "geo.intersects": 2, "st_equals": 2, "st_disjoint": 2, "st_touches": 2, "st_within": 2,
    "st_overlaps": 2, "st_crosses": 2, "st_intersects": 2, "st_contains": 2, "st_relate": 3,
}  # fmt: skip
"""How many arguments each takes. Standard: OGC 18-088, table 23."""
MEASURES = frozenset({"geo.distance", "geo.length"})
MEETING = frozenset(
    {"geo.intersects", "st_equals", "st_touches", "st_within", "st_overlaps", "st_crosses", "st_intersects", "st_contains"}
)
"""True only where the rectangles meet."""
TURNED = {"st_within": "st_contains", "st_contains": "st_within"}
MOST = 200_000
"""So many geometries are looked at for one question."""

Bounds = tuple[float, float, float, float]


def bounds(geojson: Any) -> Bounds | None:
    """Return west, south, east, north of a GeoJSON geometry or feature; None when it is none."""
    try:
        points = list(_points(geojson, 0))
    except (TypeError, ValueError, KeyError, RecursionError):
        return None
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _points(it: Any, depth: int) -> Iterator[tuple[float, float]]:
    if depth > 20 or not isinstance(it, dict):
        return
    match it.get("type"):
        case "Feature":
            yield from _points(it.get("geometry"), depth + 1)
        case "FeatureCollection":
            for one in it["features"]:
                yield from _points(one, depth + 1)
        case "GeometryCollection":
            for one in it["geometries"]:
                yield from _points(one, depth + 1)
        case "Point" | "MultiPoint" | "LineString" | "MultiLineString" | "Polygon" | "MultiPolygon":
            yield from _positions(it["coordinates"], 0)


def _positions(it: Any, depth: int) -> Iterator[tuple[float, float]]:
    if depth > 5 or not isinstance(it, list):
        raise ValueError
    if it and isinstance(it[0], int | float):
        x, y = float(it[0]), float(it[1])
        if not (abs(x) < 1e9 and abs(y) < 1e9):
            raise ValueError
        yield x, y
        return
    for one in it:
        yield from _positions(one, depth + 1)


def read_wkt(text: str) -> str:
    """Return well-known text that can be read. Raises Malformed (400)."""
    _geometry(text)
    return text


def is_pattern(text: str) -> bool:
    """Say whether a text is a pattern of the nine-intersection matrix."""
    return len(text) == 9 and set(text) <= set("TF012*")


def transpose(pattern: str) -> str:
    """Return the pattern for the two geometries the other way round."""
    return "".join(pattern[position] for position in (0, 3, 6, 1, 4, 7, 2, 5, 8)) if pattern else ""


def turned(name: str) -> str:
    """Return the function that says the same with its arguments exchanged."""
    return TURNED.get(name, name)


def measure(name: str, texts: Sequence[str], pattern: str) -> bool | float:
    """Return a function of literals."""
    import numpy as np

    first = _geometry(texts[0])
    second = _geometry(texts[1]) if len(texts) > 1 else None
    found = _evaluate(name, np.array([first], dtype=object), second, pattern, None)[0]
    return float(found) if name in MEASURES else bool(found)


async def answer(conn: AsyncConnection[TupleRow], statement: Statement) -> None:
    """Answer a statement's geometric questions: fill in the parameters that wait for them."""
    import asyncio

    for test in statement.geo:
        given = _geometry(test.wkt) if test.wkt else None
        params: dict[str, Any] = {"most": MOST + 1}
        where = f"t.{test.column} IS NOT NULL"
        held_box = "t.observed" if test.column == "observed" else "t.bounds"
        if given is not None and (test.function in MEETING or test.within is not None) and not given.is_empty:
            west, south, east, north = given.buffer(test.within).bounds if test.within else given.bounds
            where = f"{held_box} && box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))"
            params |= {"west": west, "south": south, "east": east, "north": north}
        shown = "box_to_text" if test.column == "observed" else f"t.{test.column}::text"
        if shown == "box_to_text":
            shown = "ARRAY[(t.observed[1])[0], (t.observed[1])[1], (t.observed[0])[0], (t.observed[0])[1]]::float8[]"
        source = statement.store.source(test.kind)
        cursor = await conn.execute(
            f"SELECT t.id, {shown} FROM {source} AS t WHERE {where} LIMIT %(most)s",  # noqa: S608
            params,
        )
        rows = await cursor.fetchall()
        if len(rows) > MOST:
            raise Malformed(
                f"{test.function}() would look at more than {MOST:,} geometries. Say with st_within or geo.distance(…) le where.",
                code="query", status=400,
            )  # fmt: skip
        ids, values = await asyncio.to_thread(_answers, test, rows, given)
        statement.params[test.ids] = ids
        if test.values:
            statement.params[test.values] = values


def _answers(test: GeoTest, rows: Sequence[tuple[Any, ...]], given: BaseGeometry | None) -> tuple[list[int], list[float]]:
    import numpy as np
    import shapely

    if not rows:
        return [], []
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    if test.column == "observed":
        shapes = shapely.box(*np.array([row[1] for row in rows], dtype=np.float64).T)
    else:
        shapes = shapely.from_geojson([row[1] for row in rows], on_invalid="ignore")
    known = ~shapely.is_missing(shapes)
    ids, shapes = ids[known], shapes[known]
    if not len(ids):
        return [], []
    found = _evaluate(test.function, shapes, given, test.pattern, test.within)
    if test.values:
        real = np.isfinite(found)
        return ids[real].tolist(), found[real].tolist()
    return ids[found].tolist(), []


def _evaluate(name: str, shapes: Any, given: BaseGeometry | None, pattern: str, within: float | None) -> Any:
    import shapely

    if within is not None:
        return shapely.dwithin(shapes, given, within)
    match name:
        case "geo.distance":
            return shapely.distance(shapes, given)
        case "geo.length":
            return shapely.length(shapes)
        case "st_relate":
            return shapely.relate_pattern(shapes, given, pattern)
    predicate = getattr(shapely, name.partition("_" if name.startswith("st_") else ".")[2])
    return predicate(shapes, given)


def _geometry(text: str) -> BaseGeometry:
    import shapely

    try:
        read: BaseGeometry | None = shapely.from_wkt(text.removeprefix("SRID=4326;"))
    except (shapely.errors.GEOSException, TypeError, ValueError) as wrong:
        raise Malformed(f"{text[:60]!r} is not well-known text, e.g. POINT(121.5 29.9).", code="query", status=400) from wrong
    if read is None or not all(abs(edge) < 1e9 for edge in (read.bounds or (0.0,))):
        raise Malformed(f"{text[:60]!r} is not well-known text, e.g. POINT(121.5 29.9).", code="query", status=400)
    return read
