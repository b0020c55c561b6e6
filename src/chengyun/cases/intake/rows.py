# SPDX-License-Identifier: Apache-2.0
"""The one statement that keeps a report: the report, how to reach who sent it, the first message, and the audit record.

opened its own case     report ─ contact ─ "received" ─ audit
joined a known one      report ─ contact ─ "joined" ─ audit ─ one more of the case's reports ─ a line of the case's history
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from chengyun.access.actors import Actor
from chengyun.access.commits import EARLY, let_go_early
from chengyun.cases.intake.models import Message, Report, ReportContact
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.prepared import fetch, insert, values_of
from chengyun.cases.records import event_of

__all__ = ["write_report"]


def write_report(
    report: Report, contact: ReportContact | None, actor: Actor, detail: Mapping[str, Any], *, joins: Case | None = None
) -> None:
    """Write a new report; it gets its id. Its reporter is told that it was received, or that it joined a case.

    joins: the case of somebody else's report it is about too, whose row the caller holds locked; it counts one report more.
    Raises IntegrityError where its key was used before.
    """
    let_go_early()
    values = values_of(report)
    if contact is not None:
        values += values_of(contact)[1:]
    if joins is None:
        values += values_of(Message(report=report, at=report.received_at, kind="received", mail=Message.Mail.NONE))[1:]
    else:
        joins.report_count += 1
        values += values_of(_joined(report, contact, joins))[1:]
    values += [
        actor.account_id, actor.name[:100], actor.organisation or "", report.number, json.dumps(dict(detail), ensure_ascii=False),
    ]  # fmt: skip
    if joins is not None:
        event = event_of(joins, "report_joined", actor, report.received_at, after={"report": report.number})
        values += [joins.report_count, joins.pk, *values_of(event)]
    ((report.pk, _),) = fetch(_sql(contact is not None, joins is not None), values)
    report._state.adding, report._state.db = False, "default"
    if contact is not None:
        contact.report = report


def _joined(report: Report, contact: ReportContact | None, case: Case) -> Message:
    """Return what the reporter of a known problem is told; by e-mail too, because it is the program that found it known."""
    mailed = contact is not None and bool(contact.email)
    return Message(
        report=report, at=report.received_at, kind="joined", data={"count": case.report_count},
        mail=Message.Mail.WAITING if mailed else Message.Mail.NONE, next_at=report.received_at if mailed else None,
    )  # fmt: skip


@functools.cache
def _sql(contact: bool, joins: bool) -> str:
    parts = [f"report AS ({insert(Report)} RETURNING id)"]
    if contact:
        parts.append(f"contact AS ({insert(ReportContact, report_id='report.id')})")
    parts.append(f"message AS ({insert(Message, report_id='report.id')})")
    parts.append("""noted AS (
        INSERT INTO access_auditrecord (account_id, actor, organisation, action, dataset, target, detail)
        VALUES (%s::bigint, %s::text, %s::text, 'report.file', 'reports', %s::text, %s::jsonb))""")
    if joins:
        parts.append("counted AS (UPDATE cases_case SET report_count = %s::int WHERE id = %s::bigint)")
        parts.append(f"event AS ({insert(CaseEvent)})")
    return f"WITH {', '.join(parts)} SELECT id, {EARLY} FROM report"  # noqa: S608  columns of our own models
