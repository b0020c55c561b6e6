# SPDX-License-Identifier: Apache-2.0
"""1,008 places of Ningbo against three boundary files: who is in which district, and how mixing systems shows."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from chengyun.areas.files import read_area_file
from chengyun.areas.geometry import Places, read_polygon, to_wgs84_polygon, to_wkb
from chengyun.standards.coordinates import from_wgs84

DATAV, AMAP, OSM = "datav_330200_full_2021.geojson", "amap_ningbo_2018_detailed.geojson", "osm_ningbo_districts_wgs84.json"


class Truth:
    """The places: WGS-84 positions and the district OpenStreetMap puts each in."""

    def __init__(self, folder: Path) -> None:
        found = []
        for kind in ("school", "hospital", "cbd"):
            features = json.loads((folder / f"ningbo_{kind}_boundaries.json").read_text(encoding="utf-8"))["features"]
            found += [(*feature["centroid"], feature["county"]) for feature in features]
        self.lon, self.lat = np.array([row[0] for row in found]), np.array([row[1] for row in found])
        self.district = np.array([row[2] for row in found])


@pytest.fixture(scope="module")
def truth(shared: Path) -> Truth:
    return Truth(shared / "data" / "osm-ningbo")


def _places(shared: Path, name: str, crs: str, *, convert: bool) -> Places:
    features = read_area_file(shared / "data" / "admin-ningbo" / name, crs, dt.date(2026, 1, 1)).features
    # By name: the file of 2018 still gives 奉化区 the code that was withdrawn.
    polygons = {
        feature.name: read_polygon(feature.geometry, crs) for feature in sorted(features, key=lambda feature: feature.code)
    }
    if convert:
        polygons = {name: to_wgs84_polygon(polygon, crs) for name, polygon in polygons.items()}
    return Places(list(polygons), [to_wkb(polygon) for polygon in polygons.values()])


@pytest.mark.parametrize(
    ("name", "crs", "as_they_are", "converted_to_gcj02", "in_none"),
    [(DATAV, "GCJ-02", 990, 1006, 0), (AMAP, "GCJ-02", 988, 1007, 0), (OSM, "WGS-84", 1006, 978, 5)],
)
def test_the_published_agreement_is_met_exactly(
    shared: Path, truth: Truth, name: str, crs: str, as_they_are: int, converted_to_gcj02: int, in_none: int
) -> None:
    places = _places(shared, name, crs, convert=False)
    assert len(truth.district) == 1008
    assert (places.locate(truth.lon, truth.lat) == truth.district).sum() == as_they_are
    moved = places.locate(*from_wgs84(truth.lon, truth.lat, "GCJ-02"))
    assert (moved == truth.district).sum() == converted_to_gcj02
    assert (moved == "").sum() == in_none


@pytest.mark.parametrize(("name", "crs", "agree"), [(DATAV, "GCJ-02", 1006), (AMAP, "GCJ-02", 1007), (OSM, "WGS-84", 1006)])
def test_boundaries_brought_to_wgs84_agree_as_well(shared: Path, truth: Truth, name: str, crs: str, agree: int) -> None:
    places = _places(shared, name, crs, convert=True)
    assert (places.locate(truth.lon, truth.lat) == truth.district).sum() == agree


def test_a_wrongly_stated_system_shows(shared: Path, truth: Truth) -> None:
    right = _places(shared, DATAV, "GCJ-02", convert=True).locate(truth.lon, truth.lat)
    wrong = _places(shared, DATAV, "WGS-84", convert=True).locate(truth.lon, truth.lat)
    assert (right == truth.district).sum() - (wrong == truth.district).sum() == 16


def test_a_million_points_are_right_where_they_are_checked_one_by_one(shared: Path) -> None:
    features = read_area_file(shared / "data" / "admin-ningbo" / AMAP, "GCJ-02", dt.date(2026, 1, 1)).features
    polygons = [to_wgs84_polygon(read_polygon(feature.geometry, "GCJ-02"), "GCJ-02") for feature in features]
    codes = [feature.code for feature in features]
    random = np.random.default_rng(20261121)
    lon, lat = random.uniform(120.8, 122.4, 1_000_000), random.uniform(28.8, 30.6, 1_000_000)
    found = Places(codes, [to_wkb(polygon) for polygon in polygons]).locate(lon, lat)
    assert len(found) == 1_000_000
    assert 0.2 < (found != "").mean() < 0.5
    for index in random.choice(1_000_000, 1_500, replace=False):
        point = shapely.Point(lon[index], lat[index])
        expected = next((code for code, polygon in zip(codes, polygons, strict=True) if polygon.intersects(point)), "")
        assert found[index] == expected


def test_unknown_positions_are_in_no_district(shared: Path) -> None:
    places = _places(shared, DATAV, "GCJ-02", convert=True)
    nowhere = np.array([np.nan, np.inf, 121.5497, 200.0])
    assert list(places.locate(nowhere, np.array([29.8, 29.8, np.nan, 95.0]))) == ["", "", "", ""]
    assert list(Places([], []).locate(nowhere, nowhere)) == ["", "", "", ""]
