# SPDX-License-Identifier: Apache-2.0
"""What happens to the lake: making its tables, sealing."""

from __future__ import annotations

from django.conf import settings

from chengyun.lake import database
from chengyun.lake.prepare import prepare
from chengyun.lake.tables import stream_tables


def ensure_tables() -> None:
    """Make the tables of every stream the city's packs declare, and add what a declaration has gained.

    Quick when nothing is new. Raises Misdeclared when a declaration changed in a way that adding columns cannot mend.
    """
    with database.connect() as conn:
        prepare(conn, stream_tables(settings.CITY))
