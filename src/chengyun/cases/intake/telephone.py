# SPDX-License-Identifier: Apache-2.0
"""The hotline: who calls and what they called about before, conversations and what came of them, calls back after the end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require, require_scope
from chengyun.cases.intake import steps
from chengyun.cases.intake.catalogue import name_of_category
from chengyun.cases.intake.models import ArticleVersion, Call, Report
from chengyun.cases.intake.persons import caller_of
from chengyun.cases.intake.queries import state_name
from chengyun.cases.intake.services import Filed, ReportIn, file_report
from chengyun.errors import NotFound, Refused

__all__ = ["LINES", "CallBack", "Past", "call_backs", "called_back", "history", "repeat", "settle", "take_report"]

LINES = ("96310", "81890")
PURPOSE = "case"


@dataclass(frozen=True, slots=True)
class Past:
    """Something a caller called or reported about before. report: its number, "" for a call that made none."""

    at: dt.datetime
    kind: str
    text: str
    report: str
    category: str
    state: str
    ended: bool


@dataclass(frozen=True, slots=True)
class CallBack:
    """A caller who wants to hear how it ended. phone: as this reader may see it."""

    call: int
    report: str
    text: str
    state: str
    ended_at: dt.datetime | None
    phone: str


def history(phone: str, actor: Actor, limit: int = 20) -> list[Past]:
    """Return what was reported and said from a number before, newest first. Who looked, and why, is recorded."""
    caller = caller_of(phone)
    if not caller:
        return []
    readable = require_scope(actor, "calls", PURPOSE)
    calls = list(
        readable.rows_for(Call.objects.filter(caller=caller), target=f"caller {caller[:8]}").select_related("report")[:limit]
    )
    theirs = Report.objects.filter(contact__caller=caller)
    told = require_scope(actor, "reports", PURPOSE).rows_for(theirs, target=f"caller {caller[:8]}")
    reports = list(told.select_related("case").order_by("-received_at")[:limit])
    found = [
        Past(
            one.received_at, str(one.get_channel_display()), one.text[:120], one.number,
            name_of_category(one.case.category if one.case else one.category), state_name(one.case),
            bool(one.case and one.case.ended),
        )
        for one in reports
    ]  # fmt: skip
    found += [
        Past(one.at, str(one.get_outcome_display()), one.notes[:120], one.report.number if one.report else "", "", "", True)
        for one in calls
        if one.outcome != Call.Outcome.REPORTED
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def take_report(line: str, notes: str, given: ReportIn, actor: Actor, now: dt.datetime, *, call_back: bool = False) -> Filed:
    """File what a caller reports, with the conversation it came from."""
    _check(line, actor)
    with transaction.atomic():
        filed = file_report(given, actor, now)
        if not filed.again:
            _keep(line, actor, now, given.phone, notes, Call.Outcome.REPORTED, report=filed.report, call_back=call_back)
    return filed


def repeat(line: str, notes: str, phone: str, number: str, actor: Actor, now: dt.datetime) -> Call:
    """Keep that somebody called again about a report: nothing new is opened, and the case knows it was urged."""
    _check(line, actor)
    report = Report.objects.filter(number=number).first()
    if report is None or not require_scope(actor, "reports", PURPOSE).matches({"area_code": report.area_code}):
        raise NotFound(_("没有找到这件上报。"))
    with transaction.atomic():
        call = _keep(line, actor, now, phone, notes, Call.Outcome.REPEATED, report=report)
        if report.case is not None:
            steps.note(report.case, "urged", now, {"report": report.number}, notes[:500], actor)
    return call


def settle(
    line: str, notes: str, phone: str, actor: Actor, now: dt.datetime, *, answer: ArticleVersion | None = None,
    transferred_to: str = "",
) -> Call:  # fmt: skip
    """Keep a conversation that ended there: answered from the knowledge base, in the agent's words, or put through elsewhere."""
    _check(line, actor)
    if not notes.strip() and answer is None:
        raise Refused(_("请写下通话要点，或选用一条知识。"), code="evidence_missing")
    outcome = Call.Outcome.TRANSFERRED if transferred_to.strip() else Call.Outcome.ANSWERED
    with transaction.atomic():
        return _keep(line, actor, now, phone, notes, outcome, answer=answer, transferred_to=transferred_to.strip()[:100])


def call_backs(actor: Actor, limit: int = 50) -> list[CallBack]:
    """Return callers to call back because their case has ended, oldest end first. A read of telephone numbers, and recorded."""
    allowed = require_scope(actor, "report_contacts", "contact")
    rows = Call.objects.filter(allowed.q("area_code"), wants_call_back=True, called_back_at=None, report__case__ended=True)
    found = list(rows.select_related("report__case", "report__contact").order_by("report__case__closed_at", "id")[:limit])
    if found:
        allowed.record_read("call back", count=len(found))
    told = []
    for one in found:
        contact = getattr(one.report, "contact", None)
        case = one.report.case if one.report else None
        phone = allowed.mask({"phone": contact.phone, "area_code": one.area_code}).get("phone", "") if contact else ""
        told.append(
            CallBack(
                one.pk, one.report.number if one.report else "", one.report.text[:80] if one.report else "", state_name(case),
                case.closed_at if case else None, str(phone),
            )
        )  # fmt: skip
    return told


def called_back(call_id: int, satisfied: int | None, note: str, actor: Actor, now: dt.datetime) -> Call:
    """Keep what a caller said when called back. satisfied: 1 to 5; None: nobody answered, which is an answer of its own."""
    require(actor, "hotline.serve")
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(pk=call_id, wants_call_back=True).first()
        if call is None:
            raise NotFound(_("没有找到这次回访。"))
        if call.called_back_at is not None:
            raise Refused(_("已有人回访过，请刷新后再看。"), code="settled")
        if satisfied is not None and not 1 <= satisfied <= 5:
            raise Refused(_("请选择 1 到 5 分。"), code="rating")
        call.called_back_at, call.satisfied, call.call_back_note = now, satisfied, note.strip()[:500]
        call.save(update_fields=["called_back_at", "satisfied", "call_back_note"])
        if satisfied is not None and call.report is not None:
            Report.objects.filter(pk=call.report.pk, rating=None).update(
                rating=satisfied, rated_at=now, rating_note=note.strip()[:500]
            )
        audit.record(actor, "hotline.call_back", "calls", str(call.pk), PURPOSE)
    return call


def _check(line: str, actor: Actor) -> None:
    require(actor, "hotline.serve")
    if line not in LINES:
        raise Refused(_("请选择来电的热线：%s。") % "、".join(LINES), code="line")


def _keep(
    line: str, actor: Actor, now: dt.datetime, phone: str, notes: str, outcome: str, *, report: Report | None = None,
    answer: ArticleVersion | None = None, transferred_to: str = "", call_back: bool = False,
) -> Call:  # fmt: skip
    if actor.account_id is None:
        raise Refused(_("接听须以个人账号登录。"), code="not_allowed")
    call = Call.objects.create(
        line=line, at=now, agent_id=actor.account_id, caller=caller_of(phone), notes=notes.strip()[:4000], outcome=outcome,
        report=report, area_code=report.area_code if report else "", answer=answer, transferred_to=transferred_to,
        wants_call_back=call_back,
    )  # fmt: skip
    audit.record(actor, "hotline.call", "calls", str(call.pk), PURPOSE, {"outcome": outcome, "line": line})
    return call
