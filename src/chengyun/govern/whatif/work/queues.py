# SPDX-License-Identifier: Apache-2.0
"""Waiting lines in closed form: Erlang C, where everybody waits, and Erlang A, where the impatient leave.

Poisson arrivals at `rate`, exponential handling at `service` and patience at `leaving`, all per second; `staff` serve one line.
Standard: Erlang 1917; Palm 1957 in the form of Zeltyn and Mandelbaum 2005, section 4 (the building blocks J and ε).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from scipy.integrate import quad

__all__ = ["Line", "erlang_b", "least_staff", "line"]

FAR = 60.0
"""Powers of e below its top a density counts for nothing."""


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
    busy = erlang_b(load, staff - 1)
    if busy == 0:  # beyond the smallest number there is: nobody ever waits
        return Line(1.0, 0.0, 0.0)

    def height(wait: float) -> float:
        """Return the logarithm of the offered wait's density, up to a constant."""
        return rate * -math.expm1(-leaving * wait) / leaving - staff * service * wait

    peak = max(0.0, math.log(rate / (staff * service)) / leaving) if rate > staff * service else 0.0
    top = height(peak)
    end = peak + 1 / (staff * service)
    while height(end) > top - FAR:
        end = peak + 2 * (end - peak)
    # Everything is measured from the density's top: far beyond what the staff can do, it is larger than any number.
    whole = _integral(lambda wait: math.exp(height(wait) - top), 0.0, end, peak)
    in_time = _integral(lambda wait: math.exp(height(wait) - top - leaving * wait), 0.0, min(within, end), peak)
    nobody = math.exp(-top)
    # ε = Σ_{j<s} a^j/j! over a^{s-1}/(s-1)! is the inverse of Erlang B with one fewer.
    sum_ = nobody / busy + rate * whole
    left = (nobody + (rate - staff * service) * whole) / sum_
    served = (nobody / busy + rate * in_time) / sum_
    return Line(min(1.0, served), min(1.0, max(0.0, left)), rate * whole / sum_)


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


def _integral(density: Callable[[float], float], low: float, high: float, peak: float) -> float:
    """Return the integral, in stretches that double away from the peak, so that none is lost in a long tail."""
    if high <= low:
        return 0.0
    edges = {low, high, *([peak] if low < peak < high else [])}
    step = (high - low) / 2
    while step > (high - low) / 2**12:
        edges |= {place for place in (peak - step, peak + step) if low < place < high}
        step /= 2
    return float(sum(quad(density, begin, end, epsabs=0, epsrel=1e-9, limit=200)[0] for begin, end in pairwise(sorted(edges))))
