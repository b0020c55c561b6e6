# SPDX-License-Identifier: Apache-2.0
"""The alert rules of one stream, run on every group inside its transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from chengyun.city import City
from chengyun.collect.queue.settings import judged_apart, rules_apart
from chengyun.collect.registers import Named
from chengyun.lake.rows import Rows
from chengyun.operate import alert_store
from chengyun.operate.detectors import kept
from chengyun.operate.detectors.kept import Kept
from chengyun.operate.rules import RuleWatch, Transition

__all__ = ["Noticed", "Watching"]


class Noticed(NamedTuple):
    """What a group changes: alerts, runs that are not alerts yet, and what detectors have learnt."""

    transitions: Sequence[Transition]
    runs: Sequence[dict[str, Any]]
    learnt: Sequence[Kept] = ()


NOTHING = Noticed((), ())


class Watching:
    """The rules' state, as it will be when every group judged so far is committed.

    next_seq: of the stream by that time, when the state agrees with the database; None: it does not. It is apart from the
    mirror's, so that the one may be read anew, or fail to be, without the other.
    """

    def __init__(self, city: City, stream: str, zone: ZoneInfo) -> None:
        self._city, self._stream, self._zone = city, stream, zone
        self._rules = RuleWatch(city, stream, zone=zone)
        self.next_seq: int | None = None
        self._changed = False

    async def restore(self, conn: AsyncConnection[Any], next_seq: int) -> None:
        """Take the state from the database: at the start, and after another process wrote to the stream.

        next_seq: of the stream, read before the state is.
        """
        self._changed = False
        now = await alert_store.standing_rules(conn, self._city)
        shapes = await alert_store.boundaries(conn, now.rules.values())
        # Where rules are judged by processes of their own (queue/rules.py), only what they cannot judge is judged here.
        standing = {key: rule for key, rule in now.rules.items() if not (rules_apart() and judged_apart(rule))}
        rules = RuleWatch(
            self._city, self._stream, zone=self._zone, rules=standing, quiet=now.quiet, boundaries=shapes
        )  # fmt: skip
        await alert_store.load(conn, self._city, rules)
        self._rules, self.next_seq = rules, next_seq

    def forget(self) -> None:
        """Read the rules and their state anew before the next group: they have changed."""
        self._changed, self.next_seq = True, None

    def judge(self, rows: Rows, names: Mapping[int, Named], now: dt.datetime, seq_from: int) -> Noticed:
        """Say what a group changes, and take it as settled. When the group is not committed, set next_seq to None."""
        noticed = NOTHING
        if self._rules.rules:
            transitions = self._rules.judge(rows, names, now, seq_from=seq_from)
            runs = alert_store.run_rows(self._rules, names)
            self._rules.settle(transitions)
            noticed = Noticed(transitions, runs, kept.take(self._rules, seq_from + len(rows) - 1))
        self.next_seq = None if self._changed else seq_from + len(rows)
        return noticed

    async def write(self, conn: AsyncConnection[Any], noticed: Noticed) -> None:
        """Write what a group changes into its transaction."""
        await alert_store.write(conn, noticed.transitions)
        await alert_store.write_run_rows(conn, noticed.runs)
        await kept.write(conn, noticed.learnt)
