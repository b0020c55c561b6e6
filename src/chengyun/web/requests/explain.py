# SPDX-License-Identifier: Apache-2.0
"""/access/explain: why somebody may or may not read."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.explaining import Explanation, explain_for
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.errors import Refused
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.pages import asked


@dataclass(frozen=True)
class ExplainPage:
    actor: str
    field: str
    datasets: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    explanation: Explanation | None
    fault: str


@require_safe
@never_cache
@needs("access.explain")
def explain_page(request: HttpRequest) -> HttpResponse:
    """Explain a decision."""
    book = rulebook()
    actor, dataset, field, purpose = asked(request, "actor", "dataset", "field", "purpose")
    found, fault = None, ""
    if dataset:
        try:
            found = explain_for(actor_of(request), actor, dataset, field, purpose)
        except Refused as refused:
            fault = refused.sentence
    page = ExplainPage(
        actor, field, tuple(Choice(key, one.name, key == dataset) for key, one in book.datasets.items()),
        tuple(Choice(key, name, key == purpose) for key, name in book.purposes.items()), found, fault,
    )  # fmt: skip
    return render(request, "requests/explain.html", {"page": page}, status=400 if fault else 200)
