# SPDX-License-Identifier: Apache-2.0
"""Siting: distances along the roads, then p-median or maximal covering as an integer programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chengyun.errors import Refused
from chengyun.govern.whatif.models import Network
from chengyun.govern.whatif.work.milp import Programme
from chengyun.govern.whatif.work.roads import Floats, Roads, distances, metres, read_roads, snap

__all__ = ["Choice", "choose_cover", "choose_median", "work"]

MOST_PAIRS = 150_000
SHOWN = 30
MOST_LINES = 4000


@dataclass(frozen=True)
class Choice:
    """sites: indices of those open, the existing among them. gap: how much better a choice could at most be, as a share."""

    sites: tuple[int, ...]
    gap: float
    proved: bool


def work(inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return which sites to open, who is near which, and the map of it."""
    demand, sites = inputs["demand"], inputs["sites"]
    count, reach_m = int(inputs["count"]), inputs["reach_m"]
    if len(demand) * len(sites) > MOST_PAIRS:
        raise Refused(f"{len(demand)} × {len(sites)} pairs are too many; at most {MOST_PAIRS}.", code="size")
    weights = np.array([one["weight"] for one in demand], dtype=float)
    if not weights.sum() > 0:
        raise Refused("Nobody lives at any point: the weights add up to nothing.", code="demand")
    roads = read_roads(bytes(Network.objects.get(key=inputs["network"]).extract), inputs["mode"])
    away = _away(roads, demand, sites)
    existing = [index for index, one in enumerate(sites) if one["existing"]]
    fresh = len(sites) - len(existing)
    if not fresh:
        raise Refused("Every site exists already; there is none to choose.", code="sites")
    reached = np.isfinite(away).any(axis=1)
    notes = []
    if fresh <= count:
        choice = Choice(tuple(range(len(sites))), 0.0, True)
        notes.append("all")
    elif inputs["goal"] == "median":
        choice = choose_median(away[reached], weights[reached], count, existing, seed)
    else:
        choice = choose_cover(away, weights, count, reach_m, existing, seed)
    notes += ([] if choice.proved else ["not_proved"]) + ([] if reached.all() else ["unreached"])
    return _told(inputs, roads, away, weights, choice, existing, notes)


def choose_median(away: Floats, weights: Floats, count: int, existing: list[int], seed: int) -> Choice:
    """Return the sites with the least weighted distance to the nearest (p-median). away: metres, demand × sites."""
    programme = Programme()
    opened = _opened(programme, away.shape[1], count, existing)
    far = np.where(np.isfinite(away), away, 0.0)
    for row in range(len(away)):
        pairs = [
            (programme.add_column(float(weights[row] * far[row, site])), site)
            for site in range(away.shape[1]) if np.isfinite(away[row, site])
        ]  # fmt: skip
        programme.add_row(1.0, 1.0, [pair for pair, _ in pairs], [1.0] * len(pairs))
        for pair, site in pairs:
            programme.add_row(-np.inf, 0.0, [pair, opened[site]], [1.0, -1.0])
    found = programme.solve(seed)
    if found is None:
        raise Refused("So few sites leave somebody without any road to one; allow more, or add candidates.", code="count")
    return Choice(_chosen(found.values, opened), found.gap, found.proved)


def choose_cover(away: Floats, weights: Floats, count: int, reach_m: float, existing: list[int], seed: int) -> Choice:
    """Return the sites with the most weight within reach (maximal covering). Points covered alike count as one."""
    programme = Programme()
    opened = _opened(programme, away.shape[1], count, existing)
    alike: dict[tuple[int, ...], float] = {}
    for row, near in enumerate(away <= reach_m):
        who = tuple(int(site) for site in np.flatnonzero(near))
        if who:
            alike[who] = alike.get(who, 0.0) + float(weights[row])
    for who, weight in alike.items():
        covered = programme.add_column(-weight)
        programme.add_row(-np.inf, 0.0, [covered, *(opened[site] for site in who)], [1.0, *[-1.0] * len(who)])
    found = programme.solve(seed)
    if found is None:
        raise AssertionError("opening any sites is a solution")
    return Choice(_chosen(found.values, opened), found.gap, found.proved)


def _opened(programme: Programme, sites: int, count: int, existing: list[int]) -> list[int]:
    opened = [programme.add_column(0.0, 1.0 if site in existing else 0.0, 1.0, whole=True) for site in range(sites)]
    programme.add_row(-np.inf, count + len(existing), opened, [1.0] * sites)
    return opened


def _chosen(values: tuple[float, ...], opened: list[int]) -> tuple[int, ...]:
    return tuple(site for site, column in enumerate(opened) if values[column] > 0.5)


def _away(roads: Roads, demand: list[dict[str, Any]], sites: list[dict[str, Any]]) -> Floats:
    """Return metres from demand to sites: to the road, along it, and from it."""
    homes, home_m = snap(roads, [(one["name"], one["lon"], one["lat"]) for one in demand])
    doors, door_m = snap(roads, [(one["name"], one["lon"], one["lat"]) for one in sites])
    # Asked from the fewer side; backwards along one-way streets means the graph turned round.
    turned = Roads(roads.graph.T.tocsr(), roads.lons, roads.lats, ())
    along = distances(turned, doors, homes).T
    return np.asarray(along + home_m[:, None] + door_m[None, :])


def _told(
    inputs: Mapping[str, Any], roads: Roads, away: Floats, weights: Floats, choice: Choice, existing: list[int], notes: list[str]
) -> dict[str, Any]:
    demand, sites, reach_m = inputs["demand"], inputs["sites"], inputs["reach_m"]
    chosen = np.array(choice.sites)
    near = away[:, chosen]
    nearest, metres_to = near.argmin(axis=1), near.min(axis=1)
    reached = np.isfinite(metres_to)
    covered = metres_to <= reach_m
    before = (away[:, existing] <= reach_m).any(axis=1) if existing else np.zeros(len(demand), bool)
    straight = np.array([
        float(metres(one["lon"], one["lat"], np.array([sites[chosen[at]]["lon"]]), np.array([sites[chosen[at]]["lat"]]))[0])
        for one, at in zip(demand, nearest, strict=True)
    ])  # fmt: skip
    apart = reached & (straight > 50)
    order = [int(row) for row in np.argsort(-np.where(reached, metres_to, np.inf), kind="stable")[:SHOWN]]
    table = []
    for position, site in enumerate(chosen):
        mine = reached & (nearest == position)
        people = float(weights[mine].sum())
        mean = float((weights * np.where(mine, metres_to, 0.0)).sum() / people) if people else None
        state = "existing" if int(site) in existing else "new"
        table.append([sites[site]["name"], state, people, float(weights[mine & covered].sum()), mean])
    people = float(weights[reached].sum())
    return {
        "figures": {
            "covered": float(weights[covered].sum()), "share": 100 * float(weights[covered].sum() / weights.sum()),
            "mean_m": float((weights[reached] * metres_to[reached]).sum() / people) if people else None,
            "farthest_m": float(metres_to[reached].max()) if reached.any() else None,
            "before_share": 100 * float(weights[before].sum() / weights.sum()),
            "detour": float(np.median(metres_to[apart] / straight[apart])) if apart.any() else None,
            "unreached": float(weights[~reached].sum()), "gap": 100 * choice.gap,
        },
        "tables": {
            "sites": table,
            "demand": [
                [demand[row]["name"], float(weights[row]), sites[chosen[nearest[row]]]["name"] if reached[row] else None,
                 float(metres_to[row]) if reached[row] else None]
                for row in order
            ],
        },
        "notes": notes,
        "map": {
            "lines": [
                {"kind": "main" if main else "minor", "points": [[round(x, 5), round(y, 5)] for x, y in points]}
                for main, points in sorted(roads.lines, key=lambda line: not line[0])[:MOST_LINES]
            ],
            "points": [
                {"kind": "in" if covered[row] else "out", "lon": one["lon"], "lat": one["lat"], "name": one["name"]}
                for row, one in enumerate(demand)
            ] + [
                {"kind": "idle" if site not in choice.sites else "existing" if site in existing else "new",
                 "lon": one["lon"], "lat": one["lat"], "name": one["name"]}
                for site, one in enumerate(sites)
            ],
        },
    }  # fmt: skip
