# SPDX-License-Identifier: Apache-2.0
"""A register with data elements, and people who design forms and fill them in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.test import Client

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.share.catalogue.models import DataElement, Item, Resource

REGISTER = "air_quality.station"
FORM = """| survey | | | | | |
| | type | name | label | required | element |
{questions}
{choices}| settings | | |
| | form_id | form_title | version |
| | {key} | {title} | {version} |
"""


def form_of(questions: str, *, key: str = "site_check", title: str = "站房核查", version: str = "1", choices: str = "") -> bytes:
    """Return an XLSForm in Markdown; questions: lines of type | name | label | required | element."""
    lines = "\n".join(f"| | {line} |" for line in questions.strip().splitlines())
    return FORM.format(questions=lines, key=key, title=title, version=version, choices=choices).encode()


@pytest.fixture
def person(db: None) -> Callable[[str, str], tuple[Account, Actor]]:
    centre, _ = Organisation.objects.get_or_create(key="operations_centre", defaults={"name": "市城市运行中心", "kind": "centre"})

    def make(name: str, role: str) -> tuple[Account, Actor]:
        account = Account.objects.create_user(name, password="Tower-Bridge-1894", name=name, organisation=centre)
        Assignment.objects.create(account=account, role=role, organisation=centre)
        return account, actor_of_account(account)

    return make


@pytest.fixture
def steward(person: Callable[[str, str], tuple[Account, Actor]]) -> tuple[Client, Actor]:
    account, actor = person("steward", "data_steward")
    client = Client()
    client.force_login(account)
    return client, actor


@pytest.fixture
def register(db: None) -> None:
    """Stations whose name, level and city are data elements, with one row in the register."""
    elements = {
        "station.key": ("站点编码", "C", "key"), "station.name": ("站点名称", "C", "name"),
        "station.kind": ("站点级别", "C", "kind"),
        "station.city": ("所在城市", "C", "city_name"),
    }  # fmt: skip
    resource, _new = Resource.objects.get_or_create(
        key=REGISTER, defaults={"kind": "entity", "name": "空气质量监测站", "cycle": "month", "state": "published"}
    )
    Resource.objects.filter(pk=resource.pk).update(cycle="month")
    Item.objects.filter(resource=resource).delete()
    for number, (key, (name, letter, field)) in enumerate(elements.items()):
        element = DataElement.objects.create(key=key, name=name, type=letter, source=f"{REGISTER}.{field}")
        Item.objects.create(resource=resource, position=number, key=field, name=name, type=letter, element=element)
    station = apps.get_model("air_quality", "Station")
    station.objects.create(key="NB01", name="万里学院", area_code="330212", kind="municipal", city_name="宁波")
