# SPDX-License-Identifier: Apache-2.0
"""The forms that come with the program, published; people who fill them in and review; ODK Collect's way of talking."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chengyun.access import own_tokens
from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.collect.forms import services
from chengyun.collect.forms.commands import EXAMPLES

JPEG = b"\xff\xd8\xff\xe0" + b"a photo of a broken manhole cover" * 40
LIST = "{http://openrosa.org/xforms/xformsList}"


@pytest.fixture
def forms(db: None) -> None:
    for path in EXAMPLES.glob("*.md"):
        services.publish(services.make_version(path.read_bytes(), path.name, SYSTEM), SYSTEM)


@pytest.fixture
def person(db: None) -> Callable[[str, str], tuple[Account, Actor]]:
    centre, _ = Organisation.objects.get_or_create(key="operations_centre", defaults={"name": "市城市运行中心", "kind": "centre"})

    def make(name: str, role: str) -> tuple[Account, Actor]:
        account = Account.objects.create_user(name, password="Tower-Bridge-1894", name=name, organisation=centre)
        Assignment.objects.create(account=account, role=role, organisation=centre)
        return account, actor_of_account(account)

    return make


@dataclass
class Collect:
    """ODK Collect as far as the API sees it."""

    client: Client
    authorization: str

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(path, query, headers={"Authorization": self.authorization, "X-OpenRosa-Version": "1.0"})

    def listed(self) -> dict[str, dict[str, str]]:
        root = ElementTree.fromstring(self.get("/openrosa/formList").content)
        found = {}
        for one in root:
            told = {child.tag.removeprefix(LIST): child.text or "" for child in one}
            found[told["formID"]] = told
        return found

    def send(self, xml: str | bytes, files: dict[str, bytes] | None = None) -> Any:
        body = xml.encode() if isinstance(xml, str) else xml
        parts = {"xml_submission_file": SimpleUploadedFile("submission.xml", body, "text/xml")}
        parts |= {name: SimpleUploadedFile(name, content, "image/jpeg") for name, content in (files or {}).items()}
        return self.client.post("/openrosa/submission", parts, headers={"Authorization": self.authorization})


@pytest.fixture
def collect(person: Callable[[str, str], tuple[Account, Actor]]) -> Callable[[str], Collect]:
    """collect("worker") makes a grid worker with a phone."""

    def make(name: str, role: str = "grid_worker") -> Collect:
        account, actor = person(name, role)
        key = own_tokens.make(actor, account, "手机", 90, use="forms")
        return Collect(Client(), "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode())

    return make


def instance() -> str:
    return f"uuid:{uuid.uuid4()}"


def patrol(instance_id: str, photos: tuple[str, ...] = ("one.jpg", "two.jpg"), replaces: str = "", lat: float = 29.87) -> str:
    """A filled-in patrol with one damage for each photo."""
    damage = "".join(
        f"<damage><component>manhole</component><code>3302030010000001</code><spot>{lat} 121.55 3 5</spot>"
        f"<severity>broken</severity><words>第 {number} 处</words><photo>{photo}</photo></damage>"
        for number, photo in enumerate(photos, 1)
    )
    deprecated = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    return (
        '<data id="component_patrol" version="2026112201" xmlns:orx="http://openrosa.org/xforms">'
        "<start>2026-11-20T08:00:00.000+08:00</start>"
        f"<place>{lat} 121.55 0 0</place><round>morning</round><found>yes</found>{damage}"
        f"<end>2026-11-20T08:30:00.000+08:00</end><meta><instanceID>{instance_id}</instanceID>{deprecated}</meta></data>"
    )
