# SPDX-License-Identifier: Apache-2.0
"""What can be made, changed and deleted, by whom, and that none of it is lost."""

from __future__ import annotations

import threading

import pytest
from spoken import POINT, Spoken, datastream, location


def test_a_whole_tree_in_one_body(city: Spoken) -> None:
    stream = datastream(Observations=[{"phenomenonTime": "2026-01-01T00:00:00Z", "result": 3}, {"result": {"a": [1]}}])
    thing = city.make("Things", {"name": "t", "description": "d", "Locations": [location()], "Datastreams": [stream]})
    inner = "Datastreams($expand=Observations($expand=FeatureOfInterest)),HistoricalLocations/Locations"
    found = city.get(f"Things({thing})?$expand={inner}")
    first, second = found["Datastreams"][0]["Observations"]
    assert (first["result"], second["result"]) == (3, {"a": [1]})
    assert first["FeatureOfInterest"]["feature"] == POINT
    assert found["HistoricalLocations"][0]["Locations"][0]["location"] == POINT


def test_a_thing_that_moves_keeps_its_history(city: Spoken) -> None:
    thing = city.thing()
    city.make(f"Things({thing})/Locations", location({"type": "Point", "coordinates": [1, 2]}))
    (now,) = city.values(f"Things({thing})/Locations")
    assert now["location"]["coordinates"] == [1, 2]
    assert len(city.values(f"Things({thing})/HistoricalLocations")) == 2
    old = city.make("Locations", location())
    city.make(
        "HistoricalLocations", {"time": "2001-01-01T00:00:00Z", "Thing": {"@iot.id": thing}, "Locations": [{"@iot.id": old}]}
    )
    assert city.values(f"Things({thing})/Locations")[0]["@iot.id"] == now["@iot.id"], "an older place is only history"
    city.make(
        "HistoricalLocations", {"time": "2099-01-01T00:00:00Z", "Thing": {"@iot.id": thing}, "Locations": [{"@iot.id": old}]}
    )
    assert city.values(f"Things({thing})/Locations")[0]["@iot.id"] == old, "a newer one is where it is"


def test_patch_put_and_json_patch(city: Spoken) -> None:
    thing = city.make("Things", {"name": "t", "description": "d", "properties": {"a": 1, "b": [1, 2]}})
    assert city.ask("PATCH", f"Things({thing})", {"description": "e"}).json()["properties"] == {"a": 1, "b": [1, 2]}
    steps = [
        {"op": "test", "path": "/properties/a", "value": 1}, {"op": "remove", "path": "/properties/a"},
        {"op": "add", "path": "/properties/b/0", "value": 0}, {"op": "move", "from": "/properties/b", "path": "/properties/c"},
        {"op": "copy", "from": "/name", "path": "/properties/d"}, {"op": "replace", "path": "/name", "value": "u"},
    ]  # fmt: skip
    patched = city.ask("PATCH", f"Things({thing})", steps, content_type="application/json-patch+json").json()
    assert (patched["name"], patched["properties"]) == ("u", {"c": [0, 1, 2], "d": "t"})
    failed = [{"op": "test", "path": "/name", "value": "other"}, {"op": "remove", "path": "/properties"}]
    assert city.ask("PATCH", f"Things({thing})", failed, content_type="application/json-patch+json").status_code == 409
    replaced = city.ask("PUT", f"Things({thing})", {"@iot.id": thing, "name": "n", "description": "m"}).json()
    assert "properties" not in replaced
    assert city.ask("PUT", f"Things({thing})", {"name": "n"}).status_code == 400
    inline = city.ask("PATCH", f"Things({thing})", {"Locations": [location()]})
    assert (inline.status_code, inline.json()["code"]) == (400, 400)


def test_what_hangs_on_a_thing_goes_with_it(city: Spoken) -> None:
    stream = city.datastream()
    observation = city.observe(stream, 1)
    thing = city.get(f"Datastreams({stream})/Thing")["@iot.id"]
    place = city.values(f"Things({thing})/Locations")[0]["@iot.id"]
    sensor = city.get(f"Datastreams({stream})/Sensor")["@iot.id"]
    assert city.ask("DELETE", f"Things({thing})").status_code == 200
    for gone in (f"Things({thing})", f"Datastreams({stream})", f"Observations({observation})"):
        assert city.ask("GET", gone).status_code == 404
    for kept in (f"Locations({place})", f"Sensors({sensor})"):
        assert city.ask("GET", kept).status_code == 200
    assert city.ask("DELETE", f"Things({thing})").status_code == 404
    assert city.ask("DELETE", f"Sensors({sensor})").status_code == 200
    assert city.ask("DELETE", f"Locations({place})").status_code == 200


def test_a_filtered_delete_takes_what_its_filter_finds(city: Spoken) -> None:
    stream, other = city.datastream(), city.datastream()
    for result in range(6):
        city.observe(stream, result, f"2026-01-0{result + 1}T00:00:00Z")
    city.observe(other, 1)
    assert city.ask("DELETE", f"Datastreams({stream})/Observations?$filter=result lt 2").json() == {"deleted": 2}
    assert city.ask("DELETE", f"Observations?$filter=Datastream/id eq {stream} and result gt 4").json() == {"deleted": 1}
    assert city.ask("DELETE", "Observations").status_code == 400
    assert city.get(f"Datastreams({stream})")["phenomenonTime"] == "2026-01-03T00:00:00Z/2026-01-05T00:00:00Z"
    assert len(city.values(f"Datastreams({other})/Observations")) == 1


def test_create_observations_says_of_each_row_what_became_of_it(city: Spoken) -> None:
    stream = city.datastream()
    feature = city.make("FeaturesOfInterest", {"name": "f", "description": "d", "encodingType": "t", "feature": POINT})
    body = [
        {"Datastream": {"@iot.id": stream}, "components": ["phenomenonTime", "result"],
         "dataArray": [["2026-01-01T00:00:00Z", 1], ["2026-01-02T00:00:00.25Z", 2.5]]},
        {"Datastream": {"@iot.id": stream}, "components": ["result", "resultTime", "FeatureOfInterest/id"],
         "dataArray": [["x", "2026-01-03T00:00:00+08:00", feature], [1, "soon", feature], [1, None, 999999]]},
        {"Datastream": {"@iot.id": 999999}, "components": ["result"], "dataArray": [[1]]},
    ]  # fmt: skip
    answer = city.ask("POST", "CreateObservations", body)
    assert answer.status_code == 201
    told = answer.json()
    assert [it.startswith(city.root) for it in told] == [True, True, True, False, False, False]
    assert "soon" in told[3]
    assert city.get(told[1])["result"] == 2.5
    assert city.get(told[1])["phenomenonTime"] == "2026-01-02T00:00:00.25Z"
    assert city.get(told[2])["resultTime"] == "2026-01-02T16:00:00Z"
    assert city.get(f"Datastreams({stream})/Observations?$count=true&$top=0")["@iot.count"] == 3
    mine = {"Datastream": {"@iot.id": stream}}
    without_result = [mine | {"components": ["phenomenonTime"], "dataArray": [["2026-01-01T00:00:00Z"]]}]
    too_wide = [mine | {"components": ["result"], "dataArray": [[1, 2]]}]
    for wrong in ([], {}, without_result, too_wide):
        assert city.ask("POST", "CreateObservations", wrong).status_code == 400


def test_multidatastreams(city: Spoken) -> None:
    unit = {"name": "u", "symbol": "u", "definition": "u"}
    parts = [{"name": name, "description": "d", "definition": "d"} for name in ("wind", "direction")]
    multi = {
        "name": "m", "description": "d", "observationType": "urn:complex", "unitOfMeasurements": [unit, unit],
        "multiObservationDataTypes": ["urn:m", "urn:m"], "ObservedProperties": parts, "Thing": {"@iot.id": city.thing()},
        "Sensor": {"name": "s", "description": "d", "encodingType": "t", "metadata": "m"},
    }  # fmt: skip
    number = city.make("MultiDatastreams", multi)
    observation = city.make(f"MultiDatastreams({number})/Observations", {"result": [3.5, 270]})
    found = city.get(f"MultiDatastreams({number})?$expand=ObservedProperties,Observations")
    assert [it["name"] for it in found["ObservedProperties"]] == ["wind", "direction"]
    assert found["Observations"][0]["result"] == [3.5, 270]
    assert city.get(f"Observations({observation})/MultiDatastream")["@iot.id"] == number
    assert city.ask("GET", f"Datastreams({number})").status_code == 404
    assert city.ask("POST", "MultiDatastreams", multi | {"multiObservationDataTypes": ["urn:m"]}).status_code == 400


def test_batches_speak_of_what_they_made(city: Spoken) -> None:
    thing = city.thing()
    sensor = {"name": "s", "description": "d", "encodingType": "t", "metadata": 1}
    stream = datastream(Sensor={"@iot.id": "$1"})
    requests = [
        {"id": "1", "method": "post", "url": "Sensors", "body": sensor},
        {"id": "2", "atomicityGroup": "g", "method": "post", "url": f"Things({thing})/Datastreams", "body": stream},
        {"id": "3", "method": "get", "url": "$2/Sensor/metadata"},
        {"id": "4", "atomicityGroup": "h", "method": "post", "url": "Things", "body": {"name": 1}},
        {"id": "5", "atomicityGroup": "h", "method": "get", "url": "Things"},
    ]
    answers = city.ask("POST", "$batch", {"requests": requests}).json()["responses"]
    assert [it["status"] for it in answers] == [201, 201, 200, 400, 424]
    assert answers[2]["body"] == {"metadata": 1}


def test_a_group_of_a_batch_is_done_whole_or_not_at_all(city: Spoken) -> None:
    thing = city.thing()
    before = {name: len(city.values(name)) for name in ("Things", "Sensors", "Datastreams", "Observations")}
    sensor = {"name": "s", "description": "d", "encodingType": "t", "metadata": 1}
    observation = {"result": 1, "FeatureOfInterest": {"name": "f", "description": "d", "encodingType": "application/geo+json",
                   "feature": {"type": "Point", "coordinates": [121.5, 29.9]}}}  # fmt: skip

    def group(last: dict) -> list[dict]:
        parts = [
            {"id": "s", "method": "post", "url": "Sensors", "body": sensor},
            {"id": "d", "method": "post", "url": f"Things({thing})/Datastreams", "body": datastream(Sensor={"@iot.id": "$s"})},
            {"id": "o", "method": "post", "url": "$d/Observations", "body": observation},
            {"id": "p", "method": "patch", "url": f"Things({thing})", "body": {"name": "renamed"}},
            {"id": "g", "method": "get", "url": "$d/Observations"},
            last,
        ]
        return [{**part, "atomicityGroup": "all"} for part in parts]

    alone = {"id": "a", "method": "post", "url": "Things", "body": {"name": "alone", "description": "d"}}
    wrong = {"id": "x", "method": "post", "url": "Things", "body": {"name": 1}}
    answers = city.ask("POST", "$batch", {"requests": [alone, *group(wrong)]}).json()["responses"]
    assert [it["status"] for it in answers] == [201, 424, 424, 424, 424, 424, 400]
    after = {name: len(city.values(name)) for name in before}
    assert after == before | {"Things": before["Things"] + 1}, "of the group nothing stays; what stands alone does"
    assert city.get(f"Things({thing})")["name"] != "renamed"
    right = {"id": "x", "method": "post", "url": "Things", "body": {"name": "y", "description": "d"}}
    answers = city.ask("POST", "$batch", {"requests": group(right)}).json()["responses"]
    assert [it["status"] for it in answers] == [201, 201, 201, 200, 200, 201]
    assert len(answers[4]["body"]["value"]) == 1, "a group reads what it has written"
    assert city.get(f"Things({thing})")["name"] == "renamed"
    apart = [group(right)[0], alone, group(right)[1]]
    assert city.ask("POST", "$batch", {"requests": apart}).status_code == 400


@pytest.mark.parametrize(
    ("collection", "body"),
    [
        ("Things", {"description": "d"}),
        ("Things", {"name": 1, "description": "d"}),
        ("Things", []),
        ("Things", b"{"),
        ("Things", {"name": "x", "description": "d", "colour": 1}),
        ("Things", {"name": "x", "description": "d", "properties": []}),
        ("Things", {"name": "a\x00b", "description": "d"}),
        ("Datastreams", datastream()),
        ("Observations", {"result": 1}),
        ("Observations", {"result": 1, "Datastream": {"@iot.id": "x"}}),
        ("Locations", {"name": "l", "description": "d", "encodingType": "t"}),
        ("HistoricalLocations", {"time": "yesterday", "Thing": {"@iot.id": 1}}),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(city: Spoken, collection: str, body: object) -> None:
    refused = city.ask("POST", collection, body)
    assert refused.status_code == 400
    assert refused.json().keys() == {"code", "type", "message"}


def test_an_observation_needs_somewhere_to_be_about(city: Spoken) -> None:
    thing = city.make("Things", {"name": "t", "description": "d", "Datastreams": [datastream()]})
    (stream,) = city.values(f"Things({thing})/Datastreams")
    refused = city.ask("POST", f"Datastreams({stream['@iot.id']})/Observations", {"result": 1})
    assert (refused.status_code, "Location" in refused.json()["message"]) == (400, True)


def test_who_may_write_and_read(city: Spoken) -> None:
    body = {"name": "t", "description": "d"}
    reader, writer = city.issue("read"), city.issue("ingest:sensorthings")
    assert city.ask("POST", "Things", body, token="").status_code == 401
    assert city.ask("POST", "Things", body, token="cy_nobody_nothing").status_code == 401
    assert city.ask("POST", "Things", body, token=reader).status_code == 403
    made = city.ask("POST", "Things", body, token=writer)
    assert made.status_code == 201
    assert city.ask("GET", made.headers["location"], token=writer).status_code == 404
    changed = city.ask("PATCH", made.headers["location"], {"description": "e"}, token=writer)
    assert (changed.status_code, changed.json()) == (200, {}), "whoever may only write is not told what stands there"
    guess = [{"op": "test", "path": "/name", "value": "t"}]
    guessed = city.ask("PATCH", made.headers["location"], guess, token=writer, content_type="application/json-patch+json")
    assert guessed.status_code == 403
    assert city.ask("GET", made.headers["location"], token=reader).status_code == 200


def test_changes_are_in_the_audit_log_and_observations_in_the_receipts(city: Spoken) -> None:
    thing = city.make("Things", {"name": "t", "description": "d"})
    city.ask("DELETE", f"Things({thing})")
    actions = "SELECT action FROM access_auditrecord WHERE dataset = 'sensorthings' AND target = %s ORDER BY id"
    found = city.rows(actions, f"Thing({thing})")
    assert [row[0] for row in found] == ["create", "delete"]
    number = city.observe(city.datastream(), 1)
    holding = "SELECT source FROM lake_receipt WHERE stream = 'sensorthings' AND %s BETWEEN seq_from AND seq_to ORDER BY id DESC"
    receipt = city.rows(holding, number)[0]
    assert city.token.startswith(receipt[0])


@pytest.mark.fault
def test_what_was_acknowledged_survives_a_kill(city: Spoken) -> None:
    stream = city.datastream()
    acknowledged: list[int] = []

    def send(lane: int) -> None:
        for turn in range(400):
            try:
                acknowledged.append(city.observe(stream, turn, f"2026-03-0{lane + 1}T00:00:00.{turn:06d}Z"))
            except Exception:  # the process went away: whatever was not acknowledged may be lost
                return

    lanes = [threading.Thread(target=send, args=(lane,)) for lane in range(4)]
    for lane in lanes:
        lane.start()
    while len(acknowledged) < 100:
        lanes[0].join(0.01)
    city.restart()
    for lane in lanes:
        lane.join()
    kept = {row[0] for row in city.rows("SELECT id FROM sensorthings_observation WHERE datastream_id = %s", stream)}
    assert set(acknowledged) <= kept
    assert len(acknowledged) < 1600
    assert city.get(f"Datastreams({stream})/Observations?$count=true&$top=0")["@iot.count"] == len(kept)
