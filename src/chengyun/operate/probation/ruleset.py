# SPDX-License-Identifier: Apache-2.0
"""Every alert rule there is, declared by a pack or filed by the city, for processes with Django; read again when one has changed.

    standing_now    which rules are judged now, and which of them only counted
    rule_named      one rule by its key, as it was known at a moment
    rules_known     every rule an alert may name: also those that are no longer judged, whose alerts are still there

Whoever reads what alerts say asks here: `city.alerts` has only what packs declare. Who asks for many takes the rulebook once.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from chengyun.city import AlertRule, City
from chengyun.errors import Problem
from chengyun.operate.probation.files import read_rule
from chengyun.operate.probation.standing import ROWS, STAMP, Standing, standing

__all__ = ["Rulebook", "rule_named", "rulebook", "rules_known", "standing_now"]

TEXTS = """
SELECT filed.key, step.at, step.text,
       EXISTS (SELECT FROM probation_rulestep AS other WHERE other.rule_id = filed.id AND other.after = 'live') AS heard
FROM probation_rulestep AS step JOIN probation_filedrule AS filed ON filed.id = step.rule_id
WHERE step.text <> '' AND NOT filed.declared
ORDER BY filed.key, step.at, step.id
"""


@dataclass(frozen=True)
class _Texts:
    """What one filed rule said, oldest first: since: from when on; rules: None where the text no longer fits the packs.

    heard: whether it has ever been live, so that alerts of it may be there.
    """

    since: Sequence[dt.datetime]
    rules: Sequence[AlertRule | None]
    heard: bool

    def at(self, moment: dt.datetime | None) -> AlertRule | None:
        place = len(self.since) if moment is None else bisect_right(self.since, moment)
        # No alert is older than its rule: where clocks say so, the first text is the one that spoke.
        return self.rules[max(0, place - 1)]


@dataclass(frozen=True)
class Rulebook:
    """The rules as they stand, and what they said before. stamp: another one once a filed rule has changed."""

    stamp: object
    standing: Standing
    _declared: Mapping[str, AlertRule]
    _filed: Mapping[str, _Texts]

    def named(self, key: str, at: dt.datetime | None = None) -> AlertRule | None:
        """Return a rule by its qualified key; None for one that nobody declared or filed.

        at: as it was filed then; None: as it is filed now. What a pack declares is as the program has it.
        """
        if declared := self._declared.get(key):
            return declared
        texts = self._filed.get(key)
        return texts.at(at) if texts is not None else None

    def name(self, key: str, at: dt.datetime | None = None) -> str:
        """Return what a rule is called; its key where nobody knows it any more."""
        rule = self.named(key, at)
        return rule.name if rule is not None else key

    @property
    def known(self) -> dict[str, AlertRule]:
        """Return every rule an alert may name, by qualified key: declared, or filed and once live, whatever became of it."""
        filed = {key: rule for key, one in self._filed.items() if one.heard and (rule := one.at(None)) is not None}
        return {**self._declared, **filed}


_kept: Rulebook | None = None


def rulebook(city: City | None = None) -> Rulebook:
    """Return the rules as they stand in the database; one query where nothing has changed."""
    global _kept
    city = city or settings.CITY
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        stamp = (id(city), connection.settings_dict["NAME"], cursor.fetchone())
        kept = _kept
        if kept is None or kept.stamp != stamp:
            cursor.execute(ROWS)
            stands = standing(city, cursor.fetchall())
            cursor.execute(TEXTS)
            kept = _kept = Rulebook(stamp, stands, city.alerts, _texts(city, cursor.fetchall()))
    return kept


def standing_now(city: City | None = None) -> Standing:
    """Return which rules are judged and which of them only counted."""
    return rulebook(city).standing


def rule_named(key: str, at: dt.datetime | None = None) -> AlertRule | None:
    """Return a rule by its qualified key, as it was known at a moment; see Rulebook.named."""
    city: City = settings.CITY
    return city.alerts.get(key) or rulebook(city).named(key, at)


def rules_known(city: City | None = None) -> dict[str, AlertRule]:
    """Return every rule an alert may name; see Rulebook.known."""
    return rulebook(city).known


def _texts(city: City, rows: Sequence[tuple[str, dt.datetime, str, bool]]) -> dict[str, _Texts]:
    others = frozenset(key for key, *_ in rows)
    by_key: dict[str, list[tuple[dt.datetime, AlertRule | None, bool]]] = {}
    for key, since, text, heard in rows:
        by_key.setdefault(key, []).append((since, _read(text, city, others), heard))
    return {
        key: _Texts([since for since, _, _ in told], [rule for _, rule, _ in told], told[-1][2]) for key, told in by_key.items()
    }


def _read(text: str, city: City, others: frozenset[str]) -> AlertRule | None:
    try:
        return read_rule(text, city, others).rule
    except Problem:
        return None
