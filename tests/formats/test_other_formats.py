# SPDX-License-Identifier: Apache-2.0
"""Layers of places, Parquet, timetables, vehicles, bikes, alerts and news: real files, or what foreign writers write."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from chengyun.errors import Malformed, Refused
from chengyun.standards.coordinates import from_wgs84

POINT = (121.55, 29.87)


def geojson(lon: float, lat: float) -> bytes:
    feature = {
        "type": "Feature",
        "properties": {"name": "鼓楼", "n": 3},
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def points(rows: list[dict[str, object]]) -> list[tuple[float, float]]:
    return [(round(it.x, 6), round(it.y, 6)) for it in shapely.from_wkb([row["geometry"] for row in rows])]


def test_a_layer_whose_system_nobody_states_is_refused(take) -> None:
    with pytest.raises(Malformed, match="many are GCJ-02"):
        take(geojson(*POINT), "a.geojson")
    with pytest.raises(Refused, match="EPSG:99999"):
        take(geojson(*POINT), "a.geojson", crs="EPSG:99999")


def test_a_layer_comes_to_wgs84(take) -> None:
    lon, lat = from_wgs84(*POINT, "GCJ-02")
    for data, crs in ((geojson(*POINT), "WGS-84"), (geojson(lon, lat), "GCJ-02")):
        ((table, rows),) = take(data, "a.geojson", crs=crs)
        assert points(rows) == [POINT]
        assert (rows[0]["name"], rows[0]["n"], table.faults) == ("鼓楼", 3, [])


@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's programs are not installed")
@pytest.mark.parametrize(
    ("suffix", "options"), [("gpkg", []), ("shp", ["-lco", "ENCODING=GBK"]), ("shp", ["-lco", "ENCODING=GB18030"]), ("kml", [])]
)
def test_layers_that_gdal_wrote_in_a_chinese_projection(take, tmp_path: Path, suffix: str, options: list[str]) -> None:
    (tmp_path / "a.geojson").write_bytes(geojson(*POINT))
    projection = [] if suffix == "kml" else ["-t_srs", "EPSG:4549"]
    out = tmp_path / "out" / f"层.{suffix}"
    out.parent.mkdir()
    subprocess.run(["ogr2ogr", *projection, *options, str(out), str(tmp_path / "a.geojson")], check=True, capture_output=True)
    if suffix == "shp":
        with zipfile.ZipFile(tmp_path / "层.zip", "w") as archive:
            for part in out.parent.iterdir():
                archive.write(part, part.name)
        out = tmp_path / "层.zip"
    ((_table, rows),) = take(out.read_bytes(), out.name, crs="WGS-84" if suffix == "kml" else None)
    assert points(rows) == [POINT]
    assert rows[0]["Name" if suffix == "kml" else "name"] == "鼓楼"


def test_metres_taken_for_degrees_are_a_fault_at_their_feature(take) -> None:
    ((table, rows),) = take(geojson(3_381_234.0, 500_123.0), "a.geojson", crs="WGS-84")
    assert [(it.address, it.code) for it in table.faults] == [("feature 1", "degrees")]
    assert rows[0]["geometry"] is None


@pytest.mark.parametrize(
    "data",
    [
        b'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>',
        b"<kml><!-- <OGRVRTDataSource> --></kml><OGRVRTDataSource/>",
        b'<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>',
    ],
)
def test_a_layer_that_would_fetch_something_else_is_not_opened(take, data: bytes) -> None:
    with pytest.raises(Malformed, match="not GeoJSON"):
        take(data, "a.kml", format="places", crs="WGS-84")


def test_parquet_keeps_its_types(take) -> None:
    table = pa.table(
        {
            "站点": pa.array(["甲", None]).dictionary_encode(),
            "值": pa.array([1.5, None]),
            "时间": pa.array([dt.datetime(2016, 7, 4, 15), None]),
            "列": pa.array([[1], [2]]),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    ((read, rows),) = take(buffer.getvalue(), "a.parquet")
    assert rows[0] == {"站点": "甲", "值": 1.5, "时间": dt.datetime(2016, 7, 4, 7, tzinfo=dt.UTC), "__line": 1}
    assert [(it.column, it.code) for it in read.faults] == [("列", "type")]
    with pytest.raises(Malformed, match="Parquet"):
        take(b"PAR1 and nothing", "a.parquet")


@pytest.mark.shared
def test_a_real_timetable(take, shared: Path) -> None:
    data = (shared / "data/gtfs-cairns/cairns_gtfs.zip").read_bytes()
    counts = {table.name: (len(rows), len(table.faults)) for table, rows in take(data, "cairns_gtfs.zip")}
    assert {name: counts[name] for name in ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt", "shapes.txt")} == {
        "stops.txt": (416, 0),
        "routes.txt": (22, 0),
        "trips.txt": (1339, 0),
        "stop_times.txt": (37_790, 0),
        "shapes.txt": (22_784, 0),
    }


@pytest.mark.shared
def test_real_vehicles_and_delays(take, shared: Path) -> None:
    folder = shared / "data/gtfs-realtime"
    found = {}
    for name in ("king-county-metro-1.pbf", "king-county-metro-2.pbf", "septa_trip_updates.pbf"):
        ((table, rows),) = take((folder / name).read_bytes(), name)
        found[name] = (table.name, len(rows), [it.sentence for it in table.faults])
    assert found["king-county-metro-1.pbf"] == ("vehicles", 627, [])
    assert found["king-county-metro-2.pbf"][:2] == ("vehicles", 569)
    assert "found the place 0, 0, expected degrees" in found["king-county-metro-2.pbf"][2][0]
    assert found["septa_trip_updates.pbf"] == ("trips", 35, [])


def test_bytes_that_are_no_message_are_refused(take) -> None:
    with pytest.raises(Malformed, match="message"):
        take(b"\x0a\xff\xff\xff", "a.pb")


@pytest.mark.shared
def test_real_stations_of_shared_bikes(take, shared: Path) -> None:
    folder = shared / "data/bike-baywheels/raw"
    ((_stations, places),) = take((folder / "station_information.json").read_bytes(), "station_information.json")
    ((_status, rows),) = take((folder / "station_status_20221003T1107Z.json").read_bytes(), "station_status.json")
    assert (len(places), len(rows), places[0]["capacity"]) == (518, 500, 27)
    assert (rows[0]["bikes"], rows[0]["docks"], rows[0]["at"].isoformat()) == (3, 20, "2022-10-03T11:07:29+00:00")


def test_bikes_of_the_third_version(take) -> None:
    feed = {
        "last_updated": "2026-03-01T08:00:00+08:00",
        "version": "3.0",
        "data": {
            "stations": [
                {
                    "station_id": "1",
                    "num_vehicles_available": 4,
                    "num_docks_available": 6,
                    "is_installed": True,
                    "is_renting": True,
                    "is_returning": False,
                    "last_reported": "2026-03-01T07:59:00+08:00",
                },
                {
                    "station_id": "1",
                    "name": [{"text": "Gulou", "language": "en"}, {"text": "鼓楼", "language": "zh"}],
                    "lat": 29.87,
                    "lon": 121.55,
                },
                {"num_docks_available": 1},
            ]
        },
    }
    (stations, places), (_status, rows) = take(json.dumps(feed).encode(), "feed.json")
    assert places[0]["name"] == "鼓楼"
    assert [(it["bikes"], it["docks"], it["working"]) for it in rows] == [(4, 6, False)]
    assert [it.sentence for it in stations.faults] == ["feed.json, data/stations[2]: found no station_id, expected one."]


@pytest.mark.shared
def test_real_alerts(take, shared: Path) -> None:
    folder = shared / "data/alerts-cap"

    def read(name: str):  # type: ignore[no-untyped-def]
        ((table, rows),) = take((folder / name).read_bytes(), name, format="cap")
        return table, rows

    table, rows = read("canada_signed.cap")
    assert ([it["language"] for it in rows], rows[0]["signed"], table.faults) == (["en-CA", "fr-CA"], True, [])
    assert shapely.from_wkb(rows[0]["geometry"]).is_valid
    table, _rows = read("invalid.cap")
    assert [it.sentence for it in table.faults] == ["invalid.cap, 12345: alert/scope, scope: found nothing, expected a value."]
    table, _rows = read("bushfire_invalid.edxlde")
    assert "'Foobar', expected one of Immediate, Expected" in table.faults[-1].sentence
    _table, rows = read("earthquake-iso8859-1.cap")
    assert rows[0]["event"]
    with pytest.raises(Malformed, match="definitions of its own"):
        read("xee.atom")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "entries", "faults"),
    [("nws_atom_feed_2018.xml", 163, 0), ("ny_index.rss", 2, 0), ("no_id.atom", 0, 1), ("empty_weather_index.atom", 0, 0)],
)
def test_real_feeds(take, shared: Path, name: str, entries: int, faults: int) -> None:
    ((table, rows),) = take((shared / "data/alerts-cap" / name).read_bytes(), name, format="news")
    assert (len(rows), len(table.faults)) == (entries, faults)
    assert all(it["id"] for it in rows)


def test_a_feed_with_definitions_of_its_own_is_refused(take) -> None:
    body = (
        b'<!DOCTYPE r [<!ENTITY a "b">]><rss version="2.0"><channel><item><guid>1</guid><title>&a;</title></item></channel></rss>'
    )
    with pytest.raises(Malformed, match="definitions of its own"):
        take(body, "a.rss")


def test_a_file_that_says_nothing_of_itself_is_refused(take) -> None:
    with pytest.raises(Refused, match="State the format"):
        take(b"\x01\x02\x03", "a.bin")


TIMETABLE = "stop_id,stop_name,stop_lat,stop_lon\n" + "".join(f"s{at},Stop {at},29.8,121.5\n" for at in range(500))


def zipped(**parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(f"{name}.txt", text)
    return made.getvalue()


GTFS = zipped(stops=TIMETABLE, stop_times="trip_id,stop_id\n", routes="route_id\n")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (GTFS[:200] + bytes([GTFS[200] ^ 255]) + GTFS[201:], "a bit.zip"),
        (GTFS[:4] + GTFS[90:], "without its beginning.zip"),
        (GTFS.replace(b"stops.txt", b"spots.txt", 1), "two lists.zip"),
        (zipped(stop_times="trip_id\n", stops='stop_id\n"' + "never closed " * 20_000), "a quote.zip"),
        (gzip.compress(TIMETABLE.encode())[:400] + b"\xff" * 30 + gzip.compress(TIMETABLE.encode())[430:], "stops.csv.gz"),
        (gzip.compress(TIMETABLE.encode())[:-300], "cut.csv.gz"),
        (b"", "empty.rss"),
        (b"<html><p>\xe8\x20</p>", "no letters.rss"),
    ],
)  # fmt: skip
def test_a_file_damaged_on_its_way_is_set_aside_wherever_the_damage_lies(take, data: bytes, name: str) -> None:
    with pytest.raises(Malformed, match=name):
        take(data, name)
