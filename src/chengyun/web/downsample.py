# SPDX-License-Identifier: Apache-2.0
"""Fewer points for the same picture: of every stretch of time the lowest and the highest value stay, at their own moments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Point = tuple[int, float | None]
"""Milliseconds since 1970, and a value; None breaks the line."""


def extremes(times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64], stretches: int, gap_ms: int | None) -> list[Point]:
    """Return at most two points a stretch, in order of time; every point when there are not more than that anyway.

    times_ms: rising. NaN values are left out. gap_ms: two neighbours further apart than this, and than a stretch, are not
    joined: a None stands between them; None: always joined.
    """
    known = ~np.isnan(values)
    times, seen = times_ms[known], values[known]
    width = 0
    if len(seen) > 2 * stretches:
        width = int(times[-1] - times[0]) // stretches + 1
        stretch = (times - times[0]) // width
        # Sorted by stretch, then value: each stretch's first and last are its lowest and highest.
        order = np.lexsort((times, seen, stretch))
        starts = np.flatnonzero(np.diff(stretch[order], prepend=-1))
        ends = np.append(starts[1:], len(order)) - 1
        kept = np.unique(np.concatenate([order[starts], order[ends]]))
        times, seen = times[kept], seen[kept]
    points: list[Point] = []
    limit = None if gap_ms is None else max(gap_ms, 2 * width)
    before: int | None = None
    for moment, value in zip(times.tolist(), seen.tolist(), strict=True):
        if limit is not None and before is not None and moment - before > limit:
            points.append((before + 1, None))
        points.append((moment, value))
        before = moment
    return points
