# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 - statements are put together from our own constants and declared names; values are always bound.
"""History in the database: heads and instances, read in time order and written instance by instance."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from chengyun.protocols.ngsild.documents import Entity, Instance, stamp
from chengyun.protocols.ngsild.evolution import METHODS, Figure, Span, Tracked
from chengyun.protocols.ngsild.places import GeoQuery, matches_place
from chengyun.protocols.ngsild.problems import bad, too_complex
from chengyun.protocols.ngsild.questions import Question, Term
from chengyun.protocols.ngsild.rendering import View
from chengyun.protocols.ngsild.selecting import Query, Where, where_of
from chengyun.protocols.ngsild.trees import Leaf, leaves, written

__all__ = ["Part", "add", "end", "figures", "find_heads", "head", "instances", "names_within"]

Conn = AsyncConnection[Any]
MOST_PLACES = 200_000

_HEADS = "SELECT id, entity_id, types, scopes, created_at, modified_at, area_code, deleted_at FROM ngsild_history h"
_INSERT = """
WITH known AS (
    UPDATE ngsild_historyinstance SET instance = %(instance)s, modified_at = %(now)s
    WHERE history_id = %(head)s AND name = %(name)s AND observed_at = %(seen)s AND deleted_at IS NULL
      AND instance ->> 'datasetId' IS NOT DISTINCT FROM %(dataset)s
    RETURNING 1
)
INSERT INTO ngsild_historyinstance (history_id, name, instance_id, instance, observed_at, created_at, modified_at, deleted_at)
SELECT %(head)s, %(name)s, %(id)s, %(instance)s, %(seen)s, %(now)s, %(now)s, %(gone)s WHERE NOT EXISTS (SELECT FROM known)
"""
"""What is sent again for the same attribute, dataset and instant takes the place of what was there."""
_ADD_HEAD = """
INSERT INTO ngsild_history (tenant, entity_id, types, scopes, area_code, created_at, modified_at, deleted_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, NULL)
ON CONFLICT (tenant, entity_id) DO UPDATE SET
    types = ARRAY(SELECT DISTINCT unnest(ngsild_history.types || excluded.types)),
    scopes = CASE WHEN excluded.scopes = '{}' THEN ngsild_history.scopes ELSE excluded.scopes END,
    modified_at = excluded.modified_at
RETURNING id, xmax = 0
"""


class Part(list[tuple[int, Tracked]]):
    """Instances in time order, each with the head it belongs to. cut: more would have followed."""

    cut = False


async def head(conn: Conn, tenant: str, entity_id: str, allowed: Where) -> tuple[int, Entity] | None:
    """Return the head of one entity's history, None when it has none that may be read."""
    where = Where(list(allowed.parts), dict(allowed.params))
    where.add("tenant = %s", tenant)
    where.add("entity_id = %s", entity_id)
    row = await (await conn.execute(f"{_HEADS} WHERE {where.text}", where.params)).fetchone()
    return (row[0], _entity(row)) if row else None


async def find_heads(
    conn: Conn, tenant: str, query: Query, span: Span, allowed: Where
) -> tuple[list[tuple[int, Entity]], int | None]:
    """Return a page of heads whose history holds something of what is asked for, and their number where asked for."""
    where = Where(list(allowed.parts), dict(allowed.params))
    where.add("tenant = %s", tenant)
    where_of(query, where, values=False)
    _within(where, span, query)
    if query.q is not None:
        _asks(where, query.q, span)
    if query.geo is not None:
        where.add("id = ANY(%s)", await _near(conn, where, query.geo, span))
    total = None
    if query.count:
        row: Any = await (
            await conn.execute(f"SELECT count(*) FROM ngsild_history h WHERE {where.text}", where.params)
        ).fetchone()
        total = int(row[0])
    order = _order(query, where)
    rows = await (
        await conn.execute(
            f"{_HEADS} WHERE {where.text} ORDER BY {order} LIMIT %(l)s OFFSET %(o)s",
            {**where.params, "l": query.limit, "o": query.offset},
        )
    ).fetchall()
    return [(row[0], _entity(row)) for row in rows], total


async def instances(conn: Conn, heads: Sequence[int], span: Span, view: View, most: int) -> Part:
    """Return the first `most` instances in time order, or the newest where lastN asks for them."""
    where = _instance_where(heads, span, view)
    time = _clock(span)
    if span.last:
        numbered = (
            "SELECT *, row_number() OVER (PARTITION BY history_id, name, instance ->> 'datasetId'"
            f" ORDER BY {time} DESC NULLS LAST, id DESC) AS place FROM ngsild_historyinstance i WHERE {where.text}"
        )
        where.params["last"] = span.last
        text = f"SELECT history_id, name, instance_id, instance, observed_at, created_at, modified_at, deleted_at, {time}"
        text += f" FROM ({numbered}) i WHERE place <= %(last)s ORDER BY {time} DESC NULLS LAST, id DESC LIMIT %(most)s"
    else:
        text = f"SELECT history_id, name, instance_id, instance, observed_at, created_at, modified_at, deleted_at, {time}"
        text += f" FROM ngsild_historyinstance i WHERE {where.text} ORDER BY {time} NULLS FIRST, id LIMIT %(most)s"
    rows = await (await conn.execute(text, {**where.params, "most": most + 1})).fetchall()
    part = Part((row[0], _tracked(row)) for row in rows[:most])
    part.cut = len(rows) > most
    return part


async def names_within(conn: Conn, heads: Sequence[int], span: Span, view: View) -> dict[int, list[str]]:
    """Return which attributes of which head hold something in a span."""
    where = _instance_where(heads, span, view)
    text = f"SELECT DISTINCT history_id, name FROM ngsild_historyinstance i WHERE {where.text}"
    found: dict[int, list[str]] = {}
    for number, name in await (await conn.execute(text, where.params)).fetchall():
        found.setdefault(number, []).append(name)
    return found


async def figures(conn: Conn, heads: Sequence[int], span: Span, view: View, most: int) -> dict[int, list[Figure]]:
    """Return what values came to per period (clause 4.5.19). A period starts at timeAt, or at the first instance."""
    where = _instance_where(heads, span, view)
    time = _clock(span)
    origin = "%(origin)s::timestamptz" if span.after else f"min({time}) OVER (PARTITION BY history_id)"
    bucket = f"date_bin(%(period)s, {time}, {origin})" if span.period else origin
    params = {**where.params, "origin": span.after, "period": span.period, "most": most}
    text = f"""
    SELECT history_id, name, coalesce(instance ->> 'datasetId', ''), instance ->> 'type', bucket, max(at),
           count(*), count(DISTINCT value), sum(number), avg(number), coalesce(to_jsonb(min(number)), to_jsonb(min(word))),
           coalesce(to_jsonb(max(number)), to_jsonb(max(word))), stddev_samp(number), sum(number * number)
    FROM (
        SELECT history_id, name, instance, {time} AS at, {bucket} AS bucket, instance -> 'value' AS value,
               CASE WHEN jsonb_typeof(instance -> 'value') = 'number' THEN (instance ->> 'value')::float8 END AS number,
               CASE WHEN jsonb_typeof(instance -> 'value') = 'string' THEN instance ->> 'value' END AS word
        FROM ngsild_historyinstance i WHERE {where.text} AND {time} IS NOT NULL
    ) AS seen
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 5 LIMIT %(most)s
    """
    found: dict[int, list[Figure]] = {}
    for row in await (await conn.execute(text, params)).fetchall():
        until = row[4] + span.period if span.period else span.before or row[5]
        values = dict(zip(METHODS, row[6:], strict=True))
        found.setdefault(row[0], []).append(Figure(row[1], row[2], row[3], row[4], until, values))
    return found


async def add(conn: Conn, tenant: str, entity: Entity, now: dt.datetime, *, known: int | None = None) -> bool:
    """Add instances to an entity's history, making it where it is new. Returns whether it came to be."""
    new = False
    if known is None:
        row: Any = await (
            await conn.execute(_ADD_HEAD, [tenant, entity.id, entity.types, entity.scopes, entity.area_code, now, now])
        ).fetchone()
        known, new = int(row[0]), bool(row[1])
    rows = [_row(known, name, one, now) for name, listed in entity.attributes.items() for one in listed]
    if entity.scopes:
        rows.append(_row(known, "scope", {"type": "Property", "value": entity.scopes}, now))
    async with conn.cursor() as cursor:
        if rows:
            await cursor.executemany(_INSERT, rows)
    return new


async def end(conn: Conn, known: int, gone: Sequence[tuple[str, Instance]], now: dt.datetime) -> None:
    """Note that attribute instances came to their end."""
    async with conn.cursor() as cursor:
        await cursor.executemany(_INSERT, [_row(known, name, one, now, gone=now) for name, one in gone])


def _row(known: int, name: str, one: Instance, now: dt.datetime, gone: dt.datetime | None = None) -> dict[str, Any]:
    return {
        "head": known, "name": name, "id": uuid.uuid4(), "instance": Jsonb(one), "seen": one.get("observedAt"), "now": now,
        "gone": gone, "dataset": one.get("datasetId"),
    }  # fmt: skip


def _entity(row: Any) -> Entity:
    deleted = stamp(row[7]) if row[7] else ""
    return Entity(row[1], list(row[2]), list(row[3]), {}, stamp(row[4]), stamp(row[5]), deleted, row[6])


def _tracked(row: Any) -> Tracked:
    instance: Instance = {**row[3], "instanceId": f"urn:ngsi-ld:Instance:{row[2]}"}
    instance["createdAt"], instance["modifiedAt"] = stamp(row[5]), stamp(row[6])
    if row[7] is not None:
        instance["deletedAt"] = stamp(row[7])
    if row[1] == "scope":
        del instance["instanceId"]
    return Tracked(row[1], instance, row[8])


def _clock(span: Span) -> str:
    """Return the column time runs by; without a temporal query, what is not observed counts from when it was written."""
    return "coalesce(i.observed_at, i.modified_at)" if span.column == "observed_at" and not span.relation else f"i.{span.column}"


def _times(where: Where, span: Span) -> list[str]:
    parts = ["i.deleted_at IS NOT NULL" if span.clock == "deletedAt" else "i.deleted_at IS NULL"]
    own = Where([], where.params)
    if span.after is not None:
        own.add(f"i.{span.column} > %s", span.after)
    if span.before is not None:
        own.add(f"i.{span.column} < %s", span.before)
    if span.column == "observed_at" and not span.relation:
        parts.append("i.name <> 'scope'")
    return parts + own.parts


def _instance_where(heads: Sequence[int], span: Span, view: View) -> Where:
    where = Where()
    where.add("i.history_id = ANY(%s)", list(heads))
    where.parts += _times(where, span)
    if view.attrs is not None:
        where.add("i.name = ANY(%s)", sorted(view.attrs))
    if view.pick is not None:
        where.add("i.name = ANY(%s)", sorted(view.pick))
    if view.omit is not None:
        where.add("i.name <> ALL(%s)", sorted(name for name, inner in view.omit.items() if inner is None))
    if view.datasets is not None:
        where.add("coalesce(i.instance ->> 'datasetId', '') = ANY(%s)", sorted(view.datasets))
    return where


def _within(where: Where, span: Span, query: Query) -> None:
    """Ask for an instance in the span, of the attributes and datasets asked for."""
    inner = Where([], where.params)
    if query.attrs:
        inner.add("i.name = ANY(%s)", sorted(query.attrs))
    if query.datasets is not None:
        inner.add("coalesce(i.instance ->> 'datasetId', '') = ANY(%s)", sorted(query.datasets))
    inner.parts += _times(where, span)
    where.parts.append(f"EXISTS (SELECT FROM ngsild_historyinstance i WHERE i.history_id = h.id AND {inner.text})")


def _asks(where: Where, question: Question, span: Span) -> None:
    """Ask for instances in the span that fit q: every condition may be met by another one."""
    if not question.exact:
        raise bad("q: instants inside values are not compared over time here. Ask by timerel and timeproperty.")
    times = " AND ".join(_times(where, span))

    def one(term: Term) -> str:
        inner = Where([], where.params)
        inner.add("i.name = %s", term.names[0] if term.names else "")
        path = Question(Leaf(term), True).jsonpath
        inner.add("jsonb_build_object(i.name, jsonb_build_array(i.instance)) @@ %s::jsonpath", path)
        return f"EXISTS (SELECT FROM ngsild_historyinstance i WHERE i.history_id = h.id AND {times} AND {inner.text})"

    if any(term.operator == "absent" for term in leaves(question.tree)):
        raise bad("q: that an attribute is absent cannot be asked over time.")
    where.parts.append(written(question.tree, one, " AND ", " OR "))


async def _near(conn: Conn, where: Where, geo: GeoQuery, span: Span) -> list[int]:
    inner = Where([], dict(where.params))
    inner.add("i.name = %s", geo.geoproperty)
    inner.parts += _times(inner, span)
    text = f"""
    SELECT h.id, i.instance -> 'value' FROM ngsild_history h JOIN ngsild_historyinstance i ON i.history_id = h.id
    WHERE {where.text} AND {inner.text} AND i.instance ->> 'type' = 'GeoProperty' LIMIT {MOST_PLACES + 1}
    """
    found: set[int] = set()
    seen = 0
    async with conn.cursor(name=f"g{uuid.uuid4().hex}") as cursor:
        await cursor.execute(text, inner.params)
        while rows := await cursor.fetchmany(1000):
            seen += len(rows)
            if seen > MOST_PLACES:
                raise too_complex(
                    f"More than {MOST_PLACES} places would have to be looked at. Ask for less time or fewer entities."
                )
            found.update(
                row[0] for row in rows if row[0] not in found and isinstance(row[1], dict) and matches_place(geo, row[1])
            )
    return sorted(found)


def _order(query: Query, where: Where) -> str:
    keys = []
    for at, order in enumerate(query.order):
        column = {"id": "entity_id", "createdAt": "created_at", "modifiedAt": "modified_at", "type": "types"}.get(order.path[0])
        if column is None:
            where.params[f"oname{at}"] = order.path[0]
            rest = order.path[1:]
            if rest in (("createdAt",), ("modifiedAt",), ("observedAt",)):
                value = {"createdAt": "i.created_at", "modifiedAt": "i.modified_at", "observedAt": "i.observed_at"}[rest[0]]
            else:
                chain = [step for name in rest for step in (name, "0")]
                where.params[f"opath{at}"] = [*chain, "value"]
                value = f"i.instance #> %(opath{at})s::text[]"
            column = (
                f"(SELECT {value} FROM ngsild_historyinstance i WHERE i.history_id = h.id AND i.name = %(oname{at})s"
                " ORDER BY i.observed_at DESC NULLS LAST, i.id DESC LIMIT 1)"
            )
        keys.append(f"{column} {'DESC' if order.descending else 'ASC'} NULLS LAST")
    return ", ".join([*keys, "id"])
