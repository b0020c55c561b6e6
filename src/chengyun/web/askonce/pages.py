# SPDX-License-Identifier: Apache-2.0
"""The burden of forms by form and street, what is asked more than once, and what each question of a form is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.collect.forms import queries
from chengyun.collect.forms.models import FormVersion
from chengyun.errors import Refused
from chengyun.share.askonce import burden, services
from chengyun.share.askonce.bindings import Bound, bindings
from chengyun.share.askonce.burden import Report
from chengyun.share.askonce.guard import asked_again
from chengyun.share.askonce.holdings import CONSENT, elements
from chengyun.share.askonce.models import Load
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.forms.submissions import type_name

__all__ = ["decide", "form", "load", "overview"]


@dataclass(frozen=True)
class OverviewPage:
    report: Report
    hours: float
    again_hours: float
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """A question and what it is. how: in words. held: the register that holds it fresh, "" for none. why: features in words."""

    path: str
    label: str
    type: str
    element: str
    element_name: str
    how: str
    certain: bool
    score: int
    why: str
    held: str


@dataclass(frozen=True)
class FormPage:
    """load: how often the form is asked, as its owner says; None: not said. elements: to choose from, as (key, name)."""

    key: str
    title: str
    version: str
    minutes: float
    questions: tuple[QuestionLine, ...]
    load: Load | None
    elements: tuple[tuple[str, str], ...]
    may_design: bool
    fault: Fault | None


@require_safe
@needs("burden.read")
def overview(request: HttpRequest) -> HttpResponse:
    """Show what forms cost where the reader's areas reach."""
    now = timezone.now()
    found = burden.report(actor_of(request), now)
    page = OverviewPage(
        found, sum(one.declared_hours or one.filled_hours for one in found.forms), sum(one.hours for one in found.overlaps), now
    )
    return render(request, "askonce/overview.html", {"page": page})


@require_safe
@never_cache
@needs("burden.read")
def form(request: HttpRequest, key: str) -> HttpResponse:
    """Show what each question of a form is, and who holds it."""
    return _shown(request, key, None)


@require_POST
@never_cache
@needs("form.design")
def decide(request: HttpRequest, key: str) -> HttpResponse:
    """Say what a question is, or is not."""
    version, given, actor = _version(request, key), request.POST, actor_of(request)
    fault = attempt(
        request, "decide",
        lambda: services.decide(
            version, given.get("path", ""), given.get("element", "").strip(), given.get("same") == "1", given.get("reason", ""),
            actor,
        ),
    )  # fmt: skip
    return _shown(request, key, fault) if fault else done(request, _("已记下。"), reverse("burden-form", args=[key]))


@require_POST
@never_cache
@needs("form.design")
def load(request: HttpRequest, key: str) -> HttpResponse:
    """Say how often a form is asked."""
    version, given, actor = _version(request, key), request.POST, actor_of(request)

    def change() -> None:
        try:
            numbers = float(given.get("times", "")), int(given.get("people", "")), float(given.get("repeats", "1"))
        except ValueError as wrong:
            raise Refused(_("次数、人数与重复项数须是不为负的数。"), code="load") from wrong
        services.set_load(version.form, *numbers, actor)

    fault = attempt(request, "load", change)
    return _shown(request, key, fault) if fault else done(request, _("已保存。"), reverse("burden-form", args=[key]))


def _version(request: HttpRequest, key: str) -> FormVersion:
    _form, versions = queries.access_form(actor_of(request), key)
    chosen = next((one for one in versions if one.state == "published"), versions[0])
    return FormVersion.objects.select_related("form").defer("source").get(pk=chosen.pk)


def _shown(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    version, now = _version(request, key), timezone.now()
    names = {one: it.name for one, it in elements().items()}
    again = {one.bound.path: one.holding.name for one in asked_again(version, now)}
    bound = bindings(version)
    own = Load.objects.filter(form_id=key).first()
    agreed = queries.acknowledged_in(version.xform)
    page = FormPage(
        key=key, title=version.title, version=version.version,
        minutes=burden.minutes_of(version, bound, own, burden.seconds_on(now.date())),
        questions=tuple(
            _line(one, "trigger" if one.path in agreed else one.type, names.get(one.element, ""), again.get(one.path, ""))
            for one in bound
        ),
        load=own, elements=tuple(names.items()),
        may_design=may(actor_of(request), "form.design"), fault=fault,
    )  # fmt: skip
    return render(request, "askonce/form.html", {"page": page}, status=fault.status if fault else 200)


def _line(one: Bound, kind: str, name: str, held: str) -> QuestionLine:
    said = {"declared": _("表单中写明"), "decided": _("已确认"), "proposed": _("建议"), "": ""}[one.how]
    if one.element == CONSENT:
        name = _("同意从登记中预填")
    shown = [(key, value) for key, value in one.because.items() if key in ("likeness", "left", "head", "qualifier", "choices")]
    why = "；".join(f"{_feature(key)} {value:.2f}" for key, value in shown)
    return QuestionLine(
        one.path, one.label, type_name(kind), one.element, name, said, one.certain, round(one.score * 100), why, held
    )


def _feature(key: str) -> str:
    return {
        "likeness": _("用词相近"), "left": _("多出的词"), "head": _("问的同一类"), "qualifier": _("指同一人"),
        "choices": _("选项相同"),
    }[key]  # fmt: skip
