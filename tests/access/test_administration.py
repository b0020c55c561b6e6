# SPDX-License-Identifier: Apache-2.0
"""Three powers in the administration: system, security, audit. None does the work of another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation

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
