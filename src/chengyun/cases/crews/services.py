# SPDX-License-Identifier: Apache-2.0
"""Planning crews' days: asked for by a person, worked out by the jobs process, kept with the reasons.

ask ─▶ Plan(asked) ─▶ work_out ─▶ live          the former one is replaced; each stop says why
                              └─▶ failed        and the former stays
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import require
from chengyun.cases.crews import again, explain, greedy, solver
from chengyun.cases.crews.models import Crew, LeftJob, Pin, Plan, Shift, Stop
from chengyun.cases.crews.needs import need_of
from chengyun.cases.crews.problem import Crew as CrewDay
from chengyun.cases.crews.problem import Job, Planned, Problem
from chengyun.cases.crews.timetable import Timetable
from chengyun.cases.crews.travel import travel_times
from chengyun.cases.models import Case
from chengyun.cases.rights import type_of, visible
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.errors import Problem as Fault

__all__ = ["ask", "pin", "problem_of", "work_out"]

SECONDS, SECONDS_AGAIN = 10.0, 4.0
ACTORS = frozenset({"handler", "department_clerk"})
"""Roles whose move a case waits for when there is work to do on the spot."""


def ask(actor: Actor, organisation: Organisation, day: dt.date, now: dt.datetime, reason: str = "") -> Plan:
    """Ask for a plan of a body's crews, for the rest of the day when there is one already. Raises Refused."""
    require(actor, "crew.plan", organisation.area_code)
    if not Shift.objects.filter(day=day, crew__organisation=organisation, crew__active=True).exists():
        raise Refused(
            _("%(body)s 在 %(day)s 没有班组上班。请先排班。") % {"body": organisation.name, "day": day}, code="no_shift"
        )
    former = Plan.objects.filter(organisation=organisation, day=day, state=Plan.State.LIVE).first()
    try:
        with transaction.atomic():
            plan = Plan.objects.create(
                day=day, organisation=organisation, area_code=organisation.area_code, asked_at=now, asked_by=actor.name[:150],
                replaces=former, reason=reason.strip()[:200],
            )  # fmt: skip
            audit.record(actor, "crew.plan", "crew_plans", str(plan.pk), detail={"day": day.isoformat()})
    except IntegrityError as twice:
        raise Refused(_("这一天的计划正在计算，请稍候。"), code="stale_case") from twice
    return plan


def pin(actor: Actor, number: str, crew_key: str, now: dt.datetime) -> None:
    """Say that a crew, and no other, takes a case; an empty key takes the word back. Raises NotFound or Refused."""
    case = Case.objects.select_related("owner").filter(number=number).first()
    if case is None or not visible(actor, case):
        raise NotFound(_("没有找到案件 %s。") % number)
    require(actor, "crew.plan", case.area_code)
    with transaction.atomic():
        Pin.objects.filter(case=case).delete()
        if crew_key:
            crew = Crew.objects.filter(key=crew_key, active=True, organisation=case.owner).first()
            if crew is None:
                raise Refused(_("请选择主办单位的班组。"), code="crew_unknown")
            Pin.objects.create(case=case, crew=crew, by=actor.name[:150], at=now)
        audit.record(actor, "crew.pin", "cases", case.number, detail={"crew": crew_key})


def work_out(plan_id: int, now: dt.datetime, *, seconds: float | None = None) -> Plan:
    """Work out a plan that was asked for, and let it replace the former one."""
    plan = Plan.objects.select_related("organisation", "replaces").get(pk=plan_id)
    if plan.state != Plan.State.ASKED:
        return plan
    try:
        return _worked_out(plan, now, seconds)
    except Fault as fault:
        Plan.objects.filter(pk=plan.pk, state=Plan.State.ASKED).update(state=Plan.State.FAILED, fault=fault.sentence[:500])
        plan.refresh_from_db()
        return plan


def problem_of(organisation: Organisation, day: dt.date) -> tuple[Problem, dict[str, Crew], dict[str, Case]]:
    """Return what there is to plan: the body's crews on their shifts, its cases that wait for work at a place."""
    midnight = _midnight(day)
    shifts = Shift.objects.filter(day=day, crew__organisation=organisation, crew__active=True).select_related("crew")
    crews = {shift.crew.key: shift.crew for shift in shifts}
    waiting = Case.objects.filter(ended=False, owner=organisation, lon__isnull=False, lat__isnull=False, suspended=False)
    cases = {case.number: case for case in waiting.order_by("due_at", "id") if _waits_for_work(case)}
    pins = dict(Pin.objects.filter(case__number__in=list(cases)).values_list("case__number", "crew__key"))
    jobs = tuple(_job(case, day, midnight, pins.get(case.number, "")) for case in cases.values())
    return Problem(jobs=jobs, crews=tuple(_crew_day(shift) for shift in shifts.order_by("crew__key"))), crews, cases


def _worked_out(plan: Plan, now: dt.datetime, seconds: float | None) -> Plan:
    problem, crews, cases = problem_of(plan.organisation, plan.day)
    midnight = _midnight(plan.day)
    since = int((now - midnight).total_seconds())
    former = list(plan.replaces.stops.select_related("crew", "case")) if plan.replaces else []
    kept = [stop for stop in former if stop.arrives_at - dt.timedelta(seconds=stop.travel_s) < now]
    if former:
        problem, begin = _rest(problem, former, kept, since, midnight)
        travel = travel_times(problem)
        found = solver.plan(problem, travel, seconds=seconds or SECONDS_AGAIN, begin=begin)
        by_hand = None
    else:
        problem = _from_now(problem, since)
        travel = travel_times(problem)
        found = solver.plan(problem, travel, seconds=seconds or SECONDS)
        by_hand = greedy.plan(problem, travel)
    table = Timetable(problem, travel)
    reasons, refusals = explain.why(table, found), explain.why_not(table, found)
    with transaction.atomic():
        held = Plan.objects.select_for_update().get(pk=plan.pk)
        Plan.objects.filter(organisation=held.organisation, day=held.day, state=Plan.State.LIVE).update(state=Plan.State.REPLACED)
        held.state, held.made_at, held.moved = Plan.State.LIVE, now, len(again.moved(problem, found))
        held.figures = {"plan": _figures(found), **({"greedy": _figures(by_hand)} if by_hand else {})}
        held.rules = {"speed_kmh": problem.rules.speed_kmh, "detour": problem.rules.detour, "moved_s": problem.rules.moved_s}
        held.save()
        places: dict[str, int] = {}
        for stop in sorted(kept, key=lambda one: (one.crew.key, one.place)):
            places[stop.crew.key] = places.get(stop.crew.key, 0) + 1
            stop.pk, stop.plan, stop.place = None, held, places[stop.crew.key]
            stop._state.adding = True
            stop.save()
        for route in found.routes:
            key = problem.crews[route.crew].key
            for visit in route.visits:
                places[key] = places.get(key, 0) + 1
                job = problem.jobs[visit.job]
                Stop.objects.create(
                    plan=held, crew=crews[key], place=places[key], case=cases[job.key], travel_s=visit.travel_s,
                    arrives_at=_at(midnight, visit.arrives), begins_at=_at(midnight, visit.begins),
                    ends_at=_at(midnight, visit.ends), late_s=visit.late_s, slack_s=visit.slack_s, pinned=bool(job.pinned),
                    why=dict(reasons[visit.job].as_json()),
                )  # fmt: skip
        for number in found.left:
            LeftJob.objects.create(plan=held, case=cases[problem.jobs[number].key], why=dict(refusals[number].as_json()))
    return held


def _rest(
    problem: Problem, former: list[Stop], kept: list[Stop], since: int, midnight: dt.datetime
) -> tuple[Problem, list[list[int]]]:
    """Return the problem of the rest of the day and the former plan's orders of what remains."""
    done = {stop.case.number for stop in kept}
    before = {stop.case.number: stop.crew.key for stop in former if stop.case.number not in done}
    jobs = tuple(replace(job, before=before.get(job.key, "")) for job in problem.jobs if job.key not in done)
    crews = []
    for crew in problem.crews:
        last = max((stop for stop in kept if stop.crew.key == crew.key), key=lambda stop: stop.place, default=None)
        start = (last.case.lon or 0.0, last.case.lat or 0.0) if last else crew.start
        ends = int((last.ends_at - midnight).total_seconds()) if last else 0
        begins = max(since, crew.begins, ends)
        # After its window a break has been taken, or has to be taken elsewhere: the plan no longer holds time for it.
        break_s = crew.break_s if begins < crew.break_until else 0
        crews.append(replace(crew, start=start, begins=min(begins, crew.ends), break_s=break_s))
    index = {job.key: number for number, job in enumerate(jobs)}
    orders = [
        [
            index[stop.case.number]
            for stop in sorted(former, key=lambda one: one.place)
            if stop.crew.key == crew.key and stop.case.number in index
        ]
        for crew in crews
    ]
    return Problem(jobs=jobs, crews=tuple(crews), rules=problem.rules), orders


def _from_now(problem: Problem, since: int) -> Problem:
    crews = tuple(replace(crew, begins=min(max(crew.begins, since), crew.ends)) for crew in problem.crews)
    return Problem(jobs=problem.jobs, crews=crews, rules=problem.rules)


def _waits_for_work(case: Case) -> bool:
    try:
        steps = type_of(case.type).steps_from(case.state)
    except NotFound:
        return False
    return any(ACTORS & set(step.by) and step.marks == "handled" for step in steps)


def _job(case: Case, day: dt.date, midnight: dt.datetime, pinned: str) -> Job:
    need = need_of(case.category, day)
    due = max(0, int((case.due_at - midnight).total_seconds()))
    priority = 4 if case.emergency else 3 if case.supervised_at else 2 if due < 86_400 else 1
    return Job(
        key=case.number, lon=case.lon or 0.0, lat=case.lat or 0.0, service_s=need.minutes * 60, due=min(due, 7 * 86_400),
        priority=priority, skills=need.skills, pinned=pinned, title=case.title,
    )  # fmt: skip


def _crew_day(shift: Shift) -> CrewDay:
    crew = shift.crew
    return CrewDay(
        key=crew.key, name=crew.name, start=(crew.start_lon, crew.start_lat), end=(crew.end_lon, crew.end_lat),
        begins=_of_day(shift.begins), ends=_of_day(shift.ends), skills=frozenset(crew.skills), break_s=shift.break_min * 60,
        break_from=_of_day(shift.break_from or shift.begins), break_until=_of_day(shift.break_until or shift.ends),
    )  # fmt: skip


def _figures(plan: Planned) -> dict[str, int]:
    return {"travel_s": plan.travel_s, "late_s": plan.late_s, "left": len(plan.left)}


def _of_day(time: dt.time) -> int:
    return time.hour * 3600 + time.minute * 60 + time.second


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=config().zone).astimezone(dt.UTC)


def _at(midnight: dt.datetime, seconds: int) -> dt.datetime:
    return midnight + dt.timedelta(seconds=seconds)
