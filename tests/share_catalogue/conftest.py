# SPDX-License-Identifier: Apache-2.0
"""Accounts, bodies and a catalogue that follows the declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.services import ensure_organisations
from chengyun.lake.services import ensure_tables
from chengyun.share.catalogue.sync import ensure_catalogue

Make = Callable[..., Account]


@pytest.fixture
def account_as(db: None) -> Make:
    """Make an account that holds roles in a body."""

    def make(*roles: str, organisation: Organisation | None = None, area_code: str = "", username: str = "") -> Account:
        account = Account.objects.create_user(username or f"who_{'_'.join(roles)}", organisation=organisation)
        for role in roles:
            Assignment.objects.create(account=account, role=role, organisation=organisation, area_code=area_code)
        return account

    return make


@pytest.fixture
def actor_as(account_as: Make) -> Callable[..., Actor]:
    """Make an actor that holds roles in a body."""

    def make(*roles: str, **rest: Any) -> Actor:
        return actor_of_account(account_as(*roles, **rest))

    return make


@pytest.fixture
def catalogue(db: None) -> None:
    """The catalogue of the city's own datasets, with the bodies that answer for them."""
    ensure_tables()
    ensure_organisations()
    ensure_catalogue()
