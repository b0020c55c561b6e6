# SPDX-License-Identifier: Apache-2.0
"""What was filled in: the list, one submission with its values, files and history, its files themselves, and its review."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, reads
from chengyun.areas.queries import name_of, names_of
from chengyun.collect.forms import photos, queries, services
from chengyun.collect.forms.models import Photo, Submission
from chengyun.web import shown
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

MARKS = {"received": "partial", "accepted": "fresh", "returned": "bad", "replaced": "missing"}
"""State of a submission → the mark it is shown with (components.css, status)."""
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Kinds a browser shows in place; everything else is handed over as a file."""


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """A submission of the list. faults: how many of its values do not fit the form. person: who filled it in."""

    instance: str
    form: str
    version: str
    state: str
    mark: str
    area: str
    person: str
    faults: int
    complete: bool
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StateCount:
    value: str
    name: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class SubmissionsPage:
    listed: Listed[SubmissionLine]
    counts: tuple[StateCount, ...]
    forms: tuple[Choice, ...]
    state: str
    area: str
    text: str
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and what was answered. photo: number of the file it names. fault: why it does not fit, "" when it does."""

    label: str
    path: str
    text: str
    photo: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers outside repeats (name ""), or of one turn of a repeat."""

    name: str
    turn: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file. sha256: "" while it has not come. picture: a browser shows it."""

    id: int
    name: str
    kind: str
    size: int
    sha256: str
    picture: bool
    received_at: dt.datetime | None


@dataclass(frozen=True)
class SubmissionPage:
    """groups: answers in the order of the form. faults: of what is not among the answers. chain: (instance, state, received)
    of the submission and its corrections. why_not: why the reader cannot review it, "" when nothing stands in the way."""

    line: SubmissionLine
    form_key: str
    organisation: str
    device: str
    task: str
    digest: str
    filled_at: dt.datetime | None
    place: tuple[str, str] | None
    groups: tuple[Answers, ...]
    faults: tuple[tuple[str, str], ...]
    files: tuple[File, ...]
    events: tuple[tuple[dt.datetime, str, str, str], ...]
    chain: tuple[tuple[str, str, dt.datetime], ...]
    open: bool
    may_review: bool
    own: bool
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@reads("submissions", purpose=queries.PURPOSE)
def submission_list(request: HttpRequest) -> HttpResponse:
    """List submissions, newest first."""
    actor = actor_of(request)
    form, state, area, text = asked(request, "form", "state", "area", "q")
    state = state if state in Submission.State.values else ""
    area = area if area.isascii() and area.isdigit() else ""
    number = page_number(request)
    found = queries.find_submissions(actor, form=form, state=state, area=area, text=text, page=number)
    areas = names_of({one.area_code for one in found.rows if one.area_code})
    page = SubmissionsPage(
        Listed(tuple(_line(one, areas) for one in found.rows), number, found.more, filters_of(request.GET), found.total),
        tuple(
            StateCount(value, str(name), found.counts.get(value, 0), value == state) for value, name in Submission.State.choices
        ),
        tuple(Choice(one.form.key, one.form.title, one.form.key == form) for one in queries.list_forms(actor)),
        state, area, text, timezone.now(),
    )  # fmt: skip
    return render(request, "forms/submissions.html", {"page": page})


@require_safe
@never_cache
@reads("submissions", purpose=queries.PURPOSE)
def submission_page(request: HttpRequest, instance: str) -> HttpResponse:
    """Show one submission."""
    return _show(request, queries.access_submission(actor_of(request), instance))


@require_safe
@never_cache
@reads("submissions", purpose=queries.PURPOSE)
def photo(request: HttpRequest, instance: str, number: int) -> FileResponse:
    """Send a file of a submission as what its first bytes say it is; what is no picture, to be saved."""
    found = queries.access_photo(actor_of(request), instance, number)
    place = photos.find(services.photo_folder(), found.sha256)
    answer = FileResponse(
        place.open("rb"), as_attachment=found.kind not in PICTURES, filename=found.name, content_type=found.kind
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@require_POST
@never_cache
@needs("form.review")
def review(request: HttpRequest, instance: str) -> HttpResponse:
    """Accept a submission or return it with a reason."""
    actor = actor_of(request)
    submission = queries.access_submission(actor, instance)
    accept = request.POST.get("accept") == "1"
    form = "accept" if accept else "return"
    fault = attempt(request, form, lambda: services.review(submission, accept, request.POST.get("note", "")[:2000], actor))
    if fault:
        submission.refresh_from_db(fields=["state", "complete"])  # somebody else may have been faster
        return _show(request, submission, fault)
    sentence = _("已通过。") if accept else _("已退回，填报人可以更正后重新提交。")
    return done(request, sentence, reverse("form-submission", args=[instance]))


def label_of(labels: Mapping[str, str], otherwise: str) -> str:
    """Return a question's label in the page's language, or in the first the form has."""
    language = (get_language() or "zh").split("-")[0]
    fitting = (text for name, text in labels.items() if name == language or f"({language}" in name)
    return next(fitting, "") or next((text for text in labels.values() if text), otherwise)


def answers_of(
    values: Mapping[str, str], questions: list[dict[str, Any]], choices: Mapping[str, Mapping[str, Mapping[str, str]]],
    faults: Mapping[str, str], files: Mapping[str, int], titles: Mapping[str, Mapping[str, str]],
) -> tuple[Answers, ...]:  # fmt: skip
    """Return the answers by the turn of the repeat they stand in, in the order the form asks."""
    order = {str(it["path"]): place for place, it in enumerate(questions)}
    known = {str(it["path"]): it for it in questions}
    groups: dict[tuple[str, str], list[tuple[int, Answer]]] = {}
    for path, value in values.items():
        plain = re.sub(r"\[\d+\]", "", path)
        question = known.get(plain)
        labels = question["labels"] if question else {}
        named = choices.get(plain, {})
        words = [label_of(named.get(word, {}), word) for word in value.split()] if named else [value]
        photo = files.get(value) if question and question["type"] == "binary" else None
        answer = Answer(label_of(labels, plain), path, shown.listed(words), photo, faults.get(path, ""))
        repeats = question["repeats"] if question else []
        groups.setdefault(_turn(path, repeats), []).append((order.get(plain, len(order)), answer))
    placed = sorted(groups.items(), key=lambda it: (it[0][0] != "", min(place for place, _answer in it[1]), _numbers(it[0][1])))
    return tuple(
        Answers(
            label_of(titles.get(name, {}), name), turn, tuple(answer for _place, answer in sorted(found, key=lambda it: it[0]))
        )
        for (name, turn), found in placed
    )


def _turn(path: str, repeats: list[str]) -> tuple[str, str]:
    """Return the innermost repeat a path stands in and its turn there, e.g. ("damage", "2"); a lone turn has no number."""
    if not repeats:
        return "", ""
    innermost = max(repeats, key=len)
    depth = innermost.count("/") + 1
    numbers = [found[1] if (found := re.search(r"\[(\d+)\]$", part)) else "" for part in path.split("/")[:depth]]
    return innermost, ".".join(number for number in numbers if number) or "1"


def _numbers(turn: str) -> tuple[int, ...]:
    return tuple(int(number) for number in turn.split(".") if number)


def _show(request: HttpRequest, submission: Submission, fault: Fault | None = None) -> HttpResponse:
    page = _page(actor_of(request), submission, fault)
    return render(request, "forms/submission.html", {"page": page}, status=fault.status if fault else 200)


def _page(actor: Actor, one: Submission, fault: Fault | None) -> SubmissionPage:
    files = tuple(one.photos.order_by("name"))
    faults = {it["path"]: _why(it["reason"]) for it in one.faults}
    xform, questions = one.version.xform, one.version.questions
    came = {it.name: it.pk for it in files if it.sha256}
    labels = {str(it["path"]): it["labels"] for it in questions}
    area = one.area_code
    return SubmissionPage(
        line=_line(one, {area: name_of(area)} if area else {}), form_key=one.version.form_id, organisation=one.organisation,
        device=one.device, task=one.task.title if one.task else "", digest=one.digest, filled_at=one.filled_at,
        place=(f"{one.lat:.6f}", f"{one.lon:.6f}") if one.lat is not None and one.lon is not None else None,
        groups=answers_of(one.values, questions, queries.choices_of(xform), faults, came, queries.groups_of(xform)),
        faults=tuple((label_of(labels.get(path, {}), path), why) for path, why in faults.items() if path not in one.values),
        files=tuple(_file(it) for it in files),
        events=tuple((it.at, _step(it.kind), it.actor, it.note) for it in one.events.all()),
        chain=tuple(queries.chain_of(actor, one)), open=one.state == Submission.State.RECEIVED,
        may_review=may(actor, "form.review", area or None), own=one.account_id is not None and one.account_id == actor.account_id,
        fault=fault, as_of=timezone.now(),
    )  # fmt: skip


def _line(one: Submission, areas: Mapping[str, str]) -> SubmissionLine:
    return SubmissionLine(
        one.instance, one.version.title, one.version.version, str(one.get_state_display()), MARKS[one.state],
        areas.get(one.area_code, ""), str(one.account) if one.account else "", len(one.faults), one.complete, one.received_at,
    )  # fmt: skip


def _file(one: Photo) -> File:
    return File(one.pk, one.name, one.kind, one.size, one.sha256, one.kind in PICTURES, one.received_at)


def _step(kind: str) -> str:
    words = {"received": _("收到"), "replaced": _("已更正为")}
    return words.get(kind) or str(dict(Submission.State.choices).get(kind, kind))


def _why(reason: str) -> str:
    """Return a fault's reason, kept in English as it is told to programs, in the page's language."""
    words = {"the form has no such question": _("表单里没有这一题"), "it is required and has no answer": _("必填而没有填")}
    kind = reason.removeprefix("it is no ")
    return _("不是有效的%s") % type_name(kind) if kind != reason else words.get(reason, reason)


def type_name(kind: str) -> str:
    """Return the type of a question in words."""
    words = {
        "string": _("文字"), "select": _("单选或多选"), "int": _("整数"), "decimal": _("数字"), "date": _("日期"),
        "time": _("时刻"), "dateTime": _("日期时间"), "geopoint": _("点位"), "geotrace": _("线路"), "geoshape": _("面域"),
        "binary": _("文件"), "boolean": _("是或否"), "barcode": _("条码"), "trigger": _("勾选同意"),
    }  # fmt: skip
    return words.get(kind, kind)
