# SPDX-License-Identifier: Apache-2.0
"""What a unit's rate would be with the city's mix of cases: indirect standardisation.

A unit's outcomes are held against what the *other* units reach on cases of the same category, filing condition and area;
the ratio times the city's rate is the adjusted rate. The rarer outcome is standardised, so that the result stays within 0–1.
Its own cases are left out of what a unit is compared with: nobody sets the standard for himself. Where the others have few such
cases, the expectation leans on the coarser group (condition, category, all), by a weight of PSEUDO cases.

Standard: Breslow and Day, Statistical Methods in Cancer Research II (1987), indirect standardisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chengyun.cases.evaluation.tally import Stratum

__all__ = ["Adjusted", "standardise"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PSEUDO = 20.0
"""How many cases of a coarser group weigh as much as one's own group."""


@dataclass(frozen=True)
class Adjusted:
    """By unit: rate as recorded, expected of its mix, adjusted (NaN without cases), and the number of cases it is worth."""

    plain: Floats
    expected: Floats
    rate: Floats
    worth: Floats


def standardise(units: int, unit: Ints, strata: Sequence[Stratum], stratum: Ints, met: Floats, due: Floats) -> Adjusted:
    """Return every unit's rate adjusted for its mix. met, due: row by row, each row of one unit and one stratum."""
    cell, of_cell = np.unique(unit * max(1, len(strata)) + stratum, return_inverse=True)
    k, n = np.bincount(of_cell, met, cell.size), np.bincount(of_cell, due, cell.size)
    owner, kind = cell // max(1, len(strata)), cell % max(1, len(strata))
    own_k, own_n = np.bincount(owner, k, units), np.bincount(owner, n, units)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = k.sum() / n.sum() if n.sum() else np.nan
        plain = own_k / own_n
        others_n = n.sum() - own_n
        reference = np.where(others_n > 0, (k.sum() - own_k) / np.maximum(others_n, 1e-12), whole)[owner]
    depth = max((len(one) for one in strata), default=0)
    for level in range(1, depth + 1):
        group = _groups(strata, level)[kind]
        own, of_own = np.unique(owner * (int(group.max(initial=0)) + 1) + group, return_inverse=True)
        size = int(group.max(initial=0)) + 1
        others_k = np.bincount(group, k, size)[group] - np.bincount(of_own, k, own.size)[of_own]
        others = np.bincount(group, n, size)[group] - np.bincount(of_own, n, own.size)[of_own]
        reference = (others_k + PSEUDO * reference) / (others + PSEUDO)
    rare_is_met = bool(whole <= 0.5)
    share = reference if rare_is_met else 1 - reference
    seen = own_k if rare_is_met else own_n - own_k
    base = whole if rare_is_met else 1 - whole
    expected = np.bincount(owner, n * share, units)
    spread = np.bincount(owner, n * share * (1 - share), units)
    with np.errstate(divide="ignore", invalid="ignore"):
        rare = np.clip(np.where(expected > 0, seen / expected * base, base), 0.0, 1.0)
        worth = np.where((spread > 0) & (base > 0), (1 - base) * expected**2 / (base * spread), own_n)
        mix = expected / own_n
    nothing = own_n <= 0
    rate = rare if rare_is_met else 1 - rare
    return Adjusted(
        plain,
        mix if rare_is_met else 1 - mix,
        np.where(nothing, np.nan, rate),
        np.where(nothing, 0.0, worth),
    )


def _groups(strata: Sequence[Stratum], level: int) -> Ints:
    """Return the number of each stratum's group of the first `level` parts."""
    seen: dict[Stratum, int] = {}
    return np.array([seen.setdefault(one[:level], len(seen)) for one in strata], dtype=np.int64)
