# SPDX-License-Identifier: Apache-2.0
"""How pages write values: numbers, moments, ages and spans, in the language of the page. Pure; `now` is an argument."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from chengyun.standards.units import UNITS

NOTHING = "—"
"""What stands where a value is not known."""
RELATIONS = {">=": "≥", "<=": "≤", "~": "≈"}
MARKS = {"：": ": ", "、": ", ", "，": ", ", "；": "; ", "。": ". ", "（": " (", "）": ")"}
"""Marks of punctuation in English."""


def hours(value: float | None, decimals: int = 0) -> str:
    """Return hours with their unit, in minutes where so few decimals would say next to nothing; "—" for None and NaN."""
    if value is None or math.isnan(value):
        return NOTHING
    if 0 < value < 10**-decimals:
        minutes = round(value * 60)
        return ngettext("%(count)d 分钟", "%(count)d 分钟", minutes) % {"count": minutes} if minutes else _("不到 1 分钟")
    return _("%s 小时") % number(value, decimals)


def relation(comparator: str) -> str:
    """Return a relation of the plans' targets as it is printed: ≥ for >=, ≤ for <=, ≈ for ~."""
    return RELATIONS.get(comparator, comparator)


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number rounded to decimals; "—" for None and NaN."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:,.{decimals}f}"


def unit(symbol: str) -> str:
    """Return a unit as it is written behind a figure, in the language of the page; "" for a figure without one."""
    if symbol == "1":
        return ""
    known = UNITS.get(symbol)
    english = (get_language() or "").startswith("en")
    return known.sign_en if english and known and known.sign_en is not None else symbol


def moment(value: dt.datetime | dt.date) -> str:
    """Return a moment in the city's time to the minute, or a day."""
    english = (get_language() or "").startswith("en")
    if isinstance(value, dt.datetime):
        local = timezone.localtime(value)
        return f"{local.day} {local:%b %Y, %H:%M}" if english else f"{local:%Y-%m-%d %H:%M}"
    return f"{value.day} {value:%b %Y}" if english else f"{value:%Y-%m-%d}"


def age(then: dt.datetime, now: dt.datetime) -> str:
    """Return how long ago a moment was, in whole seconds, minutes, hours or days (two of the larger before it is used)."""
    seconds = int((now - then).total_seconds())
    size = abs(seconds)
    if size < 60:
        said = ngettext("%(count)d 秒钟", "%(count)d 秒钟", size) % {"count": size}
    elif size < 7200:
        said = ngettext("%(count)d 分钟", "%(count)d 分钟", size // 60) % {"count": size // 60}
    elif size < 2 * 86400:
        said = ngettext("%(count)d 小时", "%(count)d 小时", size // 3600) % {"count": size // 3600}
    else:
        said = ngettext("%(count)d 天", "%(count)d 天", size // 86400) % {"count": size // 86400}
    return _("%(span)s前") % {"span": said} if seconds >= 0 else _("%(span)s后") % {"span": said}


def period(start: dt.datetime, kind: str) -> str:
    """Return the name of the interval a figure speaks of: an hour, a local day, a month or a year."""
    english = (get_language() or "").startswith("en")
    local = timezone.localtime(start)
    match kind:
        case "hour":
            end = timezone.localtime(start + dt.timedelta(hours=1))
            day = f"{local.day} {local:%b}" if english else f"{local:%m-%d}"
            return f"{day} {local:%H:%M}–{end:%H:%M}"
        case "day":
            return f"{local.day} {local:%b %Y}" if english else f"{local:%Y-%m-%d}"
        case "month":
            return f"{local:%b %Y}" if english else _("%(year)d 年 %(month)d 月") % {"year": local.year, "month": local.month}
    return f"{local.year}" if english else _("%(year)d 年") % {"year": local.year}


def spell(start: dt.datetime, length: dt.timedelta | None) -> str:
    """Return what an observation speaks of: an instant, or the interval of that length from its start on."""
    if not length:
        return moment(start)
    if length == dt.timedelta(days=1):
        return moment(timezone.localtime(start).date())
    return f"{moment(start)}–{timezone.localtime(start + length):%H:%M}"


def listed(items: Iterable[str], sign: str = "、") -> str:
    """Return items one after the other, as the language of the page separates them. sign: the mark between them in Chinese."""
    return mark(sign).join(items)


def mark(sign: str) -> str:
    """Return a Chinese mark of punctuation as the language of the page writes it."""
    return MARKS[sign] if (get_language() or "").startswith("en") else sign


def clauses(parts: Iterable[str]) -> str:
    """Return what is said of one thing as one sentence; empty parts go."""
    return listed(filter(None, parts), "，")


def today(now: dt.datetime) -> dt.date:
    """Return the city's local date."""
    return timezone.localdate(now)
