# SPDX-License-Identifier: Apache-2.0
"""The list of all ways in, and one source with everything a person needs to trust it or mend it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import reads
from chengyun.collect.pull import queries
from chengyun.collect.pull.models import Drift, Run, Source
from chengyun.web.desk.deeds import Fault
from chengyun.web.sources.ways import Way, ways_in

__all__ = ["SourcePage", "show", "source_list", "source_page"]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source of the list. kept, dead: within a day. waiting: changes to decide."""

    key: str
    name: str
    kind: str
    state: str
    status: queries.Word
    says: str
    error: str
    ran_at: dt.datetime | None
    newest: dt.datetime | None
    next_at: dt.datetime | None
    kept: int
    dead: int
    waiting: int


@dataclass(frozen=True)
class SourcesPage:
    """kept, dead: of all sources within a day."""

    sources: tuple[SourceLine, ...]
    ways: tuple[Way, ...]
    may_manage: bool
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. seconds: how long it took; None while it goes on."""

    started_at: dt.datetime
    by: str
    state: str
    good: bool
    seconds: float | None
    read: int
    same: int
    kept: int
    flagged: int
    dead: int
    registered: int
    vanished: int
    kilobytes: float
    lag: dt.timedelta | None
    error: str


@dataclass(frozen=True, slots=True)
class DriftLine:
    """One change. open: whether it waits for a decision; renamed: whether our columns can follow it."""

    id: int
    kind: str
    column: str
    before: str
    after: str
    used: bool
    at: str
    seen_at: dt.datetime
    open: bool
    renamed: bool
    decision: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class MappedLine:
    """One column of ours: what it is called, where it comes from, and what is done to it on the way."""

    target: str
    name: str
    column: str
    treatment: str
    kind: str


@dataclass(frozen=True)
class SourcePage:
    """tested: what a test found, when one was asked for. declared: name of the pack that declares it, ""."""

    line: SourceLine
    address: str
    schedule: str
    late_after: str
    policy: str
    declared: str
    has_credentials: bool
    mapping: tuple[MappedLine, ...]
    runs: tuple[RunLine, ...]
    drifts: tuple[DriftLine, ...]
    files: tuple[Any, ...]
    letters: int
    letters_of: str
    spec: str
    may_manage: bool
    tested: dict[str, Any] | None
    fault: Fault | None


@require_safe
@never_cache
@reads("sources")
def source_list(request: HttpRequest) -> HttpResponse:
    """Show all ways in."""
    actor, now = actor_of(request), timezone.now()
    page = SourcesPage(
        tuple(_line(one) for one in queries.source_health(actor, now)), ways_in(actor, now), may(actor, "source.manage"), now
    )
    return render(request, "sources/list.html", {"page": page})


@require_safe
@never_cache
@reads("sources")
def source_page(request: HttpRequest, key: str) -> HttpResponse:
    """Show one source."""
    return show(request, key)


def show(request: HttpRequest, key: str, *, fault: Fault | None = None, tested: dict[str, Any] | None = None) -> HttpResponse:
    """Return a source's page, with a refusal or the outcome of a test. Raises NotFound."""
    page = read_page(actor_of(request), key, fault, tested)
    return render(request, "sources/source.html", {"page": page}, status=fault.status if fault else 200)


def read_page(actor: Actor, key: str, fault: Fault | None, tested: dict[str, Any] | None) -> SourcePage:
    """Return what the page of a source shows."""
    source = queries.access_source(actor, key)
    health = next(one for one in queries.source_health(actor, timezone.now()) if one.source.pk == source.pk)
    spec = source.spec
    pack = settings.CITY.packs.get(source.pack)
    return SourcePage(
        line=_line(health),
        address=spec["address"],
        schedule=spec.get("cron") or _("每 %s") % spec.get("every", "1h"),
        late_after=spec.get("late_after", ""),
        policy=_("停下等人决定") if spec.get("drift", "stop") == "stop" else _("尽量继续"),
        declared=pack.pack.name if pack else source.pack,
        has_credentials=source.credentials is not None,
        mapping=tuple(_mapped(source)),
        runs=tuple(_run(one) for one in queries.newest_runs(source)),
        drifts=tuple(_drift(one) for one in queries.drifts(source)),
        files=tuple(queries.files(source)),
        letters=queries.letters_waiting().get(f"source:{source.key}", 0),
        letters_of=(spec.get("stream") or spec.get("register") or {}).get("to", ""),
        spec=json.dumps(spec, ensure_ascii=False, indent=2),
        may_manage=may(actor, "source.manage"),
        tested=tested,
        fault=fault,
    )


def _line(health: queries.Health) -> SourceLine:
    source, run = health.source, health.run
    kinds = {"database": _("数据库"), "http": "HTTP", "files": _("文件夹")}
    return SourceLine(
        source.key, source.name, kinds.get(source.kind, source.kind), source.state, health.status, _says(health),
        run.error if run else "", run.started_at if run else None, source.newest, source.next_at, health.kept, health.dead,
        health.waiting,
    )  # fmt: skip


def _says(health: queries.Health) -> str:
    source = health.source
    if source.state != Source.State.ACTIVE:
        return str(source.get_state_display())
    if source.late_since is not None:
        return _("滞后")
    if source.failures:
        return _("失败 %d 次") % source.failures
    return _("正常") if health.run is not None else _("还没有运行")


def _mapped(source: Source) -> list[MappedLine]:
    lines = []
    for part, names in (("register", _register_names(source)), ("stream", _stream_names(source))):
        mapped = source.spec.get(part)
        if not mapped:
            continue
        columns = ({"key": mapped["key"]} if part == "register" else {}) | mapped.get("columns", {})
        order = list(names)  # as declared; the database keeps an object's names in an order of its own
        for target, given in sorted(columns.items(), key=lambda it: order.index(it[0]) if it[0] in order else len(order)):
            cell = given if isinstance(given, dict) else {"column": given}
            treatment = [f"× {cell['factor']:g}"] if cell.get("factor") else []
            treatment += [f"{word} → {code}" for word, code in list(cell.get("codes", {}).items())[:5]]
            treatment += [cell["format"]] if cell.get("format") else []
            kind = source.columns.get(cell["column"], "")
            lines.append(MappedLine(target, names.get(target, ""), cell["column"], "；".join(treatment), kind))
    return lines


def _stream_names(source: Source) -> dict[str, str]:
    stream = settings.CITY.streams.get((source.spec.get("stream") or {}).get("to", ""))
    if stream is None:
        return {}
    names = {field.key: field.name for field in stream.fields} | {stream.time: _("观测时间")}
    return {key: names[key] for key in stream.columns}


def _register_names(source: Source) -> dict[str, str]:
    from chengyun.collect.registering import model_of

    entity = (source.spec.get("register") or {}).get("to", "")
    if entity not in settings.CITY.entities:
        return {}
    return {field.name: str(field.verbose_name) for field in model_of(settings.CITY, entity)._meta.concrete_fields}


def _run(run: Run) -> RunLine:
    return RunLine(
        run.started_at, run.by, str(run.get_state_display()), run.state == Run.State.DONE,
        (run.ended_at - run.started_at).total_seconds() if run.ended_at else None, run.read, run.same, run.kept, run.flagged,
        run.dead, run.registered, run.vanished, run.bytes / 1e3, dt.timedelta(seconds=round(run.lag_s)) if run.lag_s else None,
        run.error,
    )  # fmt: skip


def _drift(drift: Drift) -> DriftLine:
    return DriftLine(
        drift.pk, str(drift.get_kind_display()), drift.column, drift.before, drift.after, drift.used, drift.at, drift.seen_at,
        drift.decision == Drift.Decision.WAITING, drift.kind == Drift.Kind.RENAMED, str(drift.get_decision_display()),
        drift.decided_by,
    )  # fmt: skip
