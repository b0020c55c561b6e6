# SPDX-License-Identifier: Apache-2.0
"""Decisions nobody took are not said to have worked, and forecasts of a past hold what they promise: by the code that is real."""

from __future__ import annotations

import copy
import datetime as dt

import numpy as np
import pytest
from django.conf import settings
from django.db.models import F

from chengyun.access.actors import SYSTEM
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.forecasts.queries import standings
from chengyun.operate.forecasts.scoring import Tally
from chengyun.operate.models import Figure
from chengyun.simulate.foretelling import foretell
from chengyun.simulate.score.placebos import drawn, score_placebos, told_together
from chengyun.standards.times import day_bounds

from .conftest import BEGINS

TANKS, AIR, AHEAD = "water_supply.tank_level_day", "air_quality.area_hour_aqi", "air_quality.area_aqi_ahead"
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def kept(indicator: str, step: dt.timedelta, values: np.ndarray, subjects: list[str]) -> None:
    """Put figures of (steps, subjects) down as if they had been computed."""
    Figure.objects.bulk_create(
        Figure(
            indicator=indicator, subject=subject, area_code=subject[:12], period_start=BEGINS + at * step, value=float(value),
            detail={}, coverage=1.0, simulated=True, quality={}, as_of={}, version="test", computed_at=BEGINS + (at + 1) * step,
        )
        for at, row in enumerate(values) for subject, value in zip(subjects, row, strict=True)
    )  # fmt: skip


def noise(draw: np.random.Generator, steps: int, subjects: int) -> np.ndarray:
    """Return noise that remembers what was before."""
    found = draw.normal(size=(steps, subjects))
    for step in range(1, steps):
        found[step] += 0.5 * found[step - 1]
    return found


def test_decisions_nobody_took_are_seldom_said_to_have_worked(db) -> None:
    draw = np.random.default_rng(7)
    tanks = [f"w-tank-{number:03}" for number in range(30)]
    kept(TANKS, DAY, 3 + draw.normal(size=30) + draw.normal(size=(30, 1)) + noise(draw, 30, 30), tanks)
    found = score_placebos(settings.CITY, BEGINS, BEGINS + 30 * DAY, config().zone, 1, 20)
    assert [(one.indicator, one.method, one.drawn) for one in found] == [(TANKS, "differences", 20), (TANKS, "synthetic", 20)]
    for one in found:
        assert one.told >= 14, one.refused
        assert one.flagged <= 0.05 * one.drawn
        assert one.covered >= 0.90 * one.told
    assert told_together(found, "synthetic").covered == found[1].covered
    # Who is treated and from when on follows from the seed alone; nobody is both treated and compared with.
    first, last = BEGINS.astimezone(config().zone).date(), dt.date(2026, 10, 30)
    expected, starts_on = drawn(tanks, TANKS, "synthetic", first, last, 1, 3)
    again, _ = drawn(tanks, TANKS, "synthetic", first, last, 1, 3)
    assert (expected.treated, expected.others) == (again.treated, again.others)
    assert not set(expected.treated) & set(expected.others)
    assert first + 12 * DAY <= starts_on <= last - DAY

    # An effect that is there is found in the very same way.
    expected, starts_on = drawn(tanks, TANKS, "differences", first, last, 1, 0)
    day = day_bounds(starts_on, config().zone)[0]
    moved = Figure.objects.filter(indicator=TANKS, subject__in=expected.treated, period_start__gte=day)
    assert moved.update(value=F("value") + 9) > 0
    [effect, _] = score_placebos(settings.CITY, BEGINS, BEGINS + 30 * DAY, config().zone, 1, 1)
    assert (effect.flagged, effect.covered) == (1, 0)


def test_forecasts_of_a_past_hold_the_truth_as_often_as_they_say(db) -> None:
    draw = np.random.default_rng(3)
    hours = np.arange(24 * 24)[:, None]
    areas = ["330203", "330212", "330206"]
    kept(AIR, HOUR, 80 + 25 * np.sin(hours / 24 * 2 * np.pi) + 6 * noise(draw, len(hours), 3), areas)
    until = BEGINS + 24 * DAY
    city = copy.copy(settings.CITY)
    city.forecasts = {key: one for key, one in city.forecasts.items() if key == AHEAD}
    made = foretell(city, BEGINS, until, DAY)
    assert made[AHEAD] >= 3 * 10
    told = [one.tally for one in standings(SYSTEM, until, AHEAD)]
    whole = Tally()
    for one in told:
        whole = whole.plus(one)
    assert whole.count > 600
    assert whole.covered is not None
    assert 0.86 <= whole.covered <= 0.98
    assert whole.skill is not None
    assert whole.skill > 0
    with pytest.raises(Refused, match="made here already"):
        foretell(city, BEGINS, until, DAY)
