# SPDX-License-Identifier: Apache-2.0
"""Many short series at once: one regression on what all of them share, and on top of it one for each by itself.

    target      y(t+h) - profile(t+h)
    from        the last twelve deviations from the profile · those of the neighbours · of all · one season before the target
                · what else is known at t, or ahead

Both are least absolute deviations by reweighting (Schlossmacher 1973), so the forecast is a median: a jam now and then does not
pull every quarter of an hour towards it. The profile is the mean course of a season before `fitted`; nothing after it is looked
at when fitting, nothing after t when forecasting.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Panel", "carried", "forecast", "last_value", "seasonal"]

LAGS = 12
NEIGHBOUR_LAGS = (0, 1, 2, 4)
ROUNDS = 5
"""Reweightings; the weights change little after the fourth."""
SHRINK_ALL = 1e-4
SHRINK_OWN = (1e-2, 1e-1, float("inf"))
"""Ridge, as a share of the mean diagonal; of a series' own weights the one that did best on a trial."""
TRIAL = 0.8
"""Share of the rows a trial is fitted on; the rest says how it did."""
KNOWN_SHARE = 0.2
MOST_ROWS = 60_000
"""Of all series together; the shared regression has some thirty numbers to find."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Series side by side, on one clock.

    values: (rows, series), NaN: unknown. seasons: lengths in rows, the shortest first; profile: the one whose course is taken
    out. neighbours: (series, series), how near each is to each; None: not known. now, ahead: (rows, series or 1, features)
    that are known at a row, of it; ahead is known before and is read at the target. whole: values are whole numbers.
    """

    values: np.ndarray
    seasons: Sequence[int]
    profile: int
    neighbours: np.ndarray | None = None
    now: np.ndarray | None = None
    ahead: np.ndarray | None = None
    whole: bool = False


def forecast(panel: Panel, horizon: int, fitted: int) -> np.ndarray:
    """Return (rows, series): at row t the forecast of row t + horizon made at t, fitted on targets before row `fitted`.

    NaN for series of which little is known before it.
    """
    rows, series = panel.values.shape
    enough = (~np.isnan(panel.values[:fitted])).mean(axis=0) >= KNOWN_SHARE
    if not enough.all():
        made = np.full((rows, series), np.nan)
        if enough.any():
            made[:, enough] = forecast(_only(panel, enough), horizon, fitted)
        return made
    size = _sizes(panel.values[:fitted], panel.profile)
    values = panel.values / size
    features, expected = _features(replace(panel, values=values), horizon, fitted)
    target = np.full((series, rows), np.nan)
    target[:, : rows - horizon] = values[horizon:].T
    target -= expected
    begin = min(max(LAGS, *(season for season in panel.seasons if 3 * season < fitted), 0), fitted // 2)
    part = slice(begin, fitted - horizon)
    known = ~np.isnan(target[:, part])
    x, y = features[:, part], np.where(known, target[:, part], 0.0)
    trial = slice(0, int(TRIAL * x.shape[1]))
    shrink = _tried(x, y, known, trial, (expected[:, part], size) if panel.whole else None)
    shared = _shared(x, y, known)
    own = _own(x, y - x @ shared, known, shrink)
    found = (features @ shared + np.matmul(features, own[:, :, None])[:, :, 0] + expected).T * size
    return np.asarray(np.round(found) if panel.whole else found)


def _only(panel: Panel, chosen: np.ndarray) -> Panel:
    """Return the chosen series: what nothing was learnt of must not be told of to the others."""
    near = panel.neighbours[np.ix_(chosen, chosen)] if panel.neighbours is not None else None
    given = (one[:, chosen] if one is not None and one.shape[1] > 1 else one for one in (panel.now, panel.ahead))
    now, ahead = given
    return replace(panel, values=panel.values[:, chosen], neighbours=near, now=now, ahead=ahead)


def _sizes(values: np.ndarray, season: int) -> np.ndarray:
    """Return how much each series moves, so that a small one counts as much as a large one."""
    moved = np.abs(values[season:] - values[:-season]) if len(values) > season else np.abs(values - values.mean(axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a series of which nothing is known
        size = np.nanmean(moved, axis=0)
    return np.where(size > 0, size, 1.0)


def _shared(x: np.ndarray, y: np.ndarray, known: np.ndarray) -> np.ndarray:
    stride = max(1, int(known.sum()) // MOST_ROWS)
    return _least_absolute(x[known][::stride][None], y[known][::stride][None], None, SHRINK_ALL)[0]  # type: ignore[no-any-return]


def _own(x: np.ndarray, rest: np.ndarray, known: np.ndarray, shrink: float) -> np.ndarray:
    """Return each series' own weights for what the shared ones leave. shrink: infinite: there are none."""
    if np.isinf(shrink):
        return np.zeros((len(x), x.shape[2]))
    return _least_absolute(x, rest, known.astype(np.float64), shrink)


def _tried(x: np.ndarray, y: np.ndarray, known: np.ndarray, trial: slice, told: tuple[np.ndarray, np.ndarray] | None) -> float:
    """Return how much the own weights are to be shrunk: what errs least on the rows after the trial's, fitted on the trial's.

    told: where forecasts are rounded, the profile they stand on and the sizes of the series.
    """
    after = slice(trial.stop, x.shape[1])
    shared = _shared(x[:, trial], y[:, trial], known[:, trial])
    rest = y[:, trial] - x[:, trial] @ shared
    errors = {}
    for shrink in SHRINK_OWN:
        own = _own(x[:, trial], rest, known[:, trial], shrink)
        found = x[:, after] @ shared + np.matmul(x[:, after], own[:, :, None])[:, :, 0]
        if told is not None:
            profile, size = told[0][:, after], told[1][:, None]
            found = np.round((found + profile) * size) / size - profile
        errors[shrink] = float(np.abs(y[:, after] - found)[known[:, after]].mean())
    return min(errors, key=errors.__getitem__)


def last_value(values: np.ndarray) -> np.ndarray:
    """Return the newest known value of each series at each row: the naive forecast of any horizon."""
    return carried(values)


def seasonal(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Return at row t the value of t + horizon a whole number of seasons before, the newest that is known by then."""
    back = -(-horizon // season) * season - horizon
    return np.vstack([np.full((back, values.shape[1]), np.nan), carried(values)[: len(values) - back]])


def carried(values: np.ndarray) -> np.ndarray:
    """Return values with what is unknown replaced by the newest known before it; NaN before the first."""
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0))


def _features(panel: Panel, horizon: int, fitted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a forecast is made from, (series, rows, features), and the profile at the target, (series, rows)."""
    rows, series = panel.values.shape
    course = _course(panel.values, panel.profile, fitted)
    profile = course[np.arange(rows + horizon) % panel.profile]
    filled = carried(panel.values)
    away = np.where(np.isnan(filled), 0.0, filled - profile[:rows])
    columns = [_before(away, lag) for lag in range(LAGS)]
    if panel.neighbours is not None:
        near = away @ (panel.neighbours / np.maximum(panel.neighbours.sum(axis=1, keepdims=True), 1e-9)).T
        columns += [_before(near, lag) for lag in NEIGHBOUR_LAGS]
    if series > 1:
        everyone = np.broadcast_to(away.mean(axis=1, keepdims=True), away.shape)
        columns += [everyone, _before(everyone, 1)]
    columns += [np.isnan(panel.values).astype(np.float64)]
    columns += [_before(away, season - horizon) for season in panel.seasons if season >= horizon]
    columns += [profile[horizon:] - profile[:rows], np.ones((rows, series))]
    for given, shift in ((panel.now, 0), (panel.ahead, horizon)):
        if given is not None:
            moved = np.concatenate([given[shift:], np.repeat(given[-1:], shift, axis=0)])
            columns += [np.broadcast_to(moved[:, :, i], (rows, series)) for i in range(given.shape[2])]
    features = np.stack([column.T for column in columns], axis=2)
    # Of one size, so that one ridge is fair to all.
    size = np.sqrt((features[:, :fitted] ** 2).mean(axis=(0, 1)))
    return features / np.where(size > 0, size, 1.0), profile[horizon:].T


def _course(values: np.ndarray, season: int, fitted: int) -> np.ndarray:
    """Return the mean course of a season (season, series), lightly smoothed."""
    whole = np.full((-(-fitted // season) * season, values.shape[1]), np.nan)
    whole[:fitted] = values[:fitted]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a time of the season that was never seen
        course = np.nanmean(whole.reshape(-1, season, values.shape[1]), axis=0)
        mean = np.nanmean(values[:fitted], axis=0)
    course = np.where(np.isnan(course), np.where(np.isnan(mean), 0.0, mean), course)
    return np.asarray(0.25 * np.roll(course, 1, axis=0) + 0.5 * course + 0.25 * np.roll(course, -1, axis=0))


def _before(values: np.ndarray, lag: int) -> np.ndarray:
    return np.vstack([np.repeat(values[:1], lag, axis=0), values[: len(values) - lag]]) if lag else values


def _least_absolute(x: np.ndarray, y: np.ndarray, known: np.ndarray | None, shrink: float) -> np.ndarray:
    """Return the weights (groups, features) that make the absolute errors of each group least. known: 1, or 0 to leave out."""
    weight = np.ones(y.shape) if known is None else known
    found = np.zeros((len(x), x.shape[2]))
    ridge = np.eye(x.shape[2])
    for _ in range(ROUNDS):
        weighted = x * weight[:, :, None]
        gram = np.matmul(weighted.transpose(0, 2, 1), x)
        lift = shrink * np.trace(gram, axis1=1, axis2=2)[:, None, None] / x.shape[2]
        found = np.linalg.solve(gram + (lift + 1e-12) * ridge, np.matmul(weighted.transpose(0, 2, 1), y[:, :, None]))[:, :, 0]
        error = np.abs(y - np.matmul(x, found[:, :, None])[:, :, 0])
        floor = 0.05 * np.median(error, axis=1, keepdims=True) + 1e-6
        weight = (1.0 if known is None else known) / np.maximum(error, floor)
    return found
