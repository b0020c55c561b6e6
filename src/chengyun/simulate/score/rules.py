# SPDX-License-Identifier: Apache-2.0
"""Alerts and quality flags against what was planted: precision and recall per rule, and what nobody noticed. Pure.

    planted ──must be said by `rules`──▶ found by an alert of that rule on one of its sensors in its time, or missed
    alert   ──rule and sensor and time──▶ true when something planted explains it (by `rules` or `also`), false otherwise

An alert on something nothing is planted for (an area, a rule no mishap names) is counted as not scored, not as right or wrong.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Alerted", "Flagged", "PlantedScore", "RuleScore", "score_flags", "score_planted", "score_rules"]

Planted = Mapping[str, Any]
"""One line of planted.jsonl, its times as datetimes."""


@dataclass(frozen=True, slots=True)
class Alerted:
    """An alert as it stands. since, until: phenomenon time of its first and last observation."""

    rule: str
    subject: str
    since: dt.datetime
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Flagged:
    """An observation that was flagged. flag: gap, stuck, spike or range."""

    stream: str
    sensor: str
    flag: str
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleScore:
    """One rule. planted: how much it should have spoken of; found: of that; alerts: how often it spoke; true: of those.

    delay_h: how long after the beginning the first alert's condition began, the middle of those found; None: none found.
    """

    rule: str
    planted: int
    found: int
    alerts: int
    true: int
    delay_h: float | None = None

    @property
    def precision(self) -> float | None:
        return self.true / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        return self.found / self.planted if self.planted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedScore:
    """All that was planted of one kind. by_alert, by_flag: found so; missed: keys of those found by nothing."""

    what: str
    kind: str
    stream: str
    planted: int
    by_alert: int
    by_flag: int
    missed: Sequence[str] = field(default=())


class _Explained:
    """What was planted, looked up by rule and sensor."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._by: dict[tuple[str, str], list[Planted]] = defaultdict(list)
        for one in planted:
            for rule in {*one["rules"], *one["also"]}:
                for sensor in one["sensors"]:
                    self._by[rule, sensor].append(one)
        self.rules = {rule for rule, _ in self._by}

    def of(self, alert: Alerted, slack: dt.timedelta) -> list[Planted]:
        """Return what explains an alert: planted on its subject, for its rule, at its time."""
        known = self._by.get((alert.rule, alert.subject), ())
        return [one for one in known if alert.since < one["until"] + slack and alert.until >= one["since"] - slack]


def score_rules(
    planted: Sequence[Planted], alerts: Sequence[Alerted], slack: Mapping[str, dt.timedelta], until: dt.datetime
) -> tuple[list[RuleScore], dict[str, int], dict[str, set[str]]]:
    """Return the score of each rule that something is planted for, the count of alerts of others, and what each rule found.

    slack: rule → how far its times reach beyond the moments they speak of: a day for a rule on days. until: what goes on then
    is not asked for.
    """
    explained = _Explained(planted)
    found: dict[str, set[str]] = defaultdict(set)
    begun: dict[tuple[str, str], dt.datetime] = {}
    spoke: dict[str, int] = defaultdict(int)
    true: dict[str, int] = defaultdict(int)
    other: dict[str, int] = defaultdict(int)
    for alert in alerts:
        if alert.rule not in explained.rules:
            other[alert.rule] += 1
            continue
        spoke[alert.rule] += 1
        reasons = explained.of(alert, slack.get(alert.rule, dt.timedelta(0)))
        true[alert.rule] += bool(reasons)
        for one in reasons:
            found[alert.rule].add(one["key"])
            begun[alert.rule, one["key"]] = min(alert.since, begun.get((alert.rule, one["key"]), alert.since))
    scores = []
    for rule in sorted(explained.rules):
        due = [one for one in planted if rule in one["rules"] and one["until"] <= until]
        heard = [one for one in due if one["key"] in found[rule]]
        late = sorted((begun[rule, one["key"]] - one["since"]) / dt.timedelta(hours=1) for one in heard)
        scores.append(
            RuleScore(
                rule=rule, planted=len(due), found=len(heard), alerts=spoke[rule], true=true[rule],
                delay_h=late[len(late) // 2] if late else None,
            )
        )  # fmt: skip
    return scores, dict(other), found


def score_planted(
    planted: Sequence[Planted], heard: Mapping[str, set[str]], flags: Sequence[Flagged], until: dt.datetime
) -> list[PlantedScore]:
    """Return for each kind of thing planted how much of it was noticed at all, by an alert or by a flag."""
    told = {key for keys in heard.values() for key in keys}
    flagged = _found_by_flag(planted, flags)
    groups: dict[tuple[str, str, str], list[Planted]] = defaultdict(list)
    for one in planted:
        if one["until"] <= until:
            groups[one["what"], one["kind"], one["stream"]].append(one)
    return [
        PlantedScore(
            what=what, kind=kind, stream=stream, planted=len(group), by_alert=sum(one["key"] in told for one in group),
            by_flag=sum(one["key"] in flagged for one in group),
            missed=[one["key"] for one in group if one["key"] not in told | flagged],
        )
        for (what, kind, stream), group in sorted(groups.items())
    ]  # fmt: skip


def score_flags(planted: Sequence[Planted], flags: Sequence[Flagged]) -> dict[str, tuple[int, int]]:
    """Return flag → (flagged observations, those at a sensor and time where anything was planted)."""
    by_sensor: dict[tuple[str, str], list[Planted]] = defaultdict(list)
    for one in planted:
        for sensor in one["sensors"]:
            by_sensor[one["stream"], sensor].append(one)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for flag in flags:
        near = by_sensor.get((flag.stream, flag.sensor), ())
        counts[flag.flag][0] += 1
        counts[flag.flag][1] += any(one["since"] <= flag.at <= one["until"] + AFTER for one in near)
    return {name: (whole, right) for name, (whole, right) in sorted(counts.items())}


AFTER = dt.timedelta(hours=3)
"""How long after its end a fault may still be seen: a gap in the next observation, a spike on the way back."""


def _found_by_flag(planted: Sequence[Planted], flags: Sequence[Flagged]) -> set[str]:
    seen: dict[tuple[str, str, str], list[dt.datetime]] = defaultdict(list)
    for flag in flags:
        seen[flag.stream, flag.sensor, flag.flag].append(flag.at)
    return {
        one["key"]
        for one in planted
        if one.get("flag")
        for sensor in one["sensors"]
        if any(one["since"] <= at <= one["until"] + AFTER for at in seen.get((one["stream"], sensor, one["flag"]), ()))
    }
