# SPDX-License-Identifier: Apache-2.0
"""The same line, person by person: a day with changing arrivals and changing staff, over and over."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Day", "simulate_days"]


@dataclass(frozen=True)
class Day:
    """By day and interval of arrival: how many came, were attended in time, gave up. busy: seconds of work they made."""

    came: NDArray[np.float64]
    in_time: NDArray[np.float64]
    left: NDArray[np.float64]
    busy: NDArray[np.float64]


def simulate_days(
    counts: Sequence[float], length_s: float, staff: Sequence[int], handling_s: float, patience_s: float | None,
    within_s: float, days: int, seed: int,
) -> Day:  # fmt: skip
    """Return what happens on days drawn at random; the same seed gives the same people, whatever the staff.

    Whoever is being attended when the staff shrink is attended to the end. The last interval's staff stay until nobody waits.
    """
    shape = (days, len(counts))
    came, in_time, left, busy = (np.zeros(shape) for _ in range(4))
    for day in range(days):
        draw = np.random.default_rng((seed, day))
        numbers = draw.poisson(counts)
        begins = np.repeat(np.arange(len(counts)), numbers)
        arrivals = (begins + draw.random(len(begins))) * length_s
        order = np.argsort(arrivals, kind="stable")
        arrivals, begins = arrivals[order], begins[order]
        works = draw.exponential(handling_s, len(arrivals))
        patience = np.full(len(arrivals), np.inf) if patience_s is None else draw.exponential(patience_s, len(arrivals))
        waits = _waits(arrivals.tolist(), works.tolist(), patience.tolist(), [float(one) for one in staff], length_s)
        gone = np.isinf(waits)
        np.add.at(came[day], begins, 1)
        np.add.at(in_time[day], begins, ~gone & (waits <= within_s))
        np.add.at(left[day], begins, gone)
        np.add.at(busy[day], begins, np.where(gone, 0.0, works))
    return Day(came, in_time, left, busy)


def _waits(
    arrivals: list[float], works: list[float], patience: list[float], staff: list[float], length_s: float
) -> NDArray[np.float64]:
    """Return how long each waited, infinity for who gave up. Events: somebody comes, somebody is done, the staff change."""
    waits = np.full(len(arrivals), np.inf)
    ends: list[float] = []
    line: deque[int] = deque()
    changes = [index * length_s for index in range(1, len(staff))]
    now_staff, change, nxt = staff[0], 0, 0

    def attend(now: float) -> None:
        while line and len(ends) < now_staff:
            person = line.popleft()
            if arrivals[person] + patience[person] < now:
                continue
            waits[person] = now - arrivals[person]
            heapq.heappush(ends, now + works[person])

    while nxt < len(arrivals) or line:
        comes = arrivals[nxt] if nxt < len(arrivals) else np.inf
        done = ends[0] if ends else np.inf
        turn = changes[change] if change < len(changes) else np.inf
        now = min(comes, done, turn)
        if now == np.inf:
            break
        if now == done:
            heapq.heappop(ends)
        elif now == turn:
            change += 1
            now_staff = staff[change]
        else:
            line.append(nxt)
            nxt += 1
        attend(now)
    return waits
