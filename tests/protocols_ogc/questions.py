# SPDX-License-Identifier: Apache-2.0
"""Generated questions, and the plainest way to answer them: one row after the other, in Python, with unknown as None."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shapely

Row = dict[str, Any]
Truth = Callable[[Row], bool | None]

KINDS = ["national", "provincial", "municipal", "micro"]
FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
WEST, SOUTH, EAST, NORTH = 121.0, 29.2, 122.2, 30.3


@dataclass(frozen=True)
class Question:
    """A condition as CQL2 text and as Python, a box in degrees or None, an order, a page's length."""

    text: str
    holds: Truth
    box: tuple[float, float, float, float] | None
    sort: tuple[tuple[str, bool], ...]
    limit: int

    def answer(self, rows: list[Row]) -> list[str]:
        """Return the keys of the rows that fit, in order."""
        found = [row for row in rows if self.holds(row) is True and self._inside(row)]
        found.sort(key=lambda row: row["id"])
        for key, falls in reversed(self.sort):
            known = [row for row in found if row[key] is not None]
            known.sort(key=lambda row, key=key: _plain(row[key]), reverse=falls)
            found = known + [row for row in found if row[key] is None]
        return [row["key"] for row in found]

    def _inside(self, row: Row) -> bool:
        if self.box is None:
            return True
        west, south, east, north = self.box
        return row["lon"] is not None and west <= row["lon"] <= east and south <= row["lat"] <= north


def rows_of(chance: random.Random, count: int) -> list[Row]:
    """Return made-up stations: some without a place, some without a reading, some with one that is known to be wrong."""
    rows = []
    for number in range(1, count + 1):
        placed, read = chance.random() > 0.05, chance.random() > 0.15
        rows.append(
            {
                "id": number,
                "key": f"q{number:05d}",
                "name": chance.choice(["海", "江", "Bei", "nan", "50%_x", "o'k"]) + f" {number % 37}",
                "kind": chance.choice(KINDS),
                "lon": round(chance.uniform(WEST, EAST), 5) if placed else None,
                "lat": round(chance.uniform(SOUTH, NORTH), 5) if placed else None,
                "area_code": chance.choice(["330203", "330205", "330206", "330212"]),
                "simulated": chance.random() < 0.3,
                "valid_from": dt.date(2019, 1, 1) + dt.timedelta(days=chance.randrange(2000)) if chance.random() > 0.2 else None,
                "station_5min_pm25": round(chance.uniform(0, 200), 1) if read else None,
                "station_5min_start": FIRST + dt.timedelta(minutes=5 * chance.randrange(4000)) if read else None,
            }
        )  # fmt: skip
    return rows


def questions(chance: random.Random, count: int) -> list[Question]:
    return [question(chance) for _ in range(count)]


def question(chance: random.Random) -> Question:
    text, holds = condition(chance, chance.choice([0, 1, 1, 2, 3]))
    box = _box(chance) if chance.random() < 0.5 else None
    keys = chance.sample(["name", "kind", "station_5min_pm25", "valid_from", "station_5min_start"], chance.choice([0, 0, 1, 2]))
    return Question(text, holds, box, tuple((key, chance.random() < 0.5) for key in keys), chance.choice([7, 50, 400, 10_000]))


def condition(chance: random.Random, depth: int) -> tuple[str, Truth]:
    """Return a condition as CQL2 text, and what it says of a row."""
    if depth == 0:
        return chance.choice([_number, _text, _like, _kinds, _truth, _date, _instant, _unknown, _shape, _arithmetic, _span])(
            chance
        )
    op = chance.choice(["AND", "OR", "NOT"])
    if op == "NOT":
        text, holds = condition(chance, depth - 1)
        return f"NOT ({text})", lambda row: None if holds(row) is None else not holds(row)
    (one, first), (two, second) = condition(chance, depth - 1), condition(chance, depth - 1)
    joined = _and if op == "AND" else _or
    return f"({one}) {op} ({two})", lambda row: joined(first(row), second(row))


def _and(first: bool | None, second: bool | None) -> bool | None:
    return False if first is False or second is False else None if first is None or second is None else True


def _or(first: bool | None, second: bool | None) -> bool | None:
    return True if first or second else None if first is None or second is None else False


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _compare(key: str, op: str, written: str, value: Any) -> tuple[str, Truth]:
    def holds(row: Row) -> bool | None:
        return None if row[key] is None else COMPARE[op](_plain(row[key]), _plain(value))

    return f"{key} {op} {written}", holds


def _plain(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _number(chance: random.Random) -> tuple[str, Truth]:
    if chance.random() < 0.3:
        low, high = sorted((chance.randrange(200), chance.randrange(200)))
        return (
            f"station_5min_pm25 BETWEEN {low} AND {high}",
            lambda row: None if row["station_5min_pm25"] is None else low <= row["station_5min_pm25"] <= high,
        )
    value = round(chance.uniform(0, 200), 1)
    return _compare("station_5min_pm25", chance.choice(list(COMPARE)), str(value), value)


def _text(chance: random.Random) -> tuple[str, Truth]:
    value = chance.choice(["海 3", "Bei 7", "o'k 1", "江 20", "m"])
    return _compare("name", chance.choice(list(COMPARE)), "'" + value.replace("'", "''") + "'", value)


def _like(chance: random.Random) -> tuple[str, Truth]:
    pattern, found = chance.choice(
        [
            ("海%", lambda name: name.startswith("海")), ("% 3", lambda name: name.endswith(" 3")),
            ("%e_ %", lambda name: any(name[at] == "e" and name[at + 2] == " " for at in range(len(name) - 2))),
            (r"50\%\_x%", lambda name: name.startswith("50%_x")),
        ]
    )  # fmt: skip
    no = chance.random() < 0.3
    return f"name {'NOT ' if no else ''}LIKE '{pattern}'", lambda row: found(row["name"]) is not no


def _kinds(chance: random.Random) -> tuple[str, Truth]:
    chosen = chance.sample(KINDS, 2)
    return f"kind IN ('{chosen[0]}', '{chosen[1]}')", lambda row: row["kind"] in chosen


def _truth(chance: random.Random) -> tuple[str, Truth]:
    value = chance.random() < 0.5
    return _compare("simulated", chance.choice(["=", "<>"]), "TRUE" if value else "FALSE", value)


def _date(chance: random.Random) -> tuple[str, Truth]:
    day = dt.date(2019, 1, 1) + dt.timedelta(days=chance.randrange(2000))
    return _compare("valid_from", chance.choice(list(COMPARE)), f"DATE('{day}')", day)


def _instant(chance: random.Random) -> tuple[str, Truth]:
    at = FIRST + dt.timedelta(minutes=5 * chance.randrange(4000))
    op, name = chance.choice([(">", "T_AFTER"), ("<", "T_BEFORE"), ("=", "T_EQUALS")])
    _written, holds = _compare("station_5min_start", op, "", at)
    return f"{name}(station_5min_start, TIMESTAMP('{at:%Y-%m-%dT%H:%M:%SZ}'))", holds


def _span(chance: random.Random) -> tuple[str, Truth]:
    first = FIRST + dt.timedelta(minutes=5 * chance.randrange(3000))
    last = first + dt.timedelta(hours=chance.randrange(1, 90))
    text = f"T_DURING(station_5min_start, INTERVAL('{first:%Y-%m-%dT%H:%M:%SZ}', '{last:%Y-%m-%dT%H:%M:%SZ}'))"
    return text, lambda row: None if row["station_5min_start"] is None else first < row["station_5min_start"] < last


def _unknown(chance: random.Random) -> tuple[str, Truth]:
    key, no = chance.choice(["station_5min_pm25", "valid_from"]), chance.random() < 0.5
    return f"{key} IS {'NOT ' if no else ''}NULL", lambda row: (row[key] is None) is not no


def _arithmetic(chance: random.Random) -> tuple[str, Truth]:
    factor, limit = chance.randrange(2, 5), chance.randrange(900)
    return (
        f"station_5min_pm25 * {factor} - 10 > {limit}",
        lambda row: None if row["station_5min_pm25"] is None else row["station_5min_pm25"] * factor - 10 > limit,
    )


def _box(chance: random.Random) -> tuple[float, float, float, float]:
    west, south = chance.uniform(WEST, EAST - 0.2), chance.uniform(SOUTH, NORTH - 0.2)
    return west, south, west + chance.uniform(0.1, 0.9), south + chance.uniform(0.1, 0.9)


def _shape(chance: random.Random) -> tuple[str, Truth]:
    if chance.random() < 0.4:
        west, south, east, north = _box(chance)
        return (
            f"S_INTERSECTS(geometry, BBOX({west},{south},{east},{north}))",
            lambda row: None if row["lon"] is None else west <= row["lon"] <= east and south <= row["lat"] <= north,
        )
    turns = sorted(chance.uniform(0, 2 * math.pi) for _ in range(chance.randrange(3, 9)))
    x, y = chance.uniform(WEST, EAST), chance.uniform(SOUTH, NORTH)
    corners = [(x + math.cos(turn) * chance.uniform(0.1, 0.6), y + math.sin(turn) * chance.uniform(0.1, 0.6)) for turn in turns]
    shape = shapely.Polygon(corners)
    if not shape.is_valid:
        shape = shape.convex_hull
    name = chance.choice(["S_INTERSECTS", "S_WITHIN", "S_DISJOINT"])

    def holds(row: Row) -> bool | None:
        if row["lon"] is None:
            return None
        inside = shape.intersects(shapely.Point(row["lon"], row["lat"]))
        return not inside if name == "S_DISJOINT" else inside

    return f"{name}(geometry, {shape.wkt})", holds
