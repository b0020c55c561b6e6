# SPDX-License-Identifier: Apache-2.0
"""What time does to cases: pauses end by themselves, lateness is told once, emergencies are supervised."""

from __future__ import annotations

import datetime as dt

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.cases.models import Case, CaseStage
from chengyun.cases.queries import cases_for, count_cases
from chengyun.cases.services import open_case, take_step
from chengyun.cases.watch import end_pauses, tell_lateness

TYPE = "urban_management.case"
NOW = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)  # a Wednesday, 09:00 in Ningbo
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def case(bodies) -> Case:
    """A case in hand: 16 office hours from Wednesday 09:00 on."""
    case = open_case(
        TYPE, "井盖缺失", SYSTEM, NOW, source="patrol", category="component/0101", area_code="330203001", lon=121, lat=29
    )
    for step, given in (("accept", {}), ("file", {}), ("dispatch", {"owner": "enforcement"})):
        case = take_step(case, step, SYSTEM, NOW, **given)
    return case


def kinds(case: Case) -> list[str]:
    return [it.kind for it in case.events.all() if it.kind != "step"][1:]


def test_lateness_is_told_once_a_stay_yellow_then_red(case):
    yellow = dt.datetime(2026, 4, 2, 15, 18, tzinfo=dt.timezone(8 * HOUR))  # 7.5 h on the first day, 5.3 h on the second
    assert (case.warn_at, case.due_at) == (yellow, dt.datetime(2026, 4, 3, 9, 0, tzinfo=dt.timezone(8 * HOUR)))
    assert tell_lateness(yellow) == 0
    assert tell_lateness(yellow + HOUR) == 1
    assert tell_lateness(yellow + HOUR) == 0
    assert tell_lateness(case.due_at) == 0
    late = case.due_at + dt.timedelta(seconds=1)
    assert (tell_lateness(late), tell_lateness(late)) == (1, 0)
    assert kinds(case) == ["due_soon", "late"]


def test_lists_by_colour_agree_with_the_clock(case):
    for now in (NOW, case.warn_at, case.warn_at + HOUR, case.due_at, case.due_at + HOUR):
        [shown] = cases_for(SYSTEM, now=now)
        assert [it.number for it in cases_for(SYSTEM, now=now, colour=shown.clock.colour)] == [case.number]
        others = {"green", "yellow", "red", "paused", "ended"} - {shown.clock.colour}
        assert [count_cases(SYSTEM, now=now, colour=colour, ended=None) for colour in sorted(others)] == [0] * 4


def test_a_late_emergency_is_supervised_by_itself(bodies):
    case = open_case(TYPE, "路面塌陷", SYSTEM, NOW, emergency=True, area_code="330203001")
    assert tell_lateness(case.due_at + HOUR) == 1
    case.refresh_from_db()
    assert case.supervised_at == case.due_at + HOUR
    assert kinds(case) == ["late", "supervised"]


def test_a_pause_ends_on_its_day_and_not_before(case):
    until = NOW + 72 * HOUR
    case = take_step(case, "ask_deferral", SYSTEM, NOW + HOUR, reason="连续降雨", until=until)
    case = take_step(case, "grant_deferral", SYSTEM, NOW + 2 * HOUR)
    assert cases_for(SYSTEM, now=NOW + 3 * HOUR, colour="paused")[0].why_paused.startswith("缓办")
    assert tell_lateness(until + 9 * HOUR) == 0
    assert end_pauses(until - HOUR) == []
    assert [it.number for it in end_pauses(until)] == [case.number]
    assert end_pauses(until) == []
    stay = CaseStage.objects.get(case=case, left_at=None)
    assert (stay.state, stay.clock, stay.used_s) == ("handling", "runs", 2 * 3600)


def test_a_pause_never_lasts_longer_than_the_rule_allows(case):
    case = take_step(case, "ask_deferral", SYSTEM, NOW, reason="等待", until=NOW + 9000 * HOUR)
    case = take_step(case, "grant_deferral", SYSTEM, NOW)
    assert CaseStage.objects.get(case=case, left_at=None).due_at == NOW + dt.timedelta(days=30)


def test_lateness_takes_the_case_before_its_stay_as_steps_do(case, django_assert_max_num_queries):
    late = case.due_at + HOUR
    with django_assert_max_num_queries(40) as asked:
        assert tell_lateness(late) == 1
    locks = [query["sql"] for query in asked.captured_queries if "FOR UPDATE" in query["sql"]]
    assert locks[0].split(" FROM ")[1].startswith('"cases_case" ')
    assert all("cases_casestage" not in lock.split(" FROM ")[1] for lock in locks)
