# SPDX-License-Identifier: Apache-2.0
"""What happens to the lake: making its tables, sealing, merging, dropping what is sealed."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from chengyun.lake import database
from chengyun.lake.merge import MOST_FILES, merge
from chengyun.lake.prepare import prepare
from chengyun.lake.seal import Outcome, close_chunk, drop_sealed, only_sealer, seal_closed
from chengyun.lake.tables import stream_table, stream_tables

KEEP_SEALED = dt.timedelta(minutes=10)
"""How long a sealed chunk stays for readers that began before: longer than any read takes; a later one retries."""


def ensure_tables() -> None:
    """Make the tables of every stream the city's packs declare, and add what a declaration has gained.

    Quick when nothing is new. Raises Misdeclared when a declaration changed in a way that adding columns cannot mend.
    """
    with database.connect() as conn:
        prepare(conn, stream_tables(settings.CITY))


def seal(
    stream: str, *, close: bool = True, keep_sealed: dt.timedelta = KEEP_SEALED, most_files: int = MOST_FILES
) -> Outcome:  # fmt: skip
    """Seal a stream's rows, merge its small files, drop chunks sealed a while ago.

    close: also close the open chunk; False seals only what was closed before, as after a crash.
    Raises NotFound for an unknown stream, Unavailable when another process is sealing it.
    """
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, only_sealer(conn, table):
        if close:
            # What an earlier attempt closed goes first, so that chunks are sealed in order of seq.
            close_chunk(conn, table)
        outcome = seal_closed(conn, table)
        merged = merge(table, most_files) if outcome.chunks else 0
        drop_sealed(conn, table, keep_sealed)
    return Outcome(
        stream, outcome.chunks, outcome.rows, outcome.duplicates, outcome.corrected, outcome.bytes, merged
    )  # fmt: skip
