# SPDX-License-Identifier: Apache-2.0
"""我的数据: every look at a resident's own record, in plain words, with a way to ask about each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.rulebook import rulebook
from chengyun.access.views import signed_in
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.share.lookups import queries, services
from chengyun.share.lookups.models import Identity, Question
from chengyun.share.lookups.queries import Asked, Look
from chengyun.share.lookups.withheld import withheld
from chengyun.web import places
from chengyun.web.days import day_of
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import asked

PAGE = 30


@dataclass(frozen=True)
class Told:
    """A question and what became of it. answer: in the body's own words, "" while there is none."""

    number: str
    kind: str
    text: str
    asked_at: dt.datetime
    owner: str
    due_at: dt.datetime | None
    late: bool
    answered_at: dt.datetime | None
    answer: str


@dataclass(frozen=True)
class DataPage:
    """linked: whether the account is known to be a person of a register. registers: their names.

    query: the filters as links repeat them. next: number after which the next page goes on, None on the last.
    delayed: names of the purposes that are told later. may_ask: whether questions are taken. officer: whether the
    reader may see how bodies read.
    """

    linked: bool
    registers: tuple[str, ...]
    looks: tuple[Look, ...]
    bodies: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    since: str
    until: str
    query: str
    next: int | None
    questions: tuple[Told, ...]
    delayed: tuple[str, ...]
    may_ask: bool
    officer: bool
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@signed_in
def looks_page(request: HttpRequest) -> HttpResponse:
    """Show the looks."""
    return _page(request, None)


@require_POST
@never_cache
@signed_in
def ask(request: HttpRequest) -> HttpResponse:
    """Ask or complain about a look, or about all of them."""
    given, actor, now = request.POST, actor_of(request), timezone.now()
    text = given.get("record", "")
    record = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    fault = attempt(
        request, f"ask-{record or 'all'}", lambda: services.ask(actor, given.get("kind", ""), given.get("text", ""), now, record)
    )
    if fault:
        return _page(request, fault)
    return done(request, _("已提交，十个工作日内在本页答复。"), reverse("my-data"))


def filters(request: HttpRequest) -> Asked:
    """Return what the address asks for. Raises Refused for a date that is none."""
    since, until, organisation, purpose, before = asked(request, "since", "until", "organisation", "purpose", "before")
    last = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else queries.LAST
    ends = _day(until)
    return Asked(_day(since), ends + dt.timedelta(days=1) if ends else None, organisation, purpose, last)


def _day(text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        day = day_of(text)
    except ValueError as wrong:
        raise Refused(_("“%s”不是日期，请写成 2026-01-31。") % text[:20], status=400) from wrong
    return dt.datetime.combine(day, dt.time(), config().zone)


def _page(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    about, wanted = queries.identities(actor.account_id), filters(request)
    found = queries.looks(about, wanted, now, PAGE + 1)
    if about and request.method == "GET":
        audit.record(actor, "read.own", "audit")
    since, until = asked(request, "since", "until")
    kept = {name: value for name, value in request.GET.items() if value and name != "before"}
    book = rulebook()
    page = DataPage(
        bool(about), tuple(_register_name(one) for one in about), tuple(found[:PAGE]),
        tuple(Choice(key, name, key == wanted.organisation) for key, name in queries.bodies(about, now).items()) if about else (),
        tuple(Choice(key, name, key == wanted.purpose) for key, name in book.purposes.items() if key not in withheld()),
        since, until, f"{urlencode(kept)}&" if kept else "", found[PAGE - 1].record if len(found) > PAGE else None,
        tuple(_told(one, now) for one in services.asked_by(actor.account_id)), tuple(_(book.purposes[key]) for key in withheld()),
        services.takes_questions(), may(actor, "lookup.patterns"), fault, now,
    )  # fmt: skip
    return render(request, "my/data.html", {"page": page}, status=fault.status if fault else 200)


def _register_name(one: Identity) -> str:
    book = rulebook()
    return _(book.datasets[one.dataset].name) if one.dataset in book.datasets else one.dataset


def _told(one: Question, now: dt.datetime) -> Told:
    case = one.case
    said = case.events.filter(kind="step").exclude(transition="charge").order_by("-id").first() if case.ended else None
    return Told(
        case.number, str(one.get_kind_display()), one.text, one.asked_at, places.said(case.owner.name),
        None if case.ended else case.due_at, not case.ended and case.due_at < now, case.closed_at, said.note if said else "",
    )  # fmt: skip
