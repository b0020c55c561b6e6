# SPDX-License-Identifier: Apache-2.0
"""What was counted of one kind of unit in one period, as the arithmetic takes it: patterns of bits and how often each occurs.

A row says: `times` cases of `unit`, of the mix `stratum`, carry the bits `counted` as recorded, and the bits `fair` as they are
to be believed (counting.py). What cannot be settled case by case is a chance: that the closing was none (`doubt`), that the
rating was not the resident's own (`coaxed`), that the case is a part of another (`ghost`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chengyun.cases.evaluation.counted import BIT, CREDITED, OF_RATINGS
from chengyun.cases.evaluation.declared import Rate

__all__ = ["Stratum", "Tally"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Stratum = tuple[str, ...]
"""Category, condition, area: from the coarse to the fine."""


@dataclass(frozen=True)
class Tally:
    """Rows of one dimension, column by column. units, strata: what the indices name."""

    units: Sequence[str]
    strata: Sequence[Stratum]
    unit: Ints
    stratum: Ints
    counted: Ints
    fair: Ints
    times: Ints
    doubt: Floats
    coaxed: Floats
    ghost: Floats

    def columns(self) -> dict[str, Ints]:
        """Return every count as recorded, a column over the units."""
        return {
            key: np.bincount(self.unit, self.times * (self.counted >> bit & 1), len(self.units)).astype(np.int64)
            for key, bit in BIT.items()
        }

    def summed(self, count: str, *, fair: bool) -> Floats:
        """Return how often each row is part of a count, as recorded or as believed."""
        if not fair:
            return np.asarray(self.times * (self.counted >> BIT[count] & 1), dtype=float)
        believed: Floats = self.times * (self.fair >> BIT[count] & 1) * (1 - self.ghost)
        if count == "overdue_open":  # what was not done is still to be done
            believed = believed + self.times * (self.fair >> BIT["handled"] & 1) * (1 - self.ghost) * self.doubt
        if count in CREDITED:
            return believed * (1 - self.doubt)
        return believed * (1 - self.coaxed) if count in OF_RATINGS else believed

    def share(self, rate: Rate, *, fair: bool) -> tuple[Floats, Floats]:
        """Return met and due of a rate, row by row."""
        met = self.summed(rate.met, fair=fair) - (self.summed(rate.less, fair=fair) if rate.less else 0.0)
        return met, self.summed(rate.due, fair=fair)

    def per_unit(self, column: Floats) -> Floats:
        """Add rows up by unit."""
        return np.asarray(np.bincount(self.unit, column, len(self.units)), dtype=float)

    def correlation(self, rates: Sequence[Rate]) -> Floats:
        """Return how the rates' estimates go together: cases that take part in both, pooled over all units."""
        size = len(rates)
        tied = np.eye(size)
        shares = [self.share(rate, fair=False) for rate in rates]
        times = np.maximum(self.times, 1).astype(float)
        outcomes, parts = [met / times for met, _ in shares], [due > 0 for _, due in shares]
        totals = [float(due.sum()) for _, due in shares]
        for i in range(size):
            for j in range(i):
                both = parts[i] & parts[j]
                weight = self.times * both
                whole = float(weight.sum())
                if whole < 2:
                    continue
                mean_i, mean_j = ((weight * outcomes[it]).sum() / whole for it in (i, j))
                gone_i, gone_j = outcomes[i] - mean_i, outcomes[j] - mean_j
                spread = np.sqrt((weight * gone_i**2).sum() * (weight * gone_j**2).sum())
                if spread > 0:
                    overlap = whole / np.sqrt(totals[i] * totals[j])
                    tied[i, j] = tied[j, i] = float((weight * gone_i * gone_j).sum() / spread) * overlap
        return tied
