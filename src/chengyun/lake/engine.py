# SPDX-License-Identifier: Apache-2.0
"""DuckDB connections as the lake uses them: in memory, bounded, in the city's time zone, reading no file it was not given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chengyun.config import config
from chengyun.lake.places import readable_folders

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY_LIMIT = "2GB"
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


def literal(text: str) -> str:
    """Return a text as a SQL literal: DuckDB takes no parameters in views and file lists."""
    return "'" + text.replace("'", "''") + "'"
