# SPDX-License-Identifier: Apache-2.0
"""The plan of the optimiser: PyVRP's iterated local search over the same problem that `greedy` sees.

What PyVRP has no word for is said in its words:

    skills, pinned jobs       each crew has a profile in which the ways to jobs it may not take are very long
    a job that changes crews  in the other crews' profiles the way to it is longer by `rules.moved_s`
    lateness                  rounds: first every job in time or not at all; what was left is put where it is least late, and
                              the next round must be as good for it and better for the others
    breaks                    the time of the usual break is taken out of the day, for windows and shifts alike

The orders of every round are timed and priced by `timetable`, which knows each crew's own break and lateness to the second.
The cheapest plan counts, the greedy one among them: a plan is never worse than a dispatcher's.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.cases.crews import greedy
from chengyun.cases.crews.problem import Crew, Job, Planned, Problem
from chengyun.cases.crews.timetable import Timetable
from chengyun.errors import Refused

__all__ = ["plan"]

FORBIDDEN_S = 10_000_000
"""A way nobody goes: longer than every price in a plan together."""
ROUNDS = ((0.5, 0.0), (0.2, 0.5), (0.15, 0.8), (0.15, 1.0))
"""Share of the time, and how much of the lateness of the best plan so far its windows allow."""
LATE_ELSEWHERE_S = 7200
"""How late a job that a round leaves is expected to become when it is put in afterwards."""


@dataclass(frozen=True, slots=True)
class _Break:
    """The stretch taken out of every day: [at, at + length)."""

    at: int
    length: int

    def shrink(self, time: int) -> int:
        return time if time <= self.at else max(self.at, time - self.length)


def plan(
    problem: Problem,
    travel: Sequence[Sequence[int]],
    *,
    seconds: float = 10.0,
    seed: int = 1,
    begin: list[list[int]] | None = None,
) -> Planned:
    """Return the best plan found within about `seconds`. Raises Refused when the solver is not installed.

    begin: orders to begin with, where jobs and crews have a plan already; the jobs that are in none are put in.
    """
    table = Timetable(problem, travel)
    if begin is None:
        best = greedy.plan(problem, travel)
    else:  # a job may have been pinned to another crew since, or a crew may have lost a skill
        best = _complete(table, [[job for job in order if table.able(crew, job)] for crew, order in enumerate(begin)])
    if not problem.jobs or not problem.crews:
        return best
    for share, allowed in ROUNDS:
        late = {visit.job: int(visit.late_s * allowed) for route in best.routes for visit in route.visits}
        found = _complete(table, _orders(problem, travel, _sequence(best), late, seconds * share, seed))
        best = min((found, best), key=table.price)
    return best


def _sequence(plan: Planned) -> list[list[int]]:
    return [[visit.job for visit in route.visits] for route in plan.routes]


def _complete(table: Timetable, orders: list[list[int]]) -> Planned:
    """Time the orders, and give what was left one more chance: the real break may leave room the model did not see."""
    first = table.timed(orders)
    orders = _sequence(first)
    if first.left:
        greedy.insert(table, orders, greedy.urgent_first(table.problem, first.left))
    return table.timed(orders)


def _orders(
    problem: Problem, travel: Sequence[Sequence[int]], begin: list[list[int]], late: dict[int, int], seconds: float, seed: int
) -> list[list[int]]:
    vrp = _library()
    pause = _usual_break(problem.crews)
    count, crews = len(problem.jobs), len(problem.crews)
    clients = [_client(vrp, problem, number, pause, late.get(number, 0)) for number in range(count)]
    starts = [vrp.Depot(count + crew) for crew in range(crews)]
    ends = [vrp.Depot(count + crews + crew) for crew in range(crews)]
    vehicles = [
        vrp.VehicleType(
            num_available=1, start_depot=number, end_depot=crews + number, profile=number,
            tw_early=pause.shrink(crew.begins), tw_late=pause.shrink(crew.ends), name=crew.key,
        )
        for number, crew in enumerate(problem.crews)
    ]  # fmt: skip
    durations, profiles = _profiles(problem, travel)
    data = vrp.ProblemData(
        locations=[vrp.Location(job.lon, job.lat) for job in problem.jobs]
        + [vrp.Location(*crew.start) for crew in problem.crews]
        + [vrp.Location(*crew.end) for crew in problem.crews],
        clients=clients, depots=starts + ends, vehicle_types=vehicles,
        distance_matrices=profiles, duration_matrices=[durations] * crews,
    )  # fmt: skip
    stop = vrp.stop.MaxRuntime(seconds)
    found = vrp.solve(data, stop, seed=seed, collect_stats=False, display=False, initial_solution=_warm(vrp, data, begin))
    orders: list[list[int]] = [[] for _ in problem.crews]
    for route in found.best.routes():
        crew = route.vehicle_type()
        orders[crew] = [step.idx for step in route if step.is_client() and _may(problem, crew, step.idx)]
    return orders


def _client(vrp: Any, problem: Problem, number: int, pause: _Break, late_s: int) -> Any:
    """Return a job as PyVRP knows it: begun by when it would be `late_s` late; its prize is what leaving it would come to."""
    job, rules = problem.jobs[number], problem.rules
    day_end = max(crew.ends for crew in problem.crews)
    early = pause.shrink(job.earliest)
    last = max(early, pause.shrink(min(job.due + late_s, day_end)) - job.service_s)
    left = rules.left_s[job.priority]
    prize = left if job.due >= day_end else min(left, rules.late[job.priority] * LATE_ELSEWHERE_S + LATE_ELSEWHERE_S // 2)
    return vrp.Client(number, service_duration=job.service_s, tw_early=early, tw_late=last, prize=prize, required=False)


def _profiles(problem: Problem, travel: Sequence[Sequence[int]]) -> tuple[Any, list[Any]]:
    """Return the times between places, and for each crew what going there costs."""
    import numpy as np  # only the process that plans needs it

    durations = np.asarray(travel, dtype=np.int64)
    profiles = []
    for number, crew in enumerate(problem.crews):
        matrix = durations.copy()
        for job, one in enumerate(problem.jobs):
            if not _may(problem, number, job):
                matrix[:, job] = FORBIDDEN_S
            elif one.before not in ("", crew.key):
                matrix[:, job] += problem.rules.moved_s
        np.fill_diagonal(matrix, 0)
        profiles.append(matrix)
    return durations, profiles


def _warm(vrp: Any, data: Any, begin: list[list[int]]) -> Any:
    """Return the plan to begin with."""
    return vrp.Solution(data, [vrp.Route(data, order, crew) for crew, order in enumerate(begin) if order])


def _usual_break(crews: Sequence[Crew]) -> _Break:
    """Return the middle of the crews' breaks; nothing when hardly anybody has one."""
    resting = [crew for crew in crews if crew.break_s]
    if len(resting) * 2 < len(crews):
        return _Break(0, 0)
    middle = statistics.median((crew.break_from + crew.break_until) / 2 for crew in resting)
    return _Break(int(middle), int(statistics.median(crew.break_s for crew in resting)))


def _may(problem: Problem, crew: int, job: int) -> bool:
    one: Job = problem.jobs[job]
    return one.skills <= problem.crews[crew].skills and one.pinned in ("", problem.crews[crew].key)


def _library() -> Any:
    try:
        import pyvrp  # heavy, and only whoever plans needs it
        import pyvrp.stop
    except ModuleNotFoundError as missing:
        raise Refused(
            "The crews' plan needs the solver PyVRP, which is not installed. Install `chengyun[plan]`.", code="extra_missing"
        ) from missing
    return pyvrp
