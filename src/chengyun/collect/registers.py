# SPDX-License-Identifier: Apache-2.0
"""The registers as the ingest process keeps them: entity key → slot, a small whole number that arrays are indexed by.

Slots are given in the order entities become known and are never given to another while the process lives; the slot of
an entity that left the register is found under no key and stands in no area.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection, sql

from chengyun.lake.rows import Bools, Int32s

__all__ = ["Named", "Register"]

SLICE = 2_000
"""Rows taken over at a time, so that a large register does not hold up who sends meanwhile."""

_COLUMNS = "SELECT id, key, name, area_code, simulated FROM {register}"


class Named(NamedTuple):
    """What people call an entity, and where it stands."""

    key: str
    name: str
    area_code: str


class Register:
    """One register, mirrored. ids, simulated and there are indexed by slot; `by_id` goes from entity id to its names.

    there: whether an entity is registered still.
    version: grows with every change, so that what was derived from areas can be derived again.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.slots: dict[str, int] = {}
        self.slot_of_id: dict[int, int] = {}
        self.by_id: dict[int, Named] = {}
        self.ids: Int32s = np.zeros(0, dtype=np.int32)
        self.keys: list[str] = []
        self.areas: list[str] = []
        self.simulated: Bools = np.zeros(0, dtype=np.bool_)
        self.there: Bools = np.zeros(0, dtype=np.bool_)
        self.version = 0
        self._masks: dict[tuple[str, ...], tuple[int, Bools]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: Sequence[str]) -> NDArray[np.intp]:
        """Return the slot of each key, −1 where it is not known."""
        return np.fromiter(map(self.slots.get, keys, repeat(-1)), dtype=np.intp, count=len(keys))

    async def load(self, conn: AsyncConnection[Any], keys: Sequence[str] | None = None) -> None:
        """Read the whole register, or the rows of some keys. Who reads it whole also learns what is no more."""
        query = sql.SQL(_COLUMNS).format(register=sql.Identifier(self.table))
        if keys is None:
            cursor = await conn.execute(query, binary=True)
            before = set(np.flatnonzero(self.there).tolist())
            while rows := await cursor.fetchmany(SLICE):
                self._take(rows)
                before.difference_update(self.slot_of_id[row[0]] for row in rows)
                await asyncio.sleep(0)
            self._drop(before)
        else:
            cursor = await conn.execute(query + sql.SQL(" WHERE key = ANY(%s)"), [list(keys)], binary=True)
            self._take(await cursor.fetchall())

    async def end_simulation(self, conn: AsyncConnection[Any], slots: NDArray[np.intp]) -> None:
        """Say in the database that these entities are real from now on; call `ended` once that is committed."""
        query = sql.SQL("UPDATE {register} SET simulated = false, source = '' WHERE id = ANY(%s)")
        await conn.execute(query.format(register=sql.Identifier(self.table)), [self.ids[slots].tolist()])

    def ended(self, slots: NDArray[np.intp]) -> None:
        self.simulated[slots] = False
        self.version += 1

    def within(self, areas: tuple[str, ...]) -> Bools:
        """Return, by slot, whether the entity stands in one of the areas (prefixes of codes; "" is all)."""
        known = self._masks.get(areas)
        if known is None or known[0] != self.version:
            inside = np.fromiter((code.startswith(areas) for code in self.areas), dtype=np.bool_, count=len(self.areas))
            inside &= self.there
            if len(self._masks) > 256:
                self._masks.clear()
            known = self._masks[areas] = (self.version, inside)
        return known[1]

    def _take(self, rows: Sequence[tuple[int, str, str, str, bool]]) -> None:
        fresh = [row for row in rows if row[0] not in self.slot_of_id]
        first = len(self.keys)
        for offset, (identity, *_rest) in enumerate(fresh):
            self.slot_of_id[identity] = first + offset
        self.ids = np.concatenate([self.ids, np.array([row[0] for row in fresh], dtype=np.int32)])
        self.simulated = np.concatenate([self.simulated, np.zeros(len(fresh), dtype=np.bool_)])
        self.there = np.concatenate([self.there, np.ones(len(fresh), dtype=np.bool_)])
        self.keys += [""] * len(fresh)
        self.areas += [""] * len(fresh)
        for identity, key, name, area_code, simulated in rows:
            slot = self.slot_of_id[identity]
            old = self.keys[slot]
            # Two entities may have exchanged their keys: the old one may be another's by now.
            if old != key and self.slots.get(old) == slot:
                del self.slots[old]
            self.slots[key] = slot
            self.keys[slot] = key
            self.areas[slot] = area_code
            self.simulated[slot] = simulated
            self.there[slot] = True
            self.by_id[identity] = Named(key, name, area_code)
        if rows:
            self.version += 1

    def _drop(self, slots: set[int]) -> None:
        for slot in slots:
            if self.slots.get(self.keys[slot]) == slot:
                del self.slots[self.keys[slot]]
            self.there[slot] = False
        if slots:
            self.version += 1
