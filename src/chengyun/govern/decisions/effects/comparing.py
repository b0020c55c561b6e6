# SPDX-License-Identifier: Apache-2.0
"""Two groups of areas, one number each: do they differ by more than areas differ anyway?

A long series of an area is not many observations: its days resemble each other. So every area is first made one number
(Bertrand, Duflo and Mullainathan 2004), and what is left is a small sample, judged as one:

    interval   Student's t on the areas' numbers (Donald and Lang 2007): pooled variance with n − 2 degrees of freedom while a
               group has fewer than four areas, Welch's from four on. Right for few areas if their numbers are roughly normal.
    p          how often a group drawn at random differs as much (Fisher). Right whatever the distribution, if before the
               decision any of the areas might as well have been the treated ones.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from chengyun.govern.decisions.effects.panels import Flags, Floats

__all__ = ["DRAWS", "Difference", "compare"]

DRAWS = 4999
"""Groups drawn when there are too many to try all."""
EACH_OWN = 4
"""Areas a group needs before its own variance says anything."""


@dataclass(frozen=True)
class Difference:
    """Treated minus comparison. low, high: 95 % interval. p: of the draw; least_p: the smallest it could have been."""

    value: float
    low: float
    high: float
    df: float
    p: float
    least_p: float
    draws: int


def compare(numbers: Floats, treated: Flags, seed: int, level: float = 0.95) -> Difference:
    """Compare the treated areas' numbers with the others'. Needs one treated and three others, not all equal."""
    k, n = int(treated.sum()), len(numbers)
    if k < 1 or n - k < 3:
        raise ValueError(f"{k} treated and {n - k} other areas: at least 1 and 3 are needed.")
    value, error, df = (float(one[0]) for one in _welch(numbers, np.flatnonzero(treated)[None, :]))
    # Rounding alone is no variation.
    if not error > 1e-12 * max(1.0, float(np.abs(numbers).max())):
        raise ValueError("the areas do not differ from each other at all.")
    reach = float(stats.t.ppf((1 + level) / 2, df)) * error
    whole = math.comb(n, k)
    if whole <= DRAWS:
        groups = np.array(list(itertools.combinations(range(n), k)), dtype=np.intp)
    else:
        order = np.random.default_rng(seed).random((DRAWS, n))
        groups = np.vstack([np.flatnonzero(treated)[None, :], np.argsort(order, axis=1)[:, :k]])
    drawn, errors, _ = _welch(numbers, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(drawn) / errors
    # Equal up to rounding counts as equal: leaving out such a group would make p too small.
    p = float(np.mean(sizes >= abs(value) / error * (1 - 1e-12)))
    return Difference(value, value - reach, value + reach, df, p, 1 / len(groups), len(groups))


def _welch(numbers: Floats, groups: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """Return difference, its standard error and degrees of freedom for every group of indices."""
    k, n = groups.shape[1], len(numbers)
    m = n - k
    centred = numbers - numbers.mean()
    chosen = centred[groups]
    sum_in, square_in = chosen.sum(axis=1), (chosen**2).sum(axis=1)
    sum_out, square_out = centred.sum() - sum_in, (centred**2).sum() - square_in
    spread_in = np.maximum(square_in - sum_in**2 / k, 0.0)
    spread_out = np.maximum(square_out - sum_out**2 / m, 0.0)
    value = sum_in / k - sum_out / m
    if k >= EACH_OWN and m >= EACH_OWN:
        a, b = spread_in / (k - 1) / k, spread_out / (m - 1) / m
        with np.errstate(divide="ignore", invalid="ignore"):
            df = (a + b) ** 2 / (a**2 / (k - 1) + b**2 / (m - 1))
        return value, np.sqrt(a + b), df
    pooled = (spread_in + spread_out) / (n - 2)
    return value, np.sqrt(pooled * (1 / k + 1 / m)), np.full(len(groups), float(n - 2))
