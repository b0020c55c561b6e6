# SPDX-License-Identifier: Apache-2.0
"""A made-up city as a whole: what it was made from, kept in <data>/simulation/world.json, and its ground in the database."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chengyun.areas import queries as areas
from chengyun.city import City, SimulatedArea
from chengyun.collect.simulate import simulated_areas
from chengyun.config import Config
from chengyun.errors import Refused
from chengyun.simulate.world.ground import District, Ground
from chengyun.simulate.world.parts import Part, parts_of
from chengyun.simulate.world.residents import Residents, residents
from chengyun.simulate.world.seeds import Floats

__all__ = ["PEOPLE_A_SCALE", "Settings", "World", "settings_file"]

PEOPLE_A_SCALE = 20_000
"""So many people live in the city whose incidents a week a habits file tells: five a thousand people a week go wrong. There is no
source for it here; it is this simulation's assumption."""
INCIDENT_PLACES = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a made-up city follows from. begins: its first moment, UTC; nothing is planted before it.

    registered: people, and with them houses and firms in proportion, that are told to the registers. trouble: how many times
    what packs tell befalls sensors and the places they stand at. until: how far it was made; None: it was not.
    """

    seed: int
    people: int
    sensors: int
    begins: dt.datetime
    registered: int = 2_000
    trouble: float = 1.0
    until: dt.datetime | None = None

    def save(self, path: Path) -> None:
        """Keep them, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=1, default=dt.datetime.isoformat), encoding="utf-8")
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> Settings | None:
        """Return what was kept; None where nothing was."""
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        times = {name: dt.datetime.fromisoformat(told[name]) for name in ("begins", "until") if told[name]}
        return cls(**{**told, **times})


def settings_file(config: Config) -> Path:
    """Return where an installation keeps what its made-up city follows from."""
    return config.data / "simulation" / "world.json"


class World:
    """One made-up city. Raises Refused where the installation has no districts yet."""

    def __init__(self, config: Config, city: City, settings: Settings) -> None:
        self.config, self.city, self.settings = config, city, settings
        self.ground = _ground(settings)

    @cached_property
    def residents(self) -> Residents:
        return residents(self.ground)

    @cached_property
    def parts(self) -> list[Part]:
        settings = self.settings
        places = simulated_areas(settings.seed)
        return parts_of(self.city, self.ground, settings.sensors, settings.begins, self.config.zone, places, settings.trouble)

    @property
    def scale(self) -> float:
        """How many times what a habits file tells happens in this city."""
        return self.settings.people / PEOPLE_A_SCALE

    @cached_property
    def places(self) -> list[SimulatedArea]:
        """The districts with points where something may go wrong: more where more people live."""
        lon, lat, building = self.ground.points("incidents", INCIDENT_PLACES)
        where = self.ground.buildings.district[building]
        found = []
        for index, district in enumerate(self.ground.districts):
            there = np.flatnonzero(where == index)
            points = tuple(zip(lon[there].tolist(), lat[there].tolist(), strict=True))
            found.append(SimulatedArea(district.code, district.name, points))
        return found


def _ground(settings: Settings) -> Ground:
    streets: dict[str, list[tuple[str, str]]] = {}
    for row in areas.areas_on(level="street"):
        streets.setdefault(row.parent_code, []).append((row.code, row.name))
    districts = []
    for feature in areas.boundaries("district")["features"]:
        code = str(feature["properties"]["code"])
        box = _box(feature["geometry"]["coordinates"])
        districts.append(District(code, str(feature["properties"]["name"]), box, tuple(sorted(streets.get(code, [])))))
    if not districts:
        raise Refused(
            "This installation has no districts with outlines, so a city cannot be made up in it. Start it once with "
            "`chengyun up`, or load areas with `chengyun load areas`.",
            code="no_areas",
        )

    def inside(lons: Floats, lats: Floats) -> Sequence[str]:
        return areas.area_of_points(lons, lats, "district").tolist()  # type: ignore[no-any-return]

    return Ground(settings.seed, districts, inside, settings.people)


def _box(coordinates: Any) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a GeoJSON geometry's coordinates, however deep."""
    while isinstance(coordinates[0][0], list | tuple):
        coordinates = [point for part in coordinates for point in part]
    lons, lats = [point[0] for point in coordinates], [point[1] for point in coordinates]
    return min(lons), min(lats), max(lons), max(lats)
