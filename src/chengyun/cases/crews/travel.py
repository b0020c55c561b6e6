# SPDX-License-Identifier: Apache-2.0
"""How long the ways are. Without a road network: the great circle, stretched by a detour, at a stated speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chengyun.cases.crews.problem import Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EARTH_M = 6_371_008.8
"""Mean radius, IUGG."""

__all__ = ["distances_m", "travel_times"]


def distances_m(places: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
    """Return great-circle distances between all (lon, lat)."""
    import numpy as np  # pages import the shapes of plans, not the arithmetic

    lon, lat = np.radians(np.asarray(places, dtype=np.float64).reshape(-1, 2)).T
    half = np.sin((lat[:, None] - lat) / 2) ** 2 + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    found: npt.NDArray[np.float64] = 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return found


def travel_times(problem: Problem) -> list[list[int]]:
    """Return whole seconds between all places of a problem: jobs first, then each crew's start, then each crew's end."""
    import numpy as np

    places = [(job.lon, job.lat) for job in problem.jobs]
    places += [crew.start for crew in problem.crews] + [crew.end for crew in problem.crews]
    rules = problem.rules
    seconds = distances_m(places) * rules.detour / (rules.speed_kmh / 3.6)
    found: list[list[int]] = np.rint(seconds).astype(np.int64).tolist()
    return found
