# SPDX-License-Identifier: Apache-2.0
"""Placebo decisions are not found to work, effects lie in their intervals, and what cannot be judged is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import nnls

from chengyun.govern.decisions.effects.comparing import compare
from chengyun.govern.decisions.effects.judging import Judgement, Method, judge
from chengyun.govern.decisions.effects.panels import Panel, balanced
from chengyun.govern.decisions.effects.synthetic import weights

EFFECT = 3.0
SHAPES: tuple[tuple[Method, dict[str, int], int], ...] = (
    ("differences", {"areas": 10, "treated": 2, "before": 24, "after": 12}, 240),
    ("differences", {"areas": 12, "treated": 4, "before": 30, "after": 10}, 240),
    ("differences", {"areas": 24, "treated": 1, "before": 24, "after": 8}, 240),
    ("synthetic", {"areas": 21, "treated": 1, "before": 24, "after": 8}, 100),
    ("synthetic", {"areas": 26, "treated": 3, "before": 30, "after": 10}, 40),
)


def made(seed: int, *, areas: int, treated: int, before: int, after: int, effect: float = 0.0, drift: float = 0.0) -> Panel:
    """Return a panel: areas of their own level, shocks common to all, noise that remembers yesterday.

    drift: by period, how much the treated move apart anyway. Every third seed has heavy tails.
    """
    draw = np.random.default_rng(seed)
    span = before + after
    noise = draw.standard_t(4, (areas, span + 20)) if seed % 3 == 0 else draw.normal(size=(areas, span + 20))
    for step in range(1, span + 20):
        noise[:, step] += 0.5 * noise[:, step - 1]
    common = np.cumsum(draw.normal(size=span)) + 3 * np.sin(np.arange(span) / 7 * 2 * np.pi)
    values = draw.normal(50, 10, (areas, 1)) + common + noise[:, 20:]
    which = np.zeros(areas, dtype=bool)
    which[draw.permutation(areas)[:treated]] = True
    values[which, before:] += effect
    values[which] += drift * np.arange(span)
    return Panel(tuple(map(str, range(areas))), tuple(map(str, range(span))), values, which, before)


@pytest.fixture(scope="module")
def judged() -> dict[tuple[str, float], list[Judgement]]:
    """Several hundred small panels, half without an effect, judged as they come."""
    found: dict[tuple[str, float], list[Judgement]] = {}
    for method, shape, count in SHAPES:
        for seed in range(count):
            effect = 0.0 if seed % 2 else EFFECT
            panel = made(1000 + seed, **shape, effect=effect)
            found.setdefault((method, effect), []).append(judge(panel, method, True, None, seed))
    return found


@pytest.mark.parametrize("method", ["differences", "synthetic"])
def test_placebo_decisions_are_flagged_at_most_one_time_in_twenty(judged, method: str) -> None:
    placebos = judged[method, 0.0]
    flagged = sum(one.state in ("as_expected", "opposite") for one in placebos)
    assert flagged / len(placebos) <= 0.05
    # What is refused is no way to look honest: most placebos get a verdict.
    assert sum(one.state == "refused" for one in placebos) / len(placebos) <= 0.15


@pytest.mark.parametrize("method", ["differences", "synthetic"])
@pytest.mark.parametrize("effect", [0.0, EFFECT])
def test_intervals_cover_the_effect(judged, method: str, effect: float) -> None:
    told = [one for one in judged[method, effect] if one.state != "refused"]
    covered = sum(one.low <= effect <= one.high for one in told) / len(told)
    assert 0.90 <= covered <= 0.98 + 1 / len(told)


@pytest.mark.parametrize("method", ["differences", "synthetic"])
def test_effects_of_some_size_are_found(judged, method: str) -> None:
    told = [one for one in judged[method, EFFECT] if one.state != "refused"]
    assert sum(one.state == "as_expected" for one in told) / len(told) >= 0.5
    assert not any(one.state == "opposite" for one in told)


def test_areas_that_moved_apart_before_are_refused() -> None:
    shape = {"areas": 16, "treated": 4, "before": 24, "after": 8}
    told = [judge(made(seed, **shape, drift=0.4), "differences", True, None, seed) for seed in range(20)]
    assert all(one.state == "refused" and {"not_parallel", "early_effect"} & set(one.reasons) for one in told)


@pytest.mark.parametrize(
    ("method", "shape", "reason"),
    [
        ("differences", {"areas": 5, "treated": 1, "before": 20, "after": 6}, "few_areas"),
        ("differences", {"areas": 3, "treated": 1, "before": 20, "after": 6}, "few_others"),
        ("differences", {"areas": 12, "treated": 2, "before": 4, "after": 6}, "short_before"),
        ("differences", {"areas": 12, "treated": 2, "before": 12, "after": 1}, "short_after"),
        ("differences", {"areas": 12, "treated": 0, "before": 12, "after": 6}, "no_treated"),
        ("synthetic", {"areas": 12, "treated": 1, "before": 20, "after": 6}, "few_areas"),
        ("synthetic", {"areas": 8, "treated": 1, "before": 20, "after": 6}, "few_others"),
    ],
)
def test_too_little_is_refused_with_its_reason(method: Method, shape: dict[str, int], reason: str) -> None:
    told = judge(made(7, **shape, effect=50), method, True, None, 1)
    assert (told.state, reason in told.reasons) == ("refused", True)


def test_copies_of_one_series_tell_nothing() -> None:
    panel = made(1, areas=24, treated=2, before=24, after=8)
    same = Panel(panel.areas, panel.periods, np.tile(panel.values[:1], (24, 1)), panel.treated, 24)
    for method in ("differences", "synthetic"):
        assert judge(same, method, True, None, 1).reasons == ("no_variation",)  # type: ignore[arg-type]


def test_an_effect_the_wrong_way_is_said_to_be_so_and_sizes_are_compared() -> None:
    panel = made(5, areas=20, treated=5, before=30, after=10, effect=-8)
    told = judge(panel, "differences", True, 1.0, 3)
    assert (told.state, told.size) == ("opposite", "short")
    assert judge(panel, "differences", False, 1.0, 3).size == "reached"
    assert judge(panel, "differences", False, 8.0, 3).size == "within"
    assert judge(panel, "differences", False, 8.0, 3).plain() == judge(panel, "differences", False, 8.0, 3).plain()


def test_the_draw_is_every_group_when_there_are_few() -> None:
    numbers, treated = np.array([9.0, 8.5, 1, 2, 3, 2.5, 1.5]), np.array([1, 1, 0, 0, 0, 0, 0], dtype=bool)
    told = compare(numbers, treated, 1)
    means = [numbers[list(one)].mean() - np.delete(numbers, one).mean() for one in itertools.combinations(range(7), 2)]
    assert (told.draws, told.p) == (21, 1 / 21)
    assert max(means) == pytest.approx(told.value)


def test_weights_are_the_least_squares_on_the_simplex() -> None:
    draw = np.random.default_rng(3)
    pools, series = draw.normal(size=(6, 12, 30)), draw.normal(size=(6, 30)) * 0.5
    found = weights(pools, series)
    assert found.min() >= 0
    assert np.allclose(found.sum(axis=1), 1)
    for pool, aim, mine in zip(pools, series, found, strict=True):
        # The sum as one more equation that weighs more than all the others together.
        heavy = 1e4
        theirs, _ = nnls(np.vstack([pool.T, heavy * np.ones(12)]), np.append(aim, heavy))
        assert np.linalg.norm(pool.T @ mine - aim) <= np.linalg.norm(pool.T @ theirs - aim) * (1 + 1e-4)


def test_gaps_are_left_out_and_never_filled() -> None:
    panel = made(2, areas=8, treated=2, before=10, after=5)
    values = panel.values.copy()
    values[0, :4] = np.nan
    values[1, 3] = np.nan
    found = balanced(panel.areas, panel.periods, values, panel.treated, 10)
    assert (found.dropped, found.lost, found.start, found.values.shape) == (("0",), 1, 9, (7, 14))
    assert not np.isnan(found.values).any()
