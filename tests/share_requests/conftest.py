# SPDX-License-Identifier: Apache-2.0
"""Two departments, a data bureau, and the people in them; datasets of every kind of sharing beside the city's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from chengyun.access import grants, policy, rulebook, services
from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.rulebook import Facts

OWNER = "民政局"
EXTRA = [
    Facts(
        key="test.elder", name="老人", kind="entity", owner=OWNER, sharing="conditional", personal=True,
        masks={"name": "name", "phone": "phone"},
    ),
    Facts(key="test.lot", name="车场", kind="entity", owner=OWNER, sharing="conditional"),
    Facts(key="test.secret", name="内部", kind="entity", owner=OWNER, sharing="none"),
    Facts(key="test.shared", name="共享", kind="entity", owner=OWNER, sharing="unconditional"),
]  # fmt: skip
FIELDS = frozenset({"key", "name", "phone", "area_code", "lon", "lat", "valid_from", "valid_to"})


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch, settings: Any) -> dict[str, Facts]:
    """The installation's rulebook, and a dataset of every kind of sharing; a test may change what is declared."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    real = rulebook.rulebook()
    datasets = {**real.datasets, **{facts.key: facts for facts in EXTRA}}
    words = {name: getattr(real, name) for name in real.__dataclass_fields__} | {"datasets": datasets}
    more = rulebook.Rulebook(**words)
    from chengyun.share.requests import corrections, notices, queries, rights, terms, upkeep
    from chengyun.share.requests import services as deeds

    for module in (policy, services, deeds, notices, rights, terms, upkeep, corrections, queries):
        monkeypatch.setattr(module, "rulebook", lambda: more)
    known = grants.fields_of
    monkeypatch.setattr(grants, "fields_of", lambda key: FIELDS if key.startswith("test.") else known(key))
    return datasets


class Clock:
    """The database's clock, as these tests set it."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def at(self, day: str) -> None:
        self.now = dt.datetime.fromisoformat(f"{day}T10:00:00+08:00")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from chengyun.share.requests import corrections, notices, office, queries, rights, upkeep
    from chengyun.share.requests import services as deeds

    made = Clock(dt.datetime(2026, 1, 5, 2, tzinfo=dt.UTC))
    for module in (notices, office, rights, deeds, upkeep, corrections, queries):
        monkeypatch.setattr(module, "database_time", made)
    return made


@pytest.fixture
def bodies(db: None) -> dict[str, Organisation]:
    civil = Organisation.objects.create(key="civil", name=OWNER)
    return {
        "civil": civil,
        "civil_330203": Organisation.objects.create(key="civil_330203", name="民政局海曙分局", parent=civil, area_code="330203"),
        "health": Organisation.objects.create(key="health", name="卫生健康委"),
        "data": Organisation.objects.create(key="data", name="大数据局"),
    }


Person = Callable[..., Actor]


@pytest.fixture
def person(bodies: dict[str, Organisation]) -> Person:
    """Return the actor of a new account with one role in a body."""

    def make(role: str, body: str = "", area_code: str = "", username: str = "") -> Actor:
        organisation = bodies[body] if body else None
        account = Account.objects.create_user(
            username or f"{role}_{body}", email="who@example.org", password="Tower-Bridge-1894", organisation=organisation
        )  # fmt: skip
        made = Assignment.objects.create(account=account, role=role, organisation=organisation, area_code=area_code)
        Assignment.objects.filter(pk=made.pk).update(since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        return actor_of_account(account)

    return make
