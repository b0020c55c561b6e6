# SPDX-License-Identifier: Apache-2.0
"""Rows of cases: a district is said once, by the branch that has the case or beside a body of the whole city."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.areas import queries
from chengyun.areas.models import Area
from chengyun.cases.models import Case
from chengyun.cases.services import open_case
from chengyun.web import cache

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("language", "area"), [("zh-hans", "海曙区"), ("en", "Haishu")])
def test_a_district_is_said_once(
    bodies: dict, signed_in: Callable[..., Client], language: str, area: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tree is read anew for each load of areas; this one is of no load.
    monkeypatch.setattr(queries, "_tree", None)
    Area.objects.create(code="330203", level="district", name="海曙区", name_en="Haishu", valid_from="2016-01-01")
    cache.forget_all()
    Organisation.objects.filter(key="environment_330203").update(name="生态环境局海曙区分局")
    case = open_case("air_quality.air_check", "核查", SYSTEM, timezone.now())
    client = signed_in("duty", "duty_officer")
    for owner, times in (("environment_330203", 1), ("environment", 1)):
        Case.objects.filter(pk=case.pk).update(owner=bodies[owner], area_code="330203")
        page = client.get("/cases", headers={"accept-language": language}).content.decode()
        row = page.split(f"/cases/{case.number}")[1].split("</li>")[0]
        assert re.sub(r"<[^>]+>", " ", row).count(area) == times, owner
