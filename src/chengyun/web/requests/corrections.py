# SPDX-License-Identifier: Apache-2.0
"""/corrections: 校核反馈: what readers say is wrong, and what its source answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.share.requests import corrections, queries, rights
from chengyun.share.requests.models import Correction
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """left: working days to the end of the answer's period. answerable: the reader may answer it now.

    value: the corrected one, as the reader may see the field.
    """

    correction: Correction
    name: str
    value: str
    left: int | None
    answerable: bool


@dataclass(frozen=True)
class CorrectionsPage:
    lines: tuple[CorrectionLine, ...]
    datasets: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    key: str
    field: str
    may_report: bool
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("request.read")
def correction_list(request: HttpRequest) -> HttpResponse:
    """List corrections; take a new one."""
    if request.method != "POST":
        return _answer(request, None)
    given = {name: request.POST.get(name, "") for name in ("dataset", "key", "field", "said", "proposed", "purpose")}
    fault = attempt(request, "report", lambda: corrections.report(actor_of(request), **given))
    return _answer(request, fault) if fault else done(request, _("已转给数据来源部门校核。"), reverse("corrections"))


@require_POST
@never_cache
@needs("request.read")
def answer(request: HttpRequest, number: str) -> HttpResponse:
    """Answer a correction for its source."""
    given = request.POST

    def do() -> None:
        corrections.answer(
            actor_of(request), number, said=given.get("said", ""), value=given.get("value", ""), upheld=given.get("upheld") == "1"
        )

    fault = attempt(request, number, do)
    return _answer(request, fault) if fault else done(request, _("已答复。"), reverse("corrections"))


def _answer(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, book = actor_of(request), rulebook()
    typed = fault.given if fault and fault.form == "report" else request.GET.dict()
    lines = tuple(
        CorrectionLine(
            one, book.datasets[one.dataset].name if one.dataset in book.datasets else one.dataset,
            corrections.value_for(actor, one),
            queries.days_left(one.due_day) if one.state == "open" else None, one.state == "open" and rights.answers(actor, one),
        )
        for one in queries.corrections(actor)
    )  # fmt: skip
    page = CorrectionsPage(
        lines,
        tuple(Choice(key, it.name, key == typed.get("dataset")) for key, it in book.datasets.items() if it.kind == "entity"),
        tuple(Choice(key, name, key == typed.get("purpose")) for key, name in book.purposes.items()),
        typed.get("key", ""), typed.get("field", ""), may(actor, "request.apply"), fault, timezone.now(),
    )  # fmt: skip
    return render(request, "requests/corrections.html", {"page": page}, status=fault.status if fault else 200)
