# SPDX-License-Identifier: Apache-2.0
"""How much is exchanged between whom, by day: published, and nothing personal.

Organisations, datasets and counts alone: no person, no key, no purpose, and days rather than instants. A day is told once it
has ended, so that nobody watches another department at work.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection

from chengyun.config import config

__all__ = ["published"]

DAYS = 90

_BY_DAY = """
SELECT (at AT TIME ZONE %(zone)s)::date AS day, way, provider, consumer, dataset, count(*) AS exchanges,
    sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes, count(countersigned_at) AS countersigned
FROM exchange_receipt WHERE at >= %(since)s AND at < %(until)s AND disclaimed_at IS NULL
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 DESC, 2, 3, 4, 5
"""


def published(now: dt.datetime | None = None, days: int = DAYS) -> dict[str, Any]:
    """Return the statistics of the last full local days."""
    zone = config().zone
    today = (now or dt.datetime.now(dt.UTC)).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - dt.timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, {"zone": config().time_zone, "since": since, "until": today})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {
        "node": config().node, "since": since.date(), "until": today.date(), "days": rows,
        "totals": {name: sum(row[name] for row in rows) for name in ("exchanges", "rows", "bytes", "countersigned")},
    }  # fmt: skip
