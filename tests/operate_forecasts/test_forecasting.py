# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of forecasting: nothing looks ahead, intervals hold, scores are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest

from chengyun.operate.forecasts import backtest, methods
from chengyun.operate.forecasts.conformal import few, intervals
from chengyun.operate.forecasts.pooled import Panel, carried, forecast, last_value, seasonal
from chengyun.operate.forecasts.scoring import QUANTILES, Tally, pinball, tally


def waves(days: int = 40, series: int = 3, seed: int = 4) -> np.ndarray:
    """Return hours: a daily wave, and a deviation that fades by a tenth an hour and that all series share in part."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    shocks = rng.normal(size=(len(hours), 1)) + 0.5 * rng.normal(size=(len(hours), series))
    away = np.zeros((len(hours), series))
    for hour in range(1, len(hours)):
        away[hour] = 0.9 * away[hour - 1] + shocks[hour]
    return 50 + 10 * np.sin(hours / 24 * 2 * np.pi)[:, None] + away


def test_a_forecast_knows_nothing_of_what_comes_after_it():
    values = waves()
    fitted, row, horizon = 700, 800, 3
    changed = values.copy()
    changed[row + 1 :] += 1000.0
    told, again = (forecast(Panel(one, (24,), 24), horizon, fitted) for one in (values, changed))
    assert (told[: row + 1] == again[: row + 1]).all()
    assert (told[row + 1 :] != again[row + 1 :]).any()


def test_better_than_the_last_value_and_the_season_before():
    values = waves()
    values[::37] = np.nan
    for horizon in (1, 6):
        at = np.arange(720, len(values) - horizon)
        errors = [
            np.nanmean(np.abs(values[at + horizon] - one[at]))
            for one in (
                forecast(Panel(values, (24,), 24), horizon, 720), last_value(values), seasonal(values, horizon, 24),
            )
        ]  # fmt: skip
        assert errors[0] < 0.95 * min(errors[1:])


def test_what_is_unknown_is_carried_and_never_zero():
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, np.nan]])
    assert np.array_equal(carried(values), [[np.nan, 1.0], [2.0, 1.0], [2.0, 1.0]], equal_nan=True)
    assert seasonal(np.arange(10.0)[:, None], 3, 4)[6, 0] == 5.0
    assert methods.season_before(np.array([1.0, 2.0, 3.0, np.nan]), 4, 2).tolist() == [3.0, 2.0, 3.0, 2.0]
    assert methods.filled(np.array([1.0, 2.0, np.nan, 4.0, np.nan]), 2).tolist() == [1.0, 2.0, 1.0, 4.0, 1.0]


@pytest.mark.parametrize("level", [0.9, 0.5])
@pytest.mark.parametrize("horizon", [1, 24])
def test_intervals_hold_what_they_promise_when_errors_grow(horizon, level):
    rng = np.random.default_rng(8)
    rows = 2_500
    truth = rng.normal(size=(rows, 6)) * np.linspace(1.0, 3.0, rows)[:, None]
    low, high = intervals(np.zeros((rows, 6)), truth, horizon, 100, level)
    at = np.arange(500, rows - horizon)
    inside = (truth[at + horizon] >= low[at]) & (truth[at + horizon] <= high[at])
    assert level - 0.03 < inside.mean() < level + 0.03
    assert np.isnan(low[99]).all()


@pytest.mark.parametrize("level", [0.9, 0.5])
@pytest.mark.parametrize("origins", [6, 12])
def test_intervals_of_few_origins_hold_what_they_promise_of_the_next(origins, level):
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(300):
        # All steps of a day are off by the same weather, and by a little of their own.
        off = 3.0 * rng.normal(size=(origins + 1, 1)) + 0.5 * rng.normal(size=(origins + 1, 12))
        low, high = backtest.bands(off[:origins], level)
        inside.append(((off[origins] >= low) & (off[origins] <= high)).mean())
    assert level - 0.03 < np.mean(inside) < level + 0.07


def test_few_origins_widen_as_students_t_says():
    # Tables of t at 0.95: 2.015 with 5 degrees, 1.796 with 11; at 0.75: 0.727. The normal: 1.645, 0.674.
    assert few(6, 0.9) == pytest.approx(2.015 * (7 / 6) ** 0.5 / 1.645, abs=0.003)
    assert few(12, 0.9) == pytest.approx(1.796 * (13 / 12) ** 0.5 / 1.645, abs=0.003)
    assert few(6, 0.5) == pytest.approx(0.727 * (7 / 6) ** 0.5 / 0.674, abs=0.003)
    assert few(10_000, 0.9) == pytest.approx(1.0, abs=0.001)


def test_pinball_is_least_at_the_quantiles():
    sample = np.sort(np.random.default_rng(1).exponential(size=2_001))
    at = np.quantile(sample, QUANTILES)
    here = pinball(sample, np.tile(at, (len(sample), 1))).mean()
    for position in range(len(QUANTILES)):
        for shift in (-0.1, 0.1):
            moved = at.copy()
            moved[position] += shift
            assert pinball(sample, np.tile(moved, (len(sample), 1))).mean() > here


def test_a_tally_leaves_out_what_is_unknown():
    nan = np.nan
    one = tally(
        np.array([10.0, 20.0, nan, 40.0]), np.array([11.0, 18.0, 30.0, 40.0]), np.array([14.0, 20.0, 30.0, nan]),
        np.array([9.0] * 4), np.array([12.0] * 4), np.array([10.5] * 4), np.array([11.5] * 4),
    )  # fmt: skip
    assert (one.count, one.error, one.naive_error, one.inside, one.inside_half) == (2, 3.0, 4.0, 1, 0)
    assert one.skill == pytest.approx(0.25)
    twice = Tally.of([one.as_json(), {}, one.as_json()])
    assert (twice.count, twice.mae, twice.covered) == (4, 1.5, 0.5)
    assert Tally().mae is Tally().covered is Tally().skill is None


def test_a_review_finds_what_can_be_forecast_and_says_what_cannot():
    rng = np.random.default_rng(2)
    wave = waves(days=30, series=1)[:, 0]
    walk = np.cumsum(rng.normal(size=len(wave)))
    short = np.full(len(wave), np.nan)
    short[-30:] = 1.0
    found = backtest.review(np.column_stack([wave, walk, short]), 12, (24,), singles=False)
    assert found[0].useful
    assert found[0].skill > 0.1
    assert found[0].table["pooled"]["mae"] < found[0].table["season_before"]["mae"]
    assert not found[1].useful
    assert "last_value" in found[1].because
    assert found[2] is None
    low, high = found[0].bands[0.9]
    assert (low < 0).all()
    assert (high > 0).all()
    assert high[11] - low[11] > high[0] - low[0]


def test_statsforecast_is_one_of_the_methods():
    pytest.importorskip("statsforecast")
    wave = waves(days=10, series=1)[:, 0]
    wave[100] = np.nan
    run = methods.single((24,))
    assert set(run) == {"mstl_ets", "theta", "arima", "ets"}
    told = run["mstl_ets"](wave, 24)
    expected = 50 + 10 * np.sin(np.arange(len(wave), len(wave) + 24) / 24 * 2 * np.pi)
    assert np.corrcoef(told, expected)[0, 1] > 0.9
    assert run["mstl_ets"](np.full(240, 7.0), 3).tolist() == [7.0, 7.0, 7.0]
