# SPDX-License-Identifier: Apache-2.0
"""The list of forms: what is offered, how many were filled in, what is asked of the reader; and the upload of a new one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chengyun.access.actors import actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import reads
from chengyun.areas.queries import names_of
from chengyun.collect.forms import queries, services
from chengyun.collect.forms.models import Submission, Task
from chengyun.collect.forms.xlsform import LARGEST
from chengyun.errors import Refused
from chengyun.web.desk.deeds import Fault, attempt, done


@dataclass(frozen=True, slots=True)
class FormLine:
    """A form of the list. version: "" when none is offered now. counts: submissions as (state, in words, how many)."""

    key: str
    title: str
    version: str
    languages: tuple[str, ...]
    drafts: int
    counts: tuple[tuple[str, str, int], ...]
    tasks: int


@dataclass(frozen=True, slots=True)
class TaskLine:
    """Something to fill in. late: its time is over. person: who it was given to, "" for anybody there."""

    id: int
    form: str
    form_title: str
    title: str
    area: str
    person: str
    due_at: dt.datetime | None
    late: bool
    state: str
    open: bool


@dataclass(frozen=True)
class FormsPage:
    """reviewer: whether the reader may see submissions. server: the address ODK Collect is told."""

    forms: tuple[FormLine, ...]
    tasks: tuple[TaskLine, ...]
    may_design: bool
    reviewer: bool
    account: str
    server: str
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@reads("forms")
def form_list(request: HttpRequest) -> HttpResponse:
    """List forms; keep an XLSForm that is sent as a draft."""
    fault = None
    if request.method == "POST":
        made: list[str] = []
        fault = attempt(request, "upload", lambda: made.append(_upload(request)))
        if made:
            return done(request, _("草稿已保存。请先看过题目，再发布。"), reverse("form", args=made))
    actor, now = actor_of(request), timezone.now()
    page = FormsPage(
        tuple(map(_line, queries.list_forms(actor))), task_lines(queries.my_tasks(actor), now), may(actor, "form.design"),
        scope(actor, "submissions", queries.PURPOSE).allowed, account_name(request), server(request), fault, now,
    )  # fmt: skip
    return render(request, "forms/list.html", {"page": page}, status=fault.status if fault else 200)


def task_lines(tasks: list[Task], now: dt.datetime) -> tuple[TaskLine, ...]:
    """Return tasks as pages show them."""
    areas = names_of({one.area_code for one in tasks})
    return tuple(
        TaskLine(
            one.pk, one.form_id, one.form.title, one.title, areas[one.area_code], str(one.person) if one.person else "",
            one.due_at, one.state == "open" and one.due_at is not None and one.due_at < now, str(one.get_state_display()),
            one.state == "open",
        )
        for one in tasks
    )  # fmt: skip


def server(request: HttpRequest) -> str:
    """Return the address ODK Collect is told."""
    return request.build_absolute_uri("/openrosa")


def account_name(request: HttpRequest) -> str:
    """Return the name the reader signs in with."""
    return request.user.get_username() if request.user.is_authenticated else ""


def _line(one: queries.FormStanding) -> FormLine:
    counts = tuple(
        (state.value, str(state.label), one.counts[state.value]) for state in Submission.State if one.counts.get(state.value)
    ) if one.counts is not None else ()  # fmt: skip
    return FormLine(
        one.form.key, one.form.title, one.version.version if one.version else "",
        tuple(one.version.languages) if one.version else (), one.drafts, counts, one.tasks,
    )  # fmt: skip


def _upload(request: HttpRequest) -> str:
    sent = request.FILES.get("file")
    if sent is None:
        raise Refused(_("请选择一个 XLSForm 文件。"), code="no_file")
    return services.make_version(sent.read(LARGEST + 1), sent.name or "", actor_of(request)).form_id
