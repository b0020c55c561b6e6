# SPDX-License-Identifier: Apache-2.0
"""Who stands before whom, and how sure that is: draws of every unit's score from what is believed of its rates.

Each rate of a profile is drawn from its beta-binomial posterior (shrinkage.py), the rates of one unit tied to each other as the
cases that count for both tie them (Iman and Conover 1982), and weighted to a score. Over many draws a unit has a range of ranks.
Units whose order is not clear share a place. Standard: Goldstein and Spiegelhalter, League tables and their limitations, Journal
of the Royal Statistical Society A 159 (1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chengyun.cases.evaluation.declared import Profile
from chengyun.cases.evaluation.shrinkage import fit

__all__ = ["CLEAR", "Ranked", "stand"]

Floats = npt.NDArray[np.float64]
DRAWS = 2_000
CLEAR = 0.95
"""How probable it must be that one unit is better than another before they get different places."""


@dataclass(frozen=True)
class Ranked:
    """Of one unit. score, low, high: 0–100. order: 1 … among the ranked. place: shared with whom the order is not clear."""

    score: float
    low: float
    high: float
    order: int
    place: int
    rank_low: int
    rank_high: int
    best: float


def stand(
    profile: Profile, met: Sequence[Floats], due: Sequence[Floats], points: Sequence[Floats | None], tied: Floats,
    enough: npt.NDArray[np.bool_], seed: int = 0,
) -> list[Ranked | None]:  # fmt: skip
    """Rank units by a profile; None for one that has too few cases.

    met, due: of each rate of the profile, by unit. points: of each term, 0–100 by unit, None for a rate. tied: correlation of
    the rates. enough: which units have the cases to be ranked.
    """
    random = np.random.default_rng(seed)
    ranked = np.flatnonzero(enough)
    if not ranked.size:
        return [None] * len(enough)
    total = np.zeros((DRAWS, ranked.size))
    order = _tied_orders(tied, ranked.size, random)
    weights = np.zeros(ranked.size)
    place = -1
    for index, term in enumerate(profile.terms):
        weight, fixed = float(term.weight), points[index]
        if fixed is not None:
            total += weight * fixed[ranked]
            weights += weight
            continue
        place += 1
        k, n = met[place][ranked], due[place][ranked]
        prior = fit(k, n)
        drawn = prior.draws(k, n, DRAWS, random)
        drawn = np.take_along_axis(np.sort(drawn, axis=0), order[place], axis=0)
        shares = 1 - drawn if term.rate and term.rate.low else drawn
        # A term nothing is due of gives its weight to the others; where a profile forbids that, the unit is not ranked.
        counts = np.where(n > 0, weight, 0.0)
        total += counts * 100 * shares
        weights += counts
    scores = total / np.maximum(weights, 1e-12)
    return _spread_out(scores, ranked, len(enough))


def _tied_orders(tied: Floats, units: int, random: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Return, for each rate, in which order its sorted draws come so that the rates go together as `tied` says."""
    values, vectors = np.linalg.eigh(tied)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.einsum("ij,bju->biu", root, random.standard_normal((DRAWS, tied.shape[0], units)))
    return [np.argsort(np.argsort(normal[:, at], axis=0), axis=0) for at in range(tied.shape[0])]


def _spread_out(scores: Floats, ranked: npt.NDArray[np.int64], units: int) -> list[Ranked | None]:
    middle = scores.mean(axis=0)
    order = np.argsort(-middle, kind="stable")
    ranks = np.empty_like(scores, dtype=np.int64)
    np.put_along_axis(ranks, np.argsort(-scores, axis=1, kind="stable"), np.arange(1, ranked.size + 1)[None, :], axis=1)
    low, high = np.quantile(scores, [0.025, 0.975], axis=0)
    # Inverted, not interpolated: a rank is a whole number.
    rank_low, rank_high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
    found: list[Ranked | None] = [None] * units
    place, leader = 1, order[0]
    for number, at in enumerate(order, start=1):
        if number > 1 and float((scores[:, leader] > scores[:, at]).mean()) >= CLEAR:
            place, leader = number, at
        found[int(ranked[at])] = Ranked(
            float(middle[at]), float(low[at]), float(high[at]), number, place, int(rank_low[at]), int(rank_high[at]),
            float((ranks[:, at] == 1).mean()),
        )  # fmt: skip
    return found
