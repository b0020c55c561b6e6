# SPDX-License-Identifier: Apache-2.0
"""Bringing the tables of a stream to a changed declaration: hot, newest rows and sealed, in one transaction.

    write Iceberg metadata with the new schema → ALTER hot tables, newest rows → books → MOVE_POINTER → commit

Killed at any moment, everything is as before or as after. No row is rewritten but the newest ones, which are told in the new
unit; sealed files keep their columns' numbers, by which readers find them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chengyun.errors import Unavailable
from chengyun.lake import database, faults, iceberg
from chengyun.lake.seal import Connection
from chengyun.lake.shape import Plan
from chengyun.lake.tables import SCHEMA, StreamTable, quote

if TYPE_CHECKING:
    from pyiceberg.table import Transaction

__all__ = ["evolve"]


def evolve(conn: Connection, table: StreamTable, plan: Plan) -> None:
    """Do what a plan without faults says, in the caller's transaction, which holds the stream's row.

    Raises Unavailable when the stream is being sealed just now.
    """
    sealer = "SELECT pg_try_advisory_xact_lock(hashtext('lake.seal'), hashtext(%s))"
    row = conn.execute(sealer, [table.qualified]).fetchone()
    if not row or not row[0]:
        raise Unavailable(
            f"{table.qualified} is being sealed by another process. Try again when it has finished.", code="sealing"
        )
    pointer = _stage(conn, table, plan)
    faults.step("evolve-staged")
    chunks = "SELECT chunk FROM lake_chunk WHERE stream = %s AND dropped_at IS NULL ORDER BY chunk"
    for (chunk,) in conn.execute(chunks, [table.qualified]).fetchall():
        _alter(conn, table.chunk(chunk), plan)
    faults.step("evolve-hot")
    _alter_latest(conn, table, plan)
    conn.execute("UPDATE lake_stream SET shape = %s WHERE stream = %s", [json.dumps(plan.shape.written()), table.qualified])
    if pointer is not None and conn.execute(iceberg.MOVE_POINTER, iceberg.pointer_values(table, pointer)).rowcount != 1:
        raise Unavailable(f"The sealed table of {table.qualified} was changed by another process. Try again.")
    faults.step("evolve-written")


def _stage(conn: Connection, table: StreamTable, plan: Plan) -> iceberg.Pointer | None:
    """Write the sealed table's metadata with the new schema; None when nothing was ever sealed."""
    known = "SELECT FROM lake.iceberg_tables WHERE table_namespace = %s AND table_name = %s"
    if conn.execute(known, [SCHEMA, table.name]).fetchone() is None:
        return None
    home = iceberg.catalogue().load_table((SCHEMA, table.name))
    with iceberg.staged() as pointers, home.transaction() as transaction:
        _change_schema(transaction, table, plan)
    return pointers[0]


def _change_schema(transaction: Transaction, table: StreamTable, plan: Plan) -> None:
    from pyiceberg.types import DoubleType

    have = {one.name for one in transaction.table_metadata.schema().fields}
    renames = [pair for pair in (plan.entity, plan.time, *plan.fields) if pair and pair[0] in have]
    if renames:
        with transaction.update_schema() as update:
            for old, new in renames:
                update.rename_column(old, new)
    left = [(key, column) for key, column, _ in plan.left if key in have or key in {new for _, new in renames}]
    units = {one.column: one.unit for one in plan.shape.behind}
    if left:
        with transaction.update_schema() as update:
            for key, column in left:
                update.rename_column(key, column)
                update.update_column(key, doc=f"{key} in {units[column]}, as it was kept before")
        with transaction.update_schema() as update:
            for key, _ in left:
                update.add_column(key, DoubleType(), doc=f"in {plan.shape.quantities[key]}")
    if plan.entity:
        transaction.set_properties({f"write.metadata.metrics.column.{table.entity}": "full"})


def _alter(conn: Connection, relation: str, plan: Plan) -> None:
    """Bring a hot table along: what it holds of a field that changed its unit stays in the column it leaves behind."""
    have = database.columns(conn, relation)
    for old, new in plan.fields:
        if old in have:
            _rename(conn, relation, old, new)
    for key, column, _ in plan.left:
        _rename(conn, relation, key, column)
        conn.execute(f"ALTER TABLE {relation} ADD COLUMN {quote(key)} float8")


def _alter_latest(conn: Connection, table: StreamTable, plan: Plan) -> None:
    """Bring the newest rows along, told in the new unit: they are what the sealed and hot rows come to, not a record."""
    have = database.columns(conn, table.latest)
    for old, new in plan.fields:
        if old in have:
            _rename(conn, table.latest, old, new)
    for key, _, factor in plan.left:
        conn.execute(
            f"UPDATE {table.latest} SET {quote(key)} = {quote(key)} * %s::float8",  # noqa: S608 - a declared name
            [repr(factor)],
        )


def _rename(conn: Connection, relation: str, old: str, new: str) -> None:
    conn.execute(f"ALTER TABLE {relation} RENAME COLUMN {quote(old)} TO {quote(new)}")
