# SPDX-License-Identifier: Apache-2.0
"""What the police tell of a made-up city's households and people: as simulate.py tells of its few, by the thousand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from chengyun.city import Home, Inhabitant, Stated, Telling
from chengyun.packs.population.simulate import DIVISION
from chengyun.standards.identifiers.persons import check_character

MOST = 50
"""People of one sex and day of birth who can have a number that is nobody's: sequence numbers 900 to 999."""


def registered(homes: Sequence[Home], today: dt.date) -> Iterator[Stated]:  # noqa: ARG001  people stay
    """Yield households and their people."""
    for home in homes:
        head, house = home.people[0], home.house
        yield Stated("household", home.key, {
            "name": f"{head.name[0]}姓户", "kind": "family", "head": head.key, "area_code": house.area_code,
            "building": house.key, "address": f"宁波市{home.address}", "size": len(home.people),
        }, home.moved_in)  # fmt: skip
        for person in home.people:
            yield Stated("person", person.key, {
                "name": person.name, "sex": person.sex, "birth_date": person.born, "id_number": _number(person),
                "ethnicity": "汉族", "household": home.key, "relation": person.relation,
                "residence": "migrant" if home.migrant else "registered", "area_code": house.area_code,
                "building": house.key, "address": f"宁波市{home.address}",
            }, max(home.moved_in, person.born))  # fmt: skip


def _number(person: Inhabitant) -> str | None:
    """Return a number that checks and is nobody's; None where all of the day's are given out."""
    if person.rank >= MOST:
        return None
    body = f"{DIVISION}{person.born:%Y%m%d}{900 + 2 * person.rank + (person.sex == '1')}"
    return body + check_character(body)


TELLINGS = (Telling("public_security", "home", registered),)
