# SPDX-License-Identifier: Apache-2.0
"""DuckDB connections as the lake uses them: in memory, bounded, in the city's time zone, reading no file it was not given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chengyun.config import config
from chengyun.lake.places import readable_folders

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY_LIMIT = "2GB"
SORTING = "768MB"
"""Of what only sorts, beside everything else that runs; what is more goes to files. Merging 8 million rows of six quantities
takes 1 GB in all then, and with 2 GB not a second less: what the processor does is to pack."""
THREADS = 2


def connect(threads: int = THREADS, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database. What does not fit in memory_limit goes to files in the data folder."""
    import duckdb  # heavy, and most processes never open one

    home = config()
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory_limit,
            "temp_directory": str(home.data / "tmp"),
            "autoinstall_known_extensions": False,
        },
    )
    connection.execute(f"SET TimeZone = {literal(home.time_zone)}")
    # A formula may read what it was given and nothing else on this machine.
    connection.execute(f"SET allowed_directories = [{', '.join(map(literal, readable_folders()))}]")
    connection.execute("SET enable_external_access = false")
    return connection


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, params: object = None) -> pa.Table:
    """Return a query's rows as an Arrow table."""
    return connection.sql(sql, params=params).to_arrow_table()


class Streamed:
    """A query's rows as they are read, a group at a time in memory. Its connection asks nothing else until it is closed."""

    def __init__(self, reader: pa.RecordBatchReader, group: int) -> None:
        self._reader, self._group, self._rest = reader, group, reader.schema.empty_table()

    def take(self, most: int) -> Iterator[pa.Table]:
        """Yield the next rows, in tables of a group; the last may be smaller. The next call goes on behind them."""
        while most > 0 and (table := self._next(min(self._group, most))):
            most -= len(table)
            yield table

    def close(self) -> None:
        self._reader.close()

    def _next(self, wanted: int) -> pa.Table | None:
        import pyarrow as pa

        while len(self._rest) < wanted:
            try:
                self._rest = pa.concat_tables([self._rest, pa.Table.from_batches([self._reader.read_next_batch()])])
            except StopIteration:
                break
        table, self._rest = self._rest.slice(0, wanted), self._rest.slice(wanted)
        return table if len(table) else None


def stream(connection: duckdb.DuckDBPyConnection, sql: str, group: int) -> Streamed:
    """Return a query's rows to be taken in groups of so many."""
    return Streamed(connection.sql(sql).to_arrow_reader(group), group)


def literal(text: str) -> str:
    """Return a text as a SQL literal: DuckDB takes no parameters in views and file lists."""
    return "'" + text.replace("'", "''") + "'"
