# SPDX-License-Identifier: Apache-2.0
"""Allocation as an integer programme: units of measures are bought, need met is continuous and never more than there is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.errors import Refused
from chengyun.govern.whatif.work.milp import Programme

__all__ = ["Allocation", "allocate", "work"]


@dataclass(frozen=True)
class Allocation:
    """counts: of each measure. met: of each area's need. gap: how much better a solution could at most be, as a share."""

    counts: tuple[int, ...]
    met: tuple[float, ...]
    cost: float
    gap: float
    proved: bool


def work(inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the allocation, and the one without a floor to say what the floor costs."""
    areas, measures = inputs["areas"], inputs["measures"]
    budget, floor = inputs["budget"], inputs["floor"] / 100
    _check(areas, measures)
    free = allocate(areas, measures, budget, 0.0, seed)
    if free is None:
        raise AssertionError("buying nothing is always a solution")
    found = free if floor == 0 else allocate(areas, measures, budget, floor, seed)
    if found is None:
        best = _highest_floor(areas, measures, budget, seed)
        most = math.floor(1000 * best) / 10
        raise Refused(
            f"No choice meets {100 * floor:g} % of the need everywhere within the budget; {most:g} % is the most.", code="floor"
        )
    need = sum(one["need"] for one in areas)
    shares = [met / one["need"] for one, met in zip(areas, found.met, strict=True) if one["need"] > 0]
    notes = ([] if found.proved else ["not_proved"]) + (["no_need"] if len(shares) < len(areas) else [])
    met, most = sum(found.met), sum(free.met)
    return {
        "figures": {
            "met": met, "share": 100 * met / need, "cost": found.cost, "worst": 100 * min(shares), "free": most,
            "price": max(0.0, most - met), "gap": 100 * found.gap,
        },
        "tables": {
            "bought": [
                [one["area"], one["measure"], count, count * one["cost"]]
                for one, count in zip(measures, found.counts, strict=True) if count
            ],
            "areas": [
                [one["area"], one["need"], met, 100 * met / one["need"] if one["need"] else None]
                for one, met in zip(areas, found.met, strict=True)
            ],
        },
        "notes": notes,
        "chart": {
            "kind": "bars", "labels": [one["area"] for one in areas],
            "series": {"met": list(found.met), "need": [one["need"] for one in areas]},
        },
    }  # fmt: skip


def allocate(
    areas: Sequence[Mapping[str, Any]], measures: Sequence[Mapping[str, Any]], budget: float, floor: float, seed: int
) -> Allocation | None:
    """Return the allocation that meets the most need, at the least cost among those; None when the floor is out of reach."""
    programme = Programme()
    # Cost breaks ties alone: all of the budget together weighs less than a thousandth of the smallest unit of need.
    light = 1e-3 * min([one["serves"] for one in measures if one["serves"] > 0], default=1.0) / max(budget, 1.0)
    light = min(light, 1e-4)
    bought = [programme.add_column(light * one["cost"], 0, one["most"], whole=True) for one in measures]
    met = [programme.add_column(-1.0, floor * one["need"], one["need"]) for one in areas]
    programme.add_row(-math.inf, budget, bought, [one["cost"] for one in measures])
    for column, area in zip(met, areas, strict=True):
        here = [(at, one["serves"]) for at, one in zip(bought, measures, strict=True) if one["area"] == area["area"]]
        programme.add_row(0.0, math.inf, [column, *(at for at, _ in here)], [-1.0, *(serves for _, serves in here)])
    found = programme.solve(seed)
    if found is None:
        return None
    counts = tuple(round(found.values[at]) for at in bought)
    served = {area["area"]: 0.0 for area in areas}
    for count, one in zip(counts, measures, strict=True):
        served[one["area"]] += count * one["serves"]
    reached = tuple(min(area["need"], served[area["area"]]) for area in areas)
    cost = sum(count * one["cost"] for count, one in zip(counts, measures, strict=True))
    return Allocation(counts, reached, cost, found.gap, found.proved)


def _highest_floor(areas: Sequence[Mapping[str, Any]], measures: Sequence[Mapping[str, Any]], budget: float, seed: int) -> float:
    """Return the largest share that every area with a need can have at once."""
    programme = Programme()
    bought = [programme.add_column(0.0, 0, one["most"], whole=True) for one in measures]
    share = programme.add_column(-1.0, 0, 1)
    programme.add_row(-math.inf, budget, bought, [one["cost"] for one in measures])
    for area in areas:
        here = [(at, one["serves"]) for at, one in zip(bought, measures, strict=True) if one["area"] == area["area"]]
        programme.add_row(0.0, math.inf, [share, *(at for at, _ in here)], [-area["need"], *(serves for _, serves in here)])
    found = programme.solve(seed)
    return found.values[share] if found else 0.0


def _check(areas: Sequence[Mapping[str, Any]], measures: Sequence[Mapping[str, Any]]) -> None:
    names = [one["area"] for one in areas]
    if len(set(names)) < len(names):
        raise Refused(f"The area {next(one for one in names if names.count(one) > 1)} stands twice.", code="areas")
    if not any(one["need"] > 0 for one in areas):
        raise Refused("No area has a need above zero.", code="areas")
    for one in measures:
        if one["area"] not in names:
            raise Refused(f"The measure {one['measure']} is for {one['area']}, which is not among the areas.", code="measures")
