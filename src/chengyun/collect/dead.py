# SPDX-License-Identifier: Apache-2.0
"""Writing dead letters from the ingest process, in the transaction of the rows they came with. No Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from chengyun.collect.batch import Batch
from chengyun.collect.registers import Register

__all__ = ["write_dead_letters"]

_INSERT = """
INSERT INTO collect_deadletter (stream, received_at, actor, source, simulated, area_code, code, reason, row, state, note)
SELECT %s, %s, sent.actor, sent.source, sent.simulated, sent.area_code, sent.code, sent.reason, sent.row::jsonb, 'waiting', ''
FROM unnest(%s::text[], %s::text[], %s::bool[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS sent (actor, source, simulated, area_code, code, reason, row)
"""


async def write_dead_letters(
    conn: AsyncConnection[Any], stream: str, register: Register, batches: Sequence[Batch], now: dt.datetime
) -> None:
    """Keep the rows that batches set aside, each with its reason."""
    dead = [(batch.sender, it) for batch in batches for it in batch.dead]
    if not dead:
        return
    await conn.execute(
        _INSERT,
        [
            stream,
            now,
            [sender.actor for sender, _ in dead],
            [sender.source for sender, _ in dead],
            [sender.simulated for sender, _ in dead],
            [register.areas[it.slot] if it.slot >= 0 else "" for _, it in dead],
            [it.dead.code for _, it in dead],
            [_storable(it.dead.reason) for _, it in dead],
            [_json(it.row) for _, it in dead],
        ],
    )


def _json(row: dict[str, Any]) -> str:
    # jsonb holds no NUL; the replacement character stands for it, as in any text that cannot be shown.
    return msgspec.json.encode(row).decode().replace("\\u0000", "\\ufffd")


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")
