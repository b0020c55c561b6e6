# SPDX-License-Identifier: Apache-2.0
"""Why nobody is told of an alert: somebody has silenced it, or another alert explains it.

An alert that is told of by itself because its source is silenced would make silence louder: a silenced source inhibits too.
An alert never inhibits itself, and two that inhibit each other both stand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from chengyun.operate.alerting.labels import labels_of
from chengyun.operate.alerting.models import Member, Silence
from chengyun.operate.alerting.plan import Document, matches
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import rule_named

__all__ = ["Mute", "mutes", "silences_in_force"]


@dataclass(frozen=True, slots=True)
class Mute:
    """kind: of Member.Muted. because: what a person reads."""

    kind: str = ""
    because: str = ""


def silences_in_force(now: dt.datetime) -> list[Silence]:
    """Return the silences that count now. One of a single alert ends with it."""
    rows = Silence.objects.filter(Q(until=None) | Q(until__gt=now), ended_at=None, since__lte=now)
    return [one for one in rows.select_related("by", "alert") if one.alert is None or one.alert.state != Alert.State.CLOSED]


def mutes(alerts: Iterable[Alert], plan: Document, now: dt.datetime) -> dict[int, Mute]:
    """Return what mutes each of these alerts now, by id."""
    wanted = list(alerts)
    silences = silences_in_force(now) if wanted else []
    sources = _sources(plan) if wanted and plan.inhibit else []
    found = {}
    for alert in wanted:
        labels = labels_of(alert, rule_named(alert.rule, alert.opened_at))
        found[alert.pk] = _silenced(alert, labels, silences) or _inhibited(alert, labels, plan, sources) or Mute()
    return found


def _silenced(alert: Alert, labels: Mapping[str, str], silences: list[Silence]) -> Mute | None:
    for one in silences:
        if one.alert_id == alert.pk if one.alert_id else matches(one.match, labels) and alert.area_code.startswith(one.area_code):
            return Mute(Member.Muted.SILENCED, _("%(who)s：%(why)s") % {"who": one.by, "why": one.why})
    return None


def _sources(plan: Document) -> list[tuple[Alert, dict[str, str]]]:
    holding = Alert.objects.filter(holds=True).exclude(state=Alert.State.CLOSED)
    labelled = [(one, labels_of(one, rule_named(one.rule, one.opened_at))) for one in holding]
    return [(one, labels) for one, labels in labelled if any(matches(rule.source, labels) for rule in plan.inhibit)]


def _inhibited(
    alert: Alert, labels: Mapping[str, str], plan: Document, sources: list[tuple[Alert, dict[str, str]]]
) -> Mute | None:  # fmt: skip
    for rule in plan.inhibit:
        if not matches(rule.target, labels):
            continue
        for source, theirs in sources:
            mutual = matches(rule.source, labels) and matches(rule.target, theirs)
            alike = all(labels[name] and labels[name] == theirs[name] for name in rule.equal)
            if source.pk != alert.pk and alike and not mutual and matches(rule.source, theirs):
                return Mute(Member.Muted.INHIBITED, _("预警 #%d 已说明原因") % source.pk)
    return None
