# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 - statements are put together from our own constants and declared names; values are always bound.
"""Entities in the database: read, locked, written; every write leaves its history and its notifications in one transaction."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from chengyun.protocols.ngsild.documents import Entity, Instance, stamp
from chengyun.protocols.ngsild.merging import Change, changes
from chengyun.protocols.ngsild.places import box_of
from chengyun.protocols.ngsild.selecting import Query, Where, fits, order_sql, where_of
from chengyun.protocols.ngsild.vocabulary import NULL, VALUE_OF

__all__ = ["Edit", "count", "end_of", "get", "lock", "select", "write"]

Conn = AsyncConnection[Any]

COLUMNS = "entity_id, types, scopes, attributes, created_at, modified_at, area_code, expires_at"
_LIVE = "(expires_at IS NULL OR expires_at > now())"
_LOCK = f"""
SELECT {COLUMNS} FROM ngsild_entity WHERE tenant = %s AND entity_id = ANY(%s) AND {_LIVE} ORDER BY entity_id FOR UPDATE
"""
_INSERT = """
INSERT INTO ngsild_entity
    (tenant, entity_id, types, scopes, attributes, area_code, created_at, modified_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant, entity_id) DO UPDATE SET
    types = excluded.types, scopes = excluded.scopes, attributes = excluded.attributes, area_code = excluded.area_code,
    created_at = excluded.created_at, modified_at = excluded.modified_at, expires_at = excluded.expires_at
"""
_DELETE = "DELETE FROM ngsild_entity WHERE tenant = %s AND entity_id = ANY(%s)"
_UNPLACE = """
DELETE FROM ngsild_place p USING ngsild_entity e WHERE p.entity_id = e.id AND e.tenant = %s AND e.entity_id = ANY(%s)
"""
_PLACE = """
INSERT INTO ngsild_place (entity_id, name, box, geometry)
SELECT id, %s, box(point(%s, %s), point(%s, %s)), %s FROM ngsild_entity WHERE tenant = %s AND entity_id = %s
"""
_HEAD = """
INSERT INTO ngsild_history (tenant, entity_id, types, scopes, area_code, created_at, modified_at, deleted_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, NULL)
ON CONFLICT (tenant, entity_id) DO UPDATE SET
    types = excluded.types, scopes = excluded.scopes, area_code = excluded.area_code, modified_at = excluded.modified_at,
    deleted_at = NULL
"""
_HEAD_GONE = "UPDATE ngsild_history SET deleted_at = %s, modified_at = %s WHERE tenant = %s AND entity_id = ANY(%s)"
_INSTANCE = """
INSERT INTO ngsild_historyinstance (history_id, name, instance_id, instance, observed_at, created_at, modified_at, deleted_at)
SELECT id, %s, %s, %s, %s, %s, %s, %s FROM ngsild_history WHERE tenant = %s AND entity_id = %s
"""
REFINED_AT_ONCE = 500
MOST_CANDIDATES = 200_000


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of one entity. before None: it comes; after None: it goes."""

    before: Entity | None
    after: Entity | None

    @property
    def id(self) -> str:
        found = self.after or self.before
        return found.id if found else ""

    @property
    def changes(self) -> list[Change]:
        return list(changes(self.before, self.after))


def entity_of(row: Sequence[Any]) -> Entity:
    """Return an entity from a row of COLUMNS."""
    return Entity(
        row[0], list(row[1]), list(row[2]), row[3], stamp(row[4]), stamp(row[5]), "", row[6], stamp(row[7]) if row[7] else ""
    )


async def lock(conn: Conn, tenant: str, ids: Iterable[str]) -> dict[str, Entity]:
    """Return entities by id, held until the transaction ends."""
    rows = await (await conn.execute(_LOCK, [tenant, sorted(set(ids))])).fetchall()
    return {row[0]: entity_of(row) for row in rows}


async def get(conn: Conn, tenant: str, ids: Sequence[str], where: Where) -> dict[str, Entity]:
    """Return the entities of some ids that the conditions let through."""
    own = Where(list(where.parts), dict(where.params))
    own.add("tenant = %s", tenant)
    own.add("entity_id = ANY(%s)", list(ids))
    text = f"SELECT {COLUMNS} FROM ngsild_entity WHERE {own.text} AND {_LIVE}"
    rows = await (await conn.execute(text, own.params)).fetchall()
    return {row[0]: entity_of(row) for row in rows}


async def count(conn: Conn, tenant: str, query: Query, allowed: Where) -> int:
    """Return how many entities answer a query that SQL alone decides."""
    where = _where(tenant, query, allowed)
    text = f"SELECT count(*) FROM ngsild_entity WHERE {where.text} AND {_LIVE}"
    row: Any = await (await conn.execute(text, where.params)).fetchone()
    return int(row[0])


async def select(conn: Conn, tenant: str, query: Query, allowed: Where) -> tuple[list[Entity], int | None]:
    """Return a page of entities, and how many there are in all where the query asks for it."""
    where = _where(tenant, query, allowed)
    order = order_sql(query, where)
    if query.exact:
        total = await count(conn, tenant, query, allowed) if query.count else None
        if query.limit == 0:
            return [], total
        text = f"SELECT {COLUMNS} FROM ngsild_entity WHERE {where.text} AND {_LIVE} ORDER BY {order} LIMIT %(l)s OFFSET %(o)s"
        rows = await (await conn.execute(text, {**where.params, "l": query.limit, "o": query.offset})).fetchall()
        return [entity_of(row) for row in rows], total
    found: list[Entity] = []
    seen = 0
    text = f"SELECT {COLUMNS} FROM ngsild_entity WHERE {where.text} AND {_LIVE} ORDER BY {order} LIMIT {MOST_CANDIDATES}"
    async for entity in _candidates(conn, text, where.params):
        if fits(query, entity, whole=False):
            if query.offset <= seen < query.offset + query.limit:
                found.append(entity)
            seen += 1
            if not query.count and seen >= query.offset + query.limit:
                break
    return found, seen if query.count else None


async def _candidates(conn: Conn, text: str, params: dict[str, Any]) -> AsyncIterator[Entity]:
    async with conn.cursor(name=f"c{uuid.uuid4().hex}") as cursor:
        await cursor.execute(text, params)
        while rows := await cursor.fetchmany(REFINED_AT_ONCE):
            for row in rows:
                yield entity_of(row)


async def write(conn: Conn, tenant: str, edits: Sequence[Edit], now: dt.datetime) -> None:
    """Write entities and their history. What subscribers are to hear is written by outbox.py in the same transaction."""
    kept = [edit.after for edit in edits if edit.after is not None]
    gone = [edit.id for edit in edits if edit.after is None]
    async with conn.cursor() as cursor:
        if gone:
            await cursor.execute(_DELETE, [tenant, gone])
            await cursor.execute(_HEAD_GONE, [now, now, tenant, gone])
        if not kept:
            return
        rows = [
            (
                tenant,
                it.id,
                it.types,
                it.scopes,
                Jsonb(it.attributes),
                it.area_code,
                it.created_at,
                it.modified_at,
                it.expires_at or None,
            )
            for it in kept
        ]
        await cursor.executemany(_INSERT, rows)
        moved = [
            edit
            for edit in edits
            if edit.after is not None and (edit.before is None or _geometries(edit.before) != _geometries(edit.after))
        ]
        old = [edit.id for edit in moved if edit.before is not None]
        if old:
            await cursor.execute(_UNPLACE, [tenant, old])
        places = [
            (name, *box_of(value), Jsonb(value), tenant, edit.id)
            for edit in moved
            if edit.after is not None
            for name, value in _geometries(edit.after)
        ]
        if places:
            await cursor.executemany(_PLACE, places)
        await cursor.executemany(
            _HEAD, [(tenant, it.id, it.types, it.scopes, it.area_code, it.created_at, it.modified_at) for it in kept]
        )
        learnt = [(*row, tenant, name) for edit in edits if edit.after is not None for name, row in _history(edit, now)]
        if learnt:
            await cursor.executemany(_INSTANCE, learnt)


def _history(edit: Edit, now: dt.datetime) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield what history learns from an edit: new values, ends of values, and scopes."""
    for change in edit.changes:
        if change.after is not None:
            seen = change.after.get("observedAt")
            yield edit.id, (change.name, uuid.uuid4(), Jsonb(instance_of(change.after)), seen, now, now, None)
        elif change.before is not None:
            yield edit.id, (change.name, uuid.uuid4(), Jsonb(end_of(change.before)), None, now, now, now)
    before, after = (edit.before.scopes if edit.before else []), (edit.after.scopes if edit.after else [])
    if before != after:
        scope = Jsonb({"type": "Property", "value": after})
        yield edit.id, ("scope", uuid.uuid4(), scope, None, now, now, None if after else now)


def instance_of(instance: Instance) -> Instance:
    """Return an instance as history keeps it: its times stand in columns."""
    return {key: value for key, value in instance.items() if key not in ("createdAt", "modifiedAt")}


def end_of(instance: Instance) -> Instance:
    """Return how history notes that an instance is gone: NGSI-LD Null in place of its value."""
    kind = instance["type"]
    null: Any = {"@none": NULL} if kind == "LanguageProperty" else NULL
    found = {"type": kind, VALUE_OF[kind]: null}
    return found | ({"datasetId": instance["datasetId"]} if "datasetId" in instance else {})


def _where(tenant: str, query: Query, allowed: Where) -> Where:
    where = Where(list(allowed.parts), dict(allowed.params))
    where.add("tenant = %s", tenant)
    return where_of(query, where)


def _geometries(entity: Entity) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, one["value"])
        for name, instances in entity.attributes.items()
        for one in instances
        if one["type"] == "GeoProperty" and isinstance(one.get("value"), dict)
    ]
