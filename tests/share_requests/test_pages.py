# SPDX-License-Identifier: Apache-2.0
"""The pages: a clerk asks, a steward answers, both see the same; on a phone as well."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.test import Client

from chengyun.access.actors import Actor
from chengyun.access.models import Account, AuditRecord, Grant, Organisation
from chengyun.access.rulebook import rulebook
from chengyun.share.requests.models import Request

from .conftest import Person

pytestmark = pytest.mark.django_db


def browser(actor: Actor) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(Account.objects.get(pk=actor.account_id))
    return client


def conditional() -> str:
    """Return a register that is shared on conditions."""
    known = rulebook().datasets
    return next(
        key
        for key in settings.CITY.entities
        if known[key].sharing == "conditional" and not (known[key].personal or known[key].open)
    )


def test_fields_are_named_and_a_pseudonym_is_offered_where_there_is_one(person: Person) -> None:
    clerk = person("department_clerk", "health")
    page = browser(clerk).get("/requests/new", {"dataset": "population.person"}).content.decode()
    for field, offered in (("id_number", True), ("birth_date", False), ("sex", False)):
        choices = page.split(f'name="field:{field}"')[1].split("</select>")[0]
        assert ('value="pseudonym"' in choices) == offered, field
    grant = Grant.objects.create(
        dataset="population.person", organisation=Organisation.objects.get(key=clerk.organisation), purpose="statistics",
        shown={"id_number": "pseudonym", "key": "pseudonym"},
    )  # fmt: skip
    Request.objects.create(
        number="R20269999", dataset="population.person", organisation=grant.organisation, applicant_id=clerk.account_id,
        purpose="statistics", state="approved", shown={"id_number": "pseudonym"}, grant=grant,
    )  # fmt: skip
    page = browser(clerk).get("/requests/R20269999").content.decode()
    assert "公民身份号码" in page
    assert "/exchange/v1/rows?dataset=population.person&amp;purpose=statistics" in page
    assert "/api/v1/" not in page


def test_a_request_goes_its_way_through_the_pages(person: Person) -> None:
    dataset = conditional()
    from chengyun.access.models import Organisation

    owner = Organisation.objects.get_or_create(name=rulebook().datasets[dataset].owner, defaults={"key": "owner"})[0]
    clerk, officer = person("department_clerk", "health"), person("security_officer")
    steward_account = Account.objects.create_user("owner_steward", password="Tower-Bridge-1894", organisation=owner)
    from chengyun.access.actors import actor_of_account
    from chengyun.access.models import Assignment

    Assignment.objects.create(account=steward_account, role="data_steward", organisation=owner)
    steward = actor_of_account(steward_account)
    asking, answering = browser(clerk), browser(steward)
    page = asking.get("/requests/new", {"dataset": dataset})
    assert page.status_code == 200
    assert "10 个工作日内答复" in page.content.decode()
    ends = (dt.date.today() + dt.timedelta(days=60)).isoformat()
    sent = asking.post(
        f"/requests/new?dataset={dataset}",
        {
            "purpose": "statistics",
            "basis": "测绘法第二十五条",
            "ends": ends,
            "field:name": "clear",
            "frequency": "3",
            "until": "2026-06-30",
        },
    )
    assert sent.status_code == 303
    number = Request.objects.get().number
    assert sent.headers["Location"] == f"/requests/{number}"
    for path in ("/requests", "/requests?show=all", f"/requests/{number}", "/grants", "/corrections"):
        for client in (asking, answering, browser(officer)):
            assert client.get(path).status_code == 200, path
    assert number in answering.get("/requests").content.decode()
    wide = answering.post(
        f"/requests/{number}/agree",
        {"purpose": "statistics", "ends": ends, "field:name": "clear", "frequency": "9", "until": "2026-06-30"},
    )
    assert wide.status_code == 400
    assert "答复不能宽于申请" in wide.content.decode()
    body = {"purpose": "statistics", "ends": ends, "field:name": "clear", "frequency": "2", "until": "2026-06-30", "note": "同意"}
    assert answering.post(f"/requests/{number}/agree", body).status_code == 303
    shown = asking.get(f"/requests/{number}").content.decode()
    assert "收窄：每日次数" in shown
    request = Request.objects.get()
    assert request.grant is not None
    assert request.grant.number in shown
    told = asking.get(f"/api/v1/registers/{dataset}", {"purpose": "statistics"})
    assert told.status_code == 200
    for _turn in range(2):
        last = asking.get(f"/api/v1/registers/{dataset}", {"purpose": "statistics"})
    assert (last.status_code, last.json()["code"]) == (429, "frequency")
    told = answering.get("/api/v1/requests", {"state": "approved"})
    assert told.status_code == 200, told.content
    listed = told.json()["requests"]
    assert [(one["number"], one["state"], one["days_left"]) for one in listed] == [(number, "approved", None)]
    one = asking.get(f"/api/v1/requests/{number}").json()
    assert [step["deed"] for step in one["history"]] == ["draft", "submit", "approve"]
    assert one["grant"] == request.grant.number
    (grant,) = asking.get("/api/v1/grants").json()["grants"]
    assert (grant["reads"], grant["state"], grant["fields"]) == (2, "active", {"name": "clear"})
    assert answering.post(f"/requests/{number}/revoke", {"note": "用途不符"}).status_code == 303
    assert "用途不符" in asking.get(f"/requests/{number}").content.decode()


def test_a_stranger_finds_nothing(person: Person) -> None:
    stranger, resident = browser(person("handler", "data")), Client()
    for path in ("/requests", "/requests/R20260001", "/grants", "/corrections", "/access/explain"):
        assert stranger.get(path).status_code == 404
        assert resident.get(path).status_code == 302
    assert browser(person("leader", "data")).get("/requests/R20260001").status_code == 404
    for path in ("/api/v1/requests", "/api/v1/requests/R20260001", "/api/v1/grants"):
        assert stranger.get(path).status_code == resident.get(path).status_code == 404


def test_a_decision_is_explained_to_those_who_may_know(person: Person) -> None:
    clerk, auditor, steward = person("department_clerk", "health"), person("auditor"), person("data_steward", "civil_330203")
    dataset = conditional()
    asked = {"actor": "department_clerk_health", "dataset": dataset, "purpose": "statistics"}
    page = browser(auditor).get("/access/explain", asked)
    assert page.status_code == 200
    assert "不允许" in page.content.decode()
    assert AuditRecord.objects.filter(action="access.explain", target="department_clerk_health").exists()
    assert browser(steward).get("/access/explain", asked).status_code == 400, (
        "a district's steward learns about the district alone"
    )
    assert browser(clerk).get("/access/explain", asked).status_code == 404


def test_the_second_person_sees_what_the_first_agreed_to_give(person: Person) -> None:
    """Narrowed terms are what is confirmed; a page that shows the wide ones alone is signed blindly."""
    clerk, officer = browser(person("department_clerk", "health")), browser(person("security_officer"))
    Organisation.objects.filter(key="data").update(name=rulebook().datasets["population.person"].owner)
    steward = browser(person("data_steward", "data"))
    ends = dt.date.today() + dt.timedelta(days=60)
    asked = {
        "purpose": "statistics", "basis": "统计法第七条", "ends": ends.isoformat(), "frequency": "5",
        "field:birth_date": "masked", "field:sex": "clear", "field:id_number": "pseudonym", "note": "核对底册",
    }  # fmt: skip
    clerk.post("/requests/new?dataset=population.person", asked)
    number = Request.objects.get().number
    wide = steward.post(f"/requests/{number}/agree", {**asked, "frequency": "9", "note": "只给三次"}).content.decode()
    assert 'value="只给三次"' in wide, "what was typed is not typed again"
    page = clerk.get(f"/requests/{number}")
    assert [name for name, _way in page.context["page"].asked.fields] == ["性别", "出生日期", "公民身份号码"]
    assert page.context["page"].offered is None
    steward.post(f"/requests/{number}/agree", {**asked, "frequency": "2", "field:birth_date": ""})
    offered = officer.get(f"/requests/{number}").context["page"].offered
    assert (offered.frequency, offered.ends) == (2, ends)
    assert [name for name, _way in offered.fields if name != "编码"] == ["性别", "公民身份号码"]
    assert "提供部门同意给出" in officer.get(f"/requests/{number}").content.decode()
    officer.post(f"/requests/{number}/secure")
    granted = clerk.get(f"/requests/{number}").context["page"]
    assert (granted.offered, granted.granted.frequency, granted.revoked_at) == (None, 2, None)
    same = clerk.post(f"/requests/{number}/renew", {"ends": ends.isoformat()})
    assert same.status_code == 400
    assert "续期须晚于现在的授权截止日期" in same.content.decode()
    assert f'value="{ends.isoformat()}"' in same.content.decode()
    later = (ends + dt.timedelta(days=30)).isoformat()
    renewal = clerk.post(f"/requests/{number}/renew", {"ends": later}, follow=True)
    steward.post(f"/requests/{number}/revoke", {"note": "用途已变"})
    taken = clerk.get(f"/requests/{number}")
    assert taken.context["page"].revoked_at is not None
    assert "purpose=statistics" not in taken.content.decode(), "how to read what may no longer be read"
    again = steward.get(f"/requests/{renewal.context['page'].view.request.number}").content.decode()
    assert f"{number}</a> 已撤销" in again
