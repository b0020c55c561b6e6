# SPDX-License-Identifier: Apache-2.0
"""How bodies read records about persons, in counts: for the privacy officer, who is to ask a body why, never a person.

A day is unusual for a body when it showed many more persons than that body's own days before; nobody is compared with others,
no clerk and no resident is told apart, and counts of persons below five are not told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from django.db import connection

from chengyun.access.disclosure import SMALLEST
from chengyun.config import config
from chengyun.share.lookups.queries import names_of

__all__ = ["Body", "Day", "bodies", "unusual"]

# GROUP BY the city's day; the records' own table has a summary index over time, so a month costs a month.
_DAYS = """
SELECT r.organisation, (r.at AT TIME ZONE %(zone)s)::date AS day, count(*), sum((r.detail #>> '{subjects,count}')::bigint),
       count(*) FILTER (WHERE extract(hour FROM r.at AT TIME ZONE %(zone)s) NOT BETWEEN 7 AND 19
                           OR extract(isodow FROM r.at AT TIME ZONE %(zone)s) > 5),
       count(*) FILTER (WHERE NOT r.detail ? 'grants')
FROM access_auditrecord r WHERE r.at >= %(since)s AND r.detail ? 'subjects'
GROUP BY 1, 2 ORDER BY 1, 2
"""
FEWEST_DAYS = 7
"""Days a body must have read on before one of them can be unusual."""
TIMES, SPREADS = 3.0, 5.0
"""Unusual: more than so many times the median, and further above it than so many spreads (median of distances)."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a body read on a day. persons: shown, each read counted; None when they are fewer than five. odd: see unusual()."""

    day: dt.date
    reads: int
    persons: int | None
    odd: bool


@dataclass(frozen=True, slots=True)
class Body:
    """What a body read in the time. outside: reads at night or on a weekend. own: reads without any grant."""

    key: str
    name: str
    reads: int
    persons: int | None
    outside: int
    own: int
    usual: int | None
    days: tuple[Day, ...]

    @property
    def odd(self) -> tuple[Day, ...]:
        return tuple(day for day in self.days if day.odd)


def bodies(now: dt.datetime, days: int = 30) -> list[Body]:
    """Return what every body read about persons, those with unusual days first, then by persons."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, {"zone": config().time_zone, "since": now - dt.timedelta(days=days)})
        rows = cursor.fetchall()
    by_body: dict[str, list[tuple[dt.date, int, int, int, int]]] = {}
    for body, day, reads, persons, outside, own in rows:
        by_body.setdefault(body, []).append((day, reads, int(persons), outside, own))
    names = names_of(set(by_body) - {""})
    found = [_body(key, names.get(key, key), per_day) for key, per_day in by_body.items()]
    return sorted(found, key=lambda one: (not one.odd, -(one.persons or 0), one.key))


def unusual(counts: Sequence[int]) -> list[bool]:
    """Say which days stand out from a body's own others."""
    if len(counts) < FEWEST_DAYS:
        return [False] * len(counts)
    middle = median(counts)
    spread = median(abs(one - middle) for one in counts)
    return [one > TIMES * max(middle, SMALLEST) and one - middle > SPREADS * spread for one in counts]


def _body(key: str, name: str, per_day: Sequence[tuple[dt.date, int, int, int, int]]) -> Body:
    odd = unusual([one[2] for one in per_day])
    days = tuple(Day(day, reads, _told(persons), out) for (day, reads, persons, _o, _n), out in zip(per_day, odd, strict=True))
    return Body(
        key, name, sum(one[1] for one in per_day), _told(sum(one[2] for one in per_day)), sum(one[3] for one in per_day),
        sum(one[4] for one in per_day), _told(int(median(one[2] for one in per_day))), days,
    )  # fmt: skip


def _told(persons: int) -> int | None:
    return persons if persons >= SMALLEST else None
