# SPDX-License-Identifier: Apache-2.0
"""What people do to filed rules. Two persons stand behind every rule that raises anything: who asks, and who agrees.

    draft ──back-test──▶ tested ──asked, agreed──▶ probation ──asked, agreed, inside budget──▶ live
      ▲                     ▲                          │                                       │
      └── a new text ───────┴──────────────────────────┴── over budget, or by hand: demoted ◀──┘
    any ──▶ withdrawn

On probation, and demoted, a rule is judged and counted, and nobody is told. It goes live only on a finished back-test of this
very text, over a year at least, that is inside its budget.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.policy import require
from chengyun.city import City
from chengyun.errors import NotFound, Refused
from chengyun.operate.boards.definitions import meet_rules
from chengyun.operate.models import Alert, AlertEvent, RuleState
from chengyun.operate.probation.files import read_rule, version_of
from chengyun.operate.probation.models import BackTest, FiledRule, RuleStep, Sighting

__all__ = [
    "WAYS", "YEAR", "agree", "ask", "demote", "demote_declared", "file_rule", "newest_test", "rule_of", "tested", "why_not",
    "withdraw",
]  # fmt: skip

State = FiledRule.State
YEAR = dt.timedelta(days=365)
"""A back-test that lets a rule go live is at least so long, however much of it there is: a quiet week shows nothing."""
WAYS = {
    State.TESTED: State.PROBATION, State.PROBATION: State.LIVE, State.DEMOTED: State.PROBATION,
}  # fmt: skip
"""From which state a rule may be asked to go on to which."""


def file_rule(text: str, actor: Actor, now: dt.datetime, note: str = "") -> FiledRule:
    """Put a rule's file down as a draft, new or in place of what it was. The same text again changes nothing.

    Raises Refused naming what is wrong with the file, and for a rule that is judged now: that one is withdrawn or demoted first.
    """
    require(actor, "alert_rule.file")
    if actor.account_id is None:
        raise Refused(_("规则须由人来起草。"), code="not_allowed")
    city: City = settings.CITY
    others = frozenset(FiledRule.objects.values_list("key", flat=True))
    filed = read_rule(text, city, others)
    with transaction.atomic():
        rule = FiledRule.objects.select_for_update().filter(key=filed.file.key).first()
        if rule is not None and rule.text == text and rule.state != State.WITHDRAWN:
            return rule
        if rule is not None and rule.state in (State.PROBATION, State.LIVE):
            raise Refused(_("这条规则正在判定，先降级或撤下，再修改。"), code="settled")
        before = rule.state if rule else ""
        if before == State.DEMOTED:
            Sighting.objects.filter(rule=filed.file.key, holds=True).update(holds=False, ended_at=now)
        rule = rule or FiledRule(key=filed.file.key)
        rule.name, rule.dataset, rule.declared = filed.rule.name, filed.dataset, filed.file.declared
        rule.text, rule.version, rule.owner_id = text, version_of(text), actor.account_id
        rule.asked_for, rule.asked_by, rule.asked_at = "", None, None
        rule.save() if rule.pk else _first(rule, now)
        _step(rule, before, State.DRAFT, actor, now, note, text=text)
    return rule


def ask(key: str, actor: Actor, now: dt.datetime) -> FiledRule:
    """Ask that a rule go on. Raises NotFound, or Refused with the reason why it cannot."""
    require(actor, "alert_rule.file")
    with transaction.atomic():
        rule = _locked(key)
        wanted = WAYS.get(State(rule.state))
        if reason := why_not(rule):
            raise Refused(reason, code="settled")
        assert wanted is not None  # for the type checker: why_not says so
        rule.asked_for, rule.asked_by_id, rule.asked_at = wanted, actor.account_id, now
        rule.changed_at = now
        rule.save()
        audit.record(actor, "alert_rule.ask", "alerts", key, detail={"for": wanted, "version": rule.version})
    return rule


def agree(key: str, yes: bool, actor: Actor, now: dt.datetime, note: str = "") -> FiledRule:
    """Answer what was asked: the rule goes on, or stays. Raises NotFound, or Refused for whoever asked or wrote it."""
    require(actor, "alert_rule.review")
    with transaction.atomic():
        rule = _locked(key)
        if not rule.asked_for:
            raise Refused(_("这条规则没有待审核的申请。"), code="settled")
        if actor.account_id in (None, rule.asked_by_id, rule.owner_id):
            raise Refused(_("申请人和规则的负责人不能审核，须由另一人审核。"), code="not_allowed")
        wanted, rule.asked_for, rule.asked_by, rule.asked_at = rule.asked_for, "", None, None
        if not yes:
            if not note.strip():
                raise Refused(_("请写明不同意的原因。"), code="reason_missing")
            _step(rule, rule.state, rule.state, actor, now, note)
            return rule
        if reason := why_not(rule):
            raise Refused(reason, code="settled")
        if wanted == State.LIVE:
            # What it saw and nobody heard of is raised with the next observation that shows it still holds.
            Sighting.objects.filter(rule=key, holds=True).update(holds=False, ended_at=now)
        elif rule.declared and rule.state == State.TESTED:
            _close_alerts(rule, now)
        _step(rule, rule.state, wanted, actor, now, note)
    return rule


def demote(key: str, actor: Actor, now: dt.datetime, note: str) -> FiledRule:
    """Let a live rule only count from now on; its open alerts without a case are closed. Raises NotFound, or Refused."""
    if actor is not SYSTEM:
        require(actor, "alert_rule.review")
    with transaction.atomic():
        rule = _locked(key)
        if rule.state != State.LIVE:
            raise Refused(_("只有正式规则可以降级。"), code="settled")
        if not note.strip():
            raise Refused(_("请写明降级的原因。"), code="reason_missing")
        _close_alerts(rule, now)
        _step(rule, rule.state, State.DEMOTED, actor, now, note)
    return rule


def demote_declared(text: str, now: dt.datetime, note: str) -> FiledRule | None:
    """File a pack's rule that nobody filed as one that only counts from now on; None where somebody has filed it meanwhile.

    text: the file; it stands from now on, whatever the pack declares later, until two persons let the rule go on.
    """
    filed = read_rule(text, settings.CITY)
    with transaction.atomic():
        if FiledRule.objects.select_for_update().filter(key=filed.file.key).exists():
            return None
        rule = FiledRule(
            key=filed.file.key, name=filed.rule.name, dataset=filed.dataset, declared=True, text=text, version=version_of(text),
            state=State.LIVE, state_since=now, changed_at=now,
        )  # fmt: skip
        rule.save()
        _close_alerts(rule, now)
        _step(rule, State.LIVE, State.DEMOTED, SYSTEM, now, note, text=text)
    return rule


def withdraw(key: str, actor: Actor, now: dt.datetime, note: str) -> FiledRule:
    """Judge a rule no more. Raises NotFound, or Refused without a reason."""
    require(actor, "alert_rule.review")
    with transaction.atomic():
        rule = _locked(key)
        if rule.state == State.WITHDRAWN or not note.strip():
            raise Refused(_("请写明撤下的原因。") if note.strip() == "" else _("这条规则已经撤下。"), code="reason_missing")
        if rule.state == State.LIVE:
            _close_alerts(rule, now)
        Sighting.objects.filter(rule=key, holds=True).update(holds=False, ended_at=now)
        RuleState.objects.filter(rule=key).delete()
        _step(rule, rule.state, State.WITHDRAWN, actor, now, note)
    return rule


def tested(test: BackTest, now: dt.datetime) -> None:
    """Note that a back-test is done: a draft whose very text it tested is tested now."""
    with transaction.atomic():
        rule = _locked(test.rule.key)
        if rule.state == State.DRAFT and test.version == rule.version and test.state == BackTest.State.DONE:
            _step(rule, rule.state, State.TESTED, SYSTEM, now, "", backtest=test)


def why_not(rule: FiledRule) -> str:
    """Return why a rule cannot go on to its next state now; "" when it can."""
    wanted = WAYS.get(State(rule.state))
    if wanted is None:
        return _("这个状态的规则没有下一步；草稿先回测。")
    test = newest_test(rule)
    if test is None:
        return _("这一版规则还没有完成的回测。")
    if wanted != State.LIVE:
        return ""
    test = newest_test(rule, YEAR)
    if test is None:
        return _("转为正式须先完成至少一年的回测；更短的回测不算。")
    if not test.inside_budget:
        return _("这一版规则的回测超出误报预算，不能转为正式。")
    return ""


def newest_test(rule: FiledRule, least: dt.timedelta = dt.timedelta()) -> BackTest | None:
    """Return the newest finished back-test of a rule's very text, over at least so long a time."""
    done = rule.backtests.filter(version=rule.version, state=BackTest.State.DONE, until__gte=F("since") + least)
    return done.order_by("-id").first()


def rule_of(key: str) -> FiledRule:
    """Return a filed rule. Raises NotFound."""
    rule = FiledRule.objects.select_related("owner", "asked_by").filter(key=key).first()
    if rule is None:
        raise NotFound(_("没有找到这条规则。"))
    return rule


def _first(rule: FiledRule, now: dt.datetime) -> None:
    rule.state_since = rule.changed_at = now
    rule.save()


def _locked(key: str) -> FiledRule:
    rule = FiledRule.objects.select_for_update().filter(key=key).first()
    if rule is None:
        raise NotFound(_("没有找到这条规则。"))
    return rule


def _close_alerts(rule: FiledRule, now: dt.datetime) -> None:
    """Close the open alerts of a rule that nobody hears of any more; those with a case end with it."""
    alerts = Alert.objects.select_for_update().filter(rule=rule.key, in_case=False).exclude(state=Alert.State.CLOSED)
    for alert in alerts.order_by("id"):
        alert.state, alert.closed_at, alert.closed_because = Alert.State.CLOSED, now, "rule demoted"
        alert.save()
        AlertEvent.objects.create(alert=alert, kind=AlertEvent.Kind.CLOSED, at=now, value=alert.value, note="rule demoted")


def _step(rule: FiledRule, before: str, after: str, actor: Actor, now: dt.datetime, note: str, **more: Any) -> None:
    """Move a rule, tell its history, the audit and every process that judges."""
    if before != after:
        rule.state, rule.state_since = after, now
    rule.changed_at = now
    rule.save()
    test = more.pop("backtest", None) or newest_test(rule)
    RuleStep.objects.create(
        rule=rule, before=before, after=after, at=now, actor=actor.name, account_id=actor.account_id, version=rule.version,
        backtest=test, note=note[:500], **more,
    )  # fmt: skip
    meet_rules(settings.CITY)
    audit.record(actor, f"alert_rule.{after}", "alerts", rule.key, detail={"from": before, "version": rule.version, "note": note})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('chengyun_rules', '')")
