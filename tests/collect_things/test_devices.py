# SPDX-License-Identifier: Apache-2.0
"""Devices as people and devices themselves meet them: provisioning, rotation, health, calibration, commands, quarantine."""

from __future__ import annotations

import datetime as dt
import os
import stat
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, Assignment, AuditRecord, Organisation
from chengyun.collect.things import services
from chengyun.collect.things.broker_files import write_broker_files
from chengyun.collect.things.models import Command, Credential, Device, DeviceState
from chengyun.collect.things.queries import list_devices, standing_of
from chengyun.collect.things.tasks import expire_commands
from chengyun.errors import NotFound, Refused
from chengyun.lake.services import ensure_tables
from chengyun.packs.air_quality.models import Station

pytestmark = pytest.mark.django_db
STREAM = "air_quality.station_5min"


@pytest.fixture(autouse=True)
def station() -> Station:
    ensure_tables()
    return Station.objects.create(key="S1", name="东门", area_code="330203001", lon=121.5, lat=29.9)


def signed_in(role: str, area: str = "") -> Client:
    body, _ = Organisation.objects.get_or_create(key="centre", defaults={"name": "中心", "kind": "centre", "area_code": area})
    account = Account.objects.create_user(f"{role}{area}", password="Tower-Bridge-1894", name=role, organisation=body)
    Assignment.objects.create(account=account, role=role, organisation=body, area_code=area)
    client = Client()
    client.force_login(account)
    return client


def test_many_are_registered_at_once_or_none() -> None:
    rows = [{"key": "d1", "stream": STREAM, "entity": "S1"}, {"key": "d2", "kind": "gateway"}, {"key": "d3", "gateway": "d2"}]
    made = services.register_devices(SYSTEM, rows)
    assert [device.key for device, _ in made] == ["d1", "d2", "d3"]
    assert Device.objects.get(key="d1").area_code == "330203001"
    with pytest.raises(Refused, match="2"):
        services.register_devices(SYSTEM, [{"key": "d4"}, {"key": "d5", "stream": STREAM, "entity": "nobody"}])
    assert not Device.objects.filter(key="d4").exists()
    for wrong in ({"key": "a/b"}, {"key": "x", "colour": "red"}, {"key": "x", "kind": "toaster"}, {"key": "x", "gateway": "d1"}):
        with pytest.raises(Refused):
            services.register_device(SYSTEM, **wrong)


def test_a_claim_code_works_once() -> None:
    [(device, code)] = services.register_devices(SYSTEM, [{"key": "d1"}])
    client = Client()
    assert client.post("/devices/claim", {"device": "d1", "code": "wrong"}).status_code == 404
    given = client.post("/devices/claim", {"device": "d1", "code": code}).json()
    assert given["username"].startswith("d1~")
    assert len(given["secret"]) >= 40
    assert client.post("/devices/claim", {"device": "d1", "code": code}).status_code == 404
    device.refresh_from_db()
    assert device.state == Device.State.ACTIVE
    kept = Credential.objects.get()
    assert given["secret"] not in f"{kept.digest}{kept.broker}"


def test_a_new_credential_overlaps_with_the_former_and_revoking_ends_one_at_once(tmp_path: Path) -> None:
    services.register_device(SYSTEM, "d1")
    first = services.credential(SYSTEM, "d1")
    second = services.credential(SYSTEM, "d1", overlap=dt.timedelta(hours=1))
    users = lambda: {line.split(":")[0] for line in (tmp_path / "passwords").read_text().split()}  # noqa: E731
    write_broker_files(tmp_path)
    assert users() == {"chengyun", first.username, second.username}
    assert stat.S_IMODE(os.stat(tmp_path / "passwords").st_mode) == 0o600
    former = Credential.objects.get(username=first.username)
    assert former.expires_at is not None
    assert former.expires_at <= timezone.now() + dt.timedelta(hours=1)
    services.revoke(SYSTEM, "d1", first.username)
    write_broker_files(tmp_path)
    assert users() == {"chengyun", second.username}
    services.retire(SYSTEM, "d1")
    write_broker_files(tmp_path)
    assert users() == {"chengyun"}


def test_health_says_the_worst_first() -> None:
    now = timezone.now()
    for key in ("fine", "silent", "low", "held", "uncalibrated", "unheard"):
        services.register_device(SYSTEM, key, cadence_s=60)
        services.credential(SYSTEM, key)
        if key != "unheard":
            seen = now - dt.timedelta(minutes=10 if key == "silent" else 1)
            battery = 0.1 if key == "low" else 0.9
            DeviceState.objects.create(device=Device.objects.get(key=key), seen_at=seen, battery=battery)
    services.quarantine(SYSTEM, "held", "读数恒定")
    Device.objects.filter(key="uncalibrated").update(calibrated_every_d=30)
    listed = list_devices(SYSTEM, now)
    health = {one.device.key: one.health for one in listed.devices}
    assert health == {
        "held": "quarantined", "silent": "silent", "uncalibrated": "uncalibrated", "low": "battery", "unheard": "unheard",
        "fine": "fine",
    }  # fmt: skip
    assert [one.device.key for one in listed.devices][:2] == ["held", "silent"]
    services.calibrate(SYSTEM, "uncalibrated", performed_at=now - dt.timedelta(days=1))
    assert standing_of(Device.objects.get(key="uncalibrated"), now).health == "fine"
    services.calibrate(SYSTEM, "uncalibrated", performed_at=now - dt.timedelta(hours=1), passed=False)
    assert standing_of(Device.objects.get(key="uncalibrated"), now).health == "uncalibrated"


def test_a_list_makes_as_many_queries_for_two_devices_as_for_twenty(django_assert_num_queries) -> None:
    def make(first: int, count: int) -> None:
        for number in range(first, first + count):
            services.register_device(SYSTEM, f"d{number}", calibrated_every_d=30)
            services.credential(SYSTEM, f"d{number}")
            services.bind(SYSTEM, f"d{number}", STREAM, "S1")

    make(0, 2)
    with django_assert_num_queries(5):
        list_devices(SYSTEM, timezone.now())
    make(2, 18)
    with django_assert_num_queries(5):
        list_devices(SYSTEM, timezone.now())


def test_commands_need_the_right_device_a_reason_and_expire_when_nobody_ends_them() -> None:
    services.register_device(SYSTEM, "lamp", kind="actuator", accepts=["on", "off"])
    with pytest.raises(Refused):
        services.send_command(SYSTEM, "lamp", "on", {}, "试验")
    services.credential(SYSTEM, "lamp")
    for name, reason in (("explode", "试验"), ("on", " ")):
        with pytest.raises(Refused):
            services.send_command(SYSTEM, "lamp", name, {}, reason)
    made = services.send_command(SYSTEM, "lamp", "on", {"level": 60}, "夜间检修")
    assert AuditRecord.objects.filter(action="device.command", target="lamp").exists()
    Command.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    expire_commands.func(timestamp=0)
    made.refresh_from_db()
    assert made.state == "expired"
    assert made.ended_at is not None


def test_pages_show_a_device_and_do_what_their_forms_say() -> None:
    client = signed_in("data_steward")
    answer = client.post("/devices/new", {"rows": f"key,name,kind,stream,entity\nm1,微站 1,sensor,{STREAM},S1"})
    assert answer.status_code == 200
    assert len(answer.context["page"].claims) == 1
    assert client.post("/devices/new", {"rows": "key,lon\nm2,east"}).status_code == 400
    secret = client.post("/devices/m1/credential", {"overlap_d": "7"}).context["page"].secret
    assert secret[0] == "m1~1"
    assert secret[1] not in client.get("/devices/m1").content.decode()
    assert client.post("/devices/m1/calibrate", {"performed_on": "2026-01-01", "valid_until": "2027-01-01"}).status_code == 303
    assert client.post("/devices/m1/quarantine", {"reason": ""}).status_code == 400
    assert client.post("/devices/m1/quarantine", {"reason": "与邻站不符"}).status_code == 303
    page = client.get("/devices/m1").context["page"]
    assert [one.dataset for one in page.readings] == [STREAM]
    assert page.held.reason == "与邻站不符"
    assert page.calibrations[0].valid
    assert page.bound[0].entity == "S1"
    assert client.post("/devices/m1/release", {"reason": "已换传感器"}).status_code == 303
    listed = client.get("/devices", {"q": "m1"}).context["page"].listed
    assert [row.key for row in listed.items] == ["m1"]
    assert client.post("/devices/m1/nothing", {}).status_code == 404
    topic = {"key": "own", "pattern": "x/{station}/{quantity}", "stream": STREAM, "payload": "plain"}
    assert client.post("/devices/topics/save", topic).status_code == 303
    assert client.post("/devices/topics/save", topic | {"pattern": "x/{nothing}"}).status_code == 400


def test_others_see_only_their_areas_devices_and_may_not_do_what_their_post_does_not() -> None:
    services.register_device(SYSTEM, "here", area_code="330203001")
    services.register_device(SYSTEM, "there", area_code="330204001")
    clerk = signed_in("department_clerk", "330203")
    assert [row.key for row in clerk.get("/devices").context["page"].listed.items] == ["here"]
    assert clerk.get("/devices/there").status_code == 404
    assert clerk.post("/devices/here/credential", {}).status_code == 403
    assert clerk.post("/devices/there/quarantine", {"reason": "x"}).status_code in (403, 404)
    assert signed_in("grid_worker").get("/devices").status_code == 404
    with pytest.raises(NotFound):
        services.claim("here", "")
