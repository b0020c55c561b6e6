# SPDX-License-Identifier: Apache-2.0
"""How the air of a city behaves when nothing real measures it: a pure function of station, moment and seed.

A concentration is the product of a regional part all stations share (weather over days, season, hour, weekday) and a
small part of the station's own. One pollution episode is planted in each district every forty hours, at a time that is
known beforehand (`episode`), so that an alert and its case have something true to point at.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from chengyun.city import Registered, SimulatedArea, Simulation
from chengyun.packs.air_quality.reading import ZONE

STATIONS = 24
FIVE_MINUTES = dt.timedelta(minutes=5)
MISSING_SHARE = 0.004
"""Share of station hours in which nothing is measured."""
LEAST_OF_TWELVE = 9
"""Five-minute values an hourly mean needs: 45 of 60 minutes (GB 3095-2012, table 4)."""

CYCLE_H, SLOT_H, EPISODE_H = 40, 4.0, 3.5
"""Every district has one episode of EPISODE_H hours in each cycle, in one of the cycle's slots."""
BESIDE = 0.35
"""How much of an episode the district's other stations feel; the first stands next to its source."""

MEAN = {"so2": 8.0, "no2": 28.0, "co": 0.65, "o3": 62.0, "pm10": 48.0, "pm25": 27.0}
"""Typical concentrations of a coastal city of the Yangtze delta in recent years; CO in mg/m³, all else µg/m³."""
WINTER = {"so2": 0.25, "no2": 0.35, "co": 0.25, "o3": -0.35, "pm10": 0.35, "pm25": 0.45}
"""How much the season adds in mid-January and takes in mid-July, as a share."""
TRAFFIC = {"so2": 0.10, "no2": 0.45, "co": 0.25, "o3": 0.0, "pm10": 0.18, "pm25": 0.12}
WEATHER = {"so2": 0.25, "no2": 0.30, "co": 0.25, "o3": 0.20, "pm10": 0.40, "pm25": 0.45}
EPISODE = {"so2": 12.0, "no2": 45.0, "co": 0.9, "o3": 0.0, "pm10": 250.0, "pm25": 190.0}
"""What an episode adds at its height."""
DECIMALS = {"so2": 1, "no2": 1, "co": 3, "o3": 1, "pm10": 1, "pm25": 1}


def register(areas: Sequence[SimulatedArea], chance: random.Random) -> Iterator[Registered]:
    """Yield stations spread evenly over the districts that have room for them."""
    placed = [area for area in areas if area.points]
    for index, area in enumerate(placed):
        share = STATIONS // len(placed) + (index < STATIONS % len(placed))
        points = chance.sample(area.points, min(share, len(area.points)))
        short = area.name.removesuffix("区").removesuffix("县").removesuffix("市")
        for number, (lon, lat) in enumerate(points, 1):
            values = {
                "name": f"模拟站 {short} {number}",
                "lon": lon,
                "lat": lat,
                "area_code": area.code,
                "kind": "micro",
                "simulated": True,
            }
            yield Registered("station", f"sim-{area.code}-{number}", values)


def observe(stream: str, key: str, moment: dt.datetime, seed: int) -> Mapping[str, float] | None:
    """Return what a station measures in the interval that starts at the moment, or None when it misses it.

    An hour is the mean of its twelve five-minute values, so the two streams never contradict each other.
    """
    if stream.rsplit(".", 1)[-1] == "station_hour":
        parts = [part for n in range(12) if (part := _five_minutes(key, moment + n * FIVE_MINUTES, seed)) is not None]
        if len(parts) < LEAST_OF_TWELVE:
            return None
        return {name: round(sum(part[name] for part in parts) / len(parts), 3) for name in MEAN}
    return _five_minutes(key, moment, seed)


def episode(area_code: str, moment: dt.datetime) -> float:
    """Return the height of a district's planted episode at a moment, 0 (none) to 1: the simulation's ground truth."""
    hours = moment.timestamp() / 3600
    digits = "".join(character for character in area_code if character.isdigit())[:6] or "0"
    # The two factors put the ten districts of the demonstration city in ten different slots: one episode follows the other.
    slot = int(digits[-2:]) * 42 % 107 % int(CYCLE_H / SLOT_H)
    into = hours % CYCLE_H - slot * SLOT_H
    if not 0 <= into < EPISODE_H:
        return 0.0
    # A rise in twenty minutes, a plateau, an end in forty.
    return min(1.0, into * 3, (EPISODE_H - into) * 1.5)


def _five_minutes(key: str, moment: dt.datetime, seed: int) -> dict[str, float] | None:
    start = int(moment.timestamp())
    if _uniform(seed, "missing", key, start // 3600) < MISSING_SHARE:
        return None
    local = moment.astimezone(ZONE)
    hour = local.hour + local.minute / 60
    winter = math.cos((local.timetuple().tm_yday - 15) / 365.25 * 2 * math.pi)
    rush = _bell(hour, 8, 1.6) + 0.9 * _bell(hour, 18.5, 2.2) - 0.5 * _bell(hour, 14, 3)
    if local.weekday() >= 5:
        rush *= 0.6
    weather = _smooth(seed, "weather", start, 60 * 3600) + 0.5 * _smooth(seed, "wind", start, 13 * 3600)
    clear_sky = 0.75 + 0.5 * (_smooth(seed, "sky", start, 30 * 3600) + 1) / 2
    sun = _bell(hour, 14.5, 3.2)
    _, area_code, number = key.split("-")
    planted = episode(area_code, moment) * (1.0 if number == "1" else BESIDE)
    values = {}
    for name, mean in MEAN.items():
        level = mean * (1 + WINTER[name] * winter) * math.exp(WEATHER[name] * weather) * (1 + TRAFFIC[name] * rush)
        if name == "o3":
            level *= 0.45 + 1.35 * sun * clear_sky
        own = 0.12 * (2 * _uniform(seed, "place", key, name) - 1) + 0.08 * _smooth(seed, key + name, start, 2400)
        jitter = 0.03 * (2 * _uniform(seed, name, key, start) - 1)
        height = 0.85 + 0.3 * _uniform(seed, "height", key)
        values[name] = round(max(0.1, level * math.exp(own + jitter) + EPISODE[name] * planted * height), DECIMALS[name])
    return values


def _bell(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2))


def _smooth(seed: int, what: str, start: int, span_s: int) -> float:
    """Return noise from -1 to 1 that changes over about span_s seconds."""
    knot, into = divmod(start, span_s)
    share = (1 - math.cos(into / span_s * math.pi)) / 2
    before, after = (2 * _knot(seed, what, span_s, knot + n) - 1 for n in (0, 1))
    return before + (after - before) * share


@lru_cache(maxsize=65536)
def _knot(seed: int, what: str, span_s: int, knot: int) -> float:
    return _uniform(seed, what, span_s, knot)


def _uniform(*parts: object) -> float:
    """Return a number from 0 to 1 that depends on nothing but the parts."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


SIMULATION = Simulation(streams=["station_5min", "station_hour"], register=register, observe=observe)
