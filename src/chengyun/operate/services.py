# SPDX-License-Identifier: Apache-2.0
"""What people do to alerts. Rules write theirs through alert_store; a case tells here that it has begun or ended.

    open ──acknowledge──▶ acknowledged ──close──▶ closed
      └──────────────close──────────────────────────▲
                                 condition cleared ─┘   unless acknowledged and its case is open

An alert closed by a person while its condition holds is not raised again before the condition has ended once.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require, require_scope
from chengyun.errors import NotFound, Refused
from chengyun.operate.models import Alert, AlertEvent, RuleState

__all__ = ["acknowledge", "case_ended", "case_opened", "close"]


def acknowledge(alert_id: int, actor: Actor, now: dt.datetime, note: str = "") -> Alert:
    """Note that a person has taken an alert on. Raises NotFound, or Refused when it is not open."""
    with transaction.atomic():
        alert = _locked(alert_id, actor, "alert.acknowledge")
        if alert.state != Alert.State.OPEN:
            raise Refused(_("这条预警不是待确认状态，可能已有人处理。请刷新后再看。"), code="stale_alert")
        alert.state = Alert.State.ACKNOWLEDGED
        alert.acknowledged_at, alert.acknowledged_by_id = now, actor.account_id
        _save(alert, AlertEvent.Kind.ACKNOWLEDGED, actor, now, note)
        audit.record(actor, "alert.acknowledge", "alerts", str(alert.pk))
    return alert


def close(alert_id: int, actor: Actor, now: dt.datetime, reason: str) -> Alert:
    """Close an alert with a reason. Raises NotFound, or Refused without a reason or when it is closed already."""
    reason = reason.strip()
    if not reason:
        raise Refused(_("请写明关闭的原因。"), code="reason_missing")
    with transaction.atomic():
        alert = _locked(alert_id, actor, "alert.close")
        if alert.in_case:
            raise Refused(_("这条预警的案件尚未结案，请在案件中处理。"), code="alert_in_case")
        if alert.state == Alert.State.CLOSED:
            raise Refused(_("这条预警已经关闭。"), code="stale_alert")
        _close(alert, actor, now, reason)
        audit.record(actor, "alert.close", "alerts", str(alert.pk), detail={"reason": reason})
    return alert


def case_opened(alert: Alert, number: str, actor: Actor, now: dt.datetime) -> None:
    """Note that a case answers an alert. Call with the alert's row locked, in the transaction that opens the case."""
    alert.in_case = True
    _save(alert, AlertEvent.Kind.CASE_OPENED, actor, now, number)


def case_ended(alert: Alert, number: str, actor: Actor, now: dt.datetime) -> None:
    """Close an alert whose case has ended. Call with the alert's row locked, in the transaction that ends the case."""
    alert.in_case = False
    _event(alert, AlertEvent.Kind.CASE_ENDED, actor, now, number)
    if alert.state == Alert.State.CLOSED:
        alert.save()
    else:
        _close(alert, actor, now, _("案件 %s 已结束") % number)


def _close(alert: Alert, actor: Actor, now: dt.datetime, reason: str) -> None:
    if alert.holds:
        RuleState.objects.update_or_create(
            rule=alert.rule, subject=alert.subject, defaults={"holds": True, "run": 0, "since": alert.since}
        )
    alert.state = Alert.State.CLOSED
    alert.closed_at, alert.closed_because = now, reason[:300]
    _save(alert, AlertEvent.Kind.CLOSED, actor, now, reason)


def _locked(alert_id: int, actor: Actor, action: str) -> Alert:
    rows = Alert.objects.select_for_update().filter(require_scope(actor, "alerts").q())
    alert = rows.filter(pk=alert_id).first()
    if alert is None:
        raise NotFound(_("没有找到这条预警。"))
    require(actor, action, alert.area_code)
    return alert


def _save(alert: Alert, kind: str, actor: Actor, now: dt.datetime, note: str) -> None:
    alert.save()
    _event(alert, kind, actor, now, note)
    told: dict[str, Any] = {
        "id": alert.pk, "rule": alert.rule, "subject": alert.subject, "subject_name": alert.subject_name,
        "severity": alert.severity, "state": alert.state, "holds": alert.holds, "value": alert.value, "limit": alert.limit,
        "opened_at": alert.opened_at.isoformat(), "simulated": alert.simulated,
    }  # fmt: skip
    payload = {"kind": "alert", "dataset": "alerts", "area": alert.area_code, "data": told}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('chengyun_live', %s)", [json.dumps(payload)])


def _event(alert: Alert, kind: str, actor: Actor, now: dt.datetime, note: str) -> None:
    AlertEvent.objects.create(
        alert=alert, kind=kind, at=now, actor=actor.name, account_id=actor.account_id, value=alert.value, note=note[:500]
    )
