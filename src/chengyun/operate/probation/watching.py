# SPDX-License-Identifier: Apache-2.0
"""How live rules and those on probation do, measured as a back-test is. A live one over its budget is demoted."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import F

from chengyun.access.actors import SYSTEM
from chengyun.errors import Problem
from chengyun.operate.models import Alert
from chengyun.operate.probation import services
from chengyun.operate.probation.files import Filed
from chengyun.operate.probation.models import FiledRule, Sighting
from chengyun.operate.probation.replay import Would
from chengyun.operate.probation.scoring import Score, Verdict
from chengyun.operate.probation.testing import filed_of, scored

__all__ = ["demote_what_is_over", "so_far"]

log = logging.getLogger("chengyun.operate")
MOST = 5_000
"""Alerts of one rule that are looked at, newest first."""


def so_far(rule: FiledRule, now: dt.datetime, filed: Filed | None = None) -> tuple[Verdict | None, Score]:
    """Return the score of a rule's alerts, or sightings, since it came into its state, as far as they can be judged by now.

    An alert is judged once the time is over in which something may still bear it out; before that it counts for nothing.
    """
    filed = filed or filed_of(rule)
    spec = filed.file.truth
    wait = dt.timedelta(hours=spec.before_h)
    if rule.state == FiledRule.State.LIVE:
        alerts = Alert.objects.filter(rule=rule.key, opened_at__gte=rule.state_since).exclude(closed_at=F("opened_at"))
        rows = [
            Would(it.subject, it.subject_name, it.area_code, it.since, it.opened_at, it.cleared_at or it.closed_at, it.worst)
            for it in alerts.order_by("-opened_at")[:MOST]
        ]
    else:
        sightings = Sighting.objects.filter(rule=rule.key, opened_at__gte=rule.state_since, since__gte=rule.state_since)
        rows = [
            Would(it.subject, it.subject_name, it.area_code, it.since, it.opened_at, it.ended_at, it.worst)
            for it in sightings.order_by("-opened_at")[:MOST]
        ]
    ripe = [one for one in rows if (one.ended or one.raised) + wait <= now]
    return scored(filed, ripe[::-1], rule.state_since, now)


def demote_what_is_over(now: dt.datetime) -> list[str]:
    """Demote the live rules whose false alarms exceed their budget; return their keys. Their owners are told."""
    from chengyun.operate.probation.telling import tell_owner  # reads models of alerting, which reads ours

    demoted = []
    for rule in FiledRule.objects.filter(state=FiledRule.State.LIVE).select_related("owner"):
        try:
            filed = filed_of(rule)
            _verdict, result = so_far(rule, now, filed)
            if result.worst <= filed.file.budget.false_alarms:
                continue
            note = (
                f"{result.worst} false alarms in {filed.file.budget.per_days} days; "
                f"the budget allows {filed.file.budget.false_alarms}"
            )  # fmt: skip
            services.demote(rule.key, SYSTEM, now, note)
            tell_owner(rule, note, now)
            demoted.append(rule.key)
        except Problem as problem:
            log.warning("the rule %s could not be measured: %s", rule.key, problem.sentence)
    return demoted
