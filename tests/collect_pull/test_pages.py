# SPDX-License-Identifier: Apache-2.0
"""A steward's way: make a source on the page, try it, start it, decide a change; nobody else may, and no secret is shown."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess

import msgspec
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from house import STREAM

from chengyun.access.models import Account, Assignment, AuditRecord, Organisation
from chengyun.collect.pull import queries, services
from chengyun.collect.pull.credentials import Credentials, open_
from chengyun.collect.pull.models import Drift, Run, Source
from chengyun.collect.pull.spec import read_spec
from chengyun.config import config
from chengyun.errors import Refused, Unavailable
from chengyun.web.sources import changing, deeds

_numbers = itertools.count(1)


@pytest.fixture
def sign_in(town, monkeypatch):
    """sign_in("data_steward") returns a browser of somebody with that role."""
    for module in (services, deeds):
        if hasattr(module, "config"):
            monkeypatch.setattr(module, "config", lambda: town.config)
    centre, _ = Organisation.objects.get_or_create(key="operations_centre", defaults={"name": "市城市运行中心", "kind": "centre"})

    def make(role: str) -> Client:
        account = Account.objects.create_user(f"p{next(_numbers)}-{role}", password="Tower-Bridge-1894", organisation=centre)
        Assignment.objects.create(account=account, role=role, organisation=centre)
        client = Client()
        client.force_login(account)
        return client

    return make


def typed(postgres, table: str, key: str) -> dict[str, str]:
    return {
        "kind": "database", "to": STREAM, "name": "交警卡口", "key": key, "address": postgres.address, "every": "10m",
        "time_zone": "Asia/Shanghai", "read.table": table, "read.watermark": "updated", "drift": "stop", "user": "postgres",
        "password": "tell-nobody", "column.station": "zd", "column.start": "sj", "column.pm25": "pm25 * 1000",
    }  # fmt: skip


@pytest.fixture
def counts(town, postgres):
    (key,) = town.stations(1)
    name = f"page_{key.lower()}"
    postgres.execute(f"CREATE TABLE {name} (zd text, sj timestamp, pm25 float, updated timestamp)")
    for row in ((key, "2026-11-20 08:00", 0.02), (key, "2026-11-20 08:05", 9.0), ("nobody", "2026-11-20 08:00", 0.01)):
        postgres.execute(f"INSERT INTO {name} VALUES (%s, %s, %s, '2026-11-20 09:00')", *row)
    return key, name


def test_from_the_form_to_the_first_rows(town, postgres, counts, sign_in, monkeypatch):
    station, table = counts
    steward = sign_in("data_steward")
    key = f"made_{station.lower()}"
    asked = steward.get("/sources/new", {"kind": "database", "to": STREAM}).content.decode()
    assert 'name="column.pm25"' in asked
    wrong = steward.post("/sources/new", typed(postgres, table, key) | {"column.start": ""})
    assert wrong.status_code == 400
    assert "tell-nobody" not in wrong.content.decode()
    assert steward.post("/sources/new", typed(postgres, table, key)).status_code == 303
    source = Source.objects.get(key=key)
    assert (source.state, source.spec["stream"]["columns"]["pm25"]) == ("paused", {"column": "pm25", "factor": 1000.0})
    assert open_(town.config.secret, source.credentials).password == "tell-nobody"
    for name, value in town.env.items():
        monkeypatch.setenv(name, value)
    tried = steward.post(f"/sources/{key}/test").content.decode()
    assert "入库并标记" in tried  # 9 mg/m³ is beyond what is real
    assert "成为问题数据" in tried
    assert town.rows("SELECT count(*) FROM pull_run WHERE source_id = %s", source.pk) == [(0,)]
    steward.post(f"/sources/{key}/resume")
    run = town.run(source)
    assert (run.kept, run.dead, run.flagged >= 1) == (2, 1, True)
    page = steward.get(f"/sources/{key}").content.decode()
    assert "tell-nobody" not in page
    listed = steward.get("/sources").content.decode()
    assert f"/sources/{key}" in listed
    assert "tell-nobody" not in listed
    assert AuditRecord.objects.filter(dataset="sources", target=key, action="source.add").exists()


def test_a_change_is_decided_on_the_page(town, postgres, counts, sign_in):
    _, table = counts
    steward = sign_in("data_steward")
    key = f"drift_{table}"
    steward.post("/sources/new", typed(postgres, table, key))
    source = Source.objects.get(key=key)
    steward.post(f"/sources/{key}/resume")
    town.run(source)
    postgres.execute(f"ALTER TABLE {table} ALTER pm25 TYPE text")
    assert town.run(source).state == "stopped"
    drift = Drift.objects.get(source=source)
    assert f"/sources/{key}/changes/{drift.pk}" in steward.get(f"/sources/{key}").content.decode()
    assert steward.post(f"/sources/{key}/changes/{drift.pk}", {"decision": "accepted"}).status_code == 303
    assert steward.post(f"/sources/{key}/changes/{drift.pk}", {"decision": "ignored"}).status_code == 409
    assert town.run(source).state == "done"


@pytest.mark.parametrize("role", ["duty_officer", "handler", "integrator"])
def test_others_do_not_see_that_there_are_sources(town, sign_in, role):
    browser = sign_in(role)
    assert browser.get("/sources").status_code == 404
    assert browser.get("/sources/x").status_code == 404
    assert browser.post("/sources/new", {}).status_code == 404


def test_an_administrator_looks_and_does_not_touch(town, counts, postgres, sign_in):
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": counts[1]},
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj"}},
    )  # fmt: skip
    browser = sign_in("administrator")
    page = browser.get(f"/sources/{source.key}")
    assert page.status_code == 200
    assert "更换凭据" not in page.content.decode()
    assert browser.post(f"/sources/{source.key}/pause").status_code == 404


def test_why_a_reading_failed_is_said_in_the_language_of_the_page(town, counts, postgres, sign_in):
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": counts[1]},
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj"}},
    )  # fmt: skip
    told = "http://bins.example/a answers 404, expected 200. Check the address."
    Run.objects.create(source=source, by="schedule", started_at=timezone.now(), state="failed", error=told)
    steward = sign_in("data_steward")
    for address in ("/sources", f"/sources/{source.key}"):
        assert "应答 404，应为 200" in steward.get(address, headers={"accept-language": "zh-CN"}).content.decode(), address
        assert told in steward.get(address, headers={"accept-language": "en"}).content.decode(), address


def test_lag_is_an_alarm_and_a_paused_source_is_none(town, counts, postgres):
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": counts[1]}, late_after="1h",
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj"}}, credentials=Credentials(user="postgres"),
    )  # fmt: skip
    now = timezone.now()
    assert not queries.is_late(source, now)
    town.run(source)
    source.refresh_from_db()
    assert queries.is_late(source, now)  # its newest reading is from days ago, though the run was a success
    source.newest = source.succeeded_at = now
    assert not queries.is_late(source, now + dt.timedelta(minutes=59))
    assert queries.is_late(source, now + dt.timedelta(minutes=61))
    source.state = "paused"
    assert not queries.is_late(source, now + dt.timedelta(days=9))


def test_a_cron_schedule_is_in_the_citys_time():
    spec = read_spec(
        {"key": "x", "name": "x", "address": "https://api.example.org/", "read": {"kind": "http"}, "cron": "30 8 * * *",
         "stream": {"to": STREAM, "columns": {"station": "a", "start": "b"}}},
        settings.CITY,
    )  # fmt: skip
    now = dt.datetime(2026, 11, 22, 0, 0, tzinfo=dt.UTC)
    assert spec.next_after(now, config().zone) == dt.datetime(2026, 11, 22, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"address": "mysql://root:pw@10.0.0.1/x"}, "kept encrypted"),
        ({"address": "ftp://10.0.0.1/x"}, "expected postgresql"),
        ({"every": "soon"}, "not a length of time"),
        ({"cron": "61 * * * *"}, "not a schedule"),
        ({"colour": "red"}, "unknown field"),
        ({"stream": {"to": "air_quality.station_5mins", "columns": {}}}, "Did you mean"),
        ({"time_zone": "Asia/Shangai"}, "Asia/Shanghai"),
    ],
)
def test_what_is_wrong_with_a_source_is_said_at_once(given, told):
    from chengyun.errors import Refused

    sound = {"key": "x", "name": "x", "address": "mysql://10.0.0.1/x", "read": {"kind": "database", "table": "t"},
             "stream": {"to": STREAM, "columns": {"station": "a", "start": "b"}}}  # fmt: skip
    read_spec(sound, settings.CITY)
    with pytest.raises(Refused, match=told):
        read_spec(sound | given, settings.CITY)


def test_a_source_is_changed_on_a_form_and_what_the_form_does_not_ask_stays(town, sign_in):
    steward = sign_in("data_steward")
    columns = {"station": "zd", "start": {"column": "sj", "format": "%Y/%m/%d %H:%M"}, "pm25": {"column": "pm", "factor": 1000.0}}
    source = town.source(
        address="https://example.org/v1/counts", read={"kind": "http", "rows": "data", "per_second": 1.0, "auth": "bearer"},
        stream={"to": STREAM, "columns": columns}, identity=["zd", "sj"],
    )  # fmt: skip
    before = source.spec
    address = f"/sources/{source.key}/change"
    asked = steward.get(address).content.decode()
    assert 'value="pm * 1000"' in asked
    assert 'name="key"' not in asked
    given = changing.typed(before)
    assert steward.post(address, given).status_code == 303
    source.refresh_from_db()
    whole = msgspec.json.decode(msgspec.json.encode(read_spec(before, settings.CITY)))
    assert source.spec == whole, "a form sent back as it came changes nothing"
    other = {"name": "改", "column.start": "when", "read.rows": "", "read.auth": "none"}
    assert steward.post(address, given | other).status_code == 303
    source.refresh_from_db()
    assert source.name == "改"
    assert source.spec["stream"]["columns"]["start"] == {"column": "when", "format": "%Y/%m/%d %H:%M"}
    assert source.spec["read"] == {"kind": "http", "per_second": 1.0}
    assert source.spec["identity"] == ["zd", "sj"]
    wrong = steward.post(address, given | {"column.start": ""})
    assert wrong.status_code == 400
    assert 'value="pm * 1000"' in wrong.content.decode()
    assert sign_in("department_clerk").get(address).status_code in (403, 404)
    source.pack = "air_quality"
    source.save()
    assert steward.get(address).status_code in (400, 403, 409)


def test_a_trial_is_shown_though_a_file_of_it_is_in_the_log(monkeypatch):
    said = {
        "stdout": '{"rows": []}\n',
        "stderr": "2.csv could not be read\nTraceback (most recent call last):\n",
        "returncode": 0,
    }
    monkeypatch.setattr(deeds.subprocess, "run", lambda command, **_given: subprocess.CompletedProcess(command, **said))
    assert deeds._tested("any") == {"rows": []}
    said |= {"stdout": "", "returncode": 1}
    with pytest.raises(Unavailable, match="试读出了错"):
        deeds._tested("any")
    said |= {"stderr": "a.csv is broken. Send it again.\n"}
    with pytest.raises(Refused, match="Send it again"):
        deeds._tested("any")
