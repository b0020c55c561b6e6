# SPDX-License-Identifier: Apache-2.0
"""A district administers the district: every way to reach past it is tried."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access import delegation, services
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.errors import Refused

pytestmark = pytest.mark.django_db
DISTRICT = "330203"


@pytest.fixture
def branches(bureau: Organisation, branch: Organisation) -> dict[str, Organisation]:
    return {
        "own": branch,
        "below": Organisation.objects.create(key="street", name="街道所", parent=branch, area_code="330203001"),
        "beside": Organisation.objects.create(key="environment_330204", name="江东分局", parent=bureau, area_code="330204"),
        "above": bureau,
    }


def code_of(do: Callable[[], object]) -> str:
    """Return the code of a refusal, or "" when it was done."""
    try:
        do()
    except Refused as refused:
        return refused.code
    return ""


@pytest.mark.parametrize(
    ("role", "where", "area", "expected"),
    [
        ("handler", "own", "", ""),
        ("handler", "below", "", ""),
        ("administrator", "own", "", ""),
        ("handler", "below", "330203001", ""),
        ("handler", "beside", "", "not_allowed"),
        ("handler", "above", "", "not_allowed"),
        ("handler", "own", "330204", "not_allowed"),
        ("handler", "own", "3302", "not_allowed"),
        ("security_officer", "own", "", "not_allowed"),
        ("auditor", "own", "", "not_allowed"),
        ("handler", "above", "330203", "not_allowed"),
        ("handler", "", "", "not_allowed"),
        ("handler", "", "330203", "not_allowed"),
    ],
)  # fmt: skip
def test_a_district_appoints_inside_the_district(
    account_as: Callable[..., Account], branches: dict[str, Organisation], role: str, where: str, area: str, expected: str
) -> None:
    chief = actor_of_account(account_as("administrator", organisation=branches["own"], username="district"))
    person = account_as(username="new", organisation=branches["own"])
    assert code_of(lambda: services.assign(chief, person, role, branches.get(where), area)) == expected
    assert Assignment.objects.filter(account=person).exists() is (expected == "")


def test_a_district_cannot_become_the_city(account_as: Callable[..., Account], branches: dict[str, Organisation]) -> None:
    """Whoever may set a password anew is that person: an account with one post outside is out of reach."""
    chief = actor_of_account(account_as("administrator", organisation=branches["own"], username="district"))
    mayor = account_as("leader", organisation=branches["above"], username="mayor")
    both = account_as("handler", organisation=branches["own"], username="both")
    Assignment.objects.create(account=both, role="leader", organisation=branches["above"])
    officer = account_as("security_officer", organisation=branches["own"], username="officer")
    inside = account_as("handler", organisation=branches["below"], username="inside")
    for person in (mayor, both, officer):
        assert code_of(lambda person=person: services.invite(chief, person)) == "not_allowed"  # type: ignore[misc]
    assert services.invite(chief, inside).startswith("/accounts/first/")
    assert list(Account.objects.filter(delegation.managed(chief)).values_list("username", flat=True)) == ["district", "inside"]
    assert code_of(lambda: services.create_account(chief, "x1", organisation=branches["above"])) == "not_allowed"
    assert code_of(lambda: services.create_account(chief, "x2")) == "not_allowed"
    assert services.create_account(chief, "x3", organisation=branches["below"]).pk
    for held in (mayor.assignments.get(), officer.assignments.get()):
        assert code_of(lambda held=held: services.end_assignment(chief, held)) == "not_allowed"  # type: ignore[misc]
    services.end_assignment(chief, inside.assignments.get())


def test_nobody_appoints_for_longer_than_they_serve(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    account = account_as("administrator", organisation=branches["own"], username="district")
    end = timezone.now() + dt.timedelta(days=30)
    account.assignments.update(until=end)
    chief, person = actor_of_account(account), account_as(username="new", organisation=branches["own"])
    for until in (None, end + dt.timedelta(days=1)):
        assert code_of(lambda until=until: services.assign(chief, person, "handler", branches["own"], until=until)) == "outlasts"  # type: ignore[misc]
    services.assign(chief, person, "handler", branches["own"], until=end)


def test_a_steward_appoints_stewards_below_and_no_other_power(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    steward = actor_of_account(account_as("data_steward", organisation=branches["own"], username="steward"))
    person = account_as(username="new", organisation=branches["below"])
    for role in ("department_clerk", "administrator", "leader", "duty_officer"):
        assert code_of(lambda role=role: services.assign(steward, person, role, branches["below"])) == "not_allowed"  # type: ignore[misc]
    services.assign(steward, person, "data_steward", branches["below"])
    assert code_of(lambda: services.invite(steward, person)) == "not_allowed"


def test_the_administration_shows_a_district_its_own(
    account_as: Callable[..., Account], branches: dict[str, Organisation], settings: Any
) -> None:
    chief = account_as("administrator", organisation=branches["own"], username="district")
    mayor = account_as("leader", organisation=branches["above"], username="mayor")
    client = Client(raise_request_exception=False)
    client.force_login(chief)
    listed = client.get("/admin/access/account/").content.decode()
    assert "district" in listed
    assert "mayor" not in listed
    assert client.get(f"/admin/access/account/{mayor.pk}/change/").status_code in (302, 404)
    assert client.get("/admin/access/organisation/add/").status_code in (403, 404)
    assert client.get("/admin/access/token/").status_code in (403, 404)
