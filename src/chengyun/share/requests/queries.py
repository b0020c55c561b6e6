# SPDX-License-Identifier: Apache-2.0
"""Requests and grants as pages and programs show them: with their deadline, their use, and what one may do with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q, Sum

from chengyun.access import delegation
from chengyun.access.actors import Actor
from chengyun.access.grants import database_time
from chengyun.access.models import Grant
from chengyun.access.policy import may
from chengyun.access.rulebook import rulebook
from chengyun.share.requests import clock, notices, rights
from chengyun.share.requests.models import Correction, Deletion, Notice, Request, Step
from chengyun.share.requests.office import calendar, today
from chengyun.share.requests.upkeep import why_suspended

__all__ = [
    "GrantLine",
    "RequestLine",
    "corrections",
    "days_left",
    "deletions",
    "doings",
    "every",
    "grant_lines",
    "grants_for",
    "inbox",
    "mine",
    "request_view",
    "to_answer",
]

State = Request.State
MOST = 500


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request of a list. left: working days to the end of the answer's period, negative when late; None: no clock runs."""

    number: str
    dataset: str
    name: str
    organisation: str
    provider: str
    purpose: str
    state: str
    state_name: str
    due_day: dt.date | None
    left: int | None
    colour: str
    made_at: dt.datetime
    personal: bool
    second: bool
    escalated: bool


@dataclass(frozen=True, slots=True)
class GrantLine:
    """One grant. state: in force, ended, revoked, suspended. unused: proposed for revocation, nobody having read it for long."""

    number: str
    dataset: str
    name: str
    holder: str
    purpose: str
    shown: dict[str, str]
    area_code: str
    since: dt.datetime
    until: dt.datetime | None
    frequency: int | None
    state: str
    why: str
    reads: int
    rows: int
    last_used: dt.datetime | None
    unused: bool
    request: str


@dataclass(frozen=True, slots=True)
class Doings:
    """What the reader may do with a request now."""

    change: bool
    withdraw: bool
    answer: bool
    secure: bool
    renew: bool
    revoke: bool


@dataclass(frozen=True, slots=True)
class RequestView:
    line: RequestLine
    request: Request
    steps: tuple[Step, ...]
    grant: GrantLine | None
    doings: Doings
    deletion: Deletion | None


def mine(actor: Actor, limit: int = MOST) -> list[RequestLine]:
    """Return the requests of the actor's own body, newest first."""
    keys = {post.organisation for post in actor.posts} | {actor.organisation}
    return _lines(_rows().filter(organisation__key__in=keys - {None})[:limit])


def to_answer(actor: Actor, limit: int = MOST) -> list[RequestLine]:
    """Return what waits for the actor's answer, soonest due first: as the provider, or as the second person."""
    waiting = _rows().filter(rights.visible(actor), state=State.SUBMITTED).order_by("due_day", "id")
    found = [one for one in waiting if doings(actor, one).answer or doings(actor, one).secure]
    return _lines(found[:limit])


def every(actor: Actor, limit: int = MOST, state: str = "") -> list[RequestLine]:
    """Return all requests the actor may see, newest first."""
    rows = _rows().filter(rights.visible(actor))
    return _lines((rows.filter(state=state) if state else rows)[:limit])


def request_view(actor: Actor, number: str) -> RequestView:
    """Return a request with its history. Raises NotFound."""
    request = rights.require_see(actor, number)
    grant = grant_lines([request.grant])[0] if request.grant is not None else None
    owed = Deletion.objects.filter(grant=request.grant).first() if request.grant else None
    return RequestView(_lines([request])[0], request, tuple(request.steps.all()), grant, doings(actor, request), owed)


def doings(actor: Actor, request: Request) -> Doings:
    """Return what the actor may do with a request now; the services ask again."""
    own = may(actor, "request.apply") and rights.belongs_to(actor, request.organisation)
    waiting = request.state == State.SUBMITTED
    second = (
        may(actor, "request.secure")
        and not rights.belongs_to(actor, request.organisation)
        and actor.account_id not in (request.applicant_id, request.agreed_by_id)
    )
    return Doings(
        change=own and request.state in (State.DRAFT, State.RETURNED),
        withdraw=own and request.state in (State.DRAFT, State.SUBMITTED, State.RETURNED),
        answer=waiting and request.agreed_by_id is None and rights.answers(actor, request),
        secure=waiting and request.agreed_by_id is not None and second,
        renew=own and request.state == State.APPROVED,
        revoke=request.state == State.APPROVED and (own or second or rights.answers(actor, request)),
    )


def grants_for(actor: Actor, limit: int = MOST) -> list[GrantLine]:
    """Return grants of the actor's own body, on its data, or all for those who watch over them; those in force first."""
    rows = Grant.objects.select_related("organisation").order_by("-id")
    if not (may(actor, "request.secure") or delegation.oversees(actor)):
        keys = {post.organisation for post in actor.posts} | {actor.organisation}
        asked = Request.objects.filter(rights.visible(actor), grant__isnull=False).values("grant")
        rows = rows.filter(Q(organisation__key__in=keys - {None}) | Q(pk__in=asked))
    return sorted(grant_lines(list(rows[:limit])), key=lambda one: one.state not in ("active", "suspended"))


def grant_lines(rows: Iterable[Grant]) -> list[GrantLine]:
    """Return grants with their use."""
    found, now, book = list(rows), database_time(), rulebook()
    used = {
        one["pk"]: one
        for one in Grant.objects.filter(pk__in=[grant.pk for grant in found])
        .values("pk")
        .annotate(reads=Sum("uses__reads"), read=Sum("uses__rows"), last=Max("uses__last_at"))
    }
    lines = []
    for grant in found:
        use = used[grant.pk]
        state, why = _standing(grant, now)
        facts = book.datasets.get(grant.dataset)
        idle_since = use["last"] or grant.since
        idle = state == "active" and (now - idle_since).days >= book.requests.unused_days
        lines.append(
            GrantLine(
                grant.number, grant.dataset, facts.name if facts else grant.dataset,
                str(grant.organisation or grant.get_role_display()), book.purposes.get(grant.purpose, grant.purpose), grant.shown,
                grant.area_code, grant.since, grant.until, grant.frequency, state, why, use["reads"] or 0, use["read"] or 0,
                use["last"], idle, grant.request,
            )
        )  # fmt: skip
    return lines


def deletions(actor: Actor) -> list[Deletion]:
    """Return what the actor's body has to delete and has not confirmed, soonest due first."""
    keys = {post.organisation for post in actor.posts} | {actor.organisation}
    rows = Deletion.objects.filter(confirmed_at=None, grant__organisation__key__in=keys - {None})
    return list(rows.select_related("grant"))


def corrections(actor: Actor, limit: int = MOST) -> list[Correction]:
    """Return corrections the actor may see, open ones first, soonest due first."""
    rows = Correction.objects.filter(rights.visible(actor)).select_related("organisation", "provider", "reporter")
    return sorted(rows[:limit], key=lambda one: (one.state != "open", one.due_day))


def inbox(actor: Actor, limit: int = 20) -> list[tuple[Notice, str]]:
    """Return the newest lines of the actor's inbox with their words."""
    if actor.account_id is None:
        return []
    rows = Notice.objects.filter(account_id=actor.account_id).select_related("request", "correction")
    return [(one, notices.say(one)) for one in rows[:limit]]


def days_left(due_day: dt.date | None) -> int | None:
    """Return the working days to the end of a period; None when none runs."""
    return None if due_day is None else clock.left(today(), due_day, calendar())


def _standing(grant: Grant, now: dt.datetime) -> tuple[str, str]:
    if grant.revoked_at is not None:
        return "revoked", grant.revoke_reason
    if grant.until is not None and grant.until <= now:
        return "ended", ""
    why = why_suspended(grant)
    return ("suspended", why) if why else ("active", "")


def _rows() -> Any:
    return Request.objects.select_related("organisation", "provider", "applicant")


def _lines(rows: Iterable[Request]) -> list[RequestLine]:
    book, day, days = rulebook(), today(), calendar()
    lines = []
    for one in rows:
        facts = book.datasets.get(one.dataset)
        left = clock.left(day, one.due_day, days) if one.due_day else None
        lines.append(
            RequestLine(
                one.number, one.dataset, facts.name if facts else one.dataset, str(one.organisation),
                str(one.provider) if one.provider else "", book.purposes.get(one.purpose, one.purpose), one.state,
                str(one.get_state_display()), one.due_day, left,
                clock.colour(left, book.requests.warn_days) if left is not None else "", one.made_at,
                facts.personal if facts else False, one.agreed_by_id is not None, one.escalated_at is not None,
            )
        )  # fmt: skip
    return lines
