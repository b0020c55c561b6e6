# SPDX-License-Identifier: Apache-2.0
"""Devices: enrolled by the person who holds them, known by a key of their own, shut out at any time."""

from __future__ import annotations

import datetime as dt
import secrets

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit, tokens
from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Token
from chengyun.access.policy import may, require
from chengyun.cases.field.models import Device
from chengyun.errors import NotFound, Refused

__all__ = ["LIVES_DAYS", "device_of", "enrol", "own", "revoke"]

LIVES_DAYS = 90
MOST = 10
"""Devices of one person at a time."""


def enrol(actor: Actor, name: str, now: dt.datetime) -> tuple[Device, str]:
    """Enrol a device of the actor's; return it and its key, which is seen only now. Raises Refused."""
    require(actor, "field.work")
    if not name.strip():
        raise Refused(_("请写明设备名称，以便丢失时停用。"), code="name_missing")
    raw, prefix = tokens.new_token()
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=actor.account_id or 0)
        if own(account).count() >= MOST:
            raise Refused(_("您已登记 %d 台设备，请先停用不用的。") % MOST, code="too_many")
        token = Token.objects.create(
            prefix=prefix, digest=tokens.digest(raw), name=_("外勤设备：%s") % name.strip()[:60], scopes=["field"],
            account=account, expires_at=now + dt.timedelta(days=LIVES_DAYS),
        )  # fmt: skip
        device = Device.objects.create(
            key=f"d{secrets.token_hex(6)}", account=account, name=name.strip()[:60], token=token, enrolled_at=now
        )
        audit.record(actor, "device.enrol", "field_devices", device.key)
    return device, raw


def own(account: Account) -> QuerySet[Device]:
    """Return an account's devices that are not revoked."""
    return Device.objects.filter(account=account, revoked_at=None, token__revoked_at=None).select_related("token")


def revoke(actor: Actor, key: str, now: dt.datetime) -> None:
    """Shut a device out: one's own, or anybody's by who manages keys. Raises NotFound."""
    with transaction.atomic():
        mine = Q() if may(actor, "token.manage") else Q(account_id=actor.account_id or 0)
        device = Device.objects.select_for_update().filter(mine, key=key, revoked_at=None).first()
        if device is None:
            raise NotFound(_("没有找到这台设备。"))
        device.revoked_at = now
        device.save(update_fields=["revoked_at"])
        Token.objects.filter(pk=device.token_id, revoked_at=None).update(revoked_at=now)
        audit.record(actor, "device.revoke", "field_devices", device.key)


def device_of(raw: str, now: dt.datetime | None = None) -> tuple[Device, Actor]:
    """Return the device a key belongs to and who acts by it. Raises Refused, its code saying why not."""
    now = now or timezone.now()
    device = Device.objects.select_related("token", "account__organisation").filter(token__digest=tokens.digest(raw)).first()
    if device is None:
        raise Refused(_("没有登记这台设备，请登录后重新登记。未发送的内容仍在设备上。"), code="device_unknown")
    if device.revoked_at is not None or device.token.revoked_at is not None or not device.account.is_active:
        raise Refused(_("这台设备已停用。未发送的内容仍在设备上，请与管理员联系。"), code="device_revoked")
    if device.token.expires_at is not None and device.token.expires_at <= now:
        raise Refused(_("这台设备的登记已到期，请登录后重新登记。未发送的内容仍在设备上。"), code="device_expired")
    actor = actor_of_account(device.account, now)
    if not may(actor, "field.work"):
        raise Refused(_("您的账号已没有外勤岗位。"), code="not_allowed")
    return device, actor
