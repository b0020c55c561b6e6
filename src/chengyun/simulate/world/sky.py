# SPDX-License-Identifier: Apache-2.0
"""The weather and the traffic of a made-up city, as a pure function of seed and moment.

Means are of a coastal city of the Yangtze delta, roughly; a simulation's assumption, not a climate table.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache
from zoneinfo import ZoneInfo

from chengyun.city import Sky
from chengyun.simulate.world.seeds import noise

__all__ = ["sky"]

HOUR = 3600.0
MEAN_C, SEASON_C, DAY_C, WEATHER_C = 17.5, 11.5, 3.5, 5.0


@lru_cache(maxsize=4096)
def sky(seed: int, at: dt.datetime, zone: ZoneInfo) -> Sky:
    """Return what the city is in at a moment."""
    start, local = at.timestamp(), at.astimezone(zone)
    hour = local.hour + local.minute / 60
    season = math.cos((local.timetuple().tm_yday - 15) / 365.25 * math.tau)
    stagnant = noise(seed, "stagnant", start, 60 * HOUR)
    wet = 0.7 * noise(seed, "front", start, 40 * HOUR) + 0.5 * noise(seed, "shower", start, 5 * HOUR)
    rain = max(0.0, wet - 0.45) * 18
    cloud = min(1.0, max(0.0, 0.5 + wet))
    daylight = 12 - 1.8 * season
    sun = max(0.0, math.cos((hour - 12) / daylight * math.pi)) * (1 - 0.7 * cloud) if abs(hour - 12) < daylight / 2 else 0.0
    warmth = DAY_C * math.cos((hour - 14.5) / 24 * math.tau) * (1 - 0.5 * cloud)
    temperature = MEAN_C - SEASON_C * season + warmth + WEATHER_C * noise(seed, "warm", start, 90 * HOUR)
    working = local.weekday() < 5
    rush = _bell(hour, 8.0, 1.3) + 0.95 * _bell(hour, 17.8, 1.8) + 0.45 * _bell(hour, 13.0, 4.5)
    traffic = min(1.0, (rush if working else 0.75 * _bell(hour, 15.0, 5.0)) * (1 + 0.04 * min(rain, 5.0)))
    out = min(0.9, max(0.05, (0.72 if working else 0.45) * (_bell(hour, 13.0, 6.0))))
    wind = max(0.2, 3.2 - 1.8 * stagnant + 1.2 * noise(seed, "gust", start, 7 * HOUR))
    return Sky(at, hour, season, temperature, sun, wind, rain, stagnant, traffic, out, working)


def _bell(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2))
