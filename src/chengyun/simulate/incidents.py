# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a day of a made-up city, and who says so: a pure function of seed and day.

An incident is there whether or not anybody reports it. Under-reporting follows REPORTERS; how many people of a city report
what they see is not known from any source here, so these are a simulation's assumption and no more.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from chengyun.city import SimulatedArea
from chengyun.city.incidents import Habits, Incident

__all__ = ["CHANNELS", "Planned", "Told", "planned", "texts_of"]

REPORTERS = (0.3, 0.5, 0.13, 0.07)
"""How often nobody, one, two and three people report an incident."""
CHANNELS = ("web", "web", "app", "app", "hotline", "api")
HOURS = (0, 0, 0, 0, 0, 1, 3, 7, 9, 9, 8, 7, 5, 6, 7, 7, 7, 8, 8, 6, 5, 3, 2, 1)
"""How often something is seen in each hour of a day."""
NEARBY_M = 260.0
APART_M = 12.0
"""How far the places that several reporters of one thing give lie from it."""
METRES = 111_320.0
MOST_AT_ONCE = 50.0


@dataclass(frozen=True, slots=True)
class Told:
    """One report of an incident, as its reporter makes it. key: never the same for two reports of a city."""

    key: str
    incident: str
    at: dt.datetime
    text: str
    channel: str
    lon: float
    lat: float
    chosen: str
    """The category the reporter picked; "" when none was."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One incident: the ground truth. at: UTC; lon, lat: WGS-84."""

    key: str
    kind: Incident
    at: dt.datetime
    lon: float
    lat: float
    told: tuple[Told, ...]


def planned(
    day: dt.date, habits: Habits, areas: Sequence[SimulatedArea], seed: int, zone: ZoneInfo, scale: float = 1.0
) -> list[Planned]:
    """Return the incidents of a local day in the order in which they happen; none before the city has areas.

    scale: how many times what the habits tell happens.
    """
    dice = random.Random(f"{seed} incidents {day.isoformat()}")  # noqa: S311  reproducible, not secret
    points = [point for area in areas for point in area.points]
    if not points:
        return []
    found = []
    for kind in habits.incidents:
        for _ in range(_poisson(kind.often / 7 * scale, dice)):
            hour = dice.choices(range(24), HOURS)[0]
            at = dt.datetime.combine(day, dt.time(hour, dice.randrange(60), dice.randrange(60)), zone).astimezone(dt.UTC)
            found.append((at, kind, _near(dice.choice(points), NEARBY_M, dice)))
    found.sort(key=lambda one: one[0])
    return [
        Planned(key, kind, at, *place, tuple(_told(key, kind, at, place, dice)))
        for number, (at, kind, place) in enumerate(found, 1)
        for key in (f"{day:%Y%m%d}-{number:03d}",)
    ]


def texts_of(habits: Habits) -> dict[str, str]:
    """Return the category each text stands for."""
    return {text: incident.category for incident in habits.incidents for text in incident.texts}


def _told(key: str, kind: Incident, at: dt.datetime, place: tuple[float, float], dice: random.Random) -> Iterator[Told]:
    for number in range(dice.choices(range(len(REPORTERS)), REPORTERS)[0]):
        at += dt.timedelta(minutes=dice.expovariate(1 / 45) + 2)
        lon, lat = _near(place, APART_M, dice)
        chosen = kind.category if dice.random() < 0.6 else ""
        yield Told(f"{key}-{number}", key, at, dice.choice(kind.texts), dice.choice(CHANNELS), lon, lat, chosen)


def _near(place: tuple[float, float], within_m: float, dice: random.Random) -> tuple[float, float]:
    lon, lat = place
    far, turn = within_m * math.sqrt(dice.random()), dice.uniform(0, math.tau)
    east, north = far * math.cos(turn), far * math.sin(turn)
    return round(lon + east / (METRES * math.cos(math.radians(lat))), 6), round(lat + north / METRES, 6)


def _poisson(mean: float, dice: random.Random) -> int:
    """Return how often something happened (Knuth, The Art of Computer Programming, 3.4.1)."""
    if mean > MOST_AT_ONCE:  # the limit would come near the smallest numbers there are
        return _poisson(mean / 2, dice) + _poisson(mean / 2, dice)
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
