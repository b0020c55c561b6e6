# SPDX-License-Identifier: Apache-2.0
"""What answers are made from and kept in: who sees which layers, versions, boundaries, and a few connections at a time."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from django.utils import translation
from psycopg_pool import AsyncConnectionPool

from chengyun.access import grants
from chengyun.access.actors import Actor
from chengyun.protocols.door import Given, Pool
from chengyun.protocols.ogc import items
from chengyun.protocols.ogc.keep import Answer, Kept
from chengyun.protocols.ogc.layers import Seen, see_all
from chengyun.protocols.ogc.places import Boundaries, Box, Conn, read_boundaries
from chengyun.protocols.ogc.watch import Watch

__all__ = ["Store"]

SEEN_FOR_S = 5.0
"""How long a reader's layers are kept; not at all where a grant is among the reasons."""
MOST_READERS = 1_000
DEAR_AT_ONCE = 2
"""Questions that are computed at a time, each on a connection of its own."""
IDLE_S = 60.0
"""How long such a connection is kept when nobody asks."""
WAIT_S = 60.0
"""How long a question waits for its turn."""


class Store:
    """One process's. kept: answers and counts by question and version."""

    def __init__(self, given: Given) -> None:
        self.zone = given.config.zone
        self.kept = Kept()
        self._given = given
        self._watch = Watch(given.config.dsn(), given.pool)
        self._making: dict[Hashable, asyncio.Future[Answer]] = {}
        self._readers: dict[Actor, tuple[float, dict[str, Seen]]] = {}
        # Questions differ in what they bind more than in their text: planning each again would cost as much as answering.
        # Every question is one statement, so a transaction around it would only be two more journeys.
        self._dear: Pool = AsyncConnectionPool(
            given.config.dsn(), min_size=0, max_size=DEAR_AT_ONCE, max_idle=IDLE_S, open=False, timeout=WAIT_S,
            reconnect_timeout=30.0, kwargs={"autocommit": True, "options": "-c plan_cache_mode=force_generic_plan"},
        )  # fmt: skip

    async def open(self) -> None:
        await self._dear.open()
        await self._watch.open()

    async def close(self) -> None:
        await self._watch.close()
        await self._dear.close()

    async def once(self, question: Hashable, seen: Seen, make: Callable[[Hashable | None], Awaitable[Answer]]) -> Answer:
        """Return an answer as it was kept, or make it; who asks the same meanwhile waits for that one."""
        version = await self.version(seen)
        kept = self.kept.get(question, version)
        if isinstance(kept, Answer):
            return kept
        under_way = (question, version)
        if version is not None and under_way in self._making:
            return await asyncio.shield(self._making[under_way])
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._making[under_way] = future
        try:
            answer = await make(version)
        except BaseException as wrong:
            # Whoever waits is told the same, except that the first one has gone away.
            if isinstance(wrong, Exception):
                future.set_exception(wrong)
                future.exception()
            else:
                future.cancel()
            raise
        else:
            future.set_result(answer)
            self.kept.put(question, version, answer, answer.size)
            return answer
        finally:
            self._making.pop(under_way, None)

    async def version(self, seen: Seen) -> Hashable | None:
        version = await self._watch.version(seen)
        return None if version is None else (version, dt.datetime.now(self.zone).date())

    async def see(self, actor: Actor) -> dict[str, Seen]:
        known = self._readers.get(actor)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        layers, granted = await asyncio.to_thread(_see, self._given, actor)
        if len(self._readers) >= MOST_READERS:
            self._readers.clear()
        # What a grant gives ends the moment it is revoked, so it is asked for anew.
        self._readers[actor] = (time.monotonic() + (0.0 if granted else SEEN_FOR_S), layers)
        return layers

    async def boundaries(self, conn: Conn, seen: Seen) -> Boundaries | None:
        if seen.geometry == "point":
            return None
        version = await self.version(seen)
        kept = self.kept.get(("boundaries", seen.level), version)
        if isinstance(kept, Boundaries):
            return kept
        found = await read_boundaries(conn, seen.level)
        self.kept.put(("boundaries", seen.level), version, found, found.size)
        return found

    async def extent(self, seen: Seen) -> Box | None:
        """Return west, south, east, north of a layer; None when nothing in it has a place."""
        version = await self.version(seen)
        kept: Any = self.kept.get(("extent", seen.view), version)
        if kept is not None:
            return kept or None
        async with self.connection() as conn:
            boundaries = await self.boundaries(conn, seen)
            if boundaries is not None:
                box = boundaries.extent
            else:
                lon, lat, base = seen.lon, seen.lat, items.standing(seen, self.zone)
                told = items.question(f"min({lon}), min({lat}), max({lon}), max({lat})", base.sql)
                row: Any = await (await items.run(conn, told, base.params)).fetchone()
                box = tuple(row) if row and None not in row else None
        self.kept.put(("extent", seen.view), version, box or (), 200)
        return box

    async def credits(self, seen: Seen) -> str:
        """Return whose data a layer is, as its rows say; of few sources."""
        if "source" not in seen.columns or seen.limited is not None:
            return ""
        base = items.standing(seen, self.zone)
        async with self.connection() as conn:
            told = items.question(f"DISTINCT {seen.columns['source'].sql}", f"{base.sql} LIMIT 6")
            rows: list[Any] = await (await items.run(conn, told, base.params)).fetchall()
        return "; ".join(sorted(row[0] for row in rows if row[0])) if len(rows) < 6 else ""

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Conn]:
        async with self._dear.connection() as conn:
            yield conn


def _see(given: Given, actor: Actor) -> tuple[dict[str, Seen], bool]:
    """Return the layers an actor may see, and whether a grant may be among the reasons."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        # Titles are declared in Chinese and translated when they are shown.
        with translation.override("zh-hans"):
            return see_all(given.city, actor), grants.names(actor)
    finally:
        close_old_connections()
