# SPDX-License-Identifier: Apache-2.0
"""Composite indices: scores from 0 to 100 out of values, many scores into one, what changed it, how far to trust a rank.

    values of the areas ──normalise──▶ scores ──weights──▶ index ──▶ contributions to a change (they sum to it exactly)
                                                             └──▶ ranks when weights or the normalisation are others

None is a value that is not known; it stays None, and who weighs decides what that means.

Standard: OECD/JRC, Handbook on Constructing Composite Indicators (2008), steps 5 to 8; Ang, The LMDI approach (2005) for
the exact decomposition of a product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Literal

__all__ = [
    "FLOOR", "Aggregation", "Contribution", "aggregate", "apportioned", "contributions", "distance", "effective", "min_max",
    "percentile", "rank_intervals", "ranks", "z_score",
]  # fmt: skip

Values = Sequence[float | None]
Aggregation = Literal["arithmetic", "geometric"]

FLOOR = 1.0
"""The least score a geometric mean counts with, of 100: one part at zero would else take all the others with it."""


def min_max(values: Values, rising: bool, low: float | None = None, high: float | None = None) -> list[float | None]:
    """Return 0 at the worst and 100 at the best. low, high: goalposts; None: the least and the largest of the values.

    Beyond a goalpost a score stays at its end. Where all are equal, all score 50.
    """
    known = [value for value in values if value is not None]
    low = min(known, default=0.0) if low is None else low
    high = max(known, default=0.0) if high is None else high
    if high <= low:
        return [None if value is None else 50.0 for value in values]
    shares = (None if value is None else (value - low) / (high - low) for value in values)
    return [None if share is None else _within(100 * (share if rising else 1 - share)) for share in shares]


def z_score(values: Values, rising: bool) -> list[float | None]:
    """Return 50 at the mean of the values and 10 more for each standard deviation (of the population) better, 0 to 100."""
    known = [value for value in values if value is not None]
    if not known:
        return list(values)
    mean = math.fsum(known) / len(known)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / len(known))
    if deviation == 0:
        return [None if value is None else 50.0 for value in values]
    sign = 1 if rising else -1
    return [None if value is None else _within(50 + sign * 10 * (value - mean) / deviation) for value in values]


def distance(values: Values, target: float, base: float) -> list[float | None]:
    """Return how much of the way from a base to a target is done, 0 to 100; the base above the target: less is better."""
    return [None if value is None else _within(100 * (value - base) / (target - base)) for value in values]


def percentile(values: Values, rising: bool) -> list[float | None]:
    """Return the share of the values, in hundredths, that are worse, those that are equal counting half, itself too."""
    known = [value for value in values if value is not None]

    def score(value: float) -> float:
        worse = sum(other < value if rising else other > value for other in known)
        return 100 * (worse + sum(other == value for other in known) / 2) / len(known)

    return [None if value is None else score(value) for value in values]


def effective(groups: Sequence[tuple[float, Sequence[float]]], present: Sequence[bool]) -> list[float]:
    """Return the weight every part really has: of its group times in its group, what is missing shared out.

    groups: (weight of the group, weights in it), in order; present: of every part, in the same order. The weights in a
    group sum to one over what is there, and so do the groups that have anything. Nothing there: all weigh zero.
    """
    found: list[float] = []
    first = 0
    inner: list[tuple[float, list[float]]] = []
    for weight, parts in groups:
        here = [part if there else 0.0 for part, there in zip(parts, present[first : first + len(parts)], strict=True)]
        first += len(parts)
        whole = math.fsum(here)
        inner.append((weight if whole > 0 else 0.0, [part / whole for part in here] if whole > 0 else here))
    whole = math.fsum(weight for weight, _ in inner)
    for weight, here in inner:
        found += [part * (weight / whole) if whole > 0 else 0.0 for part in here]
    return found


def aggregate(scores: Values, weights: Sequence[float], by: Aggregation) -> float | None:
    """Return the weighted mean of scores; weights sum to one. None when a part that weighs has no score, or nothing weighs."""
    pairs = [(score, weight) for score, weight in zip(scores, weights, strict=True) if weight > 0]
    if not pairs:
        return None
    known = [(score, weight) for score, weight in pairs if score is not None]
    if len(known) < len(pairs):
        return None
    if by == "arithmetic":
        return math.fsum(score * weight for score, weight in known)
    return math.exp(math.fsum(weight * math.log(max(score, FLOOR)) for score, weight in known))


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a part did to a change. share: exact; all shares sum to the change exactly. weights: how much of it comes from
    another weight (something missing then or now, or a weight out of data), not from another score."""

    part: str
    share: Fraction
    weights: float


Counted = Mapping[str, tuple[float, float | None]]
"""Part → (effective weight, score)."""


def contributions(before: float, after: float, then: Counted, now: Counted, by: Aggregation) -> list[Contribution]:
    """Return what each part did to the change from one value of an index to another, in the order of `now`.

    arithmetic: w₁s₁ − w₀s₀. geometric: L(I₁, I₀)·(w₁ ln s₁ − w₀ ln s₀) with L the logarithmic mean, which leaves no
    remainder. What the arithmetic of floats leaves in the last digits is added to the largest share, so the sum is exact.
    """
    parts = [*now, *(key for key in then if key not in now)]
    factor = 1.0
    if by == "geometric":
        factor = before if before == after else (after - before) / math.log(after / before)
    found: list[Contribution] = []
    for key in parts:
        (weight0, score0), (weight1, score1) = then.get(key, (0.0, None)), now.get(key, (0.0, None))
        term0, term1 = _term(score0, by), _term(score1, by)
        share = Fraction(factor) * (
            Fraction(weight1) * Fraction(0.0 if term1 is None else term1)
            - Fraction(weight0) * Fraction(0.0 if term0 is None else term0)
        )
        mean = _mean(term0, term1)
        found.append(Contribution(key, share, factor * (weight1 - weight0) * mean))
    if not found:
        return found
    rest = Fraction(after) - Fraction(before) - sum((one.share for one in found), Fraction())
    most = max(range(len(found)), key=lambda place: abs(found[place].share))
    found[most] = Contribution(found[most].part, found[most].share + rest, found[most].weights)
    return found


def apportioned(shares: Sequence[Fraction], whole: Decimal, decimals: int) -> list[Decimal]:
    """Return shares rounded so that they sum to the whole as it is printed, each off by less than two of the last place.

    By largest remainders: what rounding down leaves goes to those that lost the most.
    """
    step = Decimal(1).scaleb(-decimals)
    units = [share * 10**decimals for share in shares]
    floors = [math.floor(unit) for unit in units]
    left = int((whole / step).to_integral_value(ROUND_HALF_EVEN)) - sum(floors)
    order = sorted(range(len(units)), key=lambda place: (floors[place] - units[place], place))
    rounds, extra = divmod(left, len(units)) if units else (0, 0)
    given = [floor + rounds for floor in floors]
    for place in order[:extra]:
        given[place] += 1
    return [number * step for number in given]


def ranks(values: Values) -> list[int | None]:
    """Return 1 for the largest; equal values share the better rank; None keeps None."""
    known = [value for value in values if value is not None]
    return [None if value is None else 1 + sum(other > value for other in known) for value in values]


def rank_intervals(
    scores: Sequence[Values], weights: Sequence[Sequence[float]], by: Aggregation, *, spread: float, draws: int, seed: int
) -> list[tuple[int, int, int]]:
    """Return for each area the 5th, 50th and 95th of a hundred ranks when weights are others by up to `spread` either way.

    scores, weights: a row an area that has a value, a column a part; a part without a score weighs zero. Each draw moves
    every weight by a factor of its own, uniform in [1 − spread, 1 + spread], the same for all areas.
    """
    if not scores:
        return []
    import numpy as np  # a large library that declaring an index must not load

    weight = np.asarray(weights, dtype=np.float64)
    score = np.array([[np.nan if one is None else one for one in row] for row in scores], dtype=np.float64)
    term = np.where(weight > 0, np.log(np.maximum(score, FLOOR)) if by == "geometric" else score, 0.0)
    chance = np.random.Generator(np.random.PCG64(seed))
    places = np.empty((draws, len(scores)), dtype=np.int32)
    for first in range(0, draws, DRAWS_AT_ONCE):
        count = min(DRAWS_AT_ONCE, draws - first)
        factors = chance.uniform(1 - spread, 1 + spread, (count, weight.shape[1]))
        # Rounded: areas that are equal must stay equal whatever order a processor adds in.
        values = np.round((factors @ (weight * term).T) / (factors @ weight.T), 9)
        ordered = np.sort(values, axis=1)
        for row in range(count):
            places[first + row] = 1 + len(scores) - np.searchsorted(ordered[row], values[row], side="right")
    low, middle, high = np.percentile(places, (5, 50, 95), axis=0, method="nearest")
    return [(int(a), int(b), int(c)) for a, b, c in zip(low, middle, high, strict=True)]


DRAWS_AT_ONCE = 200
"""Draws worked on together: they bound the memory."""


def _within(score: float) -> float:
    return min(100.0, max(0.0, score))


def _term(score: float | None, by: Aggregation) -> float | None:
    if score is None:
        return None
    return math.log(max(score, FLOOR)) if by == "geometric" else score


def _mean(then: float | None, now: float | None) -> float:
    if then is None or now is None:
        return (now if then is None else then) or 0.0
    return (then + now) / 2
