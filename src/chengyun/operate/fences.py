# SPDX-License-Identifier: Apache-2.0
"""Whether positions are inside a place: even-odd over its rings, on whole columns. Pure numpy: the ingest process does it.

A point on an edge may be told either way; no instrument knows its place that well. Rings that cross the antimeridian are not
understood.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chengyun.errors import Malformed

__all__ = ["Fence", "rings_of"]

POLYGON, MULTI_POLYGON = 3, 6
AT_A_TIME = 4_000_000
"""So many pairs of a point and an edge are compared at once."""


@dataclass(frozen=True, eq=False)
class Fence:
    """A place and the side of it that is wrong.

    rings: closed rings (n, 2) of lon and lat; a hole is a ring like any other. outside: 1 is said of what is not inside.
    lon, lat: the quantities that hold the position.
    """

    rings: tuple[np.ndarray, ...]
    outside: bool = False
    lon: str = "lon"
    lat: str = "lat"

    def judge(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return 1 where the position is where the condition holds, 0 where not, NaN where it is unknown."""
        told: np.ndarray = (self.inside(lon, lat) != self.outside).astype(np.float64)
        told[np.isnan(lon) | np.isnan(lat)] = np.nan
        return told

    def inside(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Say of each position whether it is inside."""
        found = np.zeros(len(lon), bool)
        for ring in self.rings:
            low, high = ring.min(axis=0), ring.max(axis=0)
            near = np.flatnonzero((lon >= low[0]) & (lon <= high[0]) & (lat >= low[1]) & (lat <= high[1]))
            for some in np.array_split(near, -(-len(near) * len(ring) // AT_A_TIME)) if len(near) else ():
                found[some] ^= _odd(ring, lon[some], lat[some])
        return found


def _odd(ring: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Say of each point whether a ray to the east crosses the ring an odd number of times."""
    x0, y0, x1, y1 = *ring[:-1].T, *ring[1:].T
    level = y0 != y1
    x0, y0, x1, y1 = x0[level], y0[level], x1[level], y1[level]
    spans = (y0 <= lat[:, None]) != (y1 <= lat[:, None])
    crosses = spans & (lon[:, None] < x0 + (lat[:, None] - y0) * (x1 - x0) / (y1 - y0))
    return np.asarray(crosses.sum(axis=1) % 2 == 1)


def rings_of(shape: bytes | Sequence[tuple[float, float]]) -> tuple[np.ndarray, ...]:
    """Return the closed rings of a polygon's corners, or of a polygon or multipolygon as WKB. Raises Malformed."""
    if not isinstance(shape, bytes | bytearray | memoryview):
        ring = np.array([tuple(map(float, corner)) for corner in shape], np.float64)
        return (ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]]),)
    try:
        return tuple(_read(bytes(shape), 0)[0])
    except struct.error as wrong:
        raise Malformed(f"A boundary ends early: {wrong}.") from wrong


def _read(data: bytes, at: int) -> tuple[list[np.ndarray], int]:
    order = "<" if data[at] else ">"
    kind, count = struct.unpack_from(f"{order}II", data, at + 1)
    at += 9
    rings: list[np.ndarray] = []
    if kind == MULTI_POLYGON:
        for _ in range(count):
            more, at = _read(data, at)
            rings += more
    elif kind == POLYGON:
        for _ in range(count):
            (size,) = struct.unpack_from(f"{order}I", data, at)
            if at + 4 + 16 * size > len(data):
                raise Malformed("A boundary ends early.")
            rings.append(np.frombuffer(data, np.dtype(f"{order}f8"), 2 * size, at + 4).reshape(size, 2).astype(np.float64))
            at += 4 + 16 * size
    else:
        raise Malformed(f"A boundary is of the geometry kind {kind}, expected a polygon (3) or multipolygon (6).")
    return rings, at
