# SPDX-License-Identifier: Apache-2.0
"""How much of an area a patrol has seen: square cells over it, seen when a track passes close. Pure, but for shapely.

A cell is (column, row) from the south-west corner. What is kept of a track in the end is its cells, not its points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Cells", "cells_of", "seen_by"]

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of the mean radius 6 371 008.8 m."""
WORST_ACCURACY_M = 80.0
"""A position less certain than this says nothing about which street was walked."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of an area. west, south: corner in degrees. wanted: those whose centre lies in the area."""

    size_m: float
    west: float
    south: float
    columns: int
    rows: int
    wanted: frozenset[tuple[int, int]]

    @property
    def height(self) -> float:
        """Return a cell's height in degrees of latitude."""
        return self.size_m / METRES_PER_DEGREE

    @property
    def width(self) -> float:
        """Return a cell's width in degrees of longitude, at the area's south."""
        return self.size_m / (METRES_PER_DEGREE * math.cos(math.radians(self.south)))


def cells_of(shape: Any, size_m: float = 60.0, most: int = 4000) -> Cells:
    """Return the cells of a shapely polygon in WGS-84. Cells grow until there are at most `most`."""
    import shapely  # only who makes a task needs it

    west, south, east, north = shape.bounds
    while True:
        height = size_m / METRES_PER_DEGREE
        width = size_m / (METRES_PER_DEGREE * math.cos(math.radians(south)))
        columns, rows = max(1, math.ceil((east - west) / width)), max(1, math.ceil((north - south) / height))
        if columns * rows <= most:
            break
        size_m *= 1.25
    places = [(x, y) for y in range(rows) for x in range(columns)]
    lons = [west + (x + 0.5) * width for x, _ in places]
    lats = [south + (y + 0.5) * height for _, y in places]
    inside = shapely.contains_xy(shape, lons, lats)
    return Cells(size_m, west, south, columns, rows, frozenset(it for it, yes in zip(places, inside, strict=True) if yes))


def seen_by(cells: Cells, points: Iterable[tuple[float, float, float]]) -> set[tuple[int, int]]:
    """Return the wanted cells that (lon, lat, accuracy in metres) fall into, or that lie on the straight way between two
    which are less than four cells apart: a device writes a point every few seconds, not in every cell."""
    found: set[tuple[int, int]] = set()
    former: tuple[float, float] | None = None
    for lon, lat, accuracy in points:
        if accuracy > WORST_ACCURACY_M:
            former = None
            continue
        at = ((lon - cells.west) / cells.width, (lat - cells.south) / cells.height)
        steps = 1
        if former is not None:
            far = max(abs(at[0] - former[0]), abs(at[1] - former[1]))
            steps = math.ceil(far * 2) or 1
            if far > 4:
                former = None
        begin = former or at
        for step in range(steps + 1):
            x = begin[0] + (at[0] - begin[0]) * step / steps
            y = begin[1] + (at[1] - begin[1]) * step / steps
            found.add((math.floor(x), math.floor(y)))
        former = at
    return found & cells.wanted
