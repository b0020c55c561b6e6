# SPDX-License-Identifier: Apache-2.0
"""Why this number: a figure with everything it was made from, computed again on the spot, as a page and as JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import scope
from chengyun.access.views import public
from chengyun.city import City, Stream, qualify
from chengyun.lake.rows import Flag
from chengyun.operate.probation.ruleset import rulebook
from chengyun.operate.queries import subject_names
from chengyun.operate.why import InputRows, Link, Why
from chengyun.web import shown
from chengyun.web.figures import tile
from chengyun.web.heavy import explain
from chengyun.web.latest import flag_words
from chengyun.web.tiles import Tile


@dataclass(frozen=True, slots=True)
class InputTable:
    """Rows of one stream as a table. cells: text by column; doubtful: a value that takes no part, or with a warning.

    flags: what the whole row is flagged with, in words.
    """

    name: str
    stream: str
    as_of: int | None
    columns: tuple[tuple[str, str], ...]
    rows: tuple[InputLine, ...]
    shown: int
    total: int
    hidden: bool
    because: str


@dataclass(frozen=True, slots=True)
class InputLine:
    """One observation. cells: (text, "" or why it is doubtful). href: the thing's own page, behind the first cell; "" where the
    reader may not open it."""

    cells: tuple[tuple[str, str], ...]
    href: str
    flags: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A figure this one was made from. value: as shown; "" when the reader may not see it."""

    depth: int
    name: str
    figure: int | None
    subject: str
    period: str
    value: str
    unit: str
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CitedLine:
    """An alert that rests on the figure."""

    alert: int
    name: str
    opened_at: dt.datetime
    case: str | None


@dataclass(frozen=True)
class WhyPage:
    """why: as operate explains it. detail: other columns, as name, value, unit. uses: the figures it was made from, by level."""

    why: Why
    tile: Tile
    detail: tuple[tuple[str, str, str], ...]
    sql: str
    inputs: tuple[InputTable, ...]
    uses: tuple[LinkLine, ...]
    uses_more: int
    cited: tuple[CitedLine, ...]
    again_value: str
    as_of: dt.datetime
    took_ms: int


MOST_LINKS = 60
"""Figures of the chain that are listed; the JSON has them all."""


@require_safe
@public
@never_cache
def why(request: HttpRequest, figure_id: int) -> HttpResponse:
    """Explain a figure; `?format=json` gives the same to a program."""
    begun = timezone.now()
    found = explain(figure_id, actor_of(request), begun)
    if request.GET.get("format") == "json":
        return JsonResponse(as_json(found), json_dumps_params={"ensure_ascii": False})
    return render(request, "desk/why.html", {"page": read_page(found, begun, actor_of(request))})


def as_json(found: Why) -> dict[str, Any]:
    """Return an explanation as plain values; instants in ISO 8601."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(found))
    for link in plain["downwards"]:
        if link["figure"] is None:  # whose figure it is would say that it is there
            link["subject"] = None
    return plain


def read_page(found: Why, begun: dt.datetime, actor: Actor) -> WhyPage:
    """Return an explanation as its page shows it to somebody."""
    city: City = settings.CITY
    figure = found.figure
    uses = found.downwards[:MOST_LINKS]
    rules = rulebook(city)
    names = {
        key: subject_names(key, {one.subject for one in uses if one.indicator == key}) for key in {one.indicator for one in uses}
    }
    return WhyPage(
        why=found,
        tile=tile(figure, figure.subject_name),
        detail=_detail(city.indicators[figure.indicator].columns, figure.detail),
        sql=str(found.formula["sql"]).strip(),
        inputs=tuple(_table(city, one, actor) for one in found.inputs),
        uses=tuple(_link(city, one, names[one.indicator].get(one.subject, one.subject)) for one in uses),
        uses_more=len(found.downwards) - len(uses),
        cited=tuple(CitedLine(one.alert, rules.name(one.rule, one.opened_at), one.opened_at, one.case) for one in found.upwards),
        again_value=shown.number(found.again.value, figure.decimals),
        as_of=begun,
        took_ms=round((timezone.now() - begun).total_seconds() * 1000),
    )


def _detail(columns: Mapping[str, tuple[str, str]], detail: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return a figure's detail in declared order; a column without a name, of a former formula, keeps its key."""
    keys = [*(key for key in columns if key in detail), *(key for key in detail if key not in columns)]
    return tuple((columns.get(key, (key, ""))[0], _cell(detail[key]), columns.get(key, ("", "1"))[1]) for key in keys)


def _table(city: City, given: InputRows, actor: Actor) -> InputTable:
    stream: Stream = city.streams[given.stream]
    entity = qualify(given.stream.split(".")[0], stream.entity.to)
    opens = scope(actor, entity).allowed
    names = {one.key: one.name for one in stream.fields} | {stream.time: _("观测时间")}
    columns = [key for key in given.columns if key not in ("quality", "seq")]
    heads = tuple((names.get(key) or key, given.units.get(key, "")) for key in columns)
    places = {quantity.key: number for number, quantity in enumerate(stream.quantities)}
    decimals = {quantity.key: quantity.decimals for quantity in stream.quantities}
    words = flag_words()
    lines = []
    for row in given.rows:
        quality = int(row.get("quality") or 0)
        cells = []
        for key in columns:
            said = ""
            if key in places:
                said = (
                    _("超出可能的范围，不参与计算") if quality >> (8 + places[key]) & 1
                    else _("存疑，参与计算并注明") if quality >> (32 + places[key]) & 1 else ""
                )  # fmt: skip
            value = row[key]
            cells.append(
                (shown.number(value, decimals[key]) if key in places and not isinstance(value, str) else _cell(value), said)
            )
        flags = "；".join(text for flag, text in words.items() if quality & flag & ~(Flag.RANGE | Flag.SPIKE | Flag.STUCK))
        thing = row.get(stream.entity.key)
        leads = opens and columns[:1] == [stream.entity.key] and isinstance(thing, str)
        lines.append(InputLine(tuple(cells), reverse("entity", args=[entity, thing]) if leads else "", flags, row.get("seq")))
    return InputTable(
        given.name, given.stream, given.as_of, heads, tuple(lines), given.shown, given.total, given.hidden, given.because
    )


def _link(city: City, one: Link, subject: str) -> LinkLine:
    declared = city.indicators[one.indicator]
    period = shown.period(one.period_start, declared.period) if one.period_start else shown.NOTHING
    value = shown.number(one.value, declared.decimals) if one.figure is not None else ""
    return LinkLine(one.depth, one.name, one.figure, subject, period, value, declared.unit, one.streams)


def _cell(value: object) -> str:
    if value is None:
        return shown.NOTHING
    if isinstance(value, dt.datetime | dt.date):
        return shown.moment(value)
    if isinstance(value, dict):
        return shown.listed([f"{key} {one}" for key, one in value.items()]) or shown.NOTHING
    if isinstance(value, list | tuple):
        return shown.listed([_cell(one) for one in value]) or shown.NOTHING
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return _(value) if isinstance(value, str) and value else str(value)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case dt.datetime() | dt.date():
            return value.isoformat()
        case float() if value != value:
            return None
        case str() | int() | float() | bool() | None:
            return value
    return str(value)
