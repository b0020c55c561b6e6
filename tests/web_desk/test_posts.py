# SPDX-License-Identifier: Apache-2.0
"""A steward appoints stewards below from a page of the menu; what he may not is refused there as anywhere."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from tests.web_desk.conftest import BRANCH

from chengyun.access.models import Account, Assignment, AuditRecord, Organisation


@pytest.fixture
def below(bodies) -> Account:
    return Account.objects.create_user("below", name="周舟", organisation=bodies[BRANCH])


def deeds(action: str, account: Account) -> int:
    return AuditRecord.objects.filter(action=action, target=str(account.pk)).count()


def test_a_steward_finds_the_page_appoints_below_and_ends_it(signed_in, below):
    client = signed_in("steward", "data_steward", "environment")
    assert 'href="/posts"' in client.get("/desk").content.decode()
    page = client.get("/posts").context["page"]
    assert [one.value for one in page.roles] == ["data_steward"]
    assert {one.value for one in page.bodies} == {"environment", BRANCH}
    assert {name for name, _ in page.people} == {"steward", "below"}
    reads = AuditRecord.objects.filter(action="read", dataset="accounts", target="posts", purpose="account")
    assert reads.filter(actor__contains="steward").exists()
    answer = client.post("/posts", {"account": "周舟", "role": "data_steward", "organisation": BRANCH})
    assert answer.status_code == 303
    held = Assignment.objects.get(account=below)
    assert (held.role, held.organisation.key, deeds("assignment.create", below)) == ("data_steward", BRANCH, 1)
    assert "周舟" in client.get("/posts").content.decode()
    assert client.post(f"/posts/{held.pk}/end").status_code == 303
    held.refresh_from_db()
    assert held.until <= timezone.now()
    assert deeds("assignment.end", below) == 1
    assert [one.username for one in client.get("/posts").context["page"].listed.items] == ["steward"]


def test_beyond_the_reach_nothing_is_given_ended_or_shown(signed_in, person, below):
    client = signed_in("steward", "data_steward", BRANCH)
    above = person("above", "data_steward", "environment")
    clerk = person("clerk", "department_clerk", BRANCH)
    shown = client.get("/posts").content.decode()
    assert "above" not in shown
    assert [one.username for one in client.get("/posts").context["page"].listed.items] == ["steward"]
    given = {"account": "below", "role": "data_steward", "organisation": BRANCH}
    for wrong in (
        {"role": "department_clerk"}, {"role": "administrator"}, {"organisation": "environment"}, {"account": "above"},
        {"area": "330204"}, {"account": "steward"}, {"organisation": ""}, {"until": "yesterday"}, {"until": "2020-01-01T00:00"},
    ):  # fmt: skip
        answer = client.post("/posts", given | wrong)
        assert answer.status_code in (400, 403), wrong
        assert answer.context["page"].fault.sentence
    assert not Assignment.objects.filter(account=below).exists()
    for post in (above.assignments.get(), clerk.assignments.get()):
        assert client.post(f"/posts/{post.pk}/end").status_code == 404
        post.refresh_from_db()
        assert post.until is None


def test_what_is_listed_is_what_may_be_ended(signed_in, person, bodies, below):
    """The list asks the database, ending asks the rule: they agree on every post of a branch's steward and administrator."""
    from chengyun.access import delegation
    from chengyun.access.actors import actor_of_account
    from chengyun.errors import Refused

    other = Organisation.objects.create(
        key="environment_330204", name="江东分局", parent=bodies["environment"], area_code="330204"
    )
    for number, (body, area) in enumerate(
        [(bodies[BRANCH], ""), (bodies[BRANCH], "330203001"), (bodies[BRANCH], "330204"), (other, ""), (other, "330203"),
         (bodies["environment"], "330203"), (bodies["environment"], ""), (None, ""), (None, "330203")]
    ):  # fmt: skip
        for role in ("data_steward", "handler", "security_officer"):
            home = body or bodies[BRANCH]
            holder = Account.objects.create(username=f"{role}{number}", organisation=home)
            Assignment.objects.create(account=holder, role=role, organisation=body, area_code=area)
    for role in ("data_steward", "administrator"):
        for body in (BRANCH, "environment", "operations_centre"):
            actor = actor_of_account(person(f"{role}_{body}", role, body))
            listed = set(Assignment.objects.filter(delegation.posts(actor)).exclude(account_id=actor.account_id))
            soon = timezone.now() + dt.timedelta(days=1)
            rows = Assignment.objects.exclude(account_id=actor.account_id).select_related("account", "organisation")
            ended = set()
            for one in rows:
                try:
                    delegation.require_appointment(actor, one.account, one.role, one.organisation, one.area_code, soon)
                except Refused:
                    continue
                ended.add(one)
            assert listed == ended, (role, body)


def test_whoever_appoints_nobody_finds_no_page(signed_in):
    client = signed_in("clerk", "department_clerk", BRANCH)
    assert client.get("/posts").status_code == 404
    assert 'href="/posts"' not in client.get("/desk").content.decode()
    assert client.post("/posts", {"account": "clerk", "role": "data_steward"}).status_code == 404
