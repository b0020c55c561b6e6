# SPDX-License-Identifier: Apache-2.0
"""The rows a deed leaves behind: its event, the stay it begins, the number of a case, and the word to those who watch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.db import connection

from chengyun.access.actors import Actor
from chengyun.cases.clock import Clock
from chengyun.cases.course import Stay
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case, CaseEvent, CaseStage

__all__ = [
    "SKEW", "came_with", "event_of", "news_of", "note_limit", "number_of", "said", "stay_clock", "tell", "work_of", "write_event",
    "write_stay",
]  # fmt: skip


SKEW = dt.timedelta(minutes=1)
"""By how much the clocks of our machines, or a wait for a case's lock, may put a deed before the one it follows."""


def stay_clock(stage: CaseStage) -> Clock:
    """Return the clock that times a stay with a limit of its own as a value."""
    running = stage.entered_at if stage.clock == "runs" and stage.left_at is None else None
    return Clock(stage.limit_s or 0, stage.used_s, running, "working" if stage.basis == "working" else "continuous")


def write_stay(case: Case, stay: Stay) -> None:
    """Write the first stay of a new case. The caller saves the case."""
    case.stage = CaseStage.objects.create(
        case=case, owner_id=case.owner_id, person_id=case.person_id, **{name: getattr(stay, name) for name in Stay.__slots__}
    )  # fmt: skip


def number_of(year: int, count: int) -> str:
    """Return a case's number, e.g. 2026-000123. One that was drawn for an opening that failed is not given again."""
    return f"{year}-{count:06d}"


def event_of(
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
    """Return one line of a case's history, not written yet."""
    given = given or Given(note=note)
    return CaseEvent(
        case=case, at=now, kind=kind, transition=transition, actor=actor.name, account_id=actor.account_id,
        before=dict(before or {}), after=dict(after or {}), reason=given.reason[:500],
        reason_code=str(given.data.get("reason_code", ""))[:64], note=given.note, data=came_with(given),
    )  # fmt: skip


def write_event(case: Case, kind: str, actor: Actor, now: dt.datetime, **said_of_it: Any) -> CaseEvent:
    """Write one line of a case's history. said_of_it: as event_of takes it."""
    event = event_of(case, kind, actor, now, **said_of_it)
    event.save(force_insert=True)
    return event


def came_with(given: Given) -> dict[str, Any]:
    """Return what an event keeps of what came with a step, beside its texts."""
    found: dict[str, Any] = {key: value for key, value in given.data.items() if key != "reason_code"}
    if given.photos:
        found["photos"] = list(given.photos)
    for name in ("lon", "lat", "until"):
        if (value := getattr(given, name)) is not None:
            found[name] = value
    return found


def work_of(case: Any) -> tuple[str, str, bool]:
    """Return what of a case decides how long its work may take. case: a models.Case or a Draft."""
    return case.category, case.condition, case.emergency


def note_limit(given: Given, other_work: bool, granted_s: int, clock: Any) -> None:
    """Keep with the event that a step gave the work another limit: from how many seconds to how many."""
    if other_work and clock.started_at is not None and clock.granted_s != granted_s and isinstance(given.data, dict):
        given.data["limit_s"] = [granted_s, clock.granted_s]


def said(case: Case) -> dict[str, Any]:
    """Return what an event says of a case before and after a deed."""
    return {"state": case.state, "owner": case.owner.key, "person": case.person_id}


def news_of(case: Case) -> str:
    """Return what the pages that show cases are told of one."""
    data = {
        "number": case.number, "type": case.type, "state": case.state, "ended": case.ended, "title": case.title,
        "due_at": case.due_at.isoformat(), "simulated": case.simulated,
    }  # fmt: skip
    return json.dumps({"kind": "case", "dataset": case.type, "area": case.area_code, "data": data})


def tell(case: Case) -> None:
    """Tell the pages that show cases."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('chengyun_live', %s)", [news_of(case)])
