# SPDX-License-Identifier: Apache-2.0
"""Back-tests: asked for by a person, done by a process of its own that ends, kept with what they rest on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.city import City
from chengyun.config import config
from chengyun.errors import Problem, Refused
from chengyun.operate.alerting.compound import key_of
from chengyun.operate.probation import services
from chengyun.operate.probation.files import Filed, read_rule
from chengyun.operate.probation.models import BackTest, FiledRule
from chengyun.operate.probation.replay import Replayed, Would, replay
from chengyun.operate.probation.scoring import Said, Score, Verdict, judge, score
from chengyun.operate.probation.truths import measured_by, truths

__all__ = ["EXAMPLES", "ask_test", "filed_of", "run", "scored"]

YEAR = dt.timedelta(days=365)
LONGEST = dt.timedelta(days=5 * 366)
EXAMPLES = 200
"""Alerts that a back-test keeps to be looked at: the first of the right and of the wrong ones."""


def filed_of(rule: FiledRule) -> Filed:
    """Return a filed rule's file as read. Raises Refused when it no longer fits what the packs declare."""
    city: City = settings.CITY
    return read_rule(rule.text, city, frozenset(FiledRule.objects.values_list("key", flat=True)))


def ask_test(
    key: str, actor: Actor, now: dt.datetime, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> BackTest:  # fmt: skip
    """Ask for a back-test, of the last year unless said otherwise. Raises NotFound, or Refused when one is under way."""
    require(actor, "alert_rule.file")
    if actor.account_id is None:
        raise Refused(_("回测须由人来申请。"), code="not_allowed")
    until = until or now
    since = since or until - YEAR
    if not dt.timedelta() < until - since <= LONGEST:
        raise Refused(_("回测的时段须在五年以内。"), code="span")
    with transaction.atomic():
        rule = FiledRule.objects.select_for_update().get(pk=services.rule_of(key).pk)
        if rule.backtests.filter(state__in=(BackTest.State.WAITING, BackTest.State.RUNNING)).exists():
            raise Refused(_("这条规则的回测正在进行。"), code="settled")
        against = measured_by(filed_of(rule).file.truth)
        test = BackTest.objects.create(
            rule=rule, version=rule.version, since=since, until=until, against=against, asked_by_id=actor.account_id,
            asked_at=now,
        )  # fmt: skip
        audit.record(actor, "alert_rule.test", "alerts", key, detail={"since": since.isoformat(), "until": until.isoformat()})
    return test


def run(test_id: int) -> BackTest:
    """Do a back-test that waits, and keep what it found. One that fails says why."""
    test = BackTest.objects.select_related("rule").get(pk=test_id)
    test.state, test.started_at = BackTest.State.RUNNING, timezone.now()
    test.save()
    try:
        filed = filed_of(test.rule)
        if test.version != test.rule.version:
            raise Refused("The rule was written anew before the back-test began; ask again.", code="settled")
        done = replay(settings.CITY, test.rule.key, filed.rule, test.since, test.until)
        verdict, result = scored(filed, done.alerts, test.since, test.until)
        _keep(test, done, verdict, result)
    except Problem as problem:
        test.state, test.error = BackTest.State.FAILED, problem.sentence[:500]
    test.finished_at = timezone.now()
    test.save()
    services.tested(test, test.finished_at)
    return test


def scored(filed: Filed, alerts: Sequence[Would], since: dt.datetime, until: dt.datetime) -> tuple[Verdict | None, Score]:
    """Return which alerts were right, None where nothing can say so, and the score."""
    spec, budget = filed.file.truth, filed.file.budget
    said = [Said(key_of(spec.place, one.subject, one.area_code), one.raised, one.ended) for one in alerts]
    if not measured_by(spec):
        return None, score(said, None, budget)
    real = truths(spec, since, until, filed.file.key if filed.file.declared else "")
    verdict = judge(said, real, dt.timedelta(hours=spec.before_h), dt.timedelta(hours=spec.after_h), until)
    # What lies outside the span may bear an alert out; it cannot have been found or missed in it.
    pairs = zip(verdict.found, real, strict=True)
    inside = [found for found, one in pairs if one.due and one.until >= since and one.since < until]
    verdict = Verdict(verdict.right, inside)
    return verdict, score(said, verdict, budget)


def _keep(test: BackTest, done: Replayed, verdict: Verdict | None, result: Score) -> None:
    zone = config().zone
    right = verdict.right if verdict else [None] * len(done.alerts)
    months: dict[str, Counter[str]] = {}
    for one, true in zip(done.alerts, right, strict=True):
        month = months.setdefault(one.raised.astimezone(zone).strftime("%Y-%m"), Counter())
        month["alerts"] += 1
        month["true"] += bool(true)
    pairs = list(zip(done.alerts, right, strict=True))
    shown = [pair for pair in pairs if pair[1]][: EXAMPLES // 2] + [pair for pair in pairs if not pair[1]][: EXAMPLES // 2]
    test.rows, test.entities, test.as_of = done.rows, done.entities, done.as_of
    test.alerts, test.true_alerts, test.false_alarms = result.alerts, result.true_alerts, result.false_alarms
    test.truths, test.found, test.worst_span = result.truths, result.found, result.worst
    test.cost_fen, test.inside_budget = result.cost_fen, result.inside
    test.by_month = [{"month": name, **count} for name, count in sorted(months.items())]
    test.examples = [
        {
            "subject": one.subject, "name": one.subject_name, "since": one.since, "raised": one.raised, "ended": one.ended,
            "worst": one.worst, "right": true,
        }
        for one, true in sorted(shown, key=lambda pair: pair[0].raised)
    ]  # fmt: skip
    test.state, test.error = BackTest.State.DONE, ""
