# SPDX-License-Identifier: Apache-2.0
"""What happens to devices: registered, claimed, bound, told, doubted. Every deed is allowed first and recorded with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require
from chengyun.city import City, qualify
from chengyun.collect.things import secrets
from chengyun.collect.things.models import Binding, Calibration, Command, Credential, Device, Firmware, Quarantine
from chengyun.collect.things.queries import access_device
from chengyun.errors import NotFound, Refused

__all__ = [
    "Issued", "bind", "calibrate", "claim", "credential", "make_claim", "quarantine", "record_firmware", "register_device",
    "register_devices", "release", "retire", "revoke", "send_command",
]  # fmt: skip

CLAIM_LIVES = dt.timedelta(days=30)
OVERLAP = dt.timedelta(days=7)
"""How long the credential before goes on working when a device gets a new one, unless it is said otherwise."""
COMMAND_WITHIN = dt.timedelta(minutes=5)
LONGEST_COMMAND = dt.timedelta(days=7)

FIELDS = frozenset(
    "name kind reach vendor model serial area_code lon lat cadence_s accepts calibrated_every_d".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential; its secret is known nowhere else from now on."""

    device: str
    username: str
    secret: str
    until: dt.datetime | None


def register_device(actor: Actor, key: str, *, gateway: str = "", **given: Any) -> Device:
    """Register a device, or change what is known of one. Raises Refused with what does not fit."""
    require(actor, "device.manage", str(given.get("area_code") or ""))
    unknown = set(given) - FIELDS
    if unknown:
        word = min(unknown)
        raise Refused(_("设备没有字段 %s。") % word + meant(word, FIELDS), code="device_field")
    with transaction.atomic():
        device = Device.objects.select_for_update().filter(key=key).first()
        if device is not None:
            require(actor, "device.manage", device.area_code)
        made = device is None
        device = device or Device(key=key, name=key)
        for name, value in given.items():
            setattr(device, name, value)
        if gateway:
            device.gateway = access_device(actor, gateway)
            if device.gateway.kind != Device.Kind.GATEWAY or device.gateway.pk == device.pk:
                raise Refused(_("%s 不是网关。") % gateway, code="device_gateway")
        try:
            device.full_clean(exclude=["gateway"])
        except ValidationError as wrong:
            field, messages = next(iter(wrong.message_dict.items()))
            raise Refused(f"{key} {field}: {messages[0]}", code="device_invalid") from wrong
        device.save()
        audit.record(actor, "device.register" if made else "device.change", "devices", key, detail={"fields": sorted(given)})
    return device


def register_devices(actor: Actor, rows: Iterable[Mapping[str, Any]]) -> list[tuple[Device, str]]:
    """Register many, all or none; return each with the code it is claimed by. A row: key, fields, and stream and entity."""
    made = []
    with transaction.atomic():
        for number, row in enumerate(rows, 1):
            values = {name: value for name, value in row.items() if value not in ("", None)}
            key, stream, entity = (str(values.pop(name, "")) for name in ("key", "stream", "entity"))
            try:
                device = register_device(actor, key, **values)
                if stream or entity:
                    bind(actor, key, stream, entity)
                made.append((device, make_claim(actor, key)))
            except Refused as wrong:
                raise Refused(_("第 %(row)d 行：%(why)s") % {"row": number, "why": wrong.sentence}, code=wrong.code) from wrong
    return made


def make_claim(actor: Actor, key: str) -> str:
    """Return a code by which the device itself gets its first credential, once, within 30 days."""
    require(actor, "device.manage")
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.manage", device.area_code)
        code = secrets.claim_code()
        device.claim_digest, device.claim_until = secrets.digest(code), timezone.now() + CLAIM_LIVES
        device.save(update_fields=["claim_digest", "claim_until"])
        audit.record(actor, "device.claim_code", "devices", key)
    return code


def claim(key: str, code: str) -> Issued:
    """Return a device's first credential for its claim code. Raises NotFound: unknown, used and wrong look the same."""
    with transaction.atomic():
        found = Device.objects.select_for_update().filter(
            key=key, claim_digest=secrets.digest(code), claim_until__gt=timezone.now()
        ).exclude(claim_digest="").exclude(state=Device.State.RETIRED).first()  # fmt: skip
        if found is None:
            raise NotFound(_("没有这个待接入的设备，或接入码不对、已用过、已过期。"))
        found.claim_digest, found.claim_until = "", None
        found.state = Device.State.ACTIVE
        found.save(update_fields=["claim_digest", "claim_until", "state"])
        audit.record(SYSTEM, "device.claim", "devices", key)
        return _issue(found, dt.timedelta(0))


def credential(actor: Actor, key: str, *, overlap: dt.timedelta = OVERLAP, fingerprint: str = "") -> Issued:
    """Give a device a new credential; those before go on working for the overlap.

    fingerprint: SHA-256 of a client certificate; then there is no secret.
    """
    require(actor, "device.manage")
    if fingerprint and (len(fingerprint.replace(":", "")) != 64 or set(fingerprint.lower()) - set("0123456789abcdef:")):
        raise Refused(_("证书指纹是 64 位十六进制的 SHA-256。"), code="fingerprint")
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.manage", device.area_code)
        if device.state == Device.State.RETIRED:
            raise Refused(_("%s 已停用，不再签发凭据。") % device.name, code="device_retired")
        device.state, device.claim_digest, device.claim_until = Device.State.ACTIVE, "", None
        device.save(update_fields=["state", "claim_digest", "claim_until"])
        issued = _issue(device, overlap, fingerprint.replace(":", "").lower())
        audit.record(actor, "device.credential", "devices", key, detail={"username": issued.username})
    return issued


def revoke(actor: Actor, key: str, username: str) -> None:
    """End a credential at once. At the broker it ends when its files are written again."""
    require(actor, "device.manage")
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.manage", device.area_code)
        if not device.credentials.filter(username=username, revoked_at=None).update(revoked_at=timezone.now()):
            raise NotFound(_("没有找到。"))
        audit.record(actor, "device.revoke", "devices", key, detail={"username": username})


def retire(actor: Actor, key: str) -> None:
    """Take a device out of use: its bindings and credentials end, its history stays."""
    require(actor, "device.manage")
    now = timezone.now()
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.manage", device.area_code)
        device.state, device.claim_digest, device.claim_until = Device.State.RETIRED, "", None
        device.save(update_fields=["state", "claim_digest", "claim_until"])
        device.bindings.filter(until=None).update(until=now)
        device.credentials.filter(revoked_at=None).update(revoked_at=now)
        audit.record(actor, "device.retire", "devices", key)


def bind(actor: Actor, key: str, stream: str, entity: str, since: dt.datetime | None = None) -> Binding:
    """Say what a device measures from a time on; what it measured before in that stream ends then."""
    require(actor, "device.manage")
    city: City = settings.CITY
    if stream not in city.streams:
        raise Refused(_("没有感知流 %s。") % stream + meant(stream, city.streams), code="stream")
    declared = qualify(stream.split(".")[0], city.streams[stream].entity.to)
    model = apps.get_model(declared.split(".")[0], city.entities[declared].model)
    known = model._default_manager.filter(key=entity).values("area_code", "lon", "lat").first()
    if known is None:
        raise Refused(_("登记册 %(register)s 中没有 %(entity)s。") % {"register": declared, "entity": entity}, code="entity")
    since = since or timezone.now()
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.manage", device.area_code)
        before = device.bindings.filter(stream=stream, until=None).first()
        if before is not None and before.entity == entity:
            return before
        if before is not None and before.since >= since:
            raise Refused(_("此前的绑定自 %s 起，新的绑定须晚于它。") % before.since.isoformat(), code="binding_since")
        device.bindings.filter(stream=stream, until=None).update(until=since)
        made = Binding.objects.create(device=device, stream=stream, entity=entity, since=since)
        if not device.area_code:
            device.area_code, device.lon, device.lat = known["area_code"], known["lon"], known["lat"]
            device.save(update_fields=["area_code", "lon", "lat"])
        audit.record(actor, "device.bind", "devices", key, detail={"stream": stream, "entity": entity})
    return made


def record_firmware(actor: Actor, key: str, version: str, note: str = "") -> Firmware:
    """Note that a device runs a version from now on."""
    require(actor, "device.manage")
    if not version.strip():
        raise Refused(_("请写明固件版本。"), code="firmware")
    with transaction.atomic():
        device = access_device(actor, key)
        require(actor, "device.manage", device.area_code)
        made = Firmware.objects.create(
            device=device, version=version.strip()[:80], since=timezone.now(), source=actor.name[:100], note=note.strip()
        )
        audit.record(actor, "device.firmware", "devices", key, detail={"version": made.version})
    return made


def calibrate(
    actor: Actor, key: str, *, performed_at: dt.datetime, valid_until: dt.datetime | None = None, **given: Any
) -> Calibration:
    """Note a calibration. valid_until: None: as the device's period says; without a period it must be said."""
    require(actor, "device.manage")
    if performed_at > timezone.now():
        raise Refused(_("校准时间不能晚于现在。"), code="calibration_future")
    with transaction.atomic():
        device = access_device(actor, key)
        require(actor, "device.manage", device.area_code)
        if valid_until is None and device.calibrated_every_d is None:
            raise Refused(_("设备没有校准周期，请写明有效期。"), code="calibration_until")
        until = valid_until or performed_at + dt.timedelta(days=device.calibrated_every_d or 0)
        if until <= performed_at:
            raise Refused(_("有效期须晚于校准时间。"), code="calibration_until")
        made = Calibration.objects.create(device=device, performed_at=performed_at, valid_until=until, **given)
        audit.record(actor, "device.calibrate", "devices", key, detail={"passed": made.passed, "until": until.isoformat()})
    return made


def send_command(
    actor: Actor, key: str, name: str, arguments: Mapping[str, Any], reason: str, *, within: dt.timedelta = COMMAND_WITHIN
) -> Command:
    """Queue a command; the stream process sends it, and it expires when the device has not ended it within a time."""
    require(actor, "device.command")
    if not reason.strip():
        raise Refused(_("请写明下达指令的原因。"), code="reason_missing")
    if not dt.timedelta(0) < within <= LONGEST_COMMAND:
        raise Refused(_("时限为 1 秒到 7 天。"), code="command_within")
    with transaction.atomic():
        device = access_device(actor, key)
        require(actor, "device.command", device.area_code)
        if device.state != Device.State.ACTIVE:
            raise Refused(_("%s 不在使用中。") % device.name, code="device_inactive")
        if name not in device.accepts:
            raise Refused(
                _("%(device)s 不执行指令 %(name)s。") % {"device": device.name, "name": name} + meant(name, device.accepts),
                code="command_unknown",
            )
        now = timezone.now()
        made = Command.objects.create(
            device=device, name=name, arguments=dict(arguments), queued_at=now, expires_at=now + within, actor=actor.name[:100],
            reason=reason.strip()[:500],
        )  # fmt: skip
        audit.record(actor, "device.command", "devices", key, detail={"command": made.pk, "name": name, "reason": made.reason})
    return made


def quarantine(
    actor: Actor, key: str, reason: str, *, automatic: bool = False, evidence: Mapping[str, Any] | None = None
) -> Quarantine:
    """Believe a device no longer, until it is released: its readings are kept and take no part in figures."""
    require(actor, "device.trust")
    if not reason.strip():
        raise Refused(_("请写明隔离的原因。"), code="reason_missing")
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.trust", device.area_code)
        if device.quarantines.filter(released_at=None).exists():
            raise Refused(_("%s 已在隔离中。") % device.name, code="settled")
        made = Quarantine.objects.create(
            device=device, since=timezone.now(), reason=reason.strip()[:500], by=actor.name[:100], automatic=automatic,
            evidence=dict(evidence or {}),
        )  # fmt: skip
        audit.record(actor, "device.quarantine", "devices", key, detail={"reason": made.reason, "automatic": automatic})
    return made


def release(actor: Actor, key: str, reason: str) -> Quarantine:
    """Believe a device again from now on, saying why; what it sent meanwhile stays marked."""
    require(actor, "device.trust")
    if not reason.strip():
        raise Refused(_("请写明解除隔离的原因。"), code="reason_missing")
    with transaction.atomic():
        device = access_device(actor, key, lock=True)
        require(actor, "device.trust", device.area_code)
        held = device.quarantines.filter(released_at=None).first()
        if held is None:
            raise Refused(_("%s 不在隔离中。") % device.name, code="settled")
        held.released_at, held.released_by, held.released_because = timezone.now(), actor.name[:100], reason.strip()[:500]
        held.save(update_fields=["released_at", "released_by", "released_because"])
        audit.record(actor, "device.release", "devices", key, detail={"reason": held.released_because})
    return held


def _issue(device: Device, overlap: dt.timedelta, fingerprint: str = "") -> Issued:
    now = timezone.now()
    for former in device.credentials.filter(revoked_at=None):
        ends = now + overlap
        if former.expires_at is None or former.expires_at > ends:
            former.expires_at = ends
            former.save(update_fields=["expires_at"])
    # Each has a user name of its own, because a broker knows one password for a name.
    number = device.credentials.count() + 1
    username = f"{device.key}~{number}" if not fingerprint else device.key
    secret = "" if fingerprint else secrets.new_secret()
    if fingerprint:
        device.credentials.filter(username=username).delete()
    Credential.objects.create(
        device=device, username=username, fingerprint=fingerprint, created_at=now,
        digest=secrets.digest(secret) if secret else "", broker=secrets.broker_digest(secret) if secret else "",
    )  # fmt: skip
    return Issued(device.key, username, secret, None)
