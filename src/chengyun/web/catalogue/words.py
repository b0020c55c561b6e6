# SPDX-License-Identifier: Apache-2.0
"""The catalogue in words, and the links that lead through it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.share.catalogue import dictionary
from chengyun.share.catalogue.freshness import Punctuality
from chengyun.share.catalogue.models import Listing, Revision
from chengyun.share.catalogue.sight import listed, reviewed
from chengyun.share.catalogue.vocabulary import CYCLES, KINDS, SHARING, class_name

VERDICTS: Mapping[Punctuality, str] = {"in_time": "fresh", "overdue": "bad", "never": "missing", "not_promised": "missing"}
"""Verdict → colour of its mark."""


@dataclass(frozen=True)
class Tab:
    """A page of the catalogue. count: what waits there, 0 for nothing to tell. current: the page shown now."""

    url: str
    name: str
    count: int
    current: bool


@dataclass(frozen=True)
class Mark:
    """A word with its colour: fresh, partial, bad or missing."""

    text: str
    colour: str


def tabs(actor: Actor, current: str) -> tuple[Tab, ...]:
    """Return the pages of the catalogue the reader may open."""
    pages = [("catalogue", _("目录"), 0, True)]
    staff = may(actor, "desk.read")
    waiting = reviews_waiting(actor) + len(dictionary.waiting_for(actor)) if may(actor, "catalogue.review") else 0
    pages += [
        ("catalogue-reviews", _("审核"), waiting, may(actor, "catalogue.review")),
        ("catalogue-lists", _("三张清单"), 0, staff),
        ("catalogue-elements", _("数据元"), 0, staff),
        ("catalogue-duplicates", _("一数一源"), 0, staff),
        ("catalogue-timeliness", _("及时性"), 0, staff),
        ("catalogue-transfer", _("导入导出"), 0, True),
    ]
    return tuple(Tab(name, said, count, name == current) for name, said, count, shown in pages if shown)


def reviews_waiting(actor: Actor) -> int:
    """Return how many changes wait for this reviewer: not their own, and of resources they may know of."""
    return waiting_for(actor).count()


def waiting_for(actor: Actor) -> QuerySet[Revision]:
    """Return the submitted revisions an actor may review, the longest waiting first."""
    seen = Listing.objects.filter(listed(actor), reviewed(actor)).values("pk")
    rows = Revision.objects.filter(state=Revision.State.SUBMITTED, resource__in=seen)
    return rows.exclude(author=actor.account_id).select_related("resource").order_by("submitted_at", "pk")


def verdict_mark(verdict: Punctuality, late: dt.timedelta | None) -> Mark:
    """Return how an update stands, in words."""
    words = {
        "in_time": _("及时"), "never": _("从未更新"), "not_promised": _("不定期"),
        "overdue": _("超期 %s") % span(late) if late else _("超期"),
    }  # fmt: skip
    return Mark(words[verdict], VERDICTS[verdict])


def span(length: dt.timedelta) -> str:
    """Return a length of time in its largest unit."""
    for seconds, one in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(length.total_seconds() // seconds)
        if count or one == "minute":
            forms = {
                "day": ngettext("%(count)d 天", "%(count)d 天", count),
                "hour": ngettext("%(count)d 小时", "%(count)d 小时", count),
                "minute": ngettext("%(count)d 分钟", "%(count)d 分钟", count),
            }  # fmt: skip
            return forms[one] % {"count": count}
    return ""


def facet_value(facet: str, value: str, providers: Mapping[str, str]) -> str:
    """Return what a facet's value is called."""
    match facet:
        case "kind":
            return str(KINDS.get(value, value))
        case "sharing":
            return str(SHARING.get(value, value))
        case "cycle":
            return str(CYCLES.get(value, value))
        case "open":
            return _("向社会开放") if value == "true" else _("不开放")
        case "class_code":
            return f"{value} {class_name(value)}"
        case "provider":
            return providers.get(value, value)
        case _:
            return {"published": _("已发布"), "withdrawn": _("已撤销"), "draft": _("草稿"), "review": _("待审核")}.get(
                value, value
            )


def facet_name(facet: str) -> str:
    """Return what a facet is called."""
    return {
        "kind": _("种类"), "sharing": _("共享类型"), "open": _("开放"), "cycle": _("更新周期"), "class_code": _("分类"),
        "provider": _("提供方"), "state": _("状态"),
    }[facet]  # fmt: skip


def query(parameters: Mapping[str, str | list[str]], **changes: str) -> str:
    """Return a query string with some parameters changed; an empty one is left out."""
    merged = {**parameters, **changes}
    return urlencode([(key, it) for key, value in merged.items() for it in ([value] if isinstance(value, str) else value) if it])
