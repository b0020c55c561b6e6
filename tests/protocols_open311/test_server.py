# SPDX-License-Identifier: Apache-2.0
"""GeoReport v2 as the standard has it, and as its JSON Schemas check it; JSON and XML are the same document."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

LAMP = "component-0118"
PLACE = {"lat": "29.8702", "long": "121.5503"}


@pytest.fixture(scope="module")
def filed(server) -> str:
    """A request: a street lamp, in the words of whoever saw it."""
    answer = server.post(service_code=LAMP, description="路灯不亮 <3 & 夜里很黑\x0b", account_id="u-1", **PLACE)
    assert answer.status_code == 201, answer.text
    return answer.json()[0]["service_request_id"]


def test_discovery_names_a_production_and_a_test_endpoint(server):
    found, same = server.both("/discovery")
    assert found == same
    assert {one["type"] for one in found["endpoints"]} == {"production", "test"}
    for one in found["endpoints"]:
        assert one["formats"] == ["text/xml", "application/json"]
        assert server.client.get(f"{one['url']}/services.json").status_code == 200


def test_every_document_is_the_same_in_json_and_xml(server, filed):
    paths = ["/discovery", "/v2/services", f"/v2/services/{LAMP}", "/v2/services/event-0401", f"/v2/requests/{filed}"]
    for path in [*paths, "/v2/services/none", "/v2/requests", "/v2/requests/R26-0000-0000"]:
        given = {"api_key": server.key, "extensions": "true"} if "requests" in path else {}
        found, same = server.both(path, **given)
        assert found == same, path


def test_answers_fit_the_schemas(server, filed, shared):
    jsonschema = pytest.importorskip("jsonschema")
    folder = shared / "standards/open311/georeport-v2"
    read = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("service", "service-definition", "request")}
    given = {"api_key": server.key, "extensions": "true"}
    for one in server.get("/v2/services.json").json():
        jsonschema.validate(one, read["service"])
        if one["metadata"]:
            path = f"/v2/services/{one['service_code']}.json"
            jsonschema.validate(server.get(path).json(), read["service-definition"])
    found = server.get("/v2/requests.json", **given).json()
    assert filed in {one["service_request_id"] for one in found}
    for one in found:
        jsonschema.validate(one, read["request"])


def test_a_request_is_read_back_by_its_key_in_full_and_by_its_number_without_words(server, filed):
    own = server.get(f"/v2/requests/{filed}.json", api_key=server.key).json()[0]
    assert own["description"].startswith("路灯不亮 <3 & 夜里很黑")
    assert (own["lat"], own["long"]) == (29.8702, 121.5503)
    for given in ({}, {"api_key": server.other}):
        seen = server.get(f"/v2/requests/{filed}.json", **given).json()[0]
        assert (seen["status"], seen["service_code"]) == ("open", LAMP)
        assert (seen["description"], seen["lat"], seen["address"]) == (None, None, None)
        listed = server.get("/v2/requests.json", **given).json()
        assert filed not in {one["service_request_id"] for one in listed}


def test_the_whole_history_and_the_deadline_are_extended_attributes(server, filed):
    plain = server.get(f"/v2/requests/{filed}.json").json()[0]
    whole = server.get(f"/v2/requests/{filed}.json", extensions="true").json()[0]
    assert "extended_attributes" not in plain
    assert whole["extended_attributes"]["history"][0]["type"] == "opened"
    assert whole["extended_attributes"]["reports"] == 1
    assert "deadline" in whole["extended_attributes"]


def test_the_test_endpoint_has_requests_of_its_own(server, filed):
    made = server.post("/test/v2/requests.json", service_code=LAMP, description="试一试", **PLACE).json()[0]["service_request_id"]
    assert server.get(f"/test/v2/requests/{made}.json").status_code == 200
    assert server.get(f"/v2/requests/{made}.json").status_code == 404
    assert server.get(f"/test/v2/requests/{filed}.json").status_code == 404


def test_a_token_is_given_to_who_asks_and_leads_to_the_request(server):
    answer = server.post(service_code=LAMP, headers={"Prefer": "respond-async"}, address_string="海曙区药行街 1 号").json()[0]
    assert "service_request_id" not in answer
    found, same = server.both(f"/v2/tokens/{answer['token']}")
    assert found == same
    assert found[0]["token"] == answer["token"]
    assert server.get(f"/v2/requests/{found[0]['service_request_id']}.xml").status_code == 200
    assert server.get("/v2/tokens/T-R26-0000-0000.json").status_code == 404


def test_what_a_server_like_this_one_sent_is_known_by_its_sender(server):
    form = {"device_id": "chengyun-330300", "account_id": "2026-000001", "lat": "29.85", "long": "121.53"}
    number = server.post(service_code=LAMP, description="转来", **form).json()[0]["service_request_id"]
    code = f"from chengyun.cases.intake.models import Report; print(Report.objects.get(number={number!r}).external)"
    assert server.place.django(code).startswith("chengyun-330300")


def test_sent_again_under_its_key_it_is_the_same_request(server):
    form = {"service_code": LAMP, "description": "路灯又灭", "lat": "29.88", "long": "121.56"}

    def send(_number: int) -> str:
        return server.post(headers={"Idempotency-Key": "k-1"}, **form).json()[0]["service_request_id"]

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, range(8)))) == 1


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({}, 400, "service_code was not provided"),
        ({"service_code": "none-1", **PLACE}, 404, "service_code"),
        ({"service_code": LAMP}, 400, "location was not provided"),
        ({"service_code": LAMP, "lat": "29.87"}, 400, "go together"),
        ({"service_code": LAMP, "lat": "north", "long": "121"}, 400, "expected degrees"),
        ({"service_code": "event-0401", **PLACE}, 400, "attribute[danger] is required"),
        ({"service_code": "event-0401", "attribute[danger]": "dragons", **PLACE}, 400, "expected one of people"),
        ({"service_code": LAMP, "attribute[colour]": "red", **PLACE}, 400, "attribute[colour] is unknown"),
        ({"service_code": LAMP, "jurisdiction_id": "springfield", **PLACE}, 404, "jurisdiction_id"),
        ({"service_code": LAMP, "api_key": "", **PLACE}, 403, "api_key"),
        ({"service_code": LAMP, "api_key": "cy_nobody_0", **PLACE}, 403, "api_key"),
    ],
)
def test_what_is_wrong_is_said_by_the_standard(server, form, status, said):
    for kind in ("json", "xml"):
        answer = server.post(f"/v2/requests.{kind}", **form)
        assert answer.status_code == status, answer.text
        assert said in answer.text
    errors = server.post(**form).json()
    assert errors[0]["code"] == status


def test_a_key_for_reading_may_not_file(server):
    assert server.post(key=server.reader, service_code=LAMP, **PLACE).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"}, {"page": "0"}, {"page_size": "9999"}, {"start_date": "yesterday"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"},
        {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(server, query):
    assert server.get("/v2/requests.json", **query).status_code == 400


def test_lists_are_narrowed_and_paged(server, filed):
    given = {"api_key": server.key}
    for number in range(3):
        place = {"lat": str(29.80 + number / 100), "long": "121.60"}
        assert server.post(service_code="event-0104", description=f"第 {number} 处垃圾", **place).status_code == 201
    ids = [one["service_request_id"] for one in server.get("/v2/requests.json", **given).json()]
    pages = [server.get("/v2/requests.json", page=page, page_size=2, **given).json() for page in range(1, len(ids))]
    assert [one["service_request_id"] for page in pages for one in page] == ids
    litter = server.get("/v2/requests.json", service_code="event-0104", **given).json()
    assert {one["service_code"] for one in litter} == {"event-0104"}
    assert len(litter) == 3
    assert server.get("/v2/requests.json", status="closed", **given).json() == []
    chosen = server.get("/v2/requests.json", service_request_id=f"{ids[0]},{filed}", **given).json()
    assert {one["service_request_id"] for one in chosen} == {ids[0], filed}
    assert server.get("/v2/requests.json", end_date="2026-01-01T00:00:00Z", **given).json() == []


def test_a_photo_comes_with_the_form(server):
    Image = pytest.importorskip("PIL.Image")
    import io

    data = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(data, "JPEG")
    form = {"api_key": server.key, "service_code": LAMP, "description": "见照片", "lat": "29.86", "long": "121.54"}
    answer = server.client.post("/v2/requests.json", data=form, files={"media": ("a.jpg", data.getvalue(), "image/jpeg")})
    assert answer.status_code == 201, answer.text
    answer = server.client.post("/v2/requests.json", data=form, files={"media": ("a.jpg", b"no picture", "image/jpeg")})
    assert answer.status_code == 400


def test_there_is_nothing_elsewhere(server):
    for path in ("/", "/v2/services", "/v2/requests.html", "/v3/services.json", "/v2/services/a/b.json"):
        assert server.get(path).status_code == 404
    assert server.client.delete("/v2/requests.json").status_code == 405
