# SPDX-License-Identifier: Apache-2.0
"""A case's clock in words: how much is left, of which kind of time, or why it stands."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chengyun.cases.clock import ClockView

__all__ = ["clock_text", "clock_words", "span_words"]


def span_words(span: dt.timedelta) -> str:
    """Return a span as people say it, in its two largest parts: 3 小时 20 分."""
    minutes = int(abs(span).total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    parts = [
        (days, ngettext("%d 天", "%d 天", days) % days),
        (hours, ngettext("%d 小时", "%d 小时", hours) % hours),
        (minutes % 60, ngettext("%d 分", "%d 分", minutes % 60) % (minutes % 60)),
    ]
    said = [words for number, words in parts if number][:2]
    return " ".join(said) or _("不到 1 分")


def clock_words(clock: ClockView, why: str = "") -> str:
    """Return one sentence. why: why the clock stands."""
    if clock.colour == "ended":
        return _("共用 %s") % clock_text(clock.used.total_seconds(), clock.basis)
    if not clock.running:
        return _(why) if why else _("计时暂停")
    if clock.overdue:
        return _("已超时 %s") % clock_text(-clock.left.total_seconds(), clock.basis)
    return _("还剩 %s") % clock_text(clock.left.total_seconds(), clock.basis)


def clock_text(seconds: float, basis: str) -> str:
    """Return a span with the time it is counted in. Office hours are told in hours: a day of them has not twenty-four."""
    if basis == "continuous":
        return span_words(dt.timedelta(seconds=seconds))
    hours, minutes = divmod(int(seconds // 60), 60)
    parts = [
        (hours, ngettext("%d 小时", "%d 小时", hours) % hours),
        (minutes, ngettext("%d 分", "%d 分", minutes) % minutes),
    ]
    said = " ".join(words for number, words in parts if number) or _("不到 1 分")
    return _("%s（工作时间）") % said
