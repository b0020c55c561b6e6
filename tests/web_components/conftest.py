# SPDX-License-Identifier: Apache-2.0
"""A city with bodies, people at posts, and components about one square."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.services import ensure_organisations
from chengyun.areas.files import demonstration_files
from chengyun.areas.services import load_areas
from chengyun.cases.duties.services import ensure_duties
from chengyun.lake.services import ensure_tables
from chengyun.packs.urban_management.models import Component
from chengyun.protocols.ogc.services import ensure_layers
from chengyun.web import cache

PASSWORD = "Tower-Bridge-1894"
LON, LAT = 121.5440, 29.8683
"""In 海曙区."""


@pytest.fixture
def city(db, tmp_path) -> None:
    cache.forget_all()
    whole = tmp_path / "330200.csv"
    whole.write_text("code,name\n330200,宁波市\n", encoding="utf-8")
    districts = [path for path in demonstration_files("330200") if path.suffix == ".geojson"]
    load_areas([whole, *districts], demonstration=True)
    ensure_organisations()
    ensure_duties()
    ensure_tables()
    ensure_layers()


@pytest.fixture
def account(city) -> Callable[..., Account]:
    def make(*roles: str, name: str = "", organisation: str = "operations_centre") -> Account:
        body = Organisation.objects.get(key=organisation)
        username = name or "_".join(roles)
        made = Account.objects.create_user(username=username, password=PASSWORD, name=username, organisation=body)
        for role in roles:
            Assignment.objects.create(account=made, role=role, organisation=body)
        return made

    return make


@pytest.fixture
def browser_of(account) -> Callable[..., Client]:
    def make(*roles: str, **given: str) -> Client:
        client = Client()
        client.force_login(account(*roles, **given))
        return client

    return make


def add(number: int, category: str = "0101", **given: object) -> Component:
    values = {
        "name": f"井盖 {number}", "category": f"component/{category}", "catalog_version": "CJ/T 214-2007", "lon": LON, "lat": LAT,
        "area_code": "330203",
    }  # fmt: skip
    return Component.objects.create(key=f"330203{category}{number:06d}", **(values | given))
