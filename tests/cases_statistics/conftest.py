# SPDX-License-Identifier: Apache-2.0
"""A city's bodies, and no app that listens to the steps of cases: they have tests of their own."""

from __future__ import annotations

import pytest

from chengyun.access.models import Organisation
from chengyun.cases import hooks


@pytest.fixture(autouse=True)
def kernel_alone(monkeypatch) -> None:
    monkeypatch.setattr(hooks, "evidence", {})
    monkeypatch.setattr(hooks, "owner_finders", [])
    monkeypatch.setattr(hooks, "after_step", [])


def make_bodies() -> dict[str, Organisation]:
    found = {}
    centre = Organisation.objects.get_or_create(
        key="operations_centre", defaults={"name": "市城市运行中心", "kind": Organisation.Kind.CENTRE}
    )[0]
    for key, name in (("enforcement", "综合执法局"), ("environment", "生态环境局"), ("roads", "市政设施中心")):
        found[key] = Organisation.objects.get_or_create(key=key, defaults={"name": name, "parent": centre})[0]
    return found


@pytest.fixture
def bodies(db) -> dict[str, Organisation]:
    return make_bodies()
