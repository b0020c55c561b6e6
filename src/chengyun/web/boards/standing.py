# SPDX-License-Identifier: Apache-2.0
"""Tiles that show how things stand beyond single figures: vital signs, the health of streams, the plan's targets."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.policy import scope
from chengyun.city import City
from chengyun.errors import Unavailable
from chengyun.govern.queries import TargetView, targets
from chengyun.operate.boards.spec import TileSpec
from chengyun.web import shown
from chengyun.web.boards.gathering import Asked
from chengyun.web.boards.mapping import RECEIVED_WITHIN
from chengyun.web.boards.shown import Line
from chengyun.web.cache import kept, view_of
from chengyun.web.freshness import silent_after

__all__ = ["streams", "targets_told"]

TARGETS_FOR_S = 60.0
"""Targets move by days; a board that is open asks after them once a minute."""
NEWEST = """
SELECT stream, newest.received_at FROM unnest(%s::text[]) AS stream, LATERAL (
    SELECT received_at FROM lake_receipt AS one WHERE one.stream = stream.stream AND received_at <= %s
    ORDER BY seq_to DESC LIMIT 1
) AS newest
"""


def streams(tile: TileSpec, asked: Asked) -> dict[str, Any]:
    """Return how a department's streams stand, by when their newest delivery came; those that should have spoken first."""
    if not asked.known.now and asked.known.at > timezone.now() - RECEIVED_WITHIN:
        raise Unavailable(_("这一时刻的数据还在写入，请稍后再看。"), code="unsettled")
    city: City = settings.CITY
    known = {
        key: one
        for key, one in city.streams.items()
        if (not tile.department or city.packs[key.split(".")[0]].pack.owner == tile.department)
        and scope(asked.actor, key).allowed
    }
    newest = _delivered(list(known), asked.known.at)
    lines, waiting = [], 0
    for key, one in known.items():
        at, limit = newest.get(key), silent_after(one)
        late = at is not None and limit is not None and asked.known.at - at > limit
        if at is None:
            waiting += 1
            continue
        lines.append(
            (not late, at, Line(
                text=_(one.name), href=reverse("lineage-place", args=[key]), status="stale" if late else "fresh",
                about=(_(city.packs[key.split(".")[0]].pack.name),), since=at, age=shown.age(at, asked.known.at),
            ))
        )  # fmt: skip
    lines.sort(key=lambda one: one[:2])
    said = _("另有 %(count)s 类近期没有数据送来") % {"count": waiting} if waiting and lines else ""
    return {
        "title": _("数据接入"), "drill": reverse("status"), "lines": tuple(line for *_order, line in lines[: tile.limit]),
        "count": str(len(lines)), "source": said,
        "empty": _("近期没有数据送来，或没有您可以看的数据。") if known else _("这个部门没有接入数据的应用。"),
    }  # fmt: skip


def _delivered(names: list[str], at: dt.datetime) -> dict[str, dt.datetime]:
    """Return when the newest delivery of each stream came, as of a moment; those without any are left out."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [names, at])
        return dict(cursor.fetchall())


def targets_told(tile: TileSpec, asked: Asked) -> dict[str, Any]:
    """Return how many of the plan's targets stand where, and those something is known of."""
    title, drill = _("规划目标"), reverse("targets")
    if not asked.known.now:
        return {"title": title, "empty": _("规划目标只显示现在的状态，没有记住过去。")}
    if not scope(asked.actor, "targets").allowed:
        return {"title": title, "empty": _("没有您可以看的规划目标。")}
    today = timezone.localdate(asked.known.at)
    views = kept(("board-targets", view_of(asked.actor), today), lambda: targets(asked.actor, today), TARGETS_FOR_S)
    aims = [one for one in views if one.standing.state not in ("rule", "no_number")]
    if not aims:
        return {"title": title, "drill": drill, "empty": _("还没有载入规划目标。")}
    counts: Counter[str] = Counter(one.standing.state for one in aims)
    words = _states()
    order = ("missed", "unlikely", "open", "likely", "met", "no_data")
    lines = [
        Line(text=words[state], href=f"{drill}?state={state}", value=str(counts[state]), status=TONES[state],
             share=round(counts[state] / len(aims), 3))
        for state in order if counts[state]
    ]  # fmt: skip
    known = sorted((one for one in aims if one.standing.newest is not None), key=lambda one: order.index(one.standing.state))
    lines += [_aim(one, words) for one in known]
    return {"title": title, "drill": drill, "lines": tuple(lines[: tile.limit]), "count": str(len(aims))}


TONES = {"missed": "bad", "unlikely": "bad", "open": "partial", "likely": "fresh", "met": "fresh", "no_data": "missing"}


def _states() -> dict[str, str]:
    return {
        "missed": _("未达到"), "unlikely": _("预计达不到"), "open": _("尚无定论"), "likely": _("预计达到"), "met": _("已达到"),
        "no_data": _("没有数据"),
    }  # fmt: skip


def _aim(view: TargetView, words: dict[str, str]) -> Line:
    held, newest = view.target, view.standing.newest
    english = (get_language() or "").startswith("en") and held.name_en
    asked = f"{shown.relation(held.comparator)} {held.value} {shown.unit(held.unit)}".strip()
    return Line(
        text=held.name_en if english else held.name, href=reverse("target", args=[held.key]),
        value=f"{newest[1]:g}" if newest else "", status=TONES[view.standing.state],
        about=(words[view.standing.state], f"{_('目标')} {asked}"),
    )  # fmt: skip
