# SPDX-License-Identifier: Apache-2.0
"""The menu of rooms: a door that does not open is not in it, and behind each one that is stands a page."""

from __future__ import annotations

import pytest
from django.test import Client

from chengyun.access.models import Account, Assignment, Organisation, Role
from chengyun.lake.services import ensure_tables
from chengyun.web.rooms import ROOMS


@pytest.fixture
def signed_in(db):
    ensure_tables()

    def make(role: str) -> Client:
        body = Organisation.objects.get_or_create(key="centre", defaults={"name": "市城市运行中心", "kind": "centre"})[0]
        account = Account.objects.create(username=role, organisation=body)
        Assignment.objects.create(account=account, role=role, organisation=body)
        client = Client()
        client.force_login(account)
        return client

    return make


def rooms(client: Client) -> list[str]:
    answer = client.get("/about")
    return [way.href for room in answer.context["shell"].rooms for way in room.doors]


@pytest.mark.parametrize("role", [role for role in Role.values if role != "resident"])
def test_every_door_shown_opens(signed_in, role: str) -> None:
    client = signed_in(role)
    for href in rooms(client):
        assert client.get(href, follow=True).status_code == 200, href


def test_rooms_differ_by_role_and_a_visitor_has_none(signed_in) -> None:
    assert "/hotline" in rooms(signed_in("intake_clerk"))
    auditor = rooms(signed_in("auditor"))
    assert "/hotline" not in auditor
    assert "/audit" in auditor
    assert rooms(Client()) == []


def test_a_page_stands_in_one_room() -> None:
    names = [name for room in ROOMS.values() for name in room]
    assert len(names) == len(set(names))
