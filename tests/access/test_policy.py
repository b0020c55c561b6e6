# SPDX-License-Identifier: Apache-2.0
"""Every dataset × role × purpose against a second, plainer statement of the policy, written here by hand.

CHENGYUN_WALK=whole asks for every purpose; otherwise they take turns where nobody is spoken of, and a purpose decides nothing.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from django.utils import timezone

from chengyun.access import policy, rulebook
from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor, Post
from chengyun.access.models import Account, AuditRecord, Grant, Organisation
from chengyun.access.policy import may, require, require_scope, scope
from chengyun.access.predicates import Everything
from chengyun.access.rulebook import FILE, ROLES, Facts, read_rulebook
from chengyun.city import load_city
from chengyun.config import config
from chengyun.errors import Misdeclared, NotFound, Refused

pytestmark = pytest.mark.django_db
OPERATIONS = {"duty_officer", "leader", "data_steward"}
DEPARTMENTS = {"department_clerk", "handler", "grid_worker"}
CASEWORK = {"intake_clerk", "dispatcher", "verifier"}
POWERS = {"administrator", "security_officer", "auditor"}
OWNER = "生态环境局"

PEOPLE = Facts(
    key="test.elder", name="老人", kind="entity", owner="民政局", sharing="conditional", personal=True,
    masks={"name": "name", "phone": "phone"},
)  # fmt: skip
EXTRA = [
    PEOPLE,
    Facts(key="test.lot", name="车场", kind="entity", owner=OWNER, sharing="conditional"),
    Facts(key="test.secret", name="内部", kind="stream", owner=OWNER, sharing="none"),
    Facts(key="test.case", name="事件", kind="case", owner=OWNER, sharing="conditional"),
    Facts(key="test.shared", name="共享", kind="indicator", owner=OWNER, sharing="unconditional"),
    Facts(key="test.open", name="开放", kind="stream", owner=OWNER, sharing="unconditional", open=True),
]


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch) -> rulebook.Rulebook:
    """The installation's rulebook, and one dataset of every kind beside its own."""
    real = rulebook.rulebook()
    datasets = {**real.datasets, **{facts.key: facts for facts in EXTRA}}
    more = rulebook.Rulebook(**{name: getattr(real, name) for name in real.__dataclass_fields__} | {"datasets": datasets})
    monkeypatch.setattr(policy, "rulebook", lambda: more)
    return more


INTAKE = {"intake_clerk", "duty_officer"}
PERSONAL_BY_AREA = {
    ("submissions", "quality"): {"data_steward", "department_clerk"},
    ("submissions", "case"): {"data_steward", "department_clerk"},
    ("submissions", "duty"): {"data_steward", "department_clerk"},
    ("evaluation_posts", "statistics"): {"leader", "duty_officer"},
    ("tracks", "case"): {"duty_officer", "dispatcher"},
    ("tracks", "duty"): {"duty_officer", "dispatcher"},
    ("reports", "case"): {*INTAKE, "dispatcher", "verifier", "grid_worker"},
    ("report_contacts", "case"): {*INTAKE, "verifier"},
    ("report_contacts", "contact"): INTAKE,
    ("report_originals", "evidence"): {*INTAKE, "verifier"},
    ("calls", "case"): INTAKE,
}
"""Who may read records about persons in their area, and for what."""


def oracle(facts: Facts, role: str, own: bool, area: str, code: str, purpose: str | None) -> bool:
    """Say whether a row may be read without any grant."""
    inside = code.startswith(area)
    if facts.personal:
        for_cases = role in ("duty_officer", "department_clerk", "handler", "dispatcher") and purpose == "case"
        if role in PERSONAL_BY_AREA.get((facts.key, purpose or ""), ()):
            return inside
        if own and facts.kind == "entity" and role in ("department_clerk", "data_steward"):
            return purpose in ("case", "duty", "quality") and inside
        for_posts = (role in POWERS and purpose in ("account", "audit")) or (role == "data_steward" and purpose == "account")
        return facts.key == "accounts" and (for_cases or for_posts)
    if facts.open or (facts.sharing == "unconditional" and role in OPERATIONS | DEPARTMENTS | CASEWORK):
        return True
    if facts.key in ("dead_letters", "receipts"):
        return role in ("data_steward", "administrator") and (inside or facts.key == "receipts")
    if facts.key == "devices" and role in ("duty_officer", "data_steward", "department_clerk", "integrator", "leader"):
        return inside
    if facts.key in ("patrol_tasks", "crew_plans") and role in DEPARTMENTS | {"duty_officer", "dispatcher", "leader", "verifier"}:
        return inside
    if facts.key == "form_tasks" and role in DEPARTMENTS | {"data_steward"}:
        return inside
    if facts.key == "decisions" and role == "department_clerk":
        return inside
    if facts.key == "sources":
        return role in ("data_steward", "administrator")
    if facts.key in ("ngsild", "sensorthings") and role == "integrator":
        return inside or facts.key == "sensorthings"
    if facts.key == "audit":
        return role in ("auditor", "administrator")
    if role in OPERATIONS and facts.sharing == "conditional":
        return inside
    if facts.key in ("alerts", "cases") or (facts.kind == "case" and facts.sharing == "conditional"):
        return role in DEPARTMENTS | CASEWORK and inside
    owned = own and facts.kind != "kernel" and facts.sharing != "unconditional"
    return owned and role in DEPARTMENTS | {"data_steward"} and inside


def settings() -> Iterator[tuple[str, bool, str]]:
    for role in sorted(ROLES):
        for own in (False, True):
            for area in ("", "330203"):
                yield role, own, area


def purposes_for(facts: Facts, declared: Sequence[str], turn: int) -> list[str | None]:
    whole = facts.personal or os.environ.get("CHENGYUN_WALK") == "whole"
    return [None, *(declared if whole else [declared[turn % len(declared)]]), "undeclared"]


@pytest.mark.parametrize(("role", "own", "area"), list(settings()))
def test_every_dataset_and_purpose_against_the_plain_policy(book: rulebook.Rulebook, role: str, own: bool, area: str) -> None:
    post = Post(
        role, "somewhere", area, frozenset(facts.owner for facts in book.datasets.values()) if own else frozenset({"别处"})
    )
    actor = ANONYMOUS if role == "anonymous" else Actor(1, "某人", "somewhere", frozenset({role}), (area,), (post,))
    first = list(settings()).index((role, own, area))
    for turn, facts in enumerate(book.datasets.values(), first):
        for purpose in purposes_for(facts, list(book.purposes), turn):
            found = scope(actor, facts.key, purpose)
            for code in ("330203", "330203001", "330204", "330200", ""):
                row = {"area_code": code, "dataset": "test.lot", "name": "张三"}
                expected = purpose != "undeclared" and oracle(facts, role, own, area, code, purpose)
                assert found.matches(row) is expected, (facts.key, purpose, code, found.because)
            assert found.because


def test_the_public_sees_alerts_about_open_data_without_names() -> None:
    found = scope(ANONYMOUS, "alerts")
    about_open = {
        "dataset": "test.open",
        "area_code": "330203",
        "value": 80.0,
        "acknowledged_by": "张三",
        "closed_because": "已查",
    }
    assert found.matches(about_open)
    assert not found.matches(about_open | {"dataset": "test.secret"})
    assert found.mask(about_open) == {"dataset": "test.open", "area_code": "330203", "value": 80.0}
    assert not found.may_filter("acknowledged_by")


def test_an_unknown_dataset_is_refused_like_a_forbidden_one() -> None:
    for dataset in ("test.nothing", "audit"):
        with pytest.raises(NotFound) as refused:
            require_scope(ANONYMOUS, dataset)
        assert refused.value.sentence == "没有找到。"


def test_the_program_itself_reads_everything() -> None:
    assert all(scope(SYSTEM, key).allowed for key in rulebook.rulebook().datasets)


def test_a_grant_opens_rows_and_fields_for_its_purpose_area_and_time(
    actor_as: Callable[..., Actor], bureau: Organisation, branch: Organisation
) -> None:
    clerk = actor_as("department_clerk", organisation=branch, area_code="330203")
    row = {"area_code": "330203001", "name": "王小明", "phone": "13812345678"}
    assert not scope(clerk, "test.elder", "duty").allowed
    since = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    given = Grant.objects.create(dataset="test.elder", organisation=bureau, purpose="duty", fields=["phone"], since=since)
    found = scope(clerk, "test.elder", "duty")
    assert found.because == f"依授权 {given.number}（2026-11-21）"
    assert found.grants == (given.number,)
    assert found.mask(row) == {"area_code": "330203001", "name": "王**", "phone": "13812345678"}
    assert [found.matches(row | {"area_code": code}) for code in ("330203", "330204", "")] == [True, False, False]
    assert not found.may_filter("name")
    assert found.may_filter("phone")
    for purpose in (None, "statistics"):
        assert not scope(clerk, "test.elder", purpose).allowed
    assert not scope(clerk, "test.elder", "duty", since - dt.timedelta(seconds=1)).allowed
    given.until = timezone.now()
    given.save()
    assert not scope(clerk, "test.elder", "duty").allowed


def test_a_grant_is_for_those_it_names(actor_as: Callable[..., Actor], bureau: Organisation) -> None:
    other = Organisation.objects.create(key="transport", name="交通局")
    Grant.objects.create(dataset="test.lot", organisation=other, role="leader", area_code="330204")
    assert not scope(actor_as("handler", organisation=other), "test.lot").allowed
    leader = scope(actor_as("leader", organisation=other, area_code="330203"), "test.lot")
    assert leader.matches({"area_code": "330203"})
    assert not leader.matches({"area_code": "330204"}), "a grant does not reach past the post's own area"


def test_a_mask_is_lifted_only_in_the_rows_a_grant_covers(actor_as: Callable[..., Actor], bureau: Organisation) -> None:
    for fields, area in (([], ""), (["name"], "330203")):
        Grant.objects.create(dataset="test.elder", organisation=bureau, purpose="case", fields=fields, area_code=area)
    found = scope(actor_as("handler", organisation=bureau), "test.elder", "case")
    assert found.mask({"area_code": "330203", "name": "王小明"})["name"] == "王小明"
    assert found.mask({"area_code": "330204", "name": "王小明"})["name"] == "王**"
    assert found.mask({"name": "王小明"})["name"] == "王**"


def test_a_field_no_reason_shows_everywhere_is_filtered_by_by_nobody() -> None:
    """A grant for all rows, but for some fields, is no leave to search by the others."""
    some = policy.Layer(Everything(), "依授权", only=frozenset({"name", "lon"}))
    found = policy.Scope(ANONYMOUS, "test.elder", "statistics", personal=False, layers=(some,), because="依授权")
    assert found.may_filter("name")
    assert not found.may_filter("phone")
    every = policy.Layer(Everything(), "公开")
    assert policy.Scope(ANONYMOUS, "test.elder", None, personal=False, layers=(some, every), because="公开").may_filter("phone")


def test_reading_about_persons_is_recorded(account_as: Callable[..., Account], actor_as: Callable[..., Actor]) -> None:
    chief = actor_as("administrator")
    seen = scope(chief, "accounts", "account").rows_for(Account.objects.all(), target="list")
    assert seen.count() == 1
    assert AuditRecord.objects.filter(
        account_id=chief.account_id, action="read", dataset="accounts", target="list", purpose="account"
    ).exists()
    assert not scope(chief, "accounts").rows_for(Account.objects.all()).exists()


def test_a_deed_in_an_area_needs_a_post_there(actor_as: Callable[..., Actor]) -> None:
    handler = actor_as("handler", area_code="330203")
    assert may(handler, "case.handle")
    assert may(handler, "case.handle", "330203001")
    assert not may(handler, "case.handle", "330204")
    assert not may(handler, "case.close", "330203")
    with pytest.raises(Refused, match="您的岗位不能结案") as refused:
        require(handler, "case.close")
    assert refused.value.code == "not_allowed"


def test_a_role_counts_in_its_own_area_only() -> None:
    posts = (Post("duty_officer", None, "330203"), Post("leader", None, ""))
    actor = Actor(1, "某人", None, frozenset({"duty_officer", "leader"}), ("", "330203"), posts)
    assert may(actor, "alert.close", "330203")
    assert not may(actor, "alert.close", "330204")


def test_an_unknown_action_is_our_own_slip() -> None:
    with pytest.raises(LookupError, match=r'Did you mean "case\.handle"'):
        may(SYSTEM, "case.handel")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('roles = ["operations"]', 'roles = ["operation"]', 'Did you mean "operations"'),
        ('datasets = ["audit"]', 'datasets = ["audits"]', 'Did you mean "audit"'),
        ('purposes = ["account", "audit"]', 'purposes = ["accounts"]', 'Did you mean "account"'),
        ('masks = { email = "email" }', 'masks = { email = "emial" }', 'Did you mean "email"'),
        ('rows = "own_area"', 'rows = "own"', "own"),
        ("owner = true", "ownr = true", "ownr"),
        ("personal = true\npurposes", "personal = true\n# purposes", "needs `purposes`"),
    ],
)
def test_a_slip_in_the_policy_stops_the_start(tmp_path: Path, old: str, new: str, says: str) -> None:
    wrong = tmp_path / "policy.toml"
    wrong.write_text(FILE.read_text().replace(old, new), encoding="utf-8")
    with pytest.raises(Misdeclared) as stopped:
        read_rulebook(wrong, load_city(config().packs))
    assert says in stopped.value.sentence
