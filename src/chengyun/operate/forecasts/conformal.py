# SPDX-License-Identifier: Apache-2.0
"""Intervals from how far off forecasts have been, kept honest as they go.

The interval of a forecast lies between two quantiles of the newest errors that are known when it is made. How extreme the two
are is steered by what came of the intervals before: too many misses widen the next, too few narrow it.
Source: Gibbs and Candès 2021, adaptive conformal inference under distribution shift, arXiv 2106.00170, equation 2.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

__all__ = ["band", "few", "intervals"]

WINDOW = 400
"""Errors looked back on, the newest that are known."""
STEER, STEER_ALL = 0.03, 0.3
"""By one interval that is told, and by the share of all series that missed; of far horizons less, for what is told is late and
would be overshot."""
SHARPEST, BLUNTEST = 0.02, 0.5
"""How far steering goes: to so small a share of what may miss, and to so much more of all."""
MANY = 100
"""Series at which the share that missed is believed whole."""
LEAST = 20
"""Errors before there is an interval."""


def intervals(forecast: np.ndarray, truth: np.ndarray, horizon: int, first: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (low, high) of forecasts (rows, series), NaN before row `first` and where too little is known.

    forecast: at row t of row t + horizon. truth: NaN: unknown. Nothing after row t is used for the interval at t.
    """
    rows, series = forecast.shape
    low, high = np.full(forecast.shape, np.nan), np.full(forecast.shape, np.nan)
    error = np.full(forecast.shape, np.nan)
    error[: rows - horizon] = truth[horizon:] - forecast[: rows - horizon]
    missing = 1.0 - level
    extremes = (SHARPEST * missing, min(0.98, missing + BLUNTEST))
    alpha = np.full(series, missing)
    common = 0.0
    for row in range(first, rows):
        known = error[max(0, row - horizon - WINDOW) : row - horizon + 1]
        below, above = _quantiles(known, np.clip(alpha + common, *extremes))
        low[row], high[row] = forecast[row] + below, forecast[row] + above
        due = row - horizon
        if due >= first:
            hit = (truth[row] >= low[due]) & (truth[row] <= high[due])
            told = ~np.isnan(truth[row]) & ~np.isnan(low[due])
            alpha = np.where(told, np.clip(alpha + STEER / horizon * (missing - ~hit), *extremes), alpha)
            if told.any():
                common += STEER_ALL / horizon * (missing - float((~hit)[told].mean())) * min(1.0, told.sum() / MANY)
    return low, high


def band(errors: np.ndarray, level: float) -> tuple[float, float]:
    """Return how far below and above a forecast the truth lies, from its past errors. NaN when there are too few."""
    below, above = _quantiles(errors[:, None], np.array([1.0 - level]))
    return float(below[0]), float(above[0])


def few(origins: int, level: float) -> float:
    """Return how much wider an interval must be that rests on so few origins.

    What forecasts of one origin are off by is one thing, however many steps they have: a warm front or a feast. So an interval
    of n origins is held to be one of n independent errors: Student's t with n - 1 degrees, against the normal quantile.
    Source of t: Abramowitz and Stegun 1964, 26.7.5, to the third term.
    """
    z, freedom = NormalDist().inv_cdf((1.0 + level) / 2.0), max(origins - 1, 1)
    t = (
        z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )  # fmt: skip
    return float(t * math.sqrt(1.0 + 1.0 / origins) / z)


def _quantiles(errors: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the alpha/2 and 1 - alpha/2 quantiles of each column, with the finite-sample step of conformal prediction."""
    ordered = np.sort(errors, axis=0)  # NaN last
    count = (~np.isnan(errors)).sum(axis=0)
    column = np.arange(errors.shape[1])
    lower = np.floor((count + 1) * alpha / 2).astype(np.intp) - 1
    upper = np.ceil((count + 1) * (1 - alpha / 2)).astype(np.intp) - 1
    enough = count >= LEAST
    if not len(ordered):
        return np.full(len(alpha), np.nan), np.full(len(alpha), np.nan)
    low = ordered[np.clip(lower, 0, np.maximum(count - 1, 0)), column]
    high = ordered[np.clip(upper, 0, np.maximum(count - 1, 0)), column]
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
