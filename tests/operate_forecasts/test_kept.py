# SPDX-License-Identifier: Apache-2.0
"""A forecast from its making to its score: kept with its time and the state of the data, shown only where it is any good."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.errors import NotFound
from chengyun.operate.forecasts import methods, queries, services
from chengyun.operate.forecasts.models import Issue, Review

KEY = "air_quality.pm25_ahead"
START = dt.datetime(2026, 9, 1, 16, tzinfo=dt.UTC)
DAYS = 30
NOW = START + dt.timedelta(days=DAYS)
HOURS = DAYS * 24


@pytest.fixture
def truth(stations, put, monkeypatch) -> dict[str, np.ndarray]:
    """Days and one more, which is not there yet: A can be forecast, B wanders, C has a week."""
    monkeypatch.setattr(methods, "single", lambda seasons: {})  # what it loads takes longer than all of this
    rng = np.random.default_rng(6)
    hours = np.arange(HOURS + 24)
    away = np.zeros(len(hours))
    for hour in range(1, len(hours)):
        away[hour] = 0.5 * away[hour - 1] + 2.0 * rng.normal()
    made = {
        "A": 60 + 15 * np.sin(hours / 24 * 2 * np.pi) + away,
        "B": 100 + np.cumsum(rng.normal(size=len(hours))),
        "C": 40 + rng.normal(size=len(hours)),
    }
    for key, first in (("A", 0), ("B", 0), ("C", HOURS - 7 * 24)):
        put(key, START + dt.timedelta(hours=first), made[key][first:HOURS])
    return made


def test_from_its_making_to_its_score(truth, put):
    done = services.review(KEY, NOW)
    assert (done.made, done.useful) == (2, 1)
    a, b = Review.objects.get(subject="A"), Review.objects.get(subject="B")
    assert (a.useful, a.method, a.until) == (True, "pooled", NOW)
    assert a.skill > 0
    assert not b.useful
    assert "last_value" in b.because

    assert KEY in services.due(NOW)
    made = services.issue(KEY, NOW)
    assert (made.made, made.useful) == (2, 1)
    assert services.issue(KEY, NOW).made == 2
    assert Issue.objects.count() == 2  # the same steps are said once
    assert KEY not in services.due(NOW)
    one = Issue.objects.get(subject="A")
    assert (one.since, one.made_at, one.area_code, len(one.values)) == (NOW, NOW, "330203001001", 24)
    assert one.as_of["air_quality.station_hour"] > 0
    bands = np.array([one.low, one.low_half, one.values, one.high_half, one.high])
    assert (np.diff(bands, axis=0) >= 0).all()
    assert np.allclose(one.naive, truth["A"][HOURS - 24 : HOURS])

    came = truth["A"][HOURS:].copy()
    came[5] = np.nan
    put("A", NOW, came[:12])
    assert services.score(KEY, NOW + dt.timedelta(hours=12)) == 1
    one.refresh_from_db()
    assert (one.score["count"], one.settled, one.actual[5]) == (11, False, None)
    put("A", NOW + dt.timedelta(hours=12), came[12:])
    services.score(KEY, NOW + dt.timedelta(days=8))
    one.refresh_from_db()
    assert one.settled
    known = ~np.isnan(came)
    assert one.score["error"] == pytest.approx(np.abs(came - one.values)[known].sum())
    assert one.score["naive_error"] == pytest.approx(np.abs(came - truth["A"][HOURS - 24 : HOURS])[known].sum())
    assert one.score["inside"] == int(((came >= one.low) & (came <= one.high))[known].sum())
    assert services.score(KEY, NOW + dt.timedelta(days=8)) == 0

    later = NOW + dt.timedelta(days=1)
    found = {row.subject: row for row in queries.standings(SYSTEM, later)}
    assert set(found) == {"A", "B"}
    assert found["A"].useful
    assert not found["B"].useful
    assert queries.detail(KEY, "A", SYSTEM, later).newest == one
    hidden = queries.detail(KEY, "B", SYSTEM, later)
    assert hidden.newest is None
    assert [row.ahead for row in queries.detail(KEY, "A", SYSTEM, later).horizons][:2] == [
        dt.timedelta(hours=1), dt.timedelta(hours=2),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        queries.detail(KEY, "C", SYSTEM, later)
    with pytest.raises(NotFound):
        queries.detail("air_quality.nothing", "A", SYSTEM, later)
    assert {row.subject for row in queries.standings(ANONYMOUS, later)} == {"A", "B"}  # the air is open data

    assert services.forget(NOW + dt.timedelta(days=30)) == 2
    assert Review.objects.count() == 2


def test_each_interval_is_as_wide_as_its_own_past_asks_for(truth):
    services.review(KEY, NOW)
    review = Review.objects.get(subject="A")
    low, high = np.array(review.low), np.array(review.high)
    low_half, high_half = np.array(review.low_half), np.array(review.high_half)
    values = np.full(24, 60.0)
    # The interval of nine in ten is just wide enough; that of five in ten held three in ten.
    middle, side = (high_half + low_half) / 2, (high_half - low_half) / 2
    for day in range(1, 9):
        came = np.where(np.arange(24) % 10 < 3, values + (low + high) / 2, values + middle + 1.5 * side)
        if day == 1:
            came = values + high
        since = NOW - dt.timedelta(days=day)
        Issue.objects.create(
            forecast=KEY, subject="A", review=review, since=since, made_at=since, as_of={}, step_s=3600, values=list(values),
            naive=list(values), low=list(values + low), high=list(values + high), low_half=list(values + low_half),
            high_half=list(values + high_half), actual=list(came), settled=True, score={"count": 24},
        )  # fmt: skip
    services.issue(KEY, NOW)
    one = Issue.objects.get(subject="A", since=NOW)
    assert one.widened_half == pytest.approx(1.5)
    assert one.widened == pytest.approx(1.0)
    told = np.array(one.values)
    assert np.allclose((np.array(one.high_half) - one.low_half) / 2, 1.5 * side)
    assert np.allclose((np.array(one.high_half) + one.low_half) / 2, told + middle)
    assert (np.diff([one.low, one.low_half, one.high_half, one.high], axis=0) >= 0).all()
    # Where too little has been scored they are as their review says.
    assert (Issue.objects.get(subject="B").widened, Issue.objects.get(subject="B").widened_half) == (1.0, 1.0)


def test_the_pages_show_a_forecast_only_where_it_is_one(truth):
    services.review(KEY, NOW)
    services.issue(KEY, NOW)
    # Pages look back from the real clock.
    shift = dt.datetime.now(dt.UTC) - NOW
    for one in Issue.objects.all():
        Issue.objects.filter(pk=one.pk).update(since=one.since + shift, made_at=one.made_at + shift)
    organisation = Organisation.objects.create(key="centre", name="运行中心")
    person = Account.objects.create_user("duty", password="a long enough password")
    Assignment.objects.create(account=person, role="duty_officer", organisation=organisation)
    client = Client()
    stranger = Client().get(reverse("forecasts"))
    assert stranger.status_code in (302, 404)
    client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    listing = client.get(reverse("forecasts")).content.decode()
    assert [word in listing for word in ("A 站", "B 站", "不作预测展示")] == [True] * 3
    # What decides is the better yardstick; beside it a forecast that is not shown never looks like a gain.
    rows = {one.split("</a>")[0].rpartition(">")[2]: one for one in listing.split("<tr>") if "</a>" in one}
    for review in Review.objects.all():
        errors = {name: one["mae"] for name, one in review.table.items()}
        plain = min(error for name, error in errors.items() if name.startswith(("last_value", "season_before")))
        margin = 1 - errors[review.method] / plain
        assert f"{margin * 100:.1f} %" in rows[f"{review.subject} 站"]
        assert (margin > 0) == review.useful
    good = client.get(reverse("forecast", args=[KEY, "A"])).content.decode()
    assert [word in good for word in ("<polygon", "各步的数值")] == [True] * 2
    bad = client.get(reverse("forecast", args=[KEY, "B"])).content.decode()
    assert [word in bad for word in ("<polygon", "各步的数值", "因此不展示预测值")] == [False, False, True]
    assert client.get(reverse("forecast", args=[KEY, "Z"])).status_code == 404
