# SPDX-License-Identifier: Apache-2.0
"""Tasks made and given on, with the ground that was covered; crews and shifts kept; what a city without any is shown."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from chengyun.areas import queries as areas
from chengyun.areas.files import Feature
from chengyun.areas.services import put_areas
from chengyun.cases.components import demo
from chengyun.cases.crews.models import Crew, Shift
from chengyun.cases.field.models import PatrolTask
from chengyun.packs.urban_management.models import Component

from .conftest import LAT, LON

pytestmark = pytest.mark.django_db
GRID = "330203001001001"


@pytest.fixture(autouse=True)
def grid(city) -> None:
    ring = [[LON, LAT], [LON + 0.002, LAT], [LON + 0.002, LAT + 0.002], [LON, LAT + 0.002], [LON, LAT]]
    known = [
        Feature(at="t", code="330203001", name="南门街道"),
        Feature(at="t", code="330203001001", name="试点社区"),
        Feature(at="t", code=GRID, name="一格", geometry={"type": "Polygon", "coordinates": [ring]}),
    ]
    put_areas(known, "WGS-84", valid_from=dt.date(2020, 1, 1), source="test")


def test_a_task_is_made_with_cells_given_on_and_taken_back(browser_of, account) -> None:
    chief, worker, other = browser_of("duty_officer"), account("grid_worker"), account("verifier")
    local = timezone.localtime()
    given = {
        "kind": "patrol", "area": GRID, "account": str(worker.pk), "begins": f"{local:%Y-%m-%dT%H:%M}",
        "until": f"{local + dt.timedelta(hours=8):%Y-%m-%dT%H:%M}", "share": "70", "title": "", "note": "看井盖",
    }  # fmt: skip
    assert chief.post("/patrols", {**given, "area": "999"}).status_code == 400
    assert chief.post("/patrols", {**given, "until": given["begins"]}).status_code == 400
    assert chief.post("/patrols", given).status_code == 303
    task = PatrolTask.objects.get()
    assert task.wanted_share == 0.7
    assert len(task.cells["wanted"]) >= 4, "a grid is counted in its own cells"
    task.seen = task.cells["wanted"][:2]
    task.save()
    page = chief.get(f"/patrols/{task.pk}").content.decode()
    assert page.count('class="seen"') == 2
    assert chief.post(f"/patrols/{task.pk}/change", {"account": str(other.pk)}).status_code == 303
    task.refresh_from_db()
    assert task.account == other
    assert len(task.seen) == 2
    assert "看井盖" in chief.get(f"/patrols/{task.pk}").content.decode()
    assert browser_of("grid_worker", name="stranger").post(f"/patrols/{task.pk}/change", {"account": "1"}).status_code == 404
    chief.post(f"/patrols/{task.pk}/change", {"deed": "take_back"})
    task.refresh_from_db()
    assert task.state == "hindered"
    assert chief.get("/patrols?state=hindered").content.decode().count(task.title) == 1


def test_crews_and_shifts_are_kept_on_pages(browser_of, account) -> None:
    chief = browser_of("duty_officer")
    member = account("handler", organisation="operations_centre")
    given = {
        "body": "operations_centre", "name": "抢修一班", "vehicle": "浙B 12345 皮卡", "start_lon": str(LON),
        "start_lat": str(LAT), "member": [str(member.pk)], "active": "1",
    }  # fmt: skip
    assert chief.post("/crews/kept/save", {**given, "skill": ["不存在"]}).status_code == 400
    refused = chief.post("/crews/kept/save", {**given, "start_lon": "x"})
    assert refused.status_code == 400
    assert "浙B 12345 皮卡" in refused.content.decode(), "nothing is typed twice"
    assert chief.post("/crews/kept/save", given).status_code == 303
    crew = Crew.objects.get()
    assert (crew.vehicle, crew.end_lon, list(crew.members.all())) == ("浙B 12345 皮卡", LON, [member])
    today = areas.today()
    hours = {"begins": "08:30", "ends": "17:30", "break_min": "60", "break_from": "11:30", "break_until": "13:00"}
    shifts = {**hours, "first": str(today), "last": str(today + dt.timedelta(days=6)), "weekday": [str(n) for n in range(7)]}
    assert chief.post(f"/crews/kept/{crew.key}/shifts", shifts).status_code == 303
    assert Shift.objects.filter(crew=crew).count() == 7
    assert chief.post(f"/crews/kept/{crew.key}/shifts", {**shifts, "ends": "08:00"}).status_code == 400
    assert chief.post(f"/crews/kept/{crew.key}/shifts", {"drop": str(today)}).status_code == 303
    assert Shift.objects.filter(crew=crew).count() == 6
    for path in ("/crews/kept", "/crews/kept/new", f"/crews/kept/{crew.key}", "/crews"):
        assert chief.get(path).status_code == 200, path
    clerk = browser_of("leader")
    assert clerk.get(f"/crews/kept/{crew.key}").status_code == 200
    assert clerk.post("/crews/kept/save", given).status_code == 404


def test_a_city_without_a_register_is_shown_an_invented_one_once(city) -> None:
    now = timezone.now()
    made = demo.invent(now, 330200)
    assert made == Component.objects.filter(simulated=True, source="模拟").count() > 300
    assert Component.objects.exclude(grid_code="").count() == 0 or areas.areas_on(None, "grid")
    assert Crew.objects.filter(key__startswith="sim-").count() == 4
    assert demo.invent(now, 330200) == 0
    assert demo.keep_shifts(now + dt.timedelta(days=3)) > 0
