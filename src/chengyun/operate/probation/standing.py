# SPDX-License-Identifier: Apache-2.0
"""Which rules are judged now: those the packs declare and those filed and trusted. No Django: the ingest process asks too.

declared, no file      live                   filed, draft or tested    not judged
declared, with a file  live until the file is on probation              filed, live               judged, raises alerts
probation, demoted     judged, counted, told to nobody
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chengyun.city import AlertRule, City
from chengyun.errors import Problem
from chengyun.operate.probation.files import read_rule

__all__ = ["JUDGED", "ROWS", "STAMP", "Standing", "standing"]

QUIET = ("probation", "demoted")
JUDGED = ("live", *QUIET)
ROWS = "SELECT key, state, declared, text FROM probation_filedrule ORDER BY key"
STAMP = "SELECT count(*), md5(string_agg(key || state || version, ',' ORDER BY key)) FROM probation_filedrule"

log = logging.getLogger("chengyun.operate")


@dataclass(frozen=True)
class Standing:
    """rules: every rule that is judged, by qualified key. quiet: keys of those that are only counted."""

    rules: Mapping[str, AlertRule]
    quiet: frozenset[str] = frozenset()

    @property
    def heard(self) -> dict[str, AlertRule]:
        """Return the rules whose alerts people hear of."""
        return {key: rule for key, rule in self.rules.items() if key not in self.quiet}


def standing(city: City, rows: Iterable[tuple[str, str, bool, str]]) -> Standing:
    """Return what follows from the filed rules. rows: as ROWS gives them. A file that no longer fits the packs is left out."""
    rules, quiet = dict(city.alerts), set()
    filed = list(rows)
    others = frozenset(key for key, *_ in filed)
    for key, state, declared, text in filed:
        if state not in JUDGED:
            if declared and state == "withdrawn":
                rules.pop(key, None)
            continue
        if not declared:
            try:
                rules[key] = read_rule(text, city, others).rule
            except Problem as problem:
                log.warning("the filed rule %s is not judged: %s", key, problem.sentence)
                continue
        if state in QUIET:
            quiet.add(key)
    return Standing(rules, frozenset(quiet))
