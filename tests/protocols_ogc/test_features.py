# SPDX-License-Identifier: Apache-2.0
"""Features: every generated question is answered as one row after the other answers it; pages join without a seam."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import cql2
import msgspec
import pytest
from questions import questions

from chengyun.bench.place import wait_for
from chengyun.city import load_city

STATIONS = "air_quality.station"
PM25 = 5
"""Place of PM2.5 among the quantities, as the rows of conftest.py are marked."""
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def test_the_seeded_layout_is_what_the_stream_declares(city) -> None:
    stream = load_city().streams["air_quality.station_5min"]
    assert [one.key for one in stream.quantities].index("pm25") == PM25


@pytest.mark.parametrize("part", range(4))
def test_generated_questions_are_answered_as_by_hand(city, part: int) -> None:
    chance = random.Random(part)
    for number, question in enumerate(questions(chance, 50)):
        asked = {"limit": question.limit, "skipGeometry": "true", "properties": "name"}
        if number % 2:
            asked |= {
                "filter-lang": "cql2-json",
                "filter": msgspec.json.encode(cql2.parse_text(question.text).to_json()).decode(),
            }
        else:
            asked["filter"] = question.text
        if question.box:
            asked["bbox"] = ",".join(map(repr, question.box))
        if question.sort:
            asked["sortby"] = ",".join(("-" if falls else "") + key for key, falls in question.sort)
        found, matched = city.all(STATIONS, **asked)
        right = question.answer(city.rows)
        assert [one["id"] for one in found] == right, question.text
        assert matched == len(right), question.text


@pytest.mark.parametrize("asked", [{}, {"bbox": "121.3,29.5,121.8,30.0"}, {"crs": f"{EPSG}4326"}, {"properties": "name,key"}])
def test_the_database_writes_a_feature_as_it_is_read_alone(city, asked: dict[str, str]) -> None:
    """A page is one text of the database; a feature asked for alone, or sorted, is put together here."""
    written, matched = city.all(STATIONS, **asked)
    sorted_here, again = city.all(STATIONS, **asked, sortby="key")
    assert matched == again == len(written)
    assert {one["id"]: _instants(one) for one in written} == {one["id"]: _instants(one) for one in sorted_here}
    assert any(one["properties"].get("station_5min_start") for one in written) or "properties" in asked


def _instants(feature: dict[str, Any]) -> dict[str, Any]:
    """Return the feature with its times as times: 06:00:00.5Z and 06:00:00.500000Z are the same."""
    values = {
        key: dt.datetime.fromisoformat(value) if key.endswith("_start") and value else value
        for key, value in feature["properties"].items()
    }
    return {**feature, "properties": values}


def test_a_box_may_be_written_in_each_system(city) -> None:
    box = (121.3, 29.5, 121.8, 30.0)
    x = [math.radians(lon) * 6378137 for lon in (box[0], box[2])]
    y = [math.asinh(math.tan(math.radians(lat))) * 6378137 for lat in (box[1], box[3])]
    right = {one["id"] for one in city.all(STATIONS, bbox="121.3,29.5,121.8,30.0")[0]}
    assert 100 < len(right) < len(city.rows)
    for code, written in {
        "4326": "29.5,121.3,30.0,121.8",
        "4490": "29.5,121.3,30.0,121.8",
        "3857": f"{x[0]},{y[0]},{x[1]},{y[1]}",
    }.items():
        found = city.all(STATIONS, bbox=written, **{"bbox-crs": EPSG + code})[0]
        assert {one["id"] for one in found} == right


def test_coordinates_are_written_in_the_system_asked_for(city) -> None:
    row = next(row for row in city.rows if row["lon"] is not None)
    at = f"/collections/{STATIONS}/items/{row['key']}"
    assert city.get(at).json()["geometry"]["coordinates"] == [row["lon"], row["lat"]]
    turned = city.get(at, params={"crs": EPSG + "4326"})
    assert turned.json()["geometry"]["coordinates"] == [row["lat"], row["lon"]]
    assert turned.headers["content-crs"] == f"<{EPSG}4326>"
    flat = city.get(at, params={"crs": "EPSG:3857"}).json()["geometry"]["coordinates"]
    assert flat[0] == pytest.approx(math.radians(row["lon"]) * 6378137)


def test_a_property_is_asked_for_by_name(city) -> None:
    found, matched = city.all(STATIONS, kind="micro", simulated="true")
    assert matched == len(found) == sum(row["kind"] == "micro" and row["simulated"] for row in city.rows)
    starred, _ = city.all(STATIONS, name="海*")
    assert {one["id"] for one in starred} == {row["key"] for row in city.rows if row["name"].startswith("海")}


def test_a_value_known_to_be_wrong_is_no_value(city) -> None:
    wrong = next(row for row in city.rows if row["id"] % 11 == 0 and row["station_5min_start"] is not None)
    properties = city.get(f"/collections/{STATIONS}/items/{wrong['key']}").json()["properties"]
    assert properties["station_5min_pm25"] is None
    assert properties["station_5min_start"] is not None


def test_a_change_is_seen_at_once_though_answers_are_kept(city) -> None:
    asked = {"filter": "name = 'Ganz neu'"}
    assert city.all(STATIONS, **asked)[1] == 0
    city.run("UPDATE air_quality_station SET name = 'Ganz neu' WHERE id = 1")
    try:
        wait_for(lambda: city.all(STATIONS, **asked)[1] == 1, 2, "the change was not seen")
    finally:
        city.run("UPDATE air_quality_station SET name = %s WHERE id = 1", city.rows[0]["name"])
        wait_for(lambda: city.all(STATIONS, **asked)[1] == 0, 2, "the change back was not seen")


def test_an_unchanged_answer_is_not_sent_again(city) -> None:
    first = city.get(f"/collections/{STATIONS}/items", params={"limit": 5})
    again = city.get(f"/collections/{STATIONS}/items", params={"limit": 5}, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"nonsense": "1"}, "nonsense"), ({"limit": "0"}, "limit"), ({"limit": "x"}, "limit"), ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "1,2,3,nan"}, "bbox"), ({"bbox": "1,9,3,4"}, "lower edge"), ({"bbox": "300,1,3,4"}, "180th"),
        ({"datetime": "soon"}, "datetime"),
        ({"crs": "EPSG:9999"}, "crs"), ({"cursor": "!!"}, "cursor"), ({"cursor": "WzEsIDJd"}, "cursor"),
        ({"sortby": "lon"}, "sortby"), ({"properties": "lon"}, "properties"), ({"filter": "name ="}, "filter"),
        ({"filter": "nme = 'x'"}, 'Did you mean "name"'), ({"filter": "name > 3"}, "cannot be compared"),
        ({"filter": "1 / 0 = name"}, "cannot be compared"), ({"filter": "10 ^ 400 > 1"}, "out of range"),
        ({"filter": "name LIKE 'x\\'"}, "cannot end"), ({"filter": "lon > 3"}, "no property"),
        ({"filter": "S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))"}, "not valid"),
        ({"filter": "sleep(10)"}, "not a function"), ({"filter": "x" * 9000}, "characters"),
        ({"filter": "(" * 60 + "name = 'x'" + ")" * 60}, "nested"), ({"filter-lang": "sql", "filter": "name='x'"}, "filter-lang"),
        ({"filter": "name = '\x00'"}, "no text can have"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_words(city, asked: dict[str, str], said: str) -> None:
    answer = city.get(f"/collections/{STATIONS}/items", params=asked)
    assert answer.status_code == 400
    assert said in answer.json()["description"]


def test_division_by_zero_is_unknown(city) -> None:
    assert city.all(STATIONS, filter="station_5min_pm25 / 0 > 1")[1] == 0
    assert city.all(STATIONS, filter="NOT station_5min_pm25 / 0 > 1")[1] == 0


def test_areas_are_found_by_place_and_by_day(city) -> None:
    every = {one["id"] for one in city.all("areas.district")[0]}
    assert len(every) == 10
    row = {one["id"] for one in city.all("areas.district", filter="S_INTERSECTS(geometry, POINT(121.55 29.87))")[0]}
    assert len(row) == 1
    boxed = {one["id"] for one in city.all("areas.district", bbox="121.5,29.8,121.6,29.9")[0]}
    assert row <= boxed < every
    away = {one["id"] for one in city.all("areas.district", filter="S_DISJOINT(geometry, BBOX(121.5,29.8,121.6,29.9))")[0]}
    assert away == every - boxed
    assert city.all("areas.district", datetime="2026-01-01")[1] == 10


def test_boundaries_are_closed_and_turn_as_geojson_asks(city) -> None:
    import shapely

    for one in city.all("areas.district")[0]:
        shape = shapely.from_geojson(msgspec.json.encode(one["geometry"]))
        assert shape.is_valid
        assert all(part.exterior.is_ccw for part in shapely.get_parts(shape))
