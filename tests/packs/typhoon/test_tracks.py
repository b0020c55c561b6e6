# SPDX-License-Identifier: Apache-2.0
"""Storms of fifteen years near one city, against an answer sheet; two sources in two time zones tell of the same storm."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import zipfile
from pathlib import Path

import pytest

from chengyun.city import Malformed, Observation, Registered
from chengyun.lake.read import snapshot
from chengyun.packs.typhoon import feeds

# year, China's number, name, km, time UTC, hPa and m/s there, peak m/s: the SOURCE.md of the data
NEAR_NINGBO = """
2005 0509 Matsa 155 2005080606 980 30 45
2005 0515 Khanun 89 2005091112 975 33 50
2006 0601 Chanchu 118 2006051812 998 20 50
2007 0716 Krosa 145 2007100812 1006 18 55
2008 0807 Kalmaegi 114 2008071906 995 20 33
2009 0903 Linfa 119 2009062218 1000 13 30
2009 0908 Morakot 151 2009081012 994 20 40
2010 1010 Meranti 92 2010091100 1006 12 35
2012 1211 Haikui 65 2012080800 975 35 45
2013 0000 (nameless) 116 2013081818 998 15 15
2014 0000 (nameless) 54 2014082000 1006 13 15
2014 1416 Fung-wong 31 2014092218 990 23 28
2015 1509 Chan-hom 97 2015071106 955 42 55
2016 1622 HAIMA 81 2016102212 1004 10 68
2018 1810 AMPIL 159 2018072200 980 28 28
2018 0000 (nameless) 130 2018072312 1000 13 15
2018 1812 JONGDARI 81 2018080300 985 23 42
2018 1814 YAGI 136 2018081218 990 20 28
2018 1818 RUMBIA 92 2018081618 982 25 25
2019 1909 LEKIMA 106 2019081003 975 28 62
2019 1918 MITAG 72 2019100112 975 33 40
"""
STORMS = dict(zip(range(2005, 2020), (24, 28, 25, 25, 27, 18, 27, 27, 35, 26, 29, 29, 30, 34, 33), strict=True))


@pytest.mark.shared
def test_who_came_within_200_km_of_ningbo(load, figures, shared: Path, tmp_path: Path) -> None:
    source = zipfile.ZipFile(shared / "data/typhoon-cma/CMABST_1949_2019.zip")
    chosen = tmp_path / "best.zip"
    with zipfile.ZipFile(chosen, "w") as archive:
        for year in STORMS:
            archive.writestr(f"CH{year}BST.txt", source.read(f"CH{year}BST.txt"))
    loaded = load("typhoon.best_track", chosen)
    assert (loaded.registered, dict(loaded.dead)) == (sum(STORMS.values()), {})

    found = figures("typhoon.storm_closest_year")
    near = []
    for (storm, year), figure in found.items():
        if figure.value is not None and figure.value <= 200:
            number = "0000" if "S" in storm else f"{storm[2:]}"
            detail = figure.detail
            near.append(
                (
                    year[:4],
                    number,
                    round(figure.value),
                    detail["at_utc"],
                    *(int(detail[it]) for it in ("pressure", "wind", "peak_wind")),
                )
            )
    wanted = [(it[0], it[1], int(it[3]), it[4], *map(int, it[5:])) for it in map(str.split, NEAR_NINGBO.strip().splitlines())]
    assert sorted(near) == sorted(wanted)


@pytest.mark.shared
def test_two_sources_in_two_time_zones_agree_where_a_storm_was(load, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/typhoon-cma"
    year = tmp_path / "CH2012BST.txt"
    year.write_bytes(zipfile.ZipFile(data / "CMABST_1949_2019.zip").read("CH2012BST.txt"))
    live = tmp_path / "live.ndjson"
    with gzip.open(data / "wztf_tracks_2005_2019.ndjson.gz", "rb") as file:
        live.write_bytes(b"".join(line for line in file if b'"tfbh":"2012' in line))
    load("typhoon.best_track", year)
    assert sum(load("typhoon.live_track", live).dead.values()) == 0
    with snapshot(["typhoon.best_track", "typhoon.live_track"]) as lake:
        rows = lake.rows(
            "SELECT ABS(b.lat - l.lat) + ABS(b.lon - l.lon) AS apart FROM best_track AS b JOIN live_track AS l "
            "ON l.storm = b.storm AND l.observed_at = b.observed_at WHERE b.storm = '201211'",
            {},
        )
    assert len(rows) > 15
    # Eight hours' confusion would move 海葵 by two degrees and more.
    assert sorted(it["apart"] for it in rows)[len(rows) // 2] < 0.5


@pytest.mark.shared
def test_every_storm_of_seventy_years_can_be_read(shared: Path) -> None:
    with (shared / "data/typhoon-cma/CMABST_1949_2019.zip").open("rb") as file:
        rows = list(feeds.read_best_track(file, "CMABST.zip"))
    assert [row.sentence for row in rows if isinstance(row, Malformed)] == []
    storms = [row.key for row in rows if isinstance(row, Registered)]
    assert len(storms) == len(set(storms))
    by_year = {year: sum(key.startswith(str(year)) for key in storms) for year in STORMS}
    assert by_year == STORMS
    assert sum(isinstance(row, Observation) for row in rows) == 69_305


@pytest.mark.shared
def test_every_storm_as_told_can_be_read(shared: Path) -> None:
    with gzip.open(shared / "data/typhoon-cma/wztf_tracks_2005_2019.ndjson.gz") as file:
        rows = list(feeds.read_live_track(file, "tracks.ndjson"))  # type: ignore[arg-type]
    assert [row.sentence for row in rows if isinstance(row, Malformed)] == []
    assert (sum(isinstance(it, Registered) for it in rows), sum(isinstance(it, Observation) for it in rows)) == (368, 19_021)


def test_a_point_that_is_none_is_named_and_the_rest_is_read() -> None:
    body = b"66666 1901   20 0001 1901 0 6 PABUK   20200417\n2018123106 7 81 1124 1004 13\n2018123112 1  76 1117 1004 0\n"
    registered, wrong, point = feeds.read_best_track(io.BytesIO(body), "CH2019BST.txt")
    assert isinstance(registered, Registered)
    assert (registered.key, registered.values["name_en"]) == ("201901", "PABUK")
    assert isinstance(wrong, Malformed)
    assert "CH2019BST.txt, line 2" in wrong.sentence
    assert isinstance(point, Observation)
    assert (point.values["observed_at"], point.values["wind"]) == (dt.datetime(2018, 12, 31, 12, tzinfo=dt.UTC), None)
