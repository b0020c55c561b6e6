# SPDX-License-Identifier: Apache-2.0
"""A forecast of an indicator, from its making to its score: of figures as they stood, by area, as far as each may be seen."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.city import Forecast
from chengyun.operate import store
from chengyun.operate.forecasts import methods, queries, reading, services
from chengyun.operate.forecasts.models import Issue, Review
from chengyun.operate.models import Figure

pytestmark = pytest.mark.django_db
KEY = "air_quality.area_aqi_ahead"
AQI = "air_quality.area_hour_aqi"
DAYS = 30
HOURS = DAYS * 24
ZONE = dt.timezone(dt.timedelta(hours=8))


def figure(indicator: str, subject: str, start: dt.datetime, value: float | None) -> Figure:
    return Figure(
        indicator=indicator, subject=subject, area_code=subject, period_start=start, value=value, detail={}, coverage=1.0,
        quality={}, simulated=False, as_of={}, version="v", computed_at=start,
    )  # fmt: skip


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=1)


@pytest.fixture
def truth(now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Figures of two districts up to now, and the day after, which nobody knows yet: one has a daily course, one wanders."""
    monkeypatch.setattr(methods, "single", lambda seasons: {})  # what it loads takes longer than all of this
    rng = np.random.default_rng(6)
    hours = np.arange(HOURS + 24)
    made = {
        "330203": 70 + 20 * np.sin(hours / 24 * 2 * np.pi) + rng.normal(size=len(hours)),
        "330212": 100 + np.cumsum(rng.normal(size=len(hours))),
    }
    start = now - dt.timedelta(hours=HOURS)
    Figure.objects.bulk_create(
        figure(AQI, subject, start + dt.timedelta(hours=hour), float(values[hour]))
        for subject, values in made.items() for hour in range(HOURS)
    )  # fmt: skip
    return made


def test_figures_are_forecast_and_scored_and_shown_to_who_may_see_them(truth: dict[str, np.ndarray], now: dt.datetime) -> None:
    assert services.review(KEY, now).made == 2
    steady, wandering = Review.objects.get(subject="330203"), Review.objects.get(subject="330212")
    assert steady.useful
    assert steady.skill > 0
    assert not wandering.useful

    assert KEY in services.due(now)
    assert services.issue(KEY, now).made == 2
    one = Issue.objects.get(subject="330203")
    assert (one.since, one.area_code, len(one.values)) == (now, "330203", 24)
    assert one.as_of == {"figures": store.newest_id()}, "it names the state of the figures it was made from"
    assert np.allclose(one.naive, truth["330203"][HOURS - 24 : HOURS])
    assert np.abs(np.array(one.values) - truth["330203"][HOURS:]).mean() < 4

    # The truth comes as figures; one hour has none, and one is corrected before it is scored.
    came = truth["330203"][HOURS:]
    rows = [figure(AQI, "330203", now + dt.timedelta(hours=hour), float(came[hour])) for hour in range(24) if hour != 5]
    Figure.objects.bulk_create(rows)
    wrong = Figure.objects.get(indicator=AQI, subject="330203", period_start=now)
    Figure.objects.filter(pk=wrong.pk).update(value=999.0, superseded_at=now, until_id=store.newest_id() + 1)
    figure(AQI, "330203", now, float(came[0])).save()
    assert services.score(KEY, now + dt.timedelta(days=1)) == 1
    one.refresh_from_db()
    assert (one.score["count"], one.settled, one.actual[5]) == (23, False, None)
    assert one.actual[0] == pytest.approx(came[0])
    services.score(KEY, now + dt.timedelta(days=9))
    one.refresh_from_db()
    assert one.settled

    assert {row.subject for row in queries.standings(ANONYMOUS, timezone.now())} == {"330203", "330212"}
    found = queries.detail(KEY, "330203", SYSTEM, timezone.now())
    assert (found.standing.unit, found.newest) == (settings.CITY.indicators[AQI].unit, one)
    assert queries.detail(KEY, "330212", SYSTEM, timezone.now()).newest is None


def test_the_pages_lead_from_the_figure_to_its_forecast(truth: dict[str, np.ndarray], now: dt.datetime) -> None:
    services.review(KEY, now)
    services.issue(KEY, now)
    person = Account.objects.create_user("duty", password="a long enough password")
    Assignment.objects.create(
        account=person, role="duty_officer", organisation=Organisation.objects.create(key="centre", name="运行中心")
    )
    client = Client()
    client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    listing = client.get(reverse("forecasts")).content.decode()
    assert "区域 AQI 未来一天" in listing
    assert reverse("forecast", args=[KEY, "330203"]) in listing
    assert "<polygon" in client.get(reverse("forecast", args=[KEY, "330203"])).content.decode()
    page = client.get(reverse("indicator", args=[AQI]) + "?area=330203").content.decode()
    assert reverse("forecast", args=[KEY, "330203"]) in page


def test_days_begin_at_the_citys_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Forecast(
        key="day_ahead", name="日", on="area_day_aqi", step=dt.timedelta(days=1), horizon=7, seasons=(7,),
        history=dt.timedelta(days=28),
    )  # fmt: skip
    monkeypatch.setitem(settings.CITY.forecasts, "air_quality.day_ahead", ahead)
    first = dt.datetime(2026, 9, 1, tzinfo=ZONE)
    days = [first + dt.timedelta(days=day) for day in range(10)]
    Figure.objects.bulk_create(figure("air_quality.area_day_aqi", "330203", day, 40.0 + n) for n, day in enumerate(days))
    course = reading.read("air_quality.day_ahead", first, first + dt.timedelta(days=10))
    assert course.subjects == ("330203",)
    assert course.values[:, 0].tolist() == [40.0 + day for day in range(10)]
    noon = first + dt.timedelta(days=3, hours=12)
    assert reading.step_begin(ahead, noon, settings_zone()) == first + dt.timedelta(days=3)


def settings_zone() -> object:
    from chengyun.config import config

    return config().zone
