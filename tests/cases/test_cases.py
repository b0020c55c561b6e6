# SPDX-License-Identifier: Apache-2.0
"""A case from its opening to its end: who may do what, what is refused, and what the database itself holds."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from chengyun.access.actors import ANONYMOUS, SYSTEM, actor_of_account
from chengyun.access.models import AuditRecord, Organisation
from chengyun.cases.alerts import open_cases
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.queries import case_view, cases_for, count_cases
from chengyun.cases.services import assign, open_case, take_step
from chengyun.errors import NotFound, Refused
from chengyun.operate.models import Alert, AlertEvent, RuleState

NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
AIR = "air_quality.air_check"


@pytest.fixture
def case(bodies, alert) -> Case:
    return open_case(AIR, "空气异常", SYSTEM, NOW, alert=alert())


def to(case: Case, state: str, duty, clerk, worker) -> Case:
    """Bring a case into a state by the shortest way."""
    path = {
        "filed": [],
        "dispatched": [("dispatch", duty, {"assignee": worker})],
        "handling": [("accept", clerk, {})],
        "verifying": [("report", clerk, {"note": "已洒水"})],
        "closed": [("close", duty, {"reason": "浓度已回落"})],
    }
    for name, steps in path.items():
        for key, who, given in steps:
            case = take_step(case, key, who, NOW, **given)
        if name == state:
            break
    return case


@pytest.fixture
def people(person):
    worker = person("worker", "handler", "330203")
    duty = actor_of_account(person("duty", "duty_officer", "centre"), NOW)
    clerk = actor_of_account(person("clerk", "department_clerk", "330203"), NOW)
    return duty, clerk, worker


def test_an_alert_becomes_a_case_of_the_branch_where_it_is(bodies, alert):
    one = alert()
    [case] = open_cases(NOW)
    one.refresh_from_db()
    assert (case.owner, case.state, case.alert, one.in_case) == (bodies["330203"], "filed", one, True)
    assert case.due_at == NOW + dt.timedelta(hours=24)
    assert case.evidence == {"alert": one.pk, "seq": 7, "stream": "air_quality.station_hour"}
    assert [event.kind for event in case.events.all()] == ["opened", "alert_joined"]
    assert open_cases(NOW) == []
    assert open_case(AIR, "又一次", SYSTEM, NOW, alert=one) == case


def test_alerts_of_one_group_share_a_case_until_it_ends(bodies, alert, people):
    duty, _, _ = people
    first, second = alert("A", group="g@330203"), alert("B", group="g@330203")
    apart = alert("C", area="330212001", group="g@330212")
    one, other = open_cases(NOW)
    assert [it.alert for it in one.case_alerts.all()] == [first, second]
    assert [it.alert for it in other.case_alerts.all()] == [apart]
    take_step(one, "void_filed", duty, NOW, reason="误报")
    later = alert("D", group="g@330203")
    assert [case.alert for case in open_cases(NOW)] == [later]


def test_nobody_is_sent_out_for_history_that_was_loaded(bodies, alert):
    alert(last_seen_at=NOW - dt.timedelta(days=400))
    assert open_cases(NOW) == []


def test_an_owner_that_does_not_exist_leaves_the_case_with_the_centre_and_says_so(bodies, alert):
    Organisation.objects.filter(key__startswith="environment_").delete()
    Organisation.objects.filter(key="environment").delete()
    case = open_case(AIR, "空气异常", SYSTEM, NOW, alert=alert())
    assert case.owner == bodies["centre"]
    assert [event.kind for event in case.events.all()] == ["opened", "owner_unknown", "alert_joined"]


def test_the_whole_way_leaves_a_history_and_closes_the_alert(case, people):
    duty, clerk, worker = people
    case = to(case, "closed", duty, clerk, worker)
    assert (case.ended, case.closed_at, case.person) == (True, NOW, worker)
    view = case_view(case.number, duty, NOW)
    assert [(it.kind, it.before.get("state"), it.after.get("state")) for it in view.history if it.kind == "step"] == [
        ("step", "filed", "dispatched"),
        ("step", "dispatched", "handling"),
        ("step", "handling", "verifying"),
        ("step", "verifying", "closed"),
    ]
    alert = Alert.objects.get(pk=view.alerts[0])
    assert (alert.state, alert.in_case) == ("closed", False)
    assert [event.kind for event in AlertEvent.objects.filter(alert=alert)] == ["case_opened", "case_ended", "closed"]
    # The condition still holds: it must end once before the same alert may be raised again.
    assert RuleState.objects.get(rule=alert.rule, subject=alert.subject).holds
    assert AuditRecord.objects.filter(dataset="cases", target=case.number).count() == 5


EVIDENCE = {"reason": "原因", "note": "情况"}
STEPS = [step.key for step in settings.CITY.cases[AIR].transitions]
STATES = ["filed", "dispatched", "handling", "verifying", "closed"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", STEPS)
def test_every_step_is_taken_from_its_source_and_refused_elsewhere(key, state, case, people):
    duty, clerk, worker = people
    case = to(case, state, duty, clerk, worker)
    step = next(one for one in settings.CITY.cases[AIR].transitions if one.key == key)
    who = duty if "duty_officer" in step.by else clerk
    if step.source == state:
        assert take_step(case, key, who, NOW, assignee=worker, **EVIDENCE).state == step.to
    else:
        with pytest.raises(Refused) as refused:
            take_step(case, key, who, NOW, assignee=worker, **EVIDENCE)
        assert refused.value.code == "stale_case"
        assert Case.objects.get(pk=case.pk).state == state


ROLES = ["duty_officer", "department_clerk", "handler", "grid_worker", "leader", "data_steward", "administrator"]


@pytest.mark.parametrize("key", STEPS)
@pytest.mark.parametrize("role", ROLES)
def test_only_the_declared_roles_take_a_step(key, role, case, people, actor):
    duty, clerk, worker = people
    step = next(one for one in settings.CITY.cases[AIR].transitions if one.key == key)
    case = to(case, step.source, duty, clerk, worker)
    who = actor("somebody", role, "centre" if role in ("duty_officer", "leader", "data_steward", "administrator") else "330203")
    if role in step.by:
        assert take_step(case, key, who, NOW, assignee=worker, **EVIDENCE).state == step.to
    else:
        with pytest.raises(Refused):
            take_step(case, key, who, NOW, assignee=worker, **EVIDENCE)
        assert Case.objects.get(pk=case.pk).state == step.source


@pytest.mark.parametrize("step", [one for one in settings.CITY.cases[AIR].transitions if one.needs], ids=lambda one: one.key)
def test_a_step_without_its_evidence_is_refused(step, case, people):
    duty, clerk, worker = people
    case = to(case, step.source, duty, clerk, worker)
    with pytest.raises(Refused) as refused:
        take_step(case, step.key, duty if "duty_officer" in step.by else clerk, NOW, reason="  ")
    assert refused.value.code == "evidence_missing"
    assert refused.value.fields["missing"] == list(step.needs)


def test_another_bodys_clerk_may_neither_step_nor_assign(case, people, actor):
    duty, clerk, worker = people
    case = to(case, "dispatched", duty, clerk, worker)
    for body in ("330212", "enforcement"):
        stranger = actor(f"clerk of {body}", "department_clerk", body)
        with pytest.raises(Refused):
            take_step(case, "accept", stranger, NOW)
        with pytest.raises(Refused):
            assign(case, worker, stranger, NOW)
    assert Case.objects.get(pk=case.pk).state == "dispatched"


def test_a_clerk_of_the_parent_body_may(case, people, actor):
    duty, clerk, worker = people
    case = to(case, "dispatched", duty, clerk, worker)
    assert take_step(case, "accept", actor("above", "department_clerk", "environment"), NOW).state == "handling"


def test_work_goes_to_people_of_the_owner_only(case, people, person):
    duty, _, worker = people
    with pytest.raises(Refused, match="不是主办单位"):
        assign(case, person("stranger", "handler", "330212"), duty, NOW)
    assert assign(case, worker, duty, NOW).person == worker
    assert CaseEvent.objects.filter(case=case, kind="assigned").get().after["person"] == worker.pk


def test_what_a_person_may_not_see_is_not_found(case, actor):
    for who in (ANONYMOUS, actor("far", "handler", "330212")):
        assert cases_for(who, now=NOW) == []
        with pytest.raises(NotFound):
            case_view(case.number, who, NOW)
        with pytest.raises(NotFound):
            take_step(case, "dispatch", who, NOW)


def test_the_clock_shows_its_share_and_what_is_overdue(case, people):
    duty, _, _ = people
    half = case_view(case.number, duty, NOW + dt.timedelta(hours=12))
    assert (half.clock.share, half.overdue, half.due_at) == (0.5, False, NOW + dt.timedelta(hours=24))
    late = NOW + dt.timedelta(hours=25)
    assert [it.number for it in cases_for(duty, overdue=True, now=late)] == [case.number]
    assert cases_for(duty, overdue=True, now=NOW) == []
    assert case_view(case.number, duty, late).overdue


def test_the_database_holds_owner_end_and_history(case, sql):
    refused = {
        "UPDATE cases_case SET owner_id = NULL": IntegrityError,
        "UPDATE cases_case SET ended = true": IntegrityError,
        "UPDATE cases_case SET closed_at = now()": IntegrityError,
        "UPDATE cases_caseevent SET actor = 'x'": DatabaseError,
        "DELETE FROM cases_caseevent": DatabaseError,
        "INSERT INTO cases_casealert (case_id, alert_id, joined_at) "
        "SELECT case_id, alert_id, now() FROM cases_casealert": IntegrityError,
    }
    for text, error in refused.items():
        with pytest.raises(error), transaction.atomic():
            sql(text)
    assert case.events.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_people_taking_the_same_step_one_is_refused(transactional_db, bodies, alert):
    case = open_case(AIR, "空气异常", SYSTEM, NOW, alert=alert())
    start, outcomes = threading.Barrier(2), []

    def step() -> None:
        try:
            start.wait(10)
            take_step(case.number, "void_filed", SYSTEM, NOW, reason="误报")
            outcomes.append("taken")
        except Refused as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=step) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["stale_case", "taken"]
    assert CaseEvent.objects.filter(case=case, kind="step").count() == 1


def test_cases_are_searched_counted_and_paged_in_the_database(alert, people, django_assert_num_queries):
    duty, _, _ = people
    titles = ("甲%", "乙_", "丙", "丁")
    numbers = [open_case(AIR, title, SYSTEM, NOW, alert=alert(title, group=title)).number for title in titles]
    assert [it.number for it in cases_for(duty, now=NOW, limit=2, offset=1)] == numbers[1:3]
    assert count_cases(duty, now=NOW) == 4
    for text, found in (("甲%", numbers[:1]), ("乙_", numbers[1:2]), ("%", numbers[:1]), (numbers[2].lower(), [numbers[2]])):
        assert [it.number for it in cases_for(duty, now=NOW, text=text)] == found
        assert count_cases(duty, now=NOW, text=text) == len(found)
    assert count_cases(duty, now=NOW, text="海曙") == 4
    assert count_cases(duty, now=NOW, ended=True) == 0
    assert count_cases(ANONYMOUS, now=NOW) == 0
    with django_assert_num_queries(2):  # which, and then what they are
        cases_for(duty, now=NOW, limit=1)
