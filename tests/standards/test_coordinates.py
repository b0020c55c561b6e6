# SPDX-License-Identifier: Apache-2.0
"""Positions in the four systems, against vectors that three independent programs agree on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengyun.standards.coordinates import convert, crs_name, from_wgs84, to_wgs84

# Two hundredths of a degree inside the box, where every GCJ-02 position has one WGS-84 position.
LON = st.floats(72.03, 137.81)
LAT = st.floats(0.85, 55.80)
MM01 = 1e-9


@pytest.fixture(scope="module")
def vectors(shared: Path) -> list[dict[str, str]]:
    with open(shared / "reference" / "coord_test_vectors.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _point(row: dict[str, str], system: str) -> tuple[float, float]:
    return float(row[f"{system}_lon"]), float(row[f"{system}_lat"])


def test_every_vector_holds_in_every_direction(vectors: list[dict[str, str]]) -> None:
    systems = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}
    checked = 0
    for row in vectors:
        for source, source_crs in systems.items():
            for target, target_crs in systems.items():
                got = convert(*_point(row, source), source_crs, target_crs)
                # The vectors have eight decimals.
                assert got == pytest.approx(_point(row, target), abs=2e-8), (row["name"], source, target)
                checked += 1
    assert checked == 10 * 9


def test_every_vector_holds_on_the_surveyors_grid(vectors: list[dict[str, str]]) -> None:
    on_grid = [row for row in vectors if row["cgcs2000_gk3_epsg"]]
    assert len(on_grid) == 9
    for row in on_grid:
        crs, metres = f"EPSG:{row['cgcs2000_gk3_epsg']}", (float(row["easting_m"]), float(row["northing_m"]))
        # The vectors have three decimals; a millimetre is 1e-8 degrees.
        assert from_wgs84(*_point(row, "wgs84"), crs) == pytest.approx(metres, abs=1e-3), row["name"]
        assert to_wgs84(*metres, crs) == pytest.approx(_point(row, "wgs84"), abs=1e-8), row["name"]
        assert convert(*metres, crs, "GCJ-02") == pytest.approx(_point(row, "gcj02"), abs=2e-8)


@given(st.floats(118.0, 125.0), st.floats(18.0, 54.0), st.sampled_from(["EPSG:4549", "EPSG:4550"]))
def test_the_grid_and_back_is_the_same_place(lon: float, lat: float, crs: str) -> None:
    assert to_wgs84(*from_wgs84(lon, lat, crs), crs) == pytest.approx((lon, lat), abs=MM01)


def test_the_one_step_inverse_of_baidu_is_near_but_not_ours(vectors: list[dict[str, str]]) -> None:
    for row in vectors:
        ours = np.array(convert(*_point(row, "bd09"), "BD-09", "GCJ-02"))
        one_step = np.array(_point(row, "bd09_to_gcj02"))
        assert np.abs(ours - one_step).max() < 5e-6
        assert np.abs(ours - _point(row, "gcj02")).max() < 2e-8


@given(LON, LAT, st.sampled_from(["GCJ-02", "BD-09"]))
def test_there_and_back_is_the_same_place(lon: float, lat: float, crs: str) -> None:
    there = from_wgs84(lon, lat, crs)
    assert to_wgs84(*there, crs) == pytest.approx((lon, lat), abs=MM01)


@given(LON, LAT, st.sampled_from(["GCJ-02", "BD-09"]))
def test_back_and_there_is_the_same_place(lon: float, lat: float, crs: str) -> None:
    assert from_wgs84(*to_wgs84(lon, lat, crs), crs) == pytest.approx((lon, lat), abs=MM01)


def test_arrays_and_floats_give_the_same_numbers() -> None:
    lons, lats = np.linspace(120.9, 122.3, 1001), np.linspace(28.9, 30.5, 1001)
    for crs in ("GCJ-02", "BD-09"):
        x, y = to_wgs84(lons, lats, crs)
        assert isinstance(x, np.ndarray)
        assert (x[500], y[500]) == pytest.approx(to_wgs84(float(lons[500]), float(lats[500]), crs), abs=1e-12)
    single = to_wgs84(121.5, 29.9, "GCJ-02")
    assert type(single[0]) is float


def test_the_offset_in_ningbo_is_hundreds_of_metres() -> None:
    lon, lat = from_wgs84(121.5497, 29.8683, "GCJ-02")
    east_m, north_m = (lon - 121.5497) * 96_500, (lat - 29.8683) * 110_900
    assert 300 < np.hypot(east_m, north_m) < 700


@pytest.mark.parametrize("place", [(139.6917, 60.0), (2.3522, 48.8566), (-74.0, 40.7), (121.5, -33.0), (138.0, 35.0)])
def test_outside_the_box_gcj02_is_wgs84(place: tuple[float, float]) -> None:
    assert from_wgs84(*place, "GCJ-02") == place
    assert to_wgs84(*place, "GCJ-02") == place


def test_cgcs2000_keeps_the_numbers() -> None:
    assert to_wgs84(121.5, 29.9, "CGCS2000") == (121.5, 29.9)
    assert from_wgs84(121.5, 29.9, "CGCS2000") == (121.5, 29.9)


def test_unknown_positions_stay_unknown() -> None:
    lon, lat = to_wgs84(np.array([121.5, np.nan]), np.array([29.9, np.nan]), "GCJ-02")
    assert not np.isnan(lon[0])
    assert np.isnan(lon[1])
    assert np.isnan(lat[1])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gcj02", "GCJ-02"),
        ("GCJ-02", "GCJ-02"),
        ("EPSG:4326", "WGS-84"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "WGS-84"),
        ("urn:ogc:def:crs:EPSG::4490", "CGCS2000"),
        ("urn:ogc:def:crs:EPSG::4549", "EPSG:4549"),
        ("epsg:4550", "EPSG:4550"),
        (" bd-09 ", "BD-09"),
    ],
)
def test_common_spellings_are_understood(written: str, meant: str) -> None:
    assert crs_name(written) == meant


def test_an_unknown_system_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'GCJ-03' is not known. Did you mean \"GCJ-02\"\?"):
        to_wgs84(121.5, 29.9, "GCJ-03")
    with pytest.raises(ValueError, match="Use one of WGS-84, CGCS2000, GCJ-02, BD-09"):
        from_wgs84(121.5, 29.9, "EPSG:3857")
