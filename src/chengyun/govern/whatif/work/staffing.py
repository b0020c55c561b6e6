# SPDX-License-Identifier: Apache-2.0
"""Least staff by interval: first by formula, each for itself; then checked on whole days, and raised where the day says so."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chengyun.errors import Refused
from chengyun.govern.whatif.work.queues import least_staff, line
from chengyun.govern.whatif.work.waiting import Day, simulate_days

__all__ = ["work"]

PEOPLE = 40_000
"""Simulated in one check; a quiet line gets more days, a busy one fewer."""
FEWEST_DAYS, MOST_DAYS = 30, 400
MOST_RAISES = 25


def work(inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the staff of each interval with what the formula and what the simulation say of it."""
    rows = inputs["arrivals"]
    length_s = _length(rows)
    counts = [float(row["count"]) for row in rows]
    if not sum(counts):
        raise Refused("Nobody comes in any interval.", code="arrivals")
    service, target, within = 1 / inputs["handling_s"], inputs["target"] / 100, inputs["within_s"]
    leaving = 1 / inputs["patience_s"] if inputs["patience_s"] else 0.0
    most = int(inputs["most"])
    needed = [least_staff(count / length_s, service, leaving, within, target, most) for count in counts]
    formula = [most if one is None else one for one in needed]
    days = min(MOST_DAYS, max(FEWEST_DAYS, math.ceil(PEOPLE / sum(counts))))

    def check(staff: Sequence[int]) -> Day:
        return simulate_days(counts, length_s, staff, inputs["handling_s"], inputs["patience_s"], within, days, seed)

    staff, found = list(formula), check(formula)
    notes = []
    for _ in range(MOST_RAISES):
        short = [index for index in range(len(counts)) if staff[index] < most and _surely_below(found, index, target)]
        if not short:
            break
        for index in short:
            # By what is missing, so that the half hour after a rush is reached in a few rounds, and the end is not overshot.
            missing = target - float(found.in_time[:, index].sum() / found.came[:, index].sum())
            staff[index] = min(most, staff[index] + max(1, round(staff[index] * missing)))
        found = check(staff)
    if staff != formula:
        notes.append("raised")
    if any(one is None for one in needed) or any(_surely_below(found, index, target) for index in range(len(counts))):
        notes.append("out_of_reach")
    scale = 1 / (1 - inputs["shrinkage"] / 100)
    rostered = [math.ceil(one * scale - 1e-9) for one in staff]
    shares = found.in_time.sum(axis=1) / np.maximum(found.came.sum(axis=1), 1)
    whole = found.in_time.sum() / found.came.sum()
    reach = 1.96 * float(shares.std(ddof=1)) / math.sqrt(days)
    table = []
    for index, row in enumerate(rows):
        expected = line(counts[index] / length_s, service, leaving, staff[index], within)
        came = found.came[:, index].sum()
        table.append([
            f"{row['from'] // 60:02d}:{row['from'] % 60:02d}", counts[index], formula[index], staff[index], rostered[index],
            100 * expected.served, 100 * found.in_time[:, index].sum() / came if came else None,
            100 * found.busy[:, index].sum() / (staff[index] * length_s * days),
        ])  # fmt: skip
    return {
        "figures": {
            "hours": sum(staff) * length_s / 3600, "rostered": sum(rostered) * length_s / 3600, "peak": max(staff),
            "served": 100 * whole, "served_low": 100 * max(0.0, whole - reach), "served_high": 100 * min(1.0, whole + reach),
            "left": 100 * found.left.sum() / found.came.sum(), "days": days,
        },
        "tables": {"intervals": table},
        "notes": notes,
        "chart": {"kind": "bars", "labels": [row[0] for row in table], "series": {"staff": staff, "count": counts}},
    }  # fmt: skip


def _surely_below(found: Day, index: int, target: float) -> bool:
    """Say whether an interval misses its target by more than chance: two standard errors over days."""
    came, in_time = found.came[:, index], found.in_time[:, index]
    if not came.sum():
        return False
    share = in_time.sum() / came.sum()
    error = float(np.sqrt(np.mean((in_time - share * came) ** 2) / len(came)) / came.mean())
    return bool(share + 2 * error < target)


def _length(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the seconds of an interval. Raises Refused for intervals that overlap, leave gaps or differ in length."""
    begins = [row["from"] for row in rows]
    if len(begins) == 1:
        return 3600.0
    steps = {after - before for before, after in itertools.pairwise(begins)}
    if len(steps) != 1 or min(steps) <= 0:
        raise Refused("The intervals must follow each other at equal steps, e.g. 08:00, 08:30, 09:00.", code="arrivals")
    return float(60 * steps.pop())
