# SPDX-License-Identifier: Apache-2.0
"""The protocol over HTTP: enrolling, shutting out, speaking, sending photos in pieces."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.cases.field.models import Device
from chengyun.cases.field.samples import picture, report, sha
from chengyun.cases.models import Case


@pytest.fixture
def signed_in(person) -> Client:
    client = Client()
    client.force_login(person("wang", "grid_worker"))
    return client


@pytest.fixture
def key(signed_in) -> str:
    answer = signed_in.post("/field/devices", json.dumps({"name": "王的手机"}), content_type="application/json")
    assert answer.status_code == 201
    return answer.json()["token"]


def speak(key: str, operations=(), **more):
    asked = {"sent": timezone.now().isoformat(), "operations": list(operations), **more}
    return Client().post(
        "/field/sync", json.dumps(asked), content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )


def send(key: str, name: str, at: int, total: int, part: bytes):
    headers = {"Authorization": f"Bearer {key}", "Upload-Offset": str(at), "Upload-Length": str(total)}
    return Client().put(f"/field/photos/{name}", part, content_type="image/jpeg", headers=headers)


def test_a_device_speaks_with_its_own_key_and_no_cookie(key):
    said = {"id": "7d1f0f0e-4f37-4d8f-8d8e-2f4f3c1f0a01", "kind": "report", "at": timezone.now().isoformat(), "data": report()}
    answer = speak(key, [said])
    assert answer.status_code == 200
    told = answer.json()
    assert told["results"][0]["case"] == Case.objects.get().number
    assert [one["number"] for one in told["changes"]["cases"]] == [Case.objects.get().number]
    assert "urban_management.case" in told["setup"]["types"]
    again = speak(key, cursor=told["cursor"], setup=told["setup"]["version"]).json()
    assert (again["setup"], again["changes"]["cases"], again["changes"]["reset"]) == (None, [], False)


def test_a_device_that_was_shut_out_is_told_why_and_what_it_sent_is_not_taken(key, signed_in):
    device = Device.objects.get()
    assert signed_in.post(f"/field/devices/{device.key}/revoke").status_code == 200
    answer = speak(key)
    assert (answer.status_code, answer.json()["code"]) == (401, "device_revoked")
    assert speak("nobody's").json()["code"] == "device_unknown"
    assert signed_in.get("/field/devices").json() == {"devices": []}


def test_nobody_revokes_another_persons_device(key, person):
    stranger = Client()
    stranger.force_login(person("li", "grid_worker"))
    assert stranger.post(f"/field/devices/{Device.objects.get().key}/revoke").status_code == 404
    assert speak(key).status_code == 200


def test_a_post_without_field_work_enrols_no_device(person):
    client = Client()
    client.force_login(person("auditor", "auditor"))
    answer = client.post("/field/devices", json.dumps({"name": "x"}), content_type="application/json")
    assert answer.status_code == 404


def test_a_photo_comes_in_pieces_and_goes_on_where_it_broke_off(key):
    data = picture(5)
    name, half = sha(data), len(data) // 2
    assert send(key, name, 0, len(data), data[:half]).json() == {"offset": half, "complete": False}
    wrong = send(key, name, 0, len(data), data)
    assert (wrong.status_code, wrong.json()["offset"]) == (409, half)
    assert send(key, name, half, len(data), data[half:]).json() == {"offset": len(data), "complete": True}
    assert send(key, name, 0, len(data), data).json()["complete"]
    far = Client().head(f"/field/photos/{name}", headers={"Authorization": f"Bearer {key}"})
    assert (far.headers["Upload-Offset"], far.headers["Upload-Complete"]) == (str(len(data)), "?1")


def test_a_photo_that_is_not_what_its_name_says_begins_anew(key):
    data = picture(6)
    answer = send(key, sha(picture(7)), 0, len(data), data)
    assert (answer.status_code, answer.json()["code"]) == (422, "hash")
    assert send(key, "../../etc", 0, 4, b"1234").status_code in (400, 404)


def test_a_photo_of_a_case_is_shown_to_who_may_see_the_case_without_what_it_carried(key):
    data = picture(8)
    send(key, sha(data), 0, len(data), data)
    said = {"id": "7d1f0f0e-4f37-4d8f-8d8e-2f4f3c1f0a02", "kind": "report", "at": timezone.now().isoformat(),
            "data": report(photos=[sha(data)])}  # fmt: skip
    assert speak(key, [said]).json()["results"][0]["state"] == "applied"
    answer = Client().get(f"/field/photos/{sha(data)}", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert Client().get(f"/field/photos/{sha(picture(9))}", headers={"Authorization": f"Bearer {key}"}).status_code == 404


def test_what_cannot_be_read_is_refused_with_where(key):
    answer = Client().post(
        "/field/sync", b"{", content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert speak(key, sent="2026-04-01T08:00:00").json()["code"] == "time"
