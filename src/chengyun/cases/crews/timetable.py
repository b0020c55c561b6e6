# SPDX-License-Identifier: Apache-2.0
"""From an order of jobs to times: the one way both planners' routes are timed and priced. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chengyun.cases.crews.problem import Crew, Planned, Problem, Route, Visit

__all__ = ["Timetable"]


class Timetable:
    """The timing of a problem's routes. A break is taken before the first leg that would otherwise end after its window."""

    def __init__(self, problem: Problem, travel: Sequence[Sequence[int]]) -> None:
        self.problem = problem
        self.travel = travel
        count = len(problem.jobs)
        self._starts = [count + number for number in range(len(problem.crews))]
        self._ends = [count + len(problem.crews) + number for number in range(len(problem.crews))]
        rules = problem.rules
        self._late = [rules.late[job.priority] for job in problem.jobs]
        self._able = [[self._can(crew, number) for number in range(count)] for crew in range(len(problem.crews))]

    def able(self, crew: int, job: int) -> bool:
        """Say whether a crew has the skills for a job and the job is not pinned to another."""
        return self._able[crew][job]

    def route(self, crew: int, order: Sequence[int]) -> Route | None:
        """Return the timed route; None when it does not fit into the crew's shift."""
        who, jobs, travel = self.problem.crews[crew], self.problem.jobs, self.travel
        at, now, rested = self._starts[crew], who.begins, None if who.break_s else -1
        visits: list[Visit] = []
        for number in order:
            job, leg = jobs[number], travel[at][number]
            if rested is None and max(now + leg, job.earliest) + job.service_s > who.break_until:
                rested = max(now, who.break_from)
                now = rested + who.break_s
            arrives = now + leg
            begins = max(arrives, job.earliest)
            now = begins + job.service_s
            visits.append(Visit(number, leg, arrives, begins, now, max(0, now - job.due)))
            at = number
        home = travel[at][self._ends[crew]]
        if rested is None and visits and now + home > who.break_from:
            rested = max(now, who.break_from)
            now = rested + who.break_s
        back = now + home
        if back > who.ends:
            return None
        if not visits:
            return Route(crew, (), 0, who.begins, None)
        return Route(crew, tuple(visits), home, back, rested if rested not in (None, -1) else None)

    def cost(self, route: Route) -> int:
        """Return travel, weighted lateness and the price of jobs that changed crews."""
        rules, jobs = self.problem.rules, self.problem.jobs
        key = self.problem.crews[route.crew].key
        late = sum(visit.late_s * self._late[visit.job] for visit in route.visits if visit.late_s)
        moved = sum(rules.moved_s for visit in route.visits if jobs[visit.job].before not in ("", key))
        return route.travel_s + late + moved

    def price(self, plan: Planned) -> int:
        """Return the cost of a whole plan."""
        left = sum(self.problem.rules.left_s[self.problem.jobs[number].priority] for number in plan.left)
        return left + sum(self.cost(route) for route in plan.routes)

    def timed(self, orders: Sequence[Sequence[int]]) -> Planned:
        """Return the plan of these orders, each visit with its slack. What does not fit any more at a route's end is left."""
        routes: list[Route] = []
        placed: set[int] = set()
        for crew, given in enumerate(orders):
            order = list(given)
            while (route := self.route(crew, order)) is None:
                order.pop(_least(order, self.problem))
            routes.append(self._with_slack(route))
            placed.update(order)
        return Planned(tuple(routes), tuple(n for n in range(len(self.problem.jobs)) if n not in placed))

    def _with_slack(self, route: Route) -> Route:
        crew = self.problem.crews[route.crew]
        rest = route.break_at
        # Slack never moves the break: a crew that is back before its break could begin stays so.
        room = crew.ends - route.back if rest is not None or not crew.break_s else min(crew.ends, crew.break_from) - route.back
        visits: list[Visit] = []
        for visit in reversed(route.visits):
            job = self.problem.jobs[visit.job]
            before_break = route.break_at is not None and visit.ends <= route.break_at
            if rest is not None and before_break:
                room += rest - visit.ends  # a pause until the break may begin takes up delay
                rest = None
            own = max(0, job.due - visit.ends) if not visit.late_s else 0
            if before_break:
                own = min(own, crew.break_until - visit.ends)
            room = max(0, min(room, own))
            visits.append(Visit(visit.job, visit.travel_s, visit.arrives, visit.begins, visit.ends, visit.late_s, room))
            room += visit.begins - visit.arrives
        return Route(route.crew, tuple(reversed(visits)), route.home_s, route.back, route.break_at)

    def _can(self, crew: int, number: int) -> bool:
        who: Crew = self.problem.crews[crew]
        job = self.problem.jobs[number]
        return job.skills <= who.skills and job.pinned in ("", who.key)


def _least(order: list[int], problem: Problem) -> int:
    """Return the place of the job that is given up first: the least urgent, of these the last."""
    return max(range(len(order)), key=lambda place: (-problem.jobs[order[place]].priority, place))
