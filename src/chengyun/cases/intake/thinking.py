# SPDX-License-Identifier: Apache-2.0
"""What intake asks of the engines beside it: cases like this one, and which category it may be, each with its reasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from chengyun.cases.category import suggest as ask
from chengyun.cases.duplicates import find
from chengyun.city import City
from chengyun.errors import Unavailable

__all__ = ["Similar", "Suggested", "look_for_twins", "report_type", "suggest"]

MOST = 5


@dataclass(frozen=True, slots=True)
class Similar:
    """A case that may be the same problem. score: 0 to 1. reasons: in words."""

    case: str
    score: float
    distance_m: float | None
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Suggested:
    """A category a report may belong to. abstained: too unsure, a person decides. alternatives: (category, probability).

    probability: None where nothing has been learned yet, so that none is known.
    """

    category: str
    probability: float | None
    abstained: bool
    reasons: tuple[str, ...]
    alternatives: tuple[tuple[str, float | None], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report_type() -> str:
    """Return the key of the kind of case that reports open. Raises Unavailable where the city runs none."""
    city: City = settings.CITY
    found = [key for key, declared in city.cases.items() if declared.reports]
    if not found:
        raise Unavailable(
            "No pack of this city takes reports: none declares a CaseType with reports=True. Add one to CHENGYUN_PACKS."
        )
    return found[0]


def look_for_twins(*, lon: float | None, lat: float | None, at: dt.datetime, category: str, text: str) -> tuple[Similar, ...]:
    """Return cases that may be the same problem, most alike first."""
    if lon is None or lat is None:
        return ()
    found = find(report_type(), lon=lon, lat=lat, at=at, category=category, text=text, limit=MOST)
    return tuple(Similar(one.case_number, one.score, one.distance_m, tuple(map(str, one.reasons))) for one in found)


def suggest(
    *, text: str, lon: float | None, lat: float | None, area_code: str, at: dt.datetime, channel: str
) -> Suggested | None:  # fmt: skip
    """Return the category a report most likely belongs to; None while the city has no model."""
    found = ask(report_type(), text=text, lon=lon, lat=lat, area_code=area_code, at=at, channel=channel)
    if found is None or not found.category:
        return None
    others = tuple((str(code), None if chance is None else float(chance)) for code, chance in found.alternatives)
    return Suggested(found.category, found.probability, found.abstained, tuple(map(str, found.reasons)), others)
