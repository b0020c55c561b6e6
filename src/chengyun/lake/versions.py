# SPDX-License-Identifier: Apache-2.0
"""Which rows of the same entity and time are versions, and until which seq each was the current one.

Rows of one (entity, time) in seq order: a row with the same values as the row before it is a repetition and is no
version; every other row is one, current until the next. Whether a row is a version depends on earlier seqs only, so the
table as it was at a seq is the same before and after sealing.
"""

from __future__ import annotations

from collections.abc import Sequence

from chengyun.lake.rows import Flag
from chengyun.lake.tables import StreamTable, names, quote


def versions(table: StreamTable, source: str, extra: Sequence[str] = ()) -> str:
    """Return a query over `source` that keeps the versions and numbers `until_seq`.

    source: relation with the sealed columns; its until_seq is not looked at. extra: further columns to pass through.
    """
    values = ", ".join(table.held(key) for key in (*table.quantities, *table.words))
    key = f"{quote(table.entity)}, {quote(table.time)}"
    # A reading that ends a simulation is a version even when it says the same.
    content = f"row({values}, quality & {int(Flag.SIMULATED)})"
    kept = names([table.entity, table.time, "seq", "quality", *table.carried, *extra])
    return f"""
        SELECT {kept}, lead(seq) OVER (PARTITION BY {key} ORDER BY seq) AS until_seq
        FROM (
            SELECT {kept},
                lag({content}) OVER before IS NOT DISTINCT FROM {content} AND lag(seq) OVER before IS NOT NULL AS repeats
            FROM {source} WINDOW before AS (PARTITION BY {key} ORDER BY seq))
        WHERE NOT repeats
    """  # noqa: S608 - names derived from checked declarations
