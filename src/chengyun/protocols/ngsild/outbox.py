# SPDX-License-Identifier: Apache-2.0
"""What subscribers are to hear, written in the transaction of the change itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from chengyun.protocols.ngsild.store import Edit


async def note(conn: AsyncConnection[Any], tenant: str, edits: Sequence[Edit], now: dt.datetime) -> None:
    return None
