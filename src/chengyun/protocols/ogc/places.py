# SPDX-License-Identifier: Apache-2.0
"""Where features are: boxes and shapes as conditions, boundaries in memory, geometries as GeoJSON.

Points are columns: a box is a comparison, with the register's point index beside it. Boundaries are few and large: a level's
are kept once read, with a tree of their bounds. Every other relation is decided by GEOS on candidates inside the shape's bounds,
and answers with the ids that fit.

shapely and numpy are imported inside: this process is small until somebody asks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.errors import Refused
from chengyun.protocols.ogc.layers import Seen

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import shapely as shapely_module

__all__ = ["Boundaries", "Box", "Relations", "box_sql", "read_boundaries"]

Box = tuple[float, float, float, float]
Conn = AsyncConnection[TupleRow]

MOST_CANDIDATES = 2_000_000
"""Points a shape may be compared with in one question: about 100 MB while it is answered."""
DECIMALS = 7
"""Of degrees in boundaries: a centimetre."""


@dataclass(frozen=True)
class Boundaries:
    """A level's boundaries of every day, WGS-84. ids: rows of areas_area, ascending."""

    ids: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.object_]
    tree: shapely_module.STRtree

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        import shapely

        return int(shapely.get_num_coordinates(self.shapes).sum()) * 40 + 1_000

    @property
    def extent(self) -> Box | None:
        import shapely

        if not len(self.shapes):
            return None
        west, south, east, north = (float(one) for one in shapely.total_bounds(self.shapes))
        return west, south, east, north

    def within(self, box: Box) -> list[int]:
        """Return the rows whose boundary meets a box."""
        import shapely

        return self.related("s_intersects", shapely.box(*box))

    def related(self, relation: str, shape: Any) -> list[int]:
        """Return the rows of which a relation to a shape is true."""
        import shapely

        near = self.tree.query(shape)
        true = getattr(shapely, relation.removeprefix("s_"))(self.shapes[near], shape)
        return sorted(self.ids[near[true]].tolist())


async def read_boundaries(conn: Conn, level: str) -> Boundaries:
    """Return the boundaries of a level, of all days."""
    import numpy as np
    import shapely

    cursor = await conn.execute(
        "SELECT id, boundary FROM areas_area WHERE level = %s AND boundary IS NOT NULL ORDER BY id", [level], binary=True
    )
    rows: list[Any] = await cursor.fetchall()
    shapes = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    shapely.prepare(shapes)
    return Boundaries(np.array([row[0] for row in rows], dtype=np.int64), shapes, shapely.STRtree(shapes))


def box_sql(lon: str, lat: str, box: Box, name: str) -> tuple[str, dict[str, Any]]:
    """Return whether a point lies in a box, edges included, as SQL. With west beyond east it crosses the 180th meridian.

    PostgreSQL's own `<@` takes a hair more than the box: it finds rows through the index, the comparisons decide.
    """
    west, south, east, north = box
    if west > east:
        first, one = box_sql(lon, lat, (west, south, 180.0, north), f"{name}w")
        second, two = box_sql(lon, lat, (-180.0, south, east, north), f"{name}e")
        return f"({first} OR {second})", one | two
    params = {f"{name}{number}": value for number, value in enumerate(box)}
    w, s, e, n = (f"%({name}{number})s::float8" for number in range(4))
    return (
        f"(point({lon}, {lat}) <@ box(point({w}, {s}), point({e}, {n})) "
        f"AND {lon} >= {w} AND {lon} <= {e} AND {lat} >= {s} AND {lat} <= {n})",
        params,
    )


def checked_box(box: Box) -> Box:
    """Return the box. Raises Refused where its edges make no box on the globe."""
    west, south, east, north = box
    if not all(map(math.isfinite, box)):
        raise Refused("A box has an edge that is not a number.", code="bbox", status=400)
    if south > north:
        raise Refused("A box has its lower edge above its upper one.", code="bbox", status=400)
    if west > east and not -180 <= east < west <= 180:
        raise Refused(
            "A box has its west beyond its east; that crosses the 180th meridian, and both must lie between -180 and 180.",
            code="bbox", status=400,
        )  # fmt: skip
    return box


class Relations:
    """The relations of one question's layer to shapes."""

    def __init__(self, conn: Conn, seen: Seen, boundaries: Boundaries | None) -> None:
        self._conn, self._seen, self._boundaries, self._asked = conn, seen, boundaries, 0

    async def box(self, box: Box) -> tuple[str, dict[str, Any]]:
        """Return whether a feature meets a box."""
        checked_box(box)
        self._asked += 1
        name = f"g{self._asked}_"
        if self._boundaries is None:
            return box_sql(self._seen.lon, self._seen.lat, box, name)
        west, south, east, north = box
        halves = [box] if west <= east else [(west, south, 180.0, north), (-180.0, south, east, north)]
        ids = sorted({row for half in halves for row in self._boundaries.within(half)})
        return self._among(ids, name)

    async def relate(self, relation: str, shape: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return whether a relation to a shape (GeoJSON or {"bbox"}, degrees) holds; unknown where the place is not known."""
        if "bbox" in shape:
            box: Box = tuple(shape["bbox"])
            if relation in ("s_intersects", "s_disjoint"):
                sql, params = await self.box(box)
                return (f"(NOT {sql})" if relation == "s_disjoint" else sql), params
        opposite = relation == "s_disjoint"
        ids = await self._ids("s_intersects" if opposite else relation, _shape(shape))
        self._asked += 1
        sql, params = self._among(ids, f"g{self._asked}_")
        return (f"(NOT {sql})" if opposite else sql), params

    def _among(self, ids: Sequence[int], name: str) -> tuple[str, dict[str, Any]]:
        known = "r.boundary IS NOT NULL" if self._boundaries is not None else f"{self._seen.lon} IS NOT NULL"
        return f"(CASE WHEN {known} THEN r.id = ANY(%({name})s::bigint[]) END)", {name: list(ids)}

    async def _ids(self, relation: str, shape: Any) -> list[int]:
        import numpy as np
        import shapely

        if self._boundaries is not None:
            return self._boundaries.related(relation, shape)
        seen = self._seen
        west, south, east, north = (float(one) for one in shape.bounds)
        near, params = box_sql(seen.lon, seen.lat, (west, south, east, north), "near")
        cursor = await self._conn.execute(
            f"SELECT r.id::int8, {seen.lon}, {seen.lat} FROM {seen.source} "  # noqa: S608  names of ours
            f"WHERE {seen.where} AND {near} LIMIT {MOST_CANDIDATES + 1}",
            {**seen.params, **params},
            binary=True,
        )
        rows = await cursor.fetchall()
        if len(rows) > MOST_CANDIDATES:
            raise Refused(
                f"More than {MOST_CANDIDATES:,} features lie within the shape's bounds. Ask for a smaller shape.",
                code="filter", status=400,
            )  # fmt: skip
        if not rows:
            return []
        found = np.array(rows, dtype=np.float64)
        shapely.prepare(shape)
        points = shapely.points(found[:, 1], found[:, 2])
        true = getattr(shapely, relation.removeprefix("s_"))(points, shape)
        return sorted(found[true, 0].astype(np.int64).tolist())


def _shape(given: dict[str, Any]) -> Any:
    import shapely

    if "bbox" in given:
        west, south, east, north = checked_box(tuple(given["bbox"]))
        halves = [(west, south, east, north)] if west <= east else [(west, south, 180, north), (-180, south, east, north)]
        return shapely.union_all([shapely.box(*half) for half in halves])
    try:
        shape = shapely.from_geojson(json.dumps(given))
    except (shapely.errors.GEOSException, ValueError, TypeError) as wrong:
        raise _not_a_shape(" ".join(str(wrong).split())[:200]) from wrong
    if shape.is_empty:
        raise _not_a_shape("it is empty")
    if not shape.is_valid:
        raise _not_a_shape(str(shapely.is_valid_reason(shape)))
    return shape


def _not_a_shape(why: str) -> Refused:
    return Refused(f"The filter cannot be read: its geometry is not valid: {why}.", code="filter", status=400)
