# SPDX-License-Identifier: Apache-2.0
"""How improbable a value is among those before it, from the few largest that are kept.

    P(V > v) = k/n · exp(-(v - v_k) / m)        v_k: the k-th largest so far, m: how far the k largest lie above it on average

which is the generalised Pareto tail with shape 0 over the k-th order statistic. What comes often ends up among the largest and
is then no more surprising than k/n, however large it is. The mean of four k stands for all of them. Kept values fade, so what
was extreme years ago does not excuse what happens now.
Source: Weissman 1978, JASA 73(364), for tails over order statistics; Siffer et al. 2017, KDD, for tails of streams.
"""

from __future__ import annotations

import numpy as np

__all__ = ["KEPT", "learn", "surprise"]

COUNTS = (8, 12, 18, 27)
KEPT = COUNTS[-1]
LEAST = 50
"""Values before any is judged."""
FADES = 1.0 - 1.0 / 4_000
LONGEST = 8_000
FLATTEST = 0.15
"""Of the k-th largest: m is at least so much, or values that are all alike would make every next one impossible."""
TINY = 1e-12


def surprise(largest: np.ndarray, count: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return -ln P of values, 0 where they are ordinary.

    largest: (n, views, KEPT). count: (n,), values seen so far. value: (n, views), each zero or more.
    """
    ordered = -np.sort(-largest, axis=2)
    seen = np.log(np.maximum(count, 1))[:, None]
    total = np.zeros(value.shape)
    for k in COUNTS:
        top = ordered[:, :, :k]
        low = top[:, :, -1]
        above = np.zeros(value.shape)
        for i in range(k):  # one after the other: a sum whose order does not depend on the shape
            above += top[:, :, i] - low
        mean = np.maximum(above / k, FLATTEST * low + TINY)
        known = (count >= LEAST)[:, None] & (value > low)
        total += np.where(known, np.maximum(seen - np.log(k), 0.0) + (value - low) / mean, 0.0)
    return total / len(COUNTS)


def learn(largest: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the largest values after one more of each view."""
    faded = largest * FADES
    place = faded.argmin(axis=2)[:, :, None]
    lowest = np.take_along_axis(faded, place, axis=2)
    np.put_along_axis(faded, place, np.maximum(lowest, value[:, :, None]), axis=2)
    return faded
