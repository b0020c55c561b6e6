# SPDX-License-Identifier: Apache-2.0
"""Taking old months out of a sealed table by policy, and bringing the table back to an earlier snapshot.

Both are one Iceberg commit, made in one transaction with a line in the books (lake_keeping) and an audit record: nothing
leaves in silence. Rows above the sealed seq are hot and stay. What follows from a restore (newest rows, days to compute
again) is done afterwards and marked as settled; `chengyun lake repair` does it when a process died in between.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chengyun.config import config
from chengyun.errors import NotFound, Unavailable
from chengyun.lake import faults, iceberg
from chengyun.lake.iceberg import SealedFile
from chengyun.lake.seal import Connection
from chengyun.lake.tables import SCHEMA, StreamTable, names, quote

if TYPE_CHECKING:
    from pyiceberg.table import Table

__all__ = [
    "Kept", "balance", "month_end", "month_name", "publish", "restore", "retire", "sealed_table", "settle", "snapshots",
    "unsettled",
]  # fmt: skip

RESTORED_FROM = "chengyun.restored-from"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a deed did. files, rows: that went (below zero: came back). snapshot: None when there was nothing to do."""

    stream: str
    files: int = 0
    rows: int = 0
    snapshot: int | None = None


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A snapshot the table can be restored to: when it was made, up to which seq it holds rows, and how many."""

    id: int
    at: dt.datetime
    seq: int
    rows: int
    current: bool


def retire(conn: Connection, table: StreamTable, before: dt.datetime, actor: str) -> Kept:
    """Take out the months that ended before an instant. The caller is the stream's only sealer."""
    home = sealed_table(table)
    if home is None:
        return Kept(table.qualified)
    sealed = iceberg.sealed_of(home)
    gone = [file for file in sealed.files if month_end(file.month) <= before]
    if not gone:
        return Kept(table.qualified)
    rows = sum(file.rows for file in gone)
    detail = {"before": before.isoformat(), "months": sorted({month_name(file.month) for file in gone}), "rows": rows}
    snapshot = publish(conn, table, home, gone, [], {}, ("retired", actor, -rows, detail), settled=True)
    return Kept(table.qualified, len(gone), rows, snapshot)


def restore(conn: Connection, table: StreamTable, snapshot_id: int, actor: str) -> Kept:
    """Bring a sealed table back to an earlier snapshot, as a new one. The caller is the stream's only sealer.

    Rows sealed since are not in it; rows still hot are as they were. Raises NotFound when the snapshot is gone.
    """
    home = sealed_table(table)
    if home is None or home.snapshot_by_id(snapshot_id) is None:
        raise NotFound(
            f"{table.qualified} has no snapshot {snapshot_id}. `chengyun lake snapshots {table.qualified}` lists those it has."
        )
    now, then = iceberg.sealed_of(home), iceberg.sealed_of(home, snapshot_id)
    before, after = {file.path: file for file in now.files}, {file.path: file for file in then.files}
    gone = [file for path, file in before.items() if path not in after]
    back = [file for path, file in after.items() if path not in before]
    if not gone and not back:
        return Kept(table.qualified)
    rows = sum(file.rows for file in back) - sum(file.rows for file in gone)
    span = [[_day(file.since), _day(file.until)] for file in (*gone, *back)]
    detail = {"from": now.snapshot, "to": snapshot_id, "rows": rows, "days": [min(span)[0], max(end for _, end in span)]}
    made = publish(
        conn, table, home, gone, back, {RESTORED_FROM: str(snapshot_id)}, ("restored", actor, rows, detail), settled=False
    )
    settle(conn, table)
    return Kept(table.qualified, len(gone) - len(back), -rows, made)


def settle(conn: Connection, table: StreamTable) -> bool:
    """Do what follows from a restore: newest rows as the table has them, days to be computed again. False: nothing waited."""
    waiting = unsettled(conn, table)
    if not waiting:
        return False
    with conn.transaction():
        # A seq is passed over, so that whoever keeps the newest rows in memory sees that they are not of the same state, and
        # reads all of them anew, since they were renewed after the state it knows.
        conn.execute(
            "UPDATE lake_stream SET next_seq = next_seq + 1, renewed_seq = next_seq WHERE stream = %s", [table.qualified]
        )
        _keep_latest(conn, table)
        for _, detail in waiting:
            first, last = detail["days"]
            conn.execute(
                """
                INSERT INTO lake_touched AS known (stream, day, seq)
                SELECT stream, day::date, next_seq - 1
                FROM lake_stream, generate_series(%s::date, %s::date, interval '1 day') AS day WHERE stream = %s
                ON CONFLICT (stream, day) DO UPDATE SET seq = excluded.seq
                """,
                [first, last, table.qualified],
            )
        conn.execute("UPDATE lake_keeping SET settled_at = now() WHERE id = ANY(%s)", [[ident for ident, _ in waiting]])
    faults.step("care-settled")
    return True


def balance(conn: Connection, table: StreamTable) -> int:
    """Return how many rows the sealed table gained other than by sealing; below zero: lost."""
    row = conn.execute("SELECT coalesce(sum(rows), 0) FROM lake_keeping WHERE stream = %s", [table.qualified]).fetchone()
    return int(row[0]) if row else 0


def unsettled(conn: Connection, table: StreamTable) -> list[tuple[int, dict[str, Any]]]:
    """Return the deeds, with their detail, that have not been followed up."""
    sql = "SELECT id, detail FROM lake_keeping WHERE stream = %s AND settled_at IS NULL ORDER BY id"
    return [(ident, detail) for ident, detail in conn.execute(sql, [table.qualified])]


def snapshots(table: StreamTable) -> list[SnapshotView]:
    """Return the snapshots a sealed table can be restored to, oldest first."""
    home = sealed_table(table)
    if home is None:
        return []
    current = home.current_snapshot()
    found = []
    for one in home.snapshots():
        summary = one.summary
        if summary is not None and summary.get(iceberg.SEALED_SEQ) is not None:
            at = dt.datetime.fromtimestamp(one.timestamp_ms / 1000, dt.UTC)
            seq, rows = int(summary[iceberg.SEALED_SEQ] or 0), int(summary.get("total-records") or 0)
            found.append(
                SnapshotView(one.snapshot_id, at, seq, rows, current is not None and one.snapshot_id == current.snapshot_id)
            )
    return found


def publish(
    conn: Connection,
    table: StreamTable,
    home: Table,
    gone: Sequence[SealedFile],
    back: Sequence[SealedFile],
    summary: dict[str, str],
    deed: tuple[str, str, int, dict[str, Any]],
    *,
    settled: bool,
) -> int:
    """Publish a snapshot without some files and with others, together with the books; return its id."""
    sealed = iceberg.sealed_of(home)
    with iceberg.staged() as pointers, home.transaction() as transaction:
        properties = {iceberg.SEALED_SEQ: str(sealed.seq), **summary}
        with transaction.update_snapshot(snapshot_properties=properties).overwrite() as snapshot:
            for file in gone:
                snapshot.delete_data_file(file.data_file)
            for file in back:
                snapshot.append_data_file(file.data_file)
    faults.step("care-staged")
    made = home.current_snapshot()
    assert made is not None
    name, actor, rows, detail = deed
    with conn.transaction():
        if conn.execute(iceberg.MOVE_POINTER, iceberg.pointer_values(table, pointers[0])).rowcount != 1:
            raise Unavailable(f"The sealed table of {table.qualified} was changed by another process. Try again.")
        conn.execute(
            """
            INSERT INTO lake_keeping (stream, at, deed, snapshot, rows, actor, detail, settled_at)
            VALUES (%s, now(), %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)
            """,
            [table.qualified, name, made.snapshot_id, rows, actor, json.dumps(detail), settled],
        )
        # By SQL: access stands beside the lake, and neither imports the other; its triggers chain what is written.
        conn.execute(
            """
            INSERT INTO access_auditrecord (actor, organisation, action, dataset, target, purpose, detail)
            VALUES (%s, '', %s, %s, %s, '', %s)
            """,
            [actor, f"lake.{name}", table.qualified, str(made.snapshot_id), json.dumps(detail)],
        )
    faults.step("care-published")
    return int(made.snapshot_id)


def _keep_latest(conn: Connection, table: StreamTable) -> None:
    """Make the table of newest rows anew from what the lake holds. The caller holds the stream."""
    from chengyun.lake.read import snapshot  # reads through services' tables; here so that upkeep loads without DuckDB

    columns = names([table.entity, table.time, "seq", "quality", *table.quantities, *table.words])
    newest = f"""
        SELECT {columns} FROM {quote(table.pack)}.{quote(table.key + "_raw")} QUALIFY row_number() OVER (
            PARTITION BY {quote(table.entity)} ORDER BY {quote(table.time)} DESC, seq DESC) = 1
    """  # noqa: S608 - names derived from checked declarations
    with snapshot([table.qualified], exact=False, registers=False) as seen:
        rows = seen.rows(newest)
    keys: list[tuple[str, int]] = conn.execute(f"SELECT key, id FROM {table.register}").fetchall()  # noqa: S608
    ids = dict(keys)
    conn.execute(f"DELETE FROM {table.latest}")  # noqa: S608
    target = names(["entity_id", "runs", "time", "seq", "quality", *table.quantities, *table.words])
    with conn.cursor() as cursor, cursor.copy(f"COPY {table.latest} ({target}) FROM STDIN") as copy:
        for row in rows:
            if row[table.entity] in ids:
                rest = [row[name] for name in (table.time, "seq", "quality", *table.quantities, *table.words)]
                copy.write_row([ids[row[table.entity]], b"", *rest])


def sealed_table(table: StreamTable) -> Table | None:
    """Return a stream's sealed table as it stands; None before its first sealing."""
    home = iceberg.catalogue()
    if not home.namespace_exists(SCHEMA) or not home.table_exists((SCHEMA, table.name)):
        return None
    return home.load_table((SCHEMA, table.name))


def month_end(month: int) -> dt.datetime:
    """Return when a month ended. month: months since 1970-01, as Iceberg counts."""
    return dt.datetime(1970 + (month + 1) // 12, (month + 1) % 12 + 1, 1, tzinfo=dt.UTC)


def month_name(month: int) -> str:
    """Return a month as people write it, e.g. 2026-01."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def _day(microseconds: int) -> str:
    return (_EPOCH + dt.timedelta(microseconds=microseconds)).astimezone(config().zone).date().isoformat()
