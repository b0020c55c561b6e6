# SPDX-License-Identifier: Apache-2.0
"""Intervals against published tables, shrinkage, case mix, ranks, and detectors on cities whose truth is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.cases.evaluation.assess import assess
from chengyun.cases.evaluation.casemix import standardise
from chengyun.cases.evaluation.cheats import CHEATS, City, simulate
from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.declared import Book
from chengyun.cases.evaluation.discovery import adjusted
from chengyun.cases.evaluation.doubt import believe
from chengyun.cases.evaluation.intervals import mover, wilson
from chengyun.cases.evaluation.shrinkage import Prior, fit, tail_above
from chengyun.cases.evaluation.tally import Tally


@pytest.mark.parametrize(
    ("met", "due", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_as_published(met: int, due: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    found_low, found_high = wilson(met, due)
    assert (round(float(found_low), 4), round(float(found_high), 4)) == (low, high)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_its_rate_and_turns_round(met: int, unmet: int) -> None:
    low, high = wilson(met, met + unmet)
    if met + unmet == 0:
        assert math.isnan(low)
        return
    assert 0 <= low <= met / (met + unmet) + 1e-12
    assert met / (met + unmet) - 1e-12 <= high <= 1
    other_low, other_high = wilson(unmet, met + unmet)
    assert (1 - float(other_high), 1 - float(other_low)) == pytest.approx((float(low), float(high)))


def test_mover_of_one_part_is_that_part_and_of_a_turned_one_is_turned() -> None:
    assert mover([1], [0.8], [0.7], [0.9]) == pytest.approx((0.7, 0.9))
    assert mover([-1], [0.8], [0.7], [0.9]) == pytest.approx((-0.9, -0.7))
    tied = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert mover([1, 1], [0.8, 0.8], [0.7, 0.7], [0.9, 0.9], tied) == pytest.approx((1.4, 1.8))
    assert mover([1, -1], [0.8, 0.8], [0.7, 0.7], [0.9, 0.9], tied) == pytest.approx((0.0, 0.0))


def test_composite_limits_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    truth, n, weights = np.array([0.9, 0.75]), np.array([60, 40]), np.array([60.0, 40.0])
    hits = 0
    for _ in range(1_000):
        met = random.binomial(n, truth)
        low, high = wilson(met, n)
        below, above = mover(weights, met / n, low, high)
        hits += below <= weights @ truth <= above
    assert 0.93 <= hits / 1_000 <= 0.975


def test_a_prior_is_found_again() -> None:
    random = np.random.default_rng(2)
    due = random.integers(30, 400, 400)
    met = random.binomial(due, random.beta(16, 4, 400))
    found = fit(met, due)
    assert found.mean == pytest.approx(0.8, abs=0.01)
    assert found.weight == pytest.approx(20, rel=0.25)


@settings(max_examples=50)
@given(st.integers(1, 200), st.data())
def test_a_tail_is_the_sum_of_its_terms(due: int, data: st.DataObject) -> None:
    met = data.draw(st.integers(0, due))
    prior = Prior(2.5, 7.0)

    def term(k: int) -> float:
        gone = math.lgamma(due + 1) - math.lgamma(k + 1) - math.lgamma(due - k + 1)
        beta = math.lgamma(k + prior.a) + math.lgamma(due - k + prior.b) - math.lgamma(due + prior.weight)
        return math.exp(gone + beta - math.lgamma(prior.a) - math.lgamma(prior.b) + math.lgamma(prior.weight))

    assert tail_above(met, due, prior) == pytest.approx(sum(term(k) for k in range(met, due + 1)), abs=1e-9)


def test_benjamini_and_hochbergs_own_example() -> None:
    """JRSS B 57 (1995), section 3.2: fifteen hypotheses, four of which stand at level 0.05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (adjusted(p) <= 0.05).sum() == 4
    assert adjusted(p[::-1])[::-1] == pytest.approx(adjusted(p))


def test_an_easy_mix_earns_nothing() -> None:
    """Two units as good as each other, one with the easy cases: the plain rates differ, the adjusted ones do not."""
    unit, stratum = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    due = np.array([900.0, 100, 100, 900, 500, 500])
    met = due * np.array([0.95, 0.6, 0.95, 0.6, 0.95, 0.6])
    found = standardise(3, unit, [("easy",), ("hard",)], stratum, met, due)
    assert found.plain[0] - found.plain[1] == pytest.approx(0.28)
    assert found.rate[0] == pytest.approx(found.rate[1], abs=0.03)
    assert found.rate[2] == pytest.approx(found.plain[2], abs=0.02)


def test_no_case_no_rate() -> None:
    found = standardise(2, np.array([0]), [("a",)], np.array([0]), np.array([1.0]), np.array([2.0]))
    assert np.isnan(found.rate[1])
    assert found.worth[1] == 0


def one_rate_tally(met: list[int], due: list[int]) -> Tally:
    """Return units with these cases handled in time of those due, and nothing else wrong with them."""
    good = sum(1 << BIT[key] for key in ("handle_due", "handled", "handled_on_time", "close_due"))
    late = sum(1 << BIT[key] for key in ("handle_due", "handled", "close_due"))
    unit = np.repeat(np.arange(len(due)), 2)
    bits = np.tile([good, late], len(due))
    times = np.array([number for k, n in zip(met, due, strict=True) for number in (k, n - k)])
    zeros = np.zeros(unit.size)
    return Tally([str(at) for at in range(len(due))], [("a",)], unit, np.zeros_like(unit), bits, bits, times, zeros, zeros, zeros)


def test_a_unit_with_one_case_never_tops(declared: Book) -> None:
    met, due = [1, 460, 440, 430, 400], [1, 500, 500, 500, 500]
    profile = declared.profile("department_jinniu")
    found = assess(profile, {}, one_rate_tally(met, due))
    assert (found[0].plain_order, found[0].value) == (1, 100.0)
    assert found[0].ranked is None
    assert found[1].ranked is not None
    assert found[1].ranked.order == 1
    willing = assess(dataclasses.replace(profile, least=0), {}, one_rate_tally(met, due))
    assert willing[0].ranked is not None
    assert willing[0].ranked.order > 1
    assert willing[0].ranked.best < 0.5


def test_units_that_cannot_be_told_apart_share_a_place(declared: Book) -> None:
    found = assess(declared.profile("department_jinniu"), {}, one_rate_tally([90, 91, 92, 50], [100] * 4))
    assert [one.ranked.place if one.ranked else None for one in found] == [1, 1, 1, 4]


def test_false_closings_are_told_from_true_ones() -> None:
    random = np.random.default_rng(3)
    unit = np.repeat(np.arange(6), 400)
    false = (unit == 2) & (random.random(unit.size) < 0.2)
    chances = np.where(false[:, None], [0.35, 0.7, 0.3, 0.5, 0.3], [0.01, 0.05, 0.02, 0.05, 0.03])
    shown = (random.random(chances.shape) < chances).astype(np.int8)
    chance, share = believe(unit, shown, np.ones(unit.size, np.int64), 6)
    assert share[2] == pytest.approx(false[unit == 2].mean(), abs=0.05)
    assert np.delete(share, 2).max() < 0.03
    assert false[chance > 0.5].mean() > 0.9


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_named_and_gains_nothing(declared: Book, cheat) -> None:
    profile = declared.profile("department_outcome")
    for seed in (0, 1):
        city = City(cheater=(5 * seed + 1) % City.units, cases=600)
        honest = assess(profile, declared.signs, simulate(city, seed))
        cheated = assess(profile, declared.signs, simulate(dataclasses.replace(city, cheat=cheat), seed))
        before, after = honest[city.cheater], cheated[city.cheater]
        assert before.ranked is not None
        assert after.ranked is not None
        assert abs(before.ranked.order - after.ranked.order) <= 1
        assert [one for unit in honest for one in unit.findings if one.named] == []
        named = {(one.unit, one.sign) for unit in cheated for one in unit.findings if one.named}
        assert named <= {(city.cheater, cheat)}
