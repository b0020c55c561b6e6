# SPDX-License-Identifier: Apache-2.0
"""People who do not exist, in the houses of a city that does: households, moves, and what other departments say of them.

Identity numbers check (GB 11643-1999) and are nobody's: their sequence numbers begin with 9 in a division that was withdrawn
before the people were born. A simulated building's key is its district and a number, as the buildings' own simulation has it.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence

from chengyun.city import SimulatedArea, Stated, Synthetic
from chengyun.standards.chinese_names import invent
from chengyun.standards.identifiers.persons import check_character

BUILDINGS = 12
"""Of each district that people live in."""
HOUSEHOLDS = 10
"""In each building."""
DIVISION = "330202"
"""镇明区, withdrawn in 1984: no number given out since begins so."""
REGISTERED = dt.date(2015, 7, 1)
"""When the simulated registration began."""
Home = tuple[str, str, str, SimulatedArea]
"""Household, building, address, district."""


def registered(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield households and their people, as the police would have them."""
    number = 0
    for household, building, address, area in _homes(areas):
        since = REGISTERED + dt.timedelta(days=chance.randrange(3600))
        people = list(_family(chance, today))
        head = f"P{number + 1:08d}"
        surname = people[0][0][0]
        yield Stated("household", household, {
            "name": f"{surname}姓户", "kind": "family", "head": head, "area_code": area.code, "building": building,
            "address": address, "size": len(people),
        }, since)  # fmt: skip
        migrant = chance.random() < 0.25
        for name, sex, born, relation in people:
            number += 1
            yield Stated("person", f"P{number:08d}", {
                "name": name, "sex": sex, "birth_date": born, "id_number": identity_number(born, number, sex),
                "ethnicity": "汉族" if chance.random() < 0.96 else chance.choice(["畲族", "苗族", "土家族", "回族"]),
                "household": household, "relation": relation, "residence": "migrant" if migrant else "registered",
                "origin_code": chance.choice(["340100", "360100", "520100", "410100"]) if migrant else area.code,
                "area_code": area.code, "building": building, "address": address,
            }, max(since, born))  # fmt: skip
            if migrant and relation in ("0", "1"):
                yield Stated("migration", f"M{number:08d}", {
                    "name": f"迁入 {since:%Y-%m}", "person": f"P{number:08d}", "moved_on": since, "from_code": "340100",
                    "to_code": area.code, "area_code": area.code, "reason": "work" if relation == "0" else "family",
                }, since)  # fmt: skip


def visited(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield what communities found at some doors: telephones, and people who live elsewhere than they are registered."""
    homes = list(_homes(areas))
    for number in range(1, len(homes), 3):
        key = f"P{number:08d}"
        values: dict[str, object] = {"phone": f"199{chance.randrange(10**8):08d}"}
        if chance.random() < 0.1:
            _household, building, address, area = homes[chance.randrange(len(homes))]
            values |= {"building": building, "address": address, "area_code": area.code}
        yield Stated("person", key, values, today - dt.timedelta(days=chance.randrange(300)))


def identity_number(born: dt.date, number: int, sex: str) -> str:
    """Return a number that checks and is nobody's: odd in its last digit for men."""
    sequence = 900 + number % 50 * 2 + (1 if sex == "1" else 0)
    body = f"{DIVISION}{born:%Y%m%d}{sequence}"
    return body + check_character(body)


def _homes(areas: Sequence[SimulatedArea]) -> Iterator[Home]:
    for area in areas:
        for building in range(1, min(BUILDINGS, len(area.points)) + 1):
            for home in range(1, HOUSEHOLDS + 1):
                floor, door = divmod(home - 1, 2)
                address = f"宁波市{area.name}模拟路{building}号1幢1单元{floor + 1}0{door + 1}室"
                yield f"H{area.code}{building:03d}{home:03d}", f"{area.code}-{building:03d}", address, area


def _family(chance: random.Random, today: dt.date) -> Iterator[tuple[str, str, dt.date, str]]:
    """Yield name, sex, day of birth and relation: a head, mostly a spouse, some children, sometimes a parent."""

    def born(age: int) -> dt.date:
        return today - dt.timedelta(days=age * 365 + chance.randrange(365))

    age = chance.choices((28, 38, 48, 58, 70, 82), (12, 22, 22, 20, 16, 8))[0]
    sex = chance.choice("12")
    head = invent(chance)
    yield head, sex, born(age), "0"
    if chance.random() < 0.72:
        yield invent(chance), "2" if sex == "1" else "1", born(age - chance.randrange(-2, 5)), "1"
    for _child in range(chance.choices((0, 1, 2), (45, 42, 13))[0] if age < 60 else 0):
        girl = chance.random() < 0.48
        yield (
            head[0] + invent(chance)[-2:],
            "2" if girl else "1",
            born(max(1, age - 27 - chance.randrange(8))),
            "3" if girl else "2",
        )
    if age < 60 and chance.random() < 0.12:
        yield invent(chance), chance.choice("12"), born(age + 26), "5"


SYNTHETIC = (Synthetic("public_security", registered), Synthetic("community", visited))
