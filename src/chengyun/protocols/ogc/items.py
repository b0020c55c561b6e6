# SPDX-License-Identifier: Apache-2.0
"""Features of a layer: one question is one SQL text whose values are all bound, paged by what the last feature was."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from chengyun.errors import NotFound, Refused
from chengyun.protocols.ogc import filters
from chengyun.protocols.ogc.asked import Asked, Span, encode_cursor
from chengyun.protocols.ogc.layers import Column, Seen
from chengyun.protocols.ogc.places import DECIMALS, Boundaries, Conn, Relations
from chengyun.protocols.ogc.reference import Reference

__all__ = [
    "GEOMETRY",
    "Page",
    "Selection",
    "after_sql",
    "count",
    "fetch",
    "fetch_one",
    "question",
    "run",
    "select",
    "standing",
    "wanted",
]

GEOMETRY = "geometry"
SQL_TYPES = {
    "text": "text", "integer": "float8", "number": "float8", "boolean": "boolean", "date": "date", "instant": "timestamptz",
}  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Which rows of a layer: SQL after FROM, with its parameters; without paging."""

    sql: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Features as GeoJSON, and where the next ones begin; None: there are no more."""

    features: list[dict[str, Any]]
    cursor: str | None
    matched: None = None

    @property
    def returned(self) -> int:
        return len(self.features)


def standing(seen: Seen, zone: ZoneInfo, *, today: bool = True) -> Selection:
    """Return the rows a layer has when nothing is asked of it; today=False: of every day."""
    params = {**seen.params, "today": dt.datetime.now(zone).date()}
    return Selection(f"{seen.source} WHERE {seen.where}{f' AND {seen.today}' if today else ''}", params)


async def select(seen: Seen, asked: Asked, relations: Relations, zone: ZoneInfo) -> Selection:
    """Return the rows that are asked for."""
    base = standing(seen, zone, today=asked.span is None)
    parts, params = [base.sql], dict(base.params)
    if asked.box is not None:
        sql, bound = await relations.box(asked.box)
        parts.append(sql)
        params |= bound
    if asked.span is not None:
        parts.append(_within(seen, asked.span, params, zone))
    for number, (key, text) in enumerate(asked.equal.items()):
        parts.append(_equals(seen.columns[key], text, f"q{number}", params))
    if asked.tree is not None:
        found = await filters.to_sql(asked.tree, seen.columns, GEOMETRY, asked.filter_reference, relations.relate, zone)
        parts.append(found.sql)
        params |= found.params
    return Selection(" AND ".join(parts), params)


async def count(conn: Conn, selection: Selection) -> int:
    """Return how many rows there are, exactly."""
    row = await (await run(conn, question("count(*)", selection.sql), selection.params)).fetchone()
    return int(row[0]) if row else 0


async def fetch(
    conn: Conn, seen: Seen, asked: Asked, selection: Selection, boundaries: Boundaries | None
) -> Page:  # fmt: skip
    """Return one page of features."""
    params = dict(selection.params)
    after = f" AND {after_sql(asked, params)}" if asked.cursor is not None else ""
    columns = wanted(seen, asked.properties)
    order = "".join(f"{_sortable(column)} {'DESC' if falls else 'ASC'} NULLS LAST, " for column, falls in asked.sort)
    sort = "".join(f", {_sortable(column)}" for column, _ in asked.sort)
    ordered = f"ORDER BY {order}r.id"
    # The page is chosen by the columns it depends on, then read: joins are made for its rows alone.
    page = question("r.id", f"{selection.sql}{after} {ordered} LIMIT {asked.limit + 1}")
    text = question(f"{_row(seen, columns)}{sort}", f"{seen.source} JOIN ({page}) AS page ON page.id = r.id {ordered}")
    rows: list[Any] = await (await run(conn, text, params)).fetchall()
    more = len(rows) > asked.limit
    del rows[asked.limit :]
    features = [
        _feature(seen, columns, row, asked.reference, boundaries, asked.properties, shown=asked.geometry) for row in rows
    ]  # fmt: skip
    sorted_by = len(asked.sort)
    cursor = encode_cursor([rows[-1][0], *(rows[-1][-sorted_by:] if sorted_by else ())]) if more else None
    return Page(features, cursor)


async def fetch_one(
    conn: Conn, seen: Seen, fid: str, reference: Reference, boundaries: Boundaries | None, zone: ZoneInfo
) -> dict[str, Any]:  # fmt: skip
    """Return one feature. Raises NotFound."""
    base = standing(seen, zone, today=False)
    columns = list(seen.columns.values())
    text = question(_row(seen, columns), f"{base.sql} AND {seen.find} ORDER BY r.id LIMIT 1")
    row: Any = await (await run(conn, text, {**base.params, "fid": fid})).fetchone() if "\x00" not in fid else None
    if row is None:
        raise NotFound(f"There is no feature {fid[:100]!r} in {seen.key}.")
    return _feature(seen, columns, row, reference, boundaries, None, shown=True)


def question(told: str, rows: str) -> str:
    """Return a SELECT. Both halves are made here and in layers.py, of declared names; what a caller wrote is always bound."""
    return f"SELECT {told} FROM {rows}"  # noqa: S608


async def run(conn: Conn, text: str, params: dict[str, Any]) -> psycopg.AsyncCursor[Any]:
    """Run a question. Raises Refused where its own arithmetic cannot be done."""
    try:
        return await conn.execute(text, params, prepare=True, binary=True)
    except psycopg.DataError as wrong:
        said = wrong.diag.message_primary or "a value cannot be used"
        raise Refused(f"The question cannot be answered: {said}.", code="filter", status=400) from wrong


def _row(seen: Seen, columns: Sequence[Column]) -> str:
    place = f"{seen.lon}, {seen.lat}" if seen.geometry == "point" else "NULL, NULL"
    return ", ".join([f"r.id::int8, {seen.id}, {place}", *(column.sql for column in columns)])


def wanted(seen: Seen, properties: Sequence[str] | None) -> list[Column]:
    """Return the columns to read: all of them where masks need to see the whole row."""
    if properties is None or seen.limited is not None:
        return list(seen.columns.values())
    return [seen.columns[key] for key in properties]


def _feature(
    seen: Seen, columns: Sequence[Column], row: Sequence[Any], reference: Reference, boundaries: Boundaries | None,
    properties: Sequence[str] | None, *, shown: bool,
) -> dict[str, Any]:  # fmt: skip
    values = {column.key: value for column, value in zip(columns, row[4:], strict=False)}
    if seen.limited is not None:
        values = seen.mask(values)
        if properties is not None:
            values = {key: values[key] for key in properties if key in values}
    geometry: Any = None
    if not shown:
        pass
    elif seen.geometry == "point":
        if row[2] is not None and row[3] is not None:
            geometry = {"type": "Point", "coordinates": reference.written([row[2], row[3]])}
    elif boundaries is not None:
        geometry = boundary(boundaries, row[0], reference)
    return {"type": "Feature", "id": str(row[1]), "geometry": geometry, "properties": values}


def boundary(boundaries: Boundaries, row: int, reference: Reference) -> Any:
    """Return an area's boundary as GeoJSON, rings turned as RFC 7946 asks; None when it is not known."""
    import shapely

    place = int(boundaries.ids.searchsorted(row))
    if place == len(boundaries.ids) or boundaries.ids[place] != row:
        return None
    shape = json.loads(shapely.to_geojson(shapely.orient_polygons(boundaries.shapes[place])))
    return {"type": shape["type"], "coordinates": _rounded(reference.written(shape["coordinates"]))}


def _rounded(node: Any) -> Any:
    if node and isinstance(node[0], float | int):
        return [round(node[0], DECIMALS), round(node[1], DECIMALS)]
    return [_rounded(one) for one in node]


def _within(seen: Seen, span: Span, params: dict[str, Any], zone: ZoneInfo) -> str:
    """Return whether a feature's own time meets a span; a feature without times holds always."""
    parts = []
    days = seen.ends_before
    since, until = span
    if until is not None:
        params["until"] = until.astimezone(zone).date() if days else until
        parts.append(f"({seen.since} IS NULL OR {seen.since} <= %(until)s)")
    if since is not None:
        params["since"] = since.astimezone(zone).date() if days else since
        parts.append(f"({seen.until} IS NULL OR {seen.until} {'>' if days else '>='} %(since)s)")
    return " AND ".join(parts) if parts else "true"


def _equals(column: Column, text: str, name: str, params: dict[str, Any]) -> str:
    """Return whether a property is what a parameter says; `*` stands for any characters."""
    match column.type:
        case "text" if "*" in text:
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
            params[name] = escaped
            return f"({column.sql}) LIKE %({name})s::text"
        case "text":
            params[name] = text
            return f"({column.sql}) = %({name})s::text"
        case "integer" | "number":
            try:
                params[name] = float(text)
            except ValueError as wrong:
                raise Refused(f"{column.key} is {text[:40]!r}, expected a number.", code="parameter", status=400) from wrong
            return f"({column.sql})::float8 = %({name})s::float8"
        case "boolean":
            if text.lower() not in ("true", "false"):
                raise Refused(f"{column.key} is {text[:40]!r}, expected true or false.", code="parameter", status=400)
            params[name] = text.lower() == "true"
            return f"({column.sql}) = %({name})s"
        case "date" | "instant":
            try:
                value = dt.date.fromisoformat(text) if column.type == "date" else dt.datetime.fromisoformat(text)
            except ValueError as wrong:
                raise Refused(
                    f"{column.key} is {text[:40]!r}, expected an ISO 8601 time.", code="parameter", status=400
                ) from wrong
            params[name] = value
            return f"({column.sql}) = %({name})s"


def _sortable(column: Column) -> str:
    return f'({column.sql})::text COLLATE "C"' if column.type == "text" else f"({column.sql})"


def after_sql(asked: Asked, params: dict[str, Any]) -> str:
    """Return whether a row comes after the cursor's: sort values in their order, unknown ones last, then the row's id."""
    cursor = asked.cursor or []
    if len(cursor) != len(asked.sort) + 1:
        raise Refused("The cursor is of another order. Follow the link `next` as it is.", code="parameter", status=400)
    params["after"] = cursor[0]
    clauses: list[str] = []
    same: list[str] = []
    for number, (column, falls) in enumerate(asked.sort):
        value, sql = cursor[number + 1], _sortable(column)
        if value is not None:
            name = f"c{number}"
            params[name] = str(value)
            bound = f"%({name})s::{SQL_TYPES[column.type]}"
            clauses.append(" AND ".join([*same, f"({sql} {'<' if falls else '>'} {bound} OR {sql} IS NULL)"]))
            same.append(f"{sql} = {bound}")
        else:
            same.append(f"{sql} IS NULL")
    clauses.append(" AND ".join([*same, "r.id > %(after)s"]))
    return f"({' OR '.join(f'({one})' for one in clauses)})"
