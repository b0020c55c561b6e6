# SPDX-License-Identifier: Apache-2.0
"""The closed loop of urban management through the services: the usual way, the ways a department has out, and their ends."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from types import SimpleNamespace

import pytest

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.cases.models import Case, CaseStage
from chengyun.cases.queries import case_view
from chengyun.cases.services import open_case, supervise, take_step
from chengyun.errors import Refused

NOW = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)  # a Wednesday, 09:00 in Ningbo
HOUR = dt.timedelta(hours=1)
TYPE = "urban_management.case"


@pytest.fixture
def posts(person):
    """One person for every post; those of the department belong to the enforcement bureau."""
    made = {
        name: person(name, role, body)
        for name, role, body in [
            ("intake", "intake_clerk", "centre"), ("duty", "duty_officer", "centre"), ("dispatcher", "dispatcher", "centre"),
            ("verifier", "verifier", "centre"), ("leader", "leader", "centre"), ("handler", "handler", "enforcement"),
            ("clerk", "department_clerk", "enforcement"),
        ]
    }  # fmt: skip
    return SimpleNamespace(**{name: actor_of_account(account, NOW) for name, account in made.items()})


@pytest.fixture
def filed(bodies) -> Case:
    return open_case(TYPE, "井盖缺失", SYSTEM, NOW, source="hotline", lon=121.55, lat=29.87, area_code="330203001")


def walk(case: Case, posts, *steps, at: dt.datetime = NOW) -> Case:
    """Take steps in turn, each an hour after the one before; what a step needs and is not given is made up."""
    given = {"reason": "原因", "note": "已处理", "photos": [1], "until": at + 400 * HOUR}
    who = {
        "ask_verification": "intake", "confirm": "verifier", "file": "duty", "dispatch": "dispatcher", "report_done": "handler",
        "pass_check": "verifier", "close": "duty", "fail_check": "verifier", "fail_again": "verifier", "return_work": "handler",
        "return_again": "handler", "redispatch": "dispatcher", "refuse_return": "dispatcher", "arbitrate": "duty",
        "substitute": "leader", "substitute_done": "dispatcher", "reopen": "verifier", "take_on": "handler", "recall": "duty",
    }  # fmt: skip
    at = max(at, case.stage_since)
    for step in steps:
        more = {"data": {"category": "component/0101"}} if step == "file" else {}
        if step in ("dispatch", "redispatch", "arbitrate"):
            more["owner"] = "enforcement"
        who_takes = who.get(step) or ("duty" if step.startswith(("grant", "refuse")) else "clerk")
        case = take_step(case, step, getattr(posts, who_takes), at, **given, **more)
        at += HOUR
    return case


USUAL = ("ask_verification", "confirm", "file", "dispatch", "report_done", "pass_check", "close")


def test_the_usual_way_ends_with_a_history_of_stays_without_a_gap(filed, posts, bodies):
    case = walk(filed, posts, *USUAL)
    assert (case.ended, case.state, case.department) == (True, "closed", bodies["enforcement"])
    assert (case.category, case.catalog_version) == ("component/0101", "CJ/T 214-2007")
    stays = list(CaseStage.objects.filter(case=case))
    assert [stay.state for stay in stays] == [
        "reported", "to_verify", "to_file", "to_dispatch", "handling", "to_check", "to_close", "closed",
    ]  # fmt: skip
    assert all(one.left_at == other.entered_at for one, other in pairwise(stays))
    assert [stay.owner.key for stay in stays if stay.owner.key != "operations_centre"] == ["enforcement"]
    view = case_view(case.number, posts.duty, NOW + 10 * HOUR)
    # Dispatched at 12:00, reported done at 13:00: neither hour is an office hour.
    assert (view.work.basis, view.work.used, view.work.limit) == ("working", dt.timedelta(0), 16 * HOUR)
    assert [it.name for it in view.history][1:3] == ["受理，转核实", "核实属实"]


def test_the_public_is_verified_first_and_patrols_are_not(filed, posts):
    with pytest.raises(Refused, match="核实") as refused:
        take_step(filed, "accept", posts.intake, NOW)
    assert refused.value.code == "trusted_source"
    own = open_case(TYPE, "道路不洁", SYSTEM, NOW, source="patrol", area_code="330203001")
    assert take_step(own, "accept", posts.intake, NOW).state == "to_file"


def test_a_second_return_goes_to_arbitration_and_the_third_is_shut(filed, posts):
    case = walk(filed, posts, *USUAL[:4], "return_work", "redispatch", "return_again")
    assert (case.state, case.returns, case.clock.running_since is not None) == ("arbitrating", 2, True)
    case = walk(case, posts, "arbitrate")
    for step in ("return_work", "return_again"):
        with pytest.raises(Refused) as refused:
            walk(case, posts, step)
        assert refused.value.code == "step_closed"


def test_the_clock_runs_while_a_case_is_returned(filed, posts):
    start = NOW + 24 * HOUR
    case = walk(filed, posts, *USUAL[:3])
    case = walk(case, posts, "dispatch", at=start)
    case = walk(case, posts, "return_work", at=start + HOUR)
    case = walk(case, posts, "redispatch", at=start + 2 * HOUR)
    view = case_view(case.number, posts.duty, start + 3 * HOUR)
    assert view.work.used == 3 * HOUR


def test_who_handled_it_does_not_verify_it(filed, posts, person):
    case = walk(filed, posts, *USUAL[:5])
    inside = actor_of_account(person("inside", "verifier", "enforcement"), NOW)
    with pytest.raises(Refused) as refused:
        take_step(case, "pass_check", inside, NOW + 9 * HOUR, photos=[2])
    assert refused.value.code == "independent_person"


def test_a_pause_says_why_and_until_when(filed, posts):
    case = walk(filed, posts, *USUAL[:4], "ask_suspension", "grant_suspension")
    stay = CaseStage.objects.get(case=case, left_at=None)
    assert (case.suspended, stay.clock, case.clock.running_since, case.warn_at) == (True, "paused", None, None)
    assert stay.reason.startswith("挂账")
    assert stay.due_at == stay.until
    case = walk(case, posts, "resume_suspended", at=NOW + 100 * HOUR)
    assert not case.suspended
    with pytest.raises(Refused):
        walk(case, posts, "ask_suspension", at=NOW + 101 * HOUR)


def test_an_extension_adds_at_most_the_limit_once_more(filed, posts):
    case = walk(filed, posts, *USUAL[:4], "ask_extension", "grant_extension")
    assert case.clock.limit_s == 2 * case.clock.granted_s


def test_merging_is_an_end_and_can_be_undone(filed, posts):
    other = open_case(TYPE, "同一处井盖", SYSTEM, NOW, source="web", area_code="330203001")
    merged = take_step(other, "merge_reported", posts.intake, NOW, data={"target": filed.number})
    filed.refresh_from_db()
    assert (merged.ended, merged.merged_into, filed.report_count) == (True, filed, 2)
    with pytest.raises(Refused, match="不能作为"):
        take_step(filed, "merge_reported", posts.intake, NOW, data={"target": merged.number})
    back = take_step(merged, "unmerge", posts.intake, NOW, reason="不是同一处")
    filed.refresh_from_db()
    assert (back.state, back.merged_into, filed.report_count) == ("to_file", None, 1)


def test_a_joint_case_waits_for_its_parts(filed, posts):
    case = walk(filed, posts, *USUAL[:4])
    part = open_case(TYPE, "恢复路面", SYSTEM, NOW, lead=case, area_code="330203001")
    assert part.state == "to_dispatch"
    with pytest.raises(Refused, match=part.number) as refused:
        walk(case, posts, "report_done")
    assert refused.value.code == "parts_ended"


def test_supervision_is_a_mark_of_leaders(filed, posts):
    with pytest.raises(Refused):
        supervise(filed, posts.handler, NOW, "快办")
    assert supervise(filed, posts.leader, NOW, "快办").supervised_at == NOW
    assert [it.kind for it in filed.events.all()] == ["opened", "supervised"]


def test_a_category_is_one_of_the_catalogue(filed, posts):
    case = walk(filed, posts, *USUAL[:2])
    with pytest.raises(Refused, match="CJ/T 214-2007") as refused:
        take_step(case, "file", posts.duty, NOW + HOUR, data={"category": "component/0100"})
    assert refused.value.code == "category_unknown"


def test_a_step_before_the_last_one_is_refused(filed, posts):
    walk(filed, posts, "ask_verification", at=NOW + HOUR)
    with pytest.raises(Refused) as refused:
        take_step(filed, "confirm", posts.verifier, NOW, photos=[1])
    assert refused.value.code == "out_of_order"
    slow_clock = NOW + HOUR - dt.timedelta(seconds=1)
    assert take_step(filed, "confirm", posts.verifier, slow_clock, photos=[1]).stage_since == NOW + HOUR
