# SPDX-License-Identifier: Apache-2.0
"""How likely a closing was none, from the signs it carries: a latent class with units' own shares.

No single sign proves that nobody was there: a resident may be wrong, a phone may not have its position. Each sign has a chance to
show on a true closing and on a false one. Both, and each unit's share of false closings, are found together from how signs fall
together (Dawid and Skene 1979, by EM), leaning on stated beliefs (SIGNS) that count as much as PRIOR_CASES cases each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SIGNS", "Belief", "believe"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Belief:
    """What is expected of a sign before any case is seen: how often it shows on a true and on a false closing."""

    name: str
    on_true: float
    on_false: float


SIGNS: Mapping[str, Belief] = {
    "photo": Belief("照片重复或移位", 0.01, 0.40),
    "no_visit": Belief("无到场记录", 0.05, 0.75),
    "instant": Belief("接单后很快办结", 0.02, 0.35),
    "disagrees": Belief("当事人不认可", 0.05, 0.60),
    "again": Belief("同地再次上报", 0.03, 0.35),
}
"""Ours, to be set again from a city's own re-inspections; the cases themselves move them."""

PRIOR_CASES = 200.0
FALSE_SHARE, FALSE_CASES = 0.01, 20.0
"""Before anything is seen, a unit closes one case in a hundred falsely, believed as firmly as twenty cases."""

ROUNDS = 60


def believe(unit: Ints, shown: npt.NDArray[np.int8], times: Ints, units: int) -> tuple[Floats, Floats]:
    """Return each row's chance that its closing was false, and each unit's share of such.

    shown: (rows, signs): 1 shown, 0 not, -1 could not be seen. times: how many closings a row stands for.
    """
    seen, yes = shown >= 0, shown == 1
    on_true = np.array([one.on_true for one in SIGNS.values()])
    on_false = np.array([one.on_false for one in SIGNS.values()])
    first_true, first_false = on_true.copy(), on_false.copy()
    share = np.full(units, FALSE_SHARE)
    closings = np.bincount(unit, times, units)
    chance = np.zeros(len(unit))
    for _ in range(ROUNDS):
        log_true, log_false = (
            (np.where(yes, np.log(p), np.where(seen, np.log1p(-p), 0.0))).sum(axis=1) for p in (on_true, on_false)
        )
        odds = np.log(share[unit]) - np.log1p(-share[unit]) + log_false - log_true
        new = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        moved = float(np.abs(new - chance).max(initial=0.0))
        chance = new
        share = (np.bincount(unit, times * chance, units) + FALSE_CASES * FALSE_SHARE) / (closings + FALSE_CASES)
        for p, weight, first in ((on_true, times * (1 - chance), first_true), (on_false, times * chance, first_false)):
            p[:] = ((weight[:, None] * yes).sum(axis=0) + PRIOR_CASES * first) / (
                (weight[:, None] * seen).sum(axis=0) + PRIOR_CASES
            )
        if moved < 1e-5:
            break
    return chance, share
