# SPDX-License-Identifier: Apache-2.0
"""What the desk does with a report, and what a reporter does with the outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.policy import require
from chengyun.cases.intake import embargo, steps
from chengyun.cases.intake.catalogue import name_of_category
from chengyun.cases.intake.messages import hear, tell
from chengyun.cases.intake.models import Photo, Report, ReportContact
from chengyun.cases.models import Case
from chengyun.errors import Refused

__all__ = ["accept", "answer", "ask", "contradict", "rate", "refuse", "withdraw_contact"]

WITHIN = dt.timedelta(days=30)
"""How long after the end a reporter may rate it or say that it is not fixed."""
OPEN = frozenset({Report.State.WAITING, Report.State.ASKED})


def accept(
    report: Report, category: str, actor: Actor, now: dt.datetime, *, headline: str = "", show: Sequence[int] = (),
    public: bool = True, lon: float | None = None, lat: float | None = None,
) -> Report:  # fmt: skip
    """Take a report up: its category is settled, and what of it anybody may see.

    headline: what the public map says beside the category, never the reporter's own words. show: photos whose copies anybody
    may see. public: False keeps it off the public map whatever its category. lon, lat: of a report that came without a place.
    """
    with transaction.atomic():
        held, case = _held(report, actor)
        name = name_of_category(category)
        if not name:
            raise Refused(_("请先选定类别。"), code="category")
        if held.lon is None and lon is not None and lat is not None:
            steps.place(case, lon, lat, actor, now)
            held.lon, held.lat, held.area_code = lon, lat, case.area_code
        steps.accept(case, category, actor, now)
        held.state, held.settled_at, held.headline, held.category = Report.State.ACCEPTED, now, headline.strip()[:120], category
        held.published_at = embargo.public_from(category, now) if public else None
        held.save(update_fields=["state", "settled_at", "headline", "category", "published_at", "lon", "lat", "area_code"])
        if held.published_at is not None:
            Photo.objects.filter(report=held, pk__in=list(show)).update(open=True)
        tell(held, "accepted", now, {"category": name})
        audit.record(actor, "report.accept", "reports", held.number, detail={"category": category, "case": case.number})
    return held


def refuse(report: Report, reason: str, actor: Actor, now: dt.datetime) -> Report:
    """Turn a report down with a reason the reporter reads; its case ends with it. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused(_("请写明不受理的原因，上报人会看到。"), code="evidence_missing")
    with transaction.atomic():
        held, case = _held(report, actor)
        steps.refuse(case, reason.strip(), actor, now)
        held.state, held.settled_at = Report.State.REFUSED, now
        held.save(update_fields=["state", "settled_at"])
        tell(held, "refused", now, text=_("原因：%s") % reason.strip())
        audit.record(actor, "report.refuse", "reports", held.number, detail={"case": case.number})
    return held


def ask(report: Report, question: str, actor: Actor, now: dt.datetime) -> Report:
    """Ask the reporter something; the report waits for the answer in the desk's own list."""
    if not question.strip():
        raise Refused(_("请写明需要补充什么。"), code="evidence_missing")
    with transaction.atomic():
        held, _case = _held(report, actor)
        held.state = Report.State.ASKED
        held.save(update_fields=["state"])
        tell(held, "asked", now, text=question.strip())
        audit.record(actor, "report.ask", "reports", held.number)
    return held


def answer(report: Report, text: str, now: dt.datetime) -> None:
    """Add what the reporter says; a report that was asked about waits for the desk again."""
    if not text.strip():
        raise Refused(_("请写下补充的内容。"), code="text")
    with transaction.atomic():
        held = Report.objects.select_for_update().get(pk=report.pk)
        hear(held, "answered", now, text.strip())
        if held.state == Report.State.ASKED:
            held.state = Report.State.WAITING
            held.save(update_fields=["state"])


def rate(report: Report, stars: int, note: str, now: dt.datetime) -> None:
    """Keep a reporter's rating, 1 to 5, once and after the end. Raises Refused at any other time."""
    with transaction.atomic():
        held, case = _after_end(report, now)
        if held.rating is not None:
            raise Refused(_("您已经评价过，感谢。"), code="settled")
        held.rating, held.rated_at, held.rating_note = stars, now, note.strip()[:500]
        held.save(update_fields=["rating", "rated_at", "rating_note"])
        hear(held, "rated", now)
        steps.note(case, "rated", now, {"report": held.number, "rating": stars})


def contradict(report: Report, why: str, now: dt.datetime) -> Case:
    """Let a reporter say that it is not fixed: the case is opened again where it can be, and in any case the word is kept."""
    if not why.strip():
        raise Refused(_("请说明现在的情况，例如哪里仍未解决。"), code="text")
    with transaction.atomic():
        held, case = _after_end(report, now)
        steps.note(case, "contradicted", now, {"report": held.number}, why.strip()[:500])
        opened = steps.reopen(case, _("上报人反映仍未解决：%s") % why.strip()[:400], now)
        hear(held, "reopened" if opened else "contradicted", now, why.strip())
        held.rating = held.rated_at = None
        held.rating_note = ""
        held.save(update_fields=["rating", "rated_at", "rating_note"])
        audit.record(SYSTEM, "report.contradict", "reports", held.number, detail={"case": case.number})
    return opened or case


def withdraw_contact(report: Report, now: dt.datetime) -> None:
    """Delete who reported; what was reported stays."""
    with transaction.atomic():
        gone, _by_model = ReportContact.objects.filter(report=report).delete()
        if gone:
            hear(report, "withdrawn", now)
            audit.record(SYSTEM, "report.withdraw_contact", "report_contacts", report.number)


def _held(report: Report, actor: Actor) -> tuple[Report, Case]:
    """Return a report that waits for the desk, and its case, locked. Raises Refused when somebody else was faster."""
    require(actor, "intake.settle", report.area_code)
    held = Report.objects.select_for_update().select_related(None).get(pk=report.pk)
    if held.state not in OPEN or held.case_id is None:
        raise Refused(_("这件上报已经处理过，请刷新后再看。"), code="settled")
    return held, Case.objects.select_for_update().get(pk=held.case_id)


def _after_end(report: Report, now: dt.datetime) -> tuple[Report, Case]:
    held = Report.objects.select_for_update().get(pk=report.pk)
    case = Case.objects.select_for_update().filter(pk=held.case_id or 0).get()
    if not case.ended or case.closed_at is None:
        raise Refused(_("还没有办结，办结后再评价。"), code="settled")
    if now - case.closed_at > WITHIN:
        raise Refused(_("办结已超过 %d 天，请重新上报。") % WITHIN.days, code="settled")
    return held, case
