# SPDX-License-Identifier: Apache-2.0
"""A rule's condition in words."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.city import Above, Below, Change, Limits, Silent, Together, Within

__all__ = ["condition"]


def condition(when: object, limits: Limits | None = None, day: dt.date | None = None) -> str:
    """Return what a rule watches for, as a person reads it. limits, day: where a limit by date is looked up, and for when."""
    match when:
        case Above() | Below():
            words = {"limit": _limit(when.limit, limits, day), "times": when.times, "clear": when.clear}
            said = (_("高于 %(limit)s") if isinstance(when, Above) else _("低于 %(limit)s")) % words
            more = [
                _("连续 %(times)d 次") % words if when.times > 1 else "",
                _("回到 %(clear)s 解除") % words if when.clear is not None else "",
            ]
            return "，".join([said, *(one for one in more if one)])
        case Change():
            return _("%(span)s 内变化超过 %(by)g") % {"span": span(when.within), "by": when.by}
        case Silent():
            return _("%(span)s 没有上报") % {"span": span(when.after)}
        case Within():
            place = _("区域 %s") % when.area if when.area else _("划定范围（%d 个拐点）") % len(when.polygon)
            return (_("离开%s") if when.outside else _("进入%s")) % place
        case Together():
            parts = [
                _("同时有 %s") % "、".join(when.every) if when.every else "",
                _("任一 %s") % "、".join(when.some) if when.some else "",
                _("没有 %s") % "、".join(when.without) if when.without else "",
            ]
            return _("%(span)s 内%(parts)s") % {"span": span(when.within), "parts": "，".join(one for one in parts if one)}
    return type(when).__name__


def _limit(limit: object, limits: Limits | None, day: dt.date | None) -> str:
    """Return a limit as a number, with the table it stands in where it is one by date."""
    if not isinstance(limit, str) or limits is None or day is None:
        return str(limit)
    table, _colon, entry = limit.partition(":")
    try:
        return f"{float(limits.on(table, day)[entry]):g} ({limit})"
    except (KeyError, LookupError, TypeError, ValueError):
        return limit


def span(length: dt.timedelta) -> str:
    """Return a span in its largest whole unit."""
    seconds = round(length.total_seconds())
    if seconds % 86400 == 0:
        return _("%d 天") % (seconds // 86400)
    if seconds % 3600 == 0:
        return _("%d 小时") % (seconds // 3600)
    return _("%d 分钟") % (seconds // 60) if seconds % 60 == 0 else _("%d 秒") % seconds
