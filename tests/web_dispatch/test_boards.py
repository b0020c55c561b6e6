# SPDX-License-Identifier: Apache-2.0
"""The dispatcher's board and the supervisor's view, asked as people with and without the posts for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.services import ensure_organisations
from chengyun.cases import services
from chengyun.cases.duties import queries
from chengyun.cases.duties.boards import by_body, in_states
from chengyun.cases.duties.services import ensure_duties
from chengyun.cases.models import Case

pytestmark = pytest.mark.django_db
TYPE = "urban_management.case"


@pytest.fixture(autouse=True)
def city() -> None:
    queries.forget()
    ensure_organisations()
    ensure_duties()


@pytest.fixture
def person() -> Callable[..., Client]:
    def make(role: str, organisation: str = "operations_centre") -> Client:
        body = Organisation.objects.get(key=organisation)
        account = Account.objects.create_user(username=f"{role}_{organisation}", password="Tower-Bridge-1894")
        account.organisation = body
        account.save()
        Assignment.objects.create(account=account, role=role, organisation=body)
        client = Client()
        client.force_login(account)
        return client

    return make


def waiting(category: str = "component/0118", steps: tuple[str, ...] = ("accept", "file"), ago_h: float = 0) -> Case:
    now = timezone.now() - dt.timedelta(hours=ago_h)
    case = services.open_case(
        TYPE, "路灯不亮", SYSTEM, now, category=category, area_code="330203001", source="patrol", lon=121.55, lat=29.87
    )
    for step in steps:
        case = services.take_step(case, step, SYSTEM, now)
    return case


def test_a_case_is_dispatched_to_whom_the_list_names(person: Callable[..., Client]) -> None:
    case = waiting()
    client = person("dispatcher")
    page = client.get("/dispatch?queue=to_dispatch").content.decode()
    assert case.number in page
    assert "住房和城乡建设局" in page
    assert "公用设施类部件的养护维修" in page
    answer = client.post(f"/cases/{case.number}/steps/dispatch", {"seen": "to_dispatch", "next": "/dispatch?queue=to_dispatch"})
    assert (answer.status_code, answer["Location"]) == (303, "/dispatch?queue=to_dispatch")
    case.refresh_from_db()
    assert (case.state, case.owner.key) == ("handling", "housing")
    assert case.number not in client.get("/dispatch?queue=to_dispatch").content.decode().split('class="queue"')[-1]


def test_a_return_shows_its_reason_and_the_lists_answer(person: Callable[..., Client]) -> None:
    case = waiting(steps=("accept", "file"))
    case = services.take_step(case, "dispatch", SYSTEM, timezone.now(), owner="transport")
    handler = person("department_clerk", "transport")
    page = handler.get(f"/cases/{case.number}").content.decode()
    assert 'name="reason_code"' in page
    refused = handler.post(f"/cases/{case.number}/steps/return_work", {"reason": "不想做", "seen": "handling"})
    assert refused.status_code == 400
    given = {"reason": "路灯不归我们", "reason_code": "not_listed", "seen": "handling"}
    assert handler.post(f"/cases/{case.number}/steps/return_work", given).status_code == 303
    board = person("dispatcher").get(f"/dispatch/{case.number}").content.decode()
    assert "路灯不归我们" in board
    assert "住房和城乡建设局：公用设施类部件的养护维修" in board


def test_a_part_is_given_to_another_body_and_the_lead_waits_for_it(person: Callable[..., Client]) -> None:
    lead = services.take_step(waiting(), "dispatch", SYSTEM, timezone.now())
    client = person("dispatcher")
    assert client.post(f"/dispatch/{lead.number}/part", {"title": "断电", "owner": "transport"}).status_code == 303
    part = Case.objects.get(lead=lead)
    assert (part.title, part.owner.key, part.state) == ("断电", "transport", "handling")
    assert client.post(f"/dispatch/{lead.number}/part", {"title": "断电", "owner": "nobody"}).status_code == 400
    assert Case.objects.filter(lead=lead).count() == 1
    assert client.post("/dispatch/1999-000001/part", {"owner": "transport"}).status_code == 404


def test_a_supervisor_sees_what_is_late_and_with_whom(person: Callable[..., Client]) -> None:
    late = services.take_step(waiting(ago_h=24 * 30), "dispatch", SYSTEM, timezone.now() - dt.timedelta(days=30))
    fresh = services.take_step(waiting(), "dispatch", SYSTEM, timezone.now())
    loads = {one.key: one for one in by_body(SYSTEM, timezone.now())}
    assert (loads["housing"].late, loads["housing"].open) == (1, 2)
    client = person("leader")
    page = client.get("/supervise").content.decode()
    assert late.number in page
    assert fresh.number not in page
    assert client.get("/supervise?body=transport").content.decode().count(late.number) == 0
    answer = client.post(f"/cases/{late.number}/supervise", {"note": "今天办结", "next": "/supervise"})
    assert answer["Location"] == "/supervise"
    assert late.number in client.get("/supervise?show=supervised").content.decode()
    assert client.get("/supervise?show=paused&page=x").status_code == 400


def test_who_has_no_post_for_it_sees_no_board(person: Callable[..., Client]) -> None:
    case = waiting()
    handler = person("handler", "transport")
    for path in ("/dispatch", f"/dispatch/{case.number}", "/supervise"):
        assert handler.get(path).status_code in (403, 404)
        assert Client().get(path).status_code in (302, 403, 404)
    nobody = Actor(None, "nobody", None, frozenset(), ())
    assert in_states(nobody, TYPE, ["to_dispatch"]) == {"to_dispatch": 0}
    assert by_body(nobody, timezone.now()) == []
    assert actor_of_account(Account.objects.get(username="handler_transport")).roles >= {"handler"}
