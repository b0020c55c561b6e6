# SPDX-License-Identifier: Apache-2.0
"""Grids: drawn and imported, given codes, held against each other and given to people; components know which they stand in."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chengyun.access.actors import actor_of_account
from chengyun.areas import queries as areas
from chengyun.areas.files import Feature
from chengyun.areas.services import put_areas
from chengyun.cases.components import grids
from chengyun.cases.components.models import GridWorker
from chengyun.errors import Refused
from chengyun.packs.urban_management.models import Component

from .conftest import LAT, LON, add

pytestmark = pytest.mark.django_db
COMMUNITY = "330203001001"


@pytest.fixture(autouse=True)
def community(city) -> None:
    known = [Feature(at="test", code="330203001", name="南门街道"), Feature(at="test", code=COMMUNITY, name="试点社区")]
    put_areas(known, "WGS-84", valid_from=dt.date(2020, 1, 1), source="test")


def square(west: float, south: float, size: float = 0.001) -> list[tuple[float, float]]:
    return [(west, south), (west + size, south), (west + size, south + size), (west, south + size)]


def feature(code: str, corners: list[tuple[float, float]]) -> dict:
    ring = [*corners, corners[0]]
    return {
        "type": "Feature",
        "properties": {"code": code, "name": f"网格 {code[12:]}"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def test_a_drawn_grid_gets_the_next_code_and_its_components(account) -> None:
    add(1)
    add(2, lon=LON + 0.0015)
    steward = actor_of_account(account("data_steward"))
    first = grids.draw(COMMUNITY, "一格", square(LON - 0.0005, LAT - 0.0005), steward)
    assert first == COMMUNITY + "001"
    assert dict(Component.objects.values_list("key", "grid_code")) == {"3302030101000001": first, "3302030101000002": ""}
    second = grids.draw(COMMUNITY, "", square(LON + 0.0005, LAT - 0.0005), steward)
    assert (second, areas.name_of(second)) == (COMMUNITY + "002", "网格 002")
    assert grids.check() == (), "they share a border and nothing else"
    assert Component.objects.get(key="3302030101000002").grid_code == second
    # Drawn again, larger: what it was until yesterday is still known, and its code stays.
    grids.draw(second, "二格", square(LON + 0.0004, LAT - 0.0005, 0.0011), steward)
    found = grids.check()
    assert [(one.kind, one.codes) for one in found] == [("overlap", (first, second))]
    assert found[0].area_m2 == pytest.approx(111_195**2 * 0.0001 * 0.001 * 0.867, rel=0.05)
    grids.end(second, steward)
    assert Component.objects.get(key="3302030101000002").grid_code == ""
    assert grids.draw(COMMUNITY, "", square(LON + 0.0005, LAT - 0.0005), steward) == COMMUNITY + "002"
    for corners in ([(0.0, 0.0)], [(1.0, 1.0), (1.0, 1.0), (999.0, 1.0)]):
        with pytest.raises(Refused):
            grids.draw(COMMUNITY, "", corners, steward)
    with pytest.raises(Refused):
        grids.draw("330203999999", "", square(LON, LAT), steward)


def test_imported_grids_are_taken_and_what_is_wrong_between_them_is_listed(browser_of) -> None:
    steward = browser_of("data_steward", "duty_officer")
    # A ring of eight around a hole, and one that lies on a neighbour: 14 and 15 digits both are grids.
    cells = [(x, y) for x in range(3) for y in range(3) if (x, y) != (1, 1)]
    features = [feature(f"{COMMUNITY}{n:03d}", square(LON + x * 0.001, LAT + y * 0.001)) for n, (x, y) in enumerate(cells, 1)]
    features.append(feature(f"{COMMUNITY}77", square(LON + 0.0005, LAT)))
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    answer = steward.post("/grids/import", {"file": SimpleUploadedFile("grids.geojson", body), "crs": "WGS-84"})
    assert answer.status_code == 303, answer.content.decode()
    found = [(one.kind, one.codes[0]) for one in grids.check("330203001")]
    assert ("gap", COMMUNITY) in found
    assert sum(kind == "overlap" for kind, _code in found) == 2
    page = steward.get("/grids?street=330203001").content.decode()
    assert "重叠" in page
    assert "空白" in page
    shown = json.loads(steward.get("/grids/shapes.json?street=330203001").content)
    assert len(shown["features"]) == 9
    district = b'{"features": [{"properties": {"code": "330203", "name": "x"}}]}'
    deep = steward.post("/grids/import", {"file": SimpleUploadedFile("x.geojson", b"[" * 100_000), "crs": "WGS-84"})
    assert deep.status_code == 400
    refused = steward.post("/grids/import", {"file": SimpleUploadedFile("x.geojson", district), "crs": ""})
    assert refused.status_code == 400
    assert "14" in refused.content.decode()
    text = "\n".join(f"{lon}, {lat}" for lon, lat in square(LON + 0.01, LAT))
    drawn = steward.post("/grids/draw", {"community": COMMUNITY, "name": "手工", "corners": text})
    assert drawn.status_code == 303
    page = steward.get(f"/grids/draw?code={COMMUNITY}078").content.decode()
    assert f"{LON + 0.01:.7f}" in page, "what is there can be drawn again"
    wrong = steward.post("/grids/draw", {"community": COMMUNITY, "corners": "121.5 29.8\nhere"})
    assert wrong.status_code == 400
    assert "here" in wrong.content.decode(), "nothing is typed twice"


def test_a_grid_has_people_by_period_and_a_person_several_grids(account, browser_of) -> None:
    steward = actor_of_account(account("data_steward"))
    codes = [grids.draw(COMMUNITY, "", square(LON + n * 0.001, LAT), steward) for n in range(2)]
    worker, today, now = account("grid_worker"), areas.today(), timezone.now()
    for code in codes:
        grids.assign(code, worker.pk, today, None, steward, now)
    with pytest.raises(Refused):
        grids.assign(codes[0], worker.pk, today + dt.timedelta(days=5), None, steward, now)
    chief = browser_of("duty_officer")
    other = account("verifier")
    given = {"account": str(other.pk), "since": str(today), "until": str(today + dt.timedelta(days=7))}
    assert chief.post(f"/grids/{codes[0]}/worker", given).status_code == 303
    assert chief.post(f"/grids/{codes[0]}/worker", {**given, "until": str(today)}).status_code == 400
    page = chief.get(f"/grids/{codes[0]}").content.decode()
    assert "grid_worker" in page
    assert "verifier" in page
    assert GridWorker.objects.filter(grid_code=codes[0]).count() == 2
    assert chief.get("/grids/330203001001999").status_code == 404
