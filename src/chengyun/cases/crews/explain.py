# SPDX-License-Identifier: Apache-2.0
"""Why a job is where it is: what the plan would cost with the job elsewhere. Pure; pages put it into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from chengyun.cases.crews.problem import Planned
from chengyun.cases.crews.timetable import Timetable

__all__ = ["Why", "WhyNot", "why", "why_not"]


@dataclass(frozen=True, slots=True)
class Why:
    """kind: pinned by a person; the only crew able; cheapest of those able; or dearer alone, but better for the whole day.

    able: how many crews could have taken it. other: key of the crew that would be next best, "" without one; costs_s: how much
    dearer (below zero: cheaper) the day would be with the job there and everything else as it is.
    """

    kind: Literal["pinned", "only", "cheapest", "whole"]
    able: int
    other: str = ""
    costs_s: int = 0

    def as_json(self) -> Mapping[str, object]:
        return {"kind": self.kind, "able": self.able, "other": self.other, "costs_s": self.costs_s}


@dataclass(frozen=True, slots=True)
class WhyNot:
    """kind: no crew has the skills; those that have them are not out while it can be done; or none has room left.

    costs_s: what the day would cost more with the job where it disturbs least; None: it fits nowhere.
    """

    kind: Literal["skill", "shift", "room"]
    skills: tuple[str, ...] = ()
    costs_s: int | None = None

    def as_json(self) -> Mapping[str, object]:
        return {"kind": self.kind, "skills": list(self.skills), "costs_s": self.costs_s}


def why(table: Timetable, plan: Planned) -> dict[int, Why]:
    """Return the reason of every planned job."""
    problem = table.problem
    orders = [[visit.job for visit in route.visits] for route in plan.routes]
    costs = [table.cost(route) for route in plan.routes]
    found: dict[int, Why] = {}
    for crew, order in enumerate(orders):
        for place, job in enumerate(order):
            able = [other for other in range(len(orders)) if table.able(other, job)]
            if problem.jobs[job].pinned:
                found[job] = Why("pinned", len(able))
                continue
            if len(able) == 1:
                found[job] = Why("only", 1)
                continue
            without = table.route(crew, order[:place] + order[place + 1 :])
            saved = costs[crew] - (table.cost(without) if without else 0)
            dearer_by = {other: added(table, orders[other], costs[other], other, job) for other in able if other != crew}
            others = [(dearer, other) for other, dearer in dearer_by.items() if dearer is not None]
            if not others:
                found[job] = Why("only", len(able))
                continue
            dearer, other = min(others)
            kind: Literal["cheapest", "whole"] = "cheapest" if dearer >= saved else "whole"
            found[job] = Why(kind, len(able), problem.crews[other].key, dearer - saved)
    return found


def why_not(table: Timetable, plan: Planned) -> dict[int, WhyNot]:
    """Return the reason of every job that is left."""
    problem = table.problem
    found: dict[int, WhyNot] = {}
    for number in plan.left:
        job = problem.jobs[number]
        able = [crew for crew in range(len(problem.crews)) if table.able(crew, number)]
        if not able:
            found[number] = WhyNot("skill", tuple(sorted(job.skills)))
        elif all(table.route(crew, [number]) is None for crew in able):
            found[number] = WhyNot("shift", tuple(sorted(job.skills)))
        else:
            orders = {crew: [visit.job for visit in plan.routes[crew].visits] for crew in able}
            costs = [added(table, orders[crew], table.cost(plan.routes[crew]), crew, number) for crew in able]
            found[number] = WhyNot("room", tuple(sorted(job.skills)), min((it for it in costs if it is not None), default=None))
    return found


def added(table: Timetable, order: list[int], cost: int, crew: int, job: int) -> int | None:
    """Return what a crew's route costs more with a job at its best place; None when it fits nowhere."""
    timed = (table.route(crew, [*order[:place], job, *order[place:]]) for place in range(len(order) + 1))
    return min((table.cost(route) - cost for route in timed if route is not None), default=None)
