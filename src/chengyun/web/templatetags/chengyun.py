# SPDX-License-Identifier: Apache-2.0
"""Template words: how pages write moments, ages and numbers, and where bundled files are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from chengyun.collect.models import Shedding
from chengyun.collect.queries import shedding
from chengyun.web import places, sentences, shown, titles
from chengyun.web.alerts.wording import span
from chengyun.web.assets import asset_url

register = template.Library()
MINUTE_S = 60.0


@register.simple_tag
def asset(name: str) -> str:
    """Return the address of a bundled file by its plain name, e.g. "main.js"."""
    return asset_url(name)


@register.simple_tag
def overload() -> list[Shedding]:
    """Return the classes of observations that are being turned away because more comes in than can be written."""
    return shedding()


@register.simple_tag
def age(moment: dt.datetime | None) -> SafeString | str:
    """Return how long ago a moment was, the exact time in the title; "—" when it is not known."""
    if moment is None:
        return shown.NOTHING
    said = shown.age(moment, timezone.now())
    return format_html('<time class="age" datetime="{}" title="{}">{}</time>', moment.isoformat(), shown.moment(moment), said)


@register.filter
def moment(value: dt.datetime | dt.date | None) -> str:
    """Return a moment in the city's time, in the page's language; "—" when it is not known."""
    return shown.moment(value) if value is not None else shown.NOTHING


@register.filter
def figure(value: float | None, decimals: int = 0) -> str:
    """Return a number with its decimals; "—" when it is not known, never 0."""
    return shown.number(value, decimals)


@register.filter
def sentence(text: str) -> str:
    """Return a sentence that is kept in English in the page's language, where it is known."""
    return sentences.said(text)


@register.filter
def hours(value: float | None, decimals: int = 0) -> str:
    """Return hours with their unit, in minutes where they are few; "—" when they are not known."""
    return shown.hours(value, decimals)


@register.filter
def unit(symbol: str) -> str:
    """Return a unit as it is written behind a figure in the page's language; "" for a figure without one."""
    return shown.unit(symbol)


@register.filter
def measured(value: float | None, unit: str = "") -> str:
    """Return a measured value with its unit, seconds as a span; "—" when it is not known."""
    if value is None:
        return shown.NOTHING
    if unit == "s" and value >= MINUTE_S:
        return span(dt.timedelta(minutes=round(value / MINUTE_S)))
    return f"{floatformat(value, '-1')} {shown.unit(unit)}".rstrip()


@register.filter
def percent(share: float | None) -> str:
    """Return a share of 0 to 1 as per cent; "—" when it is not known."""
    return shown.NOTHING if share is None else f"{share * 100:.0f} %"


@register.filter
def percent1(share: float | None) -> str:
    """Return a share of 0 to 1 as per cent with one decimal; "—" when it is not known."""
    return shown.NOTHING if share is None else f"{share * 100:.1f} %"


BECAUSE = {
    "condition cleared": gettext_lazy("条件已解除"),
    "history": gettext_lazy("历史数据补判"),
    "rule demoted": gettext_lazy("规则已降级"),
}
"""Why the program itself closed an alert."""


@register.filter
def because(text: str) -> str:
    """Return why an alert was closed: a person's own words, or the program's in the page's language."""
    return str(BECAUSE.get(text, text))


@register.filter
def titled(title: str) -> str:
    """Return a case's title in the page's language where the program made it; a person's own words as they are."""
    return titles.titled(title or "")


@register.filter
def listed(items: Iterable[str], sign: str = "、") -> str:
    """Return items one after the other, as the page's language separates them. sign: the mark between them in Chinese."""
    return shown.listed([str(one) for one in items], sign)


@register.simple_tag
def mark(sign: str) -> str:
    """Return a mark of punctuation between two values as the page's language writes it."""
    return shown.mark(sign)


@register.filter
def said(text: str) -> str:
    """Return the text of a declaration, or the name of a body, in the page's language."""
    return places.said(text or "")
