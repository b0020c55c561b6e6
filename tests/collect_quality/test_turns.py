# SPDX-License-Identifier: Apache-2.0
"""A day or a register that cannot be judged fails alone, says so where its scores are, and is tried again behind the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from chengyun.collect.quality import services
from chengyun.collect.quality.checks import Outcome
from chengyun.collect.quality.models import DueDay, Score

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 21)
BAD, GOOD = "air_quality.station_5min", "air_quality.station_hour"

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Streams and registers by what is wrong with them, which a test may mend."""
    wrong: dict[str, Any] = {BAD: "SELECT 1 / 0"}

    def read_day(name: str, day: dt.date, now: dt.datetime) -> tuple[Iterator[Any], list[Outcome]]:
        if isinstance(wrong.get(name), Exception):
            raise wrong[name]
        if name in wrong:
            with connection.cursor() as cursor:
                cursor.execute(wrong[name])
        return iter([]), [Outcome("codes", "conformity", 3, 0)]

    monkeypatch.setattr(services, "read_day", read_day)
    for name in (BAD, GOOD):
        DueDay.objects.create(stream=name, day=DAY)
    return wrong


@pytest.mark.django_db(transaction=True)
def test_a_day_that_cannot_be_judged_leaves_the_others_their_turn(broken: dict[str, Any]) -> None:
    assert services.judge_due(NOW) == 1
    assert Score.objects.get(dataset=GOOD).checked == 3
    told = Score.objects.get(dataset=BAD)
    assert (told.rule, told.checked, told.day) == ("judging", 0, DAY)
    assert "zero" in told.error
    assert list(DueDay.objects.values_list("stream", "failures")) == [(BAD, 1)]
    assert services.judge_due(NOW) == 0
    broken.clear()
    assert services.judge_due(NOW) == 1
    assert list(Score.objects.filter(dataset=BAD).values_list("rule", flat=True)) == ["codes"]
    assert not DueDay.objects.exists()


def test_days_that_fail_do_not_fill_the_turn(broken: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE", 3)
    broken[BAD] = ValueError("no")
    for number in range(1, 5):
        DueDay.objects.create(stream=BAD, day=DAY + dt.timedelta(days=number))
    assert [services.judge_due(NOW) for _ in range(3)] == [0, 1, 0]
    assert set(DueDay.objects.values_list("stream", flat=True)) == {BAD}


def test_the_database_that_is_away_ends_the_turn(broken: dict[str, Any]) -> None:
    broken[BAD] = OperationalError("away")
    with pytest.raises(OperationalError):
        services.judge_due(NOW)
    assert not DueDay.objects.exclude(failures=0).exists()


def test_a_register_that_cannot_be_judged_leaves_the_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def declared(name: str) -> list[Outcome]:
        if name == "parking.lot":
            raise ValueError("no such thing")
        return [Outcome("codes", "conformity", 3, 0)]

    monkeypatch.setattr(services, "declared_outcomes", declared)
    monkeypatch.setattr(services, "_city_box", lambda shapes: (121.0, 29.0, 122.0, 30.0))
    assert services.judge_registers(NOW) == len(settings.CITY.entities) - 1
    assert Score.objects.get(dataset="parking.lot").error == "ValueError: no such thing"
    assert Score.objects.filter(rule="codes").count() == len(settings.CITY.entities) - 1
    # Mended, and nothing is left of it to judge: then nothing is left of what was said of it.
    monkeypatch.setattr(services, "declared_outcomes", lambda _name: [])
    assert services.judge_registers(NOW) == len(settings.CITY.entities)
    assert not Score.objects.filter(dataset="parking.lot").exists()
