# SPDX-License-Identifier: Apache-2.0
"""History straight into the sealed table: columns of rows in memory become files, without a hot table in between.

The caller holds the stream's row, and with it the order of seqs; what is hot by then is sealed with the history, so that
the table goes on holding every row up to its sealed-seq. Files are written first; the catalogue's pointer moves in the
caller's transaction, together with the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chengyun.lake import database, faults, iceberg, parquet
from chengyun.lake.iceberg import Pointer
from chengyun.lake.parquet import Stored
from chengyun.lake.rows import Bools, Flag, Floats, Int64s
from chengyun.lake.seal import Written, at_rest, chunk_stem, commit, may_meet, read_chunk, summary, write_slice
from chengyun.lake.tables import SCHEMA, StreamTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import Table

__all__ = ["History", "Staged", "stage"]


@dataclass(frozen=True, slots=True)
class History:
    """Rows of one stream in the order of their seqs, the first of which is seq_from.

    keys: of entities; entity: of each row, as a position in keys. time: microseconds since 1970, UTC.
    values: quantities × rows, NaN = unknown. words: code or text → values.
    """

    seq_from: int
    keys: list[str]
    entity: npt.NDArray[np.intp]
    time: Int64s
    quality: Int64s
    values: Floats
    words: dict[str, npt.NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.entity)


@dataclass(frozen=True, slots=True)
class Staged:
    """A snapshot that is written and not yet pointed to. rows, duplicates: of the whole chunk it seals."""

    pointer: Pointer
    snapshot: int
    rows: int
    duplicates: int
    corrected: int


def stage(table: StreamTable, history: History, chunk: int, seq_to: int) -> Staged:
    """Write a snapshot that holds the open chunk's rows and the history. The caller is the only sealer and holds the stream.

    chunk: the open one, whose rows end before history.seq_from. seq_to: the last seq given to history.
    """
    with database.connect() as conn:
        table = at_rest(conn, table)
    home = iceberg.catalogue().load_table((SCHEMA, table.name))
    sealed = iceberg.sealed_of(home)
    rows = _arrow(table, history)
    hot = read_chunk(table, chunk, sealed.seq, history.seq_from - 1)
    if len(hot):
        import pyarrow as pa

        rows = pa.concat_tables([hot.select(rows.column_names).cast(rows.schema), rows])
    if len(hot) or may_meet(table, sealed, rows):
        written = write_slice(home, table, sealed, rows, chunk, sealed.seq)
    else:
        written = _write_alone(home, table, history, rows, chunk, sealed.seq)
    with iceberg.staged() as pointers:
        commit(home, written.remove, written.add, summary(chunk, seq_to, written.duplicates))
    faults.step("history-staged")
    snapshot = home.current_snapshot()
    assert snapshot is not None
    return Staged(pointers[0], snapshot.snapshot_id, written.rows, written.duplicates, written.corrected)


def _arrow(table: StreamTable, history: History) -> pa.Table:
    """Return history as rows that arrived, in order of seq, with the month of each."""
    import pyarrow as pa

    keys = pa.array(history.keys, pa.string())
    columns: dict[str, Any] = {
        table.entity: pa.DictionaryArray.from_arrays(pa.array(history.entity.astype(np.int32)), keys).cast(pa.string()),
        table.time: pa.array(history.time, pa.timestamp("us", tz="UTC")),
        "seq": pa.array(np.arange(history.seq_from, history.seq_from + len(history))),
        "quality": pa.array(history.quality),
    }
    columns |= {
        key: pa.array(values, pa.float64(), from_pandas=True)
        for key, values in zip(table.quantities, history.values, strict=True)
    }
    columns |= {key: pa.array(values.tolist(), pa.string()) for key, values in history.words.items()}
    columns |= {one.column: pa.nulls(len(history), pa.float64()) for one in table.formers}
    columns["month"] = pa.array(history.time.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))
    return pa.table(columns)


def _write_alone(home: Table, table: StreamTable, history: History, rows: pa.Table, chunk: int, start: int) -> Written:
    """Write rows that meet nothing in the table: only among themselves can they repeat and correct each other."""
    import pyarrow as pa

    order, until = _versions(history)
    schema = parquet.arrow_schema(table, {field.name: field.field_id for field in home.schema().fields})
    months = history.time[order].astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    added: list[Stored] = []
    for month in np.unique(months).tolist():
        chosen = np.flatnonzero(months == month)
        ends = pa.array(until[chosen], pa.int64(), mask=until[chosen] == 0)
        found = rows.take(pa.array(order[chosen])).append_column("until_seq", ends).select(schema.names)
        added.append(parquet.write(table, found, schema, chunk_stem(table, month, chunk, start), parquet.QUICK_LEVEL))
    return Written([], added, len(history), len(history) - len(order), 0, sum(one.size for one in added))


def _versions(history: History) -> tuple[npt.NDArray[np.intp], Int64s]:
    """Return the rows that are versions, by entity and time and seq, and the seq that ended each, 0 where none did.

    The same as versions.versions over columns in memory.
    """
    count = len(history)
    rank = np.empty(len(history.keys), dtype=np.intp)
    # As Parquet and its readers order text: by code point, which is the order of UTF-8 bytes too.
    rank[np.argsort(np.array(history.keys, dtype=np.object_), kind="stable")] = np.arange(len(history.keys))
    order = np.lexsort((history.time, rank[history.entity]))
    entity, time = history.entity[order], history.time[order]
    again = np.zeros(count, dtype=np.bool_)
    again[1:] = (entity[1:] == entity[:-1]) & (time[1:] == time[:-1])
    until = np.zeros(count, dtype=np.int64)
    if not again.any():
        return order, until
    repeats = again & _same_as_before(history, order)
    kept, goes_on = order[~repeats], again[~repeats]
    ends = np.zeros(len(kept), dtype=np.int64)
    ends[:-1] = np.where(goes_on[1:], kept[1:] + history.seq_from, 0)
    return kept, ends


def _same_as_before(history: History, order: npt.NDArray[np.intp]) -> Bools:
    """Say of each row whether it has the content of the row before it."""
    values = history.values[:, order]
    simulated = history.quality[order] & int(Flag.SIMULATED)
    same = np.zeros(len(order), dtype=np.bool_)
    before, after = values[:, :-1], values[:, 1:]
    same[1:] = ((after == before) | (np.isnan(after) & np.isnan(before))).all(axis=0) & (simulated[1:] == simulated[:-1])
    for column in history.words.values():
        words = column[order]
        same[1:] &= words[1:] == words[:-1]
    return same
