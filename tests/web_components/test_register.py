# SPDX-License-Identifier: Apache-2.0
"""The register's pages and tiles: what is there, for whom, and what a look at a component brings about."""

from __future__ import annotations

import datetime as dt
import io
import json
import math

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.cases import services as cases
from chengyun.cases.components import queries, services
from chengyun.cases.components.models import Inspection, TaskComponent
from chengyun.cases.components.queries import Asked
from chengyun.cases.models import Case
from chengyun.errors import Refused
from chengyun.packs.urban_management.models import Component
from chengyun.web.components import census

from .conftest import LAT, LON, add

pytestmark = pytest.mark.django_db


def test_a_broken_component_becomes_one_case_with_its_clock(account, city) -> None:
    add(1)
    walker, now = actor_of_account(account("grid_worker", organisation="operations_centre")), timezone.now()
    fine = services.inspect("3302030101000001", "intact", walker, now)
    assert fine.case is None
    broken = services.inspect("3302030101000001", "missing", walker, now + dt.timedelta(hours=1), note="盖子不见了")
    again = services.inspect("3302030101000001", "damaged", walker, now + dt.timedelta(hours=2))
    assert broken.case is not None
    assert again.case == broken.case, "one open case about a component at a time"
    assert broken.case.component_key == "3302030101000001"
    assert broken.case.category == "component/0101"
    assert broken.case.source == Case.Source.PATROL
    row = Component.objects.get(key="3302030101000001")
    assert row.state == "damaged"
    assert row.inspected_at == now + dt.timedelta(hours=2)
    with pytest.raises(Refused):
        services.inspect("3302030101000001", "vanished", walker, now)


def test_due_follows_the_declared_cycle_and_becomes_a_task(account, city) -> None:
    now = timezone.now()
    add(1, inspected_at=now - dt.timedelta(days=31))
    add(2, inspected_at=now - dt.timedelta(days=29))
    add(3)
    add(4, category="0118", inspected_at=now - dt.timedelta(days=31))
    add(5, state="removed")
    chief = actor_of_account(account("duty_officer"))
    found = [row.key[-1] for row in queries.due_rows(chief, Asked(due=True), now, 10)]
    assert found == ["3", "1"], "never looked at first; a lamp has 90 days; what is gone is not looked at"
    counts = {one.category: (one.due, one.count, one.every_days) for one in queries.due_counts(chief, now)}
    assert counts == {"component/0101": (2, 3, 30), "component/0118": (0, 1, 90)}
    worker = account("grid_worker")
    keys = ["3302030101000003", "3302030101000001"]
    task = services.make_inspections(keys, worker.pk, chief, now, until=now + dt.timedelta(days=2))
    assert task.kind == "inspect"
    with pytest.raises(Refused):
        services.make_inspections(keys, worker.pk, chief, now, until=now + dt.timedelta(days=2))
    services.inspect("3302030101000003", "intact", actor_of_account(worker), now)
    assert TaskComponent.objects.get(component="3302030101000003").done_at == now
    assert [row.key[-1] for row in queries.due_rows(chief, Asked(due=True), now, 10)] == ["1"]


CENSUS = """部件编码,部件名称,经度,纬度,部件状态,权属单位,安装日期
3302030101000001,上水井盖,121.5440,29.8683,完好,水务集团,2019-05-01
3302030101000001,上水井盖,121.5441,29.8683,完好,水务集团,2019-05-01
330203010100002,上水井盖,121.5442,29.8683,完好,,
3302039999000003,不明,121.5442,29.8683,完好,,
3302030101000004,上水井盖,29.8683,121.5442,完好,,
3302030118000005,路灯,121.5443,29.8684,歪了,,
3302030101000006,上水井盖,121.5440,29.868305,完好,,2999-01-01
3302030101000007,上水井盖,121.544003,29.868302,破损,水务集团,2020-01-01
3302060101000008,上水井盖,121.5446,29.8683,,,
"""


def test_a_census_says_line_by_line_what_is_wrong_and_twice_is_once(account) -> None:
    steward = actor_of_account(account("data_steward"))
    taken = census.take(io.BytesIO(CENSUS.encode("gbk")), "普查.csv", "WGS-84", steward)
    withheld = [(one.line, one.column) for one in taken.mistakes if one.withheld]
    assert withheld == [
        (3, "key"), (4, "key"), (5, "category"), (6, "lon, lat"), (7, "state"), (8, "installed"),
    ]  # fmt: skip
    assert [(one.line, one.expected) for one in taken.mistakes if not one.withheld] == [(10, "330206")]
    assert (taken.added, taken.withheld) == (3, 6)
    assert [(one.key[-1], one.other[-1]) for one in taken.twins] == [("7", "1")]
    row = Component.objects.get(key="3302030101000007")
    assert (row.state, row.owner, row.area_code, row.category) == ("damaged", "水务集团", "330203", "component/0101")
    again = census.take(io.BytesIO(CENSUS.encode("gbk")), "普查.csv", "WGS-84", steward)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 3)
    services.end_twin("3302030101000007", "3302030101000001", steward, timezone.now())
    assert queries.pairs(steward) == []


def test_a_census_of_places_is_read_from_geojson_and_another_grid_of_coordinates(account) -> None:
    steward = actor_of_account(account("data_steward"))
    features = [
        {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [121.5486, 29.8662]},
            "properties": {"code": f"33020301180000{number:02d}", "name": "路灯", "状态": "完好"},
        }
        for number in range(3)
    ]  # fmt: skip
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    taken = census.take(io.BytesIO(body), "lamps.geojson", "GCJ-02", steward)
    assert (taken.added, taken.mistake_count) == (3, 0)
    row = Component.objects.get(key="3302030118000001")
    assert (round(row.lon, 4), round(row.lat, 4)) != (121.5486, 29.8662), "moved from GCJ-02 by some 500 m"
    assert abs(row.lon - 121.544) < 0.001


def test_the_pages_show_a_component_with_its_cases_and_the_nearest_at_intake(browser_of, account, city) -> None:
    add(1)
    add(2, lon=LON + 0.0002)
    add(3, category="0118")
    case = cases.open_case(
        "urban_management.case", "井盖松动", SYSTEM, timezone.now(), category="component/0101", source="patrol", lon=LON, lat=LAT,
        area_code="330203",
    )  # fmt: skip
    chief = browser_of("duty_officer", "data_steward")
    page = chief.get(f"/cases/{case.number}").content.decode()
    assert page.index("3302030101000001") < page.index("3302030101000002"), "nearest first"
    assert "3302030118000003" not in page, "another category is not offered"
    answer = chief.post(f"/cases/{case.number}/component", {"component": "3302030101000001"})
    assert answer.status_code == 303
    case.refresh_from_db()
    assert case.component_key == "3302030101000001"
    assert case.events.last().kind == "amended"
    page = chief.get("/components/3302030101000001").content.decode()
    assert case.number in page
    assert chief.get("/components/9999999999999999").status_code == 404
    for path in ("/components", "/components?category=component/01&state=intact&q=井盖", "/components/due", "/components/census",
                 "/components/twins", "/grids", "/grids/draw?street=330203001", "/patrols"):  # fmt: skip
        assert chief.get(path).status_code == 200, path
    sent = SimpleUploadedFile("普查.csv", CENSUS.encode("gbk"))
    page = chief.post("/components/census", {"file": sent, "crs": "WGS-84"})
    assert page.status_code == 200
    assert "上水井盖" not in page.content.decode() or "应为" in page.content.decode()
    answer = chief.post("/components/3302030101000002/inspect", {"state": "damaged", "note": "松动"})
    assert answer.status_code == 303
    assert Inspection.objects.get().case is not None


def test_tiles_show_what_the_reader_may_see_and_the_filters_leave(browser_of, client, city) -> None:
    add(1)
    add(2, state="damaged", lon=LON + 0.0003)
    add(3, valid_to=dt.date(2020, 1, 1))
    x, y = _tile_of(LON, LAT, 17)
    tile = f"/components/tiles/17/{x}/{y}"
    assert client.get(tile).status_code == 302, "who has not signed in sees nothing"
    chief = browser_of("duty_officer")
    whole = chief.get(tile)
    assert whole.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert b"3302030101000001" in whole.content
    assert b"3302030101000002" in whole.content
    assert b"3302030101000003" not in whole.content, "it is no longer in use"
    assert chief.get(tile, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    broken = chief.get(f"{tile}?state=damaged")
    assert b"3302030101000002" in broken.content
    assert b"3302030101000001" not in broken.content
    Component.objects.filter(key="3302030101000001").update(name="换过的井盖")
    assert "换过的井盖".encode() in chief.get(tile).content, "a tile is not kept beyond a change"
    assert chief.get("/components/tiles/3/9/0").status_code == 404
    assert browser_of("resident").get("/components").status_code == 404


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    world = 2**zoom
    down = 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)
    return int((lon + 180) / 360 * world), int(down * world)
