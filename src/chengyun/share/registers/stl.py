# SPDX-License-Identifier: Apache-2.0
"""A series without its season: STL, robust, in numpy.

Standard: Cleveland, Cleveland, McRae and Terpenning (1990), STL: A Seasonal-Trend Decomposition Procedure Based on Loess,
Journal of Official Statistics 6, 3-73; n(s), n(i), n(o) are named as there. Loess is of degree 1, fitted at every point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["seasonal"]

SEASONAL = 7
"""n(s): over how many years a month's season may change. The least the paper advises (3.2)."""
INNER, OUTER = 2, 15
"""n(i) and n(o): rounds of fitting for each set of robustness weights, and sets of them."""

Floats = npt.NDArray[np.float64]


def seasonal(values: Floats, period: int) -> Floats:
    """Return the seasonal part of values, one for each. period: values in a year, 2 or more; there are at least two years."""
    count = len(values)
    trend = int(np.ceil(1.5 * period / (1 - 1.5 / SEASONAL))) | 1
    cycles = {size: _Loess(size, SEASONAL, ends=True) for size in {count // period, -(-count // period)}}
    low_pass, smooth = _Loess(count, (period + 1) | 1), _Loess(count, trend)
    level, season, weights = np.zeros(count), np.zeros(count), np.ones(count)
    for robust in range(OUTER + 1):
        for _ in range(INNER):
            extended = np.empty(count + 2 * period)
            for at in range(period):
                one = (values - level)[at::period]
                extended[at::period] = cycles[len(one)].fitted(one, weights[at::period])
            low = low_pass.fitted(_mean(_mean(_mean(extended, period), period), 3), np.ones(count))
            season = extended[period:-period] - low
            level = smooth.fitted(values - season, weights)
        away = np.abs(values - level - season)
        reach = 6 * float(np.median(away))
        # What most values lie on but for rounding is fitted well enough: rounding would say what the others weigh.
        if robust == OUTER or reach <= 1e-9 * float(np.abs(values).max()):
            break
        weights = _bisquare(away, reach)
    return season


@dataclass(frozen=True, slots=True)
class _Windows:
    """Which points are looked at around each place, where they stand, and what their distance from it makes them weigh."""

    points: npt.NDArray[np.intp]
    at: Floats
    weights: Floats


class _Loess:
    """Local lines through `count` points, `length` of them at a time. ends: also at a place before them and one behind."""

    def __init__(self, count: int, length: int, *, ends: bool = False) -> None:
        width, first = min(count, length), 0 if ends else 1
        places = np.arange(first, count + 2 - first)
        begins = np.clip(places - (length + 1) // 2, 0, count - width)
        points = begins[:, None] + np.arange(width)
        at = (points + 1).astype(np.float64)
        away = np.abs(at - places[:, None])
        reach = (away.max(axis=1) + max(length - count, 0) // 2)[:, None]
        # The thousandths are those of the authors' own program.
        inside: Floats = (1 - (away / reach) ** 3) ** 3
        weights = np.where(away <= 0.001 * reach, 1.0, np.where(away <= 0.999 * reach, inside, 0.0))
        self._windows, self._places, self._count, self._ends = _Windows(points, at, weights), places, count, ends

    def fitted(self, values: Floats, robust: Floats) -> Floats:
        """Return the lines' values. Where all points weigh nothing: the value itself; before and behind: its neighbour's."""
        near = self._windows
        weights = near.weights * robust[near.points]
        total = weights.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = weights / total
            middle = (weights * near.at).sum(axis=1, keepdims=True)
            spread = (weights * (near.at - middle) ** 2).sum(axis=1, keepdims=True)
            slope = (self._places[:, None] - middle) / spread
            # Points that all stand at one place have no slope.
            is_line = np.sqrt(spread) > 0.001 * (self._count - 1)
            weights = weights * np.where(is_line, slope * (near.at - middle) + 1, 1)
        found = (weights * values[near.points]).sum(axis=1)
        inner = slice(1, -1) if self._ends else slice(None)
        nothing = total[:, 0] <= 0
        found[inner] = np.where(nothing[inner], values, found[inner])
        if self._ends:
            found[0] = found[1] if nothing[0] else found[0]
            found[-1] = found[-2] if nothing[-1] else found[-1]
        return np.asarray(found)


def _mean(values: Floats, length: int) -> Floats:
    return np.convolve(values, np.full(length, 1 / length), "valid")


def _bisquare(away: Floats, reach: float) -> Floats:
    # The thousandths are those of the authors' own program.
    inside = (1 - (away / reach) ** 2) ** 2
    return np.where(away <= 0.001 * reach, 1.0, np.where(away <= 0.999 * reach, inside, 0.0))
