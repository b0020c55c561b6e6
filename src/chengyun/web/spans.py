# SPDX-License-Identifier: Apache-2.0
"""The lengths of time a chart can show."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from chengyun.errors import Refused

SPANS = (
    ("24h", _("24 小时"), dt.timedelta(hours=24)),
    ("7d", _("7 天"), dt.timedelta(days=7)),
    ("30d", _("30 天"), dt.timedelta(days=30)),
    ("1y", _("1 年"), dt.timedelta(days=366)),
    ("5y", _("5 年"), dt.timedelta(days=5 * 366)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A choice above a chart."""

    key: str
    name: object
    current: bool


def length_of(key: str) -> dt.timedelta:
    """Return a span's length. Raises Refused naming those there are."""
    for name, _text, length in SPANS:
        if name == key:
            return length
    words = {"span": key[:20], "spans": ", ".join(name for name, *_rest in SPANS)}
    raise Refused(str(_("时段是 %(span)s，应为 %(spans)s 之一。")) % words)


def default_span(cadence: dt.timedelta | None) -> str:
    """Return the span that shows a few hundred observations."""
    if cadence is None or cadence >= dt.timedelta(days=1):
        return "1y"
    return "7d" if cadence >= dt.timedelta(minutes=30) else "24h"
