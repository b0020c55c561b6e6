# SPDX-License-Identifier: Apache-2.0
"""The one statement that keeps a report: the report, how to reach who sent it, the first message, and the audit record."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from chengyun.access.actors import Actor
from chengyun.access.commits import EARLY, let_go_early
from chengyun.cases.intake.models import Message, Report, ReportContact
from chengyun.cases.prepared import fetch, insert, values_of

__all__ = ["write_report"]


def write_report(report: Report, contact: ReportContact | None, actor: Actor, detail: Mapping[str, Any]) -> None:
    """Write a new report; it gets its id. A reporter whose report opened its own case is told that it was received.

    Raises IntegrityError where its key was used before.
    """
    let_go_early()
    received = Message(report=report, at=report.received_at, kind="received", mail=Message.Mail.NONE)
    opened = report.home_id is not None
    audited = [
        actor.account_id,
        actor.name[:100],
        actor.organisation or "",
        report.number,
        json.dumps(dict(detail), ensure_ascii=False),
    ]
    values = values_of(report)
    if contact is not None:
        values += values_of(contact)[1:]
    if opened:
        values += values_of(received)[1:]
    ((report.pk, _),) = fetch(_sql(contact is not None, opened), [*values, *audited])
    report._state.adding, report._state.db = False, "default"
    if contact is not None:
        contact.report = report


@functools.cache
def _sql(contact: bool, message: bool) -> str:
    parts = [f"report AS ({insert(Report)} RETURNING id)"]
    if contact:
        parts.append(f"contact AS ({insert(ReportContact, report_id='report.id')})")
    if message:
        parts.append(f"message AS ({insert(Message, report_id='report.id')})")
    return f"""
        WITH {", ".join(parts)}, noted AS (
            INSERT INTO access_auditrecord (account_id, actor, organisation, action, dataset, target, detail)
            VALUES (%s::bigint, %s::text, %s::text, 'report.file', 'reports', %s::text, %s::jsonb))
        SELECT id, {EARLY} FROM report
    """  # noqa: S608  columns of our own models
