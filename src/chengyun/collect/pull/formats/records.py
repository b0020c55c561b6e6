# SPDX-License-Identifier: Apache-2.0
"""Values that are read already, as a table: for formats that say themselves what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from chengyun.collect.pull.formats.cells import ARROW
from chengyun.collect.pull.formats.tables import LINE, Column, Fault, Findings, Table

__all__ = ["table_of"]


def table_of(
    name: str, columns: Sequence[Column], records: Iterable[Mapping[str, Any] | Fault], *, rows: int, most_faults: int
) -> Table:
    """Return a table of records; a fault among them is noted. A record may say its place under `__line`; else it is numbered."""
    findings = Findings(most_faults)
    schema = pa.schema([pa.field(it.name, ARROW[it.kind]) for it in columns] + [pa.field(LINE, pa.int64())])
    return Table(name, tuple(columns), _batches(records, schema, findings, rows), findings)


def _batches(
    records: Iterable[Mapping[str, Any] | Fault], schema: pa.Schema, findings: Findings, rows: int
) -> Iterator[pa.RecordBatch]:
    number = 0
    pending = iter(records)
    while part := list(islice(pending, rows)):
        kept: list[dict[str, Any]] = []
        for record in part:
            number += 1
            if isinstance(record, Fault):
                findings.add(record)
            else:
                kept.append({LINE: number, **record})
        if kept:
            findings.rows += len(kept)
            yield pa.RecordBatch.from_pylist(kept, schema=schema)
