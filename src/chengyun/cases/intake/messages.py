# SPDX-License-Identifier: Apache-2.0
"""What reporters are told: written in the transaction of what happened, shown on their page, sent by e-mail from there."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings

from chengyun.cases.intake.models import Message, Report, ReportContact
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.prepared import fetch
from chengyun.city import City

__all__ = ["hear", "tell", "tell_reporters"]

QUIET = frozenset({"received", "answered", "rated"})
"""What a reporter has just done is seen on the page; only what others did is worth a letter."""


REPORTS = "(SELECT array_agg(id) FROM intake_report WHERE case_id = %s::bigint)"
"""Whose answer every step has beside it: most cases were reported by nobody who waits."""


def tell(
    report: Report, kind: str, now: dt.datetime, data: dict[str, Any] | None = None, text: str = "", *, mail: bool = True
) -> Message:
    """Tell a reporter something."""
    goes_out = mail and kind not in QUIET and ReportContact.objects.filter(report=report).exclude(email="").exists()
    return Message.objects.create(
        report=report, at=now, kind=kind, data=data or {}, text=text[:2000],
        mail=Message.Mail.WAITING if goes_out else Message.Mail.NONE, next_at=now if goes_out else None,
    )  # fmt: skip


def hear(report: Report, kind: str, now: dt.datetime, text: str = "") -> Message:
    """Keep what a reporter said."""
    return Message.objects.create(report=report, at=now, kind=kind, text=text[:2000], from_reporter=True)


def tell_reporters(case: Case, event: CaseEvent) -> None:
    """Tell everybody who reported a case what step it took. Called in the step's transaction."""
    city: City = settings.CITY
    declared = city.cases.get(case.type)
    if declared is None or event.kind != "step":
        return
    step = next((one for one in declared.transitions if one.key == event.transition), None)
    if step is None:
        return
    kind = "step" if not case.ended else "closed" if case.verified_at is not None else "ended"
    data = {"step": step.name, "due": None if case.ended else case.due_at.isoformat()}
    reports = event.beside["reports"] if event.beside is not None else fetch(f"SELECT {REPORTS}", [case.pk])[0][0]
    for report in Report.objects.filter(pk__in=reports).order_by("id") if reports else ():
        tell(report, kind, event.at, data)
