# SPDX-License-Identifier: Apache-2.0
"""The list of devices by health, and the form that registers one or many."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, reads
from chengyun.collect.things.models import Device
from chengyun.collect.things.queries import HEALTHS, Health, Standing, list_devices
from chengyun.collect.things.services import register_devices
from chengyun.errors import Refused
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

MARKS: dict[Health, str] = {
    "quarantined": "bad", "silent": "stale", "uncalibrated": "partial", "battery": "partial", "unheard": "missing",
    "fine": "fresh", "planned": "missing", "retired": "missing",
}  # fmt: skip
"""Health → the mark it is shown with (components.css, status)."""
MOST_ROWS = 5_000
NUMBERS = {"lon": float, "lat": float, "cadence_s": int, "calibrated_every_d": int}


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device of the list. health: in words; mark: how it is marked. bound: what it measures, as (stream's name, entity)."""

    key: str
    name: str
    kind: str
    health: str
    mark: str
    seen_at: dt.datetime | None
    battery: float | None
    low: bool
    firmware: str
    bound: tuple[tuple[str, str], ...]
    gateway: str


@dataclass(frozen=True, slots=True)
class HealthCount:
    """How many devices stand so; chosen: the list shows only these."""

    value: str
    name: str
    count: int
    bad: bool
    chosen: bool


@dataclass(frozen=True)
class DevicesPage:
    listed: Listed[DeviceRow]
    counts: tuple[HealthCount, ...]
    text: str
    kinds: tuple[Choice, ...]
    streams: tuple[Choice, ...]
    may_manage: bool
    as_of: dt.datetime


@dataclass(frozen=True)
class NewPage:
    """claims: key, name and code of each device just registered; a code is shown this once."""

    text: str
    columns: tuple[tuple[str, str], ...]
    streams: tuple[tuple[str, str], ...]
    claims: tuple[tuple[str, str, str], ...]
    fault: Fault | None


def health_names() -> dict[Health, str]:
    """Return every health in words."""
    return {
        "quarantined": _("隔离中"), "silent": _("失联"), "uncalibrated": _("未校准"), "battery": _("电量低"),
        "unheard": _("从未上报"), "fine": _("正常"), "planned": _("待接入"), "retired": _("已停用"),
    }  # fmt: skip


@require_safe
@reads("devices")
def device_list(request: HttpRequest) -> HttpResponse:
    """List devices, the worst first."""
    now = timezone.now()
    text, kind, health, stream = asked(request, "q", "kind", "health", "stream")
    kind = kind if kind in Device.Kind.values else ""
    health = health if health in HEALTHS else ""
    actor = actor_of(request)
    found = list_devices(actor, now, text=text, kind=kind, health=health, stream=stream, page=page_number(request))
    names = health_names()
    counts = tuple(
        HealthCount(one, names[one], found.counts[one], one in ("quarantined", "silent"), one == health) for one in HEALTHS
    )
    page = DevicesPage(
        Listed(tuple(map(row_of, found.devices)), found.page, found.page < found.pages, filters_of(request.GET), found.total),
        counts,
        text,
        tuple(Choice(value, str(name), value == kind) for value, name in Device.Kind.choices),
        tuple(Choice(key, one.name, key == stream) for key, one in settings.CITY.streams.items()),
        may(actor, "device.manage"),
        now,
    )
    return render(request, "devices/list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("device.manage")
def new_devices(request: HttpRequest) -> HttpResponse:
    """Register devices written as lines of CSV; show the codes they are claimed by."""
    text, claims, fault = request.POST.get("rows", ""), [], None
    if request.method == "POST":
        made: list[tuple[Device, str]] = []
        fault = attempt(request, "register", lambda: made.extend(register_devices(actor_of(request), _read_rows(text))))
        claims = [(device.key, device.name, code) for device, code in made]
    page = NewPage("" if claims else text, columns(), _streams(), tuple(claims), fault)
    return render(request, "devices/new.html", {"page": page}, status=fault.status if fault else 200)


def row_of(standing: Standing) -> DeviceRow:
    device, streams = standing.device, settings.CITY.streams
    bound = tuple((streams[it.stream].name if it.stream in streams else it.stream, it.entity) for it in standing.bound)
    return DeviceRow(
        device.key, device.name, device.get_kind_display(), health_names()[standing.health], MARKS[standing.health],
        standing.seen_at, standing.battery, standing.battery is not None and standing.battery < 0.2, standing.firmware, bound,
        device.gateway.key if device.gateway else "",
    )  # fmt: skip


def columns() -> tuple[tuple[str, str], ...]:
    """Return what a line may say, and what it means."""
    return (
        ("key", _("设备编码，必填")), ("name", _("名称")), ("kind", "sensor · actuator · gateway"), ("reach", "mqtt · http"),
        ("gateway", _("所接网关的编码")), ("vendor", _("厂商")), ("model", _("型号")), ("serial", _("出厂编号")),
        ("stream", _("感知流")), ("entity", _("对象编码")), ("area_code", _("区域；缺省随对象")),
        ("cadence_s", _("上报间隔（秒）")), ("calibrated_every_d", _("校准周期（天）")),
        ("accepts", _("可执行的指令，空格分隔")),
    )  # fmt: skip


def _streams() -> tuple[tuple[str, str], ...]:
    return tuple((key, stream.name) for key, stream in settings.CITY.streams.items())


def _read_rows(text: str) -> list[dict[str, object]]:
    rows = list(csv.DictReader(io.StringIO(text.strip())))
    if not rows:
        raise Refused(_("请先写一行列名，再每台设备写一行。"), code="device_rows")
    if len(rows) > MOST_ROWS:
        raise Refused(_("一次最多登记 %d 台设备。") % MOST_ROWS, code="device_rows")
    return [_typed(number, row) for number, row in enumerate(rows, 1)]


def _typed(number: int, row: dict[str, str]) -> dict[str, object]:
    typed: dict[str, object] = {}
    for name, value in row.items():
        if name is None or value is None:
            raise Refused(_("第 %d 行的列数与列名不一致。") % number, code="device_rows")
        typed[name.strip()] = value.strip()
    for name, kind in NUMBERS.items():
        if typed.get(name):
            try:
                typed[name] = kind(str(typed[name]))
            except ValueError:
                said = _("第 %(row)d 行的 %(name)s 不是数字：%(value)s") % {"row": number, "name": name, "value": typed[name]}
                raise Refused(said, code="device_rows") from None
    if typed.get("accepts"):
        typed["accepts"] = str(typed["accepts"]).split()
    return typed
