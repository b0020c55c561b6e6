# SPDX-License-Identifier: Apache-2.0
"""Three powers in the administration: system, security, audit. None does the work of another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation
from chengyun.areas.models import Area

pytestmark = pytest.mark.django_db
PAGES = {
    "administrator": {"organisation", "account", "assignment", "token", "auditrecord"},
    "security_officer": {"organisation", "grant"},
    "auditor": {"organisation", "auditrecord"},
}
ALL = set().union(*PAGES.values())


@pytest.fixture
def as_role(account_as: Callable[..., Account]) -> Callable[[str], tuple[Client, Account]]:
    def make(role: str) -> tuple[Client, Account]:
        client, account = Client(), account_as(role, username=f"the_{role}")
        client.force_login(account)
        return client, account

    return make


@pytest.mark.parametrize("role", sorted(PAGES))
def test_each_power_sees_its_own_pages(as_role: Callable[[str], tuple[Client, Account]], role: str) -> None:
    client, _ = as_role(role)
    seen = {page for page in ALL if client.get(f"/admin/access/{page}/").status_code == 200}
    assert seen == PAGES[role]
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/account/emailaddress/").status_code in (403, 404)


@pytest.mark.parametrize("role", ["duty_officer", "leader", "data_steward", "integrator", "resident"])
def test_no_other_role_enters(as_role: Callable[[str], tuple[Client, Account]], role: str) -> None:
    client, _ = as_role(role)
    assert client.get("/admin/").status_code == 404
    assert client.get("/admin/access/account/").status_code == 404


def test_the_audit_log_is_read_and_nothing_else(as_role: Callable[[str], tuple[Client, Account]]) -> None:
    client, _ = as_role("auditor")
    record = AuditRecord.objects.create(actor="x", action="test")
    assert client.get(f"/admin/access/auditrecord/{record.pk}/change/").status_code == 200
    for way in (f"{record.pk}/change/", f"{record.pk}/delete/", "add/"):
        assert client.post(f"/admin/access/auditrecord/{way}", {"actor": "y", "post": "yes"}).status_code == 403
    assert AuditRecord.objects.get(pk=record.pk).actor == "x"


def test_the_administrator_grants_nothing(as_role: Callable[[str], tuple[Client, Account]], bureau: Organisation) -> None:
    client, _ = as_role("administrator")
    assert client.post("/admin/access/grant/add/", {"dataset": "alerts", "organisation": bureau.pk}).status_code == 403
    assert not Grant.objects.exists()


def test_the_administrator_appoints_others_and_not_themselves(as_role: Callable[[str], tuple[Client, Account]]) -> None:
    client, chief = as_role("administrator")
    other = Account.objects.create_user("other")
    form = {"role": "auditor", "area_code": "", "until_0": "", "until_1": ""}
    assert client.post("/admin/access/assignment/add/", form | {"account": chief.pk}).status_code == 400
    assert client.post("/admin/access/assignment/add/", form | {"account": other.pk}).status_code == 302
    assert list(Assignment.objects.filter(role="auditor").values_list("account", flat=True)) == [other.pk]


def test_a_new_account_gets_a_link_and_no_password(as_role: Callable[[str], tuple[Client, Account]]) -> None:
    client, chief = as_role("administrator")
    answer = client.post("/admin/access/account/add/", {"username": "zhou", "name": "周舟", "is_active": "on"}, follow=True)
    made = Account.objects.get(username="zhou")
    assert not made.has_usable_password()
    assert "/accounts/first/" in answer.content.decode()
    deeds = AuditRecord.objects.filter(account_id=chief.pk, target=str(made.pk)).order_by("id").values_list("action", flat=True)
    assert list(deeds) == ["account.invite", "admin.add"]


def test_looking_at_accounts_is_recorded_once_a_page(as_role: Callable[[str], tuple[Client, Account]]) -> None:
    client, chief = as_role("administrator")
    client.get("/admin/access/account/")
    assert AuditRecord.objects.filter(account_id=chief.pk, action="read", dataset="accounts", purpose="account").count() == 1


def test_a_grant_is_made_and_ended(as_role: Callable[[str], tuple[Client, Account]], bureau: Organisation) -> None:
    client, officer = as_role("security_officer")
    form = {"dataset": "alerts", "organisation": bureau.pk, "role": "", "fields": "", "area_code": "", "purpose": "",
            "basis": "甬数〔2026〕1号", "until_0": "", "until_1": ""}  # fmt: skip
    assert client.post("/admin/access/grant/add/", form).status_code == 302
    given = Grant.objects.get()
    assert (given.granted_by_id, given.until) == (officer.pk, None)
    client.post("/admin/access/grant/", {"action": "end", "_selected_action": [given.pk]})
    given.refresh_from_db()
    assert given.until is not None


def test_a_grant_that_leads_nowhere_is_refused_with_what_was_typed(
    as_role: Callable[[str], tuple[Client, Account]], bureau: Organisation
) -> None:
    client, _ = as_role("security_officer")
    Area.objects.create(code="330203", name="海曙区", level="district", valid_from=dt.date(2020, 1, 1))
    offered = client.get("/admin/access/grant/add/").context["adminform"].form.fields
    assert ("population.person", "人口 (population.person)") in offered["dataset"].choices
    assert ("statistics", "统计分析 (statistics)") in offered["purpose"].choices
    form = {"dataset": "parking.lot", "organisation": bureau.pk, "role": "", "fields": "", "area_code": "", "purpose": "",
            "basis": "甬数〔2026〕1号", "until_0": "", "until_1": ""}  # fmt: skip
    for wrong, says in (
        ({"fields": "nmae"}, "停车场 没有字段 nmae。您是否想写“name”？"), ({"area_code": "330299"}, "没有区域 330299"),
        ({"until_0": "2020-01-01", "until_1": "00:00:00"}, "授权截止日期已过"),
    ):  # fmt: skip
        answer = client.post("/admin/access/grant/add/", {**form, **wrong})
        assert (answer.status_code, says in answer.content.decode()) == (400, True), says
        assert "甬数〔2026〕1号" in answer.content.decode()
    assert not Grant.objects.exists()
    assert client.post("/admin/access/grant/add/", {**form, "fields": "name", "area_code": "330203"}).status_code == 302
