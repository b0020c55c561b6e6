# SPDX-License-Identifier: Apache-2.0
"""Cases that may be the same problem, among all that are open or recent. Says nothing of who may see them: the caller asks."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from bisect import insort
from pathlib import Path

from chengyun.cases.duplicates.scoring import (
    METRES_PER_DEGREE,
    WEIGHTS,
    Candidate,
    Likeness,
    Problem,
    with_words,
    without_words,
)  # fmt: skip
from chengyun.cases.prepared import fetch
from chengyun.errors import Refused

__all__ = ["find"]

WITHIN_M = 150.0
MOST_M = 1000.0
DAYS = 30
MOST_PER_SQUARE = 40
AHEAD = dt.timedelta(hours=1)
"""Clocks differ: a case from a moment ago may stand a little in the future."""


def find(
    type_key: str, *, lon: float, lat: float, at: dt.datetime, category: str = "", text: str = "", limit: int = 5,
    within_m: float = WITHIN_M, days: int = DAYS,
) -> list[Candidate]:  # fmt: skip
    """Return cases of a type that may be the problem at a place, most alike first.

    Open ones count whatever their age, ended ones when opened at most `days` before. Raises Refused for a place that is none.
    """
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise Refused(f"The place is {lon}, {lat}; expected WGS-84 degrees: -180 to 180, -85 to 85.", code="place")
    reach = min(within_m, MOST_M)
    high = reach / METRES_PER_DEGREE
    wide = high / math.cos(math.radians(lat))
    asked: dict[str, str | float | dt.datetime] = {
        "west": lon - wide, "east": lon + wide, "south": lat - high, "north": lat + high, "type": type_key,
        "since": at - dt.timedelta(days=days), "until": at + AHEAD, "most": MOST_PER_SQUARE,
        **_squares(lon - wide, lat - high, lon + wide, lat + high),
    }  # fmt: skip
    statement, names = _statement()
    rows = fetch(statement, [asked[name] for name in names])
    new = Problem(lon, lat, at, category, text)
    parts = []
    for number, row_lon, row_lat, opened_at, ended, row_category, row_text in rows:
        known = Problem(row_lon, row_lat, opened_at, row_category, row_text)
        part = without_words(new, known, reach)
        if part.metres <= reach:
            parts.append((part, number, ended, known))
    parts.sort(key=lambda one: -one[0].score)
    found: list[tuple[float, bool, float, str, Likeness]] = []
    for part, number, ended, known in parts:
        # Words take longest to compare: they are left alone where they cannot lift a case among the first any more.
        if len(found) >= limit and part.score + WEIGHTS.words < -found[limit - 1][0]:
            break
        whole = with_words(part, new, known)
        # Of two that are equally alike the open one is the better: a report can join it.
        insort(found, (-whole.score, ended, whole.metres, number, whole), key=lambda one: one[:4])
    return [Candidate(number, one.score, one.metres, one.reasons()) for *_, number, one in found[:limit]]


def _squares(west: float, south: float, east: float, north: float) -> dict[str, str]:
    """Return the squares of a thousandth of a degree that a box touches, as the indexes count them.

    As arrays: of how many there are in a row and a column the database makes no guess that spoils its plan.
    """
    columns, rows = (range(math.floor(low * 1000), math.floor(high * 1000) + 1) for low, high in ((west, east), (south, north)))
    met = [(x, y) for x in columns for y in rows]
    return {name: f"{{{','.join(str(one[at]) for one in met)}}}" for at, name in enumerate(("columns", "rows"))}


CASTS = {"columns": "int[]", "rows": "int[]", "type": "text", "since": "timestamptz", "until": "timestamptz", "most": "bigint"}
"""Of values that are no degrees."""


@functools.cache
def _statement() -> tuple[str, tuple[str, ...]]:
    """Return the statement and which value each of its places takes: planning it takes longer than running it."""
    text = Path(__file__).with_name("candidates.sql").read_text(encoding="utf-8")
    place = re.compile(r"%\((\w+)\)s")
    return place.sub(lambda found: f"%s::{CASTS.get(found[1], 'float8')}", text), tuple(place.findall(text))
