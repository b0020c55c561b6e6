# SPDX-License-Identifier: Apache-2.0
"""The air of a made-up city with stations by the thousand: what simulate.py says of one station, for all at once.

Concentrations are this simulation's assumption: ordinary air stays below every limit, so that what is above was planted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.city import Defect, Instrument, Mishap, Sensors, Sky
from chengyun.packs.air_quality.simulate import MEAN, WINTER

if TYPE_CHECKING:
    from chengyun.city.world import Floats

STAGNANT = {"so2": 0.2, "no2": 0.25, "co": 0.2, "o3": 0.1, "pm10": 0.35, "pm25": 0.35}
TRAFFIC = {"so2": 0.1, "no2": 0.6, "co": 0.3, "o3": 0.0, "pm10": 0.25, "pm25": 0.15}
FIRE = {"pm25": 210.0, "pm10": 290.0, "co": 1.2, "no2": 20.0}
"""What burning in the open adds at a station beside it, at its height."""


def read(sky: Sky, stations: Sensors) -> Mapping[str, Floats]:
    """Return hourly means of the six pollutants (µg/m³, CO mg/m³)."""
    washed = math.exp(-0.15 * min(sky.rain, 6.0))
    found = {}
    for name, mean in MEAN.items():
        level = mean * (1 + WINTER[name] * sky.season) * math.exp(STAGNANT[name] * sky.stagnant) * washed
        level *= 1 + TRAFFIC[name] * sky.traffic
        if name == "o3":
            level *= 0.5 + 1.0 * sky.sun
        place = 0.85 + 0.3 * stations.own[name]
        found[name] = (level * place * (1 + 0.06 * stations.noise[name])).clip(0.1) + FIRE.get(name, 0.0) * stations.felt["fire"]
    return found


def register(stations: Sensors) -> Mapping[str, Sequence[Any]]:
    """Return what stands in the register beside key and place."""
    return {"name": [f"模拟微站 {number}" for number in range(1, len(stations) + 1)], "kind": ["micro"] * len(stations)}


INSTRUMENTS = (
    Instrument(
        key="micro", name="微站", stream="station_hour", share=0.03, read=read, register=register, own=tuple(MEAN),
        noise=tuple(MEAN),
        mishaps=[
            Mishap(
                key="fire", name="露天焚烧", rules=["pm25_hour_high"], also=["pm25_hour_severe"], often=6,
                hours=(3, 8), reach_m=500,
            ),
        ],
        defects=[
            Defect(kind="silence", often=6, hours=(6, 60), flag="gap", rules=["station_silent"], also=["station_incomplete"]),
            Defect(
                kind="stuck", quantity="pm25", often=3, hours=(30, 72), flag="stuck", rules=["station_stuck"],
                also=["station_drifting"],
            ),
            Defect(kind="spike", quantity="pm25", size=700, often=4, hours=(1, 1), flag="spike"),
            Defect(kind="drift", quantity="pm25", size=1.6, often=2, hours=(240, 336), rules=["station_drifting"]),
        ],
    ),
)  # fmt: skip
