# SPDX-License-Identifier: Apache-2.0
"""Coordinate systems met in China, to and from WGS-84, which is what is stored.

    WGS-84 ═ CGCS2000      the same point to better than 0.1 m; the tag is kept, the numbers are not changed
       │ offset inside the box (national encryption, 300 to 700 m)
    GCJ-02                 Amap, Tencent
       │ second offset, everywhere
    BD-09                  Baidu

CGCS2000 also comes projected, as EPSG:4534 to EPSG:4554 (`projection.py`): easting first, in metres.
Otherwise longitude comes first, in degrees. Every function takes floats or numpy arrays and gives the same kind back.
The inverses iterate until they hold to better than 1e-9 degrees (0.1 mm); one step alone errs by one to two metres.
Outside the box nothing is shifted, as the maps themselves do; within half a kilometre of the box's edge two points
can share one GCJ-02 position, and there the inverse gives one of them.

Source: the published algorithm (a = 6378245.0, ee = 0.00669342162296594323), identical in coord-convert 0.2.1,
prcoords 1.0.2 and coordTransform 0.2.1 to 1e-9 degrees. Variants with the radius 6378137 differ by about 1 cm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chengyun.errors import nearest
from chengyun.standards.projection import MERIDIANS, from_grid, to_grid

Floats = npt.NDArray[np.float64]
Degrees = TypeVar("Degrees", float, Floats)

CRS = ("WGS-84", "CGCS2000", "GCJ-02", "BD-09")

_ALIASES = {
    "wgs84": "WGS-84", "epsg4326": "WGS-84", "crs84": "WGS-84", "ogccrs84": "WGS-84", "gps": "WGS-84",
    "cgcs2000": "CGCS2000", "epsg4490": "CGCS2000",
    "gcj02": "GCJ-02",
    "bd09": "BD-09", "bd09ll": "BD-09",
}  # fmt: skip

_OFFSETS = {"WGS-84": 0, "CGCS2000": 0, "GCJ-02": 1, "BD-09": 2}
"""How many offsets lie between a system and WGS-84."""

_RADIUS_M = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_BOX = (72.004, 0.8293, 137.8347, 55.8271)
_BAIDU_K = 3000.0 * np.pi / 180.0
_CLOSE_ENOUGH = 1e-11
_ROUNDS = 10


def crs_name(text: str) -> str:
    """Return the one spelling of a coordinate system's name, e.g. "gcj02" → "GCJ-02", "EPSG:4326" → "WGS-84".

    Raises ValueError naming the nearest known system.
    """
    bare = re.sub(r"^urn:ogc:def:crs:", "", text.strip(), flags=re.IGNORECASE)
    # A URN carries a version between authority and code, often empty: OGC:1.3:CRS84, EPSG::4490.
    bare = re.sub(r"^(ogc|epsg):[\d.]*:", r"\1:", bare, flags=re.IGNORECASE)
    if bare.upper() in MERIDIANS:
        return bare.upper()
    found = _ALIASES.get(re.sub(r"[^a-z0-9]", "", bare.lower()))
    if found is None:
        raise ValueError(
            f"Coordinate system {text!r} is not known.{nearest(text.upper(), CRS)} Use one of {', '.join(CRS)}, "
            "or EPSG:4534 to EPSG:4554."
        )
    return found


def is_projected(crs: str) -> bool:
    """Say whether a system counts in metres on a grid. Raises ValueError for an unknown system."""
    return crs_name(crs) in MERIDIANS


def to_wgs84(lon: Degrees, lat: Degrees, crs: str) -> tuple[Degrees, Degrees]:
    """Return the WGS-84 position of a point given in another system. Raises ValueError for an unknown system."""
    return convert(lon, lat, crs, "WGS-84")


def from_wgs84(lon: Degrees, lat: Degrees, crs: str) -> tuple[Degrees, Degrees]:
    """Return a WGS-84 point's position in another system. Raises ValueError for an unknown system."""
    return convert(lon, lat, "WGS-84", crs)


def convert(lon: Degrees, lat: Degrees, source: str, target: str) -> tuple[Degrees, Degrees]:
    """Return a point's position in the target system; unchanged when both systems have the same datum."""
    given, wanted = crs_name(source), crs_name(target)
    start, end = _OFFSETS.get(given, 0), _OFFSETS.get(wanted, 0)
    if given == wanted or (start == end and given not in MERIDIANS and wanted not in MERIDIANS):
        return lon, lat
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if given in MERIDIANS:
        x, y = from_grid(x, y, MERIDIANS[given])
    path = (
        (_STEPS[step] for step in range(start, end)) if end > start else (_BACK[step] for step in range(start - 1, end - 1, -1))
    )
    for step in path:
        x, y = step(x, y)
    if wanted in MERIDIANS:
        x, y = to_grid(x, y, MERIDIANS[wanted])
    if isinstance(lon, np.ndarray):
        return x, y
    return float(x), float(y)


def in_offset_box(lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    """Say where GCJ-02 is shifted. The box is crude: it also holds Hong Kong, Taiwan and parts of the neighbours."""
    west, south, east, north = _BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return what GCJ-02 adds to a WGS-84 position, as if the whole world were inside the box."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (2.0 / 3.0) * (wave + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0))
    north += (2.0 / 3.0) * (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (2.0 / 3.0) * (wave + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0))
    east += (2.0 / 3.0) * (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0))
    phi = np.radians(lat)
    m = 1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2
    d_lat = np.degrees(north / (_RADIUS_M * (1.0 - _ECCENTRICITY2) / (m * np.sqrt(m))))
    d_lon = np.degrees(east / (_RADIUS_M / np.sqrt(m) * np.cos(phi)))
    return d_lon, d_lat


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    inside = in_offset_box(lon, lat)
    d_lon, d_lat = _shift(lon, lat)
    return np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)


def _gcj02_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    def shifted(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        d_lon, d_lat = _shift(x, y)
        return x + d_lon, y + d_lat

    # The smooth shift, without the box: a step that leaves the box would otherwise jump back and forth for ever.
    inside = in_offset_box(lon, lat)
    x, y = _invert(shifted, lon, lat)
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BAIDU_K)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BAIDU_K)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _bd09_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    return _invert(_gcj02_to_bd09, lon, lat)


def _invert(forward: Callable[[Floats, Floats], tuple[Floats, Floats]], lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon, lat
    for _ in range(_ROUNDS):
        there_x, there_y = forward(x, y)
        d_x, d_y = there_x - lon, there_y - lat
        x, y = x - d_x, y - d_y
        if not np.any(np.abs(d_x) > _CLOSE_ENOUGH) and not np.any(np.abs(d_y) > _CLOSE_ENOUGH):
            break
    return x, y


_STEPS = (_wgs84_to_gcj02, _gcj02_to_bd09)
_BACK = (_gcj02_to_wgs84, _bd09_to_gcj02)
