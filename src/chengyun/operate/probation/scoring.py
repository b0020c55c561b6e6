# SPDX-License-Identifier: Apache-2.0
"""How right a rule was: its alerts against what really was. Pure arithmetic; every number a page shows of a rule comes from here.

alert is right     something true lies at the same place, at most before_h after its end and after_h before its beginning
truth is found     some alert is right by it
precision          right alerts of all         recall    found truths of all
worst span         most false alarms in any `per_days` days, by when they were raised
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chengyun.operate.probation.files import Budget

__all__ = ["Real", "Said", "Score", "Verdict", "judge", "score", "worst_span"]


class Said(NamedTuple):
    """An alert that was, or would have been. place: what it must have in common with the truth. ended: None: it goes on."""

    place: str
    raised: dt.datetime
    ended: dt.datetime | None


class Real(NamedTuple):
    """Something that really was. places: where; since, until: when, the same where it is a moment. due: whether a rule should
    have spoken of it; one it may speak of without being wrong is none it can miss."""

    places: frozenset[str]
    since: dt.datetime
    until: dt.datetime
    due: bool = True


class Verdict(NamedTuple):
    """right: by alert. found: by truth."""

    right: list[bool]
    found: list[bool]


class Score(NamedTuple):
    """true_alerts to found: None where there is nothing to measure by. worst: false alarms in the worst span; where there is
    nothing to measure by, every alert counts."""

    alerts: int
    true_alerts: int | None
    false_alarms: int | None
    truths: int | None
    found: int | None
    worst: int
    cost_fen: int
    inside: bool

    @property
    def precision(self) -> float | None:
        return self.true_alerts / self.alerts if self.alerts and self.true_alerts is not None else None

    @property
    def recall(self) -> float | None:
        return self.found / self.truths if self.truths and self.found is not None else None

    @property
    def cost_per_true_fen(self) -> float | None:
        return self.cost_fen / self.true_alerts if self.true_alerts else None


def judge(said: Sequence[Said], real: Sequence[Real], before: dt.timedelta, after: dt.timedelta, end: dt.datetime) -> Verdict:
    """Say which alerts were right and which truths were found. end: when the time looked at ends."""
    by_place: dict[str, list[tuple[dt.datetime, int]]] = defaultdict(list)
    longest = max((one.until - one.since for one in real), default=dt.timedelta())
    for number, truth in enumerate(real):
        for place in truth.places:
            by_place[place].append((truth.since, number))
    for known in by_place.values():
        known.sort()
    right, found = [False] * len(said), [False] * len(real)
    for nth, one in enumerate(said):
        near = by_place.get(one.place, [])
        first = bisect.bisect_left(near, (one.raised - after - longest, -1))
        last = bisect.bisect_right(near, ((one.ended or end) + before, len(real)))
        for _since, number in near[first:last]:
            if real[number].until >= one.raised - after:
                right[nth] = found[number] = True
    return Verdict(right, found)


def worst_span(moments: Iterable[dt.datetime], days: int) -> int:
    """Return the most of these moments in any span of so many days, [t, t + days)."""
    ordered = sorted(moments)
    most = first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= dt.timedelta(days=days):
            first += 1
        most = max(most, last - first + 1)
    return most


def score(said: Sequence[Said], verdict: Verdict | None, budget: Budget) -> Score:
    """Return a rule's score. verdict: None: there is nothing to measure by, and every alert counts as one that may be false."""
    if verdict is None:
        worst = worst_span((one.raised for one in said), budget.per_days)
        return Score(
            len(said), None, None, None, None, worst, len(said) * budget.cost_fen,
            worst <= budget.false_alarms and budget.min_precision == 0,
        )  # fmt: skip
    right = sum(verdict.right)
    worst = worst_span((one.raised for one, true in zip(said, verdict.right, strict=True) if not true), budget.per_days)
    precise = not said or right / len(said) >= budget.min_precision
    return Score(
        len(said), right, len(said) - right, len(verdict.found), sum(verdict.found), worst, len(said) * budget.cost_fen,
        worst <= budget.false_alarms and precise,
    )  # fmt: skip
