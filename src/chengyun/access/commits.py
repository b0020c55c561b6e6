# SPDX-License-Identifier: Apache-2.0
"""Ending a transaction so that its locks do not wait for the disk, and answering only once the disk has it.

    COMMIT ──▶ written to the log, locks let go ──▶ on disk, together with all that were written meanwhile ──▶ the caller goes on
                       next one commits ──────────▶ …

Each commit with an audit record holds the chain's lock, and each with a notice the notices', to its end. If the end is the
disk's, all of them reach it one by one. Whatever is on disk is whole: the log is written in the order of commits, so that a
server that dies keeps the chain up to a link and all before it. docs/decisions/0311-commits-share-the-disk.md
"""

from __future__ import annotations

import psycopg
from django.db import connection, transaction

__all__ = ["EARLY", "let_go_early"]

EARLY = "set_config('synchronous_commit', 'off', true)"
"""An expression for a statement of the transaction; a savepoint that is rolled back takes it along."""

WAIT = b"SELECT pg_logical_emit_message(true, 'chengyun.commit', '')"
"""A commit of its own, with the durability the server is set to, standby servers and all; what came before is on disk with it."""


def let_go_early() -> None:
    """See to it that the transaction that is open ends on disk before its caller goes on, though its statements say EARLY.

    To be called before the statement that says so. Raises RuntimeError outside a transaction, where nothing would wait.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(
            "A commit was to let go of its locks early and no transaction is open; nothing would wait for the disk."
        )
    # Once for a transaction. What Django has kept was not rolled back, and will only be together with whatever is asked now.
    if not any(kept[1] is _wait for kept in connection.run_on_commit):
        transaction.on_commit(_wait)


def _wait() -> None:
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(WAIT, prepare=True)
