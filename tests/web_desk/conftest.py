# SPDX-License-Identifier: Apache-2.0
"""A city's bodies, people who are signed in, and things that need them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.models import Case
from chengyun.collect.models import DeadLetter
from chengyun.lake.services import ensure_tables
from chengyun.operate.models import Alert
from chengyun.web import cache

STREAM = "air_quality.station_hour"
BRANCH = "environment_330203"
PASSWORD = "Tower-Bridge-1894"


@pytest.fixture
def bodies(db) -> dict[str, Organisation]:
    cache.forget_all()
    ensure_tables()
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    bureau = Organisation.objects.create(key="environment", name="生态环境局", parent=centre)
    branch = Organisation.objects.create(key=BRANCH, name="生态环境局海曙分局", kind="branch", parent=bureau, area_code="330203")
    return {"operations_centre": centre, "environment": bureau, BRANCH: branch}


@pytest.fixture
def person(bodies) -> Callable[..., Account]:
    """person("clerk", "department_clerk", BRANCH) makes an account with that role in that body."""

    def make(name: str, role: str, body: str = "operations_centre") -> Account:
        account = Account.objects.create_user(name, password=PASSWORD, name=name, organisation=bodies[body])
        Assignment.objects.create(account=account, role=role, organisation=bodies[body])
        return account

    return make


@pytest.fixture
def signed_in(person) -> Callable[..., Client]:
    """signed_in("duty", "duty_officer") makes a person and returns a browser of theirs."""

    def make(name: str, role: str, body: str = "operations_centre") -> Client:
        client = Client()
        client.force_login(person(name, role, body))
        return client

    return make


@pytest.fixture
def alert(db) -> Callable[..., Alert]:
    def make(subject: str = "A", **given) -> Alert:
        now = timezone.now()
        values = {
            "rule": "air_quality.pm25_hour_severe", "dataset": STREAM, "subject": subject, "subject_name": f"{subject} 站",
            "area_code": "330203001", "severity": "red", "value": 260.0, "worst": 280.0, "limit": 250.0, "times": 2,
            "since": now - dt.timedelta(hours=2), "last_seen_at": now, "opened_at": now, "evidence": {"seq": 7, "stream": STREAM},
        }  # fmt: skip
        return Alert.objects.create(**(values | given))

    return make


@pytest.fixture
def case_of(bodies) -> Callable[[Alert], Case]:
    """Opens the case an alert asks for, as the jobs process does."""
    from chengyun.access.actors import SYSTEM
    from chengyun.cases.services import open_case

    def make(alert: Alert) -> Case:
        return open_case("air_quality.air_check", f"{alert.subject_name}：核查", SYSTEM, timezone.now(), alert=alert)

    return make


@pytest.fixture
def letter(db) -> Callable[..., DeadLetter]:
    def make(**given) -> DeadLetter:
        values = {
            "stream": STREAM, "received_at": timezone.now(), "actor": "gateway", "code": "time", "area_code": "330203001",
            "reason": "hour_start is 'yesterday', expected ISO 8601 with an offset.",
            "row": {"station": "A", "hour_start": "yesterday", "pm25": 12},
        }  # fmt: skip
        return DeadLetter.objects.create(**(values | given))

    return make
