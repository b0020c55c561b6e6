# SPDX-License-Identifier: Apache-2.0
"""What a supervisor watches: what is about to be late, what is late, whose clock stands and why, body by body."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.cases.duties.boards import BodyLoad, by_body
from chengyun.cases.queries import Filters, cases_for
from chengyun.errors import Refused
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.cases import COLOURS, MOST_LISTED, CaseRow, case_rows
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

PAGE = 30


@dataclass(frozen=True)
class SupervisionPage:
    """bodies: whose move it is, most late first. listed: cases of the chosen kind and body, oldest limit first."""

    kinds: tuple[Choice, ...]
    kind: str
    body: str
    bodies: tuple[BodyLoad, ...]
    late: int
    soon: int
    paused: int
    listed: Listed[CaseRow]
    may_supervise: bool
    as_of: dt.datetime


@require_safe
@never_cache
@needs("case.supervise")
def supervision(request: HttpRequest) -> HttpResponse:
    """Show what runs late, the oldest first."""
    actor, now, number = actor_of(request), timezone.now(), page_number(request)
    kind, body = asked(request, "show", "body")
    names = {"overdue": _("超时"), "soon": _("临近时限"), "paused": _("停表"), "supervised": _("督办")}
    bodies = tuple(by_body(actor, now))
    late, soon, paused = (sum(getattr(one, name) for one in bodies) for name in ("late", "soon", "paused"))
    if kind not in names:
        kind = "overdue" if late or not soon else "soon"
    start = (number - 1) * PAGE
    if start >= MOST_LISTED:
        raise Refused(_("只列出前 %d 件，请缩小查找范围。") % MOST_LISTED, code="too_far")
    filters: Filters = {"colour": COLOURS.get(kind), "supervised": kind == "supervised", "owners": [body] if body else []}
    found = cases_for(actor, limit=PAGE + 1, offset=start, now=now, **filters)
    page = SupervisionPage(
        tuple(Choice(key, name, key == kind) for key, name in names.items()), kind, body, bodies, late, soon, paused,
        Listed(case_rows(found[:PAGE]), number, len(found) > PAGE, filters_of(request.GET)), may(actor, "case.supervise"), now,
    )  # fmt: skip
    return render(request, "dispatch/supervision.html", {"page": page})
