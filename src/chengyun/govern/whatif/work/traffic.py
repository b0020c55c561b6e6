# SPDX-License-Identifier: Apache-2.0
"""Closing a road: the same journeys with it and without it, several times over, and what is sure about the difference."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from chengyun.errors import Refused
from chengyun.govern.whatif.models import Network
from chengyun.govern.whatif.work.journeys import Driven, drive, journeys
from chengyun.govern.whatif.work.streets import Streets, build, edges_of

__all__ = ["compare", "work"]

SHOWN = 15
MOST_LINES = 4000
Pair = tuple[int, Driven, Driven]


def work(inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the difference in travel times, and where the traffic goes instead."""
    extract = bytes(Network.objects.get(key=inputs["network"]).extract)
    return compare(extract, inputs, seed)


def compare(extract: bytes, inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Drive and compare. extract: OSM XML, gzip."""
    seconds = 60.0 * inputs["minutes"]
    count = round(inputs["vehicles"] * seconds / 3600)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        streets = build(extract, folder)
        closed = edges_of(streets, inputs["closed"])
        pairs: list[Pair] = []
        for index in range(int(inputs["runs"])):
            trips = journeys(streets, count, seconds, inputs["through"] / 100, closed, (seed, index))
            own = (seed + index) % 2**31
            before = drive(streets, trips, (), closed, own, folder)
            pairs.append((own, before, drive(streets, trips, closed, (), own, folder)))
    return _told(streets, closed, count, pairs)


def _told(streets: Streets, closed: Sequence[int], count: int, pairs: Sequence[Pair]) -> dict[str, Any]:
    rows, changes, detours, hit = [], [], [], []
    both_total = cut_off = 0
    for seed, before, after in pairs:
        both = sorted(before.times.keys() & after.times.keys())
        if not both:
            raise Refused("No journey arrived both with and without the road; ask for less traffic.", code="vehicles")
        one, other = (np.mean([driven.times[trip] for trip in both]) for driven in (before, after))
        rows.append([seed, float(one), float(other), float(other - one), len(both)])
        changes.append(float(other - one))
        detours.append(float(np.mean([after.metres[trip] - before.metres[trip] for trip in both])))
        hit += [after.times[trip] - before.times[trip] for trip in both if trip in before.through]
        both_total += len(both)
        cut_off += len(before.times.keys() - after.times.keys())
    runs = len(pairs)
    mean = float(np.mean(changes))
    reach = float(stats.t.ppf(0.975, runs - 1) * np.std(changes, ddof=1) / math.sqrt(runs))
    moved = sum(before.moved + after.moved for _, before, after in pairs)
    flow_before = np.mean([before.passed for _, before, _ in pairs], axis=0)
    flow_after = np.mean([after.passed for _, _, after in pairs], axis=0)
    began = float(np.mean([row[1] for row in rows]))
    notes = (
        (["no_difference"] if mean - reach <= 0 <= mean + reach else [])
        + (["jammed"] if moved > 0.01 * count * runs * 2 else []) + (["cut_off"] if cut_off else [])
    )  # fmt: skip
    return {
        "figures": {
            "before_s": began, "after_s": float(np.mean([row[2] for row in rows])), "change_s": mean,
            "low_s": mean - reach, "high_s": mean + reach, "percent": 100 * mean / began, "detour_m": float(np.mean(detours)),
            "affected": 100 * len(hit) / both_total, "affected_s": float(np.mean(hit)) if hit else None,
            "cut_off": 100 * cut_off / (count * runs), "stuck": 100 * moved / (2 * count * runs),
            "closed_m": float(streets.lengths[list(closed)].sum()), "runs": runs,
        },
        "tables": {"runs": rows, "roads": _roads(streets, flow_before, flow_after)},
        "notes": notes,
        "map": _map(streets, closed, flow_after - flow_before),
    }  # fmt: skip


def _roads(streets: Streets, before: np.ndarray, after: np.ndarray) -> list[list[Any]]:
    """Return the named roads whose traffic changes most: means over a road's edges, weighted by length."""
    edges: dict[str, list[int]] = {}
    for index, name in enumerate(streets.names):
        if name:
            edges.setdefault(name, []).append(index)
    found: list[list[Any]] = []
    for name, mine in edges.items():
        weight = streets.lengths[mine] / streets.lengths[mine].sum()
        one, other = float(before[mine] @ weight), float(after[mine] @ weight)
        found.append([name, one, other, other - one])
    return sorted(found, key=lambda row: (-abs(row[3]), row[0]))[:SHOWN]


def _map(streets: Streets, closed: Sequence[int], change: np.ndarray) -> dict[str, Any]:
    """Return the roads in metres, with how many more vehicles each carries; those that change are drawn last, on top."""
    most = float(np.abs(change).max()) or 1.0
    shut = set(closed)
    lines = []
    for index in np.argsort(np.abs(change), kind="stable")[-MOST_LINES:]:
        share = float(change[index]) / most
        kind = "closed" if int(index) in shut else "more" if share > 0.05 else "less" if share < -0.05 else "minor"
        points = [[round(x, 1), round(y, 1)] for x, y in streets.shapes[index]]
        lines.append({"kind": kind, "points": points, "name": streets.names[index], "value": round(float(change[index]), 1)})
    lines.sort(key=lambda one: ("minor", "less", "more", "closed").index(str(one["kind"])))
    return {"plane": "metres", "lines": lines, "points": []}
