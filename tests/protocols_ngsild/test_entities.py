# SPDX-License-Identifier: Apache-2.0
"""Entities over HTTP: written, merged, asked for, apart by tenant, and only by those who may."""

from __future__ import annotations

import time

from broker import Broker

CORE = "https://uri.etsi.org/ngsi-ld/default-context/"
WORDS = '<https://example.org/words.jsonld>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def test_a_merge_changes_what_it_names_and_null_deletes(broker: Broker) -> None:
    name = broker.make(speed={"type": "Property", "value": 50, "unitCode": "KMH"}, colour="red")
    patch = {"speed": {"value": 60}, "colour": {"type": "Property", "value": "urn:ngsi-ld:null"}, "seats": 4}
    assert broker.call("PATCH", f"/entities/{name}", patch).status_code == 204
    assert broker.get(f"/entities/{name}") == {
        "id": name, "type": "Vehicle", "speed": {"type": "Property", "value": 60, "unitCode": "KMH"},
        "seats": {"type": "Property", "value": 4},
    }  # fmt: skip
    assert broker.get(f"/entities/{name}", format="concise")["seats"] == 4


def test_instances_of_one_attribute_live_side_by_side(broker: Broker) -> None:
    left, right = "urn:ngsi-ld:Dataset:left", "urn:ngsi-ld:Dataset:right"
    name = broker.make(load=[{"value": 1, "datasetId": left}, {"value": 2, "datasetId": right}, {"value": 3}])
    assert broker.get(f"/entities/{name}", options="keyValues")["load"] == {"dataset": {left: 1, right: 2, "@none": 3}}
    assert broker.get(f"/entities/{name}", datasetId=right)["load"]["value"] == 2
    assert broker.call("DELETE", f"/entities/{name}/attrs/load?datasetId={left}").status_code == 204
    assert len(broker.get(f"/entities/{name}")["load"]) == 2


def test_names_are_those_of_the_context_whatever_the_asker_calls_them(broker: Broker) -> None:
    name = broker.make()
    sent = broker.call("POST", f"/entities/{name}/attrs", {"speed": 7}, link=WORDS)
    assert sent.status_code == 204, sent.text
    assert broker.get(f"/entities/{name}")["https://example.org/vocabulary#speed"]["value"] == 7
    shown = broker.call("GET", f"/entities/{name}", link=WORDS, accept="application/ld+json").json()
    assert shown["speed"]["value"] == 7
    assert shown["@context"] == "https://example.org/words.jsonld"


def test_a_query_counts_pages_and_finds_places(broker: Broker) -> None:
    for at in range(7):
        broker.make("Lamp", number=at, location={"type": "Point", "coordinates": [121.5 + at / 100, 29.9]})
    path = "/entities?type=Lamp&count=true&limit=3&offset=3&orderBy=number;desc"
    answer = broker.call("GET", path)
    assert [one["number"]["value"] for one in answer.json()] == [3, 2, 1]
    assert answer.headers["ngsild-results-count"] == "7"
    assert 'rel="prev"' in answer.headers["link"]
    assert 'rel="next"' in answer.headers["link"]
    near = broker.get(
        "/entities",
        type="Lamp",
        georel="near;maxDistance==2000",
        geometry="Point",
        coordinates="[121.5,29.9]",
        options="keyValues",
    )
    assert sorted(one["number"] for one in near) == [0, 1, 2]
    assert [one["number"]["value"] for one in broker.get("/entities", type="Lamp", q="number==2..3")] == [2, 3]


def test_a_query_object_takes_what_fits_any_of_its_entities(broker: Broker) -> None:
    one, other, third = broker.make("Pump"), broker.make("Pump"), broker.make("Valve")
    body = {"type": "Query", "entities": [{"id": one, "type": "Pump"}, {"type": "Valve"}]}
    found = broker.call("POST", "/entityOperations/query?count=true", body)
    assert {it["id"] for it in found.json()} == {one, third}
    assert found.headers["ngsild-results-count"] == "2"
    assert other not in found.text


def test_a_batch_writes_what_it_can_and_names_the_rest(broker: Broker) -> None:
    here = broker.make()
    new = f"{here}:b"
    answer = broker.call(
        "POST", "/entityOperations/create",
        [{"id": here, "type": "Vehicle"}, {"id": new, "type": "Vehicle"}, {"id": "no uri", "type": "Vehicle"}],
    )  # fmt: skip
    assert answer.status_code == 207
    assert answer.json()["success"] == [new]
    assert {one["entityId"] for one in answer.json()["errors"]} == {here, "no uri"}
    number = broker.rows("SELECT count(*) FROM access_auditrecord WHERE action = 'ngsild.batch_create' AND target = %s", new)
    assert number == [(1,)]


def test_tenants_do_not_meet(broker: Broker) -> None:
    name = broker.make()
    assert broker.call("GET", f"/entities/{name}", ngsild_tenant="other").status_code == 404
    made = broker.call("POST", "/entities", {"id": name, "type": "Bike"}, ngsild_tenant="other")
    assert made.status_code == 201
    assert broker.call("GET", f"/entities/{name}", ngsild_tenant="other").json()["type"] == "Bike"
    assert broker.get(f"/entities/{name}")["type"] == "Vehicle"


def test_whoever_may_not_write_or_read_does_not(broker: Broker) -> None:
    name = broker.make()
    body = {"id": f"{name}:x", "type": "Vehicle"}
    assert broker.call("POST", "/entities", body, token=None).status_code == 401
    assert broker.call("POST", "/entities", body, token=broker.issue("read")).status_code == 403
    assert broker.call("POST", "/entities", body, token="cy_000000_wrong").status_code == 401
    assert broker.call("DELETE", f"/entities/{name}", token=None).status_code == 401
    absent = broker.call("GET", "/entities/urn:ngsi-ld:Vehicle:none", token=None)
    hidden = broker.call("GET", f"/entities/{name}", token=None)
    assert (hidden.status_code, hidden.json()["title"]) == (absent.status_code, absent.json()["title"])
    assert hidden.status_code == 404
    assert broker.call("GET", "/entities?type=Vehicle", token=None).json() == []
    assert broker.call("GET", "/subscriptions", token=None).status_code == 401


def test_a_reader_of_one_district_sees_its_entities_only(broker: Broker) -> None:
    inside, outside = broker.make("Bench"), broker.make("Bench")
    broker.rows("UPDATE ngsild_entity SET area_code = '330203001' WHERE entity_id = %s", inside)
    broker.rows("UPDATE ngsild_entity SET area_code = '330205001' WHERE entity_id = %s", outside)
    broker.rows(
        "INSERT INTO access_organisation (key, name, kind, area_code) VALUES ('haishu_test', '海曙区试验局', 'bureau', '330203')"
    )
    token = broker.issue("read")
    broker.rows(
        "UPDATE access_token SET organisation_id = (SELECT id FROM access_organisation WHERE key = 'haishu_test')"
        " WHERE prefix = %s", "_".join(token.split("_")[:2]),
    )  # fmt: skip
    seen = broker.call("GET", "/entities?type=Bench&count=true", token=token)
    assert [one["id"] for one in seen.json()] == [inside]
    assert seen.headers["ngsild-results-count"] == "1"
    assert broker.call("GET", f"/entities/{outside}", token=token).status_code == 404
    assert broker.call("GET", f"/temporal/entities/{outside}", token=token).status_code == 404


def test_history_keeps_every_value_and_the_end(broker: Broker) -> None:
    name = broker.make(speed={"value": 1, "observedAt": "2026-01-01T00:00:00Z"})
    for hour in range(1, 5):
        fragment = {"speed": {"value": hour * 10, "observedAt": f"2026-01-01T0{hour}:00:00Z"}}
        assert broker.call("PATCH", f"/entities/{name}/attrs", fragment).status_code == 204
    path = f"/temporal/entities/{name}"
    between = {"timerel": "between", "timeAt": "2026-01-01T00:30:00Z", "endTimeAt": "2026-01-01T03:30:00Z"}
    assert [one["value"] for one in broker.get(path, **between)["speed"]] == [10, 20, 30]
    last = broker.get(path, lastN=2, options="temporalValues", timerel="after", timeAt="2025-01-01T00:00:00Z")
    assert [value for value, _ in last["speed"]["values"]] == [40, 30]
    figures = {"options": "aggregatedValues", "aggrMethods": "avg,max,totalCount", "aggrPeriodDuration": "PT2H"}
    shown = broker.get(path, timerel="after", timeAt="2025-12-31T23:59:59Z", **figures)["speed"]
    assert [row[0] for row in shown["max"]] == [10, 30, 40]
    assert [row[0] for row in shown["totalCount"]] == [2, 2, 1]
    assert broker.call("DELETE", f"/entities/{name}").status_code == 204
    assert len(broker.get(path)["speed"]) == 5


def test_a_context_that_cannot_be_had_is_refused_at_once(broker: Broker) -> None:
    for address in ("https://nowhere.example.org/c.jsonld", "http://127.0.0.1:9/c.jsonld", "http://169.254.169.254/latest"):
        begun = time.monotonic()
        body = {"id": "urn:ngsi-ld:Vehicle:c", "type": "Vehicle", "@context": address}
        answer = broker.call("POST", "/entities", body, content_type="application/ld+json")
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("LdContextNotAvailable")
        assert time.monotonic() - begun < 4


def test_a_register_of_the_city_is_read_here_and_written_elsewhere(broker: Broker) -> None:
    broker.rows(
        "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name, lon, lat)"
        " VALUES ('N1', '试验站', '330203', false, '', 'national', '', '', 121.5, 29.9)"
    )
    broker.rows(
        "INSERT INTO lake.latest_air_quality_station_hour (entity_id, runs, time, seq, quality, pm25, no2)"
        " SELECT id, '', '2026-11-22T03:00:00Z', 1, %s, 55.5, 9000 FROM air_quality_station WHERE key = 'N1'",
        1 | (1 << 1 << 8),  # no2 is the stream's second quantity; 9000 is out of its range
    )
    name = "urn:ngsi-ld:Station:air_quality:N1"
    shown = broker.call("GET", f"/entities/{name}?options=keyValues", token=None).json()
    assert (shown["name"], shown["pm25"]) == ("试验站", 55.5)
    assert "no2" not in shown
    found = broker.call("GET", "/entities?type=Station&q=pm25%3E50&count=true", token=None)
    assert found.headers["ngsild-results-count"] == "1"
    assert broker.call("POST", "/entities", {"id": name, "type": "Station"}).status_code == 409
    assert broker.call("DELETE", f"/entities/{name}").status_code == 403
    assert "Station" in broker.get("/types")["typeList"]
