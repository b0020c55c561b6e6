# SPDX-License-Identifier: Apache-2.0
"""What is asked of alerts, within what the actor may read. Pages import these from chengyun.operate.queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, require_scope, scope
from chengyun.city import AlertRule, City, Silent
from chengyun.city.alerts import SEVERITIES
from chengyun.errors import NotFound
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import rule_named

__all__ = ["AlertGroup", "AlertView", "EventView", "alert_view", "answers_shown_to", "grouped", "open_alerts", "unit_of"]


@dataclass(frozen=True, slots=True)
class EventView:
    """One thing that happened to an alert. actor: empty: the rule itself."""

    kind: str
    name: str
    at: dt.datetime
    actor: str
    value: float | None
    note: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as a page shows it. Fields the actor may not see are None or empty.

    rule_name, meaning: of the rule as it was when it spoke. unit: of value, worst and limit. since, last_seen_at: phenomenon
    time; opened_at: when it was noticed. holds: whether the condition is true now. answered: whether a case answers it; case:
    that case's number, where the actor may read the case.
    """

    id: int
    rule: str
    rule_name: str
    meaning: str
    dataset: str
    subject: str
    subject_name: str
    area_code: str
    severity: str
    state: str
    holds: bool
    value: float | None
    worst: float | None
    limit: float | None
    unit: str
    times: int
    since: dt.datetime
    last_seen_at: dt.datetime
    opened_at: dt.datetime
    acknowledged_at: dt.datetime | None
    acknowledged_by: str
    cleared_at: dt.datetime | None
    closed_at: dt.datetime | None
    closed_because: str
    simulated: bool
    group_key: str
    answered: bool
    case: str | None
    evidence: Mapping[str, Any]
    events: tuple[EventView, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Alerts of one rule in one area, shown as one. key: empty for an alert that stands by itself."""

    key: str
    rule_name: str
    severity: str
    area_code: str
    opened_at: dt.datetime
    alerts: tuple[AlertView, ...]


def open_alerts(
    actor: Actor,
    *,
    states: Sequence[str] = ("open", "acknowledged"),
    severities: Sequence[str] = (),
    rules: Sequence[str] = (),
    subject: str | None = None,
    area: str = "",
    limit: int = 200,
) -> list[AlertView]:
    """Return alerts the actor may read, most severe first, then newest.

    area: digits that area codes start with. limit: so many at most.
    """
    allowed = scope(actor, "alerts")
    if not allowed.allowed:
        return []
    rows = Alert.objects.filter(allowed.q(), state__in=states)
    if severities:
        rows = rows.filter(severity__in=severities)
    if rules:
        rows = rows.filter(rule__in=rules)
    if subject is not None:
        rows = rows.filter(subject=subject)
    if area:
        rows = rows.filter(area_code__startswith=area)
    rows = rows.select_related("acknowledged_by", "case_alert__case").order_by("-opened_at", "-id")[:limit]
    number_of = answers_shown_to(actor)
    found = [_view(row, allowed, number_of) for row in rows]
    return sorted(found, key=lambda one: -_rank(one.severity))


def alert_view(alert_id: int, actor: Actor) -> AlertView:
    """Return one alert with its history. Raises NotFound."""
    allowed = require_scope(actor, "alerts")
    rows = Alert.objects.filter(allowed.q()).select_related("acknowledged_by", "case_alert__case").prefetch_related("events")
    row = rows.filter(pk=alert_id).first()
    if row is None:
        raise NotFound(_("没有找到这条预警。"))
    return _view(row, allowed, answers_shown_to(actor), history=True)


def grouped(alerts: Sequence[AlertView]) -> list[AlertGroup]:
    """Return the alerts put together as their rules say, in the order of their first."""
    groups: dict[str, list[AlertView]] = {}
    for one in alerts:
        groups.setdefault(one.group_key or f"#{one.id}", []).append(one)
    return [
        AlertGroup(
            key=key if not key.startswith("#") else "",
            rule_name=members[0].rule_name,
            severity=max((one.severity for one in members), key=_rank),
            area_code=key.partition("@")[2] if "@" in key else members[0].area_code,
            opened_at=min(one.opened_at for one in members),
            alerts=tuple(members),
        )
        for key, members in groups.items()
    ]


def answers_shown_to(actor: Actor) -> Callable[[Alert], str | None]:
    """Return what tells the number of the case that answers an alert: only of a case the actor may read."""
    scopes: dict[str, Scope] = {}

    def number(row: Alert) -> str | None:
        answer = getattr(row, "case_alert", None)
        if answer is None:
            return None
        for dataset in ("cases", answer.case.type):
            if dataset not in scopes:
                scopes[dataset] = scope(actor, dataset)
            if scopes[dataset].matches({"area_code": answer.case.area_code}):
                return str(answer.case.number)
        return None

    return number


def _view(row: Alert, allowed: Scope, number_of: Callable[[Alert], str | None], history: bool = False) -> AlertView:
    city: City = settings.CITY
    rule = rule_named(row.rule, row.opened_at)
    shown = allowed.mask(
        {
            "dataset": row.dataset, "area_code": row.area_code, "acknowledged_by": str(row.acknowledged_by or ""),
            "closed_because": row.closed_because, "events": True,
        }
    )  # fmt: skip
    events = row.events.all() if history and shown.get("events") else ()
    return AlertView(
        id=row.pk,
        rule=row.rule,
        rule_name=rule.name if rule else row.rule,
        meaning=rule.meaning if rule else "",
        dataset=row.dataset,
        subject=row.subject,
        subject_name=row.subject_name,
        area_code=row.area_code,
        severity=row.severity,
        state=row.state,
        holds=row.holds,
        value=row.value,
        worst=row.worst,
        limit=row.limit,
        unit=unit_of(city, row.dataset, rule),
        times=row.times,
        since=row.since,
        last_seen_at=row.last_seen_at,
        opened_at=row.opened_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=shown.get("acknowledged_by", ""),
        cleared_at=row.cleared_at,
        closed_at=row.closed_at,
        closed_because=shown.get("closed_because", ""),
        simulated=row.simulated,
        group_key=row.group_key,
        answered=getattr(row, "case_alert", None) is not None,
        case=number_of(row),
        evidence=row.evidence,
        events=tuple(EventView(it.kind, it.get_kind_display(), it.at, it.actor, it.value, it.note) for it in events),
    )


def unit_of(city: City, dataset: str, rule: AlertRule | None) -> str:
    """Return the unit of what a rule holds against its limit; "" without one, and where nobody knows the rule any more."""
    if rule is not None and isinstance(rule.when, Silent):
        return "s"  # what it limits is how long nothing came
    if dataset in city.indicators:
        return str(city.indicators[dataset].unit)
    if dataset in city.streams and rule is not None:
        return next((field.unit for field in city.streams[dataset].quantities if field.key == rule.field), "")
    return ""


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
