# SPDX-License-Identifier: Apache-2.0
"""Two sources of invented people, with the truth: the second knows most of them, with what happens to records in real life.

Typing mistakes and homophones in names, numbers missing, of fifteen digits or with a digit wrong, days exchanged with months,
telephones that changed, people who moved, twins, and many who are in one source only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from chengyun.standards.chinese_names import GIVEN, HOMOPHONES, SURNAMES
from chengyun.standards.identifiers.persons import check_character

__all__ = ["COLUMNS", "sources"]

COLUMNS = ("key", "name", "number", "born", "sex", "phone", "address")
SHARED = 0.9
"""Share of the second source that is in the first too."""
TWINS = 0.01
NO_NUMBER, OLD_NUMBER, WRONG_NUMBER = 0.12, 0.03, 0.03
OTHER_NAME, ALIKE_NAME = 0.03, 0.05
SWAPPED_DAY, WRONG_DAY = 0.03, 0.02
MOVED, OTHER_PHONE, NO_PHONE = 0.15, 0.25, 0.15
_ALIKE = {character: group for group in HOMOPHONES for character in group}
_NAMES, _WEIGHTS = tuple(SURNAMES), tuple(SURNAMES.values())
DIVISIONS = ("330202", "330204", "330283")
"""Withdrawn codes: no number made here is anybody's born since."""

Row = tuple[str, ...]


def sources(size: int, seed: int = 7) -> tuple[list[Row], list[Row], dict[str, str]]:
    """Return two sources of `size` records, and the truth: key of the first → key of the second."""
    chance = random.Random(seed)  # noqa: S311  an invention, not a secret
    people = list(_people(size + int(size * (1 - SHARED)) + 1, chance))
    first: list[Row] = [(f"A{number:08d}", *person) for number, person in enumerate(people[:size])]
    begin = len(people) - size
    second: list[Row] = []
    truth: dict[str, str] = {}
    order = list(range(begin, begin + size))
    chance.shuffle(order)
    for at, number in enumerate(order):
        key = f"B{at:08d}"
        second.append((key, *_told_again(people[number], chance)))
        if number < size:
            truth[f"A{number:08d}"] = key
    return first, second, truth


def _people(size: int, chance: random.Random) -> Iterator[tuple[str, ...]]:
    surnames = chance.choices(_NAMES, _WEIGHTS, k=size)
    made = 0
    while made < size:
        surname = surnames[made]
        given = "".join(chance.choices(GIVEN, k=1 if chance.random() < 0.15 else 2))
        year, month, day = chance.randrange(1935, 2024), chance.randrange(1, 13), chance.randrange(1, 29)
        sex = chance.choice("12")
        address, phone = _address(chance), _phone(chance)
        yield _person(surname + given, year, month, day, sex, phone, address, chance)
        made += 1
        if chance.random() < TWINS and made < size:
            # A twin: same day, same house, a name that shares a character, a number of the same day.
            twin = surname + given[0] + chance.choice(GIVEN) if len(given) == 2 else surname + chance.choice(GIVEN)
            yield _person(twin, year, month, day, sex, phone if year > 2008 else _phone(chance), address, chance)
            made += 1


def _person(
    name: str, year: int, month: int, day: int, sex: str, phone: str, address: str, chance: random.Random
) -> tuple[str, ...]:  # fmt: skip
    sequence = chance.randrange(500) * 2 + (1 if sex == "1" else 0)
    body = f"{chance.choice(DIVISIONS)}{year}{month:02d}{day:02d}{sequence:03d}"
    return name, body + check_character(body), f"{year}-{month:02d}-{day:02d}", sex, phone, address


def _told_again(person: tuple[str, ...], chance: random.Random) -> tuple[str, ...]:
    name, number, born, sex, phone, address = person
    luck = chance.random()
    if luck < OTHER_NAME:
        name = _exchanged(name, chance.choice(GIVEN), chance)
    elif luck < OTHER_NAME + ALIKE_NAME:
        name = "".join(chance.choice(_ALIKE[one]) if one in _ALIKE else one for one in name)
    luck = chance.random()
    if luck < NO_NUMBER:
        number = ""
    elif luck < NO_NUMBER + OLD_NUMBER and number[6:8] == "19":
        number = number[:6] + number[8:17]
    elif luck < NO_NUMBER + OLD_NUMBER + WRONG_NUMBER:
        number = _exchanged(number, chance.choice("0123456789"), chance)
    luck = chance.random()
    if luck < SWAPPED_DAY and int(born[8:]) <= 12:
        born = f"{born[:4]}-{born[8:]}-{born[5:7]}"
    elif luck < SWAPPED_DAY + WRONG_DAY:
        born = f"{born[:8]}{chance.randrange(1, 29):02d}"
    luck = chance.random()
    phone = "" if luck < NO_PHONE else _phone(chance) if luck < NO_PHONE + OTHER_PHONE else phone
    if chance.random() < MOVED:
        address = _address(chance)
    elif chance.random() < 0.3:
        address = address.replace("幢", chance.choice("栋座")).removeprefix("宁波市")
    return name, number, born, sex, phone, address


def _exchanged(text: str, character: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(text))
    return text[:at] + character + text[at + 1 :]


def _phone(chance: random.Random) -> str:
    return f"1{chance.choice('3578')}{chance.randrange(10**9):09d}"


def _address(chance: random.Random) -> str:
    district = chance.choice(("海曙区", "江北区", "鄞州区", "镇海区", "北仑区", "奉化区", "余姚市", "慈溪市"))
    road = chance.choice(GIVEN) + chance.choice(GIVEN) + chance.choice(("路", "街", "巷"))
    number, block, floor, door = (chance.randrange(1, most) for most in (400, 40, 25, 5))
    return f"宁波市{district}{road}{number}号{block}幢{floor}0{door}室"
