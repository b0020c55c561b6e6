# SPDX-License-Identifier: Apache-2.0
"""Vector tiles of a layer in the tile matrix set WebMercatorQuad.

A tile whose features number more than MOST shows one feature for each of its 128 × 128 cells, the one with the lowest row, and
`point_count` says for how many it stands; every tile with fewer is whole. A cell is four pixels of a tile drawn at 512, so what
is left out would lie under what is shown. The rule is told in the tileset's metadata.

Standard: OGC 20-057 (Tiles), OGC 17-083r4 (tile matrix sets), Mapbox Vector Tile 2.1.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from chengyun.errors import NotFound
from chengyun.protocols.ogc import mvt
from chengyun.protocols.ogc.items import Selection, question, run, standing
from chengyun.protocols.ogc.layers import Column, Seen
from chengyun.protocols.ogc.places import Boundaries, Box, Conn, box_sql
from chengyun.protocols.ogc.reference import HIGHEST_LAT, RADIUS_M, from_mercator

__all__ = ["CELLS", "DEEPEST", "MATRIX_SET", "MOST", "Cells", "Tile", "ask_cells", "draw", "encode_points", "thinned"]

MATRIX_SET = "WebMercatorQuad"
DEEPEST = 22
CELLS = 128
MOST = CELLS * CELLS
BUFFER = 64
"""Units beyond each edge that are drawn too, two cells: so that a mark on an edge is whole, and both sides thin alike."""
LIKENESS = 2.0
"""Units a boundary may be simplified by: half a pixel at 512 is four."""
WORLD_M = 2 * math.pi * RADIUS_M


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile. zoom, row (down from the north) and column. Raises NotFound where the world ends."""

    zoom: int
    row: int
    column: int

    def __post_init__(self) -> None:
        if not (0 <= self.zoom <= DEEPEST and 0 <= self.row < 2**self.zoom and 0 <= self.column < 2**self.zoom):
            raise NotFound(f"There is no tile {self.zoom}/{self.row}/{self.column} in {MATRIX_SET}, zoom 0 to {DEEPEST}.")

    @property
    def box(self) -> Box:
        """West, south, east, north with the buffer, in degrees."""
        size, edge = 1 / 2**self.zoom, BUFFER / mvt.EXTENT / 2**self.zoom
        west, east = self.column * size - edge, (self.column + 1) * size + edge
        north, south = self.row * size - edge, (self.row + 1) * size + edge
        first = from_mercator((west - 0.5) * WORLD_M, (0.5 - south) * WORLD_M)
        last = from_mercator((east - 0.5) * WORLD_M, (0.5 - north) * WORLD_M)
        return max(first[0], -180.0), first[1], min(last[0], 180.0), last[1]


async def draw(conn: Conn, seen: Seen, tile: Tile, boundaries: Boundaries | None, zone: ZoneInfo) -> bytes:
    """Return a layer's tile; nothing at all where there is nothing."""
    if boundaries is not None:
        return await _draw_areas(conn, seen, tile, boundaries, zone)
    return await _draw_points(conn, seen, tile, zone)


@dataclass(frozen=True, slots=True)
class Cells:
    """The first question of a tile of points. Its rows: (lowest row, how many it stands for), a row for each cell."""

    sql: str
    params: dict[str, Any]
    base: Selection
    inside: str

    def second(self, seen: Seen, cells: Sequence[tuple[int, int]]) -> tuple[str, dict[str, Any]]:
        """Return the question for the features to draw: id, lon, lat, then the layer's columns."""
        told = ", ".join(["r.id::int8", seen.lon, seen.lat, *(column.sql for column in seen.columns.values())])
        if not thinned(cells):
            return question(told, f"{self.base.sql} AND {self.inside} ORDER BY r.id"), self.params
        chosen = {**self.base.params, "rows": [row[0] for row in cells]}
        return question(told, f"{self.base.sql} AND r.id = ANY(%(rows)s::bigint[]) ORDER BY r.id"), chosen


def thinned(cells: Sequence[tuple[int, int]]) -> bool:
    """Say whether a tile with these cells shows one feature for each of them."""
    return sum(row[1] for row in cells) > MOST


def ask_cells(seen: Seen, tile: Tile, zone: ZoneInfo) -> Cells:
    """Return the question for a tile's cells."""
    base = standing(seen, zone)
    inside, bound = box_sql(seen.lon, seen.lat, tile.box, "t")
    params = {**base.params, **bound, "cells": float(2**tile.zoom * CELLS), "lat": HIGHEST_LAT}
    # Web Mercator between 0 and 1, y downwards; the first aggregate of a cell is its feature, the second how many it stands for.
    lat = f"LEAST(GREATEST({seen.lat}, -%(lat)s::float8), %(lat)s::float8)"
    cell = (
        f"floor((({seen.lon}) + 180) / 360 * %(cells)s::float8), "
        f"floor((0.5 - asinh(tand({lat})) / (2 * pi())) * %(cells)s::float8)"
    )
    text = question("min(r.id)::int8, count(*)::int8", f"{base.sql} AND {inside} GROUP BY {cell}")
    return Cells(text, params, base, inside)


async def _draw_points(conn: Conn, seen: Seen, tile: Tile, zone: ZoneInfo) -> bytes:
    asked = ask_cells(seen, tile, zone)
    cells: list[Any] = await (await run(conn, asked.sql, asked.params)).fetchall()
    if not cells:
        return b""
    text, params = asked.second(seen, cells)
    rows: list[Any] = await (await run(conn, text, params)).fetchall()
    return await asyncio.to_thread(encode_points, seen, tile, cells, rows)


def encode_points(seen: Seen, tile: Tile, cells: Sequence[tuple[int, int]], rows: Sequence[Any]) -> bytes:
    """Return the tile of what both questions found."""
    import numpy as np

    stands_for = dict(cells) if thinned(cells) else None

    lons = np.array([row[1] for row in rows], dtype=np.float64)
    lats = np.clip(np.array([row[2] for row in rows], dtype=np.float64), -HIGHEST_LAT, HIGHEST_LAT)
    world = 2**tile.zoom
    x = np.floor(((lons + 180) / 360 * world - tile.column) * mvt.EXTENT).astype(np.int64).tolist()
    down = 0.5 - np.arcsinh(np.tan(np.radians(lats))) / (2 * math.pi)
    y = np.floor((down * world - tile.row) * mvt.EXTENT).astype(np.int64).tolist()

    def features() -> Any:
        for row, across, along in zip(rows, x, y, strict=True):
            values = {column.key: value for column, value in zip(seen.columns.values(), row[3:], strict=True)}
            if seen.limited is not None:
                values = seen.mask(values)
            if stands_for is not None:
                values["point_count"] = stands_for[row[0]]
            yield row[0], 1, mvt.point(across, along), values

    return mvt.encode(seen.key, features())


async def _draw_areas(conn: Conn, seen: Seen, tile: Tile, boundaries: Boundaries, zone: ZoneInfo) -> bytes:
    near = boundaries.within(tile.box)
    if not near:
        return b""
    base = standing(seen, zone)
    columns = list(seen.columns.values())
    told = ", ".join(["r.id::int8", seen.id, *(column.sql for column in columns)])
    text = question(told, f"{base.sql} AND r.id = ANY(%(rows)s::bigint[]) ORDER BY r.id")
    rows: list[Any] = await (await run(conn, text, {**base.params, "rows": near})).fetchall()
    return await asyncio.to_thread(_encode_areas, seen, tile, columns, rows, boundaries)


def _encode_areas(
    seen: Seen, tile: Tile, columns: Sequence[Column], rows: Sequence[Any], boundaries: Boundaries
) -> bytes:  # fmt: skip
    def features() -> Any:
        for row in rows:
            parts = _in_tile(boundaries.shapes[int(boundaries.ids.searchsorted(row[0]))], tile)
            values = {column.key: value for column, value in zip(columns, row[2:], strict=True)}
            if parts:
                yield row[0], 3, mvt.polygons(parts), seen.mask(values)

    return mvt.encode(seen.key, features())


def _in_tile(shape: Any, tile: Tile) -> list[list[list[tuple[int, int]]]]:
    """Return a boundary as rings of whole tile units, cut a little beyond the tile's edges."""
    import numpy as np
    import shapely

    west, south, east, north = tile.box
    cut = shapely.clip_by_rect(shape, west, south, east, north)
    world = 2**tile.zoom

    def place(corners: Any) -> Any:
        lats = np.clip(corners[:, 1], -HIGHEST_LAT, HIGHEST_LAT)
        down = 0.5 - np.arcsinh(np.tan(np.radians(lats))) / (2 * math.pi)
        across = (corners[:, 0] + 180) / 360
        return np.column_stack([(across * world - tile.column) * mvt.EXTENT, (down * world - tile.row) * mvt.EXTENT])

    drawn = shapely.simplify(shapely.transform(cut, place), LIKENESS)
    # Snapped to whole units by GEOS, so that no ring crosses itself.
    whole = shapely.set_precision(drawn, 1.0)
    found = []
    for part in shapely.get_parts(shapely.get_parts(whole)):
        if shapely.get_type_id(part) != shapely.GeometryType.POLYGON or part.is_empty:
            continue
        rings = [part.exterior, *part.interiors]
        found.append([[(round(x), round(y)) for x, y in ring.coords] for ring in rings])
    return found
