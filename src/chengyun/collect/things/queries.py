# SPDX-License-Identifier: Apache-2.0
"""Devices as people read them: where they stand, how they do, as far as the reader's scope reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import connection
from django.db.models import Q
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope
from chengyun.city import City, sql_name
from chengyun.collect.things.models import Binding, Calibration, Device
from chengyun.errors import NotFound
from chengyun.lake.tables import stream_table

__all__ = ["HEALTHS", "Health", "Listed", "Standing", "access_device", "list_devices", "standing_of", "standings"]

Health = Literal["quarantined", "silent", "uncalibrated", "battery", "unheard", "fine", "retired", "planned"]
HEALTHS: tuple[Health, ...] = ("quarantined", "silent", "uncalibrated", "battery", "unheard", "fine", "planned", "retired")
"""Worst first; a device that is several is counted under the first."""

LOW_BATTERY = 0.2
SILENT_CADENCES = 3
"""Cadences without a word after which a device is silent, as for streams (city.words.Stream.silent_after)."""
PAGE = 50
MOST = 20_000
"""Devices whose health is worked out for one list."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a device does. seen_at: when it was last heard, by a reading or a word of its own. until: of its calibration."""

    device: Device
    health: Health
    seen_at: dt.datetime | None
    silent_after: dt.timedelta | None
    online: bool | None
    battery: float | None
    firmware: str
    bound: tuple[Binding, ...]
    calibrated_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of devices. counts: of every health, under the same filters but that of health."""

    devices: tuple[Standing, ...]
    total: int
    page: int
    pages: int
    counts: Mapping[str, int]


def access_device(actor: Actor, key: str, *, lock: bool = False) -> Device:
    """Return one device. Raises NotFound when there is none, or none for this reader."""
    found = Device.objects.filter(require_scope(actor, "devices").q(), key=key)
    device = (found.select_for_update() if lock else found).first()
    if device is None:
        raise NotFound(f"There is no device {key[:80]!r}.", dataset="devices")
    return device


def list_devices(
    actor: Actor, now: dt.datetime, *, text: str = "", kind: str = "", health: str = "", stream: str = "", page: int = 1
) -> Listed:
    """Return a page of devices that fit; empty filters take all. Raises NotFound for who may not read them."""
    found = Device.objects.filter(require_scope(actor, "devices").q())
    if text:
        found = found.filter(
            Q(key__icontains=text) | Q(name__icontains=text) | Q(serial__icontains=text) | Q(bindings__entity=text)
        ).distinct()
    if kind:
        found = found.filter(kind=kind)
    if stream:
        found = found.filter(bindings__stream=stream, bindings__until=None).distinct()
    standing = standings(found.select_related("said", "gateway").order_by("key")[:MOST], now)
    counts: dict[str, int] = dict.fromkeys(HEALTHS, 0)
    for one in standing:
        counts[one.health] += 1
    shown = [one for one in standing if one.health == health] if health else standing
    shown.sort(key=lambda one: HEALTHS.index(one.health))
    pages = max(1, -(-len(shown) // PAGE))
    page = min(max(1, page), pages)
    return Listed(tuple(shown[(page - 1) * PAGE : page * PAGE]), len(shown), page, pages, counts)


def standing_of(device: Device, now: dt.datetime) -> Standing:
    return standings([device], now)[0]


def standings(devices: Iterable[Device], now: dt.datetime) -> list[Standing]:
    """Return how each device does; as many queries for two as for two thousand."""
    chosen = list(devices)
    ids = [device.pk for device in chosen]
    bindings: dict[int, list[Binding]] = {}
    for binding in Binding.objects.filter(device_id__in=ids, until=None).order_by("stream"):
        bindings.setdefault(binding.device_id, []).append(binding)
    newest = _newest([binding for bound in bindings.values() for binding in bound])
    held = set(
        Device.objects.filter(pk__in=ids, quarantines__released_at=None, quarantines__isnull=False).values_list("pk", flat=True)
    )
    untils = _calibrated_until([device.pk for device in chosen if device.calibrated_every_d is not None])
    return [
        _standing(device, tuple(bindings.get(device.pk, ())), newest, device.pk in held, untils.get(device.pk), now)
        for device in chosen
    ]


def _standing(
    device: Device, bound: tuple[Binding, ...], newest: Mapping[tuple[str, str], dt.datetime], held: bool,
    until: dt.datetime | None, now: dt.datetime,
) -> Standing:  # fmt: skip
    city: City = settings.CITY
    said = getattr(device, "said", None)
    heard = [at for binding in bound if (at := newest.get((binding.stream, binding.entity)))]
    heard += [said.seen_at] if said is not None and said.seen_at else []
    seen = max(heard, default=None)
    limit = dt.timedelta(seconds=device.cadence_s * SILENT_CADENCES) if device.cadence_s else None
    if limit is None:
        declared = [city.streams[binding.stream] for binding in bound if binding.stream in city.streams]
        limits = [it.silent_after or (it.cadence * SILENT_CADENCES if it.cadence else None) for it in declared]
        limit = max((it for it in limits if it is not None), default=None)
    battery = said.battery if said is not None else None
    online = said.online if said is not None else None
    health: Health = "fine"
    if device.state == Device.State.RETIRED:
        health = "retired"
    elif held:
        health = "quarantined"
    elif device.state == Device.State.PLANNED:
        health = "planned"
    elif seen is None and online is not True:
        health = "unheard"
    elif online is False or (limit is not None and seen is not None and now - seen > limit):
        health = "silent"
    elif device.calibrated_every_d is not None and (until is None or until <= now):
        health = "uncalibrated"
    elif battery is not None and battery < LOW_BATTERY:
        health = "battery"
    firmware = said.firmware if said is not None else ""
    return Standing(device, health, seen, limit, online, battery, firmware, bound, until)


def _calibrated_until(ids: Sequence[int]) -> dict[int, dt.datetime]:
    """Return until when each device's newest calibrations all hold; a failed one holds no longer than it took."""
    newest = Calibration.objects.filter(device_id__in=ids).order_by("device_id", "quantity", "-performed_at", "-pk")
    found: dict[int, dt.datetime] = {}
    for one in newest.distinct("device_id", "quantity"):
        until = one.valid_until if one.passed else one.performed_at
        found[one.device_id] = min(until, found.get(one.device_id, until))
    return found


def _newest(bindings: Sequence[Binding]) -> dict[tuple[str, str], dt.datetime]:
    """Return the end of the newest reading of every bound entity: one query a stream."""
    city: City = settings.CITY
    found: dict[tuple[str, str], dt.datetime] = {}
    for name in sorted({binding.stream for binding in bindings} & city.streams.keys()):
        keys = [binding.entity for binding in bindings if binding.stream == name]
        query = sql.SQL("SELECT r.key, l.time FROM {} l JOIN {} r ON r.id = l.entity_id WHERE r.key = ANY(%s)").format(
            sql.Identifier("lake", f"latest_{sql_name(name)}"), sql.Identifier(stream_table(city, name).register)
        )
        with connection.cursor() as cursor:
            cursor.execute(query, [keys])
            found |= {(name, key): city.streams[name].end_of(time) for key, time in cursor.fetchall()}
    return found
