# SPDX-License-Identifier: Apache-2.0
"""What can be asked: paths, options, functions, pages."""

from __future__ import annotations

from typing import Any

import pytest
from spoken import Spoken, datastream, location

DAYS = [f"2026-01-0{day}T06:30:15.5Z" for day in range(1, 7)]


@pytest.fixture(scope="module")
def stream(city: Spoken) -> int:
    """Return a Datastream with the results 1 to 6 on six days."""
    number = city.datastream(properties={"ward": "harbour", "floors": 3, "lit": True})
    for result, day in enumerate(DAYS, start=1):
        city.observe(number, result, day, parameters={"batch": "a" if result < 4 else "b"})
    return number


def results(city: Spoken, stream: int, option: str) -> list[Any]:
    return [it["result"] for it in city.values(f"Datastreams({stream})/Observations?{option}")]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("result eq 4", [4]),
        ("result ne 4 and not (result gt 5)", [1, 2, 3, 5]),
        ("result lt 3 or result ge 6", [1, 2, 6]),
        ("(result add 1) mul 2 eq 10", [4]),
        ("result mod 2 eq 0 and result div 2 gt 1", [4, 6]),
        ("-result le -5", [5, 6]),
        ("result in (2,5,9)", [2, 5]),
        ("result div 0 eq 1", []),
        ("result eq 'a'", []),
        ("result ne null", [1, 2, 3, 4, 5, 6]),
        ("resultTime eq null and result eq 1", [1]),
        ("phenomenonTime gt 2026-01-04T12:00:00Z", [5, 6]),
        ("phenomenonTime ge 2026-01-05T14:30:15.5%2B08:00", [5, 6]),
        ("phenomenonTime ge 2026-01-05T14:30:15.5+08:00", [5, 6]),
        ("during(phenomenonTime,2026-01-02T00:00:00Z/2026-01-04T00:00:00Z)", [2, 3]),
        ("phenomenonTime add duration'P1D' gt 2026-01-06T12:00:00Z", [6]),
        ("day(phenomenonTime) eq 3 and hour(phenomenonTime) eq 6 and minute(phenomenonTime) eq 30", [3]),
        ("second(phenomenonTime) eq 15 and fractionalseconds(phenomenonTime) eq 0.5 and result eq 2", [2]),
        ("date(phenomenonTime) eq 2026-01-02", [2]),
        ("time(phenomenonTime) lt 07:00 and year(phenomenonTime) eq 2026 and month(phenomenonTime) eq 1 and result eq 1", [1]),
        ("phenomenonTime lt now() and phenomenonTime gt mindatetime() and phenomenonTime lt maxdatetime() and result eq 1", [1]),
        ("round(result div 4) eq 1", [2, 3, 4, 5]),
        ("floor(result div 4) eq 1 and ceiling(result div 4) eq 2", [5, 6]),
        ("parameters/batch eq 'b'", [4, 5, 6]),
        ("Datastream/Thing/properties/ward eq 'harbour' and result eq 1", [1]),
        ("Datastream/Thing/properties/floors gt 2 and Datastream/Thing/properties/lit eq true and result eq 1", [1]),
        ("Datastream/Thing/Locations/name eq 'l' and result eq 1", [1]),
        ("Datastream/Thing/Locations/name eq 'nowhere'", []),
        ("st_within(FeatureOfInterest/feature,geography'POLYGON((121 29,122 29,122 30,121 30,121 29))') and result eq 1", [1]),
    ],
)  # fmt: skip
def test_a_condition_finds(city: Spoken, stream: int, condition: str, expected: list[int]) -> None:
    assert results(city, stream, f"$filter={condition}") == expected


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("startswith(name,'lamp') and endswith(name,'路')", True),
        ("substringof('post',name) and contains(name,'post')", True),
        ("length(name) eq 11", True),
        ("indexof(name,'post') eq 6", True),
        ("substring(name,5,4) eq 'post'", True),
        ("substring(name,10) eq '路'", True),
        ("tolower(name) eq 'lamp post''路'", True),
        ("toupper(name) eq 'LAMP POST''路' and trim(concat(' ',name)) eq name", True),
        ("name eq 'LAMP POST''路'", False),
    ],
)
def test_texts(city: Spoken, condition: str, found: bool) -> None:
    number = city.make("Things", {"name": "lamp post'路", "description": "d"})
    assert bool(city.values(f"Things?$filter=id eq {number} and ({condition})")) is found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("geo.distance(location,geography'POINT(3 0)') lt 1.5", True),
        ("geo.distance(location,geography'POINT(3 0)') le 1", True),
        ("geo.distance(location,geography'POINT(3 0)') lt 1", False),
        ("geo.length(location) eq 2", True),
        ("geo.length(geography'LINESTRING(0 0,0 3)') eq 3", True),
        ("geo.intersects(location,geography'POINT(1 0)')", True),
        ("st_crosses(location,geography'LINESTRING(1 -1,1 1)')", True),
        ("st_touches(location,geography'LINESTRING(2 0,2 5)')", True),
        ("st_equals(location,geography'LINESTRING(2 0,0 0)')", True),
        ("st_overlaps(location,geography'LINESTRING(1 0,9 0)')", True),
        ("st_disjoint(location,geography'POINT(9 9)')", True),
        ("st_within(location,geography'POLYGON((-1 -1,3 -1,3 1,-1 1,-1 -1))')", True),
        ("st_contains(geography'POLYGON((-1 -1,3 -1,3 1,-1 1,-1 -1))',location)", True),
        ("st_contains(location,geography'POINT(1 0)') and not st_within(location,geography'POINT(1 0)')", True),
        ("st_relate(location,geography'POINT(1 0)','0F1FF0FF2')", True),
        ("st_relate(geography'POINT(1 0)',location,'0FFFFF102')", True),
    ],
)
def test_geometries(city: Spoken, condition: str, found: bool) -> None:
    number = city.make("Locations", location({"type": "LineString", "coordinates": [[0, 0], [2, 0]]}))
    assert bool(city.values(f"Locations?$filter=id eq {number} and {condition}")) is found


def test_order_by_what_is_related(city: Spoken) -> None:
    tag = city.make("Sensors", {"name": "x", "description": "d", "encodingType": "t", "metadata": "m"})
    for name in ("b", "a", "c"):
        city.make("Things", {"name": name, "description": "d", "Datastreams": [datastream(Sensor={"@iot.id": tag})]})
    found = city.values(f"Datastreams?$filter=Sensor/id eq {tag}&$orderby=Thing/name desc&$expand=Thing")
    assert [it["Thing"]["name"] for it in found] == ["c", "b", "a"]


def test_pages_leave_no_gap_when_rows_come_and_go_between_them(city: Spoken) -> None:
    stream = city.datastream()
    for hour in range(9):
        city.observe(stream, hour % 3, f"2026-02-01T{hour:02d}:00:00Z")
    walked: list[int] = []
    link: str | None = f"Datastreams({stream})/Observations?$orderby=result desc,phenomenonTime&$top=2&$count=true"
    while link:
        page = city.get(link)
        walked += [it["@iot.id"] for it in page["value"]]
        if len(walked) == 4:
            city.ask("DELETE", f"Observations({walked[0]})")
            city.observe(stream, 9, "2026-02-02T00:00:00Z")
        link = page.get("@iot.nextLink")
    assert len(walked) == len(set(walked)) == 9


def test_pages_over_keys_that_are_unknown_for_some(city: Spoken) -> None:
    stream = city.datastream()
    for result, time in ((1, "2026-02-01T00:00:00Z"), (2, None), (3, "2026-02-02T00:00:00Z"), (4, None), ("x", None)):
        city.observe(stream, result, **({"resultTime": time} if time else {}))
    for order, expected in (
        ("resultTime desc", [3, 1, "x", 4, 2]), ("resultTime", [1, 3, 2, 4, "x"]), ("result desc", [4, 3, 2, 1, "x"]),
    ):  # fmt: skip
        walked: list[Any] = []
        link: str | None = f"Datastreams({stream})/Observations?$orderby={order}&$top=1"
        while link:
            page = city.get(link)
            walked += [it["result"] for it in page["value"]]
            link = page.get("@iot.nextLink")
        assert walked == expected, order


def test_expansions_are_chosen_ordered_counted_and_paged(city: Spoken, stream: int) -> None:
    thing = city.get(f"Datastreams({stream})/Thing?$select=id")["@iot.id"]
    inner = "Observations($filter=result gt 1;$orderby=result desc;$top=2;$skip=1;$select=result;$count=true)"
    whole = city.get(f"Things({thing})?$select=name&$expand=Datastreams($expand={inner},Sensor($select=name);$select=id)")
    (found,) = whole["Datastreams"]
    assert found["Observations"] == [{"result": 5}, {"result": 4}]
    assert (found["Observations@iot.count"], found["Sensor"]) == (5, {"name": "s"})
    assert [it["result"] for it in city.get(found["Observations@iot.nextLink"])["value"]] == [3, 2]


def test_selected_properties_alone(city: Spoken, stream: int) -> None:
    assert city.values(f"Datastreams({stream})/Observations?$select=result,id&$top=1")[0].keys() == {"result", "@iot.id"}
    found = city.get(f"Datastreams({stream})?$select=name,Thing")
    assert found.keys() == {"name", "Thing@iot.navigationLink"}


def test_properties_values_and_references(city: Spoken, stream: int) -> None:
    thing = city.get(f"Datastreams({stream})/Thing")
    number = thing["@iot.id"]
    assert city.get(f"Things({number})/name") == {"name": thing["name"]}
    assert city.ask("GET", f"Things({number})/name/$value").text == thing["name"]
    assert city.get(f"Things({number})/properties/ward") == {"ward": "harbour"}
    assert city.ask("GET", f"Things({number})/properties/floors/$value").text == "3"
    assert city.get(f"Things({number})/Datastreams/$ref") == {
        "value": [{"@iot.selfLink": f"{city.root}/Datastreams({stream})"}]
    }  # fmt: skip
    assert city.get(f"Datastreams({stream})/Thing/$ref") == {"@iot.selfLink": f"{city.root}/Things({number})"}
    assert city.get(f"Things({number})/Datastreams({stream})/Thing/Datastreams({stream})/Sensor/name") == {"name": "s"}
    below = ("Datastreams(999999)", "nothing", "name/first", "$value")
    for path in (*(f"Things({number})/{it}" for it in below), "Things(1)x", "Nothings", "Things(999999)/Datastreams"):
        assert city.ask("GET", path).status_code == 404, path


def test_a_datastream_tells_of_its_observations(city: Spoken) -> None:
    stream = city.datastream()
    assert "phenomenonTime" not in city.get(f"Datastreams({stream})")
    point = {"type": "Point", "coordinates": [120, 31]}
    far = {"name": "f", "description": "d", "encodingType": "application/geo+json", "feature": point}
    city.observe(stream, 1, "2026-01-02T00:00:00Z/2026-01-02T01:00:00Z", resultTime="2026-01-02T02:00:00Z")
    last = city.observe(stream, 1, "2026-01-01T00:00:00Z", FeatureOfInterest=far)
    told = city.get(f"Datastreams({stream})?$expand=Observations($count=true;$top=0)")
    assert told["phenomenonTime"] == "2026-01-01T00:00:00Z/2026-01-02T01:00:00Z"
    assert told["resultTime"] == "2026-01-02T02:00:00Z/2026-01-02T02:00:00Z"
    assert told["observedArea"]["coordinates"][0][0] == [120, 29.87]
    assert told["Observations@iot.count"] == 2
    city.ask("DELETE", f"Observations({last})")
    told = city.get(f"Datastreams({stream})")
    assert told["phenomenonTime"].startswith("2026-01-02T00:00:00Z/")
    assert told["observedArea"] == {"type": "Point", "coordinates": [121.55, 29.87]}
    assert city.get(f"Datastreams({stream})/Observations?$count=true&$top=0")["@iot.count"] == 1


def test_data_arrays(city: Spoken, stream: int) -> None:
    wanted = f"$filter=Datastream/id eq {stream}&$select=result,phenomenonTime&$top=2"
    (group,) = city.values(f"Observations?{wanted}&$resultFormat=dataArray")
    assert group["Datastream@iot.navigationLink"] == f"{city.root}/Datastreams({stream})"
    assert (group["components"], group["dataArray@iot.count"]) == (["result", "phenomenonTime"], 2)
    assert group["dataArray"][0] == [1, DAYS[0]]


def test_the_root_names_every_collection(city: Spoken) -> None:
    root = city.get("", token="")
    assert {it["name"]: it["url"] for it in root["value"]}["Things"] == f"{city.root}/Things"
    assert any(it.endswith("/req/data-array/data-array") for it in root["serverSettings"]["conformance"])
    for collection in root["value"]:
        assert city.ask("GET", collection["url"]).status_code == 200
