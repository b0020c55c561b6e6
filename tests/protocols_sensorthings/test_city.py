# SPDX-License-Identifier: Apache-2.0
"""The city's own registers and streams in the language of neighbours, under the city's policy."""

from __future__ import annotations

import itertools
from urllib.parse import quote

import pytest
from spoken import Spoken

STREAM = "air_quality.station_hour"
_keys = itertools.count(1)


@pytest.fixture
def station(city: Spoken) -> str:
    key = f"S{next(_keys):04d}"
    city.rows(
        "INSERT INTO air_quality_station (key, name, area_code, lon, lat, simulated, source, kind, code, city_name)"
        " VALUES (%s, %s, '330203', 121.5, 29.9, false, '', 'national', '', '')",
        key, f"站 {key}",
    )  # fmt: skip
    hours = [
        {"station": key, "hour_start": f"2026-03-01T{hour:02d}:00:00+08:00", "pm25": 20.0 + hour, "no2": 30.0 + hour}
        for hour in range(6)
    ]
    hours[-1]["no2"] = 9999
    city.ingest(STREAM, hours)
    return key


def datastream_of(city: Spoken, station: str, quantity: str) -> dict[str, object]:
    found = city.values(f"Things?$filter=properties/key eq '{station}'&$expand=Datastreams,Locations")
    (thing,) = found
    assert thing["name"] == f"站 {station}"
    assert thing["Locations"][0]["location"]["coordinates"] == [121.5, 29.9]
    (one,) = [it for it in thing["Datastreams"] if it["properties"]["quantity"] == quantity]
    return dict(one)


def test_a_station_is_a_thing_and_its_quantity_a_datastream(city: Spoken, station: str) -> None:
    pm25 = datastream_of(city, station, "pm25")
    assert pm25["unitOfMeasurement"] == {
        "name": "微克每立方米", "symbol": "µg/m³", "definition": "http://unitsofmeasure.org/ug/m3",
    }  # fmt: skip
    number = pm25["@iot.id"]
    assert city.get(f"Datastreams({number})/Sensor")["name"] == "站点小时值"
    assert city.get(f"Datastreams({number})/ObservedProperty")["definition"] == f"urn:chengyun:{STREAM}:pm25"
    assert city.get(f"Datastreams({number})/Thing")["properties"]["key"] == station


def test_the_newest_value_of_every_datastream_in_one_question(city: Spoken, station: str) -> None:
    mine = city.datastream()
    city.observe(mine, 1, "2026-03-01T00:00:00Z")
    city.observe(mine, 2, "2026-03-02T00:00:00Z")
    newest = "$expand=Observations($top=1;$orderby=phenomenonTime desc)"
    found = city.values(f"Datastreams?$filter=Thing/properties/key eq '{station}' or id eq {mine}&{newest}")
    values = {it["properties"]["quantity"] if "properties" in it else "posted": it["Observations"] for it in found}
    results = {name: [one["result"] for one in held] for name, held in values.items()}
    assert results["posted"] == [2]
    assert results["pm25"] == [25]
    assert results["so2"] == []


def test_history_goes_back_to_the_first_reading(city: Spoken, station: str) -> None:
    number = datastream_of(city, station, "pm25")["@iot.id"]
    path = f"Datastreams({number})/Observations"
    assert [it["result"] for it in city.values(path)] == [20, 21, 22, 23, 24, 25]
    assert [it["result"] for it in city.values(f"{path}?$orderby=phenomenonTime desc&$top=2")] == [25, 24]
    assert [it["result"] for it in city.values(f"{path}?$filter=result gt 22 and phenomenonTime lt 2026-02-28T21:00:00Z")] == [
        23,
        24,
    ]
    assert city.get(f"{path}?$count=true&$top=1")["@iot.count"] == 6
    first = city.values(path)[0]
    assert first["phenomenonTime"] == "2026-02-28T16:00:00Z/2026-02-28T17:00:00Z"
    assert first["resultQuality"]["valid"] is True
    walked, link = [], f"{path}?$top=4"
    while link:
        page = city.get(link)
        walked += [it["result"] for it in page["value"]]
        link = page.get("@iot.nextLink")
    assert walked == [20, 21, 22, 23, 24, 25]


def test_a_value_out_of_range_is_shown_as_sent_and_said_to_be_invalid(city: Spoken, station: str) -> None:
    number = datastream_of(city, station, "no2")["@iot.id"]
    (last,) = city.values(f"Datastreams({number})/Observations?$orderby=phenomenonTime desc&$top=1")
    assert (last["result"], last["resultQuality"]["valid"]) == (9999, False)
    (newest,) = city.values(f"Observations?$filter=Datastream/id eq {number}")
    assert (newest["result"], newest["resultQuality"]["valid"]) == (9999, False)


def test_the_citys_own_is_only_shown(city: Spoken, station: str) -> None:
    number = datastream_of(city, station, "pm25")["@iot.id"]
    refused = city.ask("POST", "Observations", {"result": 1, "Datastream": {"@iot.id": number}})
    assert refused.status_code == 403
    assert f"/ingest/{STREAM}" in refused.json()["message"]
    array = [{"Datastream": {"@iot.id": number}, "components": ["result"], "dataArray": [[1]]}]
    assert "/ingest/" in city.ask("POST", "CreateObservations", array).json()["message"]
    thing = city.get(f"Datastreams({number})/Thing")["@iot.id"]
    for method, body in (("PATCH", {"name": "x"}), ("PUT", {"name": "x", "description": "d"}), ("DELETE", None)):
        assert city.ask(method, f"Things({thing})", body).status_code == 403
    assert city.ask("DELETE", "Things?" + quote(f"$filter=properties/key eq '{station}'", safe="$=")).json() == {"deleted": 0}
    assert city.get(f"Things({thing})")["name"] == f"站 {station}"


def test_who_may_not_see_a_stream_sees_no_datastream_of_it(city: Spoken, station: str) -> None:
    number = datastream_of(city, station, "pm25")["@iot.id"]
    mine = city.datastream()
    # Air quality is open to everybody; what neighbours posted is not.
    assert city.get(f"Datastreams({number})", token="")["@iot.id"] == number
    assert city.ask("GET", f"Datastreams({mine})", token="").status_code == 404
    assert all(it["@iot.id"] >= 2**32 for it in city.get("Datastreams", token="")["value"])
    assert city.ask("GET", f"Datastreams({mine})/Observations", token="").status_code == 404
