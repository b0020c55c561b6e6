# SPDX-License-Identifier: Apache-2.0
"""A small city for pages: areas, stations with newest observations, figures, an alert and a case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from chengyun.access.models import Account, Assignment
from chengyun.areas.models import Area, TreeVersion
from chengyun.lake.services import ensure_tables
from chengyun.operate.models import Alert, Figure
from chengyun.web import cache

BOX = [[[121.3, 29.7], [121.7, 29.7], [121.7, 30.0], [121.3, 30.0], [121.3, 29.7]]]


@dataclass
class SmallCity:
    """now: a whole hour. grow(count): so many stations more, each with its figures."""

    now: dt.datetime
    grow: Callable[[int], None]


@pytest.fixture
def city(db) -> Iterator[SmallCity]:
    """Two districts, two stations, figures of the last two hours and days, one alert."""
    ensure_tables()
    cache.forget_all()
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for code, level, name, english, parent in (
        ("330200", "city", "宁波市", "Ningbo", ""),
        ("330203", "district", "海曙区", "Haishu", "330200"),
        ("330212", "district", "鄞州区", "Yinzhou", "330200"),
    ):
        Area.objects.create(
            code=code, level=level, name=name, name_en=english, parent_code=parent, valid_from=dt.date(2016, 1, 1), lon=121.5,
            lat=29.85, source="test", outline={"type": "Polygon", "coordinates": BOX}, boundary=b"",
        )  # fmt: skip
        _figures("air_quality.area_hour_aqi", code, now, 60.0)
    TreeVersion.objects.create()
    made = 0

    def grow(count: int) -> None:
        nonlocal made
        for number in range(made, made + count):
            _station(number, now)
        made += count

    grow(2)
    Alert.objects.create(
        rule="air_quality.pm25_rising", dataset="air_quality.station_5min", subject="S0", subject_name="站 0", area_code="330203",
        severity="orange", value=163.0, limit=150.0, since=now, last_seen_at=now, opened_at=now, evidence={},
    )  # fmt: skip
    yield SmallCity(now, grow)
    cache.forget_all()
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA lake CASCADE")


def _station(number: int, now: dt.datetime) -> None:
    key = f"S{number}"
    code = ("330203", "330212")[number % 2]
    row = apps.get_model("air_quality", "Station").objects.create(
        key=key, name=f"站 {number}", area_code=code, lon=121.4 + number / 100, lat=29.8, simulated=number == 1
    )
    _figures("air_quality.station_hour_aqi", key, now, 40.0 + number, code)
    with connection.cursor() as cursor:
        # The second station's PM2.5 is out of range (invalid bit of the sixth quantity), its CO was never measured.
        cursor.execute(
            "INSERT INTO lake.latest_air_quality_station_5min (entity_id, time, so2, no2, co, o3, pm10, pm25, quality, seq, runs)"
            " VALUES (%s, %s, 8, 30, 'NaN', 70, 50, %s, %s, %s, '')",
            [row.pk, now, 5000 if number == 1 else 31, (1 | 1 << 13) if number == 1 else 0, number],
        )


def _figures(indicator: str, subject: str, now: dt.datetime, value: float, area_code: str | None = None) -> None:
    for hours in (1, 2):
        Figure.objects.create(
            indicator=indicator, subject=subject, area_code=area_code if area_code is not None else subject,
            period_start=now - dt.timedelta(hours=hours), value=value + hours, detail={"level": "良", "primary": ["PM2.5"]},
            coverage=1.0, quality={}, simulated=False, as_of={}, version="v", computed_at=now,
        )  # fmt: skip


@pytest.fixture
def officer(db, client: Client) -> Client:
    """A browser in which a duty officer of the whole city has signed in."""
    account = Account.objects.create_user("officer", password="a long enough password")
    Assignment.objects.create(account=account, role="duty_officer")
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


@pytest.fixture
def english(client: Client) -> Client:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client
