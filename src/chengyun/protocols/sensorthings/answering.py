# SPDX-License-Identifier: Apache-2.0
"""A GET → its answer: a page, an entity, a property, a raw value, links alone."""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from chengyun.errors import Malformed, NotFound
from chengyun.protocols.door import Reply
from chengyun.protocols.sensorthings import geometry
from chengyun.protocols.sensorthings.kinds import Kind, Link
from chengyun.protocols.sensorthings.options import Options, read_options, write_token
from chengyun.protocols.sensorthings.paths import Target
from chengyun.protocols.sensorthings.reading import ROOT, Asked, arrays, count, page, token_of
from chengyun.protocols.sensorthings.sql import Statement, Store

__all__ = ["entity_json", "entity_now", "id_of", "key_of", "matching", "owners_of", "read"]

Connection = AsyncConnection[TupleRow]
REF = Options(select=("@iot.selfLink",))


async def read(conn: Connection, store: Store, target: Target, path: str, query: str, root: str) -> Reply:
    """Answer a GET. path: as asked for, without a slash before it, for the nextLink.

    Raises NotFound, and Malformed (400) for options that cannot be read.
    """
    options = read_options(query)
    if target.steps:
        return await _property(conn, store, target)
    if target.tail == "$ref":
        options = Options(
            select=REF.select, filter=options.filter, orderby=options.orderby, top=options.top, skip=options.skip,
            count=options.count, after=options.after, raw=options.raw,
        )  # fmt: skip
    asked = Asked(target.kind, options, target)
    if target.one:
        found = await _entity(conn, store, asked)
        return _told(found.replace(ROOT, root))
    if options.data_array:
        if target.kind.name != "Observation":
            raise Malformed("$resultFormat=dataArray is for Observations.", code="query", status=400)
        body = await _arrays(conn, store, asked, path)
    else:
        body = await _page(conn, store, asked, path)
    return _told(body.replace(ROOT, root))


async def entity_json(
    conn: Connection, store: Store, kind: Kind, number: int, root: str, select: tuple[str, ...] | None = None
) -> str:
    """Return an entity as it is told."""
    target = Target.of(kind, number)
    return (await _entity(conn, store, Asked(kind, Options(select=select), target))).replace(ROOT, root)


async def id_of(conn: Connection, store: Store, target: Target) -> int:
    """Return the id of the one entity a path leads to. Raises NotFound."""
    found = await _entity(conn, store, Asked(target.kind, Options(select=("id",)), target))
    return int(msgspec.json.decode(found)["@iot.id"])


async def key_of(conn: Connection, table: str, row: int) -> str:
    """Return the key of a register's row."""
    statement = sql.SQL("SELECT key FROM {} WHERE id = %s").format(sql.Identifier(table))
    found: Any = await (await conn.execute(statement, [row])).fetchone()
    if found is None:
        raise NotFound("There is no such Datastream.")
    return str(found[0])


async def owners_of(conn: Connection, kind: Kind, number: int) -> list[tuple[Link, int]]:
    """Return what an entity belongs to by its links to one, where there is something."""
    links = [link for link in kind.links if not link.many and not link.quiet]
    if not links:
        return []
    columns = sql.SQL(", ").join(sql.Identifier(link.column) for link in links)
    statement = sql.SQL("SELECT {} FROM {} WHERE id = %s").format(columns, sql.Identifier(kind.sql))
    row: Any = await (await conn.execute(statement, [number])).fetchone()
    return [(link, int(owner)) for link, owner in zip(links, row or (), strict=False) if owner is not None]


async def entity_now(conn: Connection, store: Store, kind: Kind, number: int) -> dict[str, Any]:
    """Return an entity's properties, for a change that is written in terms of them. Raises NotFound."""
    names = tuple(it.name for it in kind.properties if not it.kept)
    read_now: dict[str, Any] = msgspec.json.decode(await entity_json(conn, store, kind, number, "", names))
    return read_now


async def matching(conn: Connection, store: Store, target: Target, query: str, most: int) -> list[int]:
    """Return the ids of what a collection's `$filter` finds, at most so many."""
    options = read_options(query)
    if options.filter is None:
        raise Malformed("$filter is required for collection delete", code="query", status=400)
    statement = Statement(store)
    asked = Asked(target.kind, Options(filter=options.filter, select=("id",), top=most), target)
    text = page(asked, statement)
    await geometry.answer(conn, statement)
    cursor = await conn.execute(text, statement.params)
    return [int(row[-1]) for row in await cursor.fetchall()]


async def _page(conn: Connection, store: Store, asked: Asked, path: str) -> str:
    rows = await _rows(conn, store, asked, page)
    shown = rows[: asked.limit]
    parts = await _around(conn, store, asked, path, rows, first_key=1)
    return "{" + "".join(f"{part}," for part in parts) + '"value":[' + ",".join(row[0] for row in shown) + "]}"


async def _arrays(conn: Connection, store: Store, asked: Asked, path: str) -> str:
    statement = Statement(store)
    text, names = arrays(asked, statement)
    await geometry.answer(conn, statement)
    rows = await (await conn.execute(text, statement.params)).fetchall()
    if not rows:
        await _must_be(conn, store, asked)
    groups: dict[int, list[str]] = {}
    for row in rows[: asked.limit]:
        groups.setdefault(row[0], []).append(row[1])
    components = msgspec.json.encode(names).decode()
    values = (
        f'{{"Datastream@iot.navigationLink":"{ROOT}/Datastreams({number})","components":{components},'
        f'"dataArray@iot.count":{len(held)},"dataArray":[{",".join(held)}]}}'
        for number, held in groups.items()
    )
    parts = await _around(conn, store, asked, path, rows, first_key=2)
    return "{" + "".join(f"{part}," for part in parts) + '"value":[' + ",".join(values) + "]}"


async def _rows(conn: Connection, store: Store, asked: Asked, make: Any) -> list[TupleRow]:
    statement = Statement(store)
    text = make(asked, statement)
    await geometry.answer(conn, statement)
    rows = await (await conn.execute(text, statement.params)).fetchall()
    if not rows:
        await _must_be(conn, store, asked)
    return rows


async def _around(
    conn: Connection, store: Store, asked: Asked, path: str, rows: list[TupleRow], first_key: int
) -> list[str]:  # fmt: skip
    """Return what stands before the values: the count and the link to the next page."""
    parts = []
    if asked.options.count:
        statement = Statement(store)
        text = count(asked, statement)
        await geometry.answer(conn, statement)
        row: Any = await (await conn.execute(text, statement.params)).fetchone()
        parts.append(f'"@iot.count":{row[0]}')
    if len(rows) > asked.limit and asked.limit:
        token = write_token(token_of(rows[asked.limit - 1][first_key:]))
        link = f"{ROOT}/{path}?{asked.options.link(skip=None, skiptoken=token)}"
        parts.append(f'"@iot.nextLink":{msgspec.json.encode(link).decode().replace(ESCAPED_ROOT, ROOT)}')
    return parts


ESCAPED_ROOT = "\\u0001"


async def _entity(conn: Connection, store: Store, asked: Asked) -> str:
    statement = Statement(store)
    text = page(asked, statement)
    await geometry.answer(conn, statement)
    row: Any = await (await conn.execute(text, statement.params)).fetchone()
    if row is None:
        raise NotFound(f"There is no such {asked.kind.name}.")
    return str(row[0])


async def _must_be(conn: Connection, store: Store, asked: Asked) -> None:
    """Raise NotFound when a collection is empty because what it hangs on is not there."""
    above = asked.target.above if asked.target is not None else None
    if above is not None:
        await _entity(conn, store, Asked(above.kind, Options(select=("id",)), above))


async def _property(conn: Connection, store: Store, target: Target) -> Reply:
    name = "@iot.id" if target.steps[0] == "id" else target.steps[0]
    found = await _entity(conn, store, Asked(target.kind, Options(select=(name,)), target))
    value: Any = msgspec.json.decode(found).get(name)
    for step in target.steps[1:]:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise NotFound(f"{target.kind.name}.{'/'.join(target.steps)[:80]} is not there.")
    if target.tail == "$value":
        if isinstance(value, dict | list):
            return Reply(body=msgspec.json.encode(value))
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return Reply(body=text.encode(), content_type="text/plain; charset=utf-8")
    return Reply(body=msgspec.json.encode({target.steps[-1]: value}))


def _told(text: str) -> Reply:
    return Reply(body=text.encode())
