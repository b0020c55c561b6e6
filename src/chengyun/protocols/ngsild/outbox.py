# SPDX-License-Identifier: Apache-2.0
"""What subscribers are to hear, written in the transaction of the change itself: so none is lost, whatever is killed then.

waiting ── delivered ──▶ gone        in the order of the changes, one subscription at a time
   └────── given up ───▶ dead        kept with the reason, seen in `chengyun ngsild dead`, dropped after 30 days
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from chengyun.protocols.ngsild.contexts import Library
from chengyun.protocols.ngsild.documents import Entity, stamp
from chengyun.protocols.ngsild.store import Edit
from chengyun.protocols.ngsild.watching import Watch, read_watch, told

__all__ = ["Watches", "entity_from", "put"]

Conn = AsyncConnection[Any]

MOST_WAITING = 10_000
"""Notifications one subscription may have waiting; beyond it the oldest is given up, visibly."""
MOST_KNOWN = 20_000

_CANDIDATES = """
SELECT id, modified_at, document, context, owner FROM ngsild_subscription
WHERE tenant = %s AND active AND every_s IS NULL AND (expires_at IS NULL OR expires_at > %s) AND (types IS NULL OR types && %s)
"""
_PUT = """
INSERT INTO ngsild_notification (notification_id, subscription_id, created_at, entities, state, attempts, reason)
VALUES (%s, %s, %s, %s, 'waiting', 0, '')
"""
_OVER = """
UPDATE ngsild_notification SET state = 'dead', reason = 'More than %(most)s notifications were waiting.'
WHERE id IN (
    SELECT id FROM ngsild_notification WHERE subscription_id = %(id)s AND state = 'waiting' ORDER BY id DESC OFFSET %(most)s
)
"""


class Watches:
    """Subscriptions ready to be asked, kept as long as they do not change."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[int, tuple[dt.datetime, Watch]] = {}

    async def of(self, conn: Conn, number: int, modified: dt.datetime, document: Any, context: Any, owner: Any) -> Watch:
        known = self._known.get(number)
        if known is None or known[0] != modified:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            terms = await self._library.terms(context, conn=conn)
            known = modified, read_watch(document, terms, owner)
            self._known[number] = known
        return known[1]

    async def note(self, conn: Conn, tenant: str, edits: Sequence[Edit], now: dt.datetime) -> int:
        """Put into the outbox what subscribers are to hear of some edits; return how many notifications that is."""
        types = {one for edit in edits for side in (edit.before, edit.after) if side is not None for one in side.types}
        rows = await (await conn.execute(_CANDIDATES, [tenant, now, sorted(types)])).fetchall()
        written = 0
        text = stamp(now)
        for number, modified, document, context, owner in rows:
            watch = await self.of(conn, number, modified, document, context, owner)
            heard = [entity for edit in edits if (entity := told(watch, edit, text)) is not None]
            if heard:
                await put(conn, number, heard, now)
                written += 1
        return written


async def put(conn: Conn, number: int, entities: Iterable[Entity], now: dt.datetime) -> None:
    """Put one notification into the outbox of a subscription."""
    await conn.execute(_PUT, [uuid.uuid4(), number, now, Jsonb([asdict(entity) for entity in entities])])
    await conn.execute(
        _OVER.replace("%(most)s notifications", f"{MOST_WAITING} notifications"), {"id": number, "most": MOST_WAITING}
    )


def entity_from(kept: dict[str, Any]) -> Entity:
    """Return an entity as the outbox keeps it."""
    return Entity(**kept)
