# SPDX-License-Identifier: Apache-2.0
"""One consistent look at PostgreSQL: where streams stand, their hot rows, the registers, all in one read-only transaction.

ADBC brings rows over as Arrow columns, without a Python object per value. A few connections are kept, because opening one
costs more than a small read.
"""

from __future__ import annotations

import atexit
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chengyun.lake import database
from chengyun.lake.tables import StreamTable, hot_values, names, quote

if TYPE_CHECKING:
    import datetime as dt

    import pyarrow as pa

KEPT = 4

_idle: list[tuple[str, Any]] = []
_lock = threading.Lock()


class Vanished(Exception):
    """A chunk was sealed and dropped between the look at the books and the read: look again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stream stands: the newest seq, the pointer to its sealed table, its hot chunks with their last seq, and its shape
    where a change has left columns behind."""

    seq: int
    metadata_location: str | None
    chunks: tuple[tuple[int, int | None], ...]
    shape: dict[str, Any] | None = None


class Books:
    """An open read-only transaction; every answer is of the same moment."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def query(self, sql: str) -> pa.Table:
        """Return a query's rows. Raises Vanished when a table is not there any more."""
        import adbc_driver_manager

        with self._connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                return cursor.fetch_arrow_table()
            except adbc_driver_manager.Error as wrong:
                if wrong.sqlstate == "42P01":
                    raise Vanished(str(wrong)) from wrong
                raise

    def standings(self, tables: Sequence[StreamTable]) -> dict[str, Standing]:
        """Return where each stream stands; a stream whose tables were never made has seq 0 and no chunks."""
        wanted = ", ".join(text_literal(table.qualified) for table in tables)
        found = self.query(f"""
            SELECT stream.stream, stream.next_seq - 1 AS seq, chunk.chunk, chunk.seq_to,
                (SELECT metadata_location FROM lake.iceberg_tables
                 WHERE table_namespace = 'lake' AND table_name = replace(stream.stream, '.', '_')) AS location,
                CASE WHEN shape -> 'behind' <> '[]' THEN shape::text END AS shape
            FROM lake_stream AS stream
            LEFT JOIN lake_chunk AS chunk ON chunk.stream = stream.stream AND chunk.dropped_at IS NULL
            WHERE stream.stream IN ({wanted}) ORDER BY stream.stream, chunk.chunk
        """).to_pylist()  # noqa: S608
        standings = {}
        for table in tables:
            own = [row for row in found if row["stream"] == table.qualified]
            chunks = tuple((row["chunk"], row["seq_to"]) for row in own if row["chunk"] is not None)
            shape = json.loads(own[0]["shape"]) if own and own[0]["shape"] else None
            standings[table.qualified] = (
                Standing(own[0]["seq"], own[0]["location"], chunks, shape) if own else Standing(0, None, ())
            )
        return standings

    def hot_rows(
        self,
        table: StreamTable,
        chunks: Sequence[int],
        after: int,
        up_to: int,
        since: dt.datetime | None,
        until: dt.datetime | None,
        entities: Sequence[str] | None,
    ) -> pa.Table:
        """Return the rows of these chunks with after < seq ≤ up_to, named as a reader sees them, in no particular order."""
        values = {chunk: hot_values(table, self._columns(table, chunk)) for chunk in chunks}
        where = [f"hot.seq > {int(after)}", f"hot.seq <= {int(up_to)}"]
        if since is not None:
            where.append(f"""hot."time" >= {text_literal(since.isoformat())}""")
        if until is not None:
            where.append(f"""hot."time" < {text_literal(until.isoformat())}""")
        if entities is not None:
            where.append(f"register.key IN ({', '.join(map(text_literal, entities)) or 'NULL'})")
        parts = [
            f"""SELECT coalesce(register.key, '#' || hot.entity_id) AS {quote(table.entity)},
                hot."time" AS {quote(table.time)}, hot.seq, hot.quality{values[chunk]}
                FROM {table.chunk(chunk)} AS hot LEFT JOIN {table.register} AS register ON register.id = hot.entity_id
                WHERE {" AND ".join(where)}"""  # noqa: S608
            for chunk in chunks
        ]
        return self.query(" UNION ALL ".join(parts))

    def _columns(self, table: StreamTable, chunk: int) -> set[str]:
        """Return the columns of a chunk; asked only of a stream that has left some behind, which newer chunks lack."""
        if not table.formers:
            return set()
        sql = (
            f"SELECT attname::text AS name FROM pg_attribute WHERE attrelid = to_regclass('{table.chunk(chunk)}') AND attnum > 0"  # noqa: S608
        )
        return set(self.query(sql)["name"].to_pylist())

    def register(self, relation: str) -> pa.Table:
        """Return a register as indicators see it; codes above the smallest known area are its first digits.

        What the pack's model keeps beside the columns of every register comes after them, in its order.
        """
        own = self.query(
            "SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = "  # noqa: S608  # a name derived from keys
            f"'{relation}'::regclass AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY(ARRAY{_OF_EVERY_REGISTER}) "
            "ORDER BY attnum"
        )
        more = "".join(f", {name}" for name in own["name"].to_pylist())
        return self.query(f"""
            SELECT key, name, lon, lat, area_code,
                CASE WHEN length(area_code) >= 9 THEN left(area_code, 9) END AS street_code,
                CASE WHEN length(area_code) >= 6 THEN left(area_code, 6) END AS district_code,
                CASE WHEN length(area_code) >= 4 THEN left(area_code, 4) || '00' END AS city_code, simulated{more}
            FROM {relation} ORDER BY key
        """)  # noqa: S608


_OF_EVERY_REGISTER = ["id", "key", "name", "area_code", "lon", "lat", "valid_from", "valid_to", "simulated", "source"]
"""Columns of chengyun.city.models.Register, given above under these names or of no use to a formula."""


@contextmanager
def look() -> Iterator[Books]:
    """Open the books at one moment."""
    address = database.url()
    connection = _take(address)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield Books(connection)
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    with _lock:
        if len(_idle) < KEPT:
            _idle.append((address, connection))
            return
    connection.close()


def forget() -> None:
    """Close the idle connections, as before the database is dropped."""
    with _lock:
        while _idle:
            _idle.pop()[1].close()


def text_literal(text: str) -> str:
    """Return a text as a literal of PostgreSQL; ADBC binds no parameters to COPY."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


def column_names(table: StreamTable) -> str:
    """Return the columns of hot_rows for SQL text."""
    return names([table.entity, table.time, "seq", "quality", *table.quantities, *table.words])


def _take(address: str) -> Any:
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi as adbc

    while True:
        with _lock:
            kept = next((pair for pair in _idle if pair[0] == address), None)
            if kept:
                _idle.remove(kept)
        if kept is None:
            atexit.unregister(forget)
            atexit.register(forget)  # a connection closed while the interpreter ends prints a traceback
            return adbc.connect(address)
        try:
            with kept[1].cursor() as cursor:
                cursor.execute("SELECT 1")
            kept[1].rollback()
        except adbc_driver_manager.Error:
            continue  # the server went away since: open a new one
        return kept[1]
