# SPDX-License-Identifier: Apache-2.0
"""Entities over time as asked for: every instance, value-and-time pairs, or figures per period (clauses 4.5.6 to 4.5.19)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chengyun.protocols.ngsild.asking import Parameters
from chengyun.protocols.ngsild.documents import Entity, Instance, read_instant, stamp
from chengyun.protocols.ngsild.problems import bad, invalid
from chengyun.protocols.ngsild.rendering import View, plain_instant, render
from chengyun.protocols.ngsild.vocabulary import VALUE_OF

__all__ = ["FORMS", "Figure", "Span", "TEMPORAL", "Tracked", "form_of", "read_span", "render_evolution", "render_figures"]

TEMPORAL = frozenset({"timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration"})
FORMS = ("normalized", "temporalValues", "aggregatedValues", "simplified", "concise", "keyValues")
METHODS = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")
_COLUMN = {"observedAt": "observed_at", "createdAt": "created_at", "modifiedAt": "modified_at", "deletedAt": "deleted_at"}
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
MOST_LAST = 100_000


@dataclass(frozen=True, slots=True)
class Span:
    """Which stretch of time, by which clock. after, before: exclusive bounds, None where open. last: newest N only."""

    clock: str = "observedAt"
    relation: str = ""
    after: dt.datetime | None = None
    before: dt.datetime | None = None
    last: int = 0
    methods: tuple[str, ...] = ()
    period: dt.timedelta | None = None

    @property
    def column(self) -> str:
        return _COLUMN[self.clock]


@dataclass(frozen=True, slots=True)
class Tracked:
    """One instance of an entity's history. time: by the clock asked for; None where that clock does not know it."""

    name: str
    instance: Instance
    time: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Figure:
    """What the values of one attribute instance came to in one period."""

    name: str
    dataset: str
    kind: str
    since: dt.datetime
    until: dt.datetime
    values: dict[str, Any] = field(default_factory=dict)


def read_span(params: Parameters | dict[str, Any], *, needed: bool) -> Span:
    """Return the temporal query of a request or of a temporalQ object. Raises BadRequestData where its parts do not fit."""

    def text(name: str) -> str:
        return params.text(name) if isinstance(params, Parameters) else str(params.get(name) or "")

    relation = text("timerel")
    clock = text("timeproperty") or "observedAt"
    if clock not in _COLUMN:
        raise bad(f"timeproperty is {clock[:40]!r}, expected one of {', '.join(_COLUMN)}.")
    if relation not in ("", "before", "after", "between"):
        raise bad(f"timerel is {relation[:40]!r}, expected before, after or between.")
    if needed and not relation:
        raise bad("A query over time needs timerel and timeAt.")
    at = read_instant(text("timeAt"), "timeAt") if text("timeAt") else None
    end = read_instant(text("endTimeAt"), "endTimeAt") if text("endTimeAt") else None
    if relation and at is None:
        raise bad(f"timerel {relation} needs timeAt.")
    if (relation == "between") != (end is not None):
        raise bad("endTimeAt goes with timerel=between, and only with it.")
    if at is not None and not relation:
        raise bad("timeAt needs timerel.")
    if at is not None and end is not None and end <= at:
        raise bad("endTimeAt is not later than timeAt.")
    last = text("lastN")
    if last and (not last.isdigit() or not 0 < int(last) <= MOST_LAST):
        raise bad(f"lastN is {last[:40]!r}, expected a number from 1 to {MOST_LAST}.")
    methods = tuple(one.strip() for one in text("aggrMethods").split(",") if one.strip())
    if unknown := next((one for one in methods if one not in METHODS), None):
        raise bad(f"aggrMethods: {unknown[:40]!r} is none of {', '.join(METHODS)}.")
    return Span(
        clock, relation,
        at if relation in ("after", "between") else None,
        end if relation == "between" else at if relation == "before" else None,
        int(last) if last else 0, methods, _read_period(text("aggrPeriodDuration")),
    )  # fmt: skip


def form_of(params: Parameters, span: Span) -> tuple[str, bool]:
    """Return how to show it, and whether with system attributes. Raises InvalidRequest, BadRequestData."""
    options = params.options({*FORMS, "sysAttrs"})
    asked = params.text("format")
    if asked and asked not in FORMS:
        raise invalid(f"format is {asked[:40]!r}, expected one of {', '.join(FORMS)}.")
    form = asked or next((one for one in FORMS if one in options), "normalized")
    form = {"simplified": "temporalValues", "keyValues": "temporalValues"}.get(form, form)
    if form == "aggregatedValues" and not span.methods:
        raise bad("aggregatedValues needs aggrMethods.")
    return form, "sysAttrs" in options


def render_evolution(
    entity: Entity, tracked: Sequence[Tracked], view: View, form: str, empty: Iterable[str] = ()
) -> dict[str, Any]:
    """Return an entity over time. empty: attributes that are there, but not in the part shown."""
    head = replace(entity, attributes={}, scopes=[] if any(one.name == "scope" for one in tracked) else entity.scopes)
    shown = render(replace(head, scopes=[]), view)
    by_name: dict[str, list[Tracked]] = {}
    for one in tracked:
        by_name.setdefault(one.name, []).append(one)
    for name, listed in by_name.items():
        if form == "temporalValues":
            shown[_named(name, view)] = _values(listed, view)
        else:
            shown[_named(name, view)] = [_whole(one, view) for one in listed]
    for name in empty:
        shown.setdefault(_named(name, view), {"type": "Property", "values": []} if form == "temporalValues" else [])
    return shown


def render_figures(entity: Entity, figures: Sequence[Figure], view: View, methods: Sequence[str]) -> dict[str, Any]:
    """Return an entity with figures per period."""
    shown = render(replace(entity, attributes={}, scopes=[]), view)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in figures:
        held = found.setdefault((one.name, one.dataset), {"type": one.kind} | ({"datasetId": one.dataset} if one.dataset else {}))
        for method in methods:
            if one.values.get(method) is not None:
                held.setdefault(method, []).append([one.values[method], _plain(one.since), _plain(one.until)])
    for (name, _), held in found.items():
        key = view.terms.compact(name)
        if key not in shown:
            shown[key] = held
        else:
            shown[key] = [*(shown[key] if isinstance(shown[key], list) else [shown[key]]), held]
    return shown


def _named(name: str, view: View) -> str:
    return name if name == "scope" else view.terms.compact(name)


def _whole(one: Tracked, view: View) -> dict[str, Any]:
    holder = Entity("", [], [], {one.name: [one.instance]})
    own = replace(view, form="normalized", pick=None, omit=None, attrs=None, inline=False, deleted=True)
    shown = dict(next(value for key, value in render(holder, own).items() if key not in ("id", "type")))
    if "deletedAt" in one.instance:
        shown["deletedAt"] = plain_instant(one.instance["deletedAt"])
    return shown


def _values(listed: Sequence[Tracked], view: View) -> Any:
    groups: dict[str, dict[str, Any]] = {}
    for one in listed:
        instance = one.instance
        kind = instance["type"]
        dataset = instance.get("datasetId", "")
        member = VALUE_OF[kind]
        held = groups.setdefault(dataset, {"type": kind} | ({"datasetId": dataset} if dataset else {}))
        value = instance.get(member)
        if kind == "VocabProperty":
            words = value if isinstance(value, list) else [value]
            value = (
                [view.terms.compact(str(word)) for word in words] if isinstance(value, list) else view.terms.compact(str(value))
            )
        wrapped = value if member in ("value", "object") else {member: value}
        held.setdefault(f"{member}s", []).append([wrapped, _plain(one.time) if one.time else None])
    found = list(groups.values())
    return found[0] if len(found) == 1 else found


def _plain(instant: dt.datetime) -> str:
    return plain_instant(stamp(instant))


def _read_period(text: str) -> dt.timedelta | None:
    """Return an ISO 8601 duration; None for PT0S and for none at all: everything is one period."""
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT") or text.endswith("T"):
        raise bad(f"aggrPeriodDuration is {text[:40]!r}, expected weeks, days, hours, minutes or seconds such as P1D or PT15M.")
    weeks, days, hours, minutes = (int(one or 0) for one in found.groups()[:4])
    try:
        period = dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=float(found[5] or 0))
    except OverflowError:
        raise bad(f"aggrPeriodDuration is {text[:40]!r}, longer than anything kept here.") from None
    return period or None
