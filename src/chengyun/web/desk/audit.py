# SPDX-License-Identifier: Apache-2.0
"""The audit log as a list, newest first, for those who check it. Looking at it is recorded too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access import audit, delegation
from chengyun.access.actors import actor_of
from chengyun.access.models import AuditRecord
from chengyun.access.policy import require_scope
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.auditdetails import Names, Said, about, said_of
from chengyun.web.desk.auditwords import codes_of, deed
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

PAGE = 100


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One record. deed: what its action is called. dataset: its name. target: what it was about. detail: the rest, in words."""

    id: int
    at: dt.datetime
    actor: str
    organisation: str
    action: str
    deed: str
    dataset: str
    target: str
    purpose: str
    detail: tuple[Said, ...]


@dataclass(frozen=True)
class AuditPage:
    """actor, action, target: what is searched for."""

    listed: Listed[AuditLine]
    actor: str
    action: str
    target: str
    datasets: tuple[Choice, ...]
    as_of: dt.datetime


@require_safe
@needs("audit.read")
def audit_list(request: HttpRequest) -> HttpResponse:
    """List records."""
    given, number, book = request.GET, page_number(request), rulebook()
    actor, action, target, dataset = asked(request, "actor", "action", "target", "dataset")
    rows = AuditRecord.objects.filter(require_scope(actor_of(request), "audit").q(), delegation.audited(actor_of(request)))
    for field, value in (("actor__icontains", actor), ("target", target), ("dataset", dataset)):
        if value:
            rows = rows.filter(**{field: value})
    if action:
        rows = rows.filter(Q(action__startswith=action) | Q(action__in=codes_of(action)))
    start = (number - 1) * PAGE
    found = list(rows.order_by("-id")[start : start + PAGE + 1])
    audit.record(actor_of(request), "read", "audit", detail={"page": number, "filtered": bool(filters_of(given))})
    page = AuditPage(
        Listed(_lines(found[:PAGE]), number, len(found) > PAGE, filters_of(given)),
        actor, action, target, tuple(Choice(key, one.name, key == dataset) for key, one in book.datasets.items()), timezone.now(),
    )  # fmt: skip
    return render(request, "desk/audit.html", {"page": page})


def _lines(rows: Sequence[AuditRecord]) -> tuple[AuditLine, ...]:
    names = Names.of(rows)
    return tuple(_line(row, names) for row in rows)


def _line(row: AuditRecord, names: Names) -> AuditLine:
    book = rulebook()
    dataset = _(book.datasets[row.dataset].name) if row.dataset in book.datasets else row.dataset
    purpose = _(book.purposes[row.purpose]) if row.purpose in book.purposes else row.purpose
    return AuditLine(
        row.pk, row.at, row.actor, names.bodies.get(row.organisation, row.organisation), row.action, deed(row.action), dataset,
        about(row.target), purpose, said_of(row, names),
    )  # fmt: skip
