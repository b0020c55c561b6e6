# SPDX-License-Identifier: Apache-2.0
"""Silences: what is not told of, for a reason and until a time. Each is a deed of a person, and audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require, require_scope
from chengyun.access.predicates import prefix_of
from chengyun.errors import NotFound, Refused
from chengyun.operate.alerting.labels import LABELS
from chengyun.operate.alerting.models import Silence
from chengyun.operate.models import Alert

__all__ = ["LONGEST", "end", "mute", "silence"]

LONGEST = dt.timedelta(days=30)
"""A silence nobody thinks of any more is an alert nobody hears of."""


def silence(
    match: Mapping[str, Sequence[str]], until: dt.datetime, why: str, actor: Actor, now: dt.datetime, area_code: str = ""
) -> Silence:  # fmt: skip
    """Silence what matches, within an area, until a time. Raises Refused for what is not allowed or does not say enough."""
    kept = {name: [one.strip() for one in patterns if one.strip()] for name, patterns in match.items()}
    kept = {name: patterns for name, patterns in kept.items() if patterns}
    for name in kept:
        if name not in LABELS:
            raise Refused(_("没有“%(name)s”这个标签。") % {"name": name} + meant(name, LABELS), code="label")
    if not kept:
        raise Refused(_("请写明静默哪些预警；不能静默全部。"), code="match_missing")
    if not now < until <= now + LONGEST:
        raise Refused(_("静默的截止时间须在三十天以内。"), code="until")
    require(actor, "alert.silence", area_code)
    return _made(Silence(match=kept, since=now, until=until, area_code=prefix_of(area_code)), why, actor)


def mute(alert_id: int, why: str, actor: Actor, now: dt.datetime) -> Silence:
    """Silence one alert until it is resolved. Raises NotFound, or Refused when it is closed or silenced already."""
    alert = Alert.objects.filter(require_scope(actor, "alerts").q(), pk=alert_id).first()
    if alert is None:
        raise NotFound(_("没有找到这条预警。"))
    require(actor, "alert.silence", alert.area_code)
    if alert.state == Alert.State.CLOSED:
        raise Refused(_("这条预警已经关闭。"), code="stale_alert")
    if Silence.objects.filter(alert=alert, ended_at=None).exists():
        raise Refused(_("这条预警已经静默。"), code="stale_alert")
    return _made(Silence(alert=alert, since=now, area_code=alert.area_code), why, actor)


def end(silence_id: int, actor: Actor, now: dt.datetime) -> Silence:
    """End a silence before its time. Raises NotFound, or Refused when it has ended."""
    with transaction.atomic():
        one = Silence.objects.select_for_update().filter(pk=silence_id).first()
        if one is None:
            raise NotFound(_("没有找到这条静默。"))
        require(actor, "alert.silence", one.area_code)
        if one.ended_at is not None or (one.until is not None and one.until <= now):
            raise Refused(_("这条静默已经结束。"), code="settled")
        one.ended_at, one.ended_by_id = now, actor.account_id
        one.save()
        audit.record(actor, "alert.silence.end", "alerts", str(one.pk))
    return one


def _made(one: Silence, why: str, actor: Actor) -> Silence:
    why = why.strip()
    if not why:
        raise Refused(_("请写明静默的原因。"), code="reason_missing")
    if actor.account_id is None:
        raise Refused(_("静默须由人来设置。"), code="not_allowed")
    one.why, one.by_id = why[:300], actor.account_id
    with transaction.atomic():
        one.save()
        detail = {
            "match": one.match,
            "alert": one.alert_id,
            "until": one.until.isoformat() if one.until else None,
            "why": one.why,
        }
        audit.record(actor, "alert.silence", "alerts", str(one.pk), detail=detail)
    return one
