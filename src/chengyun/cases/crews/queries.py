# SPDX-License-Identifier: Apache-2.0
"""What is asked of crews' plans: a day's plan with every reason, and a crew's own list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import may, scope
from chengyun.cases.crews.models import Crew, Plan, Shift, Stop

__all__ = ["CrewRoute", "LeftView", "PlanView", "StopView", "bodies_of", "may_plan", "my_stops", "plan_of"]


@dataclass(frozen=True, slots=True)
class StopView:
    """One job of a crew. slack_min: how much later it may begin. why: one sentence."""

    place: int
    number: str
    title: str
    address: str
    lon: float
    lat: float
    arrives_at: dt.datetime
    begins_at: dt.datetime
    ends_at: dt.datetime
    travel_min: int
    late_min: int
    slack_min: int
    pinned: bool
    why: str


@dataclass(frozen=True, slots=True)
class CrewRoute:
    """A crew's day. start, end: places (lon, lat). begins, ends: local times of its shift."""

    key: str
    name: str
    skills: tuple[str, ...]
    start: tuple[float, float]
    end: tuple[float, float]
    begins: dt.time
    ends: dt.time
    stops: tuple[StopView, ...]

    @property
    def travel_min(self) -> int:
        return sum(stop.travel_min for stop in self.stops)

    @property
    def late_min(self) -> int:
        return sum(stop.late_min for stop in self.stops)


@dataclass(frozen=True, slots=True)
class LeftView:
    """A job nobody takes, and why."""

    number: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """The plan in force. better: how much less travel and lateness than the greedy plan, 0 to 1; None for a re-planned rest."""

    id: int
    made_at: dt.datetime | None
    by: str
    reason: str
    moved: int
    replaces: bool
    routes: tuple[CrewRoute, ...]
    left: tuple[LeftView, ...]
    travel_min: int
    late_min: int
    better: float | None
    speed_kmh: float
    detour: float


def bodies_of(actor: Actor) -> list[Organisation]:
    """Return the organisations with crews whose plans the actor may read."""
    rows = Organisation.objects.filter(scope(actor, "crew_plans").q(), crews__active=True)
    return list(rows.distinct().order_by("name"))


def plan_of(body: Organisation, day: dt.date) -> tuple[PlanView | None, Plan | None]:
    """Return the plan in force for a body's day, and the newest that is being worked out or has failed since."""
    rows = Plan.objects.filter(organisation=body, day=day)
    live = rows.filter(state=Plan.State.LIVE).first()
    newest = rows.order_by("-asked_at", "-id").first()
    waiting = newest if newest is not None and newest.state in (Plan.State.ASKED, Plan.State.FAILED) else None
    return (_view(live) if live else None), waiting


def my_stops(actor: Actor, day: dt.date) -> list[CrewRoute]:
    """Return the days of the crews an account belongs to."""
    crews = Crew.objects.filter(members=actor.account_id or 0, active=True)
    found = []
    for plan in Plan.objects.filter(day=day, state=Plan.State.LIVE, organisation__crews__in=crews).distinct():
        found += [route for route in _routes(plan) if route.key in {crew.key for crew in crews}]
    return found


def may_plan(actor: Actor, body: Organisation) -> bool:
    return may(actor, "crew.plan", body.area_code)


def _view(plan: Plan) -> PlanView:
    mine, hand = plan.figures.get("plan", {}), plan.figures.get("greedy")
    total = mine.get("travel_s", 0) + mine.get("late_s", 0)
    other = hand["travel_s"] + hand["late_s"] if hand else 0
    routes = _routes(plan)
    left = [LeftView(one.case.number, one.case.title, _why_not(one.why)) for one in plan.left.select_related("case")]
    return PlanView(
        plan.pk, plan.made_at, plan.asked_by, plan.reason, plan.moved, plan.replaces_id is not None, tuple(routes),
        tuple(left), sum(route.travel_min for route in routes), sum(route.late_min for route in routes),
        1 - total / other if other else None, plan.rules.get("speed_kmh", 0), plan.rules.get("detour", 0),
    )  # fmt: skip


def _routes(plan: Plan) -> list[CrewRoute]:
    stops = Stop.objects.filter(plan=plan).select_related("case").order_by("place")
    shifts = Shift.objects.filter(day=plan.day, crew__organisation=plan.organisation).select_related("crew")
    shifts = shifts.prefetch_related(Prefetch("crew__stops", stops, to_attr="of_plan")).order_by("crew__key")
    names = {shift.crew.key: shift.crew.name for shift in shifts}
    return [
        CrewRoute(
            shift.crew.key, shift.crew.name, tuple(shift.crew.skills), (shift.crew.start_lon, shift.crew.start_lat),
            (shift.crew.end_lon, shift.crew.end_lat), shift.begins, shift.ends,
            tuple(_stop(stop, names) for stop in shift.crew.of_plan),  # type: ignore[attr-defined]
        )
        for shift in shifts
    ]  # fmt: skip


def _stop(stop: Stop, names: Mapping[str, str]) -> StopView:
    case = stop.case
    return StopView(
        stop.place, case.number, case.title, case.address, case.lon or 0.0, case.lat or 0.0, stop.arrives_at, stop.begins_at,
        stop.ends_at, round(stop.travel_s / 60), -(-stop.late_s // 60), stop.slack_s // 60, stop.pinned, _why(stop.why, names),
    )  # fmt: skip


def _why(why: Mapping[str, Any], names: Mapping[str, str]) -> str:
    able, minutes = why.get("able", 0), round(abs(why.get("costs_s", 0)) / 60)
    other = names.get(why.get("other", ""), why.get("other", ""))
    match why.get("kind"):
        case "pinned":
            return _("人工指定由该班组办理。")
        case "only":
            return _("只有该班组能办。") if able <= 1 else _("能办的 %d 个班组中，只有该班组还排得下。") % able
        case "cheapest":
            return _("能办的 %(able)d 个班组中由它最省：改由%(other)s会多花 %(minutes)d 分钟。") % {
                "able": able, "other": other, "minutes": minutes,
            }  # fmt: skip
        case "whole":
            return _("单看这一件由%(other)s可省 %(minutes)d 分钟，但全天合计由该班组更省。") % {
                "other": other,
                "minutes": minutes,
            }
    return ""


def _why_not(why: Mapping[str, Any]) -> str:
    match why.get("kind"):
        case "skill":
            return _("没有班组具备所需技能：%s。") % "、".join(map(str, why.get("skills", [])))
        case "shift":
            return _("具备技能的班组当天没有足够的上班时间。")
        case "room" if why.get("costs_s") is not None:
            more: int = round(why["costs_s"] / 60)
            return _("排得下，但会使其他案件共多花 %d 分钟。") % more
        case "room":
            return _("具备技能的班组都已排满。")
    return ""
