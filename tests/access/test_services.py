# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone

from chengyun.access import services
from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, AuditRecord, Organisation
from chengyun.areas.models import Area
from chengyun.city.packs import load_city
from chengyun.errors import Refused

pytestmark = pytest.mark.django_db


def test_a_city_starts_with_its_bodies_and_makes_them_once() -> None:
    Area.objects.create(code="330203", level="district", name="海曙区", parent_code="330200", valid_from=dt.date(2000, 1, 1))
    Area.objects.create(
        code="330204",
        level="district",
        name="江东区",
        parent_code="330200",
        valid_from=dt.date(2000, 1, 1),
        valid_to=dt.date(2016, 9, 1),
    )
    assert services.ensure_organisations() == 1 + 2 * len(services.DEPARTMENTS) + len(services.WHOLE_CITY)
    assert services.ensure_organisations() == 0
    branch = Organisation.objects.get(key="environment_330203")
    assert (branch.name, branch.area_code, branch.parent.name) == ("生态环境局海曙区分局", "330203", "生态环境局")  # type: ignore[union-attr]
    assert not Organisation.objects.filter(key="environment_330204").exists()


def test_every_pack_is_owned_by_a_body_the_city_starts_with() -> None:
    bodies = {name for _key, name in (services.CENTRE, *services.DEPARTMENTS, *services.WHOLE_CITY)}
    assert {pack.pack.owner for pack in load_city(()).packs.values()} <= bodies


def test_nobody_appoints_themselves(account_as: Callable[..., Account]) -> None:
    chief = account_as("administrator")
    with pytest.raises(Refused) as refused:
        services.assign(actor_of_account(chief), chief, "leader")
    assert refused.value.code == "self_assignment"


@pytest.mark.parametrize("other", ["security_officer", "auditor"])
def test_powers_do_not_meet_in_one_person(account_as: Callable[..., Account], actor_as: Callable[..., Actor], other: str) -> None:
    chief, colleague = actor_as("administrator", username="chief"), account_as("administrator", username="second")
    services.assign(chief, colleague, "leader")
    with pytest.raises(Refused) as refused:
        services.assign(chief, colleague, other)
    assert refused.value.code == "powers_separated"


def test_an_ended_power_no_longer_stands_in_the_way(account_as: Callable[..., Account], actor_as: Callable[..., Actor]) -> None:
    chief, colleague = actor_as("administrator", username="chief"), account_as("auditor", username="second")
    services.end_assignment(chief, colleague.assignments.get(), timezone.now() - dt.timedelta(seconds=1))
    services.assign(chief, colleague, "security_officer")
    assert actor_of_account(colleague).roles == {"security_officer"}


@pytest.mark.parametrize("role", ["administrator", "auditor", "duty_officer", "leader", "integrator"])
def test_only_the_security_officer_grants(actor_as: Callable[..., Actor], bureau: Organisation, role: str) -> None:
    with pytest.raises(Refused) as refused:
        services.grant(actor_as(role), "alerts", bureau)
    assert refused.value.code == "not_allowed"


def test_the_security_officer_grants_to_others_alone(
    actor_as: Callable[..., Actor], bureau: Organisation, branch: Organisation
) -> None:
    officer = actor_as("security_officer", organisation=bureau)
    made = services.grant(officer, "alerts", branch, basis="甬数〔2026〕1号")
    assert made.granted_by_id == officer.account_id
    for own in ({"organisation": bureau}, {"role": "security_officer"}):
        with pytest.raises(Refused) as refused:
            services.grant(officer, "alerts", **own)  # type: ignore[arg-type]
        assert refused.value.code == "self_grant"


def test_a_grant_over_persons_names_purpose_and_end(actor_as: Callable[..., Actor], bureau: Organisation) -> None:
    with pytest.raises(Refused) as refused:
        services.grant(actor_as("security_officer"), "accounts", bureau, purpose="statistics")
    assert refused.value.code == "purpose_missing"


def test_every_deed_is_recorded(account_as: Callable[..., Account], bureau: Organisation) -> None:
    chief, officer = account_as("administrator"), account_as("security_officer")
    account = services.create_account(actor_of_account(chief), "sun", "孙悦", bureau)
    services.invite(actor_of_account(chief), account)
    held = services.assign(actor_of_account(chief), account, "handler", bureau, "330203")
    services.end_assignment(actor_of_account(chief), held)
    given = services.grant(actor_of_account(officer), "alerts", bureau)
    services.end_grant(actor_of_account(officer), given)
    services.issue_token(["read"], actor=actor_of_account(chief))
    deeds = AuditRecord.objects.filter(account_id__in=[chief.pk, officer.pk]).order_by("id").values_list("action", flat=True)
    assert list(deeds) == [
        "account.create", "account.invite", "assignment.create", "assignment.end", "grant.create", "grant.end", "token.create",
    ]  # fmt: skip
