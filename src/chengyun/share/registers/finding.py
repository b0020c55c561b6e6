# SPDX-License-Identifier: Apache-2.0
"""Things of a register found by a text: as it stands in some fields or, for addresses, part by part with a score and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet

from chengyun.access.policy import Scope
from chengyun.areas.queries import areas_on
from chengyun.standards.addresses import PARTS, Parts, compare, parse

__all__ = ["AddressFound", "find_addresses", "find_things"]

CANDIDATES = 2_000
"""Addresses compared with one that is asked for; more of one road is more than a person reads anyway."""
LIKELY = 0.5
"""Likeness below which an address is no answer."""


@dataclass(frozen=True, slots=True)
class AddressFound:
    """An address that may be the one meant: its row, how alike it is (0–1), and why, in words."""

    row: Any
    score: float
    because: str


def find_things(rows: QuerySet[Any], text: str, fields: Sequence[str], allowed: Scope) -> QuerySet[Any]:
    """Return the rows in which one of the fields holds the text; a field that is masked for the reader is not looked into."""
    asked = text.strip()
    if not asked or "\x00" in asked:
        return rows if not asked else rows.none()
    wanted = Q(pk__in=[])
    for name in fields:
        if allowed.may_filter(name):
            wanted |= Q(**{f"{name}__icontains": asked})
    return rows.filter(wanted)


def find_addresses(rows: QuerySet[Any], text: str, most: int = 20) -> tuple[Parts, list[AddressFound]]:
    """Return a text taken apart as an address, and the addresses most like it, best first.

    Compared are those of the same road, compound or village, or of one that begins alike.
    """
    asked = parse(text)
    found = _likely(rows, asked, most)
    if not found and (widened := _with_county(asked)):
        asked = widened
        found = _likely(rows, asked, most)
    return asked, found


def _with_county(asked: Parts) -> Parts | None:
    """Return an address whose road begins with a district's short name, as people say it: 海曙解放路 is a road of 海曙区."""
    for area in areas_on(None, "district") if asked.road and not asked.county else ():
        road = asked.road.removeprefix(area.name[:-1])
        if len(area.name) > 2 and 1 < len(road) < len(asked.road):
            return replace(asked, county=area.name, road=road)
    return None


def _likely(rows: QuerySet[Any], asked: Parts, most: int) -> list[AddressFound]:
    wanted = Q(pk__in=[])
    for part in ("road", "compound", "community"):
        if value := getattr(asked, part):
            wanted |= Q(**{part: value}) | Q(**{f"{part}__startswith": value[:2]})
    near = rows.filter(wanted)
    # The same number or block first: of a long road all candidates may not be compared.
    for part in ("number", "block"):
        if value := getattr(asked, part):
            narrowed = near.filter(**{part: value})
            near = narrowed if narrowed.exists() else near
    found = []
    for row in near.order_by("key")[:CANDIDATES]:
        likeness = compare(asked, Parts(row.name, **{part: getattr(row, part) for part in PARTS}))
        if likeness.score >= LIKELY:
            beyond = sum(bool(getattr(row, part)) and not getattr(asked, part) for part in ("block", "unit", "room"))
            found.append((-likeness.score, beyond, AddressFound(row, likeness.score, likeness.sentence())))
    found.sort(key=lambda one: (one[0], one[1], one[2].row.key))
    return [one for _score, _beyond, one in found[:most]]
