# SPDX-License-Identifier: Apache-2.0
"""The page of one form: its versions and questions, the stream its answers go to, its tasks, and what is done about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of, actor_of_account
from chengyun.access.hints import meant
from chengyun.access.models import Account
from chengyun.access.policy import may, scope
from chengyun.access.views import reads
from chengyun.areas.queries import area
from chengyun.collect.forms import queries, services
from chengyun.collect.forms.models import Form, FormVersion, Task
from chengyun.errors import NotFound, Refused
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.forms.listing import TaskLine, account_name, server, task_lines
from chengyun.web.forms.submissions import label_of, type_name

MARKS = {"draft": "partial", "published": "fresh", "retired": "missing"}


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version. shown: its questions are those of this page. draft: it can be published."""

    id: int
    version: str
    title: str
    state: str
    mark: str
    draft: bool
    published: bool
    source_name: str
    made_by: str
    made_at: dt.datetime
    published_at: dt.datetime | None
    shown: bool


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """A question as a person meets it. choices: labels of what can be chosen. repeat: the one it stands in, or ""."""

    path: str
    label: str
    type: str
    required: bool
    choices: tuple[str, ...]
    repeat: str


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """A column of the stream and the question it is taken from. options: of the select, none chosen for "nothing"."""

    key: str
    name: str
    needed: bool
    options: tuple[Choice, ...]


@dataclass(frozen=True)
class FormPage:
    """stream: the one whose columns are shown; "" without one. connected: where accepted submissions go now."""

    key: str
    title: str
    versions: tuple[VersionLine, ...]
    shown: VersionLine
    languages: tuple[str, ...]
    warnings: tuple[str, ...]
    questions: tuple[QuestionLine, ...]
    streams: tuple[Choice, ...]
    stream: str
    connected: str
    columns: tuple[ColumnLine, ...]
    tasks: tuple[TaskLine, ...]
    offered: bool
    may_design: bool
    may_assign: bool
    reviewer: bool
    account: str
    server: str
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@reads("forms")
def form_page(request: HttpRequest, key: str) -> HttpResponse:
    """Show a form. `version`: whose questions; `stream`: whose columns to connect."""
    return _show(request, key)


@require_safe
@reads("forms")
def source(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Send the XLSForm of a version as it was uploaded."""
    found = queries.access_version(actor_of(request), key, number)
    answer = HttpResponse(bytes(found.source), content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{_plain_name(found)}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@require_POST
@never_cache
@reads("forms")
def do(request: HttpRequest, key: str, deed: str) -> HttpResponse:
    """Do one deed; which roles may is the services' to say."""
    actor = actor_of(request)
    form, versions = queries.access_form(actor, key)
    if deed not in _DEEDS:
        raise NotFound(_("没有找到。"))
    said: list[str] = []
    fault = attempt(request, deed, lambda: said.append(_DEEDS[deed](actor, form, versions, request.POST)))
    return _show(request, key, fault) if fault else done(request, said[0], reverse("form", args=[key]))


def _publish(actor: Actor, _form: Form, versions: list[FormVersion], given: QueryDict) -> str:
    wanted = next((one for one in versions if str(one.pk) == given.get("version")), None)
    if wanted is None:
        raise NotFound(_("没有找到。"))
    services.publish(wanted, actor)
    return _("已发布，现在可以填报。")


def _retire(actor: Actor, form: Form, _versions: list[FormVersion], _given: QueryDict) -> str:
    services.retire(form, actor)
    return _("已停用，不再提供填报。")


def _connect(actor: Actor, form: Form, _versions: list[FormVersion], given: QueryDict) -> str:
    columns = {name.removeprefix("column:"): str(path) for name, path in given.items() if name.startswith("column:") and path}
    stream = given.get("stream", "")
    services.connect(form, stream, columns if stream else {}, actor)
    return _("已保存：通过审核的填报进入这个感知流。") if stream else _("已断开：填报只留在这里。")


def _task(actor: Actor, form: Form, versions: list[FormVersion], given: QueryDict) -> str:
    code = given.get("area", "").strip()
    if area(code) is None:
        raise Refused(_("没有区域 %s。") % code[:20], code="area")
    due = given.get("due", "").strip()
    try:
        moment = parse_datetime(due) if due else None
    except ValueError:
        moment = None
    if due and moment is None:
        raise Refused(_("%s 不是时间。") % due[:30], code="due")
    services.give_task(
        form, given.get("title", ""), code, actor, person=_person(given.get("person", "").strip(), code),
        due_at=timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment,
        prefill=_prefill(given.get("prefill", ""), versions),
    )  # fmt: skip
    return _("任务已下达。")


def _cancel(actor: Actor, form: Form, _versions: list[FormVersion], given: QueryDict) -> str:
    number = given.get("task", "")
    known = Task.objects.filter(scope(actor, "form_tasks").q(), form=form)
    task = known.filter(pk=int(number)).first() if number.isascii() and number.isdigit() and len(number) < 18 else None
    if task is None:
        raise NotFound(_("没有找到。"))
    services.cancel_task(task, actor)
    return _("任务已取消。")


_DEEDS: dict[str, Callable[[Actor, Form, list[FormVersion], QueryDict], str]] = {
    "publish": _publish, "retire": _retire, "connect": _connect, "task": _task, "cancel": _cancel,
}  # fmt: skip


def _person(name: str, code: str) -> int | None:
    """Return whom a task is given to: an account that may fill in forms there; None without a name."""
    if not name:
        return None
    account = Account.objects.filter(username=name, is_active=True).first()
    if account is None or not may(actor_of_account(account), "form.fill", code):
        raise Refused(_("账号 %s 不能在这个区域填报。") % name[:80], code="person")
    return account.pk


def _prefill(text: str, versions: list[FormVersion]) -> dict[str, str]:
    """Read lines `question = value`. Raises Refused naming the line."""
    paths = {str(it["path"]) for it in _offered(versions).questions}
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        path, equals, value = (part.strip() for part in line.partition("="))
        if not equals or path not in paths:
            raise Refused(_("预填“%s”须写作：题目的路径 = 值。") % line[:80] + meant(path, paths), code="prefill")
        found[path] = value
    return found


def _offered(versions: list[FormVersion]) -> FormVersion:
    """Return the version that is published, else the newest."""
    return next((one for one in versions if one.state == "published"), versions[0])


def _show(request: HttpRequest, key: str, fault: Fault | None = None) -> HttpResponse:
    actor = actor_of(request)
    form, versions = queries.access_form(actor, key)
    wanted = request.GET.get("version", "")
    shown = next((one for one in versions if str(one.pk) == wanted), _offered(versions))
    stream = fault.given.get("stream", "") if fault and fault.form == "connect" else request.GET.get("stream", form.stream)
    given = fault.given if fault and fault.form == "connect" else None
    lines = tuple(_version(one, one.pk == shown.pk) for one in versions)
    known = settings.CITY.streams
    now = timezone.now()
    page = FormPage(
        key=form.key, title=form.title, versions=lines, shown=next(one for one in lines if one.shown),
        languages=tuple(shown.languages), warnings=tuple(shown.warnings), questions=questions_of(shown),
        streams=tuple(Choice(name, one.name, name == stream) for name, one in known.items()),
        stream=stream if stream in known else "",
        connected=known[form.stream].name if form.stream in known else form.stream,
        columns=_columns(form, shown, stream, given) if stream in known else (),
        tasks=task_lines(queries.tasks_of(actor, form), now), offered=any(one.published for one in lines),
        may_design=may(actor, "form.design"), may_assign=may(actor, "form.assign"),
        reviewer=scope(actor, "submissions", queries.PURPOSE).allowed, account=account_name(request), server=server(request),
        fault=fault, as_of=now,
    )  # fmt: skip
    return render(request, "forms/form.html", {"page": page}, status=fault.status if fault else 200)


def questions_of(version: FormVersion) -> tuple[QuestionLine, ...]:
    """Return a version's questions in the page's language."""
    choices = queries.choices_of(version.xform)
    types = dict.fromkeys(choices, "select") | dict.fromkeys(queries.acknowledged_in(version.xform), "trigger")
    return tuple(
        QuestionLine(
            it["path"], label_of(it["labels"], it["path"]), type_name(types.get(it["path"], it["type"])), it["required"],
            tuple(label_of(labels, value) for value, labels in choices.get(it["path"], {}).items()),
            max(it["repeats"], key=len, default=""),
        )
        for it in version.questions
    )  # fmt: skip


def _columns(form: Form, version: FormVersion, stream: str, given: Mapping[str, str] | None) -> tuple[ColumnLine, ...]:
    declared: Any = settings.CITY.streams[stream]
    names = {one.key: one.name for one in declared.fields}
    lines = []
    for column in declared.columns:
        if column == declared.time:  # the moment the form was filled in
            continue
        saved = form.columns.get(column, "") if form.stream == stream else ""
        chosen = given.get(f"column:{column}", "") if given is not None else saved
        options = tuple(
            Choice(it["path"], f"{label_of(it['labels'], it['path'])} · {it['path']}", it["path"] == chosen)
            for it in version.questions
        )
        lines.append(ColumnLine(column, names.get(column, column), column == declared.entity.key, options))
    return tuple(lines)


def _version(one: FormVersion, shown: bool) -> VersionLine:
    return VersionLine(
        one.pk, one.version, one.title, str(one.get_state_display()), MARKS[one.state], one.state == "draft",
        one.state == "published", one.source_name, one.made_by, one.made_at, one.published_at, shown,
    )  # fmt: skip


def _plain_name(version: FormVersion) -> str:
    ending = version.source_name.rpartition(".")[2].lower()
    return get_valid_filename(f"{version.form_id}-{version.version}.{ending}").encode("ascii", "ignore").decode()
