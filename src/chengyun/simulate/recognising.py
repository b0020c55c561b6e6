# SPDX-License-Identifier: Apache-2.0
"""Whether somebody who is shown similar cases sees that one of them is the very thing before them.

A resident at the report page and the clerk at the desk are shown what the search finds (cases.duplicates) and nothing else: what
it does not find they do not join. How often people look, and how often they are wrong, is this simulation's assumption.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case
from chengyun.config import Config
from chengyun.simulate.told import read_told

__all__ = ["LOOKS", "Recognising"]

LOOKS = {"resident": 0.5, "clerk": 0.8}
"""How often the similar cases are looked at."""
WRONG = 0.03
"""How often another case is taken for the same thing, where cases are shown and the thing itself is not among them."""


class Recognising:
    """Which reports told of which incident, in the order in which they came; of this run and those before it."""

    def __init__(self, config: Config) -> None:
        told = [one for one in read_told(config) if one["what"] == "report"]
        self._incident = {str(one["number"]): str(one["incident"]) for one in told}
        self._reports: dict[str, list[str]] = {}
        for number, incident in self._incident.items():
            self._reports.setdefault(incident, []).append(number)

    def note(self, number: str, incident: str) -> None:
        """Remember what a report told of."""
        self._incident[number] = incident
        self._reports.setdefault(incident, []).append(number)

    def incident_of(self, number: str) -> str:
        """Return what a report told of; "" for one of a real person."""
        return self._incident.get(number, "")

    def seen(self, who: str, incident: str, shown: Sequence[str], dice: random.Random) -> str:
        """Return the number of the case somebody takes for the same thing; "" for none. shown: numbers, the likeliest first."""
        if not shown or dice.random() >= LOOKS[who]:
            return ""
        going = set(Case.objects.filter(number__in=list(shown), ended=False, simulated=True).values_list("number", flat=True))
        own = Report.objects.filter(number__in=self._reports.get(incident, ()), case__number__in=going)
        right = own.order_by("received_at").values_list("case__number", flat=True).first()
        if right is not None:
            return right
        other = next((number for number in shown if number in going), "")
        return other if dice.random() < WRONG else ""
