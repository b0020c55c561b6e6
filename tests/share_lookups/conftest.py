# SPDX-License-Identifier: Apache-2.0
"""A resident who is a person of the register, and bodies that read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from chengyun.access import ciphers, keystore
from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.keystore import Keystore, Master
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.share.lookups import services

PERSON = "population.person"


@dataclass
class Town:
    """Two residents, one of them linked to a person; two bodies with a clerk each; a security officer."""

    resident: Account
    stranger: Account
    police: Organisation
    health: Organisation
    officer: Account

    def clerk(self, body: Organisation) -> Actor:
        return actor_of_account(Account.objects.get(username=f"clerk_{body.key}"))


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    made = Keystore(tmp_path, Master(tmp_path / "master.key"), ciphers.INTERNATIONAL)
    monkeypatch.setattr(keystore, "keystore", lambda: made)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town(db: None) -> Town:
    Organisation.objects.create(key="centre_of_operations", name="运行中心", kind=Organisation.Kind.CENTRE)
    bodies = [Organisation.objects.create(key=key, name=name) for key, name in (("police_x", "公安局"), ("health_x", "卫健委"))]
    for body in bodies:
        made = Account.objects.create_user(f"clerk_{body.key}", password="x", organisation=body)
        Assignment.objects.create(account=made, role="department_clerk", organisation=body)
    officer = Account.objects.create_user("officer", password="x")
    Assignment.objects.create(account=officer, role="security_officer")
    person = apps.get_model("population", "Person")
    for number in range(1, 8):
        person.objects.create(key=f"look-{number}", name=f"王{number}", area_code="330203", phone=f"1380013800{number}")
    town = Town(
        Account.objects.create_user("resident", password="x"),
        Account.objects.create_user("stranger", password="x"),
        *bodies,
        officer,
    )
    services.link(SYSTEM, town.resident, PERSON, "look-1", "窗口核验身份证")
    return town


@pytest.fixture
def enter(client: Client) -> Any:
    """Sign somebody in."""

    def go(account: Account) -> Client:
        client.force_login(account)
        return client

    return go
