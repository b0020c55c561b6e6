# SPDX-License-Identifier: Apache-2.0
"""Every way data comes in by, as the receipts tell it: who sent, by which way, when last, how much, what was set aside."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Token
from chengyun.access.policy import scope
from chengyun.collect.models import Sender
from chengyun.collect.pull.models import Source
from chengyun.collect.pull.queries import letters_waiting

__all__ = ["Way", "ways_in"]

NEWEST = 3_000
"""Receipts of each stream that are looked at; of a sender that wrote none of them it is known when it last did."""
MOST = 300
HOUR = dt.timedelta(hours=1)

# Each stream's newest receipts are found by its index; the table as a whole may hold years.
RECEIPTS = """
SELECT s.stream, r.actor, r.source, max(r.received_at) AS newest,
       sum(r.seq_to - r.seq_from + 1) FILTER (WHERE r.received_at > %(hour)s) AS rows
FROM lake_stream s
CROSS JOIN LATERAL (
    SELECT actor, source, received_at, seq_from, seq_to FROM lake_receipt
    WHERE stream = s.stream ORDER BY seq_to DESC LIMIT %(most)s
) r
WHERE s.stream = ANY(%(streams)s)
GROUP BY s.stream, r.actor, r.source
ORDER BY newest DESC
LIMIT %(lines)s
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One sender into one stream. kind: how it comes in. rows: within the last hour. letters: its dead letters that wait."""

    kind: str
    name: str
    stream: str
    newest: dt.datetime
    rows: int
    letters: int
    source: str


def ways_in(actor: Actor, now: dt.datetime) -> tuple[Way, ...]:
    """Return the ways into the streams this reader may read, the newest first; sources have a list of their own."""
    if not scope(actor, "receipts").allowed:
        return ()
    streams = [key for key in settings.CITY.streams if scope(actor, key).allowed]
    with connection.cursor() as cursor:
        cursor.execute(RECEIPTS, {"hour": now - HOUR, "most": NEWEST, "streams": streams, "lines": MOST})
        rows = cursor.fetchall()
    heard = {row[:3] for row in rows}
    silent = Sender.objects.filter(stream__in=streams).order_by("-newest").values_list("stream", "actor", "source", "newest")
    rows += [(*one, 0) for one in silent[: MOST + len(heard)] if one[:3] not in heard][: MOST - len(rows)]
    names = dict(Source.objects.values_list("key", "name"))
    names |= dict(Token.objects.filter(prefix__in={row[2] for row in rows}).values_list("prefix", "name"))
    letters = letters_waiting()
    return tuple(
        Way(
            _kind(sender), names.get(source, source) or sender, settings.CITY.streams[stream].name, newest, int(count or 0),
            letters.get(sender, 0), sender.removeprefix("source:") if sender.startswith("source:") else "",
        )
        for stream, sender, source, newest, count in rows
    )  # fmt: skip


def _kind(sender: str) -> str:
    """Return how a sender comes in, by how receipts name it."""
    kinds = {
        "source": _("数据源"),
        "account": "HTTP",
        "mqtt": "MQTT",
        "load": _("文件"),
        "replay": _("文件"),
        "edge": _("边缘网关"),
        "form": _("表单"),
        "device": _("设备"),
        "internal": _("内部"),
    }
    return kinds.get(sender.partition(":")[0], sender.partition(":")[0])
