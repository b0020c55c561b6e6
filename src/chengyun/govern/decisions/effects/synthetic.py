# SPDX-License-Identifier: Apache-2.0
"""Synthetic control: a mixture of other areas that moved like the treated ones before, and how far they parted after.

Weights are not negative and sum to one (Abadie, Diamond and Hainmueller 2010); every area is taken from its own mean before the
decision, so that areas of another level may take part (Ferman and Pinto 2021).

Inference is by placebo in space, as a permutation of who was treated: groups of as many areas play the treated ones, mixed from
all the others, and what parts, relative to how well it fitted before, is ranked. A supposed effect is taken out of the treated
areas first; the interval holds every effect that leaves them inconspicuous. Groups that would not be judged, were they the
treated ones, are not ranked with: those that are judged fit well, and would look conspicuous among them by fitting well. Exact if
any group might as well have been treated.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from chengyun.govern.decisions.effects.panels import Flags, Floats, Panel

__all__ = ["WORST_FIT", "Synthetic", "estimate", "weights"]

FEWEST_OTHERS = 9
STEPS = 800
CLOSE = 1e-5
DRAWS = 79
"""Groups drawn beside the treated one when there are too many to try all."""
WORST_FIT = 2.0
"""Times the usual misfit; beyond, a group is unlike any mixture of the others, and is neither judged nor compared with."""


@dataclass(frozen=True)
class Synthetic:
    """gap: treated minus mixture by period. value: its mean after the start. low, high: interval of that level, None without end.

    p: rank among the placebos; least_p: the smallest it could have been. misfit: root mean square of the gap before;
    usual_misfit: the median of all groups. early_p: rank of the gap of a decision never taken, at two thirds of the time before.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    p: float
    least_p: float
    early_p: float
    misfit: float
    usual_misfit: float
    gap: tuple[float, ...]
    mixture: tuple[float, ...]


def estimate(panel: Panel, seed: int, level: float = 0.95) -> Synthetic:
    """Return the estimate, its interval of the level asked for or of what the number of areas allows. Needs nine other areas."""
    n, k = len(panel.areas), int(panel.treated.sum())
    if n - k < FEWEST_OTHERS:
        raise ValueError(f"{n - k} other areas: a synthetic control takes at least {FEWEST_OTHERS}.")
    groups = _groups(panel.treated, seed)
    gaps, mixtures, found = _gaps(panel.values, groups, panel.start)
    misfits, parts = _misfits(gaps, panel.start), gaps[:, panel.start :].mean(axis=1)
    usual = float(np.median(misfits))
    # By how much a supposed effect on each group moves each other's gap: what areas they share less what one's mixture has of the
    # other's. The first column is of the treated ones.
    each = groups.astype(float)
    carried = each @ each.T / k - found @ each.T
    split = max(2, round(panel.start * 2 / 3))
    early, _, _ = _gaps(panel.before, groups, split)
    ahead = np.abs(early[:, split:].mean(axis=1)) / _misfits(early, split)
    like = _like(misfits <= WORST_FIT * usual, ahead, carried, misfits, 1 - level)
    count = int(like.sum())
    reached = min(level, 1 - 1 / count)
    low, high = _accepted(parts[like], carried[like, 0], misfits[like], _below(1 - level, count))
    return Synthetic(
        value=float(parts[0]), low=low, high=high, level=reached,
        p=_share((np.abs(parts) / misfits)[like]), least_p=1 / count, early_p=_share(ahead),
        misfit=float(misfits[0]), usual_misfit=usual,
        gap=tuple(float(one) for one in gaps[0]), mixture=tuple(float(one) for one in mixtures[0]),
    )  # fmt: skip


def _like(fits: Flags, ahead: Floats, carried: Floats, misfits: Floats, alpha: float) -> Flags:
    """Return the groups that would be judged, were they the treated ones: a mixture fits, they had not parted before, and an
    effect on them could be told from none. Where too few are left for that level, those a mixture fits.

    The treated ones themselves always count: whether they are judged is the caller's to say.
    """
    apart = np.array([np.mean(ahead >= one * (1 - 1e-12)) for one in ahead]) <= alpha
    found = fits & ~apart
    endless = np.abs(carried) / misfits[:, None] >= (1 - 1e-12) / misfits[None, :]
    for _ in range(len(found)):  # whose effect has no end depends on whom it is ranked with
        found[0] = True
        bounded = found & (endless[found].mean(axis=0) < alpha - 1e-12)
        bounded[0] = True
        if (bounded == found).all():
            break
        found = bounded
    if found.sum() < 1 / alpha:
        found = fits.copy()
        found[0] = True
    return found


def _below(alpha: float, count: int) -> float:
    """Return the greatest rank among so many that is less than alpha; the least there is where none is."""
    return max(math.ceil(alpha * count - 1e-9) - 1, 1) / count


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
        slope = (gram @ ahead[:, :, None])[:, :, 0] - aim
        moved = _onto_simplex(ahead - step[:, None] * slope)
        turn = ((ahead - moved) * (moved - found)).sum(axis=1) > 0
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
    return np.asarray(np.maximum(points - cut[:, None], 0.0))


def _groups(treated: Flags, seed: int) -> Flags:
    """Return who plays the treated ones, the real ones first: all groups of that size, or as many as are drawn."""
    n, k = len(treated), int(treated.sum())
    if math.comb(n, k) <= DRAWS + 1:
        found = np.zeros((math.comb(n, k), n), dtype=bool)
        for row, chosen in enumerate(itertools.combinations(range(n), k)):
            found[row, list(chosen)] = True
        others = found[(found != treated).any(axis=1)]
    else:
        others = np.zeros((DRAWS, n), dtype=bool)
        drawn = np.argsort(np.random.default_rng(seed).random((DRAWS, n)), axis=1)[:, :k]
        np.put_along_axis(others, drawn, True, axis=1)
    return np.vstack([treated[None, :], others])


def _gaps(values: Floats, groups: Flags, start: int) -> tuple[Floats, Floats, Floats]:
    """Return for each group its gap, its mixture, and the weight of every area in it."""
    count, n = groups.shape
    own = values - values[:, :start].mean(axis=1, keepdims=True)
    series = groups @ own / groups.sum(axis=1, keepdims=True)
    donors = np.nonzero(~groups)[1].reshape(count, -1)
    pools = own[donors]
    scale = max(float(np.abs(own).max()), 1e-300)
    found = weights(pools[:, :, :start] / scale, series[:, :start] / scale)
    mixed = np.einsum("pd,pdt->pt", found, pools)
    spread = np.zeros((count, n))
    np.put_along_axis(spread, donors, found, axis=1)
    level = (groups @ values[:, :start].mean(axis=1) / groups.sum(axis=1))[:, None]
    return series - mixed, mixed + level, spread


def _misfits(gaps: Floats, start: int) -> Floats:
    found = np.sqrt((gaps[:, :start] ** 2).mean(axis=1))
    if not (found > 1e-9 * max(1.0, float(np.abs(gaps).max()))).all():
        raise ValueError("an area moved exactly like others before the decision; copies of one series tell nothing.")
    return np.asarray(found)


def _accepted(parts: Floats, carried: Floats, misfits: Floats, alpha: float) -> tuple[float | None, float | None]:
    """Return the ends of the effects around the estimate that are not conspicuous at alpha; None for an end that is none.

    A group is as conspicuous as the treated one where |a - b·effect| / misfit crosses |a0 - effect| / misfit0: between two
    crossings the rank stays, so that only the stretches between them are looked at.
    """
    own, fit = parts[0], misfits[0]
    crossings = []
    for sign in (1.0, -1.0):
        below = misfits[1:] - sign * carried[1:] * fit
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings.append((own * misfits[1:] - sign * parts[1:] * fit) / below)
    points = np.unique(np.concatenate(crossings))
    points = points[np.isfinite(points)]

    def inconspicuous(effect: float) -> bool:
        return _share(np.abs(parts - carried * effect) / misfits) > alpha + 1e-12

    ends: list[float | None] = []
    for side in (points[points < own][::-1], points[points > own]):
        end: float | None = None
        for index, point in enumerate(side):
            last = index + 1 == len(side)
            beyond = 2 * point - own + np.sign(point - own) if last else (point + side[index + 1]) / 2
            if not inconspicuous(float(beyond)):
                end = float(point)
                break
        ends.append(end)
    return ends[0], ends[1]


def _share(sizes: Floats) -> float:
    return float(np.mean(sizes >= sizes[0] * (1 - 1e-12)))
