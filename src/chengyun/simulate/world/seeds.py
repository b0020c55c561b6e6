# SPDX-License-Identifier: Apache-2.0
"""Chance by name: a generator for each part of a city, whatever was drawn elsewhere before."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

__all__ = ["Floats", "Ints", "generator", "noise"]


def generator(seed: int, *part: object) -> np.random.Generator:
    """Return a counter-based generator (Philox) whose key is made of the seed and the part's name."""
    digest = hashlib.blake2b("/".join(map(str, (seed, *part))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big")))


def noise(seed: int, what: str, at_s: float, span_s: float) -> float:
    """Return a number from −1 to 1 that changes smoothly over about span_s seconds."""
    knot, into = divmod(at_s, span_s)
    before, after = (2.0 * generator(seed, "knot", what, int(knot) + n).random() - 1.0 for n in (0, 1))
    share = into / span_s
    return before + (after - before) * share * share * (3 - 2 * share)
