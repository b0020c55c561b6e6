# SPDX-License-Identifier: Apache-2.0
"""What the crews' plan is worth beside the plan a dispatcher makes by hand, and how calmly it takes an emergency."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from chengyun.bench.frame import Bench, Result
from chengyun.cases.crews import again, greedy, solver
from chengyun.cases.crews.problem import Job, Planned
from chengyun.cases.crews.samples import HOUR, crew_day
from chengyun.cases.crews.travel import travel_times

SEEDS = (1, 2, 3, 4, 5)
PLAN_S, AGAIN_S = 10.0, 3.0
AT = 11 * HOUR


def crew_plan() -> list[Result]:
    """Measure travel and lateness of the plan against the greedy one: 200 jobs, 15 crews; then an emergency at eleven."""
    gains, took, again_took, moved, waits, rows = [], [], [], [], [], []
    for seed in SEEDS:
        problem = crew_day(seed=seed)
        travel = travel_times(problem)
        by_hand = greedy.plan(problem, travel)
        begun = time.perf_counter()
        plan = solver.plan(problem, travel, seconds=PLAN_S)
        took.append(time.perf_counter() - begun)
        gains.append(1 - (plan.travel_s + plan.late_s) / (by_hand.travel_s + by_hand.late_s))
        rows.append((by_hand, plan))

        place = problem.jobs[seed]
        emergency = Job(
            key="emergency", lon=place.lon + 0.004, lat=place.lat, service_s=1800, earliest=AT, due=AT + HOUR, priority=4,
            skills=frozenset({"road"}),
        )  # fmt: skip
        rest = again.rest_of(problem, plan, AT, new=[emergency])
        ways = travel_times(rest.problem)
        begun = time.perf_counter()
        after = solver.plan(rest.problem, ways, seconds=AGAIN_S, begin=rest.begin)
        again_took.append(time.perf_counter() - begun)
        moved.append(len(again.moved(rest.problem, after)))
        number = len(rest.problem.jobs) - 1
        late = [visit.late_s for route in after.routes for visit in route.visits if visit.job == number]
        waits.append(late[0] / 60 if late else float("inf"))
    return [
        Result(
            name="crew-plan", value=100 * statistics.median(gains), unit="%", target=15, better="higher",
            compared={
                "each": ", ".join(f"{gain:.0%}" for gain in gains),
                "greedy travel + lateness": _minutes([hand for hand, _ in rows]),
                "plan travel + lateness": _minutes([plan for _, plan in rows]),
                "jobs left, greedy → plan": ", ".join(f"{len(hand.left)} → {len(plan.left)}" for hand, plan in rows),
            },
            notes="Less travel plus lateness than the better of two greedy insertions; median over five made-up days, 200 jobs, "
            "15 crews with skills, shifts, breaks, appointments and deadlines; great circle × 1.35 at 25 km/h.",
        ),
        Result(name="crew-plan-time", value=max(took), unit="s", target=20, notes="The slowest plan of the five."),
        Result(
            name="crew-plan-again", value=statistics.median(moved), unit="jobs",
            compared={
                "each": ", ".join(map(str, moved)), "emergency late": ", ".join(f"{late:.0f} min" for late in waits),
                "slowest": f"{max(again_took):.1f} s",
            },
            notes="Jobs that change crews when an emergency, due within the hour, comes at eleven.",
        ),
    ]  # fmt: skip


def _minutes(plans: list[Planned]) -> str:
    return ", ".join(f"{plan.travel_s // 60} + {plan.late_s // 60} min" for plan in plans)


BENCHES: Mapping[str, Bench] = {"crew-plan": crew_plan}
