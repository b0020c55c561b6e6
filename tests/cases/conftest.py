# SPDX-License-Identifier: Apache-2.0
"""A city's bodies, the people in them, and an alert that asks for a case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases import hooks
from chengyun.operate.models import Alert

NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def kernel_alone(monkeypatch) -> None:
    """Let no other app look at the photos, know a duty list or hear of the steps: they have tests of their own."""
    monkeypatch.setattr(hooks, "evidence", {})
    monkeypatch.setattr(hooks, "owner_finders", [])
    monkeypatch.setattr(hooks, "after_step", [])


@pytest.fixture
def bodies(db) -> dict[str, Organisation]:
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    found = {"centre": centre}
    found["environment"] = Organisation.objects.create(key="environment", name="生态环境局", parent=centre)
    for code, name in (("330203", "海曙"), ("330212", "鄞州")):
        found[code] = Organisation.objects.create(
            key=f"environment_{code}", name=f"生态环境局{name}分局", kind="branch", parent=found["environment"], area_code=code
        )
    found["enforcement"] = Organisation.objects.create(key="enforcement", name="综合执法局", parent=centre)
    return found


@pytest.fixture
def person(bodies) -> Callable[..., Account]:
    """person("clerk", "department_clerk", "330203") makes an account with that role in that body."""

    def make(name: str, role: str, body: str) -> Account:
        account = Account.objects.create(username=name, name=name, organisation=bodies[body])
        Assignment.objects.create(account=account, role=role, organisation=bodies[body], since=NOW - dt.timedelta(days=1))
        return account

    return make


@pytest.fixture
def actor(person) -> Callable[..., Actor]:
    def make(name: str, role: str, body: str) -> Actor:
        return actor_of_account(person(name, role, body), NOW)

    return make


@pytest.fixture
def alert(db) -> Callable[..., Alert]:
    """An open alert of the air pack's rule that opens a case."""

    def make(subject: str = "A", area: str = "330203001", group: str = "", **given) -> Alert:
        values = {
            "rule": "air_quality.pm25_hour_severe", "dataset": "air_quality.station_hour", "subject": subject,
            "subject_name": f"{subject} 站", "area_code": area, "severity": "red", "value": 260.0, "worst": 280.0, "limit": 250.0,
            "times": 2, "since": NOW, "last_seen_at": NOW, "opened_at": NOW, "group_key": group, "state": "open", "holds": True,
            "in_case": False, "simulated": False, "closed_because": "",
            "evidence": {"seq": 7, "stream": "air_quality.station_hour"},
        }  # fmt: skip
        row = Alert.objects.create(**(values | given))
        row.refresh_from_db()
        return row

    return make


@pytest.fixture
def sql() -> Callable[[str], None]:
    def run(text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text)

    return run
