# SPDX-License-Identifier: Apache-2.0
"""A city with a centre and a department, people in the field, and their devices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.field import devices
from chengyun.cases.field.samples import Phone

NOW = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def bodies(db) -> dict[str, Organisation]:
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    works = Organisation.objects.create(key="works", name="城管局", parent=centre)
    return {"centre": centre, "works": works}


@pytest.fixture
def person(bodies) -> Callable[..., Account]:
    def make(name: str, role: str, body: str = "centre") -> Account:
        account = Account.objects.create(username=name, name=name, organisation=bodies[body])
        Assignment.objects.create(account=account, role=role, organisation=bodies[body], since=NOW - dt.timedelta(days=30))
        return account

    return make


@pytest.fixture
def phone(person) -> Callable[..., Phone]:
    """phone("wang") makes a grid worker with a device."""

    def make(name: str, role: str = "grid_worker", body: str = "centre", skew: dt.timedelta = dt.timedelta()) -> Phone:
        account = Account.objects.filter(username=name).first() or person(name, role, body)
        device, _raw = devices.enrol(actor_of_account(account, NOW), f"{name} 的手机", NOW)
        return Phone(device, account, skew)

    return make
