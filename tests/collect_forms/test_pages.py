# SPDX-License-Identifier: Apache-2.0
"""Pages of forms: what each role sees and may do, a photo's way out, review, tasks, and where answers go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Account, AuditRecord
from chengyun.areas.models import Area, TreeVersion
from chengyun.collect.forms import queries, services
from chengyun.collect.forms.commands import EXAMPLES
from chengyun.collect.forms.models import Form, FormVersion, Photo, Submission, Task
from chengyun.web.forms.submissions import answers_of

from .conftest import JPEG, Collect, instance, patrol

pytestmark = pytest.mark.usefixtures("forms")
People = Callable[[str, str], tuple[Account, Actor]]


@pytest.fixture
def browser(person: People) -> Callable[[str], Client]:
    """browser("data_steward") is one in which somebody of that role has signed in."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(person(f"a-{role}", role)[0])
        return client

    return make


@pytest.fixture
def sent(collect: Callable[[str], Collect]) -> str:
    number = instance()
    assert (
        collect("worker")
        .send(patrol(number).replace("<round>", "<odd>1</odd><round>"), {"one.jpg": JPEG, "two.jpg": JPEG + b"2"})
        .status_code
        == 201
    )
    return number


def test_the_list_shows_counts_to_reviewers_alone(browser: Callable[[str], Client], sent: str) -> None:
    page = browser("data_steward").get("/forms").content.decode()
    assert "城市部件巡查" in page
    assert "待审核 1" in page
    worker = browser("grid_worker").get("/forms").content.decode()
    assert "城市部件巡查" in worker
    assert "待审核" not in worker
    assert "/openrosa" in worker
    assert Client().get("/forms").status_code == 302


def test_a_form_is_uploaded_looked_at_and_published(browser: Callable[[str], Client]) -> None:
    steward, worker = browser("data_steward"), browser("grid_worker")
    text = (EXAMPLES / "component_patrol.md").read_text().replace("component_patrol", "patrol_two")

    def upload(client: Client, content: str) -> tuple[int, str]:
        answer = client.post("/forms", {"file": SimpleUploadedFile("patrol.md", content.encode())})
        return answer.status_code, answer.get("Location", "") or answer.content.decode()

    assert upload(worker, text)[0] == 403
    assert not Form.objects.filter(pk="patrol_two").exists()
    status, page = upload(steward, text.replace("select_one round", "select_one nothing"))
    assert status == 400
    assert "nothing" in page
    assert upload(steward, text) == (303, "/forms/patrol_two")
    draft = FormVersion.objects.get(form_id="patrol_two")
    assert worker.get("/forms/patrol_two").status_code == 404
    shown = steward.get("/forms/patrol_two").content.decode()
    assert all(word in shown for word in ("巡查班次", "早班 · 晚班", "damage/photo", "可重复"))
    assert worker.post("/forms/patrol_two/publish", {"version": draft.pk}).status_code == 404
    assert steward.post("/forms/patrol_two/publish", {"version": draft.pk}).status_code == 303
    assert worker.post("/forms/patrol_two/retire").status_code == 403
    file = worker.get(f"/forms/patrol_two/versions/{draft.pk}")
    assert file.content.decode() == text
    assert "patrol_two-2026112201.md" in file["Content-Disposition"]
    assert steward.post("/forms/patrol_two/retire").status_code == 303
    assert not FormVersion.objects.filter(form_id="patrol_two", state="published").exists()


def test_a_submission_is_read_by_reviewers_and_every_read_is_recorded(browser: Callable[[str], Client], sent: str) -> None:
    steward = browser("data_steward")

    def reads() -> int:
        return AuditRecord.objects.filter(action="read", dataset="submissions", purpose="quality").count()

    listed = steward.get("/forms/submissions", {"form": "component_patrol", "state": "received", "q": "第 2 处"})
    assert sent in listed.content.decode()
    assert sent not in steward.get("/forms/submissions", {"q": "第 9 处"}).content.decode()
    before = reads()
    page = steward.get(f"/forms/submissions/{sent}").content.decode()
    assert reads() == before + 1
    assert AuditRecord.objects.filter(action="read", target=sent).exists()
    assert all(
        word in page
        for word in ("问题部件 · 2", "早班", "井盖", "第 2 处", "29.870000", "表单里没有这一题", hashlib.sha256(JPEG).hexdigest())
    )
    worker = browser("grid_worker")
    for path in ("/forms/submissions", f"/forms/submissions/{sent}"):
        assert worker.get(path).status_code == 404
        assert Client().get(path).status_code == 302


def test_a_file_goes_out_as_what_it_is(browser: Callable[[str], Client], sent: str) -> None:
    photo = Photo.objects.get(name="one.jpg")
    path = f"/forms/submissions/{sent}/files/{photo.pk}"
    steward = browser("data_steward")
    answer = steward.get(path)
    assert b"".join(answer) == JPEG  # type: ignore[arg-type]
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert answer["Content-Disposition"].startswith("inline")
    Photo.objects.filter(pk=photo.pk).update(kind="application/pdf")
    assert steward.get(path)["Content-Disposition"].startswith("attachment")
    assert browser("grid_worker").get(path).status_code == 404
    assert steward.get(f"/forms/submissions/{instance()}/files/{photo.pk}").status_code == 404


def test_review_needs_a_reason_to_return_and_happens_once(browser: Callable[[str], Client], sent: str) -> None:
    steward, path = browser("data_steward"), f"/forms/submissions/{sent}/review"
    assert browser("grid_worker").post(path, {"accept": "1"}).status_code == 404
    refused = steward.post(path, {"accept": "0", "note": " "})
    assert refused.status_code == 400
    assert "退回须说明理由" in refused.content.decode()
    assert steward.post(path, {"accept": "0", "note": "照片模糊"}).status_code == 303
    assert Submission.objects.get(instance=sent).state == "returned"
    assert "照片模糊" in steward.get(f"/forms/submissions/{sent}").content.decode()
    assert steward.post(path, {"accept": "1"}).status_code == 400
    assert Submission.objects.get(instance=sent).state == "returned"


def test_nothing_is_accepted_before_its_files_have_come(
    browser: Callable[[str], Client], collect: Callable[[str], Collect]
) -> None:
    phone, number = collect("worker"), instance()
    phone.send(patrol(number, ("a.jpg",)))
    steward, path = browser("data_steward"), f"/forms/submissions/{number}/review"
    assert steward.post(path, {"accept": "1"}).status_code == 400
    phone.send(patrol(number, ("a.jpg",)), {"a.jpg": JPEG})
    assert steward.post(path, {"accept": "1"}).status_code == 303
    assert Submission.objects.get(instance=number).state == "accepted"


def test_corrections_are_linked(browser: Callable[[str], Client], collect: Callable[[str], Collect]) -> None:
    phone, first, second = collect("worker"), instance(), instance()
    phone.send(patrol(first, ()))
    assert phone.send(patrol(second, (), replaces=first)).status_code == 201
    steward = browser("data_steward")
    assert f"/forms/submissions/{first}" in steward.get(f"/forms/submissions/{second}").content.decode()
    assert f"/forms/submissions/{second}" in steward.get(f"/forms/submissions/{first}").content.decode()


def test_tasks_are_given_where_somebody_may_fill_in(browser: Callable[[str], Client], person: People) -> None:
    Area.objects.create(
        code="330203", level="district", name="海曙区", parent_code="330200", valid_from="2016-01-01", source="test",
        outline={}, boundary=b"",
    )  # fmt: skip
    TreeVersion.objects.create()
    account, _ = person("walker", "grid_worker")
    steward, path = browser("data_steward"), "/forms/component_patrol/task"
    asked = {"title": "巡查解放路", "area": "330203", "person": "walker", "due": "2026-12-01T18:00", "prefill": "round = morning"}
    for wrong in ({"area": "999999"}, {"person": "nobody"}, {"prefill": "rond = x"}, {"due": "soon"}):
        assert steward.post(path, asked | wrong).status_code == 400
    assert not Task.objects.exists()
    assert steward.post(path, asked).status_code == 303
    task = Task.objects.get()
    assert (task.person, task.prefill, task.area_code) == (account, {"round": "morning"}, "330203")
    walker = Client()
    walker.force_login(account)
    assert "巡查解放路" in walker.get("/forms").content.decode()
    assert walker.post("/forms/component_patrol/cancel", {"task": task.pk}).status_code == 403
    assert steward.post("/forms/component_patrol/cancel", {"task": task.pk}).status_code == 303
    assert Task.objects.get().state == "cancelled"
    assert "巡查解放路" not in walker.get("/forms").content.decode()


def test_a_stream_is_connected_by_its_columns(browser: Callable[[str], Client]) -> None:
    from django.conf import settings

    stream = next(iter(settings.CITY.streams))
    entity = settings.CITY.streams[stream].entity.key
    steward, path = browser("data_steward"), "/forms/component_patrol/connect"
    assert f'name="column:{entity}"' in steward.get("/forms/component_patrol", {"stream": stream}).content.decode()
    assert steward.post(path, {"stream": stream}).status_code == 400
    assert steward.post(path, {"stream": stream, f"column:{entity}": "damage/code"}).status_code == 303
    form = Form.objects.get(pk="component_patrol")
    assert (form.stream, form.columns) == (stream, {entity: "damage/code"})
    assert steward.post(path, {"stream": ""}).status_code == 303
    assert Form.objects.get(pk="component_patrol").stream == ""


def test_answers_stand_in_the_order_of_the_form_and_by_turn() -> None:
    version = FormVersion.objects.get(form_id="component_patrol")
    choices = queries.choices_of(version.xform)
    values = {f"damage[{turn}]/{name}": "dirty" for turn in (10, 2) for name in ("words", "severity")} | {"round": "morning"}
    values["stray"] = "x"
    with translation.override("en"):
        groups = answers_of(
            json.loads(json.dumps(values)), version.questions, choices, {"stray": "unknown"}, {}, queries.groups_of(version.xform)
        )
    assert [(one.name, one.turn) for one in groups] == [("", ""), ("Component", "2"), ("Component", "10")]
    assert [(one.label, one.text) for one in groups[1].answers] == [("How bad", "Dirty"), ("What you see", "dirty")]
    assert [(one.text, one.fault) for one in groups[0].answers] == [("Morning", ""), ("x", "unknown")]


def test_a_version_that_cannot_stand_in_an_address_is_refused() -> None:
    from chengyun.errors import Malformed

    text = (EXAMPLES / "component_patrol.md").read_text()
    for wrong in (text.replace("2026112201", "2026/11"), text.replace("| component_patrol |", "| submissions |")):
        with pytest.raises(Malformed, match="expected"):
            services.make_version(wrong.encode(), "f.md", SYSTEM)
