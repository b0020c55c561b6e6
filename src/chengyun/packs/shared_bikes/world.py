# SPDX-License-Identifier: Apache-2.0
"""Docked bikes of a made-up city: out in the morning from where people live, back in the evening; a few are always left."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.city import Defect, Instrument, Mishap, Sensors, Sky

if TYPE_CHECKING:
    from chengyun.city.world import Floats

LEFT = 4
"""Bikes and docks that are left unless something is planted."""


def _capacity(stations: Sensors) -> Floats:
    return (16 + 24 * stations.own["a"]).round()


def read(sky: Sky, stations: Sensors) -> Mapping[str, Floats]:
    """Return bikes and docks of stations; how many of each are broken is not told."""
    capacity = _capacity(stations)
    away = 0.5 - 0.5 * math.cos((sky.hour - 2) / 24 * 2 * math.pi)
    homes = 2 * stations.own["b"] - 1
    ridden = (0.6 if sky.working else 0.35) * (1 - 0.5 * min(sky.rain, 4.0) / 4.0)
    share = 0.5 + ridden * homes * (0.5 - away) + 0.05 * stations.noise["a"]
    bikes = (capacity * share).clip(LEFT, capacity - LEFT)
    # Somebody took all of them, or brought as many as there are docks.
    bikes = (bikes * (stations.felt["drained"] == 0)).round()
    bikes += (capacity - bikes) * (stations.felt["glut"] > 0)
    return {"bikes": bikes, "docks": capacity - bikes, "age": 30 + 20 * stations.own["a"].round(1)}


def register(stations: Sensors) -> Mapping[str, Sequence[Any]]:
    """Return what stands in the register beside key and place."""
    names = [f"模拟租还点 {number}" for number in range(1, len(stations) + 1)]
    return {"name": names, "capacity": _capacity(stations).astype(int).tolist()}


INSTRUMENTS = (
    Instrument(
        key="dock", name="租还站点", stream="station_status", share=0.12, step=dt.timedelta(minutes=30), read=read,
        register=register,
        mishaps=[
            Mishap(key="drained", name="借空", rules=["station_empty"], often=15, hours=(2, 8), reach_m=250),
            Mishap(key="glut", name="停满", rules=["station_full"], often=15, hours=(2, 8), reach_m=250),
        ],
        defects=[
            Defect(kind="silence", often=5, hours=(9, 60), flag="gap", rules=["station_silent"]),
            Defect(kind="stuck", quantity="bikes", often=2, hours=(24, 72), rules=["station_stuck"]),
            # The operator goes on publishing what the station said last.
            Defect(kind="spike", quantity="age", size=86_400, often=2, hours=(9, 60), rules=["station_stale"]),
            Defect(kind="spike", quantity="bikes", size=900, often=3, hours=(0.5, 0.5), flag="range"),
        ],
    ),
)  # fmt: skip
