# SPDX-License-Identifier: Apache-2.0
"""The methods of composite indices against values worked out another way, and what must hold whatever the numbers are."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.city import AHP, PCA, Dimension, Distance, Entropy, Index, MinMax, Part, Percentile, ZScore
from chengyun.errors import Misdeclared
from chengyun.standards import composite, weighting

SAATY = {("a", "b"): 3, ("a", "c"): 5, ("b", "c"): 3}
"""The usual textbook matrix of three things: λ = 3.0385, weights 0.637, 0.258, 0.105, consistency ratio 0.033."""


def test_judgements_in_pairs_weigh_as_the_principal_eigenvector_does():
    matrix = weighting.judgements(["a", "b", "c"], SAATY)
    weights, ratio = weighting.ahp(matrix)
    # By the eigenvalues themselves, another way than repeated multiplication.
    values, vectors = np.linalg.eig(np.array(matrix))
    first = int(np.argmax(values.real))
    vector = np.abs(vectors[:, first].real)
    assert weights == pytest.approx(vector / vector.sum(), abs=1e-12)
    assert weights == pytest.approx([0.6370, 0.2583, 0.1047], abs=5e-5)
    assert ratio == pytest.approx((values[first].real - 3) / 2 / 0.58, abs=1e-12)
    assert ratio == pytest.approx(0.0332, abs=5e-4)
    consistent = weighting.judgements(["a", "b", "c"], {("a", "b"): 2, ("b", "c"): 2, ("a", "c"): 4})
    assert weighting.ahp(consistent) == (pytest.approx([4 / 7, 2 / 7, 1 / 7]), pytest.approx(0, abs=1e-12))


@pytest.mark.parametrize(
    ("compared", "says"),
    [
        ({("a", "b"): 3, ("b", "c"): 3}, "is not compared"),
        ({**SAATY, ("b", "a"): 1 / 3}, "stands twice"),
        ({**SAATY, ("a", "d"): 2}, "does not compare two of a, b, c"),
        ({**SAATY, ("a", "b"): 0}, "expected a number above zero"),
        ({("a", "b"): 9, ("b", "c"): 9, ("a", "c"): 1}, "consistency ratio 2.2"),
    ],
)
def test_judgements_that_are_incomplete_or_contradict_each_other_are_refused(compared, says):
    parts = [Part(key, key.upper(), "p.i", MinMax()) for key in "abc"]
    with pytest.raises(Misdeclared, match=says):
        Dimension("d", "D", parts, weights=AHP(compared))
    assert Dimension("d", "D", parts, weights=AHP(SAATY)).weights.compared == SAATY


def test_entropy_weighs_what_differs():
    # By hand: equal shares have entropy 1; (1, 2, 3)/6 have (ln6/6 + ln3/3 + ln2/2)/ln3 = 0.92062; one alone has 0.
    weights = weighting.entropy([[1, 1, 0], [1, 2, 0], [1, 3, 6]])
    differs = 1 - (math.log(6) / 6 + math.log(3) / 3 + math.log(2) / 2) / math.log(3)
    assert differs == pytest.approx(0.07938, abs=1e-5)
    assert weights == pytest.approx([0, differs / (1 + differs), 1 / (1 + differs)], abs=1e-12)
    assert weighting.entropy([[5, 5], [5, 5], [5, 5]]) == [0.5, 0.5]
    assert weighting.entropy([[1, 2], [3, 4]]) is None


def test_components_weigh_by_squared_loadings():
    # a and b are one thing and c is at right angles to both: eigenvalues 2, 1, 0, so the first alone explains two thirds.
    rows = [[1, 10, 1], [-1, -10, 1], [1, 10, -1], [-1, -10, -1]]
    assert weighting.principal(rows, 0.6) == pytest.approx([0.5, 0.5, 0], abs=1e-12)
    assert weighting.principal(rows, 0.85) == pytest.approx([1 / 3, 1 / 3, 1 / 3], abs=1e-12)
    # By singular values of the standardised table instead of eigenvalues of the correlations.
    chance = np.random.default_rng(7)
    table = chance.normal(size=(40, 5)) @ chance.normal(size=(5, 5))
    _, singular, vectors = np.linalg.svd((table - table.mean(0)) / table.std(0), full_matrices=False)
    shares = singular**2 / (singular**2).sum()
    kept = int(np.searchsorted(np.cumsum(shares), 0.85)) + 1
    expected = (vectors[:kept] ** 2 * shares[:kept, None]).sum(0)
    assert weighting.principal(table.tolist()) == pytest.approx(expected / expected.sum(), abs=1e-9)
    assert weighting.principal([[1, 2], [1, 3], [1, 5]]) == [0, 1]


def test_values_become_scores_in_both_directions_and_unknown_stays_unknown():
    values = [10.0, None, 20.0, 40.0]
    assert composite.min_max(values, True) == [0, None, pytest.approx(100 / 3), 100]
    assert composite.min_max(values, False) == [100, None, pytest.approx(200 / 3), 0]
    assert composite.min_max(values, True, 0, 20) == [50, None, 100, 100]
    assert composite.percentile(values, True) == [pytest.approx(100 / 6), None, 50, pytest.approx(500 / 6)]
    deviation = np.std([10, 20, 40])
    assert composite.z_score(values, False)[3] == pytest.approx(50 - 10 * (40 - 70 / 3) / deviation)
    assert composite.distance(values, target=10, base=50) == [100, None, 75, 25]
    assert composite.min_max([3.0, 3.0], True) == [50, 50]


def test_what_is_missing_is_shared_out_in_its_dimension_first():
    groups = [(0.6, [0.5, 0.5]), (0.4, [0.25, 0.75])]
    assert composite.effective(groups, [True] * 4) == pytest.approx([0.3, 0.3, 0.1, 0.3])
    assert composite.effective(groups, [True, False, True, True]) == pytest.approx([0.6, 0, 0.1, 0.3])
    assert composite.effective(groups, [False, False, True, True]) == pytest.approx([0, 0, 0.25, 0.75])
    assert composite.effective(groups, [False] * 4) == [0, 0, 0, 0]


scores = st.one_of(st.none(), st.floats(0, 100))
parts = st.lists(st.tuples(st.floats(0.01, 10), scores, st.floats(0.01, 10), scores), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(parts, st.sampled_from(["arithmetic", "geometric"]), st.integers(0, 4))
def test_contributions_sum_to_the_change_exactly(given_parts, by, decimals):
    sides = []
    for weigh, score in ((0, 1), (2, 3)):
        present = [row[score] is not None for row in given_parts]
        weights = composite.effective([(1.0, [row[weigh] for row in given_parts])], present)
        column = [row[score] for row in given_parts]
        counted = {str(place): pair for place, pair in enumerate(zip(weights, column, strict=True))}
        sides.append((composite.aggregate(column, weights, by), counted))
    (before, then), (after, now) = sides
    if before is None or after is None:
        return
    found = composite.contributions(before, after, then, now, by)
    assert sum((one.share for one in found), Fraction()) == Fraction(after) - Fraction(before)
    # The remainder put on the largest share is of the last digits only: each share is what the formula says.
    for one in found:
        (w0, s0), (w1, s1) = then[one.part], now[one.part]
        if by == "arithmetic":
            assert float(one.share) == pytest.approx((w1 * (s1 or 0)) - (w0 * (s0 or 0)), abs=1e-9)
    whole = round(Decimal(after), decimals) - round(Decimal(before), decimals)
    printed = composite.apportioned([one.share for one in found], whole, decimals)
    assert sum(printed) == whole
    assert all(abs(float(a) - float(b.share)) < 2 * 10**-decimals for a, b in zip(printed, found, strict=True))


def test_a_part_whose_score_alone_moved_is_the_whole_change_and_weights_are_told_apart():
    then = {"a": (0.5, 40.0), "b": (0.5, 60.0)}
    now = {"a": (0.5, 50.0), "b": (0.5, 60.0)}
    [a, b] = composite.contributions(50.0, 55.0, then, now, "arithmetic")
    assert (a.share, b.share, a.weights, b.weights) == (5, 0, 0, 0)
    now = {"a": (1.0, 40.0), "b": (0.0, None)}
    [a, b] = composite.contributions(50.0, 40.0, then, now, "arithmetic")
    assert (a.share, b.share, a.weights, b.weights) == (20, -30, 20, -30)


def test_ranks_are_as_firm_as_weights_make_them():
    # The first is best in everything; the other two change places with the weights.
    rows = [[90.0, 90.0], [80.0, 20.0], [20.0, 81.0]]
    weights = [[0.5, 0.5]] * 3
    given_ = {"spread": 0.25, "draws": 500, "seed": 3}
    found = composite.rank_intervals(rows, weights, "arithmetic", **given_)
    assert found[0] == (1, 1, 1)
    assert {found[1][0], found[1][2], found[2][0], found[2][2]} == {2, 3}
    assert found == composite.rank_intervals(rows, weights, "arithmetic", **given_)
    assert composite.rank_intervals([[50.0], [50.0]], [[1.0], [1.0]], "geometric", **given_) == [(1, 1, 1), (1, 1, 1)]
    # Every order of two weights that the spread allows, tried one by one, stays inside the interval.
    for first, second in itertools.product((0.75, 1, 1.25), repeat=2):
        values = [(row[0] * first + row[1] * second) / (first + second) for row in rows]
        assert composite.ranks(values)[0] == 1


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"missing": "zero", "aggregate": "geometric"}, "no place for a missing part"),
        ({"least": 2.0}, "expected a share"),
        ({"period": "week"}, "is not one of hour"),
        ({"source": ""}, "source is empty"),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(given_, says):
    dimension = Dimension("d", "D", [Part("a", "A", "p.i", MinMax())])
    with pytest.raises(Misdeclared, match=says):
        Index(
            **{"key": "x", "name": "X", "one_row_is": "x", "period": "day", "source": "own", "dimensions": [dimension], **given_}
        )


def test_a_weight_is_given_or_comes_out_of_data_and_a_way_has_a_direction():
    weighed = [Part("a", "A", "p.i", ZScore(), weight=1), Part("b", "B", "p.i", Percentile(), weight=1)]
    for weights in (Entropy(), PCA()):
        with pytest.raises(Misdeclared, match="weights come out of data, and part a, b is given one"):
            Dimension("d", "D", weighed, weights=weights)
    with pytest.raises(Misdeclared, match="part b has none"):
        Dimension("d", "D", [weighed[0], Part("b", "B", "p.i", ZScore())])
    with pytest.raises(Misdeclared, match="goes the other way"):
        Part("a", "A", "p.i", Distance(10, 50), better="more")
