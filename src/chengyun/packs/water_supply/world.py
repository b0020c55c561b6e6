# SPDX-License-Identifier: Apache-2.0
"""How a made-up city's water behaves: pressure that sinks when people wash and cook, tanks that fill at night.

Levels and pressures are this simulation's assumption, chosen so that nothing crosses a limit unless something is planted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.city import Defect, Instrument, Mishap, Sensors, Sky

if TYPE_CHECKING:
    from chengyun.city.world import Floats


def _demand(hour: float) -> float:
    """Return how much water is drawn at an hour of the day, 0 to 1: a morning and an evening."""
    return sum(height * math.exp(-(((hour - at) / width) ** 2)) for at, width, height in ((7.5, 2.0, 0.8), (19.5, 2.8, 1.0)))


def read_junction(sky: Sky, points: Sensors) -> Mapping[str, Floats]:
    """Return the pressure head (m) and flow (L/s) at points of the network."""
    whole = 28 + 10 * points.own["a"] - 5 * _demand(sky.hour) + 0.4 * points.noise["a"]
    flow = (2 + 20 * points.own["b"]) * (0.25 + 0.75 * _demand(sky.hour)) * (1 + 0.05 * points.noise["b"])
    burst = points.felt["burst"]
    return {"pressure": whole * (1 - 0.72 * burst), "flow": flow.clip(0) * (1 + 1.5 * burst)}


def read_tank(sky: Sky, tanks: Sensors) -> Mapping[str, Floats]:
    """Return the level (m) of tanks: full before the morning, lower after the evening."""
    level = 2.6 + 1.6 * tanks.own["a"] - 0.9 * _demand(sky.hour - 1.5) + 0.03 * tanks.noise["a"]
    return {"level": level * (1 - 0.97 * tanks.felt["empty"])}


def _of(kind: str, name: str) -> Any:
    def values(sensors: Sensors) -> Mapping[str, Sequence[Any]]:
        names = [f"模拟{name} {number}" for number in range(1, len(sensors) + 1)]
        return {"name": names, "kind": [kind] * len(sensors), "elevation_m": (sensors.own["a"] * 30).round(1).tolist()}

    return values


SILENCE = Defect(kind="silence", often=6, hours=(6, 60), flag="gap", rules=["asset_silent"])
INSTRUMENTS = (
    Instrument(
        key="junction", name="测压点", stream="asset_hour", share=0.72, read=read_junction, noise="ab",
        register=_of("junction", "测压点"),
        mishaps=[
            Mishap(key="burst", name="爆管", rules=["pressure_low"], often=1.2, hours=(4, 16), reach_m=300),
        ],
        defects=[
            SILENCE,
            Defect(kind="stuck", quantity="pressure", often=2, hours=(24, 96), flag="stuck", rules=["asset_stuck"],
                   also=["pressure_drifting"]),
            Defect(kind="drift", quantity="pressure", size=-0.45, often=1, hours=(120, 300), rules=["pressure_drifting"]),
            Defect(kind="spike", quantity="flow", size=9_000, often=4, hours=(1, 1), flag="range"),
        ],
    ),
    Instrument(
        key="tank", name="水箱", stream="asset_hour", share=0.08, read=read_tank, register=_of("tank", "水箱"),
        mishaps=[Mishap(key="empty", name="水箱见底", rules=["tank_low"], often=8, hours=(5, 12))],
        defects=[
            SILENCE,
            Defect(kind="stuck", quantity="level", often=2, hours=(24, 96), flag="stuck", rules=["asset_stuck"]),
            Defect(kind="spike", quantity="level", size=12, often=6, hours=(1, 1), flag="spike"),
        ],
    ),
)  # fmt: skip
