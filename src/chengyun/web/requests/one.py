# SPDX-License-Identifier: Apache-2.0
"""/requests/<number>: what is asked, what happened, how it was decided, how it is used; and the deeds, one form each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.areas.queries import names_of
from chengyun.share.requests import queries, rights, services, terms
from chengyun.share.requests.models import Notice, Request, Step
from chengyun.web import shown
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.requests.asked import TermsForm, field_names, read_asked, read_terms, terms_form

WAYS = {"clear": "明文", "pseudonym": "假名", "masked": "掩码"}
DEEDS = {
    "draft": gettext_noop("起草"), "change": "修改", "submit": "提交", "return": "退回补正",
    "agree": gettext_noop("提供部门同意"), "approve": "同意", "refuse": "不同意", "withdraw": "撤回",
    "expire": "到期", "renew": "续期", "revoke": "撤销",
    "escalate": "超期转办", "suspend": "暂停", "resume": "恢复",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HistoryLine:
    at: dt.datetime
    actor: str
    deed: str
    note: str
    more: str


@dataclass(frozen=True, slots=True)
class TermsLine:
    """Terms in words. fields: as (field, how); none: all, as declared. since, until: of the rows. frequency: reads a day."""

    fields: tuple[tuple[str, str], ...]
    area: str
    since: dt.datetime | None
    until: dt.datetime | None
    frequency: int | None
    retention_days: int
    ends: dt.date | None


@dataclass(frozen=True)
class RequestPage:
    """asked: what is asked for. offered: what the provider agreed to, while a second person is to confirm it. granted: what
    was given. revoked_at: when it was taken back. form: to change or answer, None for others."""

    view: queries.RequestView
    asked: TermsLine
    offered: TermsLine | None
    granted: TermsLine | None
    revoked_at: dt.datetime | None
    history: tuple[HistoryLine, ...]
    form: TermsForm | None
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@needs("request.read")
def request_page(request: HttpRequest, number: str) -> HttpResponse:
    """Show a request; whoever was told of it has now read it."""
    actor = actor_of(request)
    page = _page(actor, number, None)
    if actor.account_id is not None:
        Notice.objects.filter(account_id=actor.account_id, request__number=number, read_at=None).update(read_at=timezone.now())
    return render(request, "requests/one.html", {"page": page})


@require_POST
@never_cache
@needs("request.read")
def act(request: HttpRequest, number: str, deed: str) -> HttpResponse:
    """Do one thing with a request."""
    actor, given = actor_of(request), request.POST.dict()
    note = given.get("note", "")

    def change() -> Request:
        found = rights.require_see(actor, number)
        written = services.change(actor, number, read_asked(found.dataset, given))
        return services.submit(actor, number) if given.get("keep") != "1" else written

    def renew() -> Request:
        ends = read_terms({"ends": given.get("ends", "")}).ends
        return services.renew(actor, number, ends or timezone.localdate())

    deeds: dict[str, tuple[str, Callable[[], Request]]] = {
        "change": (_("已保存。"), change),
        "agree": (_("已答复。"), lambda: services.agree(actor, number, read_terms(given), note)),
        "secure": (_("已复核。"), lambda: services.secure(actor, number, note)),
        "return": (_("已退回补正，答复期限暂停。"), lambda: services.give_back(actor, number, note)),
        "refuse": (_("已答复。"), lambda: services.refuse(actor, number, note)),
        "withdraw": (_("已撤回。"), lambda: services.withdraw(actor, number, note)),
        "revoke": (_("授权已撤销。"), lambda: services.revoke(actor, number, note)),
        "renew": (_("续期申请已提交。"), renew),
    }
    if deed not in deeds:
        raise Http404
    said, do = deeds[deed]
    became: list[Request] = []
    fault = attempt(request, deed, lambda: became.append(do()))
    if fault is None:
        return done(request, said, reverse("request", args=[became[0].number]))
    return render(request, "requests/one.html", {"page": _page(actor, number, fault)}, status=fault.status)


def _page(actor: Actor, number: str, fault: Fault | None) -> RequestPage:
    view = queries.request_view(actor, number)
    asked = view.request
    known = asked.dataset in rulebook().datasets
    editing = view.doings.change or view.doings.answer
    form = terms_form(asked.dataset, terms.of(asked), fault.given if fault and fault.form in ("change", "agree") else {}) if (
        editing and known
    ) else None  # fmt: skip
    waiting = asked.state == Request.State.SUBMITTED and asked.agreed_by_id is not None
    return RequestPage(
        view, _terms(asked.dataset, terms.of(asked)), _terms(asked.dataset, terms.read(asked.offer)) if waiting else None,
        _terms(asked.dataset, terms.of_grant(asked.grant, None)) if asked.grant else None,
        asked.grant.revoked_at if asked.grant else None, tuple(map(_line, view.steps)), form, fault, timezone.now(),
    )  # fmt: skip


def _terms(dataset: str, given: terms.Terms) -> TermsLine:
    names = field_names(dataset)
    # PostgreSQL keeps the fields by the length of their names; they are told in the order of the register.
    shown = [one for one in names if one in given.shown] + [one for one in given.shown if one not in names]
    return TermsLine(
        tuple((names.get(one, one), _(WAYS.get(given.shown[one], given.shown[one]))) for one in shown),
        names_of({given.area_code})[given.area_code] if given.area_code else _("全市"), given.rows_since, given.rows_until,
        given.frequency, given.retention_days, given.ends,
    )  # fmt: skip


def _line(step: Step) -> HistoryLine:
    more = ""
    if step.deed == "submit" and step.detail.get("due_day"):
        more = _("答复期限 %s") % step.detail["due_day"]
    elif step.deed == "approve" and step.detail.get("grant"):
        narrowed = [_(terms.NAMES[name]) for name in step.detail.get("narrowed", ()) if name in terms.NAMES]
        more = _("授权 %s") % step.detail["grant"] + ((_("；收窄：") + shown.listed(narrowed)) if narrowed else "")
    elif step.deed == "return":
        more = _("余 %d 个工作日") % step.detail.get("left_days", 0)
    return HistoryLine(step.at, step.actor, _(DEEDS.get(step.deed, step.deed)), step.note, more)
