# SPDX-License-Identifier: Apache-2.0
"""A department with a key, and the exchange it speaks with: the whole of it but the socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.apps import apps

from chengyun.access import signatures
from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import SigningKey, signing_key
from chengyun.access.models import Grant, Organisation
from chengyun.lake.services import ensure_tables
from chengyun.packs.water_supply.models import Asset
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import parties
from chengyun.share.exchange.client import Client
from chengyun.share.exchange.models import Party
from chengyun.share.exchange.serving import Ask, answer_many
from chengyun.share.exchange.sources import ensure_horizons

DATASET = "water_supply.asset"
ADDRESS = "http://node.test/exchange/v1"


def new_key() -> SigningKey:
    """A key of somebody else's than this installation's."""
    private = signatures.make("ed25519")
    public = signatures.public("ed25519", private)
    return SigningKey(public["kid"], "ed25519", 1, public, private)


class Straight(httpx.BaseTransport):
    """Hands requests to the exchange as its door does. changed: spoils an answer on its way back."""

    def __init__(self) -> None:
        self.changed: Callable[[httpx.Response], httpx.Response] = lambda answer: answer
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.changed(self.again(request))

    def again(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        ask = Ask(request.method, headers["host"], request.url.path, request.url.query.decode(), headers, request.read())
        told = answer_many([ask], ROUTES, parties.Known())[0]
        return httpx.Response(told.status, content=told.body, headers=dict(told.headers))


class Department:
    """Who asks. client: signs with its key and pins the node's."""

    def __init__(self) -> None:
        self.organisation = Organisation.objects.create(key="civil_affairs_test", name="民政测试")
        self.key = new_key()
        self.party: Party = parties.register(SYSTEM, self.key.public, "民政系统", self.organisation)
        self.wire = Straight()
        node = signing_key("node")
        self.client = Client(ADDRESS, self.key, {node.key_id: node.public}, httpx.Client(transport=self.wire))

    def grant(self, dataset: str, purpose: str = "", **given: Any) -> Grant:
        return Grant.objects.create(dataset=dataset, organisation=self.organisation, purpose=purpose, **given)


@pytest.fixture(scope="session")
def lake(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        ensure_tables()
        ensure_horizons()


@pytest.fixture
def department(lake: None, db: None) -> Iterator[Department]:
    made = Department()
    yield made
    made.client.close()


def assets(count: int, prefix: str = "s") -> None:
    Asset.objects.bulk_create(
        Asset(key=f"{prefix}{i:04}", name=f"泵 {i}", area_code="330203000000", lon=121.5, lat=29.9) for i in range(count)
    )


def people(count: int) -> None:
    Person: Any = apps.get_model("population", "Person")
    Person.objects.bulk_create(
        Person(
            key=f"p{i:05}",
            name="欧阳娜娜",
            area_code="330203001001" if i % 2 else "330205001001",
            id_number="33020319900101001X",
            phone="13812345678",
            birth_date="1990-01-01",
        )
        for i in range(count)
    )
