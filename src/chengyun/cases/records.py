# SPDX-License-Identifier: Apache-2.0
"""The rows a deed leaves behind: its event, the stay it begins, the number of a case, and the word to those who watch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import F

from chengyun.access.actors import Actor
from chengyun.cases import clock as clocks
from chengyun.cases.clock import Basis, Clock
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case, CaseClock, CaseEvent, CaseNumber, CaseStage
from chengyun.cases.office import Granted, stay_limit, work_time
from chengyun.city import State
from chengyun.config import config

__all__ = ["clock_of", "enter", "next_number", "said", "stay_clock", "tell", "write_event"]


def clock_of(row: CaseClock) -> Clock:
    """Return a case's own clock as a value."""
    return Clock(row.limit_s, row.used_s, row.running_since, _basis(row.basis))


def stay_clock(stage: CaseStage) -> Clock:
    """Return the clock that times a stay as a value."""
    running = stage.entered_at if stage.clock == "runs" and stage.left_at is None else None
    return Clock(stage.limit_s or 0, stage.used_s, running, _basis(stage.basis))


def _basis(text: str) -> Basis:
    return "working" if text == "working" else "continuous"


def enter(
    case: Case, state: State, own: Clock, now: dt.datetime, *, said_why: str = "", until: dt.datetime | None = None
) -> CaseStage:
    """Begin a stay: write its row, and what the case shows of it. The caller saves the case.

    own: the case's clock, moved already. said_why: what the person said who brought it here. until: of a pause or an asked delay.
    """
    day = now.astimezone(config().zone).date()
    limit = stay_limit(case.type, state, day, emergency=case.emergency)
    timing = _timing(state, limit, own, now)
    due = _pause_ends(limit, now, until) if state.clock == "paused" else clocks.due_at(timing, work_time())
    reason = f"{state.because}（{said_why}）" if state.because and state.clock == "paused" and said_why else state.because
    stage = CaseStage.objects.create(
        case=case, state=state.key, owner=case.owner, person_id=case.person_id, post=state.owner, clock=state.clock,
        reason=reason[:500], entered_at=now, basis=timing.basis, limit_s=int(timing.limit_s), used_s=timing.used_s,
        own_limit=limit is not None, due_at=None if state.clock == "ended" else due, until=until,
    )  # fmt: skip
    case.stage, case.stage_since, case.state = stage, now, state.key
    case.ended = state.clock == "ended"
    case.closed_at = now if case.ended else None
    case.suspended = state.suspends
    case.due_at = stage.due_at or case.due_at
    case.warn_at = clocks.warn_after(timing, work_time()) if state.clock == "runs" else None
    return stage


def _timing(state: State, limit: Granted | None, own: Clock, now: dt.datetime) -> Clock:
    """Return the clock that times a stay: its own, or the case's."""
    if limit is not None:
        return Clock(limit.seconds, 0.0, now if state.clock == "runs" else None, limit.basis)
    return own


def _pause_ends(limit: Granted | None, now: dt.datetime, until: dt.datetime | None) -> dt.datetime | None:
    last = now + dt.timedelta(seconds=limit.seconds) if limit else None
    return min(last, until) if last and until else last or until


def next_number(now: dt.datetime) -> str:
    """Return the next number of the city's year, e.g. 2026-000123. Numbers of one year have no gaps."""
    year = now.astimezone(config().zone).year
    CaseNumber.objects.get_or_create(year=year, defaults={"last": 0})
    CaseNumber.objects.filter(year=year).update(last=F("last") + 1)
    return f"{year}-{CaseNumber.objects.get(year=year).last:06d}"


def write_event(
    case: Case,
    kind: str,
    actor: Actor,
    now: dt.datetime,
    transition: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    given: Given | None = None,
    note: str = "",
) -> CaseEvent:
    """Write one line of a case's history."""
    given = given or Given(note=note)
    return CaseEvent.objects.create(
        case=case, at=now, kind=kind, transition=transition, actor=actor.name, account_id=actor.account_id,
        before=dict(before or {}), after=dict(after or {}), reason=given.reason[:500],
        reason_code=str(given.data.get("reason_code", ""))[:64], note=given.note, data=_came_with(given),
    )  # fmt: skip


def _came_with(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {key: value for key, value in given.data.items() if key != "reason_code"}
    if given.photos:
        found["photos"] = list(given.photos)
    for name in ("lon", "lat", "until"):
        if (value := getattr(given, name)) is not None:
            found[name] = value
    return found


def said(case: Case) -> dict[str, Any]:
    """Return what an event says of a case before and after a deed."""
    return {"state": case.state, "owner": case.owner.key, "person": case.person_id}


def tell(case: Case) -> None:
    """Tell the pages that show cases."""
    data = {
        "number": case.number, "type": case.type, "state": case.state, "ended": case.ended, "title": case.title,
        "due_at": case.due_at.isoformat(), "simulated": case.simulated,
    }  # fmt: skip
    payload = {"kind": "case", "dataset": case.type, "area": case.area_code, "data": data}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('chengyun_live', %s)", [json.dumps(payload)])
