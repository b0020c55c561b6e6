# SPDX-License-Identifier: Apache-2.0
"""A tile's figure beside others, and an index beside its parts: from what was gathered, as it was known at the moment shown.

What cannot be compared is left out, never zero.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from chengyun.govern.models import Target
from chengyun.operate.boards.memory import Figure
from chengyun.operate.indices.comparing import year_before
from chengyun.standards.composite import apportioned, contributions
from chengyun.web import shown
from chengyun.web.boards.gathering import Asked, Gathered, peers_of
from chengyun.web.boards.shown import Contribution

__all__ = ["compared", "goal_of", "parts_of"]

MINUS = "\u2212"
FULL = 100.0
"""The score of a part that lacks nothing."""


def compared(indicator: str, subject: str, asked: Asked, found: Gathered) -> tuple[str, ...]:
    """Return what a figure is compared with, each in a few words: the period before, a year before, its peers, the plan."""
    own, text = found.newest.get((indicator, subject)), asked.words.find("indicator", indicator)
    if own is None or own.value is None or text is None:
        return ()
    decimals = text["decimals"]
    said = []
    if (before := found.before.get((indicator, subject))) and before.value is not None:
        said.append(_("环比 %(change)s") % {"change": signed(own.value - before.value, decimals)})
    then = year_before(own.period_start)
    year = found.beside.get((indicator, subject, then)) if then else None
    if year is not None and year.value is not None:
        said.append(_("同比 %(change)s") % {"change": signed(own.value - year.value, decimals)})
    values = _peers(indicator, subject, own, asked, found)
    if len(values) > 1:
        words = {
            "rank": 1 + sum(value > own.value for value in values), "of": len(values),
            "median": shown.number(statistics.median(values), decimals),
        }  # fmt: skip
        said.append(_("同级由高到低第 %(rank)s / %(of)s，中位数 %(median)s") % words)
    return (*said, *(_planned(one) for one in found.planned.get((indicator, subject), ())))


def goal_of(indicator: str, start: dt.datetime | None, asked: Asked) -> tuple[str, float, str] | None:
    """Return the declared goal in force on a figure's day: its sense ("at least", "at most"), the number, the source."""
    text = asked.words.find("indicator", indicator)
    day = (start or asked.known.at).astimezone(asked.zone).date().isoformat()
    found = [one for one in (text or {}).get("goals", ()) if one[0] <= day]
    return (found[-1][1], found[-1][2], found[-1][3]) if found else None


def parts_of(indicator: str, subject: str, asked: Asked, found: Gathered) -> tuple[tuple[Contribution, ...], str, str]:
    """Return an index's parts with what each costs the level and did to the change, the change, and since when.

    Level: the points an index lacks of 100 are shared out over its parts exactly; the change since the period before likewise.
    """
    text, own = asked.words.find("indicator", indicator), found.newest.get((indicator, subject))
    told = (text or {}).get("index")
    if not told or own is None:
        return (), "", ""
    decimals, by = told["decimals"], told["aggregate"]
    now = _counted(own, found)
    lacks: Mapping[str, Decimal] = {}
    if own.value is not None and now:
        full = {key: (weight, FULL) for key, (weight, _score) in now.items()}
        lacks = _shares(FULL, own.value, full, now, by, decimals)
    before = found.before.get((indicator, subject))
    moved: Mapping[str, Decimal] = {}
    if before is not None and before.value is not None and own.value is not None and before.id in found.details:
        moved = _shares(before.value, own.value, _counted(before, found), now, by, decimals)
    lines = [
        Contribution(
            asked.said(name),
            reverse("indicator", args=[used]) + f"?area={subject}" if used else "",
            score=now[key][1], weight=now[key][0], lacks=_printed(lacks.get(key)), moved=_printed(moved.get(key)),
            up=moved.get(key, Decimal(0)) > 0, down=moved.get(key, Decimal(0)) < 0,
        )
        for key, name, used in told["parts"] if key in now
    ]  # fmt: skip
    lines.sort(key=lambda one: (one.score is None, float(one.lacks.replace(MINUS, "-") or 0)))
    change = signed(float(sum(moved.values(), Decimal(0))), decimals) if moved else ""
    since = shown.period(before.period_start, text["period"]) if moved and before and text else ""
    return tuple(lines), change, since


def signed(value: float, decimals: int) -> str:
    """Return a change with its sign; a change of nothing has none."""
    text = f"{abs(value):,.{decimals}f}"
    if not float(text.replace(",", "")):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def _printed(share: Decimal | None) -> str:
    if share is None:
        return ""
    return f"{'+' if share > 0 else MINUS if share < 0 else ''}{abs(share)}"


def _shares(
    before: float, after: float, then: Mapping[str, Any], now: Mapping[str, Any], by: Any, decimals: int
) -> dict[str, Decimal]:  # fmt: skip
    step = Decimal(1).scaleb(-decimals)
    change = Decimal(repr(after)).quantize(step) - Decimal(repr(before)).quantize(step)
    told = contributions(before, after, dict(then), dict(now), by)
    return {one.part: share for one, share in zip(told, apportioned([one.share for one in told], change, decimals), strict=True)}


def _counted(figure: Figure, found: Gathered) -> dict[str, tuple[float, float | None]]:
    parts = found.details.get(figure.id, {}).get("parts", {})
    return {part: (float(one["weight"]), one["score"]) for part, one in parts.items()}


def _peers(indicator: str, subject: str, own: Figure, asked: Asked, found: Gathered) -> list[float]:
    beside = (found.beside.get((indicator, code, own.period_start)) for code in peers_of(subject, asked))
    return [one.value for one in beside if one is not None and one.value is not None]


def _planned(one: Target) -> str:
    target = f"{shown.relation(one.comparator)} {one.value} {shown.unit(one.unit)}".strip()
    return _("规划 %(year)s %(target)s") % {"year": one.year, "target": target}
