# SPDX-License-Identifier: Apache-2.0
"""A body's day: cases that wait for work become jobs, a plan is asked for, worked out, shown, and planned again."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.crews import queries, services
from chengyun.cases.crews.models import Crew, Plan, Shift, Stop
from chengyun.cases.models import Case
from chengyun.cases.services import open_case, take_step
from chengyun.errors import Refused
from chengyun.web import cache

DAY = dt.date(2026, 4, 1)
MORNING = dt.datetime(2026, 3, 31, 23, 30, tzinfo=dt.UTC)  # half past seven of the day
PLACE = (121.55, 29.87)


@pytest.fixture
def bodies(db) -> dict[str, Organisation]:
    cache.forget_all()
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    works = Organisation.objects.create(key="works", name="城管局", parent=centre)
    return {"centre": centre, "works": works}


def account(name: str, role: str, body: Organisation) -> Account:
    made = Account.objects.create(username=name, name=name, organisation=body)
    Assignment.objects.create(account=made, role=role, organisation=body, since=MORNING - dt.timedelta(days=9))
    return made


@pytest.fixture
def people(bodies) -> dict[str, Actor]:
    roles = {"worker": "grid_worker", "clerk": "intake_clerk", "officer": "duty_officer", "dispatcher": "dispatcher"}
    return {name: actor_of_account(account(name, role, bodies["centre"]), MORNING) for name, role in roles.items()}


@pytest.fixture
def crews(bodies) -> list[Crew]:
    made = []
    for number in range(2):
        crew = Crew.objects.create(
            key=f"crew-{number}", name=f"{number + 1} 班", organisation=bodies["works"], skills=["road"], start_lon=PLACE[0],
            start_lat=PLACE[1], end_lon=PLACE[0], end_lat=PLACE[1],
        )  # fmt: skip
        Shift.objects.create(
            crew=crew, day=DAY, begins=dt.time(8), ends=dt.time(17), break_min=45, break_from=dt.time(11, 30),
            break_until=dt.time(13, 30),
        )  # fmt: skip
        made.append(crew)
    return made


def waiting(people, east: float, now: dt.datetime = MORNING, **given) -> Case:
    """Return a case in the department's hands."""
    opened = {"source": "patrol", "lon": PLACE[0] + east, "lat": PLACE[1], "category": "event/0104", **given}
    case = open_case("urban_management.case", f"路面破损 {east}", people["worker"], now, **opened)
    take_step(case.number, "accept", people["clerk"], now)
    take_step(case.number, "file", people["officer"], now)
    return take_step(case.number, "dispatch", people["dispatcher"], now, owner="works")


@pytest.fixture
def plan(bodies, people, crews) -> Plan:
    for east in (-0.03, -0.02, -0.01, 0.01, 0.02, 0.03):
        waiting(people, east)
    asked = services.ask(people["dispatcher"], bodies["works"], DAY, MORNING)
    return services.work_out(asked.pk, MORNING, seconds=0.5)


def test_every_case_that_waits_for_work_is_planned_once_with_its_reason(plan):
    stops = list(Stop.objects.filter(plan=plan))
    assert plan.state == "live"
    assert {stop.case_id for stop in stops} == set(Case.objects.values_list("pk", flat=True))
    assert all(stop.why["kind"] in ("cheapest", "whole", "only") for stop in stops)
    assert plan.figures["plan"]["travel_s"] <= plan.figures["greedy"]["travel_s"]


def test_a_case_that_is_handled_or_not_dispatched_is_no_job(bodies, people, crews):
    open_case("urban_management.case", "未派遣", people["worker"], MORNING, source="patrol", lon=PLACE[0], lat=PLACE[1])
    problem, _crews, _cases = services.problem_of(bodies["works"], DAY)
    assert problem.jobs == ()


def test_an_emergency_replaces_the_plan_and_what_has_begun_stays(plan, bodies, people):
    noon = dt.datetime(2026, 4, 1, 1, 0, tzinfo=dt.UTC)  # nine o'clock
    begun = [stop for stop in plan.stops.all() if stop.arrives_at - dt.timedelta(seconds=stop.travel_s) < noon]
    emergency = waiting(people, 0.015, noon, emergency=True)
    asked = services.ask(people["dispatcher"], bodies["works"], DAY, noon, "紧急")
    after = services.work_out(asked.pk, noon, seconds=0.5)
    plan.refresh_from_db()
    assert (plan.state, after.state, after.replaces) == ("replaced", "live", plan)
    stop = after.stops.get(case=emergency)
    assert stop.begins_at >= noon
    assert {(one.case_id, one.crew_id, one.begins_at) for one in begun} <= {
        (one.case_id, one.crew_id, one.begins_at) for one in after.stops.all()
    }
    assert after.stops.count() + after.left.count() == 7
    assert after.moved <= 2


def test_a_pinned_case_goes_to_its_crew_and_says_so(plan, bodies, people, crews):
    stop = plan.stops.filter(crew=crews[0]).last()
    services.pin(people["dispatcher"], stop.case.number, "crew-1", MORNING)
    asked = services.ask(people["dispatcher"], bodies["works"], DAY, MORNING)
    after = services.work_out(asked.pk, MORNING, seconds=0.5)
    moved = after.stops.get(case=stop.case)
    assert (moved.crew, moved.pinned, moved.why["kind"]) == (crews[1], True, "pinned")


def test_who_may_not_plan_is_refused_and_a_day_without_shifts_too(bodies, people, crews):
    with pytest.raises(Refused) as refused:
        services.ask(people["worker"], bodies["works"], DAY, MORNING)
    assert refused.value.code == "not_allowed"
    with pytest.raises(Refused) as refused:
        services.ask(people["dispatcher"], bodies["works"], DAY + dt.timedelta(days=1), MORNING)
    assert refused.value.code == "no_shift"


def test_the_same_day_is_not_asked_for_twice_at_once(bodies, people, crews):
    services.ask(people["dispatcher"], bodies["works"], DAY, MORNING)
    with pytest.raises(Refused) as refused:
        services.ask(people["dispatcher"], bodies["works"], DAY, MORNING)
    assert refused.value.code == "stale_case"


def test_the_page_shows_routes_times_reasons_and_what_is_left(plan, bodies, people):
    client = Client()
    client.force_login(Account.objects.get(username="dispatcher"))
    page = client.get("/crews", {"body": "works", "day": DAY.isoformat()})
    text = page.content.decode()
    assert page.status_code == 200
    assert text.count("<polyline") == len({stop.crew_id for stop in plan.stops.all()})
    assert text.count('class="route-dot') == 6
    for stop in plan.stops.select_related("case"):
        assert stop.case.number in text
    answer = client.post("/crews/plan", {"body": "works", "day": DAY.isoformat(), "reason": "新增"})
    assert answer.status_code == 303
    assert Plan.objects.get(state="asked").reason == "新增"


def test_a_crew_sees_its_own_list_and_not_another_crews(plan, bodies, crews):
    member = account("member", "handler", bodies["works"])
    crews[0].members.add(member)
    [route] = queries.my_stops(actor_of_account(member, MORNING), DAY)
    assert route.key == "crew-0"
    stranger = actor_of_account(account("stranger", "handler", bodies["works"]), MORNING)
    assert queries.my_stops(stranger, DAY) == []
