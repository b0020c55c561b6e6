# SPDX-License-Identifier: Apache-2.0
"""How good what was said turned out: absolute error, pinball loss, and whether intervals held what they promised.

Pinball loss of a quantile q: q·(y - f) above it, (1 - q)·(f - y) below: least when q of the truth lies below f. Here the mean
of the five quantiles a forecast gives: 5, 25, 50, 75 and 95 in a hundred.
Source: Gneiting and Raftery 2007, JASA 102(477), 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["QUANTILES", "Tally", "pinball", "tally"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def pinball(truth: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Return the mean pinball loss of each row. truth: (n,). quantiles: (n, 5), as QUANTILES."""
    away = truth[:, None] - quantiles
    levels = np.array(QUANTILES)
    return np.asarray(np.maximum(levels * away, (levels - 1.0) * away).mean(axis=1))


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over the steps whose truth is known. inside, inside_half: how many lay in the interval of nine, of five in ten."""

    count: int = 0
    error: float = 0.0
    naive_error: float = 0.0
    naive_count: int = 0
    pinball: float = 0.0
    inside: int = 0
    inside_half: int = 0

    def plus(self, other: Tally) -> Tally:
        mine, theirs = self.as_json(), other.as_json()
        return Tally(**{name: mine[name] + theirs[name] for name in mine})

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, kept: Iterable[Mapping[str, Any]]) -> Tally:
        """Return the sum of tallies as they are kept."""
        total = cls()
        for one in kept:
            total = total.plus(cls(**one)) if one else total
        return total

    @property
    def mae(self) -> float | None:
        return self.error / self.count if self.count else None

    @property
    def mean_pinball(self) -> float | None:
        return self.pinball / self.count if self.count else None

    @property
    def covered(self) -> float | None:
        return self.inside / self.count if self.count else None

    @property
    def covered_half(self) -> float | None:
        return self.inside_half / self.count if self.count else None

    @property
    def skill(self) -> float | None:
        """By how much less it erred than the season before, where both are known; None: not known."""
        if not self.naive_count or not self.naive_error or self.naive_count != self.count:
            return None
        return 1.0 - self.error / self.naive_error


def tally(
    actual: np.ndarray, value: np.ndarray, naive: np.ndarray, low: np.ndarray, high: np.ndarray, low_half: np.ndarray,
    high_half: np.ndarray,
) -> Tally:  # fmt: skip
    """Return the sums of one forecast's steps; NaN: unknown. Steps of which the season before says nothing are left out."""
    known = ~np.isnan(actual) & ~np.isnan(naive)
    y, f, n = actual[known], value[known], naive[known]
    bands = np.column_stack([low, low_half, value, high_half, high])[known]
    return Tally(
        count=len(y), error=float(np.abs(y - f).sum()), naive_error=float(np.abs(y - n).sum()), naive_count=len(y),
        pinball=float(pinball(y, bands).sum()), inside=int(((y >= bands[:, 0]) & (y <= bands[:, 4])).sum()),
        inside_half=int(((y >= bands[:, 1]) & (y <= bands[:, 3])).sum()),
    )  # fmt: skip
