# SPDX-License-Identifier: Apache-2.0
"""Rows as Arrow columns: straight out of PostgreSQL, and masked a column at a time. Imported only where files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
from psycopg import sql

from chengyun.access import masks as masking
from chengyun.access import predicates
from chengyun.access.policy import Scope
from chengyun.lake import database
from chengyun.share.exchange.questions import SALTED
from chengyun.share.exchange.sources import Column, Source

__all__ = ["batches", "masked", "schema_of", "selecting"]

_ARROW = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "decimal": pa.string(), "boolean": pa.bool_(),
    "date": pa.date32(), "instant": pa.timestamp("us", "UTC"), "json": pa.string(),
}  # fmt: skip
_POSTGRES = {
    "text": "text", "integer": "int8", "number": "float8", "decimal": "text", "boolean": "bool", "date": "date",
    "instant": "timestamptz", "json": "text",
}  # fmt: skip


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of exchanged columns."""
    return pa.schema([(one.name, _ARROW[one.type]) for one in columns])


def selecting(scope: Scope, source: Source, shown: Sequence[Column], at: int, salt: str = "") -> str:
    """Return the statement for all rows of a register that a scope of one layer lets through, values written into it.

    salt: of an order that tells nothing of the keys; "": as they lie.
    """
    within = predicates.as_sql(scope.rows, "r.area_code", "postgres", f"r.{scope.time}" if scope.time else None)
    raw = {one.name: one for one in source.columns}
    columns = sql.SQL(", ").join(
        sql.SQL("{}::{} AS {}").format(raw[one.name].at("r"), sql.SQL(_POSTGRES[raw[one.name].type]), sql.Identifier(one.name))
        for one in shown
    )
    key = sql.Identifier("r", source.key)
    statement = sql.SQL(
        "SELECT {key}::text AS _key, {at}::int8 AS _version, false AS _removed, {columns} FROM {table} AS r WHERE {within}"
    ).format(
        key=key, at=sql.Literal(at), columns=columns, table=sql.Identifier(source.table), within=sql.SQL(within.text)
    )  # fmt: skip
    if salt:
        statement += sql.SQL(" ORDER BY ") + SALTED.format(key=key, salt=sql.Literal(salt))
    # ADBC binds no parameters to COPY, which is how it reads; psycopg writes them in as literals.
    with database.connect() as conn:
        return psycopg.ClientCursor(conn).mogrify(statement, within.params)


def batches(statement: str) -> Iterator[pa.RecordBatch]:
    """Yield a statement's rows as they come, a few megabytes at a time."""
    with adbc.connect(database.url()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        yield from cursor.fetch_record_batch()


def masked(table: pa.Table, columns: Sequence[Column], masks: Mapping[str, str], purpose: str) -> pa.Table:
    """Return a table with its masked columns masked and its types as they are exchanged."""
    schema = schema_of(columns)
    made = []
    for field in schema:
        column = table[field.name]
        kind = masks.get(field.name)
        made.append((_masked(column, kind, purpose) if kind else column).cast(field.type))
    return pa.table(made, schema=schema)


def _masked(column: pa.ChunkedArray, kind: str, purpose: str) -> pa.Array:
    """Each value is masked once, however often it stands there."""
    encoded = column.combine_chunks().dictionary_encode()
    shown = pa.array([masking.mask(kind, value, purpose) for value in encoded.dictionary.to_pylist()])
    return pa.DictionaryArray.from_arrays(encoded.indices, shown).dictionary_decode()
