# SPDX-License-Identifier: Apache-2.0
"""Synthetic control: a mixture of other areas that moved like the treated ones before, and how far they parted after.

Weights are not negative and sum to one (Abadie, Diamond and Hainmueller 2010); every area is taken from its own mean before the
decision, so that areas of another level may take part (Ferman and Pinto 2021). Inference is by placebo in space: every other
area plays the treated one in turn, and what parts, relative to how well it fitted before, is ranked. J other areas give a rank
no finer than 1/(J + 1): a verdict at 5 % takes 19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chengyun.govern.decisions.effects.panels import Floats, Panel

__all__ = ["Synthetic", "estimate", "weights"]

STEPS = 1000
CLOSE = 1e-6


@dataclass(frozen=True)
class Synthetic:
    """gap: treated minus mixture by period. value: its mean after the start. low, high: interval of that level.

    p: rank among the placebos; least_p: the smallest it could have been. misfit: root mean square of the gap before;
    usual_misfit: the placebos' median. early_p: rank of the gap of a decision never taken, at two thirds of the time before.
    """

    value: float
    low: float
    high: float
    level: float
    p: float
    least_p: float
    early_p: float
    misfit: float
    usual_misfit: float
    gap: tuple[float, ...]
    mixture: tuple[float, ...]


def estimate(panel: Panel, level: float = 0.95) -> Synthetic:
    """Return the estimate, its interval of the level asked for or of what the number of areas allows. Needs nine other areas."""
    others = panel.values[~panel.treated]
    target = panel.values[panel.treated].mean(axis=0)
    count = len(others)
    if count < 9:
        raise ValueError(f"{count} other areas: a synthetic control is ranked among at least 9.")
    series, pools = _each_in_turn(target, others)
    gaps, mixed = _gaps(series, pools, panel.start)
    misfits, sizes = _misfit_and_size(gaps, panel.start)
    rank = math.ceil(level * (count + 1))
    reached = level if rank <= count else count / (count + 1)
    reach = float(np.sort(sizes[1:])[min(rank, count) - 1] * misfits[0])
    value = float(gaps[0, panel.start :].mean())
    split = max(2, round(panel.start * 2 / 3))
    early, _ = _gaps(series[:, : panel.start], pools[:, :, : panel.start], split)
    return Synthetic(
        value=value, low=value - reach, high=value + reach, level=reached,
        p=_rank(sizes), least_p=1 / (count + 1), early_p=_rank(_misfit_and_size(early, split)[1]),
        misfit=float(misfits[0]), usual_misfit=float(np.median(misfits[1:])),
        gap=tuple(float(one) for one in gaps[0]), mixture=tuple(float(one) for one in mixed[0]),
    )  # fmt: skip


def weights(pools: Floats, series: Floats) -> Floats:
    """Return for each problem the weights on the simplex whose mixture is nearest to a series (least squares).

    pools: problems × donors × periods; series: problems × periods. Accelerated projected gradient with restarts; stops when no
    weight moves any more.
    """
    gram = pools @ pools.transpose(0, 2, 1)
    aim = np.einsum("pdt,pt->pd", pools, series)
    bound = np.linalg.eigvalsh(gram)[:, -1]
    step = 1 / np.maximum(bound, 1e-300)
    found = np.full(aim.shape, 1 / aim.shape[1])
    ahead, momentum = found, np.ones(len(aim))
    for _ in range(STEPS):
        slope = np.einsum("pde,pe->pd", gram, ahead) - aim
        moved = _onto_simplex(ahead - step[:, None] * slope)
        turn = np.einsum("pd,pd->p", ahead - moved, moved - found) > 0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        pace = np.where(turn, 0.0, (momentum - 1) / following)
        momentum = np.where(turn, 1.0, following)
        far = np.abs(moved - found).max()
        ahead, found = moved + pace[:, None] * (moved - found), moved
        if far < CLOSE:
            break
    return found


def _onto_simplex(points: Floats) -> Floats:
    """Project every row onto the simplex (Held, Wolfe and Crowder 1974)."""
    ordered = -np.sort(-points, axis=1)
    excess = np.cumsum(ordered, axis=1) - 1
    held = ordered - excess / np.arange(1, points.shape[1] + 1) > 0
    last = held.sum(axis=1) - 1
    cut = excess[np.arange(len(points)), last] / (last + 1)
    return np.maximum(points - cut[:, None], 0.0)


def _each_in_turn(target: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return the series that play the treated one, the real one first, each with the donors it is mixed from.

    The real one is mixed from all J others, a placebo from the J − 1 beside it; a donor that stands in for the missing one, of no
    weight of its own, keeps the shapes equal: the placebo's first donor is repeated.
    """
    count = len(others)
    pools = [others]
    for index in range(count):
        rest = np.delete(others, index, axis=0)
        pools.append(np.vstack([rest, rest[:1]]))
    return np.vstack([target[None, :], others]), np.stack(pools)


def _gaps(series: Floats, pools: Floats, start: int) -> tuple[Floats, Floats]:
    means = series[:, :start].mean(axis=1, keepdims=True)
    own, donors = series - means, pools - pools[:, :, :start].mean(axis=2, keepdims=True)
    scale = np.maximum(np.abs(donors).max(axis=(1, 2)), 1e-300)
    found = weights(donors[:, :, :start] / scale[:, None, None], own[:, :start] / scale[:, None])
    mixed = np.einsum("pd,pdt->pt", found, donors)
    return own - mixed, mixed + means


def _misfit_and_size(gaps: Floats, start: int) -> tuple[Floats, Floats]:
    misfit = np.sqrt((gaps[:, :start] ** 2).mean(axis=1))
    if not (misfit > 0).all():
        raise ValueError("an area moved exactly like others before the decision; copies of one series tell nothing.")
    return misfit, np.abs(gaps[:, start:].mean(axis=1)) / misfit


def _rank(sizes: Floats) -> float:
    return float(np.mean(sizes >= sizes[0] * (1 - 1e-12)))
