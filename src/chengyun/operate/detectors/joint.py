# SPDX-License-Identifier: Apache-2.0
"""Several quantities of one observation together: a combination that has not been, of values that each have.

    d² = zᵀ (C + ridge)⁻¹ z        z: the residuals of the quantities in scales, C: how they have moved together

judged by its own tail. A quantity that is unknown is left out: its residual is 0 and says nothing. Shrinking C towards the
identity (Ledoit and Wolf 2004, here by a fixed share) keeps the inverse tame while little is known.
"""

from __future__ import annotations

import numpy as np

from chengyun.operate.detectors import tails

__all__ = ["memory_of", "step"]

ROWS = 1_000
"""Observations C remembers."""
SHRINK = 0.1
FURTHEST = 10.0
"""In scales: a residual counts at most so much, so that an outlier neither bends C nor fills the tail."""
ALIVE = 30
"""Observations before there is a C to measure by."""
VIEWS = 2
"""The observation itself, and the mean of about four."""


def memory_of(quantities: int) -> np.dtype[np.void]:
    """Return what is kept of an entity."""
    return np.dtype(
        [
            ("count", "f8"), ("mean", "f8"), ("together", "f8", (quantities, quantities)),
            ("largest", "f4", (VIEWS, tails.KEPT)),
        ]
    )  # fmt: skip


def step(memory: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return how probable the residuals (rows, quantities) are together, then learn; the memory is changed in place."""
    known = ~np.isnan(residual)
    several = known.sum(axis=1) > 1
    z = np.clip(np.where(known, residual, 0.0), -FURTHEST, FURTHEST)
    count = memory["count"]
    together = memory["together"]
    own = np.eye(z.shape[1])
    ready = several & (count >= ALIVE)
    held = np.where((count >= ALIVE)[:, None, None], together, own)
    spread = np.maximum(np.einsum("nii->ni", held), 1e-6)
    shrunk = (1.0 - SHRINK) * held + SHRINK * spread[:, :, None] * own
    solved = np.linalg.solve(shrunk, z[:, :, None])[:, :, 0]
    distance = np.zeros(len(z))
    for quantity in range(z.shape[1]):
        distance += z[:, quantity] * solved[:, quantity]
    distance = np.sqrt(np.maximum(distance, 0.0))
    mean = np.where(ready, memory["mean"] + (distance - memory["mean"]) / 4, memory["mean"])
    views = np.column_stack([distance, mean])
    parts = tails.surprise(memory["largest"], count, views)
    odds = np.where(ready, np.minimum(1.0, VIEWS * np.exp(-np.maximum(parts[:, 0], parts[:, 1]))), 1.0)
    rate = np.where(several, np.maximum(1.0 / (count + 1.0), 1.0 / ROWS), 0.0)
    memory["together"] = together + rate[:, None, None] * (z[:, :, None] * z[:, None, :] - together)
    memory["largest"] = np.where(ready[:, None, None], tails.learn(memory["largest"], views), memory["largest"])
    memory["mean"] = mean
    memory["count"] = np.minimum(count + several, tails.LONGEST)
    return odds
