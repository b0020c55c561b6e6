# SPDX-License-Identifier: Apache-2.0
"""One account for each role, and organisations they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation

Maker = Callable[..., Account]


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    """A hash that is slow on purpose says nothing about access, and half of these tests sign somebody in."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def password() -> str:
    return "Tower-Bridge-1894"


@pytest.fixture
def bureau(db: None) -> Organisation:
    return Organisation.objects.create(key="environment", name="生态环境局")


@pytest.fixture
def branch(bureau: Organisation) -> Organisation:
    return Organisation.objects.create(key="environment_330203", name="生态环境局海曙分局", parent=bureau, area_code="330203")


@pytest.fixture
def account_as(db: None, password: str) -> Maker:
    """Make an account that holds roles."""

    def make(*roles: str, organisation: Organisation | None = None, area_code: str = "", username: str = "") -> Account:
        account = Account.objects.create_user(username or f"who_{'_'.join(roles)}", password=password, organisation=organisation)
        for role in roles:
            Assignment.objects.create(account=account, role=role, organisation=organisation, area_code=area_code)
        return account

    return make


@pytest.fixture
def actor_as(account_as: Maker) -> Callable[..., Actor]:
    """Make an actor that holds roles."""

    def make(*roles: str, **rest: Any) -> Actor:
        return actor_of_account(account_as(*roles, **rest))

    return make
