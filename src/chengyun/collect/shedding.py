# SPDX-License-Identifier: Apache-2.0
"""Writing down, from the ingest process, that requests were turned away: since when, until when, how many. No Django."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from chengyun.city.words import URGENCIES, Urgency
from chengyun.collect.admission import Episode

__all__ = ["close_left_open", "is_shedding", "keep_episodes", "wait_for_turn"]

LOOK_AGAIN_S = 1.0
"""How often it is looked whether senders are still turned away."""
STALE = dt.timedelta(seconds=30)
"""How long after the last request an episode that nobody ended is believed."""

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


async def is_shedding(conn: AsyncConnection[Any], urgencies: Sequence[Urgency]) -> bool:
    """Say whether requests of one of these urgencies are being turned away; an old entry is of a process that died."""
    cursor = await conn.execute(
        "SELECT 1 FROM collect_shedding WHERE until IS NULL AND last > now() - %s AND urgency = ANY(%s) LIMIT 1",
        [STALE, list(urgencies)],
    )
    return await cursor.fetchone() is not None


async def wait_for_turn(pool: AsyncConnectionPool[Any], urgency: Urgency) -> float:
    """Return the seconds it took until nobody as urgent as this, or more, was turned away.

    For what lies in a file and can wait better than a sender can: it takes from the same database.
    """
    before = URGENCIES[: URGENCIES.index(urgency) + 1]
    begun = time.monotonic()
    while True:
        async with pool.connection() as conn:
            if not await is_shedding(conn, before):
                return time.monotonic() - begun
        await asyncio.sleep(LOOK_AGAIN_S)


async def close_left_open(conn: AsyncConnection[Any]) -> None:
    """End the episodes of a process that is no more, at the last request it turned away."""
    await conn.execute("UPDATE collect_shedding SET until = last WHERE until IS NULL")
