# SPDX-License-Identifier: Apache-2.0
"""Detectors over batches: rows grouped by entity, judged one after the other within an entity, all entities at once.

`judge` only looks; `Judged.memory` is what the memory of its entities becomes, for whoever knows that the rows are durable. The
k-th row of every entity is judged in the k-th round, so how rows were cut into batches changes nothing.

    one quantity     seasonal.py
    several          each by itself, and together (joint.py); the odder of the two
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from chengyun.errors import Malformed
from chengyun.operate.detectors import joint, seasonal

__all__ = ["Detector", "Judged"]


class Judged(NamedTuple):
    """What a batch came to. odds: of each row. expected: of each row, the first quantity's. slots, memory: what to settle."""

    odds: np.ndarray
    expected: np.ndarray
    slots: np.ndarray
    memory: np.ndarray


class Detector:
    """The memory of every entity of a stream, by slot, about one quantity or several."""

    def __init__(self, quantities: int, entities: int = 0) -> None:
        self.quantities = quantities
        fields: list[tuple[str, np.dtype[np.void]] | tuple[str, np.dtype[np.void], tuple[int]]] = [
            ("alone", seasonal.MEMORY, (quantities,))
        ]
        if quantities > 1:
            fields.append(("joint", joint.memory_of(quantities)))
        self.dtype = np.dtype(fields)
        self.memory = self._blank(entities)

    def widen(self, where: np.ndarray) -> None:
        """Make room for entities at these places, as numpy.insert counts them."""
        self.memory = np.insert(self.memory, where, self._blank(len(where)))

    def judge(self, slot: np.ndarray, local_s: np.ndarray, values: np.ndarray) -> Judged:
        """Judge rows that are grouped by slot, in each the oldest first.

        local_s: seconds of the local clock since 1970. values: (rows, quantities), NaN: unknown. A row without any value
        has odds 1 and teaches nothing.
        """
        first = np.ones(len(slot), bool)
        first[1:] = slot[1:] != slot[:-1]
        slots = slot[first]
        group = np.cumsum(first) - 1
        rank = np.arange(len(slot)) - np.flatnonzero(first)[group]
        memory = self.memory[slots].copy()
        odds, expected = np.ones(len(slot)), np.full(len(slot), np.nan)
        for number in range(int(rank.max()) + 1 if len(rank) else 0):
            rows = np.flatnonzero(rank == number)
            part = memory[group[rows]]
            odds[rows], expected[rows] = self._round(part, local_s[rows], values[rows])
            memory[group[rows]] = part
        return Judged(odds, expected, slots, memory)

    def settle(self, judged: Judged) -> None:
        """Make what a batch came to the memory."""
        self.memory[judged.slots] = judged.memory

    def saved(self, slots: np.ndarray) -> list[bytes]:
        """Return the memory of entities as bytes that `restore` takes back."""
        return [_signature(self.dtype) + one.tobytes() for one in self.memory[slots]]

    def restore(self, slot: int, kept: bytes) -> None:
        """Take over the memory of an entity. Raises Malformed for what another version of the detector kept."""
        mark = _signature(self.dtype)
        if not kept.startswith(mark) or len(kept) != len(mark) + self.dtype.itemsize:
            raise Malformed("The memory of a detector is of another version of it; it learns anew.")
        self.memory[slot] = np.frombuffer(kept, self.dtype, 1, len(mark))[0]

    def _blank(self, entities: int) -> np.ndarray:
        memory = np.zeros(entities, self.dtype)
        for quantity in range(self.quantities):
            memory["alone"][:, quantity] = seasonal.blank(entities)
        return memory

    def _round(self, memory: np.ndarray, local_s: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Judge one row of each entity; the memory is changed in place."""
        residual = np.full(values.shape, np.nan)
        expected = np.full(len(values), np.nan)
        odds = np.ones(len(values))
        for quantity in range(self.quantities):
            known = np.flatnonzero(~np.isnan(values[:, quantity]))
            part = memory["alone"][known, quantity]
            found = seasonal.step(part, local_s[known], values[known, quantity])
            memory["alone"][known, quantity] = part
            residual[known, quantity] = found.residual
            # The least of so many is so many times as likely to be small by chance.
            odds[known] = np.minimum(odds[known], seasonal.odds(found.surprise) * self.quantities)
            if quantity == 0:
                expected[known] = found.expected
        if self.quantities > 1:
            odds = np.minimum(1.0, 2.0 * np.minimum(odds, joint.step(memory["joint"], residual)))
        return odds, expected


def _signature(dtype: np.dtype[np.void]) -> bytes:
    return hashlib.blake2b(repr(dtype.descr).encode(), digest_size=8).digest()
