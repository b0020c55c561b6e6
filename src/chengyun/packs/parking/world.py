# SPDX-License-Identifier: Apache-2.0
"""Car parks of a made-up city: full in the day where people work, at night where they live, never quite full by themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.city import Defect, Instrument, Mishap, Sensors, Sky

if TYPE_CHECKING:
    from chengyun.city.world import Floats

LEAST, MOST = 60, 600
ALWAYS_FREE = 12
"""Spaces that stay free unless something is planted."""


def _capacity(lots: Sensors) -> Floats:
    return (LEAST + (MOST - LEAST) * lots.own["a"] ** 2).round()


def read(sky: Sky, lots: Sensors) -> Mapping[str, Floats]:
    """Return the free spaces."""
    night = 0.5 * (1 + math.cos((sky.hour - 3) / 24 * 2 * math.pi))
    homes = lots.own["b"]
    taken = 0.15 + 0.7 * (homes * night + (1 - homes) * (1 - night) * (1.0 if sky.working else 0.6)) + 0.03 * lots.noise["a"]
    capacity = _capacity(lots)
    free = (capacity * (1 - taken)).clip(ALWAYS_FREE, capacity)
    return {"free": (free * (lots.felt["crowd"] == 0)).round()}


def register(lots: Sensors) -> Mapping[str, Sequence[Any]]:
    """Return what stands in the register beside key and place."""
    names = [f"模拟停车场 {number}" for number in range(1, len(lots) + 1)]
    return {"name": names, "capacity": _capacity(lots).astype(int).tolist()}


INSTRUMENTS = (
    Instrument(
        key="lot", name="停车场", stream="lot_free", share=0.05, read=read, register=register,
        mishaps=[
            Mishap(key="crowd", name="大型活动", rules=["lot_full"], also=["lot_unusual"], often=10, hours=(3, 6), reach_m=600),
        ],
        defects=[
            Defect(kind="silence", often=3, hours=(30, 96), rules=["lot_silent"]),
            Defect(kind="stuck", quantity="free", often=2, hours=(24, 72), rules=["lot_still"], also=["lot_unusual"]),
        ],
    ),
)  # fmt: skip
