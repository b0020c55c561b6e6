# SPDX-License-Identifier: Apache-2.0

"""Delivers what the outbox holds: in order for each subscription, again after a failure, given up only visibly.

A subscription is leased while its notifications go out, so two processes never send the same one at a time; a process that
is killed in between leaves the row waiting, and the lease runs out. So each is delivered at least once, under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from chengyun.errors import Problem, Refused, Unavailable
from chengyun.protocols.door import Visitor
from chengyun.protocols.ngsild import outbox, store
from chengyun.protocols.ngsild.delivery import deliver, worded
from chengyun.protocols.ngsild.documents import Entity
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.linking import linked_entities
from chengyun.protocols.ngsild.rendering import View
from chengyun.protocols.ngsild.selecting import Query, Where
from chengyun.protocols.ngsild.selections import type_sql
from chengyun.protocols.ngsild.trees import AnyOf
from chengyun.protocols.ngsild.watching import Watch

__all__ = ["Sender"]

AT_ONCE = 8
LEASE_S = 60
LOOK_EVERY_S = 30.0
"""How often to look when nobody woke us: for what another process wrote, or what was left behind."""
GIVE_UP_AFTER = dt.timedelta(hours=24)
LONGEST_WAIT_S = 600
DEAD_KEPT_DAYS = 30
MOST_IN_ONE = 1000
"""Entities in one notification of a periodic or throttled subscription."""

_TAKE = """
UPDATE ngsild_subscription SET leased_until = now() + make_interval(secs => %(lease)s)
WHERE id IN (
    SELECT s.id FROM ngsild_subscription s
    WHERE s.active AND (s.leased_until IS NULL OR s.leased_until < now()) AND (s.not_before IS NULL OR s.not_before <= now())
      AND EXISTS (SELECT FROM ngsild_notification n WHERE n.subscription_id = s.id AND n.state = 'waiting')
    ORDER BY s.last_notification NULLS FIRST LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING id, tenant, subscription_id, document, context, owner, modified_at, throttling_s, failures
"""
_NEXT = """
SELECT id, notification_id, created_at, entities FROM ngsild_notification
WHERE subscription_id = %s AND state = 'waiting' ORDER BY id LIMIT %s
"""
_SENT = """
UPDATE ngsild_subscription SET times_sent = times_sent + 1, last_notification = now(), last_success = now(), failures = 0,
    leased_until = now() + make_interval(secs => %(lease)s),
    not_before = CASE WHEN throttling_s > 0 THEN now() + make_interval(secs => throttling_s) END
WHERE id = %(id)s
"""
_FAILED = """
UPDATE ngsild_subscription SET times_sent = times_sent + 1, times_failed = times_failed + 1, last_notification = now(),
    last_failure = now(), failures = failures + 1, not_before = now() + make_interval(secs => %(wait)s), leased_until = NULL
WHERE id = %(id)s
"""
_DEAD = "UPDATE ngsild_notification SET state = 'dead', reason = %s, attempts = attempts + 1 WHERE id = ANY(%s)"
_TRIED = "UPDATE ngsild_notification SET reason = %s, attempts = attempts + 1 WHERE id = ANY(%s)"
_DELIVERED = "DELETE FROM ngsild_notification WHERE id = ANY(%s)"
_RELEASE = "UPDATE ngsild_subscription SET leased_until = NULL WHERE id = %s"
_STOP = "UPDATE ngsild_subscription SET active = false, leased_until = NULL WHERE id = %s"
_REVOKED = "SELECT EXISTS (SELECT FROM access_token WHERE prefix = %s AND revoked_at IS NOT NULL)"
_FORGET = "DELETE FROM ngsild_notification WHERE state = 'dead' AND created_at < now() - make_interval(days => %s)"
_DUE = """
SELECT id, tenant, document, context, owner, modified_at, every_s FROM ngsild_subscription
WHERE active AND due_at <= now() AND (expires_at IS NULL OR expires_at > now()) ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""
_LATER = """
UPDATE ngsild_subscription
SET due_at = greatest(due_at, now() - make_interval(secs => every_s)) + make_interval(secs => every_s) WHERE id = %s
"""
_SOON = """
SELECT extract(epoch FROM least(
    (SELECT min(due_at) FROM ngsild_subscription WHERE active AND due_at IS NOT NULL),
    (SELECT min(greatest(coalesce(s.not_before, now()), coalesce(s.leased_until, now()))) FROM ngsild_subscription s
     WHERE s.active AND EXISTS (SELECT FROM ngsild_notification n WHERE n.subscription_id = s.id AND n.state = 'waiting'))
) - now())::float8
"""

log = logging.getLogger(__name__)


class Sender:
    """One per door. `wake` when something may be waiting; `run` until cancelled."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._something = asyncio.Event()

    def wake(self) -> None:
        self._something.set()

    async def run(self) -> None:
        """Deliver for good. A database that is away is waited for."""
        await asyncio.sleep(0)
        while True:
            wait = LOOK_EVERY_S
            try:
                self._something.clear()
                await self._periodic()
                while await self._round():
                    pass
                wait = await self._until_next()
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
                wait = 2.0
            except Exception:
                log.exception("delivering notifications failed")
                wait = 5.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._something.wait(), max(0.05, wait))

    async def _round(self) -> bool:
        """Take some subscriptions and deliver for them, several at a time. False when nothing was due."""
        async with self._house.pool.connection() as conn:
            rows: Any = await (await conn.execute(_TAKE, {"lease": LEASE_S, "most": AT_ONCE})).fetchall()
        if rows:
            async with asyncio.TaskGroup() as group:
                for row in rows:
                    group.create_task(self._serve(row))
        return bool(rows)

    async def _serve(self, row: Any) -> None:
        """Deliver what waits for one subscription, oldest first, until it is done or fails."""
        number, tenant, name, document, context, owner, modified, throttling_s, failures = row
        async with self._house.pool.connection() as conn:
            revoked: Any = await (await conn.execute(_REVOKED, [owner.get("token", "")])).fetchone()
            if revoked[0]:
                await conn.execute(_STOP, [number])
                return
            watch = await self._house.watches.of(conn, number, modified, document, context, owner)
        while True:
            async with self._house.pool.connection() as conn:
                waiting: Any = await (await conn.execute(_NEXT, [number, MOST_IN_ONE if throttling_s else 1])).fetchall()
                if not waiting:
                    await conn.execute(_RELEASE, [number])
                    return
            ids = [one[0] for one in waiting]
            entities = _newest(outbox.entity_from(kept) for one in waiting for kept in one[3])
            try:
                notification = await self._word(tenant, name, waiting[0][1], document, watch, entities)
                await deliver(document["notification"]["endpoint"], notification, self._house.reach)
            except (Problem, TimeoutError) as wrong:
                await self._failed(number, ids, waiting[0][2], wrong, failures)
                return
            async with self._house.pool.connection() as conn:
                await conn.execute(_DELIVERED, [ids])
                await conn.execute(_SENT, {"id": number, "lease": LEASE_S})
                if throttling_s:
                    await conn.execute(_RELEASE, [number])
                    return
            failures = 0

    async def _failed(self, number: int, ids: Sequence[int], since: dt.datetime, wrong: BaseException, failures: int) -> None:
        reason = wrong.sentence if isinstance(wrong, Problem) else "It took too long."
        hopeless = isinstance(wrong, Refused) or dt.datetime.now(dt.UTC) - since > GIVE_UP_AFTER
        async with self._house.pool.connection() as conn:
            await conn.execute(_DEAD if hopeless else _TRIED, [reason[:500], list(ids)])
            wait = min(LONGEST_WAIT_S, 2 ** min(failures, 10))
            await conn.execute(_FAILED, {"id": number, "wait": 0 if hopeless else wait})

    async def _word(
        self, tenant: str, name: str, notification_id: Any, document: dict[str, Any], watch: Watch, entities: list[Entity]
    ) -> Any:
        visitor = Visitor()
        view: View = watch.view
        others: list[tuple[Entity, View]] = []
        if watch.join in ("inline", "flat"):
            linked, others = await linked_entities(self._house, visitor, tenant, entities, view, watch.join, allowed=_rows(watch))
            view = replace(view, linked=linked)
        terms = view.terms
        if "jsonldContext" in document:
            terms = await self._house.library.terms(document["jsonldContext"])
            view = replace(view, terms=terms)
        link = await self._house.library.link_of(terms, self._house.address)
        return worded(document, name, str(notification_id), entities, others if watch.join == "flat" else [], view, link)

    async def _periodic(self) -> None:
        """Put into the outbox what subscriptions with a timeInterval are due."""
        async with self._house.pool.connection() as conn:
            rows: Any = await (await conn.execute(_DUE)).fetchall()
            for number, tenant, document, context, owner, modified, _every in rows:
                try:
                    watch = await self._house.watches.of(conn, number, modified, document, context, owner)
                    found = await self._matching(conn, tenant, watch)
                    if found:
                        await outbox.put(conn, number, found, dt.datetime.now(dt.UTC))
                except Unavailable:
                    log.warning("the @context of a periodic subscription is away")
                await conn.execute(_LATER, [number])
            await conn.execute(_FORGET, [DEAD_KEPT_DAYS])

    async def _matching(self, conn: Any, tenant: str, watch: Watch) -> list[Entity]:
        where = _rows(watch)
        trees = [kind.types for kind in watch.kinds if kind.types is not None]
        if trees and len(trees) == len(watch.kinds):
            condition, names = type_sql(AnyOf(tuple(trees)))
            where.add(condition, *names)
        query = Query(q=watch.q, geo=watch.geo, scopes=watch.scopes, limit=MOST_IN_ONE)
        found, _ = await store.select(conn, tenant, query, where)
        return [one for one in found if not watch.kinds or any(kind.fits(one) for kind in watch.kinds)]

    async def _until_next(self) -> float:
        async with self._house.pool.connection() as conn:
            row: Any = await (await conn.execute(_SOON)).fetchone()
        return LOOK_EVERY_S if row[0] is None else min(LOOK_EVERY_S, max(0.0, float(row[0])))


def _newest(entities: Any) -> list[Entity]:
    """Return each entity once, as it was last, in the order first heard of."""
    found: dict[str, Entity] = {}
    for entity in entities:
        found[entity.id] = entity
    return list(found.values())[:MOST_IN_ONE]


def _rows(watch: Watch) -> Where:
    """Return the rows the subscription's owner may read."""
    where = Where()
    if "" not in watch.areas:
        where.add(
            "EXISTS (SELECT FROM unnest(%s::text[]) AS a (prefix) WHERE starts_with(area_code, a.prefix))", list(watch.areas)
        )
    return where
