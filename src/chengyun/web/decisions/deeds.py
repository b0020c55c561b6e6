# SPDX-License-Identifier: Apache-2.0
"""What people do with decisions on their pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.models import Organisation
from chengyun.access.policy import require
from chengyun.access.views import needs
from chengyun.errors import Refused
from chengyun.govern.decisions import evidence, services
from chengyun.govern.decisions.models import Decision, Evidence
from chengyun.web.days import day_of
from chengyun.web.decisions.pages import show
from chengyun.web.desk.deeds import Fault, attempt, done

OPTIONS = 6
"""Options the form has room for."""


@dataclass(frozen=True)
class FormPage:
    """given: what was typed, by field. options: (number, name, what speaks for and against). about: evidence it begins with."""

    number: int | None
    given: Mapping[str, str]
    options: tuple[tuple[int, str, str], ...]
    bodies: tuple[tuple[str, str], ...]
    about: tuple[str, str]
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@needs("decision.write")
def new(request: HttpRequest) -> HttpResponse:
    """Ask what is to be decided, and begin a draft; with an alert or a case, when one was named."""
    actor = actor_of(request)
    given = _typed(request)
    if request.method != "POST":
        return _form(request, None, given, None)
    made: list[Decision] = []

    def do() -> None:
        made.append(services.draft(_draft(given), actor))
        if given.get("kind") in Evidence.Kind.values and given.get("reference"):
            evidence.add(made[0].pk, given["kind"], given["reference"], "", actor)

    fault = attempt(request, "decision", do)
    if made:  # begun, whatever became of the evidence it was to begin with
        return done(request, _("已建立草稿。"), reverse("decision", args=[made[0].pk]))
    return _form(request, None, given, fault)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("decision.write")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """Change a draft."""
    actor = actor_of(request)
    held = services.get_for(number, actor)
    require(actor, "decision.write", held.area_code)
    if request.method != "POST":
        given = {
            "question": held.question, "background": held.background, "area_code": held.area_code, "decider": held.decider,
            "organisation": held.organisation.key if held.organisation else "",
            "decide_by": held.decide_by.isoformat() if held.decide_by else "",
        }  # fmt: skip
        for index, one in enumerate(held.options[:OPTIONS]):
            given[f"option-{index}"], given[f"says-{index}"] = one["name"], one["says"]
        return _form(request, number, given, None)
    given = _typed(request)
    fault = attempt(request, "decision", lambda: services.redraft(number, _draft(given), actor))
    if fault:
        return _form(request, number, given, fault)
    return done(request, _("已保存。"), reverse("decision", args=[number]))


@require_POST
@needs("decision.write")
def add_evidence(request: HttpRequest, number: int) -> HttpResponse:
    """Add evidence."""
    given, actor = _typed(request), actor_of(request)
    return _tried(
        request, number, "evidence", _("已加入依据。"),
        lambda: evidence.add(number, given.get("kind", ""), given.get("reference", ""), given.get("note", ""), actor),
    )  # fmt: skip


@require_POST
@needs("decision.write")
def expect(request: HttpRequest, number: int) -> HttpResponse:
    """Add what the decision is expected to change."""
    given, actor = _typed(request), actor_of(request)

    def do() -> None:
        expected = services.Expected(
            indicator=given.get("indicator", ""), direction=given.get("direction", ""), size=_number(given.get("size", "")),
            since=_day(given.get("since", ""), _("对比期起")), by=_day(given.get("by", ""), _("见效期限")),
            treated=_codes(given.get("treated", "")), others=_codes(given.get("others", "")),
            method=given.get("method", ""),
        )  # fmt: skip
        services.expect(number, expected, actor)

    return _tried(request, number, "expect", _("已加入预期效果。"), do)


@require_POST
@needs("decision.write")
def drop(request: HttpRequest, number: int, expectation: int) -> HttpResponse:
    """Take an expectation out of a draft."""
    return _tried(request, number, "expect", _("已移除。"), lambda: services.drop(number, expectation, actor_of(request)))


@require_POST
@needs("decision.decide")
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Take the decision."""
    given, actor = _typed(request), actor_of(request)
    return _tried(
        request, number, "decide", _("已记下决定。"),
        lambda: services.decide(
            number, given.get("chosen", ""), given.get("reason", ""), _day(given.get("starts_on", ""), _("起始日")),
            _day(given.get("review_on", ""), _("复核日")), given.get("unmeasured", ""), actor, timezone.now(),
        ),
    )  # fmt: skip


@require_POST
@needs("decision.write")
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Begin the review before its day."""
    return _tried(request, number, "review", _("复核已开始。"), lambda: services.begin_review(number, actor_of(request)))


@require_POST
@needs("decision.write")
def evaluate(request: HttpRequest, number: int, expectation: int) -> HttpResponse:
    """Ask whether it worked."""
    return _tried(
        request, number, "evaluate", _("已排队，通常几秒算完。"), lambda: services.ask(number, expectation, actor_of(request))
    )


@require_POST
@needs("decision.write")
def conclude(request: HttpRequest, number: int) -> HttpResponse:
    """Close the review."""
    text, actor = request.POST.get("conclusion", ""), actor_of(request)
    return _tried(request, number, "conclude", _("已评估。"), lambda: services.conclude(number, text, actor, timezone.now()))


def _tried(request: HttpRequest, number: int, form: str, sentence: str, do: Callable[[], object]) -> HttpResponse:
    fault = attempt(request, form, do)
    return show(request, number, fault) if fault else done(request, sentence, reverse("decision", args=[number]))


def _form(request: HttpRequest, number: int | None, given: Mapping[str, str], fault: Fault | None) -> HttpResponse:
    page = FormPage(
        number=number,
        given=given,
        options=tuple((index, given.get(f"option-{index}", ""), given.get(f"says-{index}", "")) for index in range(OPTIONS)),
        bodies=tuple(Organisation.objects.order_by("name").values_list("key", "name")),
        about=(given.get("kind", ""), given.get("reference", "")),
        fault=fault,
    )
    return render(request, "decisions/form.html", {"page": page}, status=fault.status if fault else 200)


def _typed(request: HttpRequest) -> dict[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    return {name: str(given.get(name, "")).replace("\x00", "") for name in given}


def _draft(given: Mapping[str, str]) -> services.Draft:
    text = given.get("decide_by", "").strip()
    return services.Draft(
        question=given.get("question", ""), background=given.get("background", ""), area_code=given.get("area_code", "").strip(),
        organisation=given.get("organisation", ""), decider=given.get("decider", ""),
        decide_by=_day(text, _("何时前决定")) if text else None,
        options=[(given.get(f"option-{index}", ""), given.get(f"says-{index}", "")) for index in range(OPTIONS)],
    )  # fmt: skip


def _day(text: str, name: str) -> dt.date:
    try:
        return day_of(text.strip())
    except ValueError:
        raise Refused(_("请填写日期：%s。") % name, code="day") from None


def _codes(text: str) -> list[str]:
    return re.split(r"[\s,，、;；]+", text)


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "").replace("，", ""))
    except ValueError:
        raise Refused(_("幅度是一个数，例如 2.5；不填为任何幅度。"), code="size") from None
