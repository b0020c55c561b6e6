# SPDX-License-Identifier: Apache-2.0
"""History that is made, not read from files, by the million rows: held open over several streams, part by part.

Judged and sealed as files are (sealing.py), marked as simulated, and received at the moment the maker says: rules, silence and
lateness see the past as they would have seen it then. What has become real takes no simulated row, here as at the front door.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from chengyun.city import City
from chengyun.collect.batch import Batch, Sender
from chengyun.collect.house import House
from chengyun.collect.sealing import Sealing
from chengyun.config import Config
from chengyun.lake import database
from chengyun.lake import services as lake
from chengyun.lake.rows import Floats, Int64s

__all__ = ["MadeHistory", "Received"]

WAIT_S = 60.0
"""How long to wait for who seals a stream just now."""


@dataclass(slots=True)
class Received:
    """What was taken. real: rows refused, because something real speaks for their entity by now."""

    stored: int = 0
    real: int = 0
    flags: Counter[str] = field(default_factory=Counter)


class MadeHistory:
    """A context in which the streams have no other sealer. Raises Unavailable when one is being sealed and goes on being so."""

    def __init__(self, config: Config, city: City, streams: Sequence[str], source: str) -> None:
        self._config, self._city, self._streams = config, city, list(streams)
        self._sender = Sender(source, source, simulated=True)
        self._open = ExitStack()
        self._merges: list[Callable[[], int]] = []
        self._slots: dict[tuple[str, int], NDArray[np.intp]] = {}
        self.received = Received()

    def __enter__(self) -> MadeHistory:
        config = self._config
        with ExitStack() as opening:
            self._merges = [opening.enter_context(lake.sealed_for_history(one, WAIT_S)) for one in self._streams]
            self._runner = opening.enter_context(asyncio.Runner())
            self._house = House(self._city, database.url(), config.zone, config.secret)
            self._runner.run(self._house.pool.open())
            opening.callback(lambda: self._runner.run(self._house.pool.close()))
            self._sealings = {one: Sealing(self._city, self._house, one, config.zone) for one in self._streams}
            self._runner.run(self._load())
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None) -> None:
        with self._open:
            if kind is None:
                for merge in self._merges:
                    merge()

    def put(
        self,
        stream: str,
        keys: Sequence[str],
        entity: NDArray[np.intp],
        time: Int64s,
        values: Mapping[str, Floats],
        now: dt.datetime,
    ) -> None:  # fmt: skip
        """Seal rows in one transaction. keys: of entities; entity: of each row, as a place in keys; time: microseconds since
        1970, UTC; values: quantity → column, NaN = unknown, absent = not measured. now: when they count as received.
        """  # fmt: skip
        sealing = self._sealings[stream]
        register = sealing.mirror.register
        known = self._slots.get((stream, id(keys)))
        if known is None:
            known = self._slots[stream, id(keys)] = register.find(keys)
        slot = known[entity]
        kept = slot >= 0
        kept[kept] = register.simulated[slot[kept]]
        self.received.real += int(len(kept) - np.count_nonzero(kept))
        if not kept.any():
            return
        columns = np.full((len(sealing.table.quantities), np.count_nonzero(kept)), np.nan)
        for place, key in enumerate(sealing.table.quantities):
            if key in values:
                columns[place] = values[key][kept]
        words = {key: np.full(columns.shape[1], None, dtype=np.object_) for key in sealing.table.words}
        batch = Batch(self._sender, slot[kept], time[kept], columns, words)
        stored = sealing.loaded.stored
        self._runner.run(sealing.commit(batch, Path(), now))  # nothing made is set aside, so no file is written
        self.received.stored += sealing.loaded.stored - stored
        self.received.flags = sum((one.loaded.flags for one in self._sealings.values()), Counter())

    async def _load(self) -> None:
        async with self._house.pool.connection() as conn:
            for one in self._sealings.values():
                await one.mirror.register.load(conn)
