# SPDX-License-Identifier: Apache-2.0
"""The order in which rows are read where keys are pseudonyms, kept while it is used: a page costs what a page costs.

    Order (register, purpose, version of the key) ──< Place: digest under the purpose's salt, row

A reading that begins puts in what came since; its pages follow the index. What nobody has read by for a day is dropped, and so
is what is of a former key. Places name no key, but who can read this table and knows in which order rows went out can join the
two: nobody but this program's own role may.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from psycopg import sql

from chengyun.access import pseudonyms
from chengyun.share.exchange.models import Order
from chengyun.share.exchange.questions import PLACE
from chengyun.share.exchange.sources import Source

__all__ = ["complete", "sweep"]

UNUSED = dt.timedelta(days=1)
LARGE = 10_000
"""Rows after which the planner is told anew how many there are."""

REMEMBERED = dt.timedelta(hours=1)
"""How long ago the last reading may have begun that is noted."""

_ADD = """
INSERT INTO exchange_place (order_id, place, row_id)
SELECT %(order)s, {place}, r.id FROM {table} AS r
WHERE NOT EXISTS (SELECT 1 FROM exchange_place AS p WHERE p.order_id = %(order)s AND p.row_id = r.id)
ORDER BY 2 ON CONFLICT DO NOTHING
"""


def complete(source: Source, purpose: str, key_version: int, salt: str, at: int, *, begins: bool) -> int:
    """Return the number of a register's order, in which every row that stood at a version has its place.

    begins: whether a reading begins; of one that goes on, its first page saw to that.
    """
    names: dict[str, Any] = {"dataset": source.dataset, "purpose": purpose, "key_version": key_version}
    held = Order.objects.filter(**names).first() or Order.objects.get_or_create(**names)[0]
    # Where there is no history no version says whether rows came.
    if held.complete_to < at or (begins and not source.sequence):
        place = PLACE.format(key=sql.Identifier("r", source.key), salt=sql.Placeholder("salt"))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(_ADD).format(place=place, table=sql.Identifier(source.table)), {"order": held.pk, "salt": salt}
            )
            if cursor.rowcount >= LARGE:
                cursor.execute("ANALYZE exchange_place")
            Order.objects.filter(pk=held.pk, complete_to__lt=at).update(complete_to=at)
    if begins:
        Order.objects.filter(pk=held.pk, used_at__lt=Now() - REMEMBERED).update(used_at=Now())
    return int(held.pk)


def sweep(now: dt.datetime) -> int:
    """Drop the orders that nobody has begun a reading in for a day, and those of former keys; return how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        gone = list(
            Order.objects.select_for_update(skip_locked=True)
            .filter(Q(used_at__lt=now - UNUSED) | Q(key_version__lt=pseudonyms.version()))
            .values_list("pk", flat=True)
        )
        cursor.execute("DELETE FROM exchange_place WHERE order_id = ANY(%s)", [gone])
        Order.objects.filter(pk__in=gone).delete()
    return len(gone)
