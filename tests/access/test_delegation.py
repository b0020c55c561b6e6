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
STAFF = {
    "duty_officer", "leader", "data_steward", "department_clerk", "handler", "grid_worker", "intake_clerk", "dispatcher",
    "verifier",
}  # fmt: skip


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


def test_people_to_appoint_are_searched_within_reach_and_none_is_listed_beforehand(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    chief = account_as("administrator", organisation=branches["own"], username="district")
    both = account_as("handler", organisation=branches["own"], username="canary_both")
    Assignment.objects.create(account=both, role="leader", organisation=branches["above"])
    away = account_as("leader", organisation=branches["above"], username="canary_away")
    client = Client()
    client.force_login(chief)
    form = client.get("/admin/access/assignment/add/").content.decode()
    assert "canary" not in form
    asked = {"app_label": "access", "model_name": "assignment", "field_name": "account", "term": "canary"}
    found = client.get("/admin/autocomplete/", asked).json()["results"]
    assert [one["id"] for one in found] == [str(both.pk)], (
        "who has a post elsewhere may be given one here, though not administered"
    )
    given = {"role": "handler", "organisation": branches["below"].pk, "area_code": "", "until_0": "", "until_1": ""}
    assert client.post("/admin/access/assignment/add/", given | {"account": away.pk}).status_code == 200, "not among the choices"
    assert client.post("/admin/access/assignment/add/", given | {"account": both.pk}).status_code == 302


def test_the_administrator_of_a_department_is_not_the_citys(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心")
    Organisation.objects.filter(key="environment").update(parent=centre)
    police = Organisation.objects.create(key="police", name="公安局", parent=centre)
    chief = actor_of_account(account_as("administrator", organisation=branches["above"], username="chief"))
    officer = account_as(username="officer", organisation=police)
    assert not delegation.whole(chief)
    assert code_of(lambda: services.assign(chief, officer, "handler", police)) == "not_allowed"
    assert code_of(lambda: services.create_account(chief, "x1", organisation=police)) == "not_allowed"
    services.assign(chief, account_as(username="inside", organisation=branches["below"]), "handler", branches["below"])
    assert delegation.whole(actor_of_account(account_as("administrator", organisation=centre, username="city")))


def test_only_what_can_take_effect_is_kept(account_as: Callable[..., Account], branches: dict[str, Organisation]) -> None:
    from chengyun.areas.models import Area

    Area.objects.create(code="330203", name="海曙区", level="district", valid_from=dt.date(2020, 1, 1))
    chief = actor_of_account(account_as("administrator", organisation=branches["own"], username="district"))
    person = account_as(username="new", organisation=branches["own"])
    nobody = account_as(username="nobody")

    def give(to: Account = person, area: str = "", until: dt.datetime | None = None) -> str:
        return code_of(lambda: services.assign(chief, to, "handler", branches["own"], area, until))

    month = timezone.now() + dt.timedelta(days=30)
    assert give(area="330203999999") == "area_unknown"
    assert give(until=timezone.now() - dt.timedelta(days=1)) == "ends_past"
    assert give(nobody) == "not_allowed"
    assert [give(until=month), give(until=month), give(), give(), give(until=month)] == ["", "held", "", "held", "held"]
    assert Assignment.objects.filter(account=person).count() == 2
    assert not Assignment.objects.filter(account=nobody).exists()


def test_an_end_is_not_moved_and_nobody_ends_their_own_administration(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    account = account_as("administrator", organisation=branches["own"], username="district")
    chief, person = actor_of_account(account), account_as("handler", organisation=branches["own"], username="new")
    last_year = timezone.now() - dt.timedelta(days=365)
    person.assignments.update(until=last_year)
    assert code_of(lambda: services.end_assignment(chief, person.assignments.get())) == "ended"
    assert person.assignments.get().until == last_year
    assert code_of(lambda: services.end_assignment(chief, account.assignments.get())) == "self_assignment"
    assert account.assignments.get().until is None


def test_a_district_is_offered_its_own_people_bodies_and_roles(
    account_as: Callable[..., Account], branches: dict[str, Organisation]
) -> None:
    """A list of choices names people, too: names of colleagues elsewhere are none of a district's business."""
    chief = account_as("administrator", organisation=branches["own"], username="district")
    account_as("leader", organisation=branches["above"], username="mayor")
    account_as("handler", organisation=branches["beside"], username="beside")
    inside = account_as("handler", organisation=branches["below"], username="inside")
    client = Client()
    client.force_login(chief)
    offered = client.get("/admin/access/assignment/add/").context["adminform"].form.fields
    assert {str(one) for one in offered["account"].queryset} == {"district", "inside"}
    assert {one.key for one in offered["organisation"].queryset} == {"environment_330203", "street"}
    assert {key for key, _name in offered["role"].choices if key} == {*STAFF, "administrator", "integrator"}
    account_form = client.get("/admin/access/account/add/").context["adminform"].form.fields
    assert {one.key for one in account_form["organisation"].queryset} == {"environment_330203", "street"}
    # What is refused is said above the form, which keeps what was typed.
    given = {"account": inside.pk, "role": "handler", "organisation": branches["below"].pk, "area_code": "330204"}
    answer = client.post("/admin/access/assignment/add/", {**given, "until_0": "", "until_1": ""})
    assert answer.status_code == 400
    assert "只能在您所辖的部门和区域内任命" in answer.content.decode()
    assert 'value="330204"' in answer.content.decode()
    assert inside.assignments.count() == 1


def test_what_is_ended_is_said_one_by_one(account_as: Callable[..., Account], branches: dict[str, Organisation]) -> None:
    chief = account_as("administrator", organisation=branches["own"], username="district")
    inside = account_as("handler", organisation=branches["below"], username="inside")
    client = Client()
    client.force_login(chief)
    both = [chief.assignments.get().pk, inside.assignments.get().pk]
    answer = client.post("/admin/access/assignment/", {"action": "end", "_selected_action": both}, follow=True)
    said = [str(one) for one in answer.context["messages"]]
    assert len(said) == 2
    assert any("不能终止自己的系统管理员岗位" in one for one in said)
    assert "已终止 1 项。" in said
    assert inside.assignments.get().until is not None
    form = {"username": "district", "name": "", "organisation": branches["own"].pk, "email": ""}
    assert client.post(f"/admin/access/account/{chief.pk}/change/", form).status_code == 400
    chief.refresh_from_db()
    assert chief.is_active


def test_a_district_reads_what_its_own_people_did(account_as: Callable[..., Account], branches: dict[str, Organisation]) -> None:
    from chengyun.access import audit
    from chengyun.access.actors import SYSTEM

    chief = account_as("administrator", organisation=branches["own"], username="district")
    mayor = account_as("leader", organisation=branches["above"], username="mayor")
    inside = account_as("handler", organisation=branches["below"], username="inside")
    for person in (mayor, inside):
        audit.record(actor_of_account(person), "test.deed", "accounts", f"by {person}")
    audit.record(SYSTEM, "test.deed", "accounts", "by the program")

    def seen(account: Account, path: str) -> str:
        client = Client()
        client.force_login(account)
        return str(client.get(path).content.decode())

    for path in ("/audit?action=test.deed", "/admin/access/auditrecord/?action=test.deed"):
        told = seen(chief, path)
        assert "by inside" in told
        assert "by mayor" not in told
        assert "by the program" not in told
        assert "by mayor" in seen(account_as("auditor", organisation=branches["above"], username=f"auditor{len(path)}"), path)
    assert "by mayor" in seen(account_as("administrator", username="city"), "/audit?action=test.deed")


def test_why_is_told_of_ones_own_people(account_as: Callable[..., Account], branches: dict[str, Organisation]) -> None:
    chief = account_as("administrator", organisation=branches["own"], username="district")
    account_as("leader", organisation=branches["above"], username="mayor")
    account_as("handler", organisation=branches["below"], username="inside")
    client = Client()
    client.force_login(chief)
    asked = {
        name: client.get("/access/explain", {"actor": name, "dataset": "alerts"}).status_code for name in ("mayor", "inside")
    }
    assert asked == {"mayor": 400, "inside": 200}
