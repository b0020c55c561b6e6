# SPDX-License-Identifier: Apache-2.0
"""A crew day as values: what is to be done, by whom, and what a plan of it is. Pure.

Every time is in whole seconds from the local midnight of the plan's day; every cost is in seconds of travel.

    Job ──┐                      ┌── Route of a crew ──< Visit      when, how late, how much slack
    Crew ─┼── Problem ── plan ───┤
    Rules ┘                      └── left                           jobs nobody takes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Crew", "Job", "Planned", "Problem", "Route", "Rules", "Visit"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work at one place.

    earliest: work does not begin before. due: work should have ended by then; later is late, not impossible.
    priority: 1 (ordinary) to 4 (emergency). skills: all of them are needed. pinned: key of the crew that must take it, ""
    for any. before: key of the crew that had it in the plan before, "" for none.
    """

    key: str
    lon: float
    lat: float
    service_s: int
    due: int
    earliest: int = 0
    priority: int = 1
    skills: frozenset[str] = frozenset()
    pinned: str = ""
    before: str = ""
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """A crew on its shift. start and end are places (lon, lat); they may differ.

    break_s: length of the break; 0 for none. It begins between break_from and break_until, wherever the crew is then.
    """

    key: str
    start: tuple[float, float]
    end: tuple[float, float]
    begins: int
    ends: int
    skills: frozenset[str] = frozenset()
    break_s: int = 0
    break_from: int = 0
    break_until: int = 0
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How travel is estimated and what lateness costs.

    speed_kmh, detour: a way is the great circle times `detour`, at `speed_kmh`. late: seconds of travel that a second of
    lateness is worth, by priority. moved_s: what it costs to give a job to another crew than before.
    left_s: what it costs to leave a job to nobody, by priority; above any lateness a day can hold.
    """

    speed_kmh: float = 25.0
    detour: float = 1.35
    late: Mapping[int, int] = field(default_factory=lambda: {1: 1, 2: 1, 3: 2, 4: 4})
    moved_s: int = 1200
    left_s: Mapping[int, int] = field(default_factory=lambda: {1: 40_000, 2: 60_000, 3: 120_000, 4: 400_000})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is planned: jobs, crews in a fixed order, and the rules."""

    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class Visit:
    """A job on a route. job: its index. travel_s: the way there. slack_s: how much later the crew could have begun it
    before anything of its route became late, or later than it is."""

    job: int
    travel_s: int
    arrives: int
    begins: int
    ends: int
    late_s: int
    slack_s: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """What a crew does. home_s: the way to its end. back: when it is there. break_at: None when it has none."""

    crew: int
    visits: tuple[Visit, ...]
    home_s: int
    back: int
    break_at: int | None

    @property
    def travel_s(self) -> int:
        return self.home_s + sum(visit.travel_s for visit in self.visits)

    @property
    def late_s(self) -> int:
        return sum(visit.late_s for visit in self.visits)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan: a route for each crew in the problem's order; left: indices of jobs nobody takes."""

    routes: tuple[Route, ...]
    left: tuple[int, ...]

    @property
    def travel_s(self) -> int:
        return sum(route.travel_s for route in self.routes)

    @property
    def late_s(self) -> int:
        return sum(route.late_s for route in self.routes)

    def crew_of(self) -> dict[int, int]:
        """Return job → crew, by index."""
        return {visit.job: route.crew for route in self.routes for visit in route.visits}
