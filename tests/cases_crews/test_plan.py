# SPDX-License-Identifier: Apache-2.0
"""A day plan keeps every rule, is never dearer than the greedy one, says why, and is disturbed little by what comes later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.cases.crews import again, explain, greedy, solver
from chengyun.cases.crews.problem import Crew, Job, Planned, Problem
from chengyun.cases.crews.samples import HOUR, crew_day
from chengyun.cases.crews.timetable import Timetable
from chengyun.cases.crews.travel import distances_m, travel_times

PLACE = (121.55, 29.87)


def job(key: str = "a", **given) -> Job:
    values = {"lon": PLACE[0], "lat": PLACE[1], "service_s": 1800, "due": 17 * HOUR, "title": key}
    return Job(key=key, **(values | given))


def crew(key: str = "one", **given) -> Crew:
    return Crew(key=key, **({"start": PLACE, "end": PLACE, "begins": 8 * HOUR, "ends": 17 * HOUR} | given))


def faults(problem: Problem, plan: Planned) -> list[str]:
    """Return every rule a plan breaks, checked from the ground up and not with the planner's own timetable."""
    travel = travel_times(problem)
    count, found, seen = len(problem.jobs), [], list(plan.left)
    for route in plan.routes:
        who, at, now = problem.crews[route.crew], count + route.crew, problem.crews[route.crew].begins
        rested = route.break_at is None
        for visit in route.visits:
            one = problem.jobs[visit.job]
            seen.append(visit.job)
            if not rested and route.break_at <= visit.arrives - visit.travel_s:
                now, rested = max(now, route.break_at) + who.break_s, True
            found += [f"{one.key}: skills"] if not one.skills <= who.skills else []
            found += [f"{one.key}: pinned"] if one.pinned not in ("", who.key) else []
            found += [f"{one.key}: arrives too early"] if visit.arrives < now + travel[at][visit.job] else []
            found += [f"{one.key}: begins early"] if visit.begins < max(visit.arrives, one.earliest) else []
            found += [f"{one.key}: too short"] if visit.ends < visit.begins + one.service_s else []
            found += [f"{one.key}: lateness"] if visit.late_s != max(0, visit.ends - one.due) else []
            at, now = visit.job, visit.ends
        found += [f"{who.key}: overtime"] if route.back > who.ends else []
        found += (
            [f"{who.key}: no break"]
            if who.break_s and route.visits and route.back > who.break_until and route.break_at is None
            else []
        )
    if sorted(seen) != list(range(count)):
        found.append("a job is missing or twice")
    return found


@pytest.fixture(scope="module")
def day() -> tuple[Problem, Planned]:
    problem = crew_day(jobs=80, crews=7, seed=3)
    return problem, solver.plan(problem, travel_times(problem), seconds=2.0)


def test_the_plan_keeps_every_rule(day):
    problem, plan = day
    assert faults(problem, plan) == []


def test_the_plan_is_clearly_better_than_the_greedy_one(day):
    problem, plan = day
    by_hand = greedy.plan(problem, travel_times(problem))
    assert faults(problem, by_hand) == []
    assert len(plan.left) <= len(by_hand.left)
    assert plan.travel_s + plan.late_s < 0.9 * (by_hand.travel_s + by_hand.late_s)


@given(seed=st.integers(0, 10_000), jobs=st.integers(0, 25), crews=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_greedy_plans_of_any_day_keep_every_rule(seed, jobs, crews):
    problem = crew_day(jobs=jobs, crews=crews, seed=seed)
    assert faults(problem, greedy.plan(problem, travel_times(problem))) == []


@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_a_visit_that_begins_later_by_its_slack_makes_nothing_late(seed, share):
    problem = crew_day(jobs=20, crews=3, seed=seed)
    travel = travel_times(problem)
    plan = greedy.plan(problem, travel)
    for route in plan.routes:
        for visit in route.visits:
            one = problem.jobs[visit.job]
            slower = replace(one, service_s=one.service_s + int(visit.slack_s * share))
            jobs = tuple(slower if number == visit.job else other for number, other in enumerate(problem.jobs))
            after = Timetable(replace(problem, jobs=jobs), travel).route(route.crew, [it.job for it in route.visits])
            assert after is not None
            assert after.late_s <= route.late_s


def test_a_degree_of_latitude_is_as_long_as_it_is():
    assert distances_m([(121.0, 29.0), (121.0, 30.0)])[0][1] == pytest.approx(111_195, abs=1)


def test_urgent_jobs_come_first_where_there_is_not_time_for_all():
    problem = Problem(
        jobs=(
            job("a", service_s=4 * HOUR),
            job("b", service_s=4 * HOUR),
            job("urgent", service_s=4 * HOUR, priority=4, due=12 * HOUR),
        ),
        crews=(crew(),),
    )
    plan = solver.plan(problem, travel_times(problem), seconds=0.2)
    assert problem.jobs[plan.routes[0].visits[0].job].key == "urgent"
    assert (len(plan.left), plan.late_s) == (1, 0)


def test_what_nobody_takes_has_its_reason():
    problem = Problem(
        jobs=(
            job("gas", skills=frozenset({"gas"})),
            job("night", earliest=18 * HOUR, due=20 * HOUR),
            job("long", service_s=9 * HOUR, priority=4),
            job("short", service_s=HOUR),
        ),
        crews=(crew(skills=frozenset({"road"})),),
    )
    travel = travel_times(problem)
    plan = solver.plan(problem, travel, seconds=0.2)
    reasons = {problem.jobs[number].key: it.kind for number, it in explain.why_not(Timetable(problem, travel), plan).items()}
    assert reasons == {"gas": "skill", "night": "shift", "short": "room"}


def test_each_planned_job_has_its_reason(day):
    problem, plan = day
    table = Timetable(problem, travel_times(problem))
    reasons = explain.why(table, plan)
    assert set(reasons) == set(plan.crew_of())
    for number, it in reasons.items():
        able = [who.key for who in problem.crews if problem.jobs[number].skills <= who.skills]
        assert it.able == len(able)
        assert it.other == "" or it.other in able
        assert (it.kind == "cheapest") == (it.other != "" and it.costs_s >= 0)


def test_a_pinned_job_stays_with_its_crew():
    far = (121.9, 29.87)
    problem = Problem(jobs=(job(pinned="two"),), crews=(crew(), crew("two", start=far, end=far)))
    travel = travel_times(problem)
    plan = solver.plan(problem, travel, seconds=0.2)
    assert problem.crews[plan.crew_of()[0]].key == "two"
    assert explain.why(Timetable(problem, travel), plan)[0].kind == "pinned"


def test_an_emergency_is_served_and_what_has_begun_stays(day):
    problem, plan = day
    now = 11 * HOUR
    emergency = job("emergency", priority=4, earliest=now, due=now + HOUR + HOUR // 2, skills=frozenset({"road"}))
    rest = again.rest_of(problem, plan, now, new=[emergency])
    after = solver.plan(rest.problem, travel_times(rest.problem), seconds=1.0, begin=rest.begin)
    assert faults(rest.problem, after) == []
    kept = [key for keys in rest.kept for key in keys]
    begun = [problem.jobs[v.job].key for r in plan.routes for v in r.visits if v.begins < now]
    assert set(begun) <= set(kept)
    assert not set(kept) & {one.key for one in rest.problem.jobs}
    assert len(kept) + len(rest.problem.jobs) == len(problem.jobs) + 1
    assert len(rest.problem.jobs) - 1 in after.crew_of()
    anew = solver.plan(
        Problem(jobs=tuple(replace(it, before="") for it in rest.problem.jobs), crews=rest.problem.crews),
        travel_times(rest.problem), seconds=1.0,
    )  # fmt: skip
    was = {one.key: one.before for one in rest.problem.jobs}
    changed = [n for n, c in anew.crew_of().items() if was[rest.problem.jobs[n].key] not in ("", rest.problem.crews[c].key)]
    assert len(again.moved(rest.problem, after)) <= min(5, len(changed))


def test_a_finished_or_withdrawn_job_is_not_planned_again(day):
    problem, plan = day
    gone = problem.jobs[plan.routes[0].visits[-1].job].key
    rest = again.rest_of(problem, plan, 10 * HOUR, gone={gone})
    assert gone not in {one.key for one in rest.problem.jobs}
