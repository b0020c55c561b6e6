# SPDX-License-Identifier: Apache-2.0
"""Tables that hold a neighbour's rows: one for each dataset, with typed columns, and beside every row where it came from.

mirror.<node>__<dataset>    _key, _version, _receipt (the exchange that brought it), and the provider's fields
mirror.…_anew               what is being read anew, until it takes the rows' place
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import sql

from chengyun.access.predicates import Sql
from chengyun.errors import Refused
from chengyun.share.exchange.digests import Ranges
from chengyun.share.exchange.questions import among
from chengyun.share.exchange.sources import Column

__all__ = ["SCHEMA", "TYPES", "count", "drop", "empty", "ensure", "name_of", "put_in_place", "read_columns", "staged", "write"]

SCHEMA = "mirror"
TYPES = {
    "text": "text", "integer": "bigint", "number": "double precision", "decimal": "numeric", "boolean": "boolean", "date": "date",
    "instant": "timestamptz", "json": "jsonb",
}  # fmt: skip
_LONG = {"timestamptz": "timestamp with time zone"}
"""Types that PostgreSQL tells by another name."""
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,62}")


def name_of(node: str, dataset: str, purpose: str) -> str:
    """Return the table's name: of at most 63 bytes, and never two alike."""
    import hashlib

    parts = [part for part in (node, dataset, purpose) if part]
    said = "__".join(re.sub(r"[^a-z0-9]+", "_", part) for part in parts)
    return f"{said[:54]}_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:8]}"


def staged(table: str) -> str:
    """Return the name of what is read anew beside a table: its digest keeps two apart."""
    return f"{table[-54:]}_anew"


def read_columns(given: Any) -> tuple[Column, ...]:
    """Return a neighbour's fields as columns. Raises Refused for a name or type that is none: it becomes one of our tables'."""
    found = []
    for one in given if isinstance(given, list) else []:
        name, kind = one.get("name"), one.get("type")
        if not isinstance(name, str) or not _FIELD.fullmatch(name) or kind not in TYPES:
            said = f"The neighbour's field {str(name)[:63]!r} of the type {str(kind)[:20]!r} cannot be kept."
            raise Refused(said, code="fields")
        found.append(Column(name, kind))
    if not found or len({one.name for one in found}) != len(found) or len(found) > 500:
        raise Refused("The neighbour's fields are none, too many or twice the same.", code="fields")
    return tuple(found)


def ensure(table: str, columns: Sequence[Column]) -> None:
    """Make a table, or give it the columns it lacks. Raises Refused when a field changed its type."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        cursor.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (_key text PRIMARY KEY, _version bigint NOT NULL, _receipt text NOT NULL)"
            ).format(_named(table))
        )
        held = _held(cursor, table)
        for one in columns:
            kind = TYPES[one.type]
            if one.name not in held:
                cursor.execute(
                    sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(_named(table), sql.Identifier(one.name), sql.SQL(kind))
                )
            elif held[one.name] != _LONG.get(kind, kind):
                raise Refused(
                    f"The neighbour's field {one.name} is now {one.type}; it was kept as {held[one.name]}. Draw the mirror anew.",
                    code="fields",
                )


def write(table: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], version: int, receipt: str) -> int:
    """Put rows into a table, in the caller's transaction; return how many were new, changed or removed.

    rows: as they came: key, version (or none: of `version`), values, removed. An older version changes nothing.
    """
    kept, gone = [], []
    for one in rows:
        number = one.get("version") or version
        if one.get("removed"):
            gone.append((str(one["key"]), number))
        else:
            values = one["values"]
            kept.append([str(one["key"]), number, receipt, *(_value(it, values.get(it.name)) for it in columns)])
    changed = 0
    with connection.cursor() as cursor:
        if kept:
            names = [sql.Identifier(one.name) for one in columns]
            marks = sql.SQL(", ").join(
                [sql.SQL("%s"), sql.SQL("%s"), sql.SQL("%s"), *(sql.SQL("%s::" + TYPES[one.type]) for one in columns)]
            )
            cursor.executemany(
                sql.SQL(
                    "INSERT INTO {table} AS kept (_key, _version, _receipt, {names}) VALUES ({marks})"
                    " ON CONFLICT (_key) DO UPDATE"
                    " SET (_version, _receipt, {names}) = ROW (excluded._version, excluded._receipt, {fresh})"
                    " WHERE kept._version < excluded._version"
                ).format(
                    table=_named(table), names=sql.SQL(", ").join(names), marks=marks,
                    fresh=sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in names),
                ),
                kept,
            )  # fmt: skip
            changed += cursor.rowcount
        if gone:
            cursor.execute(
                sql.SQL(
                    "DELETE FROM {} AS kept USING unnest(%s::text[], %s::bigint[]) AS gone (key, version)"
                    " WHERE kept._key = gone.key AND kept._version < gone.version"
                ).format(_named(table)),
                [[key for key, _ in gone], [number for _, number in gone]],
            )
            changed += cursor.rowcount
    return changed


def empty(table: str) -> None:
    """Remove all rows of a table, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {}").format(_named(table)))


def drop(table: str) -> None:
    """Remove a table, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_named(table)))


def put_in_place(table: str, columns: Sequence[Column], ranges: Ranges | None = None) -> None:
    """Let the rows of `staged(table)` take the place of a table's, in the caller's transaction; until it ends others see the old.

    ranges: of these rows alone. Not by renaming: rights and views stay with the table. A field of another type now gets that.
    """
    fresh = staged(table)
    with connection.cursor() as cursor:
        within = among(Sql("true", {}), sql.Identifier("_key"), ranges) if ranges else Sql("true", {})
        cursor.execute(sql.SQL("DELETE FROM {} WHERE {}").format(_named(table), sql.SQL(within.text)), within.params)
        held = _held(cursor, table)
        for one in columns:
            kind = TYPES[one.type]
            if one.name in held and held[one.name] != _LONG.get(kind, kind):
                cursor.execute(
                    sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING NULL").format(
                        _named(table), sql.Identifier(one.name), sql.SQL(kind)
                    )
                )
        ensure(table, columns)
        names = sql.SQL(", ").join(sql.Identifier(one) for one in ("_key", "_version", "_receipt", *(it.name for it in columns)))
        cursor.execute(
            sql.SQL("INSERT INTO {} ({names}) SELECT {names} FROM {}").format(_named(table), _named(fresh), names=names)
        )
    drop(fresh)


def count(table: str) -> int:
    """Return how many rows a table holds."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(_named(table)))
        return int(cursor.fetchone()[0])


def _held(cursor: Any, table: str) -> dict[str, str]:
    """Return a table's columns and their types."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped",
        [f'{SCHEMA}."{table}"'],
    )
    return dict(cursor.fetchall())


def _named(table: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table)


def _value(column: Column, value: Any) -> Any:
    if value is not None and column.type == "json":
        return json.dumps(value, ensure_ascii=False)
    return value
