# SPDX-License-Identifier: Apache-2.0
"""One quantity of many entities: what it should be at this time of the week, and how odd it is that it is not.

    expected   of three, the one that has erred least: the level, the time of day, the time of the week
    residual   observed - expected, over what is usual at this hour
    views      beyond the level, above and below · residual · residual over 4, 16 and 64 observations · restlessness

Each view is judged by its own tail (tails.py) and what they say is added as squares: one that shouts counts, and so do several
that are uneasy together. Everything is learnt from what came before, the outliers cut; nothing looks ahead, nothing is fitted
apart. Arithmetic is element by element, so the result does not depend on how rows were cut into batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chengyun.operate.detectors import tails

__all__ = ["MEMORY", "VIEWS", "Step", "blank", "odds", "step"]

VIEWS = ("above", "below", "residual", "4 rows", "16 rows", "64 rows", "restlessness")
DAY_BINS, WEEK_BINS, HOURS = 96, 168, 24
SPANS = (4, 16, 64)
DAY_S, WEEK_S = 86_400, 604_800
MONDAY = 3 * DAY_S
"""1970-01-01 was a Thursday."""

LEVEL_ROWS, SCALE_ROWS, MOVE_ROWS, ERROR_ROWS, HOUR_ROWS = 3_000, 500, 2_000, 300, 60
DAY_GAIN, WEEK_GAIN = 0.15, 0.25
RESTLESS = 1 / 24
WARM = 10
"""Observations before there is a scale to speak of."""
CUT, FURTHEST, SHARPEST = 4.0, 30.0, 20.0
"""In scales: a profile moves by at most CUT, a mean residual counts at most FURTHEST, a move at most SHARPEST."""
OUTLIER = 8.0
ALIVE = 30
"""Observations while scales still take everything in."""

MEMORY = np.dtype(
    [
        ("count", "f8"), ("last", "f8"), ("level", "f8"), ("scale", "f8"), ("move", "f8"), ("restless", "f8"),
        ("error", "f8", (3,)), ("mean", "f8", (len(SPANS),)),
        ("day", "f4", (DAY_BINS,)), ("day_count", "u1", (DAY_BINS,)),
        ("week", "f4", (WEEK_BINS,)), ("week_count", "u1", (WEEK_BINS,)),
        ("hour", "f4", (HOURS,)), ("hour_count", "u1", (HOURS,)),
        ("largest", "f4", (len(VIEWS), tails.KEPT)),
    ]
)  # fmt: skip
"""What is kept of an entity: 2.5 kB, however long it has been watched."""


class Step(NamedTuple):
    """What one observation of each entity came to. residual: in scales. surprise: about -ln of how probable it was."""

    expected: np.ndarray
    residual: np.ndarray
    surprise: np.ndarray


def blank(entities: int) -> np.ndarray:
    """Return the memory of entities nothing is known of."""
    memory = np.zeros(entities, MEMORY)
    memory["last"] = np.nan
    memory["error"] = np.nan
    return memory


def odds(surprise: np.ndarray) -> np.ndarray:
    """Return how probable so odd an observation was, at most, when nothing is wrong: one of seven views may speak by chance."""
    return np.asarray(np.minimum(1.0, len(VIEWS) * np.exp(-surprise)))


def step(memory: np.ndarray, local_s: np.ndarray, value: np.ndarray) -> Step:
    """Judge one observation of each entity by its memory, then learn from it; the memory is changed in place.

    local_s: seconds of the local clock since 1970. value: finite.
    """
    row = np.arange(len(memory))
    day, week, hour = _bins(local_s)
    count = memory["count"].copy()
    before = np.where(np.isnan(memory["last"]), value, memory["last"])
    warm = count > WARM
    candidates = _expectations(memory, row, day, week)
    error = memory["error"]
    chosen = np.argmin(np.where(np.isnan(error), np.inf, error), axis=1)
    expected = candidates[row, chosen]
    residual = _nearest(memory, row, day, value, value - expected, chosen > 0)
    scaled = np.where(warm, residual / _scale(memory, row, hour), 0.0)
    cut = np.clip(scaled, -FURTHEST, FURTHEST)
    for i, span in enumerate(SPANS):
        memory["mean"][:, i] += (cut - memory["mean"][:, i]) / span
    moved = np.minimum(np.abs(value - before) / np.maximum(memory["move"], 1e-9), SHARPEST)
    memory["restless"] = np.where(warm, memory["restless"] + RESTLESS * (moved - memory["restless"]), 0.0)
    away = np.where(warm, value - memory["level"], 0.0)
    views = np.column_stack(
        [np.maximum(away, 0.0), np.maximum(-away, 0.0), np.abs(scaled), np.abs(memory["mean"]), memory["restless"]]
    )
    parts = tails.surprise(memory["largest"], count, views)
    squares = np.zeros(len(memory))
    for i in range(len(VIEWS)):
        squares += parts[:, i] ** 2
    memory["largest"] = tails.learn(memory["largest"], views)
    _learn(memory, row, (day, week, hour), value, before, residual, np.abs(value[:, None] - candidates))
    return Step(expected, scaled, np.sqrt(squares))


def _bins(local_s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    day = local_s % DAY_S * DAY_BINS // DAY_S
    week = (local_s + MONDAY) % WEEK_S * WEEK_BINS // WEEK_S
    return day.astype(np.intp), week.astype(np.intp), (local_s // 3600 % HOURS).astype(np.intp)


def _expectations(memory: np.ndarray, row: np.ndarray, day: np.ndarray, week: np.ndarray) -> np.ndarray:
    """Return the level, the profile of the day and that of the week, each where it is known, else the one before it."""
    level = memory["level"]
    by_day = np.where(memory["day_count"][row, day] > 0, memory["day"][row, day], level)
    by_week = np.where(memory["week_count"][row, week] > 0, memory["week"][row, week], by_day)
    return np.column_stack([level, by_day, by_week])


def _nearest(
    memory: np.ndarray, row: np.ndarray, day: np.ndarray, value: np.ndarray, residual: np.ndarray, seasonal: np.ndarray
) -> np.ndarray:
    """Return the residual, or a smaller one against a neighbouring quarter of an hour: a rush hour may come a little early."""
    for shift in (-1, 1):
        near = (day + shift) % DAY_BINS
        other = value - memory["day"][row, near]
        better = seasonal & (memory["day_count"][row, near] > 0) & (np.abs(other) < np.abs(residual))
        residual = np.where(better, other, residual)
    return residual


def _scale(memory: np.ndarray, row: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Return what a residual of this hour is measured by: half its own hour's, half that of all hours (geometric mean)."""
    scale = memory["scale"]
    own = np.where(memory["hour_count"][row, hour] >= 6, memory["hour"][row, hour], scale)
    return np.asarray(np.maximum(np.sqrt(scale * np.maximum(own, 0.1 * scale)), 1e-9))


def _learn(
    memory: np.ndarray, row: np.ndarray, bins: tuple[np.ndarray, np.ndarray, np.ndarray], value: np.ndarray,
    before: np.ndarray, residual: np.ndarray, errors: np.ndarray,
) -> None:  # fmt: skip
    count = memory["count"] + 1.0
    young = np.where(count < ALIVE, 1e18, 0.0)
    memory["count"] = np.minimum(count, tails.LONGEST)
    error = memory["error"]
    known = np.nan_to_num(error)
    cut = np.minimum(errors, 6.0 * known + (1e-9 + young)[:, None])
    memory["error"] = np.where(np.isnan(error), errors, error + (cut - error) * np.maximum(1 / count, 1 / ERROR_ROWS)[:, None])
    memory["level"] += (value - memory["level"]) * np.maximum(1 / count, 1 / LEVEL_ROWS)
    memory["move"] += (np.abs(value - before) - memory["move"]) * np.maximum(1 / count, 1 / MOVE_ROWS)
    size = np.minimum(np.abs(residual), OUTLIER * memory["scale"] + 1e-9 + young)
    memory["scale"] += (size - memory["scale"]) * np.maximum(1 / count, 1 / SCALE_ROWS)
    day, week, hour = bins
    seen = np.minimum(memory["hour_count"][row, hour] + 1, HOUR_ROWS)
    memory["hour_count"][row, hour] = seen
    memory["hour"][row, hour] += (size - memory["hour"][row, hour]) / seen
    most = CUT * np.maximum(memory["scale"], 1e-9)
    _move_profile(memory["day"], memory["day_count"], row, day, value, most, DAY_GAIN)
    _move_profile(memory["week"], memory["week_count"], row, week, value, most, WEEK_GAIN)
    memory["last"] = value


def _move_profile(
    profile: np.ndarray, counts: np.ndarray, row: np.ndarray, place: np.ndarray, value: np.ndarray, most: np.ndarray, gain: float
) -> None:
    """Move a profile towards a value: two take it as it is, later ones by a bounded step."""
    seen = np.minimum(counts[row, place].astype(np.intp) + 1, 250)
    counts[row, place] = seen
    gap = value - profile[row, place]
    gap = np.where(seen <= 2, gap, np.clip(gap, -most, most))
    profile[row, place] += gap * np.maximum(1 / seen, gain)
