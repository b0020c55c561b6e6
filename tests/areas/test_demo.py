# SPDX-License-Identifier: Apache-2.0
"""What a first start gives: the demonstration city, or at least what is on record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chengyun.areas import queries, services
from chengyun.areas.models import Area

pytestmark = pytest.mark.django_db

TODAY, IN_2015 = dt.date(2026, 11, 21), dt.date(2015, 6, 1)
BUILT = services.demonstration_files("330200")
built = pytest.mark.skipif(not BUILT, reason="the demonstration's areas are not built; run `make setup`")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHENGYUN_DEMO_AREAS", str(tmp_path))


@built
def test_the_first_start_loads_the_demonstration_city_once() -> None:
    loaded = services.ensure_areas()
    assert loaded is not None
    counts = {level: len(queries.areas_on(TODAY, level)) for level in ("city", "district", "street", "community")}
    assert counts["city"] == 1
    assert counts["district"] == 10
    assert counts["street"] == 162
    assert counts["community"] > 3000
    assert all(row.bounded and row.demonstration and row.source_crs == "GCJ-02" for row in queries.areas_on(TODAY, "district"))
    with CaptureQueriesContext(connection, ) as asked:
        assert services.ensure_areas() is None
    assert len(asked) == 1
