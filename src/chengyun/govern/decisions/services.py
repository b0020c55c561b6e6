# SPDX-License-Identifier: Apache-2.0
"""The only writers of decisions. A draft may change; what was decided stays as it was, with what was expected of it."""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.models import Organisation
from chengyun.access.policy import require, require_scope
from chengyun.errors import NotFound, Refused
from chengyun.govern.decisions.models import Decision, Evaluation, Expectation

__all__ = ["Draft", "Expected", "ask", "begin_review", "conclude", "decide", "draft", "drop", "expect", "get_for", "redraft"]

MOST_AREAS = 500


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a person types of a decision. options: (name, what speaks for and against it)."""

    question: str
    background: str
    area_code: str
    organisation: str
    options: Sequence[tuple[str, str]]
    decider: str
    decide_by: dt.date | None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a person types of an expectation; see models.Expectation."""

    indicator: str
    direction: str
    size: float | None
    since: dt.date
    by: dt.date
    treated: Sequence[str]
    others: Sequence[str]
    method: str


def draft(given: Draft, actor: Actor) -> Decision:
    """Begin a decision. Raises Refused for what is incomplete."""
    require(actor, "decision.write", given.area_code)
    held = Decision(made_by_id=actor.account_id)
    _fill(held, given)
    with transaction.atomic():
        held.save()
        audit.record(actor, "decision.draft", "decisions", str(held.pk), detail={"question": held.question})
    return held


def redraft(pk: int, given: Draft, actor: Actor) -> Decision:
    """Change a draft."""
    with transaction.atomic():
        held = _drafted(pk, actor)
        require(actor, "decision.write", given.area_code)
        _fill(held, given)
        held.save()
        audit.record(actor, "decision.draft", "decisions", str(held.pk), detail={"question": held.question})
    return held


def expect(pk: int, given: Expected, actor: Actor) -> Expectation:
    """Add what a draft is expected to change. Raises Refused for what could never be judged."""
    if given.indicator not in settings.CITY.indicators:
        raise Refused(_("没有指标 %s。") % given.indicator + meant(given.indicator, settings.CITY.indicators), code="indicator")
    require_scope(actor, given.indicator)
    treated, others = _areas(given.treated), _areas(given.others)
    if not treated:
        raise Refused(_("请写明在哪些区域实施。"), code="treated")
    if set(treated) & set(others):
        raise Refused(_("同一区域不能既实施又作对照：%s。") % min(set(treated) & set(others)), code="others")
    if given.size is not None and not (math.isfinite(given.size) and given.size > 0):
        raise Refused(_("幅度是大于零的数；方向已另行选择。"), code="size")
    if given.direction not in Expectation.Direction.values or given.method not in Expectation.Method.values:
        raise Refused(_("请选择方向和方法。"), code="direction")
    if not given.since < given.by:
        raise Refused(_("见效期限须晚于对比期的起始日。"), code="by")
    with transaction.atomic():
        held = _drafted(pk, actor)
        made = Expectation.objects.create(
            decision=held, indicator=given.indicator, direction=given.direction, size=given.size, since=given.since,
            by=given.by, treated=treated, others=others, method=given.method,
        )  # fmt: skip
        audit.record(actor, "decision.expect", "decisions", str(pk), detail={"indicator": made.indicator, "method": made.method})
    return made


def drop(pk: int, expectation: int, actor: Actor) -> None:
    """Take an expectation out of a draft."""
    with transaction.atomic():
        held = _drafted(pk, actor)
        gone = held.expectations.filter(pk=expectation).first()
        if gone is None:
            raise NotFound(_("没有找到。"))
        audit.record(actor, "decision.drop", "decisions", str(pk), detail={"indicator": gone.indicator})
        gone.delete()


def decide(
    pk: int, chosen: str, reason: str, starts_on: dt.date, review_on: dt.date, unmeasured: str, actor: Actor, now: dt.datetime
) -> Decision:
    """Take a decision. From now on its options and expectations stay as they are. Raises Refused."""
    with transaction.atomic():
        held = _locked(pk, actor)
        require(actor, "decision.decide", held.area_code)
        _in_state(held, Decision.State.DRAFT)
        if chosen not in [one["name"] for one in held.options]:
            raise Refused(_("请从所列方案中选择一个。"), code="chosen")
        if not reason.strip():
            raise Refused(_("请写明理由。"), code="reason")
        expected = list(held.expectations.all())
        if not expected and not unmeasured.strip():
            raise Refused(_("请先写明预期效果；没有可衡量的效果时，写明原因。"), code="expected")
        for one in expected:
            if not one.since < starts_on <= one.by:
                raise Refused(
                    _("起始日须在对比期起（%(since)s）与见效期限（%(by)s）之间：%(indicator)s。")
                    % {"since": one.since, "by": one.by, "indicator": one.indicator}, code="starts_on",
                )  # fmt: skip
        if review_on <= starts_on:
            raise Refused(_("复核日须晚于起始日。"), code="review_on")
        held.chosen, held.reason, held.starts_on, held.review_on = chosen, reason.strip(), starts_on, review_on
        held.unmeasured = "" if expected else unmeasured.strip()
        held.state, held.decided_at, held.decided_by_id = Decision.State.DECIDED, now, actor.account_id
        held.save()
        detail = {"chosen": chosen, "review_on": review_on.isoformat()}
        audit.record(actor, "decision.decide", "decisions", str(pk), detail=detail)
    return held


def begin_review(pk: int, actor: Actor) -> Decision:
    """Begin to look whether it worked; by the clock on the review day, or earlier by hand."""
    with transaction.atomic():
        held = _locked(pk, actor)
        require(actor, "decision.write", held.area_code)
        _in_state(held, Decision.State.DECIDED)
        held.state = Decision.State.REVIEW
        held.save(update_fields=["state"])
        audit.record(actor, "decision.review", "decisions", str(pk))
    return held


def ask(pk: int, expectation: int, actor: Actor) -> Evaluation:
    """Ask for a judgement of an expectation; it is worked out in the background. Asked twice, it is worked out once."""
    with transaction.atomic():
        held = _locked(pk, actor)
        require(actor, "decision.write", held.area_code)
        if held.state == Decision.State.DRAFT:
            raise Refused(_("还没有作出决定，没有效果可评。"), code="state")
        found = held.expectations.filter(pk=expectation).first()
        if found is None:
            raise NotFound(_("没有找到。"))
        require_scope(actor, found.indicator)
        waiting = found.evaluations.filter(state=Evaluation.State.ASKED).first()
        if waiting is not None:
            return waiting
        made = Evaluation.objects.create(expectation=found, seed=secrets.randbits(31), asked_by_id=actor.account_id)
        audit.record(actor, "decision.evaluate", "decisions", str(pk), detail={"indicator": found.indicator})
    return made


def conclude(pk: int, conclusion: str, actor: Actor, now: dt.datetime) -> Decision:
    """Close a review with a person's conclusion. Raises Refused while an expectation was never judged."""
    with transaction.atomic():
        held = _locked(pk, actor)
        require(actor, "decision.write", held.area_code)
        _in_state(held, Decision.State.REVIEW)
        if not conclusion.strip():
            raise Refused(_("请写明结论。"), code="conclusion")
        judged = Evaluation.objects.filter(expectation__decision=held).exclude(state=Evaluation.State.ASKED)
        missing = held.expectations.exclude(pk__in=judged.values("expectation")).first()
        if missing is not None:
            raise Refused(_("预期效果还没有评估：%s。") % missing.indicator, code="judged")
        held.state, held.conclusion = Decision.State.EVALUATED, conclusion.strip()
        held.evaluated_at, held.evaluated_by_id = now, actor.account_id
        held.save()
        audit.record(actor, "decision.conclude", "decisions", str(pk))
    return held


def get_for(pk: int, actor: Actor) -> Decision:
    """Return a decision the actor may read. Raises NotFound."""
    held = Decision.objects.filter(require_scope(actor, "decisions").q(), pk=pk).first()
    if held is None:
        raise NotFound(_("没有找到。"))
    return held


def _locked(pk: int, actor: Actor) -> Decision:
    get_for(pk, actor)
    return Decision.objects.select_for_update().get(pk=pk)


def _drafted(pk: int, actor: Actor) -> Decision:
    held = _locked(pk, actor)
    require(actor, "decision.write", held.area_code)
    _in_state(held, Decision.State.DRAFT)
    return held


def _in_state(held: Decision, state: Decision.State) -> None:
    if held.state != state:
        words = {"now": Decision.State(held.state).label, "wanted": state.label}
        raise Refused(_("这项决策现在是“%(now)s”，须为“%(wanted)s”。") % words, code="settled")


def _fill(held: Decision, given: Draft) -> None:
    options = [(name.strip()[:200], says.strip()) for name, says in given.options if name.strip()]
    if not given.question.strip():
        raise Refused(_("请写明要决定什么。"), code="question")
    if len(options) < 2:
        raise Refused(_("请至少写出两个方案；维持现状也是一个方案。"), code="options")
    if len({name for name, _says in options}) < len(options):
        raise Refused(_("两个方案的名称相同。"), code="options")
    if not given.decider.strip():
        raise Refused(_("请写明由谁决定。"), code="decider")
    if given.area_code and not (given.area_code.isascii() and given.area_code.isdigit() and len(given.area_code) <= 12):
        raise Refused(_("区域写编码，例如 330203；全市留空。"), code="area_code")
    body = Organisation.objects.filter(key=given.organisation).first() if given.organisation else None
    if given.organisation and body is None:
        raise Refused(_("没有找到这个部门。"), code="organisation")
    held.question, held.background, held.area_code = given.question.strip()[:200], given.background.strip(), given.area_code
    held.organisation, held.decider, held.decide_by = body, given.decider.strip()[:100], given.decide_by
    held.options = [{"name": name, "says": says} for name, says in options]


def _areas(given: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(one.strip() for one in given if one.strip()))
    if len(found) > MOST_AREAS or any(len(one) > 64 for one in found):
        raise Refused(_("区域至多 %d 个，每个编码至多 64 个字符。") % MOST_AREAS, code="areas")
    return found
