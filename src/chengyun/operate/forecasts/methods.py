# SPDX-License-Identifier: Apache-2.0
"""Ways to continue a course, from the plainest on: numbers in, numbers out.

    last value      what is now
    season before   what was a season ago
    pooled          the shared regression of pooled.py
    mstl_ets        seasons taken out one by one, the rest by exponential smoothing       statsforecast
    ets             exponential smoothing with a season                                     statsforecast
    theta           two lines with curvatures apart, the season taken out                   statsforecast
    arima           seasons taken out, the rest by ARIMA of its own choosing                statsforecast

What needs statsforecast is left out where it is not installed; the table of a review shows what was tried.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chengyun.operate.forecasts.pooled import carried

__all__ = ["LAST", "POOLED", "SEASON", "filled", "naive", "season_before", "single"]

LAST, SEASON, POOLED = "last_value", "season_before", "pooled"
LONGEST_ETS = 24
"""Steps of a season that exponential smoothing can carry (as R's ets)."""

Method = Callable[[np.ndarray, int], np.ndarray]


def naive(values: np.ndarray, horizon: int) -> np.ndarray:
    """Return the last known value, for every step."""
    known = values[~np.isnan(values)]
    return np.full(horizon, known[-1] if len(known) else np.nan)


def season_before(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Return for every step the newest known value a whole number of seasons before it."""
    ahead = np.full(horizon, np.nan)
    for step in range(horizon):
        same = values[(len(values) + step) % season :: season]
        known = same[~np.isnan(same)]
        if len(known):
            ahead[step] = known[-1]
    return ahead


def filled(values: np.ndarray, season: int) -> np.ndarray:
    """Return a course without gaps: from the season before where that is known, else the last value."""
    whole = values.copy()
    for row in np.flatnonzero(np.isnan(whole)).tolist():
        if row >= season and not np.isnan(whole[row - season]):
            whole[row] = whole[row - season]
    whole = carried(whole[:, None])[:, 0]
    known = whole[~np.isnan(whole)]
    return np.where(np.isnan(whole), known[0] if len(known) else 0.0, whole)


def single(seasons: Sequence[int]) -> Mapping[str, Method]:
    """Return the methods that look at one series, by name; none where statsforecast is not installed."""
    if importlib.util.find_spec("statsforecast") is None:
        return {}
    # Large, and compiles as it is loaded: only the process that forecasts, which ends, may have it.
    from statsforecast.models import MSTL, AutoARIMA, AutoETS, AutoTheta

    short = seasons[0]
    made: dict[str, Callable[[], object]] = {
        "mstl_ets": lambda: MSTL(season_length=list(seasons), trend_forecaster=AutoETS(model="ZZN")),
        "theta": lambda: AutoTheta(season_length=short),
        "arima": lambda: MSTL(
            season_length=list(seasons), trend_forecaster=AutoARIMA(seasonal=False, stepwise=True, max_p=2, max_q=2)
        ),
    }
    if short <= LONGEST_ETS:
        made["ets"] = lambda: AutoETS(season_length=short)
    return {name: _run(make, short) for name, make in made.items()}


def _run(make: Callable[[], object], season: int) -> Method:
    def run(values: np.ndarray, horizon: int) -> np.ndarray:
        whole = filled(values, season)
        if np.ptp(whole) == 0.0:
            return np.full(horizon, whole[-1])  # a flat line has nothing to be estimated
        model: object = make()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of poor fits; the review tells how good they are
            found = model.forecast(y=whole, h=horizon)  # type: ignore[attr-defined]
        return np.asarray(found["mean"], np.float64)

    return run
