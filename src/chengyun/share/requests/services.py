# SPDX-License-Identifier: Apache-2.0
"""What happens to requests. Nothing else writes them; each deed is allowed, kept as a step and audited in one transaction.

Times are the database's: a clock that jumps on one machine neither shortens nor lengthens an answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.grants import database_time
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require
from chengyun.access.rulebook import rulebook
from chengyun.access.services import end_granted, revoke_grant, write_grant
from chengyun.errors import Refused
from chengyun.share.requests import clock, hooks, notices, rights, terms
from chengyun.share.requests.models import Request, Step
from chengyun.share.requests.numbers import next_number
from chengyun.share.requests.office import calendar, today
from chengyun.share.requests.terms import Terms

__all__ = [
    "Asked",
    "Terms",
    "agree",
    "change",
    "close",
    "draft",
    "file_for",
    "give_back",
    "refuse",
    "renew",
    "revoke",
    "secure",
    "step",
    "submit",
    "withdraw",
]

State = Request.State
ENDED = (State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.RENEWED, State.REVOKED)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an applicant writes beside the terms."""

    dataset: str
    basis: str = ""
    note: str = ""
    terms: Terms = field(default_factory=Terms)


def draft(actor: Actor, asked: Asked, organisation: Organisation | None = None, renews: Request | None = None) -> Request:
    """Write a draft for the actor's own body. Raises Refused."""
    require(actor, "request.apply")
    body = organisation or Organisation.objects.filter(key=actor.organisation or "").first()
    if body is None or not rights.belongs_to(actor, body):
        raise Refused(_("您的账号不属于任何部门，不能以部门名义申请。"), code="organisation_missing")
    if actor.account_id is None:
        raise Refused(_("申请须由有账号的人提出。"), code="account_missing")
    with transaction.atomic():
        made = _write(asked, body, actor.account_id, renews)
        step(made, actor, "draft")
    return made


def file_for(body: Organisation, applicant: Account, asked: Asked, number: str = "") -> Request:
    """Take in what a body asks for by other ways than our pages, as a neighbouring node does, and start its clock.

    number: of the request that was returned to it, now completed. Raises Refused for what could not be granted.
    """
    with transaction.atomic():
        if number:
            request = Request.objects.select_for_update().get(number=number, organisation=body)
            if request.state != State.RETURNED or request.dataset != asked.dataset:
                raise Refused(_("只有退回补正的申请可以补正，且不能更换信息资源。"), code="settled")
            _rewrite(request, asked)
        else:
            request = _write(asked, body, applicant.pk, None)
        _submit(request, Actor(applicant.pk, str(applicant), body.key, frozenset(), ("",)))
    return request


def change(actor: Actor, number: str, asked: Asked) -> Request:
    """Write a draft, or a request that was returned, anew. Raises Refused once it is on its way."""
    with transaction.atomic():
        request = _locked(actor, number, State.DRAFT, State.RETURNED)
        _own(actor, request)
        if asked.dataset != request.dataset:
            raise Refused(_("申请的信息资源不能更换，请另行申请。"), code="dataset_fixed")
        _rewrite(request, asked)
        step(request, actor, "change")
    return request


def submit(actor: Actor, number: str) -> Request:
    """Send a request. What is shared without condition is answered at once, and what is not shared at all is refused.

    Sent again after it was returned, its clock goes on with the days that were left, at least one.
    """
    with transaction.atomic():
        request = _locked(actor, number, State.DRAFT, State.RETURNED)
        _own(actor, request)
        _submit(request, actor)
    return request


def _submit(request: Request, actor: Actor) -> None:
    facts = terms.check(request)
    first = request.state == State.DRAFT
    days = rulebook().requests.answer_days if first else max(request.left_days or 0, 1)
    request.state, request.left_days, request.submitted_at = State.SUBMITTED, None, database_time()
    request.due_day = clock.due(today(), days, calendar())
    request.offer, request.agreed_by = {}, None
    request.save()
    step(request, actor, "submit", detail={"due_day": request.due_day})
    if facts.sharing == "none":
        close(request, SYSTEM, State.REFUSED, terms.unshared_because(facts), "refuse")
    elif (facts.sharing == "unconditional" or facts.open) and not facts.personal:
        _approve(request, SYSTEM, terms.of(request), _("无条件共享，系统即时答复。"))
    else:
        notices.tell(rights.stewards_of(request), "asked", request=request)


def _write(asked: Asked, body: Organisation, applicant: int, renews: Request | None) -> Request:
    return Request.objects.create(
        number=next_number("R", Request), dataset=asked.dataset, organisation=body, applicant_id=applicant,
        provider=terms.provider_of(terms.known(asked.dataset)), basis=asked.basis.strip(), note=asked.note.strip(), renews=renews,
        **terms.columns(asked.terms),
    )  # fmt: skip


def _rewrite(request: Request, asked: Asked) -> None:
    request.basis, request.note = asked.basis.strip(), asked.note.strip()
    for name, value in terms.columns(asked.terms).items():
        setattr(request, name, value)
    request.save()


def _told(request: Request) -> None:
    for tell in hooks.settled:
        tell(request)


def give_back(actor: Actor, number: str, reason: str) -> Request:
    """Return a request for completion; the clock stands until it comes again. Raises Refused without a reason."""
    with transaction.atomic():
        request = _locked(actor, number, State.SUBMITTED)
        _answerer(actor, request)
        said = _reason(reason, _("请写明需要补正什么。"))
        left = clock.left(today(), request.due_day or today(), calendar())
        request.state, request.left_days, request.due_day = State.RETURNED, max(left, 0), None
        request.offer, request.agreed_by, request.answer = {}, None, said
        request.save()
        step(request, actor, "return", said, {"left_days": request.left_days})
        notices.tell([request.applicant], "returned", request=request)
        _told(request)
    return request


def agree(actor: Actor, number: str, narrowed: Terms | None = None, note: str = "") -> Request:
    """Agree to a request, on its own terms or narrower ones; where data are about persons a second person confirms first."""
    with transaction.atomic():
        request = _locked(actor, number, State.SUBMITTED)
        rights.require_answer(actor, request)
        if request.agreed_by_id is not None:
            raise Refused(_("已有人同意，正等待安全管理员复核。"), code="settled")
        facts, asked = terms.check(request), terms.of(request)
        given = narrowed or asked
        if facts.personal and terms.key_way(asked) != "clear" and given.shown and "key" not in given.shown:
            # An answer that masks what was asked for as a pseudonym does not bring the key to light.
            given = replace(given, shown={**given.shown, "key": "pseudonym"})
        terms.require_within(given, asked)
        if facts.personal:
            request.offer, request.agreed_by_id = asdict(given), actor.account_id
            request.save()
            step(request, actor, "agree", note, {"terms": asdict(given)})
            notices.tell(notices.security_officers(request), "to_secure", request=request)
        else:
            _approve(request, actor, given, note)
    return request


def secure(actor: Actor, number: str, note: str = "") -> Request:
    """Confirm, as the second person, what the provider's steward agreed to. Raises Refused for the first one."""
    with transaction.atomic():
        request = _locked(actor, number, State.SUBMITTED)
        rights.require_secure(actor, request)
        if request.agreed_by_id is None:
            raise Refused(_("提供部门还没有同意，不能复核。"), code="not_agreed")
        terms.check(request)
        _approve(request, actor, terms.read(request.offer), note)
    return request


def refuse(actor: Actor, number: str, reason: str) -> Request:
    """Refuse a request with the reason. Raises Refused without one."""
    with transaction.atomic():
        request = _locked(actor, number, State.SUBMITTED)
        _answerer(actor, request)
        close(request, actor, State.REFUSED, _reason(reason, _("不同意须说明理由。")), "refuse")
    return request


def withdraw(actor: Actor, number: str, note: str = "") -> Request:
    """Take one's own request back before it is answered."""
    with transaction.atomic():
        request = _locked(actor, number, State.DRAFT, State.SUBMITTED, State.RETURNED)
        _own(actor, request)
        close(request, actor, State.WITHDRAWN, note, "withdraw")
    return request


def renew(actor: Actor, number: str, ends: dt.date) -> Request:
    """Ask for more time on the terms granted; a new request that goes the whole way again."""
    before = rights.require_see(actor, number)
    if before.state != State.APPROVED or before.grant is None:
        raise Refused(_("只有生效中的授权可以续期。"), code="settled")
    same = Asked(
        dataset=before.dataset, basis=before.basis, note=before.note, terms=terms.of_grant(before.grant, ends)
    )  # fmt: skip
    with transaction.atomic():
        # The row's lock: of two who ask at once, the second finds the first one's request.
        Request.objects.select_for_update(of=("self",)).get(pk=before.pk)
        if before.grant.until is not None and terms.end_of(ends) <= before.grant.until:
            raise Refused(_("续期须晚于现在的授权截止日期。"), code="ends_past", field="ends")
        if before.renewals.exclude(state__in=ENDED).exists():
            raise Refused(_("已有一份续期申请在办。"), code="settled")
        made = draft(actor, same, before.organisation, renews=before)
        return submit(actor, made.number)


def revoke(actor: Actor, number: str, reason: str) -> Request:
    """End what was granted at once: the provider or a security officer takes it back, or its holder gives it back."""
    with transaction.atomic():
        request = _locked(actor, number, State.APPROVED)
        if not (rights.belongs_to(actor, request.organisation) or rights.answers(actor, request)):
            rights.require_secure(actor, request)
        said = _reason(reason, _("请写明撤销的原因。"))
        if request.grant is not None:
            revoke_grant(actor, request.grant, said)
        close(request, actor, State.REVOKED, said, "revoke")
    return request


def _approve(request: Request, actor: Actor, given: Terms, note: str) -> None:
    words = terms.grant_words(given, request)
    grant = write_grant(actor, request.dataset, request.organisation, basis=request.basis, request=request.number, **words)
    request.grant, request.offer = grant, asdict(given)
    if request.renews_id is not None:
        before = Request.objects.select_for_update().get(pk=request.renews_id)
        if before.state == State.APPROVED and before.grant is not None:
            end_granted(actor, before.grant)
            close(before, actor, State.RENEWED, request.number, "renew")
    narrower = terms.differences(given, terms.of(request))
    request.answer = note.strip()
    request.state, request.answered_at, request.due_day = State.APPROVED, database_time(), None
    request.save()
    step(request, actor, "approve", note, {"grant": grant.number, "narrowed": narrower})
    notices.tell([request.applicant], "approved", request=request)
    _told(request)


def close(request: Request, actor: Actor, state: str, said: str, deed: str) -> None:
    """Bring a request to an end, in the caller's transaction; its applicant is told unless it is their own deed."""
    request.state, request.answer, request.due_day = state, said.strip(), None
    if state == State.REFUSED:
        request.answered_at = database_time()
    request.save()
    step(request, actor, deed, said)
    if actor.account_id != request.applicant_id:
        notices.tell([request.applicant], state, request=request)
    _told(request)


def _locked(actor: Actor, number: str, *states: str) -> Request:
    """Return a request for a change. Raises NotFound for one not seen, Refused for one that is not any more as it was."""
    rights.require_see(actor, number)
    found = (
        Request.objects.select_for_update(of=("self",)).select_related("organisation", "applicant", "grant").get(number=number)
    )
    if found.state not in states:
        said = _("申请 %(number)s 现为“%(state)s”，不能再这样办理。")
        raise Refused(said % {"number": number, "state": found.get_state_display()}, code="settled")
    return found


def _own(actor: Actor, request: Request) -> None:
    require(actor, "request.apply")
    if not rights.belongs_to(actor, request.organisation):
        raise Refused(_("只有申请部门可以这样办理。"), code="not_allowed")


def _answerer(actor: Actor, request: Request) -> None:
    """Let the provider answer; once it has agreed, also the second person, who may refuse what the first agreed to."""
    if request.agreed_by_id is not None and not rights.answers(actor, request):
        rights.require_secure(actor, request)
    else:
        rights.require_answer(actor, request)


def _reason(text: str, missing: str) -> str:
    if not text.strip():
        raise Refused(missing, code="reason_missing")
    return text.strip()


def step(request: Request, actor: Actor, deed: str, note: str = "", detail: Mapping[str, Any] | None = None) -> None:
    """Write down what happened, in the caller's transaction."""
    last = request.steps.order_by("-id").values_list("at", flat=True).first()
    now = database_time()
    # History never runs backwards, even where the database's clock was set back.
    Step.objects.create(
        request=request, at=max(now, last) if last else now, actor=actor.name[:100], account_id=actor.account_id, deed=deed,
        note=note.strip(), detail=dict(detail or {}),
    )  # fmt: skip
    audit.record(actor, f"request.{deed}", request.dataset, request.number, request.purpose, {"state": request.state})
