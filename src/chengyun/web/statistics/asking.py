# SPDX-License-Identifier: Apache-2.0
"""What an address asks of the statistics: which cases, which days, counted by what, compared with which days."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from chengyun.cases.statistics.queries import Asked, By, Grain, Span
from chengyun.errors import Refused
from chengyun.web.days import day_of

__all__ = ["Question", "read_question", "steps"]

GRAINS: tuple[Grain, ...] = get_args(Grain)
DIMENSIONS: tuple[By, ...] = get_args(By)
COMPARED = ("prior", "year", "none")
MOST = {"day": 93, "week": 106, "month": 240}
"""How many days, weeks or months one page shows; a longer time is shown by what is next coarser."""

EARLIEST = dt.date(1990, 1, 1)
USUAL = {"day": 30, "week": 26, "month": 12}


@dataclass(frozen=True, slots=True)
class Question:
    """grain: as asked for, or coarser where the time is long. span: whole weeks or months but for the last one, which ends
    today. compared: "prior" (环比), "year" (同比) or "none". coarser: whether the grain is not the one asked for."""

    asked: Asked
    grain: Grain
    by: By
    span: Span
    compared: str
    coarser: bool = False

    @property
    def then(self) -> Span | None:
        """Return the days compared with, as many as those asked for."""
        match self.compared, self.grain:
            case "none", _:
                return None
            case "year", "week":
                return Span(*(day - dt.timedelta(days=364) for day in (self.span.first, self.span.last)))
            case "year", "day":
                return Span(*(months_before(day, 12) for day in (self.span.first, self.span.last)))
            case _, "month":
                first, last = self.span.first, self.span.last
                months = 12 if self.compared == "year" else (last.year - first.year) * 12 + last.month - first.month + 1
                # Whole months with whole months: of a February, its 29th day as well.
                ends = (last + dt.timedelta(days=1)).day == 1
                earlier = months_before(last, months)
                return Span(months_before(first, months), _end_of_month(earlier) if ends else earlier)
            case _:
                whole = (self.span.last - self.span.first).days + 1
                days = -(-whole // 7) * 7 if self.grain == "week" else whole
                return Span(*(day - dt.timedelta(days=days) for day in (self.span.first, self.span.last)))

    @property
    def spans(self) -> list[Span]:
        return [self.span, *([self.then] if self.then else [])]

    def query(self, **other: Any) -> str:
        """Return the address of the same question, with other answers for some of its words; None leaves a word out."""
        words: dict[str, Any] = {
            "type": self.asked.types[0] if len(self.asked.types) == 1 else "", "grain": self.grain, "first": self.span.first,
            "last": self.span.last, "by": self.by, "area": self.asked.area, "category": self.asked.category,
            "department": self.asked.department, "source": self.asked.source, "compare": self.compared,
        }  # fmt: skip
        return urlencode({name: value for name, value in (words | other).items() if value not in ("", None)})


def read_question(given: Mapping[str, str], types: Mapping[str, Any], today: dt.date) -> Question:
    """Read a question. types: kinds of cases the reader may see. Raises Refused for days that are none."""
    kind = given.get("type", "")
    department = given.get("department", "")
    area = given.get("area", "")
    asked = Asked(
        types=(kind,) if kind in types else tuple(types),
        area=area if area.isascii() and area.isdigit() and 2 <= len(area) <= 12 else "",
        category=given.get("category", "").replace("\x00", "")[:64],
        department=int(department) if department.isascii() and department.isdigit() and len(department) < 19 else None,
        source=given.get("source", "").replace("\x00", "")[:16],
    )
    grain: Grain = next((one for one in GRAINS if one == given.get("grain")), "month")
    by: By = next((one for one in DIMENSIONS if one == given.get("by")), "area")
    compared = given.get("compare", "")
    last = min(_day(given.get("last", "")) or today, today)
    first = _day(given.get("first", "")) or _usual_first(last, grain)
    if first > last:
        first, last = last, min(first, today)
    span, chosen = Span(max(first, EARLIEST), max(last, EARLIEST)), grain
    while grain != "month" and len(steps(span, grain)) > MOST[grain]:
        grain = GRAINS[GRAINS.index(grain) + 1]
    if len(steps(span, grain)) > MOST[grain]:
        span = Span(months_before(span.last.replace(day=1), MOST[grain] - 1), span.last)
    span = _whole(span, grain, today)
    return Question(asked, grain, by, span, compared if compared in COMPARED else "prior", grain != chosen)


def coarsened(question: Question, grain: Grain, today: dt.date) -> Question:
    """Return the question asked by a coarser grain."""
    return question if grain == question.grain else replace(
        question, grain=grain, span=_whole(question.span, grain, today), coarser=True
    )  # fmt: skip


def steps(span: Span, grain: Grain) -> list[dt.date]:
    """Return the first days of the days, weeks or months of a span."""
    found, at = [], _start(span.first, grain)
    while at <= span.last:
        found.append(at)
        if len(found) > 100_000:  # pragma: no cover  # dates are bounded before
            break
        at = at + dt.timedelta(days=1 if grain == "day" else 7) if grain != "month" else _end_of_month(at) + dt.timedelta(days=1)
    return found


def step_span(first: dt.date, grain: Grain, span: Span) -> Span:
    """Return the days of a day, week or month that lie in a span."""
    last = first if grain == "day" else first + dt.timedelta(days=6) if grain == "week" else _end_of_month(first)
    return Span(max(first, span.first), min(last, span.last))


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day so many months earlier, or the last of that month."""
    at = day.year * 12 + day.month - 1 - months
    year, month = divmod(at, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _start(day: dt.date, grain: Grain) -> dt.date:
    if grain == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def _end_of_month(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _whole(span: Span, grain: Grain, today: dt.date) -> Span:
    """Return a span of whole weeks or months, the last one as far as it has come."""
    last = span.last
    if grain == "week":
        last = last + dt.timedelta(days=6 - last.weekday())
    elif grain == "month":
        last = _end_of_month(last)
    return Span(_start(span.first, grain), min(last, today))


def _usual_first(last: dt.date, grain: Grain) -> dt.date:
    if grain == "month":
        return months_before(last.replace(day=1), USUAL["month"] - 1)
    return last - dt.timedelta(days=USUAL[grain] * (1 if grain == "day" else 7) - 1)


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return day_of(text)
    except ValueError:
        raise Refused(_("“%s”不是日期，请写成 2026-01-31。") % text[:20], code="day") from None
