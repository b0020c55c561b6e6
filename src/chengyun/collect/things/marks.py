# SPDX-License-Identifier: Apache-2.0
"""Marks of devices on readings: a device in quarantine, or without a valid calibration, marks the entity it is bound to.

No Django: the processes that write observations ask for the marks, and put them beside the thresholds they judge by.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from chengyun.lake.rows import Flag, invalid_bit, suspect_bit
from chengyun.lake.tables import StreamTable

if TYPE_CHECKING:
    from chengyun.collect.flags import Watch
    from chengyun.collect.house import House
    from chengyun.collect.registers import Register

__all__ = ["follow_marks", "keep_marks"]

LOOK_EVERY_S = 2.0
"""How soon a quarantine, by hand or by rule, reaches readings that come in."""

_QUARANTINED = """
SELECT DISTINCT b.entity FROM things_quarantine q JOIN things_binding b ON b.device_id = q.device_id
WHERE b.stream = %(stream)s AND q.released_at IS NULL AND b.since <= now() AND (b.until IS NULL OR b.until > now())
"""
_UNCALIBRATED = """
SELECT b.entity, bool_or(c.quantity = ''), array_agg(DISTINCT c.quantity)
FROM things_device d JOIN things_binding b ON b.device_id = d.id
LEFT JOIN LATERAL (
    -- Of every quantity the newest calibration decides; a failed one ends the validity of the one before.
    SELECT DISTINCT ON (quantity) quantity, passed AND valid_until > now() AS valid FROM things_calibration
    WHERE device_id = d.id AND performed_at <= now() ORDER BY quantity, performed_at DESC, id DESC
) c ON true
WHERE b.stream = %(stream)s AND d.calibrated_every_d IS NOT NULL AND b.since <= now() AND (b.until IS NULL OR b.until > now())
  AND (c.valid IS NULL OR NOT c.valid)
GROUP BY b.entity
"""

log = logging.getLogger(__name__)


async def follow_marks(conn: AsyncConnection[Any], watch: Watch, table: StreamTable, register: Register) -> None:
    """Bring the marks of a stream up to date."""
    marked: dict[int, int] = {}
    everything = sum(invalid_bit(place) for place in range(len(table.quantities)))
    for (entity,) in await (await conn.execute(_QUARANTINED, {"stream": table.qualified})).fetchall():
        _mark(marked, register, entity, int(Flag.DISTRUSTED) | everything)
    for entity, whole, some in await (await conn.execute(_UNCALIBRATED, {"stream": table.qualified})).fetchall():
        # Without any calibration the join gives NULL: nothing of the device is calibrated.
        named = set(table.quantities) if whole is not False else set(some)
        bits = sum(suspect_bit(place) for place, key in enumerate(table.quantities) if key in named)
        _mark(marked, register, entity, int(Flag.UNCALIBRATED) | bits)
    watch.marks.put(marked)


async def keep_marks(house: House) -> None:
    """Follow the marks of every stream until cancelled. While the database is away nothing is written, so nothing is missed."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            async with house.pool.connection() as conn:
                for mirror in house.mirrors.values():
                    await follow_marks(conn, mirror.watch, mirror.table, mirror.register)
        except (psycopg.OperationalError, PoolTimeout, TimeoutError):
            continue
        except psycopg.Error:
            log.exception("the marks of devices could not be read")


def _mark(marked: dict[int, int], register: Register, entity: str, bits: int) -> None:
    slot = register.slots.get(entity, -1)
    if slot >= 0:
        marked[slot] = marked.get(slot, 0) | bits
