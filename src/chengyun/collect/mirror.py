# SPDX-License-Identifier: Apache-2.0
"""One stream as the ingest process keeps it in memory: the mirror of its newest rows, and which of them moved lately."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection, sql

from chengyun.city import City, Stream
from chengyun.collect.flags import Memory, Watch
from chengyun.collect.registers import Register
from chengyun.collect.things.marks import follow_marks
from chengyun.lake.hot import unpack_runs
from chengyun.lake.rows import Bools
from chengyun.lake.tables import StreamTable

__all__ = ["Mirror"]


class Mirror:
    """A stream's newest rows by slot of its register.

    memory, next_seq: as committed. next_seq: the seq the next row should get if nobody else writes; None: unknown, everything
    is read again.
    ahead, ahead_seq: the same as they will be when every group under way is committed; ahead_seq None: not known.
    moved: whether a slot changed since the last live update.
    """

    def __init__(self, city: City, table: StreamTable, register: Register) -> None:
        self.table = table
        self.stream: Stream = city.streams[table.qualified]
        self.register = register
        self.watch = Watch.of(self.stream)
        self.memory = Memory(len(table.quantities), table.words)
        self.ahead = Memory(len(table.quantities), table.words)
        self.next_seq: int | None = None
        self.ahead_seq: int | None = None
        self.moved: Bools = np.zeros(0, dtype=np.bool_)

    async def refresh(self, conn: AsyncConnection[Any], next_seq: int) -> None:
        """Read the newest rows written since this mirror last agreed with the database, all of them the first time.

        next_seq: of the stream, read before the rows are.
        """
        columns = ("entity_id", "seq", "quality", "runs", *self.table.quantities, *self.table.words)
        query = sql.SQL("SELECT (extract(epoch FROM time) * 1000000)::int8, {columns} FROM {latest} WHERE seq >= %s").format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)), latest=sql.Identifier(*self.table.latest.split("."))
        )
        since = await self._known_since(conn)
        cursor = await conn.execute(query, [since or 0], binary=True)
        rows = await cursor.fetchall()
        if any(row[1] not in self.register.slot_of_id for row in rows):
            await self.register.load(conn)
            # What was taken out of the register stays in the lake, but is nobody's newest row.
            rows = [row for row in rows if row[1] in self.register.slot_of_id]
        self.make_room()
        if since is None:
            self.memory.forget(np.arange(len(self.memory)))
            await follow_marks(conn, self.watch, self.table, self.register)
        if rows:
            slots = self._take(rows)
            if self.next_seq is not None:
                self.moved[slots] = True
        self.next_seq = next_seq

    async def _known_since(self, conn: AsyncConnection[Any]) -> int | None:
        """Return the seq from which on rows are not known; None when all are to be read, the first time or made anew since."""
        if self.next_seq is None:
            return None
        cursor = await conn.execute("SELECT coalesce(renewed_seq, 0) FROM lake_stream WHERE stream = %s", [self.table.qualified])
        row = await cursor.fetchone()
        return self.next_seq if row is None or self.next_seq > row[0] else None

    def make_room(self) -> None:
        known = len(self.register)
        self.memory.grow(known)
        self.ahead.grow(known)
        if len(self.moved) < len(self.memory):
            self.moved = np.concatenate([self.moved, np.zeros(len(self.memory) - len(self.moved), dtype=np.bool_)])

    def look_ahead(self, seq: int) -> None:
        """Let what is ahead begin anew at what is committed. seq: the next row's."""
        self.make_room()
        self.ahead.copy(self.memory)
        self.ahead_seq = seq

    def take_moved(self) -> NDArray[np.intp]:
        """Return the slots changed since the last call, rising."""
        moved = np.flatnonzero(self.moved)
        self.moved[moved] = False
        return moved

    def since(self, seq: int, areas: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the slots whose newest row has a higher seq and whose entity stands in one of the areas."""
        known = len(self.register)
        self.make_room()
        return np.flatnonzero((self.memory.seq[:known] > seq) & self.register.within(areas))

    def render(self, slots: NDArray[np.intp], hidden: tuple[str, ...]) -> bytes:
        """Return the newest rows of slots as the compact columns readers get; hidden fields are left out.

        Times are milliseconds since 1970, unknown values null, values as sent: `quality` says which are invalid.
        """
        memory, register = self.memory, self.register
        chosen = slots.tolist()
        columns: dict[str, list[Any]] = {
            self.table.entity: [register.keys[slot] for slot in chosen],
            self.table.time: (memory.time[slots] // 1000).tolist(),
        }
        for position, key in enumerate(self.table.quantities):
            columns[key] = memory.values[position, slots].tolist()
        for key in self.table.words:
            columns[key] = memory.words[key][slots].tolist()
        columns["quality"] = memory.quality[slots].tolist()
        for name in hidden:
            columns.pop(name, None)
        return msgspec.json.encode(
            {"stream": self.table.qualified, "seq": (self.next_seq or 1) - 1, "count": len(chosen), "columns": columns}
        )

    def _take(self, rows: list[tuple[Any, ...]]) -> NDArray[np.intp]:
        memory, quantities = self.memory, len(self.table.quantities)
        slots = np.array([self.register.slot_of_id[row[1]] for row in rows], dtype=np.intp)
        memory.time[slots] = [row[0] for row in rows]
        memory.seq[slots] = [row[2] for row in rows]
        memory.quality[slots] = [row[3] for row in rows]
        memory.values[:, slots] = np.array([row[5 : 5 + quantities] for row in rows], dtype=np.float64).T
        for offset, key in enumerate(self.table.words, 5 + quantities):
            memory.words[key][slots] = np.array([row[offset] for row in rows], dtype=np.object_)
        memory.run[:, slots] = unpack_runs([row[4] for row in rows], quantities)
        return slots
