# SPDX-License-Identifier: Apache-2.0
"""Waiting lines in closed form: Erlang C, where everybody waits, and Erlang A, where the impatient leave.

Poisson arrivals at `rate`, exponential handling at `service` and patience at `leaving`, all per second; `staff` serve one line.
Standard: Erlang 1917; Palm 1957 in the form of Zeltyn and Mandelbaum 2005, section 4 (the building blocks J and ε).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad

__all__ = ["Line", "erlang_b", "least_staff", "line"]


@dataclass(frozen=True)
class Line:
    """served: share of all who come, attended within the time. left: share who give up. waits: share who do not find one free."""

    served: float
    left: float
    waits: float


def erlang_b(load: float, staff: int) -> float:
    """Return the chance that all are busy if nobody may wait, by the recursion that never overflows."""
    blocked = 1.0
    for count in range(1, staff + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def line(rate: float, service: float, leaving: float, staff: int, within: float) -> Line:
    """Return what becomes of a line. leaving: 0: everybody waits; then a line with too few staff grows for good: served 0."""
    if rate == 0:
        return Line(1.0, 0.0, 0.0)
    load = rate / service
    blocked = erlang_b(load, staff)
    if leaving == 0:
        if load >= staff:
            return Line(0.0, 0.0, 1.0)
        waits = blocked / (1 - load / staff * (1 - blocked))
        return Line(1 - waits * math.exp(-(staff * service - rate) * within), 0.0, waits)
    # ε = Σ_{j<s} a^j/j! over a^{s-1}/(s-1)!, the inverse of Erlang B with one fewer.
    epsilon = 1 / erlang_b(load, staff - 1)

    def density(wait: float, stay: float) -> float:
        """Of the offered wait, times who is still there, up to the common factor."""
        return math.exp(rate * -math.expm1(-leaving * wait) / leaving - staff * service * wait - stay * wait)

    # Where the integrand has fallen to nothing: beyond the peak the exponent falls by staff·service per second in the end.
    peak = max(0.0, math.log(rate / (staff * service)) / leaving) if rate > staff * service else 0.0
    end = peak + 60 / (staff * service) + 12 / leaving
    whole = _integral(density, 0.0, end, peak, 0.0)
    at_once = epsilon / (epsilon + rate * whole)
    in_time = _integral(density, 0.0, within, peak, leaving) if within > 0 else 0.0
    share = rate / (epsilon + rate * whole)
    left = (1 + (rate - staff * service) * whole) / (epsilon + rate * whole)
    return Line(min(1.0, at_once + share * in_time), min(1.0, max(0.0, left)), 1 - at_once)


def least_staff(rate: float, service: float, leaving: float, within: float, target: float, most: int) -> int | None:
    """Return the fewest who attend the target share in time; None when even `most` do not. More staff never serve fewer."""
    low, high = 1, most
    if line(rate, service, leaving, most, within).served < target:
        return None
    while low < high:
        middle = (low + high) // 2
        if line(rate, service, leaving, middle, within).served >= target:
            high = middle
        else:
            low = middle + 1
    return low


def _integral(density: object, low: float, high: float, peak: float, stay: float) -> float:
    points = [one for one in (peak,) if low < one < high]
    edges = [low, *points, high]
    total = 0.0
    for begin, end in itertools.pairwise(edges):
        value, _ = quad(density, begin, end, args=(stay,), epsabs=0, epsrel=1e-9, limit=200)
        total += value
    return float(np.float64(total))
