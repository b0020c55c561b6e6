# SPDX-License-Identifier: Apache-2.0
"""A small city whose figures, alerts and cases change while boards look at it. Committed for real: what is known when is the
database's own clock and transactions."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.services import ensure_organisations
from chengyun.areas.models import Area, TreeVersion
from chengyun.cases import owners
from chengyun.operate import store
from chengyun.operate.boards import definitions
from chengyun.operate.boards.services import ensure_boards
from chengyun.operate.compute import Computed
from chengyun.operate.models import Alert, Figure
from chengyun.web import cache

BOX = [[[121.3, 29.7], [121.7, 29.7], [121.7, 30.0], [121.3, 30.0], [121.3, 29.7]]]
AQI = "air_quality.area_hour_aqi"
STATION_AQI = "air_quality.station_hour_aqi"


@dataclass
class Town:
    """now: a whole hour. write: a figure as the engine does. moment: a second after what was done and before what follows."""

    now: dt.datetime
    alerts: list[Alert] = field(default_factory=list)

    def write(self, indicator: str, subject: str, hours_ago: int, value: float | None, area: str = "") -> None:
        start = self.now - dt.timedelta(hours=hours_ago)
        one = Computed(subject, start, value, {}, 1.0, False)
        with transaction.atomic():
            gone = list(Figure.objects.filter(indicator=indicator, subject=subject, period_start=start, superseded_at=None))
            fresh = store.Fresh(
                indicator=indicator, figures=[one], areas={subject: area or subject}, as_of={}, version="v"
            )  # fmt: skip
            store.write([fresh], [row.pk for row in gone], self.now)
            store.tell([fresh])

    def alert(self, subject: str, severity: str = "orange", value: float = 163.0) -> Alert:
        made = Alert.objects.create(
            rule="air_quality.pm25_rising", dataset="air_quality.station_5min", subject=subject, subject_name=f"站 {subject}",
            area_code="330203", severity=severity, value=value, limit=150.0, since=self.now, last_seen_at=self.now,
            opened_at=self.now, evidence={},
        )  # fmt: skip
        self.alerts.append(made)
        return made

    def moment(self) -> dt.datetime:
        """Return the next whole second, once it is past."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            clock = cursor.fetchone()[0]
        second = clock.replace(microsecond=0) + dt.timedelta(seconds=1)
        time.sleep((second - clock).total_seconds() + 0.01)
        cache.forget_all()
        return second


@contextmanager
def _town() -> Iterator[Town]:
    """Two districts, two stations, a day of figures, one alert, the shipped boards."""
    _forget()
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
    TreeVersion.objects.create()
    ensure_organisations()
    made = Town(now)
    for number, code in enumerate(("330200", "330203", "330212")):
        for hours in range(12, 0, -1):
            made.write(AQI, code, hours, 50.0 + number * 10 + hours % 5)
    for number in range(2):
        key, code = f"S{number}", ("330203", "330212")[number]
        apps.get_model("air_quality", "Station").objects.create(
            key=key, name=f"站 {number}", area_code=code, lon=121.4 + number / 10, lat=29.8
        )
        made.write(STATION_AQI, key, 1, 40.0 + number, code)
    made.alert("S0")
    ensure_boards()
    yield made
    _forget()


def _forget() -> None:
    cache.forget_all()
    definitions._met.clear()
    owners._found.clear()


@pytest.fixture
def town(transactional_db: None) -> Iterator[Town]:
    """A town whose every deed is committed."""
    with _town() as made:
        yield made


@pytest.fixture
def calm(db: None) -> Iterator[Town]:
    """A town in one transaction, for what does not depend on when anything was known."""
    with _town() as made:
        yield made


@pytest.fixture
def sign_in() -> Callable[..., Client]:
    """Return a browser in which somebody of a role has signed in."""

    def enter(role: str, name: str = "", organisation: str = "", email: str = "") -> Client:
        body = Organisation.objects.get_or_create(key=organisation, defaults={"name": organisation})[0] if organisation else None
        account = Account.objects.create_user(name or role, password="a long enough password", email=email, organisation=body)
        Assignment.objects.create(account=account, role=role, organisation=body)
        client = Client()
        client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
        return client

    return enter
