# SPDX-License-Identifier: Apache-2.0
"""How fast points find their district."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from chengyun.areas import geometry
from chengyun.areas.files import demonstration_files, read_area_file
from chengyun.bench.frame import Bench, Result
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.standards.coordinates import from_wgs84

POINTS = 1_000_000
ONE_BY_ONE = 20_000


def areas() -> list[Result]:
    """Measure a million points into the demonstration's detailed districts; beside it, the same asked one by one."""
    import shapely

    files = [path for path in demonstration_files(config().city) if path.suffix == ".geojson"]
    if not files:
        raise Refused("The bench `areas` needs the demonstration's boundaries. Run `make setup`.")
    read = read_area_file(files[0])
    polygons = [
        geometry.to_wgs84_polygon(geometry.read_polygon(feature.geometry, read.crs or ""), read.crs or "")
        for feature in read.features
        if feature.geometry
    ]
    places = geometry.Places([feature.code for feature in read.features], [geometry.to_wkb(polygon) for polygon in polygons])
    west, south, east, north = shapely.total_bounds(np.array(polygons, dtype=object))
    random = np.random.default_rng(1)
    lons, lats = random.uniform(west, east, POINTS), random.uniform(south, north, POINTS)

    begun = time.perf_counter()
    found = places.locate(lons, lats)
    took = time.perf_counter() - begun

    begun = time.perf_counter()
    for lon, lat in zip(lons[:ONE_BY_ONE], lats[:ONE_BY_ONE], strict=True):
        next((polygon for polygon in polygons if polygon.contains(shapely.Point(lon, lat))), None)
    plain = (time.perf_counter() - begun) * POINTS / ONE_BY_ONE

    begun = time.perf_counter()
    from_wgs84(lons, lats, "GCJ-02")
    converted = time.perf_counter() - begun
    corners = shapely.get_num_coordinates(polygons).sum()
    return [
        Result(
            name="areas", value=took, unit="s", target=5,
            compared={"shapely one by one": f"{plain:.1f} s", "WGS-84 to GCJ-02 of the same points": f"{converted:.2f} s"},
            notes=f"{POINTS:,} points over the bounds of {len(polygons)} districts with {corners:,} corners; "
            f"{(found != '').mean():.0%} lie in one.",
        )
    ]  # fmt: skip


BENCHES: Mapping[str, Bench] = {"areas": areas}
