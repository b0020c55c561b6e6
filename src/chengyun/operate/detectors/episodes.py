# SPDX-License-Identifier: Apache-2.0
"""What of a course of surprise is news: the beginning of an episode, and what is far worse than anything in it so far."""

from __future__ import annotations

import numpy as np

__all__ = ["news"]

STIRS = 2.5
REST = 100
"""Rows without a stir of half the episode's size end it."""
WORSE = 3.0
"""In nats: twenty times less probable than the worst so far."""


def news(surprise: np.ndarray) -> np.ndarray:
    """Return the surprise where it is news, 0 elsewhere. Looks at no row after the one it speaks of."""
    told = np.zeros(len(surprise))
    held, last = 0.0, 0
    for row in np.flatnonzero(surprise > STIRS).tolist():
        one = float(surprise[row])
        if row - last > REST:
            held = 0.0
        if one > 0.5 * held:
            last = row
        if one > held + (WORSE if held else 0.0):
            told[row] = held = one
    return told
