# SPDX-License-Identifier: Apache-2.0
"""The part of a list of cases that a statistic has counted, as its links say it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from chengyun.access.models import Organisation
from chengyun.areas.queries import name_of
from chengyun.cases.models import Case
from chengyun.cases.queries import Filters
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.web import places
from chengyun.web.days import day_of

__all__ = ["Narrowed", "read_narrowed"]

WORDS = ("area", "category", "source", "department", "opened_from", "opened_to", "closed_from", "closed_to")


@dataclass(frozen=True)
class Narrowed:
    """filters: for the list. words: the same for people. kept: names and values, for a form that keeps them."""

    filters: Filters
    words: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]


def read_narrowed(given: Mapping[str, str]) -> Narrowed:
    """Read what is asked for. Raises Refused for days that are none; an area or a body that is none narrows to nothing."""
    asked = {name: given.get(name, "").replace("\x00", "").strip()[:64] for name in WORDS}
    filters: Filters = {}
    words: list[str] = []
    if area := asked["area"]:
        filters["area"] = area if area.isascii() and area.isdigit() else "-"
        words.append(name_of(area))
    if category := asked["category"]:
        filters["category"] = category
        words.append(category)
    if source := asked["source"]:
        filters["source"] = source
        words.append(str(dict(Case.Source.choices).get(source, source)))
    if department := asked["department"]:
        known = department.isascii() and department.isdigit() and len(department) < 19
        number = int(department) if known else 0
        filters["department"] = number
        body = Organisation.objects.filter(pk=number).first()
        words.append(places.said(body.name) if body else department)
    for name, said in (("opened", _("立案于")), ("closed", _("结束于"))):
        first, last = asked[f"{name}_from"], asked[f"{name}_to"]
        if first or last:
            span = _span(first, last)
            filters[name] = span  # type: ignore[literal-required]
            words.append(f"{said} {first or '…'} – {last or '…'}")
    return Narrowed(filters, tuple(words), tuple((name, value) for name, value in asked.items() if value))


def _span(first: str, last: str) -> tuple[dt.datetime, dt.datetime]:
    return (
        _begin(first or "1900-01-01"),
        _begin(last or "2999-12-30") + dt.timedelta(days=1),
    )


def _begin(text: str) -> dt.datetime:
    try:
        return dt.datetime.combine(day_of(text), dt.time(), config().zone)
    except ValueError:
        raise Refused(_("“%s”不是日期，请写成 2026-01-31。") % text[:20], code="day") from None
