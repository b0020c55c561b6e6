# SPDX-License-Identifier: Apache-2.0
"""Which state of a layer an answer shows: a number per table that rises when somebody commits a change to it.

Triggers tell of registers, areas, alerts and cases by name when a change commits; a stream's number is its next seq, asked
again when it was asked a moment ago. While nobody listens there is no version and nothing is kept.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Hashable

import psycopg

from chengyun.protocols.door import Pool
from chengyun.protocols.ogc.layers import Seen

__all__ = ["CHANNEL", "Watch"]

CHANNEL = "chengyun_layer"
SEQS_KEPT_S = 0.25
"""How long newest values may be shown that are no longer the newest."""

log = logging.getLogger(__name__)


class Watch:
    """Listens on a connection of its own."""

    def __init__(self, dsn: str, pool: Pool) -> None:
        self._dsn, self._pool = dsn, pool
        self._numbers = itertools.count(1)
        self._since = 0
        self._tables: dict[str, int] = {}
        self._listening = False
        self._seqs: dict[str, int] = {}
        self._seqs_at = -SEQS_KEPT_S
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def version(self, seen: Seen) -> Hashable | None:
        """Return the state a layer is in; None when that cannot be told now."""
        if not self._listening:
            return None
        tables = tuple(self._tables.get(name, self._since) for name in seen.tables)
        if not seen.streams:
            return tables
        if time.monotonic() - self._seqs_at > SEQS_KEPT_S:
            async with self._pool.connection() as conn:
                rows = await (await conn.execute("SELECT stream, next_seq FROM lake_stream")).fetchall()
            self._seqs, self._seqs_at = {row[0]: row[1] for row in rows}, time.monotonic()
        return tables, tuple(self._seqs.get(name, 0) for name in seen.streams)

    async def _listen(self) -> None:
        away = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    # Whatever changed while nobody listened: everything is new.
                    self._since, self._tables = next(self._numbers), {}
                    self._listening = True
                    if away:
                        log.warning("changes of layers are heard again")
                    away = False
                    async for notice in conn.notifies():
                        self._tables[notice.payload] = next(self._numbers)
            except psycopg.OperationalError:
                if not away:
                    log.warning("changes of layers are not heard: the database is away")
                away = True
                await asyncio.sleep(1.0)
            finally:
                self._listening = False
