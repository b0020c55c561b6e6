# SPDX-License-Identifier: Apache-2.0
"""What every operation stands on: the database, who may read and write what, and one way to commit a change."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.protocols.door import Pool, Visitor
from chengyun.protocols.ngsild import store
from chengyun.protocols.ngsild.contexts import Library
from chengyun.protocols.ngsild.documents import Entity
from chengyun.protocols.ngsild.outbound import Reach
from chengyun.protocols.ngsild.outbox import Watches
from chengyun.protocols.ngsild.packs import PackEntities
from chengyun.protocols.ngsild.selecting import Where
from chengyun.protocols.ngsild.sources import Sources
from chengyun.protocols.ngsild.store import Edit
from chengyun.protocols.ngsild.vocabulary import PREFIX

__all__ = ["DATASET", "House"]

DATASET = "ngsild"
LOCATION = f"{PREFIX}location"
READ_WITHIN_S = 20
SCOPE_FOR_S = 5.0
LONGEST_TARGET = 200

_AUDIT = """
INSERT INTO access_auditrecord (account_id, actor, organisation, action, dataset, target, detail)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(slots=True)
class House:
    """One per door. wake: tells the sender of notifications that there is something to do."""

    pool: Pool
    library: Library
    reach: Reach
    packs: PackEntities
    watches: Watches
    address: str = ""
    """The door's own address where no request tells it: in notifications."""
    wake: Callable[[], None] = lambda: None
    sources: Sources | None = None
    """Registered context sources; None: nobody is asked."""
    most_instances: int = 1000
    """Instances in one answer over time; what is beyond is told by Content-Range."""
    _scopes: dict[tuple[Actor, str], tuple[float, Scope]] = field(default_factory=dict)

    async def scope_of(self, actor: Actor, dataset: str = DATASET) -> Scope:
        """Return what an actor may read of a dataset, asked of the policy at most every few seconds.

        What a grant gives is asked for every time: it ends the moment it is revoked.
        """
        known = self._scopes.get((actor, dataset))
        if known is None or known[0] < time.monotonic():
            if len(self._scopes) > 5000:
                self._scopes.clear()
            known = time.monotonic() + SCOPE_FOR_S, await asyncio.to_thread(_scope, actor, dataset)
            if known[1].grants:
                self._scopes.pop((actor, dataset), None)
            else:
                self._scopes[actor, dataset] = known
        return known[1]

    async def allowed(self, visitor: Visitor) -> Where:
        """Return the rows a visitor may read, as conditions over area_code."""
        found = (await self.scope_of(visitor.actor)).sql("area_code", "postgres")
        return Where([f"({found.text})"], dict(found.params))

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Open a transaction that only reads, and not for long."""
        async with self.pool.connection() as conn:
            await conn.execute(f"SET LOCAL statement_timeout = '{READ_WITHIN_S}s'")
            yield conn

    @contextlib.asynccontextmanager
    async def writing(self, visitor: Visitor) -> AsyncIterator[AsyncConnection[Any]]:
        """Open a transaction for somebody who may write; it commits when the block ends, and then subscribers are told."""
        visitor.require_write(DATASET)
        async with self.pool.connection() as conn:
            await conn.execute(f"SET LOCAL statement_timeout = '{READ_WITHIN_S}s'")
            yield conn
        self.wake()

    async def commit(
        self, conn: AsyncConnection[Any], visitor: Visitor, tenant: str, edits: Sequence[Edit], action: str, now: dt.datetime
    ) -> None:
        """Write edits with their history, their notifications and one line of audit. Durable when `writing` ends."""
        edits = [edit for edit in edits if edit.before is not edit.after]
        if not edits:
            return
        await self._place(edits)
        await store.write(conn, tenant, edits, now)
        await self.watches.note(conn, tenant, edits, now)
        await self.audit(conn, visitor, action, [edit.id for edit in edits], tenant)

    async def audit(
        self, conn: AsyncConnection[Any], visitor: Visitor, action: str, ids: Sequence[str], tenant: str = ""
    ) -> None:
        """Write down who did what to which things: one record a request."""
        detail = {"count": len(ids), "token": visitor.token, "first": list(ids[:20])} | ({"tenant": tenant} if tenant else {})
        actor = visitor.actor
        await conn.execute(
            _AUDIT,
            [
                actor.account_id, (visitor.token if actor.account_id is None and visitor.token else actor.name)[:100],
                actor.organisation or "", f"ngsild.{action}"[:64], DATASET, ids[0][:LONGEST_TARGET] if len(ids) == 1 else "",
                Jsonb(detail),
            ],
        )  # fmt: skip

    async def place(self, entity: Entity) -> None:
        """Note the area of an entity that is written outside `commit`."""
        await self._place([Edit(None, entity)])

    async def _place(self, edits: Sequence[Edit]) -> None:
        """Note the area of every entity whose location is new: the policy reads by area."""
        moved: list[tuple[Entity, float, float]] = []
        for edit in edits:
            if edit.after is None:
                continue
            point = _point(edit.after)
            if edit.before is not None and edit.before.area_code and point == _point(edit.before):
                edit.after.area_code = edit.before.area_code
            elif point is None:
                edit.after.area_code = ""
            else:
                moved.append((edit.after, *point))
        if moved:
            codes = await asyncio.to_thread(_areas, [it[1] for it in moved], [it[2] for it in moved])
            for (entity, _, _), code in zip(moved, codes, strict=True):
                entity.area_code = code


def _scope(actor: Actor, dataset: str) -> Scope:
    from django.db import close_old_connections

    close_old_connections()
    try:
        return scope(actor, dataset)
    finally:
        close_old_connections()


def _areas(lons: list[float], lats: list[float]) -> list[str]:
    from django.db import close_old_connections

    from chengyun.areas.queries import area_of_points  # reads boundaries: only when something has a place

    close_old_connections()
    try:
        return [str(code) for code in area_of_points(lons, lats, "street")]
    finally:
        close_old_connections()


def _point(entity: Entity) -> tuple[float, float] | None:
    for one in entity.attributes.get(LOCATION, []):
        value = one.get("value")
        if isinstance(value, dict) and value.get("type") == "Point":
            return float(value["coordinates"][0]), float(value["coordinates"][1])
    return None
