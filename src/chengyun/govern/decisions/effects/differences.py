# SPDX-License-Identifier: Apache-2.0
"""Difference in differences: how much more did treated areas change than the others?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chengyun.govern.decisions.effects.comparing import Difference, compare
from chengyun.govern.decisions.effects.panels import Floats, Panel

__all__ = ["Differences", "estimate"]


@dataclass(frozen=True)
class Differences:
    """effect: of the decision. trend: difference of slopes before it, per period. early: the effect of a decision that was never
    taken, at two thirds of the time before. drift: what the difference of slopes, went it on, would have added to the effect."""

    effect: Difference
    trend: Difference
    early: Difference
    drift: float


def estimate(panel: Panel, seed: int) -> Differences:
    """Return the estimate with its two checks on the time before. Needs six periods before and one after."""
    effect = compare(_change(panel.values, panel.start), panel.treated, seed)
    trend = compare(_slopes(panel.before), panel.treated, seed + 1)
    early = compare(_change(panel.before, _two_thirds(panel.start)), panel.treated, seed + 2)
    steps = (panel.values.shape[1] - 1) / 2 + 0.5  # between the middle of before and the middle of after
    return Differences(effect, trend, early, trend.value * steps)


def _two_thirds(start: int) -> int:
    return max(1, min(start - 1, round(start * 2 / 3)))


def _change(values: Floats, start: int) -> Floats:
    return np.asarray(values[:, start:].mean(axis=1) - values[:, :start].mean(axis=1))


def _slopes(values: Floats) -> Floats:
    time = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    return np.asarray(values @ time / (time @ time))
