# SPDX-License-Identifier: Apache-2.0
"""The lake as a plain list: every row ever written, and what a reader must see of it at any seq."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chengyun.lake.rows import Flag

from .conftest import Reading


class Seen(NamedTuple):
    """A version as the oracle and the lake show it."""

    gauge: str
    hours: float
    depth: float | None
    flow: float | None
    state: str | None
    note: str | None
    quality: int
    seq: int
    until_seq: int | None


class Oracle:
    """All rows in order of seq."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Reading]] = []

    def write(self, seq_from: int, readings: Sequence[Reading]) -> None:
        self.rows += [(seq_from + offset, reading) for offset, reading in enumerate(readings)]

    def versions(self, as_of: int | None = None) -> list[Seen]:
        """Return every version as of a seq, by entity, time and seq."""
        histories: dict[tuple[int, float], list[tuple[int, Reading]]] = {}
        for seq, reading in self.rows:
            if as_of is not None and seq > as_of:
                continue
            history = histories.setdefault((reading.gauge, reading.hours), [])
            if not history or _content(history[-1][1]) != _content(reading):
                history.append((seq, reading))
        seen = []
        for (gauge, hours), history in sorted(histories.items()):
            ends = [seq for seq, _ in history[1:]] + [None]
            for (seq, it), end in zip(history, ends, strict=True):
                seen.append(Seen(f"g{gauge:02d}", hours, it.depth, it.flow, it.state, it.note, it.quality, seq, end))
        return seen

    def current(self, as_of: int | None = None) -> list[Seen]:
        return [version for version in self.versions(as_of) if version.until_seq is None]

    def newest(self) -> list[tuple[int, int]]:
        """Return (entity id, seq) of the newest observation of each entity: the latest time, of equal times the last seq."""
        newest: dict[int, tuple[float, int]] = {}
        for seq, reading in self.rows:
            newest[reading.gauge + 1] = max(newest.get(reading.gauge + 1, (-1.0, 0)), (reading.hours, seq))
        return [(entity, seq) for entity, (_, seq) in sorted(newest.items())]


def _content(reading: Reading) -> tuple[object, ...]:
    return reading.depth, reading.flow, reading.state, reading.note, reading.quality & Flag.SIMULATED
