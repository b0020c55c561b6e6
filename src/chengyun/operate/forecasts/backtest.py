# SPDX-License-Identifier: Apache-2.0
"""Forecasts of the past, each made with nothing that came after it: which method is to be used, and whether it is any good.

    ├── history ──┼─ 1 ─┼─ 2 ─┼ … ┼─ n ─┤      origins, a horizon apart
                    older half: choose    newer half: judge

The method is chosen on the older origins and judged on the newer, so that the best of many by chance does not pass for good.
Intervals come from the errors of the method chosen, at each step and the steps beside it (split conformal), and are as much wider
as so few origins ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chengyun.operate.forecasts import methods
from chengyun.operate.forecasts.conformal import band, few
from chengyun.operate.forecasts.pooled import Panel, forecast
from chengyun.operate.forecasts.scoring import pinball

__all__ = ["LEVELS", "Found", "ahead", "bands", "review"]

ORIGINS = 12
FEWEST = 6
LEVELS = (0.9, 0.5)
RECENT = 21
"""Short seasons, or four of the longest."""
POOLED_STEPS = 48
"""Horizons the shared regression is asked for; beyond, it only repeats the profile."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a review of one series says. table: method → mae, pinball, covered, on the newer origins. bands: level → by step."""

    method: str
    origins: int
    table: Mapping[str, Mapping[str, float | None]]
    skill: float | None
    useful: bool
    because: str
    bands: Mapping[float, tuple[np.ndarray, np.ndarray]]


def review(values: np.ndarray, horizon: int, seasons: Sequence[int], *, singles: bool = True) -> list[Found | None]:
    """Return what methods did on each series of (rows, series); None where there is too little to say anything."""
    rows, series = values.shape
    longest = max((season for season in seasons if 3 * season + FEWEST * horizon <= rows), default=seasons[0])
    origins = min(ORIGINS, (rows - 3 * longest) // horizon)
    if origins < FEWEST:
        return [None] * series
    starts = [rows - (origins - i) * horizon for i in range(origins)]
    usable = [season for season in seasons if season <= longest]
    made = _panel_forecasts(values, horizon, usable, starts)
    single = methods.single(usable) if singles else {}
    found: list[Found | None] = []
    for number in range(series):
        course = values[:, number]
        truth = np.stack([course[start : start + horizon] for start in starts])
        if np.isnan(course[: starts[0]]).mean() > 0.5 or np.isnan(truth).mean() > 0.5:
            found.append(None)
            continue
        told = {name: told[number] for name, told in made.items()}
        for name, method in single.items():
            told[name] = np.stack([method(_recent(course[:start], usable), horizon) for start in starts])
        found.append(_judged(told, truth))
    return found


def ahead(values: np.ndarray, horizon: int, seasons: Sequence[int], chosen: Sequence[str | None]) -> list[np.ndarray | None]:
    """Return the next steps of each series (rows, series) by the method chosen for it; None: it has none."""
    rows = len(values)
    usable = [season for season in seasons if 3 * season <= rows] or [seasons[0]]
    single = methods.single(usable)
    pooled = _pooled(values, horizon, usable, rows, [rows]) if methods.POOLED in chosen else None
    found: list[np.ndarray | None] = []
    for number, name in enumerate(chosen):
        course = values[:, number]
        if name == methods.POOLED and pooled is not None:
            found.append(pooled[number, 0])
        elif name == methods.LAST:
            found.append(methods.naive(course, horizon))
        elif name == methods.SEASON:
            found.append(methods.season_before(course, horizon, usable[-1]))
        elif name is not None and name in single:
            found.append(single[name](_recent(course, usable), horizon))
        else:
            found.append(None)
    return found


def _recent(course: np.ndarray, seasons: Sequence[int]) -> np.ndarray:
    """Return what a method that looks at one series is given: more than that changes its answer little and its cost much."""
    return course[-max(RECENT * seasons[0], 4 * seasons[-1]) :]


def _panel_forecasts(values: np.ndarray, horizon: int, seasons: Sequence[int], starts: Sequence[int]) -> dict[str, np.ndarray]:
    """Return method → (series, origins, steps) of those that cost little or look at all series at once."""
    series = range(values.shape[1])
    made = {methods.LAST: np.stack([[methods.naive(values[:start, i], horizon) for start in starts] for i in series])}
    for name, season in ((methods.SEASON, seasons[0]), *((f"{methods.SEASON}_{one}", one) for one in seasons[1:])):
        made[name] = np.stack([[methods.season_before(values[:start, i], horizon, season) for start in starts] for i in series])
    made[methods.POOLED] = _pooled(values, horizon, seasons, starts[0], starts)
    return made


def _pooled(values: np.ndarray, horizon: int, seasons: Sequence[int], fitted: int, starts: Sequence[int]) -> np.ndarray:
    """Return (series, origins, steps): fitted once on what came before `fitted`, forecast from every start."""
    panel = Panel(values, tuple(seasons), seasons[-1] if 4 * seasons[-1] <= fitted else seasons[0])
    told = np.full((values.shape[1], len(starts), horizon), np.nan)
    for step in range(min(horizon, POOLED_STEPS)):
        made = forecast(panel, step + 1, fitted)
        for number, start in enumerate(starts):
            told[:, number, step] = made[start - 1]
    for step in range(POOLED_STEPS, horizon):
        for number, start in enumerate(starts):
            told[:, number, step] = [
                methods.season_before(values[:start, i], step + 1, seasons[0])[-1] for i in range(values.shape[1])
            ]
    return told


def _judged(told: Mapping[str, np.ndarray], truth: np.ndarray) -> Found:
    """Choose on the older half of the origins and judge on the newer. told: method → (origins, steps)."""
    half = len(truth) // 2
    older, newer = slice(0, half), slice(half, None)
    plain = [name for name in told if name == methods.LAST or name.startswith(methods.SEASON)]
    errors = {name: np.abs(truth - one) for name, one in told.items()}
    candidates = [name for name in told if name not in plain] or plain
    chosen = min(candidates, key=lambda name: _mean(errors[name][older]))
    table: dict[str, dict[str, float | None]] = {}
    for name, one in told.items():
        low, high = bands(truth[older] - one[older], LEVELS[0])
        low_half, high_half = bands(truth[older] - one[older], LEVELS[1])
        y, f = truth[newer], one[newer]
        known = ~np.isnan(y) & ~np.isnan(f)
        quantiles = np.stack([f + low, f + low_half, f, f + high_half, f + high], axis=2)
        inside = (y >= f + low) & (y <= f + high)
        table[name] = {
            "mae": _rounded(_mean(errors[name][newer])),
            "pinball": _rounded(float(pinball(y[known], quantiles[known]).mean())) if known.any() else None,
            "covered": _rounded(float(inside[known].mean())) if known.any() else None,
        }
    best_plain = min(plain, key=lambda name: _mean(errors[name][newer]))
    mine, theirs = _mean(errors[chosen][newer]), _mean(errors[best_plain][newer])
    seasonal = min(_mean(errors[name][newer]) for name in plain if name.startswith(methods.SEASON))
    useful = bool(chosen not in plain and mine < theirs)
    judged = len(truth) - half
    because = f"{chosen} {mine:.4g}, {best_plain} {theirs:.4g}: mean absolute error on {judged} origins it was not chosen on"
    error = truth - told[chosen]
    found = {level: bands(error, level) for level in LEVELS}
    skill = 1.0 - mine / seasonal if seasonal > 0 else None
    return Found(chosen, len(truth), table, skill, useful, because, found)


def bands(error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how far below and above, by step, from the errors (origins, steps) at it and at the steps beside it."""
    origins, steps = error.shape
    beside = max(2, -(-24 // max(origins, 1)))
    found = [band(error[:, max(0, step - beside) : step + beside + 1].ravel(), level) for step in range(steps)]
    low, high = np.array([one[0] for one in found]), np.array([one[1] for one in found])
    spread = np.nanmax(np.abs(error)) if not np.isnan(error).all() else 0.0
    low, high = np.where(np.isnan(low), -spread, low), np.where(np.isnan(high), spread, high)
    middle, side = (high + low) / 2, (high - low) / 2 * few(origins, level)
    return middle - side, middle + side


def _mean(errors: np.ndarray) -> float:
    return float(np.nanmean(errors)) if not np.isnan(errors).all() else float("inf")


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
