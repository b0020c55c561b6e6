# SPDX-License-Identifier: Apache-2.0
"""Decisions nobody took, judged as those somebody took: how often are they said to have worked?

Places and a first day are drawn, of every indicator that has daily figures of enough places, and nothing is done there. What is
judged are the figures the city computed, by the code that judges a real expectation. A verdict that there was an effect is false,
and an interval should hold nought. Treated places are drawn by chance, so that what befell some of them (a burst main, a
broken sensor) is the noise a real judgement has to live with.
"""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Count, F
from django.db.models.functions import TruncDate

from chengyun.access.actors import SYSTEM
from chengyun.city import City
from chengyun.errors import Refused
from chengyun.govern.decisions.evaluating import judged
from chengyun.govern.decisions.models import Expectation
from chengyun.govern.decisions.reading import newest_figure
from chengyun.operate.models import Figure
from chengyun.standards.times import day_bounds

__all__ = ["PlaceboScore", "drawn", "score_placebos", "told_together"]

COMPANY = 25
"""Places of one placebo, at most: more make it slower and no harder."""
LEAST_PLACES = {"differences": 7, "synthetic": 20}
LEAST_BEFORE, LEAST_AFTER = 12, 2
WHOLE = 0.9
"""Of the days, a place must have figures of so many to be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboScore:
    """Placebos of one indicator by one method. drawn: how many; refused: reason → how many got no verdict for it; flagged: were
    said to have had an effect; covered: of those with a verdict, whose interval holds nought."""

    indicator: str
    method: str
    drawn: int
    flagged: int
    covered: int
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def told(self) -> int:
        return self.drawn - sum(self.refused.values())


def told_together(scores: Sequence[PlaceboScore], method: str) -> PlaceboScore:
    """Return the placebos of a method over all indicators as one."""
    mine = [one for one in scores if one.method == method]
    refused = sum((Counter(one.refused) for one in mine), Counter[str]())
    return PlaceboScore(
        indicator="", method=method, drawn=sum(one.drawn for one in mine), flagged=sum(one.flagged for one in mine),
        covered=sum(one.covered for one in mine), refused=dict(refused),
    )  # fmt: skip


def score_placebos(
    city: City, since: dt.datetime, until: dt.datetime, zone: ZoneInfo, seed: int, count: int
) -> list[PlaceboScore]:  # fmt: skip
    """Judge so many placebos of each indicator and method over the whole local days between two moments."""
    first = since.astimezone(zone).date()
    first += dt.timedelta(days=day_bounds(first, zone)[0] < since)
    last = until.astimezone(zone).date() - dt.timedelta(days=1)
    found = []
    for indicator in sorted(city.indicators):
        if city.indicators[indicator].period not in ("hour", "day"):
            continue
        places = _places(indicator, first, last, zone)
        for method, least in LEAST_PLACES.items():
            if len(places) >= least and (last - first).days + 1 >= LEAST_BEFORE + LEAST_AFTER:
                found.append(_judged(indicator, method, places, first, last, seed, count))
    return found


def drawn(
    places: Sequence[str], indicator: str, method: str, first: dt.date, last: dt.date, seed: int, number: int
) -> tuple[Expectation, dt.date]:  # fmt: skip
    """Return an expectation of nothing and its first day. The same call returns the same."""
    chance = np.random.default_rng([seed, number, zlib.crc32(f"{indicator} {method}".encode())])
    company = [places[place] for place in chance.permutation(len(places))[:COMPANY].tolist()]
    # Fewer than two of seven, or one of twenty, could never be told from chance at 5 %.
    least = 1 if len(company) >= LEAST_PLACES["synthetic"] else 2
    treated = int(chance.integers(least, max(least, len(company) // 5), endpoint=True))
    days = (last - first).days + 1
    starts_on = first + dt.timedelta(days=int(chance.integers(LEAST_BEFORE, days - LEAST_AFTER, endpoint=True)))
    expected = Expectation(
        indicator=indicator, method=method, since=first, by=last, treated=sorted(company[:treated]),
        others=sorted(company[treated:]), direction=str(chance.choice(Expectation.Direction.values)),
    )  # fmt: skip
    return expected, starts_on


def _judged(
    indicator: str, method: str, places: Sequence[str], first: dt.date, last: dt.date, seed: int, count: int
) -> PlaceboScore:  # fmt: skip
    figure = newest_figure(indicator)
    refused: Counter[str] = Counter()
    flagged = covered = 0
    for number in range(count):
        expected, starts_on = drawn(places, indicator, method, first, last, seed, number)
        try:
            _, told = judged(expected, starts_on, last, figure, SYSTEM, seed + number)
        except Refused as wrong:
            refused[wrong.code] += 1
            continue
        if told["state"] == "refused":
            refused[told["reasons"][0]] += 1
            continue
        flagged += told["state"] in ("as_expected", "opposite")
        covered += told["low"] <= 0 <= told["high"]
    return PlaceboScore(
        indicator=indicator, method=method, drawn=count, flagged=flagged, covered=covered, refused=dict(sorted(refused.items()))
    )


def _places(indicator: str, first: dt.date, last: dt.date, zone: ZoneInfo) -> list[str]:
    """Return the subjects of an indicator that may be compared with each other and have figures of nearly every day."""
    days = (last - first).days + 1
    rows = (
        Figure.objects.filter(indicator=indicator, superseded_at=None, value__isnull=False)
        .filter(period_start__gte=day_bounds(first, zone)[0], period_start__lt=day_bounds(last, zone)[1])
        .order_by().values("subject").annotate(days=Count(TruncDate(F("period_start"), tzinfo=zone), distinct=True))
        .filter(days__gte=math.ceil(WHOLE * days))
    )  # fmt: skip
    # Areas are compared with those of their own level, told by the length of the code; the city is none of its districts.
    leagues: defaultdict[int, list[str]] = defaultdict(list)
    for subject in rows.values_list("subject", flat=True):
        if not (subject.isdigit() and len(subject) == 6 and subject.endswith("00")):
            leagues[len(subject) if subject.isdigit() else 0].append(subject)
    return sorted(leagues[max(leagues, key=lambda one: len(leagues[one]))]) if leagues else []
