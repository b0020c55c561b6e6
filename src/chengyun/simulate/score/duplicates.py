# SPDX-License-Identifier: Apache-2.0
"""Which reports of something that had been told before became one case with the first, through whom, and why others did not.

    due     a report of an incident that was told of before, while that report's case was still open. Where the case had ended a
            new one is right: it is counted as `ended` and not asked for.
    found   it is in one case with an earlier report of the same incident, in the end: joined by the program, by the reporter who
            saw it at the page, or by a clerk who merged
    missed  any other that was due: the search had shown the case and nobody took it (`shown`), or had not shown it (`not_shown`)
    wrong   a report in one case with earlier reports, none of which tells of its incident; by who joined it

Pure.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["DuplicateScore", "Filed", "score_duplicates"]

WHO = ("program", "reporter", "clerk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A report as the tables have it. first, case: numbers of the case it came into, and of the one it is part of in the end.

    by: who joined it when it was filed; "" for nobody. shown: case → its score, of those that the search found.
    """

    number: str
    received_at: dt.datetime
    first: str
    case: str
    by: str = ""
    shown: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateScore:
    """due, ended: as above. right, wrong: who joined → how many. shown: of the due, how often the search had the case among what
    it showed, and first of it. missed: report → reason."""

    due: int
    ended: int
    right: Mapping[str, int]
    wrong: Mapping[str, int]
    shown: int
    first: int
    missed: Mapping[str, str]

    @property
    def found(self) -> int:
        return sum(self.right.values())

    @property
    def precision(self) -> float | None:
        joined = self.found + sum(self.wrong.values())
        return self.found / joined if joined else None

    @property
    def recall(self) -> float | None:
        return self.found / self.due if self.due else None


def score_duplicates(
    reports: Sequence[Filed], incident_of: Mapping[str, str], ended_at: Mapping[str, dt.datetime]
) -> DuplicateScore:  # fmt: skip
    """Compare. incident_of: report → incident. ended_at: case → when it ended, of those that have."""
    told: dict[str, list[Filed]] = defaultdict(list)
    inside: dict[str, list[Filed]] = defaultdict(list)
    right, wrong, missed = Counter[str](), Counter[str](), dict[str, str]()
    due = ended = shown = first = 0
    for one in sorted(reports, key=lambda one: (one.received_at, one.number)):
        incident = incident_of.get(one.number)
        if incident is None:
            continue
        earlier, company = told[incident], inside[one.case]
        together = any(incident_of[other.number] == incident for other in company)
        going = [other for other in earlier if ended_at.get(other.case, one.received_at) >= one.received_at]
        if together:
            right[one.by or "clerk"] += 1
        elif company:
            wrong[one.by or "clerk"] += 1
        if together or going:
            due += 1
            seen = [case for other in going for case in (other.first, other.case) if case in one.shown]
            best = max(one.shown.values(), default=0.0)
            shown += bool(seen)
            first += any(one.shown[case] == best for case in seen)
            if not together:
                missed[one.number] = "shown" if seen else "not_shown"
        elif earlier:
            ended += 1
        told[incident].append(one)
        inside[one.case].append(one)
    return DuplicateScore(
        due=due, ended=ended, right={who: right[who] for who in WHO}, wrong={who: wrong[who] for who in WHO}, shown=shown,
        first=first, missed=missed,
    )  # fmt: skip
