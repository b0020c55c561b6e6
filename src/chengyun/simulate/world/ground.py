# SPDX-License-Identifier: Apache-2.0
"""Where a made-up city stands: real districts, streets inside them, and buildings that do not exist.

Each district has a few centres; buildings lie around them, closer where it is denser. A building belongs to the street whose own
point is nearest: outlines of streets are not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chengyun.simulate.world.seeds import Floats, Ints, generator

__all__ = ["Buildings", "District", "Ground", "metres"]

PEOPLE_A_BUILDING = 60
CENTRES = 5
DEGREE_M = 111_320.0
TRIES = 60


@dataclass(frozen=True, slots=True)
class District:
    """A district: code, name, box (west, south, east, north) and its streets, code → name."""

    code: str
    name: str
    box: tuple[float, float, float, float]
    streets: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Buildings:
    """Buildings, one element each. district: place in Ground.districts; street: in that district's streets, −1 for none.

    number: of the building in its district, from 1. weight: how many live there, beside the others.
    """

    lon: Floats
    lat: Floats
    district: Ints
    street: Ints
    number: Ints
    weight: Floats
    built: Ints
    floors: Ints

    def __len__(self) -> int:
        return len(self.lon)


class Ground:
    """The ground of a city of so many people. inside: (lons, lats) → code of the district that holds each point, "" for none."""

    def __init__(
        self, seed: int, districts: Sequence[District], inside: Callable[[Floats, Floats], Sequence[str]], people: int
    ) -> None:
        self.seed, self.people = seed, people
        self.districts = sorted(districts, key=lambda one: one.code)
        self._inside = inside

    @cached_property
    def shares(self) -> Floats:
        """Share of the people by district."""
        drawn = generator(self.seed, "districts").gamma(3.0, size=len(self.districts))
        return np.asarray(drawn / drawn.sum(), dtype=np.float64)

    @cached_property
    def buildings(self) -> Buildings:
        counts = np.maximum(1, np.round(self.shares * self.people / PEOPLE_A_BUILDING)).astype(np.int64)
        parts = [self._buildings_of(index, int(count)) for index, count in enumerate(counts)]
        return Buildings(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def area_code(self, building: int) -> str:
        """Return the street a building stands in, or its district where no street is known."""
        found = self.buildings
        district = self.districts[int(found.district[building])]
        street = int(found.street[building])
        return district.streets[street][0] if street >= 0 else district.code

    def points(self, what: str, count: int) -> tuple[Floats, Floats, Ints]:
        """Return so many places where people are: near a building each, drawn by how many live there. And the building."""
        chance, found = generator(self.seed, "points", what), self.buildings
        chosen = chance.choice(len(found), size=count, p=found.weight / found.weight.sum())
        far, turn = 60.0 * np.sqrt(chance.random(count)), chance.random(count) * math.tau
        lat = found.lat[chosen] + far * np.sin(turn) / DEGREE_M
        lon = found.lon[chosen] + far * np.cos(turn) / (DEGREE_M * np.cos(np.radians(found.lat[chosen])))
        return lon.round(6), lat.round(6), chosen.astype(np.int64)

    def _buildings_of(self, index: int, count: int) -> tuple[np.ndarray, ...]:
        district = self.districts[index]
        chance = generator(self.seed, "buildings", district.code)
        west, south, east, north = district.box
        centres = self._within(district, chance.random(CENTRES * 40), chance.random(CENTRES * 40))[:CENTRES]
        size = math.sqrt((east - west) * (north - south)) / 9
        lon, lat = np.empty(0), np.empty(0)
        for _ in range(TRIES):
            at = centres[chance.integers(0, len(centres), count * 2)]
            x, y = at[:, 0] + size * chance.standard_normal(len(at)), at[:, 1] + size * chance.standard_normal(len(at))
            kept = np.asarray(self._inside(x, y)) == district.code
            lon, lat = np.concatenate([lon, x[kept]]), np.concatenate([lat, y[kept]])
            if len(lon) >= count:
                break
        # A district so thin that the draws mostly miss it: the rest stands around what was hit.
        again = np.arange(count) % max(1, len(lon))
        lon, lat = lon[again].round(6), lat[again].round(6)
        street = np.full(count, -1)
        if district.streets:
            places = self._within(district, chance.random(4000), chance.random(4000))
            places = places[np.arange(len(district.streets)) % len(places)]
            apart = (lon[:, None] - places[None, :, 0]) ** 2 + (lat[:, None] - places[None, :, 1]) ** 2
            street = apart.argmin(axis=1)
        built = 1978 + np.round(46 * chance.beta(2.2, 1.4, count))
        floors = chance.choice([4, 6, 6, 7, 11, 18, 26], count)
        return (
            lon, lat, np.full(count, index), street, np.arange(1, count + 1), floors * (0.6 + 0.8 * chance.random(count)),
            built.astype(np.int64), floors,
        )  # fmt: skip

    def _within(self, district: District, across: Floats, up: Floats) -> Floats:
        """Return those of the points of a district's box that lie inside; the box's middle when none does."""
        west, south, east, north = district.box
        x, y = west + across * (east - west), south + up * (north - south)
        kept = np.asarray(self._inside(x, y)) == district.code
        if not kept.any():
            return np.array([[(west + east) / 2, (south + north) / 2]])
        return np.column_stack([x[kept], y[kept]])


def metres(lon: Floats, lat: Floats, at_lon: float, at_lat: float) -> Floats:
    """Return how far points are from one, on the flat: right to a metre within a city."""
    east = (lon - at_lon) * math.cos(math.radians(at_lat)) * DEGREE_M
    return np.asarray(np.hypot(east, (lat - at_lat) * DEGREE_M), dtype=np.float64)
