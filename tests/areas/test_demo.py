# SPDX-License-Identifier: Apache-2.0
"""What a first start gives: the demonstration city, or at least what is on record."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chengyun.areas import queries, services
from chengyun.areas.files import demonstration_files
from chengyun.areas.models import Area
from chengyun.config import config

pytestmark = pytest.mark.django_db

TODAY, IN_2015 = dt.date(2026, 11, 21), dt.date(2015, 6, 1)
built = pytest.mark.skipif(not demonstration_files("330200"), reason="the demonstration's areas are not built; run `make setup`")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout where `make setup` has not built the demonstration."""
    monkeypatch.setenv("CHENGYUN_DEMO_AREAS", str(tmp_path))


@built
def test_the_first_start_loads_the_demonstration_city_and_later_ones_ask_once() -> None:
    assert services.ensure_areas() is not None
    counts = {level: len(queries.areas_on(TODAY, level)) for level in ("city", "district", "street", "community", "grid")}
    assert counts == {"city": 1, "district": 10, "street": 162, "community": 3042, "grid": 0}
    assert all(row.bounded and row.demonstration and row.source_crs == "GCJ-02" for row in queries.areas_on(TODAY, "district"))
    with CaptureQueriesContext(connection) as asked:
        assert services.ensure_areas() is None
    assert len(asked) == 1


@built
def test_points_of_ningbo_fall_into_their_districts() -> None:
    services.ensure_areas()
    assert queries.area_of(121.5497, 29.8683) == "330203"
    assert queries.area_of(121.624, 29.8603) == "330212"
    assert queries.area_of(121.5497, 29.8683, "city") == "330200"
    assert queries.area_of(121.5497, 29.8683, "street") is None, "no boundaries of streets are known"
    assert queries.area_of(139.7, 35.7) is None
    assert queries.area_of(float("nan"), 29.8683) is None


@built
def test_the_demonstration_agrees_with_openstreetmap(shared: Path) -> None:
    services.ensure_areas()
    places = []
    for kind in ("school", "hospital", "cbd"):
        file = shared / "data" / "osm-ningbo" / f"ningbo_{kind}_boundaries.json"
        places += json.loads(file.read_text(encoding="utf-8"))["features"]
    found = queries.area_of_points([place["centroid"][0] for place in places], [place["centroid"][1] for place in places])
    names = {row.code: row.name for row in queries.areas_on(TODAY, "district")}
    assert sum(names.get(str(code)) == place["county"] for code, place in zip(found, places, strict=True)) == 1007


@built
def test_a_district_of_before_2016_has_no_invented_boundary() -> None:
    services.ensure_areas()
    assert queries.area_of(121.5497, 29.8683, day=IN_2015) is None
    assert queries.area_of(121.2665, 30.1697, day=IN_2015) == "330282", "慈溪 did not change in 2016"
    shown = {feature["id"] for feature in queries.boundaries("district", IN_2015)["features"]}
    assert shown == {"330205", "330206", "330211", "330225", "330226", "330281", "330282"}


@built
def test_outlines_are_ready_for_a_map() -> None:
    services.ensure_areas()
    shown = queries.boundaries()
    assert [feature["id"] for feature in shown["features"]] == [row.code for row in queries.areas_on(TODAY, "district")]
    haishu = shown["features"][0]
    assert haishu["properties"]["name"] == "海曙区"
    assert haishu["properties"]["name_en"] == "Haishu"
    assert haishu["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert queries.area_of(haishu["properties"]["lon"], haishu["properties"]["lat"]) == "330203"
    with CaptureQueriesContext(connection) as asked:
        assert queries.boundaries() is shown
    assert all("boundary" not in query["sql"] for query in asked)


@pytest.mark.usefixtures("bare")
def test_without_the_demonstration_codes_and_names_are_still_known(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert services.ensure_areas() is not None
        assert services.ensure_areas() is None
    assert len(queries.areas_on(TODAY, "district")) == 10
    assert queries.boundaries() == {"type": "FeatureCollection", "features": []}
    assert queries.area_of(121.5497, 29.8683) is None
    assert [record.message for record in caplog.records if "maps stay empty" in record.message] != []


@pytest.mark.usefixtures("bare")
def test_a_city_that_nothing_is_known_of_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "config", lambda: dataclasses.replace(config(), city="440300"))
    with caplog.at_level(logging.WARNING):
        assert services.ensure_areas() is None
    assert "No areas are known for city 440300. Load them with" in caplog.text
    assert queries.areas_on(TODAY) == []


@pytest.mark.usefixtures("bare")
def test_the_districts_of_2015_are_known_by_their_codes() -> None:
    services.ensure_areas()
    then = {row.code: row for row in queries.areas_on(IN_2015, "district")}
    now = {row.code: row for row in queries.areas_on(TODAY, "district")}
    assert set(then) - set(now) == {"330204", "330283"}
    assert set(now) - set(then) == {"330213"}
    assert (then["330204"].name, then["330204"].valid_to, then["330204"].successors) == (
        "江东区",
        dt.date(2016, 10, 1),
        ("330212",),
    )
    assert then["330283"].successors == ("330213",)
    assert then["330212"].successors == ("330212", "330203"), "the western towns went to 海曙区"
    assert queries.area("330204", TODAY) is None
    assert queries.area("330204", IN_2015) == then["330204"]
    assert queries.name_of("330204") == "江东区"


@pytest.mark.usefixtures("bare")
def test_the_demonstration_is_taken_up_once_it_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    services.ensure_areas()
    (tmp_path / "330200_codes.csv").write_text("code,name\n330203001,南门街道\n", encoding="utf-8")
    assert services.ensure_areas() is not None
    assert [row.name for row in queries.children("330203", TODAY)] == ["南门街道"]


@pytest.mark.usefixtures("bare")
def test_names_follow_the_language_of_the_page() -> None:
    services.ensure_areas()
    assert queries.name_of("330213") == "奉化区"
    with translation.override("en"):
        assert queries.name_of("330213") == "Fenghua"
        assert queries.name_of("330221") == "镇海县", "no English name is on record"
    assert queries.name_of("999999") == "999999"
    with CaptureQueriesContext(connection) as asked:
        assert queries.names_of(["330203", "330213", "999999"]) == {"330203": "海曙区", "330213": "奉化区", "999999": "999999"}
    assert len(asked) == 1


@pytest.mark.usefixtures("bare")
def test_a_load_is_seen_by_a_process_that_remembers_the_tree(tmp_path: Path) -> None:
    services.ensure_areas()
    assert queries.children("330203", TODAY) == []
    file = tmp_path / "streets.csv"
    file.write_text("code,name\n330203001,南门街道\n", encoding="utf-8")
    services.load_areas(file)
    assert [row.code for row in queries.children("330203", TODAY)] == ["330203001"]


@pytest.mark.usefixtures("bare")
def test_every_version_of_a_row_is_kept_by_the_database(tmp_path: Path) -> None:
    file = tmp_path / "districts.csv"
    for name in ("旧名区", "新名区"):
        file.write_text(f"code,name\n330100,杭州市\n330105,{name}\n", encoding="utf-8")
        services.load_areas(file)
    events = Area.objects.get(code="330105").events.order_by("pgh_id")  # type: ignore[attr-defined]
    assert [event.name for event in events] == ["旧名区", "新名区"]
