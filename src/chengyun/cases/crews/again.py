# SPDX-License-Identifier: Apache-2.0
"""The rest of a day, planned again when something has happened, with as little disturbance as possible. Pure.

What has begun stays as it is. Each crew goes on from where it is; a job given to another crew than before costs
`rules.moved_s`, so that only what helps enough is moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from chengyun.cases.crews.problem import Crew, Job, Planned, Problem, Route

__all__ = ["Rest", "moved", "rest_of"]


@dataclass(frozen=True, slots=True)
class Rest:
    """What is still to be planned. kept: for each crew the keys of the jobs it has done or begun. begin: the former plan's
    orders of what remains, as indices of the problem's jobs."""

    problem: Problem
    kept: tuple[tuple[str, ...], ...]
    begin: list[list[int]]


def rest_of(problem: Problem, plan: Planned, now: int, *, new: Iterable[Job] = (), gone: Collection[str] = ()) -> Rest:
    """Return the rest of a plan at `now`. new: jobs that came since. gone: keys of jobs that need nobody any more."""
    crews, kept = [], []
    remaining: list[tuple[int, list[str]]] = []
    before: dict[str, str] = {}
    for route in plan.routes:
        crew = problem.crews[route.crew]
        begun = [
            visit for visit in route.visits if visit.arrives - visit.travel_s < now and problem.jobs[visit.job].key not in gone
        ]
        ahead = [problem.jobs[visit.job].key for visit in route.visits if visit not in begun]
        kept.append(tuple(problem.jobs[visit.job].key for visit in begun))
        before |= dict.fromkeys(ahead, crew.key)
        remaining.append((route.crew, ahead))
        last = problem.jobs[begun[-1].job] if begun else None
        rested = route.break_at is not None and route.break_at < now
        crews.append(
            replace(
                crew, start=(last.lon, last.lat) if last else crew.start,
                begins=max(now, begun[-1].ends if begun else crew.begins, _rest_ends(crew, route) if rested else 0),
                break_s=0 if rested else crew.break_s,
            )
        )  # fmt: skip
    done = {key for keys in kept for key in keys}
    old = [replace(job, before=before.get(job.key, "")) for job in problem.jobs if job.key not in done and job.key not in gone]
    jobs = (*old, *new)
    index = {job.key: number for number, job in enumerate(jobs)}
    begin = [[index[key] for key in keys if key in index] for _crew, keys in remaining]
    return Rest(Problem(jobs=jobs, crews=tuple(crews), rules=problem.rules), tuple(kept), begin)


def moved(problem: Problem, plan: Planned) -> list[str]:
    """Return the keys of jobs that another crew has than before, or nobody."""
    crew_of = plan.crew_of()
    found = []
    for number, job in enumerate(problem.jobs):
        crew = problem.crews[crew_of[number]].key if number in crew_of else ""
        if job.before and job.before != crew:
            found.append(job.key)
    return found


def _rest_ends(crew: Crew, route: Route) -> int:
    return (route.break_at or 0) + crew.break_s
