# SPDX-License-Identifier: Apache-2.0
"""Why this number: what a figure was computed from, by which formula, and whether the same comes out again.

explain(figure) = the formula as it was ── its dated parameters ── the rows it read, as of when
                  the value computed again from those very rows, equal bit for bit or not
                  downwards: the figures it used, and theirs, to the streams; upwards: alerts and their cases
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.city import City, qualify
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.operate import compute, formulas, store
from chengyun.operate.models import Alert, Figure, Formula
from chengyun.operate.order import inputs, upstream
from chengyun.operate.periods import period_end, reach, window_bounds, window_of
from chengyun.operate.queries import FigureView, answers_shown_to, get_figure

__all__ = ["Again", "Cited", "InputRows", "Link", "ParameterUsed", "Why", "explain"]

TOP = 200
"""How many rows of a stream are shown; the recomputation reads them all."""
NAMED = 4000
"""Entities that are named to the lake at most; of more, it reads all."""


@dataclass(frozen=True, slots=True)
class ParameterUsed:
    """A dated parameter: its value, and the edition it came from."""

    name: str
    value: str
    table: str
    in_force: dt.date
    source: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class InputRows:
    """Rows of a stream the figure rests on, as they were then.

    rows: the first `shown` of `total`, by entity and time, masked as the actor may see them. hidden: the actor may not
    read the stream, or these rows of it. as_of: the stream's newest seq that was seen.
    """

    stream: str
    name: str
    as_of: int | None
    columns: tuple[str, ...]
    units: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]
    shown: int
    total: int
    hidden: bool
    because: str


@dataclass(frozen=True, slots=True)
class Link:
    """A figure this one was made from. figure: None when the actor may not see it. depth: 1 for those it used itself."""

    depth: int
    indicator: str
    name: str
    figure: int | None
    subject: str
    period_start: dt.datetime | None
    value: float | None
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cited:
    """An alert that cites the figure, and the number of its case."""

    alert: int
    rule: str
    opened_at: dt.datetime
    state: str
    case: str | None


@dataclass(frozen=True, slots=True)
class Again:
    """The figure computed again from the same inputs.

    done: False when it could not be computed; `error` says why. equal: value, detail, coverage and mark of simulation are
    the same bit for bit. version: of the formula used; other than the figure's when that one is no longer installed.
    """

    done: bool
    equal: bool
    value: float | None
    detail: Mapping[str, Any]
    version: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """Everything that answers "why this number". formula: as it was when the figure was made (see formulas.text_of).

    formula_changed: a newer version of the formula is installed, so `again` was computed with another one.
    as_of: stream → seq, and "figures" → id. replaced_by: the figure that took its place, None while it is current.
    """

    figure: FigureView
    formula: Mapping[str, Any]
    version: str
    formula_changed: bool
    parameters: tuple[ParameterUsed, ...]
    as_of: Mapping[str, int]
    inputs: tuple[InputRows, ...]
    again: Again
    downwards: tuple[Link, ...]
    upwards: tuple[Cited, ...]
    replaced_by: int | None


def explain(figure_id: int, actor: Actor, now: dt.datetime | None = None) -> Why:
    """Explain a figure to an actor. Raises NotFound when there is none or the actor may not read it."""
    city: City = settings.CITY
    view = get_figure(figure_id, actor, now or timezone.now())
    row = Figure.objects.get(pk=figure_id)
    declared = city.indicators[row.indicator]
    written = Formula.objects.filter(indicator=row.indicator, version=row.version).first()
    day = row.period_start.astimezone(config().zone).date()
    shown, again = _read_again(city, row, day, actor)
    return Why(
        figure=view,
        formula=written.text if written else formulas.text_of(city, row.indicator),
        version=row.version,
        formula_changed=row.version != declared.version,
        parameters=_parameters(city, row.indicator, day),
        as_of=row.as_of,
        inputs=shown,
        again=again,
        downwards=tuple(_downwards(city, row, actor)),
        upwards=_upwards(row, actor),
        replaced_by=_successor(row),
    )


def _read_again(city: City, row: Figure, day: dt.date, actor: Actor) -> tuple[tuple[InputRows, ...], Again]:
    """Open the inputs as they were; show the subject's rows and compute the figure again.

    Of a formula that says so (`-- apart:`), only what its own figure is made of is opened: the subject's entities, the period.
    """
    zone, declared = config().zone, city.indicators[row.indicator]
    streams, uses = inputs(city, row.indicator)
    given = compute.parameters(city, row.indicator, day) or {}
    if "period" in declared.apart:
        since, until = row.period_start, period_end(declared.period, row.period_start, zone)
    else:
        since, until = window_bounds(declared.period, window_of(declared.period, day), zone)
    apart = "subject" in declared.apart
    subject = row.subject if apart and all(_about(city, key) == _about(city, row.indicator) for key in uses) else None
    earliest = reach(since, declared.looks_back, zone)
    used = {key: store.used_figures(key, earliest, until, row.as_of.get("figures"), subject) for key in uses}
    shown: tuple[InputRows, ...] = ()
    try:
        with compute.Inputs(city) as opened:
            entities = _entities(city, row, streams) if apart else None
            view = opened.open(row.indicator, earliest, until, used, row.as_of, entities)
            shown = tuple(_input_rows(city, row, stream, view, actor) for stream in streams)
            figures = compute.compute(city, row.indicator, view, since, until, given, zone)
    except Exception as error:  # a pack's formula may fail in any way; the page still shows the rest
        text = error.sentence if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
        return shown, Again(False, False, None, {}, declared.version, text)
    found = next((one for one in figures if (one.subject, one.period_start) == (row.subject, row.period_start)), None)
    if found is None:
        return shown, Again(True, False, None, {}, declared.version)
    before = compute.Computed(row.subject, row.period_start, row.value, row.detail, row.coverage, row.simulated)
    return shown, Again(True, found.same(before), found.value, found.detail, declared.version)


def _about(city: City, indicator: str) -> str:
    """Return what an indicator's subjects are: "area", or an entity by qualified key."""
    subject = city.indicators[indicator].subject
    return subject if subject == "area" else qualify(indicator.split(".")[0], subject)


def _entities(city: City, row: Figure, streams: Sequence[str]) -> list[str] | None:
    """Return the keys of the entities a subject's figure is made of; None: no list of them would be shorter than all.

    An area's are those that stand in it, the city's all; of streams about several kinds of entity nothing is left out.
    """
    kinds = {qualify(stream.split(".")[0], city.streams[stream].entity.to) for stream in streams}
    if len(kinds) != 1:
        return None
    [kind] = kinds
    about = _about(city, row.indicator)
    if about == kind:
        return [row.subject]
    if about != "area":
        return None
    code = row.subject[:4] if len(row.subject) == 6 and row.subject.endswith("00") else row.subject
    model: Any = apps.get_model(kind.split(".")[0], city.entities[kind].model)
    keys = list(model.objects.filter(area_code__startswith=code).order_by("key").values_list("key", flat=True)[: NAMED + 1])
    return keys if len(keys) <= NAMED else None


def _input_rows(city: City, row: Figure, stream: str, view: Any, actor: Actor) -> InputRows:
    declared, indicator, zone = city.streams[stream], city.indicators[row.indicator], config().zone
    allowed = scope(actor, stream)
    units = {field.key: field.unit for field in declared.quantities}
    seq = row.as_of.get(stream)
    if not allowed.allowed:
        return InputRows(stream, declared.name, seq, (), units, (), 0, 0, True, allowed.because)
    pack, key = stream.split(".")
    entity = f'"{declared.entity.key}"'
    about = ABOUT_AREA if indicator.subject == "area" else ABOUT_ENTITY if indicator.subject == declared.entity.to else "true"
    about = about.format(entity=entity)
    earliest = reach(row.period_start, indicator.looks_back, zone)
    given = {"since": earliest, "until": period_end(indicator.period, row.period_start, zone), "subject": row.subject}
    within = allowed.sql("register.area_code")
    parts = {
        "rows": f'"{pack}"."{key}"', "register": f'"{pack}"."{declared.entity.to}"', "entity": entity,
        "time": f'"{declared.time}"', "about": about, "visible": within.text,
    }  # fmt: skip

    def asked(sql: str) -> list[dict[str, Any]]:
        wanted = set(compute.PARAMETER.findall(sql))
        bound = {**given, **within.params}
        return view.rows(sql, {name: value for name, value in bound.items() if name in wanted})  # type: ignore[no-any-return]

    [count] = asked(COUNT_ROWS.format(**parts))
    rows = tuple(allowed.mask(one) for one in asked(INPUT_ROWS.format(**parts, top=TOP)))
    columns = tuple(name for name in (rows[0] if rows else {}) if name not in ("area_code",))
    rows = tuple({name: one.get(name) for name in columns} for one in rows)
    hidden = count["visible"] < count["total"]
    return InputRows(stream, declared.name, seq, columns, units, rows, len(rows), count["visible"], hidden, allowed.because)


SOURCE_ROWS = """
FROM {rows} AS input LEFT JOIN {register} AS register ON register.key = input.{entity}
WHERE input.{time} >= $since AND input.{time} < $until AND {about}
"""
COUNT_ROWS = f"""
SELECT count(*) AS total, count(*) FILTER (WHERE {{visible}}) AS visible {SOURCE_ROWS}
"""
INPUT_ROWS = f"""
SELECT input.*, register.area_code {SOURCE_ROWS} AND ({{visible}}) ORDER BY input.{{entity}}, input.{{time}} LIMIT {{top}}
"""
ABOUT_ENTITY = "input.{entity} = $subject"
ABOUT_AREA = "$subject IN (register.city_code, register.district_code, register.street_code, register.area_code)"


def _parameters(city: City, indicator: str, day: dt.date) -> tuple[ParameterUsed, ...]:
    limits = city.limits(indicator)
    found = []
    for name, (table, entry) in city.indicators[indicator].parameters.items():
        try:
            edition = limits.on(table, day)
        except LookupError:
            continue
        found.append(ParameterUsed(name, str(edition[entry]), table, edition.in_force, edition.source, edition.unit))
    return tuple(found)


@dataclass(slots=True)
class _Node:
    """A figure on the way down, and those it used."""

    figure: Figure
    below: list[_Node]


def _downwards(city: City, row: Figure, actor: Actor) -> list[Link]:
    """Return the figures a figure used and those they used, each before its own, with the streams they read."""
    top = _Node(row, [])
    level = [top]
    while level:
        level = _below(city, row.subject, level)
    return _links(city, top, {key: scope(actor, key) for key in upstream(city, row.indicator)}, 1)


def _below(city: City, subject: str, level: Sequence[_Node]) -> list[_Node]:
    """Find what the figures of a level used, by one query; return the next level."""
    zone = config().zone
    spans: list[tuple[_Node, tuple[str, ...], dt.datetime, dt.datetime]] = []
    for node in level:
        _, uses = inputs(city, node.figure.indicator)
        if uses:
            declared = city.indicators[node.figure.indicator]
            day = node.figure.period_start.astimezone(zone).date()
            begin, end = window_bounds(declared.period, window_of(declared.period, day), zone)
            spans.append((node, uses, reach(begin, declared.looks_back, zone), end))
    if not spans:
        return []
    # A little more than each used: every version in the whole span, from which each figure takes what it saw.
    found: dict[str, list[Figure]] = {}
    # Said in two parts, what is current and what has been replaced: each has an index of its own, their sum has none.
    rows = Figure.objects.filter(
        Q(superseded_at=None) | Q(superseded_at__isnull=False),
        subject=subject, indicator__in={key for _, uses, _, _ in spans for key in uses},
        period_start__gte=min(since for _, _, since, _ in spans), period_start__lt=max(until for _, _, _, until in spans),
    )  # fmt: skip
    for one in rows.defer("detail", "quality").order_by("period_start", "id"):
        found.setdefault(one.indicator, []).append(one)
    for node, uses, since, until in spans:
        seen = node.figure.as_of.get("figures")
        for key in uses:
            own = found.get(key, [])
            first, last = (bisect_left(own, moment, key=attrgetter("period_start")) for moment in (since, until))
            node.below += [_Node(one, []) for one in own[first:last] if _was_current(one, seen)]
    return [below for node in level for below in node.below]


def _was_current(figure: Figure, seen: int | None) -> bool:
    """Say whether a figure was the current one when ids had come so far; None: is now."""
    if seen is None:
        return figure.superseded_at is None
    return figure.pk <= seen and (figure.until_id is None or figure.until_id > seen)


def _links(city: City, node: _Node, scopes: Mapping[str, Scope], depth: int) -> list[Link]:
    found = []
    for below in node.below:
        one, key = below.figure, below.figure.indicator
        visible = scopes[key].matches({"area_code": one.area_code, "dataset": key})
        found.append(
            Link(
                depth, key, city.indicators[key].name, one.pk if visible else None, one.subject, one.period_start,
                one.value if visible else None, inputs(city, key)[0],
            )
        )  # fmt: skip
        found += _links(city, below, scopes, depth + 1)
    return found


def _upwards(row: Figure, actor: Actor) -> tuple[Cited, ...]:
    allowed = scope(actor, "alerts")
    if not allowed.allowed:
        return ()
    same = Q(evidence__figure=row.pk) | Q(
        evidence__indicator=row.indicator, evidence__subject=row.subject, evidence__period_start=row.period_start.isoformat()
    )
    rows = Alert.objects.filter(allowed.q(), same, dataset=row.indicator, subject=row.subject).select_related("case_alert__case")
    number_of = answers_shown_to(actor)
    return tuple(Cited(one.pk, one.rule, one.opened_at, one.state, number_of(one)) for one in rows.order_by("opened_at", "id"))


def _successor(row: Figure) -> int | None:
    if row.superseded_at is None:
        return None
    rows = Figure.objects.filter(indicator=row.indicator, subject=row.subject, period_start=row.period_start, id__gt=row.pk)
    return rows.order_by("id").values_list("id", flat=True).first()
