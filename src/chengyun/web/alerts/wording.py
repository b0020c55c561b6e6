# SPDX-License-Identifier: Apache-2.0
"""A rule's condition in words."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chengyun.city import Above, AlertRule, Below, Budget, Change, City, Limits, Silent, Together, Unusual, Within, qualify
from chengyun.operate.probation.files import Budget as FiledBudget
from chengyun.web import shown

__all__ = ["because_of", "budget_of", "condition", "condition_of", "span"]

MINUTE = 60.0
DEMOTED = re.compile(r"(\d+) false alarms in (\d+) days; the budget (?:its pack declares )?allows (\d+)")
"""What operate.probation.watching notes of a rule it demotes."""


def budget_of(budget: Budget | FiledBudget | None) -> str:
    """Return how much may be wrong with a rule before it is demoted; "" for one without a budget."""
    if budget is None:
        return ""
    words = {"days": budget.per_days, "count": budget.false_alarms}
    said = ngettext("任 %(days)d 天内至多误报 %(count)d 次", "任 %(days)d 天内至多误报 %(count)d 次", budget.false_alarms) % words
    if not isinstance(budget, FiledBudget) or not budget.min_precision:
        return said
    return shown.clauses([said, _("准确率不低于 %s") % f"{budget.min_precision:.0%}"])


def because_of(note: str) -> str:
    """Return why a rule was moved: a person's own words, or the program's in the page's language."""
    found = DEMOTED.fullmatch(note)
    if found is None:
        return note
    words = {"count": int(found[1]), "days": int(found[2]), "allowed": int(found[3])}
    return _("%(days)d 天内误报 %(count)d 次，预算允许 %(allowed)d 次") % words


def condition_of(key: str, rule: AlertRule, day: dt.date) -> str:
    """Return what a rule watches for, with the limits in force on a day and the unit of what it watches. key: qualified."""
    city: City = settings.CITY
    watched = qualify(key.split(".")[0], rule.on)
    if watched in city.indicators:
        unit = str(city.indicators[watched].unit)
    else:
        quantities = city.streams[watched].quantities if watched in city.streams else ()
        unit = next((str(one.unit) for one in quantities if one.key == rule.field), "")
    return condition(rule.when, city.limits(key), day, unit)


def condition(when: object, limits: Limits | None = None, day: dt.date | None = None, unit: str = "") -> str:
    """Return what a rule watches for, as a person reads it. limits, day: where a limit by date is looked up, and for when.

    unit: of what is watched; seconds are told as a span.
    """
    match when:
        case Above() | Below():
            words = {
                "limit": _limit(when.limit, limits, day, unit),
                "times": when.times,
                "clear": _measured(when.clear, unit) if when.clear is not None else "",
            }
            said = (_("高于 %(limit)s") if isinstance(when, Above) else _("低于 %(limit)s")) % words
            more = [
                _("连续 %(times)d 次") % words if when.times > 1 else "",
                _("与 %s 矛盾时再等一次") % when.part_of if isinstance(when, Above) and when.part_of else "",
                _("回到 %(clear)s 解除") % words if when.clear is not None else "",
            ]
            return shown.clauses([said, *more])
        case Change():
            return _("%(span)s 内变化超过 %(by)s") % {"span": span(when.within), "by": _measured(when.by, unit)}
        case Silent():
            return _("%(span)s 没有上报") % {"span": span(when.after)}
        case Unusual():
            return _("与往常此刻相差悬殊（正常时约 %(odds)s 次里有一次）") % {"odds": f"{round(1 / when.probability):,}"}
        case Within():
            place = _("区域 %s") % when.area if when.area else _("划定范围（%d 个拐点）") % len(when.polygon)
            return (_("离开%s") if when.outside else _("进入%s")) % place
        case Together():
            parts = [
                _("同时有 %s") % shown.listed(when.every) if when.every else "",
                _("任一 %s") % shown.listed(when.some) if when.some else "",
                _("没有 %s") % shown.listed(when.without) if when.without else "",
            ]
            return _("%(span)s 内%(parts)s") % {"span": span(when.within), "parts": shown.clauses(parts)}
    return type(when).__name__


def _limit(limit: object, limits: Limits | None, day: dt.date | None, unit: str) -> str:
    """Return a limit with its unit, as it stands in its table on the day; the table's key where it has none."""
    if not isinstance(limit, str):
        return _measured(limit, unit)
    if limits is None or day is None:
        return limit
    table, _colon, entry = limit.partition(":")
    try:
        return _measured(float(limits.on(table, day)[entry]), unit)
    except (KeyError, LookupError, TypeError, ValueError):
        return limit


def _measured(value: Any, unit: str) -> str:
    """Return a number with its unit as people say it."""
    if unit == "s" and float(value) >= MINUTE:
        return span(dt.timedelta(seconds=float(value)))
    return f"{float(value):g} {shown.unit(unit)}".rstrip()


def span(length: dt.timedelta) -> str:
    """Return a span in its largest whole unit."""
    seconds = round(length.total_seconds())
    if seconds % 86400 == 0:
        return _("%d 天") % (seconds // 86400)
    if seconds % 3600 == 0:
        return _("%d 小时") % (seconds // 3600)
    return _("%d 分钟") % (seconds // 60) if seconds % 60 == 0 else _("%d 秒") % seconds
