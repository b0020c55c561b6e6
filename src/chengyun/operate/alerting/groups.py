# SPDX-License-Identifier: Apache-2.0
"""From what happened to alerts to what is said of them.

    take_changes   outbox → groups         which group an alert belongs to, and when that must be looked at
    tell_due       groups → notices        one notice for all that is new in a group, deliveries to the chain's first step
    escalate       groups → notices        the chain's next steps while nobody has acknowledged
    lapse          alerts                  acknowledged, and nothing was done: open again

Each does its work in one transaction an item; `now` is an argument, so that a test's clock is as good as ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from chengyun.city.alerts import SEVERITIES
from chengyun.operate.alerting.current import current
from chengyun.operate.alerting.labels import labels_of
from chengyun.operate.alerting.models import Change, Delivery, Group, Member, Notice
from chengyun.operate.alerting.muting import mutes
from chengyun.operate.alerting.people import persons, readers
from chengyun.operate.alerting.plan import Chain, Document, Route, Step
from chengyun.operate.models import Alert, AlertEvent
from chengyun.operate.probation.ruleset import rule_named, rulebook

__all__ = ["escalate", "lapse", "take_changes", "tell_due"]

AT_ONCE = 500


def take_changes(now: dt.datetime) -> int:
    """Sort what has happened into groups; return how much it was. Nothing is taken that is not sorted."""
    taken = 0
    while True:
        with transaction.atomic():
            changes = list(Change.objects.select_for_update(skip_locked=True).order_by("id")[:AT_ONCE])
            if not changes:
                return taken
            plan = current()
            alerts = Alert.objects.in_bulk({one.alert_id for one in changes})
            for alert in sorted(alerts.values(), key=lambda one: one.pk):
                _sort(alert, plan, now)
            Change.objects.filter(pk__in=[one.pk for one in changes]).delete()
            taken += len(changes)


def _sort(alert: Alert, plan: Document, now: dt.datetime) -> None:
    member = Member.objects.select_related("group").filter(alert=alert).first()
    if member is None or member.group.ended_at is not None:
        if alert.state == Alert.State.CLOSED:
            return  # ended before anybody could be told: nobody needs to be
        labels = labels_of(alert, rule_named(alert.rule, alert.opened_at))
        route = plan.route_of(labels)
        if route is None:
            return
        group = _group(route, labels, min(now, alert.opened_at))
        if member is None:
            Member.objects.create(alert=alert, group=group)
        else:
            member.group = group
            member.save()
    else:
        group = Group.objects.select_for_update().get(pk=member.group_id)
    route = next((one for one in plan.route if one.name == group.route), None)
    earliest = now if group.told_at is None else max(now, group.told_at + dt.timedelta(seconds=route.interval_s if route else 0))
    wanted = group.since + dt.timedelta(seconds=route.wait_s if route else 0) if group.told_at is None else earliest
    group.due_at = wanted if group.due_at is None else min(group.due_at, max(wanted, earliest))
    if group.step_at is not None and not _unanswered(group):
        group.step_at = None
    group.save()


def _group(route: Route, labels: dict[str, str], since: dt.datetime) -> Group:
    common = {name: labels[name] for name in route.group_by}
    key = f"{route.name}|" + "|".join(common.values())
    group, _made = Group.objects.select_for_update().get_or_create(
        key=key[:400], ended_at=None, defaults={"route": route.name, "labels": common, "since": since}
    )
    return group


def _alerts(group: Group) -> list[Alert]:
    """Return the alerts of a group that are not closed."""
    return list(Alert.objects.filter(membership__group=group).exclude(state=Alert.State.CLOSED).order_by("id"))


def _unanswered(group: Group) -> list[Alert]:
    """Return the alerts that wait for an acknowledgement and of which people are told."""
    return list(Alert.objects.filter(membership__group=group, membership__muted="", state=Alert.State.OPEN).order_by("id"))


def tell_due(now: dt.datetime) -> int:
    """Tell of the groups whose time has come; return how many notices that made."""
    plan = current()
    told = 0
    muted = Q(members__muted__in=[Member.Muted.SILENCED, Member.Muted.INHIBITED])
    due = Group.objects.filter(Q(due_at__lte=now) | muted, ended_at=None).order_by("id").values_list("pk", flat=True).distinct()
    for key in list(due):
        with transaction.atomic():
            group = Group.objects.select_for_update(skip_locked=True).filter(pk=key, ended_at=None).first()
            if group is not None:
                told += _tell(group, plan, now)
    return told


def _tell(group: Group, plan: Document, now: dt.datetime) -> bool:
    alerts = _alerts(group)
    muted = mutes(alerts, plan, now)
    for member in Member.objects.filter(group=group, alert__in=alerts):
        mute = muted[member.alert_id]
        if (member.muted, member.because) != (mute.kind, mute.because):
            member.muted, member.because = mute.kind, mute.because[:300]
            member.save()
    route = next((one for one in plan.route if one.name == group.route), None)
    interval = dt.timedelta(seconds=route.interval_s if route else 0)
    if group.due_at is not None and group.due_at > now and (group.told_at is None or now < group.told_at + interval):
        return False  # it gathers, or was told of a moment ago
    heard = [one for one in alerts if not muted[one.pk].kind]
    chain = plan.chain_of(group.route)
    fresh = [one for one in heard if one.pk not in group.told]
    repeat = dt.timedelta(seconds=route.repeat_s) if route else dt.timedelta()
    again = bool(repeat and group.told_at and heard and now - group.told_at >= repeat)
    kind = None
    if fresh and (group.told_at is None or now - group.told_at >= interval):
        kind = Notice.Kind.CHANGED if group.told_at else Notice.Kind.NEW
    elif not alerts:
        group.ended_at = now
        kind = Notice.Kind.ENDED if group.told_at else None
    elif again:
        kind = Notice.Kind.REPEATED
    group.due_at = None
    if kind:
        notice = _notice(group, kind, heard, now)
        if chain is not None:
            reached = group.step if group.told_at else 1
            _deliver(notice, chain.steps[: max(1, reached)], heard, now)
            if kind != Notice.Kind.ENDED and (group.told_at is None or fresh):
                _await_step(group, chain, 1 if group.told_at is None else max(1, group.step), now)
        group.told_at, group.told = now, [one.pk for one in heard]
    elif fresh and group.told_at is not None:
        group.due_at = group.told_at + interval
    if group.ended_at is None and group.due_at is None and repeat and group.told_at and heard:
        group.due_at = group.told_at + repeat
    if group.ended_at is not None or (group.step_at is not None and not _unanswered(group)):
        group.step_at = None
    group.save()
    return kind is not None


def _await_step(group: Group, chain: Chain, step: int, now: dt.datetime) -> None:
    """Note when the next step of the chain comes, counted from now."""
    group.step = step
    if step < len(chain.steps):
        before = chain.steps[step - 1].after_s
        group.step_at = now + dt.timedelta(seconds=chain.steps[step].after_s - before)
    else:
        group.step_at = None


def escalate(now: dt.datetime) -> int:
    """Tell the next step of each chain that nobody has answered; return how many notices that made."""
    plan = current()
    told = 0
    for key in list(Group.objects.filter(ended_at=None, step_at__lte=now).order_by("id").values_list("pk", flat=True)):
        with transaction.atomic():
            group = Group.objects.select_for_update(skip_locked=True).filter(pk=key, ended_at=None, step_at__lte=now).first()
            chain = plan.chain_of(group.route) if group else None
            if group is None:
                continue
            waiting = _unanswered(group)
            if chain is None or not waiting or group.step >= len(chain.steps):
                group.step_at = None
                group.save()
                continue
            notice = _notice(group, Notice.Kind.ESCALATED, waiting, now)
            _deliver(notice, [chain.steps[group.step]], waiting, now)
            _await_step(group, chain, group.step + 1, now)
            group.save()
            told += 1
    return told


def lapse(now: dt.datetime) -> int:
    """Open again what was acknowledged and left without a case for longer than its chain allows; return how many."""
    plan = current()
    limits = {
        route.name: chain.ack_within_s for route in plan.route if (chain := plan.chain_of(route.name)) and chain.ack_within_s
    }
    if not limits:
        return 0
    lapsed = 0
    held = Alert.objects.filter(state=Alert.State.ACKNOWLEDGED, in_case=False, holds=True, membership__group__route__in=limits)
    for key, route in list(held.order_by("id").values_list("pk", "membership__group__route")):
        until = now - dt.timedelta(seconds=limits[route])
        with transaction.atomic():
            rows = Alert.objects.select_for_update()
            alert = rows.filter(pk=key, state=Alert.State.ACKNOWLEDGED, in_case=False, acknowledged_at__lte=until).first()
            if alert is None:
                continue
            alert.state, alert.acknowledged_at, alert.acknowledged_by = Alert.State.OPEN, None, None
            alert.save()
            AlertEvent.objects.create(alert=alert, kind=AlertEvent.Kind.LAPSED, at=now, value=alert.value)
            group = Group.objects.select_for_update().get(members__alert=alert)
            chain = plan.chain_of(group.route)
            if chain is not None and group.step_at is None:
                # From the beginning: who was told first may have gone off duty.
                group.step, group.step_at = 0, now
                group.save()
            lapsed += 1
    return lapsed


def _notice(group: Group, kind: Notice.Kind, alerts: Sequence[Alert], now: dt.datetime) -> Notice:
    severity = max((one.severity for one in alerts), key=SEVERITIES.index, default=SEVERITIES[0])
    return Notice.objects.create(
        group=group, kind=kind, at=now, severity=severity, title=_title(kind, alerts, group),
        body={"alerts": [_told(one) for one in alerts]},
    )  # fmt: skip


def _title(kind: Notice.Kind, alerts: Sequence[Alert], group: Group) -> str:
    if not alerts:
        last = Alert.objects.filter(membership__group=group).order_by("-id").first()
        alerts = [last] if last else []
    rules = rulebook()
    words = "、".join(dict.fromkeys(rules.name(one.rule, one.opened_at) for one in alerts))
    if len(alerts) == 1:
        words = f"{alerts[0].subject_name}：{words}"
    elif alerts:
        words = _("%(what)s（%(count)d 处）") % {"what": words, "count": len(alerts)}
    return f"{kind.label} {words}"[:300]


def _told(alert: Alert) -> dict[str, Any]:
    rule = rule_named(alert.rule, alert.opened_at)
    return {
        "id": alert.pk, "rule": alert.rule, "name": rule.name if rule else alert.rule, "subject": alert.subject,
        "subject_name": alert.subject_name, "area_code": alert.area_code, "severity": alert.severity, "state": alert.state,
        "value": alert.value, "limit": alert.limit, "since": alert.since.isoformat(), "opened_at": alert.opened_at.isoformat(),
        "simulated": alert.simulated,
    }  # fmt: skip


def _deliver(notice: Notice, steps: Sequence[Step], alerts: Sequence[Alert], now: dt.datetime) -> None:
    """Put a notice on its way to everybody these steps mean now. Somebody meant twice hears of it once by each channel."""
    told = alerts or list(Alert.objects.filter(membership__group=notice.group))
    for step in steps:
        for to in step.to:
            if to.startswith("webhook:"):
                _put(notice, "webhook", to.partition(":")[2], None, now)
                continue
            for account in readers(persons(to, now), told, now):
                for channel in step.by:
                    if channel == "email" and not account.email:
                        continue
                    _put(notice, channel, account.username if channel == "app" else account.email, account.pk, now)


def _put(notice: Notice, channel: str, target: str, account: int | None, now: dt.datetime) -> None:
    at_once = channel == "app"  # what is in the person's list has arrived
    Delivery.objects.get_or_create(
        notice=notice, channel=channel, target=target[:300],
        defaults={
            "account_id": account, "state": Delivery.State.SENT if at_once else Delivery.State.WAITING,
            "sent_at": now if at_once else None, "next_at": None if at_once else now,
        },
    )  # fmt: skip
