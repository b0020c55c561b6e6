# SPDX-License-Identifier: Apache-2.0
"""A phone with ODK Collect: list, form, submission with photos in several requests, again and again, right and wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from chengyun.access.models import Account, AuditRecord
from chengyun.collect.forms import photos, services
from chengyun.collect.forms.models import Form, Photo, Submission

from .conftest import JPEG, Collect, instance, patrol

pytestmark = pytest.mark.usefixtures("forms")


def test_a_phone_finds_its_forms(collect: Callable[[str], Collect]) -> None:
    phone = collect("worker")
    listed = phone.listed()
    assert set(listed) == {"component_patrol", "elder_visit", "house_safety"}
    one = listed["component_patrol"]
    form = phone.get(one["downloadUrl"])
    assert form["X-OpenRosa-Version"] == "1.0"
    assert one["hash"] == "md5:" + hashlib.md5(form.content).hexdigest()
    assert phone.get(one["manifestUrl"]).status_code == 200
    assert list(phone.listed()) == list(listed)
    only = phone.get("/openrosa/formList", formID="elder_visit").content.decode()
    assert "elder_visit" in only
    assert "house_safety" not in only


def test_a_submission_with_photos_in_two_requests_arrives_once(collect: Callable[[str], Collect]) -> None:
    phone, number = collect("worker"), instance()
    head = phone.client.head("/openrosa/submission", headers={"Authorization": phone.authorization})
    assert (head.status_code, int(head["X-OpenRosa-Accept-Content-Length"]) > 1_000_000) == (204, True)
    assert phone.send(patrol(number), {"one.jpg": JPEG}).status_code == 201
    row = Submission.objects.get(instance=number)
    assert (row.complete, row.state, row.faults) == (False, "received", [])
    assert row.values["damage[2]/words"] == "第 2 处"
    assert (row.lon, row.lat) == (121.55, 29.87)
    other = JPEG + b"!"
    for _ in range(3):  # the answer was lost; the phone sends again
        assert phone.send(patrol(number), {"two.jpg": other, "stranger.jpg": JPEG}).status_code == 201
    row.refresh_from_db()
    assert row.complete
    kept = {one.name: one for one in Photo.objects.all()}
    assert set(kept) == {"one.jpg", "two.jpg"}
    assert kept["two.jpg"].sha256 == hashlib.sha256(other).hexdigest()
    assert photos.find(services.photo_folder(), kept["two.jpg"].sha256).read_bytes() == other
    assert Submission.objects.count() == 1
    assert AuditRecord.objects.filter(action="form.fill", target=number).count() == 1


def test_a_correction_replaces_what_is_not_reviewed_yet(
    collect: Callable[[str], Collect], person: Callable[..., tuple[object, object]]
) -> None:
    phone, first, second, third = collect("worker"), instance(), instance(), instance()
    phone.send(patrol(first, ("a.jpg",)), {"a.jpg": JPEG})
    assert collect("other").send(patrol(third, (), replaces=first)).status_code == 403
    assert phone.send(patrol(second, (), replaces=first)).status_code == 201
    assert Submission.objects.get(instance=first).state == "replaced"
    _, steward = person("steward", "data_steward")
    services.review(Submission.objects.get(instance=second), True, "", steward)
    assert phone.send(patrol(third, (), replaces=second)).status_code == 409
    assert not Submission.objects.filter(instance=third).exists()


@pytest.mark.parametrize(
    ("xml", "status", "words"),
    [
        (b"", 400, "no XML"),
        (b"<data", 400, "no XML"),
        (b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><data id="component_patrol">&x;</data>', 400, "document type"),
        (b"<data/>", 400, "names its form"),
        (b'<data id="component_patrol" version="1"><meta/></data>', 404, "2026112201"),
        (b'<data id="nothing" version="1"/>', 404, "nothing"),
        (b'<data id="component_patrol" version="2026112201"/>', 400, "instanceID"),
        (b'<data id="component_patrol" version="2026112201"><meta><instanceID>1</instanceID></meta></data>', 400, "instanceID"),
        (b'<data id="component_patrol" version="2026112201">' + b"<a>" * 40 + b"</a>" * 40 + b"</data>", 400, ""),
        (b'<data id="component_patrol" version="2026112201">' + b"<a/>" * 700_000 + b"</data>", 413, "larger"),
    ],
)
def test_a_body_that_is_no_submission_is_refused_in_words(
    collect: Callable[[str], Collect], xml: bytes, status: int, words: str
) -> None:
    answer = collect("worker").send(xml)
    assert answer.status_code == status, answer.content
    assert words in answer.content.decode()
    assert Submission.objects.count() == 0


def test_what_does_not_fit_the_form_is_kept_and_told(collect: Callable[[str], Collect]) -> None:
    number = instance()
    xml = patrol(number, ()).replace("<place>29.87 121.55 0 0</place>", "<place>121.55 29.87</place><extra>1</extra>")
    assert collect("worker").send(xml).status_code == 201
    faults = {one["path"]: one["reason"] for one in Submission.objects.get(instance=number).faults}
    assert faults == {"place": "it is no geopoint", "extra": "the form has no such question"}


def test_files_that_are_no_pictures_are_refused(collect: Callable[[str], Collect]) -> None:
    number = instance()
    answer = collect("worker").send(patrol(number, ("x.jpg",)), {"x.jpg": b"MZ a program"})
    assert answer.status_code == 415
    assert not Submission.objects.filter(instance=number).exists()


def test_only_the_account_and_its_key_for_forms_open_the_door(client, collect, person) -> None:
    phone = collect("worker")
    assert client.get("/openrosa/formList").status_code == 401
    assert "Basic" in client.get("/openrosa/formList")["WWW-Authenticate"]
    wrong = Collect(client, "Basic Zm9vOmJhcg==")
    assert wrong.get("/openrosa/formList").status_code == 401
    assert collect("auditor", role="auditor").get("/openrosa/formList").status_code == 403
    number = instance()
    phone.send(patrol(number, ()))
    assert collect("thief").send(patrol(number, ())).status_code == 409
    assert Submission.objects.get(instance=number).account.username == "worker"


def test_a_retired_version_is_no_longer_offered_but_still_taken(collect, person) -> None:
    phone, (_, steward) = collect("worker"), person("steward", "data_steward")
    services.retire(Form.objects.get(key="component_patrol"), steward)
    assert "component_patrol" not in phone.listed()
    assert phone.send(patrol(instance(), ())).status_code == 201


def test_a_task_comes_to_the_phone_as_a_form_that_knows_what_is_known(
    collect: Callable[[str], Collect], person: Callable[..., tuple[object, object]]
) -> None:
    phone = collect("worker")
    stranger = collect("stranger")
    steward = person("steward", "data_steward")[1]
    mine = services.give_task(
        Form.objects.get(key="component_patrol"),
        "东片井盖",
        "330203",
        steward,
        prefill={"round": "evening", "nothing/here": "x"},
        person=Account.objects.get(username="worker").pk,
    )
    listed = phone.listed()
    key = f"component_patrol.task-{mine.pk}"
    assert key in listed
    assert "component_patrol" in listed, "the plain form is still there"
    assert listed[key]["name"].startswith("东片井盖")
    assert key not in stranger.listed(), "somebody else's task"
    form = phone.get(listed[key]["downloadUrl"]).content
    assert listed[key]["hash"] == "md5:" + hashlib.md5(form).hexdigest()
    assert f'id="{key}"'.encode() in form
    assert b"<round>evening</round>" in form
    assert stranger.get(listed[key]["downloadUrl"]).status_code == 404
    number = instance()
    sent = patrol(number, ()).replace('id="component_patrol"', f'id="{key}"')
    assert phone.send(sent).status_code == 201
    assert phone.send(sent).status_code == 201, "the answer was lost; the phone sends again"
    row = Submission.objects.get(instance=number)
    mine.refresh_from_db()
    assert (row.task_id, row.version.form_id, mine.state) == (mine.pk, "component_patrol", "done")
    assert key not in phone.listed()
