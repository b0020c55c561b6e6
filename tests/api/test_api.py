# SPDX-License-Identifier: Apache-2.0
"""The data service: what is asked, page by page, as different people; what is refused and how."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.apps import apps
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.services import issue_token
from chengyun.lake.services import ensure_tables
from chengyun.operate.models import Alert, Figure
from chengyun.web.api.routes import ROUTES

STREAM = "air_quality.station_hour"


@pytest.fixture
def duty(db) -> Client:
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    account = Account.objects.create_user("duty", organisation=centre)
    Assignment.objects.create(account=account, role="duty_officer", organisation=centre)
    client = Client()
    client.force_login(account)
    return client


def alert(number: int, dataset: str = STREAM) -> Alert:
    now = timezone.now()
    return Alert.objects.create(
        rule="air_quality.pm25_hour_severe", dataset=dataset, subject=f"S{number}", subject_name=f"S{number} 站", severity="red",
        area_code="330203", value=260.0, limit=250.0, since=now, last_seen_at=now, opened_at=now, evidence={},
    )  # fmt: skip


def every_page(client: Client, address: str, name: str) -> list[dict]:
    found, cursor = [], ""
    for _ in range(100):
        answer = client.get(address + (f"&cursor={cursor}" if cursor else "")).json()
        found += answer[name]
        cursor = answer["next"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def test_pages_of_alerts_hold_each_alert_once(duty):
    made = [alert(number).pk for number in range(7)]
    found = [one["id"] for one in every_page(duty, "/api/v1/alerts?limit=3", "alerts")]
    assert found == made[::-1]


def test_pages_of_figures_hold_each_figure_once(duty):
    start = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    for day in range(3):
        for subject in ("330200", "330203"):
            Figure.objects.create(
                indicator="air_quality.area_day_aqi", subject=subject, area_code=subject, period_start=start + dt.timedelta(day),
                value=40.0 + day, detail={}, coverage=1.0, quality={}, simulated=False, as_of={}, version="v", computed_at=start,
            )  # fmt: skip
    found = every_page(duty, "/api/v1/figures/air_quality.area_day_aqi?limit=4", "figures")
    assert [(one["period_start"][:10], one["subject"]) for one in found] == [
        (f"2026-04-0{day}", subject) for day in (1, 2, 3) for subject in ("330200", "330203")
    ]
    later = duty.get("/api/v1/figures/air_quality.area_day_aqi?subject=330203&since=2026-04-02T00:00:00%2B00:00").json()
    assert [one["value"] for one in later["figures"]] == [41.0, 42.0]


def test_a_register_pages_by_key_and_a_thing_is_found(duty):
    station = apps.get_model("air_quality", "Station")
    for key in "ABCDE":
        station.objects.create(key=key, name=f"{key} 站", area_code="330203001", lon=121.5, lat=29.9)
    found = every_page(duty, "/api/v1/registers/air_quality.station?limit=2", "entities")
    assert [one["key"] for one in found] == list("ABCDE")
    assert duty.get("/api/v1/registers/air_quality.station/C").json()["name"] == "C 站"
    assert duty.get("/api/v1/registers/air_quality.station/Z").status_code == 404


def test_what_is_not_open_looks_absent_to_the_public(client, duty):
    hidden, shown = alert(1, "air_quality.nowhere"), alert(2)
    assert [one["id"] for one in client.get("/api/v1/alerts").json()["alerts"]] == [shown.pk]
    absent, forbidden = client.get("/api/v1/alerts/999999"), client.get(f"/api/v1/alerts/{hidden.pk}")
    assert (absent.status_code, absent.content) == (forbidden.status_code, forbidden.content)
    assert duty.get(f"/api/v1/alerts/{hidden.pk}").status_code == 200


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/api/v1/alerts?limit=0", "limit"),
        ("/api/v1/alerts?limit=1001", "limit"),
        ("/api/v1/alerts?limit=٣", "limit"),
        ("/api/v1/alerts?state=opened", "state"),
        ("/api/v1/alerts?sate=open", "sate"),
        ("/api/v1/alerts?area=%00", "area"),
        ("/api/v1/alerts?cursor=x", "cursor"),
        ("/api/v1/alerts?cursor=WyJ4Il0", "cursor"),
        ("/api/v1/areas?day=2026-13-01", "day"),
        ("/api/v1/areas?day=0001-01-01", "day"),
        ("/api/v1/figures/air_quality.area_day_aqi?since=2026-04-01", "since"),
        (f"/api/v1/streams/{STREAM}/observations?since=2020-01-01T00:00:00%2B08:00&until=2026-01-01T00:00:00%2B08:00", "since"),
    ],
)
def test_a_wrong_parameter_is_named(duty, address, parameter):
    answer = duty.get(address)
    assert answer.status_code == 400
    assert answer.json()["code"] == "parameter"
    assert answer.json()["parameter"] == parameter


@pytest.mark.parametrize(
    "address", ["/api/v1/nothing", "/api/v1/streams/x/latest", "/api/v1/figures/x", "/api/v1/cases/x", "/api/v1/why/1"]
)
def test_what_is_absent_is_a_json_problem(duty, address):
    answer = duty.get(address)
    assert answer.status_code == 404
    assert set(answer.json()) >= {"code", "message"}


def test_only_reading_is_possible(duty):
    answer = duty.post("/api/v1/alerts")
    assert (answer.status_code, answer.headers["Allow"], answer.json()["code"]) == (405, "GET, HEAD", "method")


def test_a_key_that_is_wrong_or_not_for_reading_is_refused(client, db):
    ensure_tables()
    ingest = issue_token(scopes=["ingest:*"])
    reads = issue_token(scopes=["read"])
    statuses = [client.get("/api/v1/datasets", headers={"Authorization": f"Bearer {key}"}) for key in ("x", ingest, reads)]
    assert [answer.status_code for answer in statuses] == [401, 401, 200]
    assert statuses[0].headers["WWW-Authenticate"] == "Bearer"


def test_an_unchanged_answer_is_not_sent_again(duty):
    first = duty.get("/api/v1/datasets")
    again = duty.get("/api/v1/datasets", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_description_names_every_address_served_and_no_other(client, db):
    told = client.get("/api/openapi.json").json()
    described = {path for path in told["paths"] if path.startswith("/api/")}
    assert described == {f"/api/v1{route.path}" for route in ROUTES}
    served = [entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/"]
    assert len(served[0].url_patterns) == len(ROUTES) + 2
    assert {"/ingest/{stream}", "/latest/{stream}", "/health"} <= set(told["paths"])
    assert told["openapi"].startswith("3.1")
    json.dumps(told)


def test_the_page_of_the_service_shows_every_address(client, db):
    page = client.get("/api/").content.decode()
    for route in ROUTES:
        assert f"/api/v1{route.path}" in page
