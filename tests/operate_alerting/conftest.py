# SPDX-License-Identifier: Apache-2.0
"""Alerts as rules write them, people on duty, a plan, and a clock that is moved by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment
from chengyun.operate import alert_store
from chengyun.operate.alerting import current, groups
from chengyun.operate.models import Alert
from chengyun.operate.rules import Transition

NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
RULE = "air_quality.pm25_hour_severe"
SILENT = "air_quality.station_silent"
PLAN = """
[[route]]
name = "duty"
chain = "duty"
group_by = ["rule", "district"]
wait_s = 10
interval_s = 300
repeat_s = 3600

[[inhibit]]
name = "silent"
source = { rule = ["air_quality.station_silent"] }
target = { rule = ["air_quality.*"] }
equal = ["subject"]

[[chain]]
name = "duty"
ack_within_s = 1800
steps = [
  { after_s = 0, to = ["roster:duty"], by = ["app", "email"] },
  { after_s = 600, to = ["role:leader", "webhook:ops"] },
]

[[webhook]]
name = "ops"
url = "http://127.0.0.1:9/alerts"
"""


def s(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


@pytest.fixture
def people(db) -> dict[str, Actor]:
    made = {}
    for name, role in (("zhang", "duty_officer"), ("li", "duty_officer"), ("wang", "leader"), ("chen", "data_steward")):
        account = Account.objects.create_user(name, email=f"{name}@example.org", password=None)
        Assignment.objects.create(account=account, role=role, since=NOW - dt.timedelta(days=1))
        made[name] = actor_of_account(account)
    return made


@pytest.fixture
def plan(people: dict[str, Actor]) -> None:
    current.load(PLAN, people["chen"], NOW)


@pytest.fixture
def tell(db) -> Callable[..., Alert | None]:
    """tell("raise", "A", at) writes what a rule noticed, as ingest does; returns the alert."""

    def write(
        kind: str, subject: str, at: dt.datetime, *, rule: str = RULE, area: str = "330203001", **more: object
    ) -> Alert | None:
        one = Transition(
            kind=kind, rule=rule, dataset="air_quality.station_hour", subject=subject, subject_name=f"{subject} 站",
            area_code=area, value=260.0, worst=280.0, limit=250.0, since=at, last_seen=at, times=2, now=at, severity="red",
            **more,
        )  # fmt: skip
        with connection.cursor() as cursor:
            alert_store.write_now(cursor, [one])
        return Alert.objects.filter(rule=rule, subject=subject).order_by("-id").first()

    return write


def turn(now: dt.datetime) -> None:
    """What jobs does at a moment, without sending."""
    groups.take_changes(now)
    groups.lapse(now)
    groups.escalate(now)
    groups.tell_due(now)
