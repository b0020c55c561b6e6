# SPDX-License-Identifier: Apache-2.0
"""Requests for data and grants, for programs: the same lines as the pages, for those who may see them."""

from __future__ import annotations

from typing import Any

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.errors import NotFound
from chengyun.share.requests import queries
from chengyun.share.requests.models import Request
from chengyun.web.api.asked import cursor_of, read_cursor

STATES = tuple(Request.State.values)


def request_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return requests the actor may see, newest first."""
    _enter(actor)
    lines = queries.every(actor, state=asked["state"] or "")
    return _page("requests", lines, asked, _line)


def request(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return one request with its history."""
    _enter(actor)
    view = queries.request_view(actor, asked["number"])
    found = view.request
    history = [
        {"at": one.at, "actor": one.actor, "deed": one.deed, "note": one.note, "detail": one.detail} for one in view.steps
    ]  # fmt: skip
    return _line(view.line) | {
        "history": history, "answer": found.answer, "basis": found.basis, "fields": found.shown, "area": found.area_code,
        "ends": found.ends, "grant": found.grant.number if found.grant else None,
    }  # fmt: skip


def grant_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return grants to the actor's body, on its data, or all for those who watch over them."""
    _enter(actor)
    return _page("grants", queries.grants_for(actor), asked, _grant)


def _enter(actor: Actor) -> None:
    if not may(actor, "request.read"):
        raise NotFound("There is nothing here for you.")


def _page(name: str, lines: list[Any], asked: dict[str, Any], tell: Any) -> dict[str, Any]:
    after = read_cursor(asked["cursor"], int)
    start = after[0] if after else 0
    end = start + asked["limit"]
    return {name: [tell(one) for one in lines[max(start, 0) : end]], "next": cursor_of([end]) if len(lines) > end else None}


def _line(one: queries.RequestLine) -> dict[str, Any]:
    return {
        "number": one.number, "dataset": one.dataset, "name": one.name, "organisation": one.organisation,
        "provider": one.provider, "purpose": one.purpose, "state": one.state, "due_day": one.due_day, "days_left": one.left,
        "made_at": one.made_at, "personal": one.personal, "escalated": one.escalated,
    }  # fmt: skip


def _grant(one: queries.GrantLine) -> dict[str, Any]:
    return {
        "number": one.number, "dataset": one.dataset, "holder": one.holder, "purpose": one.purpose, "fields": one.shown,
        "area": one.area_code, "since": one.since, "until": one.until, "frequency": one.frequency, "state": one.state,
        "why": one.why, "reads": one.reads, "rows": one.rows, "last_used": one.last_used, "unused": one.unused,
        "request": one.request,
    }  # fmt: skip
