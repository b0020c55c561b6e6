# SPDX-License-Identifier: Apache-2.0
"""How live rules and those on probation do, measured as a back-test is. A live one over its budget is demoted: one a city filed,
and one a pack declares with a budget, too.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.db.models import F

from chengyun.access.actors import SYSTEM
from chengyun.city import AlertRule, Budget, City, Silent, qualify
from chengyun.errors import Problem
from chengyun.operate.models import Alert
from chengyun.operate.probation import services
from chengyun.operate.probation.files import Budget as FiledBudget
from chengyun.operate.probation.files import Filed, read_rule
from chengyun.operate.probation.models import FiledRule, Measured, Sighting
from chengyun.operate.probation.replay import Would
from chengyun.operate.probation.scoring import Score, Verdict
from chengyun.operate.probation.standing import JUDGED
from chengyun.operate.probation.testing import filed_of, scored
from chengyun.operate.probation.truths import anything_planted, measured_by

__all__ = ["declared_so_far", "demote_what_is_over", "so_far"]

log = logging.getLogger("chengyun.operate")
MOST = 5_000
"""Alerts of one rule that are looked at, newest first."""
LATE = dt.timedelta(minutes=10)
INCIDENTS = ["mishap", "fault"]
"""What is planted in a made-up city that a rule may rightly speak of."""


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
    """Demote the live rules whose false alarms exceed their budget, and keep how every rule stands against its own; return the
    keys of those demoted. Who answers for them is told.
    """
    from chengyun.operate.probation.telling import tell_owner  # reads models of alerting, which reads ours

    demoted, looked = list[str](), list[Measured]()
    filed_keys = set(FiledRule.objects.values_list("key", flat=True))
    for key, declared in settings.CITY.alerts.items():
        if declared.budget is None or key in filed_keys:
            continue
        budget = declared.budget
        with _measured_alone(key):
            found = [
                _kept(key, "planted" if made_up else "cases", budget, result, now - dt.timedelta(days=budget.per_days), now)
                for made_up, result in declared_so_far(key, budget, now)
            ]
            looked += found
            over = next((one for one in found if one.over), None)
            if over is None:
                continue
            note = f"{over.worst} false alarms in {over.per_days} days; the budget its pack declares allows {over.allowed}"
            filed_now = services.demote_declared(_text_of(key, declared, budget, now), now, note)
            if filed_now is not None:
                tell_owner(filed_now, note, now)
                demoted.append(key)
    for rule in FiledRule.objects.filter(state__in=JUDGED).exclude(key__in=demoted).select_related("owner"):
        with _measured_alone(rule.key):
            filed = filed_of(rule)
            _verdict, result = so_far(rule, now, filed)
            one = _kept(rule.key, measured_by(filed.file.truth), filed.file.budget, result, rule.state_since, now)
            looked.append(one)
            if rule.state != FiledRule.State.LIVE or not one.over:
                continue
            note = f"{one.worst} false alarms in {one.per_days} days; the budget allows {one.allowed}"
            services.demote(rule.key, SYSTEM, now, note)
            tell_owner(rule, note, now)
            demoted.append(rule.key)
    with transaction.atomic():
        Measured.objects.all().delete()
        Measured.objects.bulk_create(looked)
    return demoted


@contextmanager
def _measured_alone(key: str) -> Iterator[None]:
    """Measure one rule; what is wrong with it is said in the log, and the others have their turn."""
    try:
        yield
    except Problem as problem:
        log.warning("the rule %s could not be measured: %s", key, problem.sentence)


def declared_so_far(key: str, budget: Budget, now: dt.datetime) -> list[tuple[bool, Score]]:
    """Return (made up, score) of what a rule a pack declares has said in its budget's newest span, as far as it can be judged.

    What a made-up city says is measured by what was planted in it for that rule, the rest by cases; neither by the other. What
    nothing can judge is left out.
    """
    city: City = settings.CITY
    since = now - dt.timedelta(days=budget.per_days, hours=budget.before_h)
    alerts = Alert.objects.filter(rule=key, opened_at__gte=since).exclude(closed_at=F("opened_at"))
    if isinstance(city.alerts[key].when, Silent):
        # The clock that tells of silence looks twice a minute: what it tells late, it tells of its own absence.
        alerts = alerts.filter(opened_at__lte=F("since") + LATE)
    found, kinds = [], _kinds(key, budget)
    for simulated, truth in ((True, {"incidents": INCIDENTS}), (False, {"cases": kinds})):
        if not (key in _planted_for(city) and anything_planted() if simulated else kinds):
            continue
        mine = alerts.filter(simulated=simulated)
        if not simulated:
            # Somebody still works on it: what it was is not known yet.
            mine = mine.filter(state=Alert.State.CLOSED)
        rows = [
            Would(it.subject, it.subject_name, it.area_code, it.since, it.opened_at, it.cleared_at or it.closed_at, it.worst)
            for it in mine.order_by("-opened_at")[:MOST]
        ]
        wait = dt.timedelta(hours=budget.before_h)
        ripe = [one for one in rows if (one.ended or one.raised) + wait <= now]
        filed = read_rule(_toml(key, budget, truth), settings.CITY)
        found.append((simulated, scored(filed, ripe[::-1], since, now)[1]))
    return found


def _planted_for(city: City) -> frozenset[str]:
    """Return the rules that what is planted in a made-up city may bear out."""
    found = set()
    for key, pack in city.packs.items():
        for instrument in pack.pack.instruments:
            told = [(one.rules, one.also) for one in instrument.mishaps] + [(one.rules, one.also) for one in instrument.defects]
            found |= {rule if "." in rule else qualify(key, rule) for lists in told for rules in lists for rule in rules}
    return frozenset(found)


def _kept(
    key: str, by: str, budget: Budget | FiledBudget, result: Score, since: dt.datetime, now: dt.datetime
) -> Measured:  # fmt: skip
    return Measured(
        rule=key, by=by, at=now, since=since, alerts=result.alerts, false_alarms=result.false_alarms, worst=result.worst,
        allowed=budget.false_alarms, per_days=budget.per_days,
    )  # fmt: skip


def _text_of(key: str, rule: AlertRule, budget: Budget, now: dt.datetime) -> str:
    """Return the file a demoted rule of a pack stands by from now on; it tells what the rule was that was demoted."""
    truth = {"cases": _kinds(key, budget), "incidents": INCIDENTS if anything_planted() else []}
    return f"# Demoted on {now:%Y-%m-%d %H:%M} UTC, as its pack declared it then: {rule.when!r}\n{_toml(key, budget, truth)}"


def _kinds(key: str, budget: Budget) -> list[str]:
    """Return the qualified kinds of cases that bear a rule out; those of packs that do not run here say nothing."""
    named = (qualify(key.split(".")[0], kind) for kind in budget.cases)
    return [kind for kind in named if kind in settings.CITY.cases]


def _toml(key: str, budget: Budget, truth: Mapping[str, Sequence[str]]) -> str:
    lists = "".join(f"{name} = {json.dumps(list(given))}\n" for name, given in truth.items() if given)
    return (
        f'key = "{key}"\ndeclared = true\n\n[truth]\n{lists}place = "{budget.place}"\nbefore_h = {budget.before_h}\n'
        f"after_h = {budget.after_h}\n\n[budget]\nfalse_alarms = {budget.false_alarms}\nper_days = {budget.per_days}\n"
    )
