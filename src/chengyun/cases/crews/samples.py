# SPDX-License-Identifier: Apache-2.0
"""Made-up crew days with the habits of real ones, for measuring and tests. The same seed gives the same day."""

from __future__ import annotations

import random

from chengyun.cases.crews.problem import Crew, Job, Problem, Rules

__all__ = ["crew_day"]

CENTRE = (121.55, 29.87)
"""Ningbo's middle; the day spreads over about 18 × 16 km."""
HOUR = 3600
SKILLS = (("road", 0.30), ("drainage", 0.22), ("light", 0.18), ("green", 0.14), ("", 0.16))
"""What a job needs, and how often. "": any crew."""
URGENCY = ((4, 0.03, 1.5), (3, 0.12, 3.0), (2, 0.30, 5.5), (1, 0.55, 10.0))
"""Priority, share, and hours from its first possible moment until it is due."""


def crew_day(jobs: int = 200, crews: int = 15, seed: int = 1) -> Problem:
    """Return a day: jobs in clumps where people live, due by their limits; crews from four depots on two shifts."""
    rng = random.Random(seed)  # noqa: S311  # a made-up day, not a secret
    clumps = [_near(rng, CENTRE, 0.06) for _ in range(9)]
    depots = [_near(rng, CENTRE, 0.05) for _ in range(4)]
    able = [name for name, _share in SKILLS if name]
    made_crews = []
    for number in range(crews):
        early = number % 3 != 2
        skills = {able[number % len(able)], rng.choice(able)}
        depot = depots[number % len(depots)]
        made_crews.append(
            Crew(
                key=f"crew-{number + 1:02}", name=f"{number + 1} 班", start=depot,
                end=depot if rng.random() < 0.8 else _near(rng, CENTRE, 0.06),
                begins=(8 if early else 10) * HOUR, ends=(17 if early else 19) * HOUR, skills=frozenset(skills),
                break_s=HOUR * 3 // 4, break_from=int(11.5 * HOUR), break_until=int(13.5 * HOUR),
            )
        )  # fmt: skip
    return Problem(jobs=tuple(_job(rng, number, clumps) for number in range(jobs)), crews=tuple(made_crews), rules=Rules())


def _job(rng: random.Random, number: int, clumps: list[tuple[float, float]]) -> Job:
    lon, lat = _near(rng, rng.choice(clumps), 0.022)
    skill = rng.choices([name for name, _ in SKILLS], [share for _, share in SKILLS])[0]
    priority, _share, hours = rng.choices(URGENCY, [share for _, share, _ in URGENCY])[0]
    # Most of the day's work is known in the morning; the rest has an appointment later.
    earliest = 8 * HOUR if rng.random() < 0.75 else rng.randrange(9 * HOUR, 15 * HOUR, 900)
    return Job(
        key=f"job-{number + 1:03}", lon=lon, lat=lat, skills=frozenset({skill} - {""}), priority=priority,
        service_s=rng.choice((5, 8, 10, 10, 12, 15, 15, 20, 25)) * 60, earliest=earliest,
        due=min(earliest + int(hours * rng.uniform(0.8, 1.2) * HOUR), 19 * HOUR),
    )  # fmt: skip


def _near(rng: random.Random, place: tuple[float, float], spread: float) -> tuple[float, float]:
    return rng.gauss(place[0], spread), rng.gauss(place[1], spread * 0.8)
