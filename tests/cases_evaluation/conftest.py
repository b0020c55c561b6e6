# SPDX-License-Identifier: Apache-2.0
"""What is declared, a city's bodies and people, and a recorded quarter of cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import chengyun.packs
from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.evaluation.declared import Book, read_book
from chengyun.cases.evaluation.models import Edition
from chengyun.cases.evaluation.samples import Sample, write_sample
from chengyun.cases.evaluation.services import count

FILE = Path(chengyun.packs.__file__).parent / "urban_management" / "evaluation.toml"
TYPE = "urban_management.case"
ZONE = ZoneInfo("Asia/Shanghai")
OCTOBER = (dt.date(2026, 10, 1), dt.date(2026, 10, 31))
NOVEMBER = dt.datetime(2026, 11, 2, tzinfo=ZONE)
AREAS = ["330203001001", "330203002001", "330212001001", "330212002001"]


@pytest.fixture(scope="session")
def declared() -> Book:
    """What is in force in October 2026."""
    return read_book(FILE, dt.date(2026, 10, 1))


@pytest.fixture
def bodies(db) -> list[Organisation]:
    """The centre, then seven departments."""
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    names = ["环卫", "市政", "园林", "执法", "供水", "供电", "通信"]
    return [
        centre,
        *(Organisation.objects.create(key=f"d{at}", name=f"{name}中心", parent=centre) for at, name in enumerate(names, 1)),
    ]


@pytest.fixture
def person(bodies) -> Callable[..., Account]:
    """person("李", "leader") makes an account with that role at the centre, or in another body or area."""

    def make(name: str, role: str, body: Organisation | None = None, area: str = "") -> Account:
        account = Account.objects.create(username=name, name=name, organisation=body or bodies[0])
        since = NOVEMBER - dt.timedelta(days=400)
        Assignment.objects.create(account=account, role=role, organisation=body or bodies[0], since=since, area_code=area)
        return account

    return make


@pytest.fixture
def quarter(bodies, person) -> Sample:
    """Three months of cases, the last of them October 2026."""
    people = [person(f"p{at}", "dispatcher").pk for at in range(3)]
    sample = Sample(
        type=TYPE, cases=1_500, start=dt.datetime(2026, 8, 1, tzinfo=ZONE), days=92, departments=[one.pk for one in bodies[1:]],
        people=people, areas=AREAS,
    )  # fmt: skip
    write_sample(sample)
    return sample


@pytest.fixture
def october(quarter) -> Edition:
    """The draft of October."""
    return count(TYPE, *OCTOBER, SYSTEM, NOVEMBER)
