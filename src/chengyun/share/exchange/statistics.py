# SPDX-License-Identifier: Apache-2.0
"""How much is exchanged between whom, by day, counted from receipts: published, and nothing personal.

Organisations, datasets and counts alone: no person, no key, no purpose, and days rather than instants. A day is told once it
has ended, so that nobody watches another department at work, and is counted by a job (count_days), not for each who asks:
the numbers are open to all. `given_on` says besides for what, and which columns: for those who follow where columns go.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from chengyun.config import config
from chengyun.share.exchange import receipts
from chengyun.share.exchange.models import DayChanged, DayCounted, DayLine
from chengyun.share.ledger import queries

__all__ = ["MESSAGES", "Given", "count_days", "given_on", "published"]

DAYS = 90
MESSAGES = ("api", "changes", "subscription")
"""The ways that go in many small messages."""
LOOKED_AT = 100
"""Receipts of one way under the same grants whose columns are read, where a day has many more: they ask alike, all day long."""

SETTLES = dt.timedelta(minutes=10)
"""After a day's end until it is counted: what was under way at midnight has ended."""

_COUNT = """
INSERT INTO exchange_dayline (day, way, provider, consumer, dataset, exchanges, rows, bytes, countersigned)
SELECT %(day)s, way, provider, consumer, dataset, count(*), sum(rows), sum(bytes), count(countersigned_at)
FROM exchange_receipt WHERE at >= %(since)s AND at < %(until)s AND disclaimed_at IS NULL GROUP BY 2, 3, 4, 5
"""
_SUMS = ("exchanges", "rows", "bytes", "countersigned")
_WORDS = ("day", "way", "provider", "consumer", "dataset", *_SUMS)


def published(now: dt.datetime | None = None, days: int = DAYS) -> dict[str, Any]:
    """Return the statistics of the last full local days that are counted."""
    today = _today(now or dt.datetime.now(dt.UTC))
    since = today - dt.timedelta(days=days)
    counted = DayCounted.objects.filter(day__gte=since, day__lt=today).aggregate(last=Max("day"))["last"]
    until = counted + dt.timedelta(days=1) if counted else since
    found = DayLine.objects.filter(day__gte=since, day__lt=until).order_by("-day", *_WORDS[1:5])
    rows = list(found.values(*_WORDS))
    return {
        "node": config().node, "since": since, "until": until, "days": rows,
        "totals": {name: sum(row[name] for row in rows) for name in _SUMS},
    }  # fmt: skip


def count_days(now: dt.datetime | None = None, days: int = DAYS) -> int:
    """Count the days that have ended, oldest first, and again those of which something was said since; return how many."""
    today = _today((now or dt.datetime.now(dt.UTC)) - SETTLES)
    ended = {today - dt.timedelta(days=back) for back in range(1, days + 1)}
    missing = ended - set(DayCounted.objects.filter(day__in=ended).values_list("day", flat=True))
    changed = set(DayChanged.objects.filter(day__lt=today).values_list("day", flat=True))
    for day in sorted(missing | changed):
        with transaction.atomic():
            # First: what is said from now on is counted by the next who comes.
            DayChanged.objects.filter(day=day).delete()
            DayCounted.objects.get_or_create(day=day)
            DayLine.objects.filter(day=day).delete()
            since, until = _bounds(day)
            with connection.cursor() as cursor:
                cursor.execute(_COUNT, {"day": day, "since": since, "until": until})
    return len(missing | changed)


def _today(now: dt.datetime) -> dt.date:
    return now.astimezone(config().zone).date()


def _bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return when a local day begins and ends."""
    begin, end = (dt.datetime.combine(one, dt.time(), config().zone) for one in (day, day + dt.timedelta(days=1)))
    return begin, end


@dataclass(slots=True)
class Given:
    """What a consumer was given of a dataset for a purpose on a day, in small messages.

    ways: way → messages. fields: the columns that went out. grants: under which. looked_at: receipts whose columns were read.
    """

    consumer: str
    dataset: str
    purpose: str
    rows: int = 0
    bytes: int = 0
    looked_at: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    fields: set[str] = field(default_factory=set)
    grants: set[str] = field(default_factory=set)

    @property
    def messages(self) -> int:
        return self.ways.total()


_ALIKE = """
SELECT consumer, dataset, purpose, way, grants, count(*), sum(rows)::bigint, sum(bytes)::bigint
FROM exchange_receipt WHERE at >= %(since)s AND at < %(until)s AND way = ANY(%(ways)s) AND disclaimed_at IS NULL
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
_SOME = """
SELECT r.consumer, r.dataset, r.purpose, r.entry, r.part
FROM exchange_receipt r
JOIN unnest(
        %(consumers)s::text[], %(datasets)s::text[], %(purposes)s::text[], %(way)s::text[], %(grants)s::text[], %(steps)s::int[]
    ) AS alike (consumer, dataset, purpose, way, grants, step)
    ON r.consumer = alike.consumer AND r.dataset = alike.dataset AND r.purpose = alike.purpose AND r.way = alike.way
    AND array_to_string(r.grants, ',') = alike.grants
WHERE r.at >= %(since)s AND r.at < %(until)s AND r.disclaimed_at IS NULL AND abs(uuid_hash(r.number)::bigint) %% alike.step = 0
ORDER BY r.number
"""
"""By chance of the number's hash: numbers themselves may follow each other in a pattern of who asks when."""


def given_on(day: dt.date) -> list[Given]:
    """Return what was given on a local day in small messages, by consumer, dataset and purpose; not what never arrived."""
    since, until = _bounds(day)
    found: dict[tuple[str, str, str], Given] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ALIKE, {"since": since, "until": until, "ways": list(MESSAGES)})
        alike = cursor.fetchall()
        for consumer, dataset, purpose, way, grants, messages, rows, size in alike:
            one = found.setdefault((consumer, dataset, purpose), Given(consumer, dataset, purpose))
            one.rows, one.bytes = one.rows + rows, one.bytes + size
            one.ways[way] += messages
            one.grants.update(grants)
        consumers, datasets, purposes, ways = ([row[at] for row in alike] for at in range(4))
        cursor.execute(_SOME, {
            "since": since, "until": until, "consumers": consumers, "datasets": datasets, "purposes": purposes, "way": ways,
            "grants": [",".join(row[4]) for row in alike], "steps": [max(1, row[5] // LOOKED_AT) for row in alike],
        })  # fmt: skip
        some = cursor.fetchall()
    for consumer, dataset, purpose, entry, part in some:
        one = found[consumer, dataset, purpose]
        one.fields.update(receipts.parse(queries.part(receipts.LOG, entry, part).leaf)["fields"])
        one.looked_at += 1
    return list(found.values())
