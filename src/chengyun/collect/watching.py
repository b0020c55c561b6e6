# SPDX-License-Identifier: Apache-2.0
"""The alert rules of one stream, run on every group inside its transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from chengyun.city import City
from chengyun.collect.registers import Named
from chengyun.lake.rows import Rows
from chengyun.operate import alert_store
from chengyun.operate.rules import RuleWatch, Transition

__all__ = ["Watching"]


class Watching:
    """The rules' state between groups. `watch` looks and writes, `settle` makes it the state after the commit.

    next_seq: of the stream when the state last agreed with the database; None: never. It is apart from the mirror's, so
    that the one may be read anew, or fail to be, without the other.
    """

    def __init__(self, city: City, stream: str, zone: ZoneInfo) -> None:
        self._city, self._stream, self._zone = city, stream, zone
        self._rules = RuleWatch(city, stream, zone=zone)
        self.next_seq: int | None = None

    async def restore(self, conn: AsyncConnection[Any], next_seq: int) -> None:
        """Take the state from the database: at the start, and after another process wrote to the stream.

        next_seq: of the stream, read before the state is.
        """
        rules = RuleWatch(self._city, self._stream, zone=self._zone)
        await alert_store.load(conn, self._city, rules)
        self._rules, self.next_seq = rules, next_seq

    async def watch(
        self, conn: AsyncConnection[Any], rows: Rows, names: Mapping[int, Named], now: dt.datetime, seq_from: int
    ) -> Sequence[Transition]:
        """Judge a group and write what it changes into the caller's transaction."""
        if not self._rules.rules:
            return ()
        transitions = self._rules.judge(rows, names, now, seq_from=seq_from)
        await alert_store.write(conn, transitions)
        await alert_store.write_runs(conn, self._rules, names)
        return transitions

    def settle(self, transitions: Sequence[Transition], next_seq: int) -> None:
        self._rules.settle(transitions)
        self.next_seq = next_seq
