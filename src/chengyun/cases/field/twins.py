# SPDX-License-Identifier: Apache-2.0
"""Two people walked past the same hole, both without network: their cases are found to be one when the second arrives.

Nothing is joined by itself. Both people are asked, the dispatcher sees the pair, and what anybody says is kept.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from chengyun.cases.field.models import Operation, Twin
from chengyun.cases.field.places import distance_m
from chengyun.cases.models import Case

__all__ = ["Likeness", "find", "likeness"]

WITHIN_M = 90.0
DAYS = 10.0
ENOUGH = 0.5
MOST = 5
LOOKED_AT = 40
WEIGHTS = {"place": 0.55, "category": 0.35, "time": 0.10}
"""Declared: place says most, category next. Two cases of different kinds at one place are two problems."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """score: 0 to 1. reasons: in words."""

    score: float
    distance_m: float
    reasons: tuple[str, ...]


def find(case: Case, operation: Operation, now: dt.datetime, accuracy_m: float = 0.0) -> list[Twin]:
    """Find open and recent cases that look like this one, and keep each pair once."""
    if case.lon is None or case.lat is None:
        return []
    from chengyun.cases import duplicates  # the city's own search, with its index of places; numpy stays out until then

    near = duplicates.find(
        case.type, lon=case.lon, lat=case.lat, at=now, category=case.category, limit=LOOKED_AT,
        within_m=WITHIN_M + min(accuracy_m, 100.0), days=int(DAYS),
    )  # fmt: skip
    rows = Case.objects.filter(number__in=[one.case_number for one in near], merged_into=None).exclude(pk=case.pk)
    pairs = [(one, likeness(case, one, accuracy_m)) for one in rows]
    found = [(one, like) for one, like in pairs if like.score >= ENOUGH]
    found.sort(key=lambda pair: (-pair[1].score, pair[0].pk))
    made = []
    for one, like in found[:MOST]:
        twin, _made = Twin.objects.get_or_create(
            case=case, other=one,
            defaults={
                "operation": operation, "score": like.score, "distance_m": like.distance_m, "reasons": list(like.reasons),
                "found_at": now,
            },
        )  # fmt: skip
        made.append(twin)
    return made


def likeness(one: Case, other: Case, accuracy_m: float = 0.0) -> Likeness:
    """Return how much two cases with places look like one problem."""
    far = distance_m(one.lon or 0.0, one.lat or 0.0, other.lon or 0.0, other.lat or 0.0)
    beyond = max(0.0, far - min(accuracy_m, 100.0) / 2)
    place = max(0.0, 1 - beyond / WITHIN_M)
    category = _alike(one.category, other.category)
    apart = abs((one.opened_at - other.opened_at).total_seconds()) / 86400
    time = max(0.0, 1 - apart / DAYS)
    score = WEIGHTS["place"] * place + WEIGHTS["category"] * category + WEIGHTS["time"] * time
    reasons = [_("相距 %d 米") % round(far)]
    if category == 1.0:
        reasons.append(_("类别相同"))
    elif category > 0:
        reasons.append(_("大类相同") if one.category and other.category else _("有一件没有类别"))
    # Of different kinds, or too far: alike in one respect is not alike.
    return Likeness(round(score, 4) if place > 0 and category > 0 else 0.0, round(far, 1), tuple(reasons))


def _alike(one: str, other: str) -> float:
    if not one or not other:
        return 0.5
    if one == other:
        return 1.0
    return 0.4 if one[:-2] == other[:-2] and one[:-2] else 0.0
