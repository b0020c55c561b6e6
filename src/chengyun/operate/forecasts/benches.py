# SPDX-License-Identifier: Apache-2.0
"""How good forecasts are on data others have forecast: against the last value, the season before, and published tables.

CHENGYUN_BENCH_SHARED names the folder that holds data/traffic-sz-taxi and the others; CHENGYUN_BENCH_FORECAST=quick leaves out
what takes minutes: the far horizons of Los Angeles and the middle ones of the bicycles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chengyun.bench.frame import Bench, Result
from chengyun.operate.forecasts import published
from chengyun.operate.forecasts.conformal import intervals
from chengyun.operate.forecasts.pooled import Panel, forecast, last_value, seasonal

LEVELS = (0.9, 0.5)
FITTED, CALIBRATED = 0.8, 0.64
"""Shares of the rows: the model that is scored is fitted on the first 80 %; the first intervals rest on errors, up to there, of
one fitted on 64 %."""


@dataclass
class Errors:
    """What forecasts of one kind were off by, over all horizons."""

    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, truth: np.ndarray, forecast: np.ndarray) -> None:
        error = truth - forecast
        self.parts.append(error[~np.isnan(error)])

    @property
    def mae(self) -> float:
        return float(np.abs(np.concatenate(self.parts)).mean())

    @property
    def rmse(self) -> float:
        return float(np.sqrt((np.concatenate(self.parts) ** 2).mean()))

    def __str__(self) -> str:
        return f"RMSE {self.rmse:.4f} MAE {self.mae:.4f}"


@dataclass(frozen=True)
class Scored:
    """A panel forecast at several horizons, all pooled. covered, width: of the intervals of each level, by level."""

    ours: Errors
    last: Errors
    season: Errors
    covered: Mapping[float, float]
    width: Mapping[float, float]


def score(
    panel: Panel, horizons: Sequence[int], season: int, *, first: int, last: int, truth: np.ndarray | None = None
) -> Scored:
    """Forecast from rows [first, last - horizon) and compare.

    truth: what is compared with; None: the values, where they are known.
    """
    rows = len(panel.values)
    fitted, calibrated = int(FITTED * rows), int(CALIBRATED * rows)
    ours, naive, before = Errors(), Errors(), Errors()
    hits: dict[float, list[np.ndarray]] = {level: [] for level in LEVELS}
    widths: dict[float, list[np.ndarray]] = {level: [] for level in LEVELS}
    for horizon in horizons:
        made = forecast(panel, horizon, fitted)
        early = forecast(panel, horizon, calibrated)
        told = np.where(np.arange(rows)[:, None] < fitted - horizon, early, made)
        told[:calibrated] = np.nan
        at = np.arange(first, last - horizon)
        real = (panel.values if truth is None else truth)[at + horizon]
        ours.add(real, made[at])
        naive.add(real, last_value(panel.values)[at])
        before.add(real, seasonal(panel.values, horizon, season)[at])
        seen = panel.values[at + horizon]
        for level in LEVELS:
            low, high = intervals(told, panel.values, horizon, calibrated + 60, level)
            known = ~np.isnan(seen) & ~np.isnan(low[at])
            hits[level].append(((seen >= low[at]) & (seen <= high[at]))[known])
            widths[level].append((high - low)[at][known])
    return Scored(ours, naive, before, _means(hits), _means(widths))


def _means(parts: Mapping[float, Sequence[np.ndarray]]) -> dict[float, float]:
    return {level: float(np.concatenate(found).mean()) for level, found in parts.items()}


def forecast_bench() -> list[Result]:
    """Forecast four published data sets; the last fifth of each is scored, the rest is fitted on."""
    named = os.environ.get("CHENGYUN_BENCH_SHARED", "")
    folder = (Path(named) if named else Path.cwd().parent / "shared") / "data"
    quick = os.environ.get("CHENGYUN_BENCH_FORECAST") == "quick"
    return [*_shenzhen(folder), *_los_angeles(folder, quick), *_victoria(folder), *_bay_wheels(folder, quick)]


def _shenzhen(folder: Path) -> Iterator[Result]:
    speeds, near = published.shenzhen(folder)
    known = np.where(speeds == 0, np.nan, speeds)
    panel = Panel(known, (96, 672), 96, near)
    fitted = int(FITTED * len(speeds))
    # The published protocol takes four rows in, scores a road nobody drove as standing still, and leaves the last row out.
    there = score(panel, (1,), 96, first=fitted + 3, last=len(speeds) - 1, truth=speeds)
    mean = np.stack([speeds[fitted + 3 - back : len(speeds) - 2 - back] for back in range(4)]).mean(axis=0)
    means = Errors()
    means.add(speeds[fitted + 4 : len(speeds) - 1], mean)
    here = score(panel, (1, 2, 3, 4), 96, first=fitted, last=len(speeds))
    published_table = {"published protocol, ours": str(there.ours), "mean of 4": str(means), **published.SHENZHEN}
    yield from _results("shenzhen taxi 15-60 min", "km/h", here, published_table)


def _los_angeles(folder: Path, quick: bool) -> Iterator[Result]:
    speeds, near = published.los_angeles(folder)
    panel = Panel(speeds, (288,), 288, near)
    fitted = int(FITTED * len(speeds))
    for steps in (3,) if quick else (3, 6, 9, 12):
        found = score(panel, range(1, steps + 1), 288, first=fitted + 11, last=len(speeds) - 1)
        yield from _results(f"los angeles {5 * steps} min", "mile/h", found, published.LOS_ANGELES[steps])


def _victoria(folder: Path) -> Iterator[Result]:
    panel = published.victoria(folder)
    found = score(panel, (1, 12, 24, 48), 336, first=int(FITTED * len(panel.values)), last=len(panel.values))
    yield from _results(
        "victoria demand 30 min-24 h", "MW", found, {"published": "no table; season: the same half hour last week"}
    )


def _bay_wheels(folder: Path, quick: bool) -> Iterator[Result]:
    panel = published.bay_wheels(folder)
    horizons = (1, 48) if quick else (1, 2, 4, 48)
    found = score(panel, horizons, 48, first=int(FITTED * len(panel.values)), last=len(panel.values))
    yield from _results("bay wheels 30 min-24 h", "bikes", found, published.BAY_WHEELS, whole=True)


def _results(name: str, unit: str, found: Scored, table: Mapping[str, str], *, whole: bool = False) -> Iterator[Result]:
    best = min(found.last.mae, found.season.mae)
    compared = {
        "ours": str(found.ours), "last value": str(found.last), "season before": str(found.season), **table,
    }  # fmt: skip
    yield Result(
        name=f"forecast {name}", value=found.ours.mae / best, unit="× best naive MAE", target=1.0, compared=compared,
        notes=f"Mean absolute error in {unit}, horizons pooled, over that of the better of last value and season before.",
    )  # fmt: skip
    for level in LEVELS:
        yield Result(
            name=f"interval {'' if level == LEVELS[0] else 'of half '}{name}", value=abs(found.covered[level] - level),
            unit=f"from {level:.2f}",
            # Of whole bicycles one number may hold more than half: no interval holds just half.
            target=None if whole and level < LEVELS[0] else 0.03,
            compared={"covered": f"{found.covered[level]:.3f}", "mean width": f"{found.width[level]:.4g} {unit}"},
            notes=f"How far the share of true values inside the {level:.0%} interval is from {level:.2f}.",
        )  # fmt: skip


BENCHES: Mapping[str, Bench] = {"forecast": forecast_bench}
