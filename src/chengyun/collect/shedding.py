# SPDX-License-Identifier: Apache-2.0
"""Writing down, from the ingest process, that requests were turned away: since when, until when, how many. No Django."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from chengyun.collect.admission import Episode

__all__ = ["close_left_open", "keep_episodes"]

_KEEP = """
INSERT INTO collect_shedding AS known (urgency, since, last, until, requests, bytes)
SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::int8[], %s::int8[])
ON CONFLICT (urgency, since) DO UPDATE
SET last = excluded.last, until = excluded.until, requests = excluded.requests, bytes = excluded.bytes
"""


async def keep_episodes(conn: AsyncConnection[Any], episodes: Sequence[Episode]) -> None:
    """Keep episodes as they stand now."""
    await conn.execute(
        _KEEP,
        [
            [it.urgency for it in episodes],
            [it.since for it in episodes],
            [it.last for it in episodes],
            [it.until for it in episodes],
            [it.requests for it in episodes],
            [it.size for it in episodes],
        ],
    )


async def close_left_open(conn: AsyncConnection[Any]) -> None:
    """End the episodes of a process that is no more, at the last request it turned away."""
    await conn.execute("UPDATE collect_shedding SET until = last WHERE until IS NULL")
