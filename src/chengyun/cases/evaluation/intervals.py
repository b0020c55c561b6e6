# SPDX-License-Identifier: Apache-2.0
"""How sure a figure is: an interval for each kind of figure, closed forms in numpy.

a rate        Wilson's score interval (1927): close to its level for small counts and at 0 and 1, where the textbook's
              interval has no width; recommended by Brown, Cai and DasGupta, Statistical Science 16 (2001)
a composite   MOVER, the method of variance estimates recovery: limits of a weighted sum from the limits of its parts,
              with their correlation; Zou and Donner, Statistics in Medicine 27 (2008)
a rank        draws from the posterior; ranking.py
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["LEVEL", "mover", "wilson"]

LEVEL = 0.95
Floats = npt.NDArray[np.float64]


def wilson(met: npt.ArrayLike, due: npt.ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the limits of shares met/due, 0–1; NaN where nothing was due. due may be a fraction: an effective count."""
    k, n = np.asarray(met, float), np.asarray(due, float)
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 / n * (p * (1 - p) + z2 / (4 * n))) / (1 + z2 / n)
        # At the ends the limit is the end itself; without this a rounding error stays.
        low = np.where(k == 0, 0.0, middle - half)
        high = np.where(k == n, 1.0, middle + half)
    nothing = n <= 0
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def mover(
    weights: npt.ArrayLike, values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, correlation: Floats | None = None
) -> tuple[float, float]:
    """Return the limits of Σ weights × values from the parts' limits.

    A negative weight turns a part's limits round. correlation: of the parts' estimates; None: independent.
    """
    w, v = np.asarray(weights, float), np.asarray(values, float)
    below = np.where(w >= 0, v - np.asarray(low, float), np.asarray(high, float) - v) * np.abs(w)
    above = np.where(w >= 0, np.asarray(high, float) - v, v - np.asarray(low, float)) * np.abs(w)
    # A part that counts the other way round correlates the other way round.
    sign = np.where(w >= 0, 1.0, -1.0)
    tied = np.eye(len(w)) if correlation is None else correlation * np.outer(sign, sign)
    middle = float(w @ v)
    return middle - float(np.sqrt(max(0.0, below @ tied @ below))), middle + float(np.sqrt(max(0.0, above @ tied @ above)))
