# SPDX-License-Identifier: Apache-2.0
"""The page of one device: how it does, what it measures, what it was told, and everything that happened to it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import reads
from chengyun.areas.queries import name_of
from chengyun.city import City, qualify
from chengyun.collect.things.models import Command, Device
from chengyun.collect.things.queries import access_device, standing_of
from chengyun.web.desk.deeds import Fault
from chengyun.web.devices.listing import MARKS, health_names
from chengyun.web.latest import Latest, latest_of

SHOWN = 20
"""Commands, firmware and calibrations listed; the newest."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a device measures or measured. address: of the entity's page. until: None: still."""

    stream: str
    stream_name: str
    entity: str
    address: str
    since: dt.datetime
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """A command. mark: how its state is marked. arguments, answer: JSON text, "" without any."""

    id: int
    name: str
    arguments: str
    state: str
    mark: str
    queued_at: dt.datetime
    ended_at: dt.datetime | None
    expires_at: dt.datetime
    actor: str
    reason: str
    answer: str


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration. valid: it holds now."""

    performed_at: dt.datetime
    valid_until: dt.datetime
    quantity: str
    passed: bool
    valid: bool
    certificate: str
    by: str
    deviation: float | None


@dataclass(frozen=True, slots=True)
class Key:
    """A credential. state: in words."""

    username: str
    kind: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    state: str
    live: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """A quarantine. released_at: None: still."""

    since: dt.datetime
    reason: str
    by: str
    automatic: bool
    released_at: dt.datetime | None
    released_by: str
    released_because: str


@dataclass(frozen=True)
class DevicePage:
    """secret: a credential just made, as (user, secret, claim code): shown this once. held: in quarantine."""

    key: str
    name: str
    kind: str
    state: str
    reach: str
    area: str
    vendor: str
    model: str
    serial: str
    gateway: str
    health: str
    mark: str
    seen_at: dt.datetime | None
    online: bool | None
    silent_after: dt.timedelta | None
    battery: float | None
    firmware: str
    detail: tuple[tuple[str, str], ...]
    calibrated_every_d: int | None
    calibrated_until: dt.datetime | None
    bound: tuple[Bound, ...]
    behind: tuple[tuple[str, str], ...]
    accepts: tuple[str, ...]
    readings: tuple[Latest, ...]
    commands: tuple[Told, ...]
    firmwares: tuple[tuple[str, dt.datetime, str, str], ...]
    calibrations: tuple[Calibrated, ...]
    quantities: tuple[tuple[str, str], ...]
    keys: tuple[Key, ...]
    doubts: tuple[Doubt, ...]
    held: Doubt | None
    streams: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    may_manage: bool
    may_command: bool
    may_trust: bool
    retired: bool
    secret: tuple[str, str, str] | None
    fault: Fault | None
    as_of: dt.datetime


COMMAND_MARKS = {
    "queued": "missing",
    "sent": "partial",
    "acknowledged": "partial",
    "done": "fresh",
    "failed": "bad",
    "expired": "stale",
}


@require_safe
@never_cache
@reads("devices")
def device_page(request: HttpRequest, key: str) -> HttpResponse:
    """Show one device."""
    return show(request, key)


def show(
    request: HttpRequest, key: str, *, fault: Fault | None = None, secret: tuple[str, str, str] | None = None
) -> HttpResponse:
    """Show a device, with what was refused or what is shown only once."""
    actor = actor_of(request)
    page = read_page(actor, access_device(actor, key), timezone.now(), fault, secret)
    return render(request, "devices/device.html", {"page": page}, status=fault.status if fault else 200)


def read_page(
    actor: Actor, device: Device, now: dt.datetime, fault: Fault | None = None, secret: tuple[str, str, str] | None = None
) -> DevicePage:
    """Return what the page shows."""
    city: City = settings.CITY
    standing = standing_of(device, now)
    doubts = tuple(
        Doubt(it.since, it.reason, it.by, it.automatic, it.released_at, it.released_by, it.released_because)
        for it in device.quarantines.all()[:SHOWN]
    )
    said = getattr(device, "said", None)
    streams = [city.streams[it.stream] for it in standing.bound if it.stream in city.streams]
    area = device.area_code
    return DevicePage(
        key=device.key, name=device.name, kind=device.get_kind_display(), state=device.get_state_display(),
        reach=device.get_reach_display(), area=name_of(area) if area else "", vendor=device.vendor, model=device.model,
        serial=device.serial, gateway=device.gateway.key if device.gateway else "", health=health_names()[standing.health],
        mark=MARKS[standing.health], seen_at=standing.seen_at, online=standing.online, silent_after=standing.silent_after,
        battery=standing.battery, firmware=standing.firmware,
        detail=tuple((name, str(value)) for name, value in sorted(said.detail.items())) if said is not None else (),
        calibrated_every_d=device.calibrated_every_d, calibrated_until=standing.calibrated_until,
        bound=tuple(_bound(city, it.stream, it.entity, it.since, it.until) for it in device.bindings.all()),
        behind=tuple(device.behind.order_by("key").values_list("key", "name")[:200]), accepts=tuple(device.accepts),
        readings=tuple(one for it in standing.bound for one in _readings(actor, it.stream, it.entity, now)),
        commands=tuple(_told(it) for it in device.commands.all()[:SHOWN]),
        firmwares=tuple(device.firmwares.values_list("version", "since", "source", "note")[:SHOWN]),
        calibrations=tuple(
            Calibrated(
                it.performed_at, it.valid_until, it.quantity, it.passed, it.passed and it.performed_at <= now < it.valid_until,
                it.certificate, it.by, it.deviation,
            )
            for it in device.calibrations.all()[:SHOWN]
        ),
        quantities=tuple(dict.fromkeys((one.key, one.name) for stream in streams for one in stream.quantities)),
        keys=tuple(
            Key(
                it.username, _("证书") if it.fingerprint else _("密钥"), it.created_at, it.expires_at,
                _("已吊销") if it.revoked_at else _("已过期") if it.expires_at and it.expires_at <= now else _("有效"),
                it.revoked_at is None and (it.expires_at is None or it.expires_at > now),
            )
            for it in device.credentials.all()[:SHOWN]
        ),
        doubts=doubts, held=next((one for one in doubts if one.released_at is None), None),
        streams=tuple((key, stream.name) for key, stream in city.streams.items()), topics=_topics(device),
        may_manage=may(actor, "device.manage", device.area_code), may_command=may(actor, "device.command", device.area_code),
        may_trust=may(actor, "device.trust", device.area_code), retired=device.state == Device.State.RETIRED,
        secret=secret, fault=fault, as_of=now,
    )  # fmt: skip


def _bound(city: City, stream: str, entity: str, since: dt.datetime, until: dt.datetime | None) -> Bound:
    declared = city.streams.get(stream)
    if declared is None:
        return Bound(stream, stream, entity, "", since, until)
    register = qualify(stream.split(".")[0], declared.entity.to)
    address = "" if "/" in entity else reverse("entity", args=[register, entity])
    return Bound(stream, declared.name, entity, address, since, until)


def _readings(actor: Actor, stream: str, entity: str, now: dt.datetime) -> tuple[Latest, ...]:
    """Return the newest reading of what a device is bound to, as far as the reader's scope reaches."""
    city: City = settings.CITY
    if stream not in city.streams:
        return ()
    register = qualify(stream.split(".")[0], city.streams[stream].entity.to)
    model = apps.get_model(register.split(".")[0], city.entities[register].model)
    row = model._default_manager.filter(key=entity).values("pk", "area_code").first()
    found = latest_of(register, row["pk"], row["area_code"], actor, now) if row else ()
    return tuple(one for one in found if one.dataset == stream)


def _told(command: Command) -> Told:
    answer = json.dumps(command.answer, ensure_ascii=False) if command.answer is not None else ""
    arguments = json.dumps(command.arguments, ensure_ascii=False) if command.arguments else ""
    return Told(
        command.pk, command.name, arguments, command.get_state_display(), COMMAND_MARKS[command.state], command.queued_at,
        command.ended_at, command.expires_at, command.actor, command.reason, answer,
    )  # fmt: skip


def _topics(device: Device) -> tuple[str, ...]:
    """Return the topics a device says and hears its own things on."""
    if device.reach != Device.Reach.MQTT:
        return ()
    bound = [it.stream for it in device.bindings.all() if it.until is None]
    return tuple(f"things/{device.key}/{what}" for what in ("state", "cmd", "ack", *(f"data/{stream}" for stream in bound)))
