# SPDX-License-Identifier: Apache-2.0
"""The plan a good dispatcher makes by hand: the urgent first, each job where it costs least. What the solver is compared to.

One by one, each job goes to the place, of all places in all routes of crews that are able, where it adds the least travel,
lateness and change. Nothing that was placed is moved to another crew afterwards. Which job is next decides much, so
two dispatchers try, one by priority and then deadline, one by deadline alone, and the cheaper plan counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chengyun.cases.crews.problem import Planned, Problem
from chengyun.cases.crews.timetable import Timetable

__all__ = ["insert", "plan", "urgent_first"]


def plan(problem: Problem, travel: Sequence[Sequence[int]]) -> Planned:
    """Return the greedy plan."""
    table, jobs = Timetable(problem, travel), problem.jobs
    urgent = urgent_first(problem, range(len(jobs)))
    soon = sorted(range(len(jobs)), key=lambda number: (jobs[number].due, -jobs[number].priority, number))
    return min((_inserted(table, turn) for turn in (urgent, soon)), key=table.price)


def urgent_first(problem: Problem, jobs: Iterable[int]) -> list[int]:
    """Return jobs by priority, then by deadline."""
    return sorted(jobs, key=lambda number: (-problem.jobs[number].priority, problem.jobs[number].due, number))


def _inserted(table: Timetable, turn: Sequence[int]) -> Planned:
    orders: list[list[int]] = [[] for _ in table.problem.crews]
    insert(table, orders, turn)
    return table.timed(orders)


def insert(table: Timetable, orders: list[list[int]], turn: Iterable[int]) -> list[int]:
    """Insert jobs into orders in this turn, changing these; return the jobs for which there is no room."""
    costs = [table.cost(route) if (route := table.route(crew, order)) else 0 for crew, order in enumerate(orders)]
    left: list[int] = []
    for job in turn:
        best: tuple[int, int, int] | None = None
        for crew, order in enumerate(orders):
            if not table.able(crew, job):
                continue
            for place in range(len(order) + 1):
                route = table.route(crew, [*order[:place], job, *order[place:]])
                if route is None:
                    continue
                added = table.cost(route) - costs[crew]
                if best is None or added < best[0]:
                    best = (added, crew, place)
        if best is None:
            left.append(job)
            continue
        added, crew, place = best
        orders[crew].insert(place, job)
        costs[crew] += added
    return left
