# SPDX-License-Identifier: Apache-2.0
"""A made-up city as a whole: what it was made from, kept in <data>/simulation/world.json, and its ground in the database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chengyun.areas import queries as areas
from chengyun.city import City, SimulatedArea
from chengyun.collect.simulate import simulated_areas
from chengyun.config import Config
from chengyun.errors import Refused
from chengyun.simulate.settings import PEOPLE_A_SCALE, Settings
from chengyun.simulate.world.ground import District, Ground
from chengyun.simulate.world.parts import Part, parts_of
from chengyun.simulate.world.residents import Residents, residents
from chengyun.simulate.world.seeds import Floats

__all__ = ["World"]

INCIDENT_PLACES = 4_000


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
