# SPDX-License-Identifier: Apache-2.0
"""The people of a made-up city in households and buildings: a million in a second or two, none of them real.

Ages, sizes of households and who lives with whom are drawn so that the whole looks like a city of eastern China of about 2020
(an eighth under 15, a fifth or so over 60, two and a quarter to a household); a simulation's assumption, not a census table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chengyun.city import Firm, Home, House, Inhabitant
from chengyun.simulate.world.ground import Ground
from chengyun.simulate.world.seeds import Ints, generator
from chengyun.standards.chinese_names import GIVEN, SURNAMES

__all__ = ["Residents", "firms", "houses", "residents"]

EPOCH = np.datetime64("2026-01-01")
"""The day the people are seen from: the same people whenever a city starts."""
HEAD, SPOUSE, SON, DAUGHTER, PARENT = 0, 1, 2, 3, 5
"""Relations to the head of the household, first digits of GB/T 4761."""
AGES, AGE_SHARES = (20, 27, 34, 42, 50, 58, 66, 74, 90), (0.10, 0.16, 0.18, 0.17, 0.15, 0.11, 0.08, 0.05)
"""Bounds of a head's age, and how often it lies between two of them."""
RANKS = 50
"""People of one sex and day of birth who can have a number that is nobody's; see the population pack."""
PEOPLE_A_FIRM = 25


@dataclass(frozen=True, slots=True)
class Residents:
    """People, one element each, households together and the head first.

    household: from 0; building: of the ground, by household; born: day; sex: 1 or 2; relation: see above; surname: place in
    SURNAMES; given: two places in GIVEN, the second −1 for a name of two characters; rank: see Inhabitant; migrant: by household.
    """

    household: Ints
    born: NDArray[np.datetime64]
    sex: Ints
    relation: Ints
    surname: Ints
    given: Ints
    rank: Ints
    building: Ints
    migrant: NDArray[np.bool_]
    moved_in: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.household)

    def ages(self) -> Ints:
        """Return ages in whole years on the epoch's day."""
        return ((EPOCH - self.born).astype(np.int64) / 365.2425).astype(np.int64)

    def name(self, person: int) -> str:
        """Return a person's name."""
        first, second = self.given[person].tolist()
        return _SURNAMES[int(self.surname[person])] + GIVEN[first] + (GIVEN[second] if second >= 0 else "")

    def homes(self, ground: Ground, people: int) -> Iterator[Home]:
        """Yield households with their people until so many people have been told."""
        told, at = 0, 0
        while told < people and at < len(self):
            household = int(self.household[at])
            end = int(np.searchsorted(self.household, household, side="right"))
            house = _house(ground, int(self.building[household]))
            room = 1 + at % 97
            yield Home(
                f"WH{household + 1:07d}", house, f"{house.address}{1 + room // 40}单元{room % 40 + 101}室",
                bool(self.migrant[household]), self.moved_in[household].astype(object),
                tuple(
                    Inhabitant(
                        f"W{person + 1:08d}", self.name(person), str(self.sex[person]), self.born[person].astype(object),
                        str(self.relation[person]), int(self.rank[person]),
                    )
                    for person in range(at, end)
                ),
            )  # fmt: skip
            told, at = told + end - at, end


def residents(ground: Ground) -> Residents:
    """Return the people of a ground: as many as it says."""
    seed, count = ground.seed, ground.people
    chance = generator(seed, "households")
    homes = count  # a household has one person at least; what is too many is cut off below
    band = chance.choice(len(AGE_SHARES), size=homes, p=AGE_SHARES)
    low, high = np.array(AGES[:-1]), np.array(AGES[1:])
    head_age = low[band] + chance.random(homes) * (high[band] - low[band])
    married = chance.random(homes) < np.interp(head_age, [20, 27, 34, 66, 90], [0.05, 0.45, 0.8, 0.78, 0.4])
    head_sex = np.where(chance.random(homes) < np.where(married, 0.8, 0.5), 1, 2)
    apart = np.where(head_sex == 1, -2.0, 2.0) + 2.5 * chance.standard_normal(homes)
    # Nobody is married before 20: who would be is as much older as would be younger.
    spouse_age = 20 + np.abs(head_age + apart - 20)
    mother_age = np.where(head_sex == 2, head_age, spouse_age)
    children = np.where(married, chance.choice(4, size=homes, p=[0.18, 0.5, 0.28, 0.04]), 0)
    parents = np.where((head_age > 30) & (head_age < 62), chance.choice(3, size=homes, p=[0.86, 0.1, 0.04]), 0)
    birth_ages = 22 + 13 * chance.beta(2, 2.5, (homes, 3))
    child_age = mother_age[:, None] - np.sort(birth_ages, axis=1)
    # Children of 23 and more live in households of their own.
    there = (np.arange(3) < children[:, None]) & (child_age > 0) & (child_age < 23)
    slots = np.column_stack([np.ones(homes, bool), married, there, parents >= 1, parents == 2])
    girls = chance.random((homes, 3)) < 0.472
    first_parent = np.where(chance.random(homes) < 0.65, 2, 1)
    sexes = np.column_stack([head_sex, 3 - head_sex, np.where(girls, 2, 1), first_parent, 3 - first_parent])
    older = head_age[:, None] + 22 + 12 * chance.beta(2, 3, (homes, 2))
    ages = np.column_stack([head_age, spouse_age, child_age, np.minimum(older, 101)])
    relations = np.column_stack(
        [np.full(homes, HEAD), np.full(homes, SPOUSE), np.where(girls, DAUGHTER, SON), np.full((homes, 2), PARENT)]
    )
    house, slot = np.nonzero(slots)
    house, slot = house[:count], slot[:count]
    born = EPOCH - (ages[house, slot] * 365.2425).astype("timedelta64[D]")
    sex = sexes[house, slot].astype(np.int64)
    used = int(house[-1]) + 1 if count else 0
    surname, given = _names(seed, house, slot)
    building, migrant, moved_in = _dwellings(ground, used)
    relation = relations[house, slot].astype(np.int64)
    return Residents(
        house.astype(np.int64), born, sex, relation, surname, given, _ranks(born, sex), building, migrant, moved_in
    )  # fmt: skip


def houses(ground: Ground, count: int) -> Iterator[House]:
    """Yield the first so many buildings."""
    for building in range(min(count, len(ground.buildings))):
        yield _house(ground, building)


def firms(ground: Ground, count: int) -> Iterator[Firm]:
    """Yield the first so many firms; a city has one for each 25 people."""
    whole = max(1, ground.people // PEOPLE_A_FIRM)
    chance = generator(ground.seed, "firms")
    building = chance.integers(0, len(ground.buildings), whole)
    days, lots = chance.integers(400, 7000, whole), chance.random(whole)
    for number in range(min(count, whole)):
        founded = (EPOCH - int(days[number])).astype(object)
        yield Firm(number + 1, _house(ground, int(building[number])), founded, float(lots[number]))


def _names(seed: int, house: Ints, slot: Ints) -> tuple[Ints, Ints]:
    chance = generator(seed, "names")
    homes = int(house[-1]) + 1 if len(house) else 0
    weights = np.array(list(SURNAMES.values()), dtype=np.float64)
    own = chance.choice(len(weights), size=len(house), p=weights / weights.sum())
    family = chance.choice(len(weights), size=homes, p=weights / weights.sum())
    # Heads and children have the family's name; a spouse and the parents their own.
    surname = np.where((slot == 0) | ((slot >= 2) & (slot <= 4)), family[house], own)
    given = chance.integers(0, len(GIVEN), (len(house), 2))
    given[chance.random(len(house)) < 0.2, 1] = -1
    return surname.astype(np.int64), given.astype(np.int64)


def _ranks(born: NDArray[np.datetime64], sex: Ints) -> Ints:
    """Return how many of the same sex and day of birth stand before each."""
    group = born.astype(np.int64) * 2 + sex
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, bool)
    begins = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    ranks = np.empty(len(group), np.int64)
    ranks[order] = np.arange(len(ordered)) - begins
    return ranks


def _dwellings(ground: Ground, homes: int) -> tuple[Ints, NDArray[np.bool_], NDArray[np.datetime64]]:
    chance, found = generator(ground.seed, "dwellings"), ground.buildings
    building = chance.choice(len(found), size=homes, p=found.weight / found.weight.sum()).astype(np.int64)
    migrant = chance.random(homes) < 0.25
    opened = np.maximum(found.built[building] - 1970, 2015 - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    span = (EPOCH - opened).astype(np.int64)
    return building, migrant, opened + (chance.random(homes) * span).astype("timedelta64[D]")


def _house(ground: Ground, building: int) -> House:
    found = ground.buildings
    district = ground.districts[int(found.district[building])]
    number, street = int(found.number[building]), int(found.street[building])
    where = district.name + (district.streets[street][1] if street >= 0 else "")
    name = f"模拟路{number}号1幢"
    return House(
        f"W{district.code}{number:05d}", name, f"{where}{name}", ground.area_code(building), float(found.lon[building]),
        float(found.lat[building]), int(found.built[building]), int(found.floors[building]),
    )  # fmt: skip


_SURNAMES = tuple(SURNAMES)
