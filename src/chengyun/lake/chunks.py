# SPDX-License-Identifier: Apache-2.0
"""The books of chunks: opening one, and closing one whose rows are sealed in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection, Connection

from chengyun.errors import Unavailable
from chengyun.lake import iceberg, tables
from chengyun.lake.tables import StreamTable

if TYPE_CHECKING:
    from chengyun.lake.history import Staged

__all__ = ["open_chunk", "publish"]


def open_chunk(conn: Connection[tuple[Any, ...]], table: StreamTable, number: int, seq_from: int) -> None:
    """Make a chunk's table and enter it in the books as open."""
    # The text is derived from checked declarations (lower_snake keys in quotes), never from input.
    conn.execute(tables.create_chunk(table, number).encode())
    conn.execute(
        "INSERT INTO lake_chunk (stream, chunk, opened_at, seq_from) VALUES (%s, %s, now(), %s)",
        [table.qualified, number, seq_from],
    )


async def publish(conn: AsyncConnection[Any], table: StreamTable, chunk: int, seq_to: int, staged: Staged) -> None:
    """Let the open chunk end sealed, with a staged snapshot that holds its rows, and open the next.

    In the transaction that holds the stream's row and gave the seqs up to seq_to. Raises Unavailable when somebody else has
    committed to the sealed table, which only who is not its only sealer can do.
    """
    moved = await conn.execute(iceberg.MOVE_POINTER, iceberg.pointer_values(table, staged.pointer))
    if moved.rowcount != 1:
        raise Unavailable(f"The sealed table of {table.qualified} was changed by another process. Try again.")
    await conn.execute(
        """
        UPDATE lake_chunk SET closed_at = now(), sealed_at = now(), seq_to = %s, rows = %s, duplicates = %s, snapshot = %s
        WHERE stream = %s AND chunk = %s
        """,
        [seq_to, staged.rows, staged.duplicates, staged.snapshot, table.qualified, chunk],
    )
    # The text is derived from checked declarations (lower_snake keys in quotes), never from input.
    await conn.execute(tables.create_chunk(table, chunk + 1).encode())
    await conn.execute(
        "INSERT INTO lake_chunk (stream, chunk, opened_at, seq_from) VALUES (%s, %s, now(), %s)",
        [table.qualified, chunk + 1, seq_to + 1],
    )
    await conn.execute("UPDATE lake_stream SET chunk = %s WHERE stream = %s", [chunk + 1, table.qualified])
