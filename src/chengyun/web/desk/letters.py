# SPDX-License-Identifier: Apache-2.0
"""Dead letters: rows that could not be stored. Look at one, mend it, send it again, or give it up with a reason."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, require_scope
from chengyun.access.views import needs, reads
from chengyun.city import City, Quantity
from chengyun.collect import services
from chengyun.collect.models import DeadLetter
from chengyun.collect.queries import access_dead_letter, dead_letters
from chengyun.errors import Refused, Unavailable
from chengyun.web import shown
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

AT_ONCE = 200
"""Retried by one press of a button: each is a request of its own to the stream process."""
LONGEST_ROW = 100_000


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One dead letter of the list. stream: its name."""

    id: int
    stream: str
    code: str
    reason: str
    received_at: dt.datetime
    actor: str
    state: str
    state_name: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Reason:
    """The waiting letters of one stream with one reason. example: the newest sentence."""

    stream: str
    stream_name: str
    code: str
    count: int
    newest: dt.datetime


@dataclass(frozen=True)
class LettersPage:
    """reasons: what waits, most first."""

    listed: Listed[LetterRow]
    reasons: tuple[Reason, ...]
    streams: tuple[Choice, ...]
    codes: tuple[Choice, ...]
    states: tuple[Choice, ...]
    may_retry: bool
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True)
class LetterPage:
    """row: as it was sent, as JSON text; typed: as it was mended, when that was refused. fields: what the stream expects."""

    letter: LetterRow
    source: str
    row: str
    typed: str
    note: str
    settled_at: dt.datetime | None
    fields: tuple[tuple[str, str, str], ...]
    may_retry: bool
    fault: Fault | None


@require_safe
@reads("dead_letters")
def letter_list(request: HttpRequest) -> HttpResponse:
    """List dead letters, the waiting ones unless asked otherwise."""
    return _listed(request, None)


@require_safe
@reads("dead_letters")
def letter_page(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Show one dead letter."""
    return _shown(request, letter_id, None)


@require_POST
@needs("dead_letter.retry")
def retry(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Send a letter again, mended or as it is."""
    actor = actor_of(request)
    settled: list[DeadLetter] = []

    def do() -> None:
        letter = access_dead_letter(actor, letter_id)
        mended = _read_row(request.POST.get("row", ""))
        settled.append(services.retry(actor, letter_id, None if mended in (None, letter.row) else mended))

    fault = attempt(request, "retry", do)
    if fault:
        return _shown(request, letter_id, fault)
    return done(request, _("已重试：%s") % settled[0].note, reverse("dead-letter", args=[letter_id]))


@require_POST
@needs("dead_letter.retry")
def drop(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Give a letter up with a reason."""
    actor = actor_of(request)
    fault = attempt(request, "drop", lambda: services.drop(actor, letter_id, request.POST.get("reason", "")))
    return _shown(request, letter_id, fault) if fault else done(request, _("已丢弃。"), reverse("dead-letters"))


@require_POST
@needs("dead_letter.retry")
def retry_all(request: HttpRequest) -> HttpResponse:
    """Send the waiting letters of one stream with one reason again, so many at once; those that fail again come back as new."""
    actor, stream, code = actor_of(request), request.POST.get("stream", ""), request.POST.get("code", "")
    waiting = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q(), state="waiting", stream=stream, code=code)
    stored = tried = 0

    def do() -> None:
        nonlocal stored, tried
        if not stream or not code:
            raise Refused(_("请选择一种原因。"))
        for letter_id in list(waiting.order_by("id").values_list("pk", flat=True)[:AT_ONCE]):
            try:
                letter = services.retry(actor, letter_id)
            except Unavailable:
                raise
            except Refused:
                continue  # somebody else settled it meanwhile
            tried += 1
            stored += letter.note == _("已入库。")

    fault = attempt(request, "retry_all", do)
    if fault:
        return _listed(request, fault)
    said = ngettext("重试了 %(tried)d 条，%(stored)d 条已入库。", "重试了 %(tried)d 条，%(stored)d 条已入库。", tried)
    return done(request, said % {"tried": tried, "stored": stored}, reverse("dead-letters"))


def _listed(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    city: City = settings.CITY
    actor, given = actor_of(request), request.GET
    state, stream, code = asked(request, "state", "stream", "code")
    state = state or "waiting"
    found = dead_letters(
        actor, state=None if state == "all" else state, stream=stream or None, code=code or None, page=page_number(request)
    )
    reasons = _reasons(actor)
    states = [*DeadLetter.State.choices, ("all", _("全部"))]
    page = LettersPage(
        Listed(tuple(_row(one) for one in found.letters), found.page, found.page < found.pages, filters_of(given), found.total),
        reasons,
        tuple(Choice(key, one.name, key == stream) for key, one in city.streams.items()),
        tuple(Choice(one, one, one == code) for one in sorted({reason.code for reason in reasons} | ({code} if code else set()))),
        tuple(Choice(value, str(name), value == state) for value, name in states),
        may(actor, "dead_letter.retry"),
        fault,
        timezone.now(),
    )
    return render(request, "desk/letters.html", {"page": page}, status=fault.status if fault else 200)


def _shown(request: HttpRequest, letter_id: int, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    letter = access_dead_letter(actor, letter_id)
    stream = settings.CITY.streams.get(letter.stream)
    fields: tuple[tuple[str, str, str], ...] = ()
    if stream is not None:
        units = {quantity.key: quantity for quantity in stream.quantities}
        names = {one.key: one.name for one in stream.fields} | {stream.time: _("观测时间")}
        fields = tuple((key, names.get(key, ""), _range(units[key]) if key in units else "") for key in stream.columns)
    row = json.dumps(letter.row, ensure_ascii=False, indent=2)
    page = LetterPage(
        letter=_row(letter),
        source=letter.source,
        row=row,
        typed=fault.given.get("row", row) if fault else row,
        note=letter.note,
        settled_at=letter.retried_at,
        fields=fields,
        may_retry=letter.state == "waiting" and may(actor, "dead_letter.retry", letter.area_code or None),
        fault=fault,
    )
    return render(request, "desk/letter.html", {"page": page}, status=fault.status if fault else 200)


def _range(quantity: Quantity) -> str:
    return f"{quantity.valid[0]:g}–{quantity.valid[1]:g} {shown.unit(quantity.unit)}".strip()


def _read_row(text: str) -> dict[str, object] | None:
    """Return the row as it was mended; None when nothing was typed. Raises Refused for what is no JSON object."""
    if not text.strip():
        return None
    if len(text) > LONGEST_ROW:
        raise Refused(_("内容太长。"), code="row_invalid")
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        line, column = getattr(wrong, "lineno", 1), getattr(wrong, "colno", 1)
        said = _("第 %(line)d 行第 %(column)d 列不是有效的 JSON。请检查引号和逗号。")
        raise Refused(said % {"line": line, "column": column}, code="row_invalid") from wrong
    if not isinstance(row, dict):
        raise Refused(_("一行数据是一个 JSON 对象，写在花括号里。"), code="row_invalid")
    return row


def _reasons(actor: Actor) -> tuple[Reason, ...]:
    streams = settings.CITY.streams
    rows = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q(), state="waiting")
    counted = rows.order_by().values("stream", "code").annotate(count=Count("pk"), newest=Max("received_at"))
    return tuple(
        Reason(
            row["stream"], streams[row["stream"]].name if row["stream"] in streams else row["stream"], row["code"], row["count"],
            row["newest"],
        )
        for row in counted.order_by("-count", "stream", "code")
    )  # fmt: skip


def _row(letter: DeadLetter) -> LetterRow:
    stream = settings.CITY.streams.get(letter.stream)
    return LetterRow(
        letter.pk, stream.name if stream else letter.stream, letter.code, letter.reason, letter.received_at, letter.actor,
        letter.state, str(letter.get_state_display()), letter.simulated,
    )  # fmt: skip
