# SPDX-License-Identifier: Apache-2.0
"""What-if models: what each says of itself, asking for a run, and a run with its map or chart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may, require_scope
from chengyun.access.views import needs, reads
from chengyun.errors import NotFound, Refused
from chengyun.govern.whatif import services
from chengyun.govern.whatif.catalogue import MODELS
from chengyun.govern.whatif.declared import Input, Model, Output
from chengyun.govern.whatif.inputs import written
from chengyun.govern.whatif.models import Network, Run
from chengyun.web.decisions.drawing import Bars, Plan, bars, plan
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, page_number

SIZE = 30
STATE_TONES = {"asked": "partial", "running": "partial", "done": "fresh", "failed": "bad"}
CELLS = {"existing": gettext_lazy("已有"), "new": gettext_lazy("新设")}


@dataclass(frozen=True)
class RunRow:
    run: Run
    model: str | Promise
    state: str | Promise
    tone: str


@dataclass(frozen=True)
class ModelsPage:
    models: tuple[Model, ...]
    runs: Listed[RunRow]
    networks: tuple[Network, ...]
    may_run: bool
    as_of: dt.datetime


@dataclass(frozen=True)
class Field:
    """An input as a form shows it. value: as typed. choices: to choose from."""

    input: Input
    value: str
    choices: tuple[tuple[str, str | Promise], ...]
    columns: str


@dataclass(frozen=True)
class ModelPage:
    model: Model
    title: str
    fields: tuple[Field, ...]
    lacking: bool
    may_run: bool
    fault: Fault | None


@dataclass(frozen=True)
class Table:
    name: str | Promise
    columns: tuple[Output, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RunPage:
    """version_now: of the model today; another than the run's says that it would be computed otherwise."""

    run: Run
    model: Model
    tone: str
    figures: tuple[tuple[Output, str], ...]
    tables: tuple[Table, ...]
    notes: tuple[str | Promise, ...]
    bars: tuple[tuple[str | Promise, Bars], ...]
    plan: Plan | None
    inputs: tuple[tuple[Input, str], ...]
    took_s: float | None
    again: str
    as_of: dt.datetime


@require_safe
@never_cache
@reads("whatif")
def models(request: HttpRequest) -> HttpResponse:
    """Show the models and the newest runs."""
    number = page_number(request)
    found = list(Run.objects.defer("result", "inputs")[(number - 1) * SIZE : number * SIZE + 1])
    rows = tuple(
        RunRow(one, MODELS[one.model].name if one.model in MODELS else one.model, one.get_state_display(), STATE_TONES[one.state])
        for one in found[:SIZE]
    )
    page = ModelsPage(
        models=tuple(MODELS.values()),
        runs=Listed(rows, number, len(found) > SIZE, ""),
        networks=tuple(Network.objects.defer("extract")),
        may_run=may(actor_of(request), "whatif.run"),
        as_of=timezone.now(),
    )
    return render(request, "decisions/models.html", {"page": page})


@require_safe
@never_cache
@reads("whatif")
def model(request: HttpRequest, key: str) -> HttpResponse:
    """Show what a model says of itself, and its form: empty, with its example, or as an earlier run was asked."""
    chosen = services.model_of(key)
    given: Mapping[str, str] = {}
    title = ""
    if request.GET.get("example") and chosen.example:
        given, title = written(chosen, chosen.example), _("示例")
    elif (text := request.GET.get("like", "")).isascii() and text.isdigit() and len(text) < 19:
        like = Run.objects.filter(pk=int(text), model=key).first()
        if like is not None:
            given, title = written(chosen, like.inputs), like.title
    return _model(request, chosen, given, title, None)


@require_POST
@needs("whatif.run")
def ask(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a run."""
    chosen = services.model_of(key)
    given = {name: str(request.POST.get(name, "")).replace("\x00", "") for name in request.POST}
    made: list[Run] = []
    fault = attempt(
        request, "run", lambda: made.append(services.ask(key, given.get("title", ""), given, actor_of(request), _seed(given)))
    )
    if fault:
        return _model(request, chosen, given, given.get("title", ""), fault)
    return done(request, _("已排队；本页会自动刷新。"), reverse("whatif-run", args=[made[0].pk]))


@require_safe
@never_cache
@reads("whatif")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show a run."""
    require_scope(actor_of(request), "whatif")
    run = Run.objects.select_related("asked_by").filter(pk=number).first()
    if run is None or run.model not in MODELS:
        raise NotFound(_("没有找到。"))
    known, result = MODELS[run.model], run.result
    texts = written(known, run.inputs)
    chart, labels = result.get("chart"), _labels(known)
    page = RunPage(
        run=run,
        model=known,
        tone=STATE_TONES[run.state],
        figures=tuple((one, figure(result["figures"].get(one.key))) for one in known.figures) if result else (),
        tables=_tables(known, result.get("tables", {})),
        notes=tuple(known.notes.get(code, code) for code in result.get("notes", ())),
        bars=tuple((labels.get(one.key, one.key), one) for one in bars(chart)) if chart else (),
        plan=plan(result["map"]) if result.get("map") else None,
        inputs=tuple((one, str(one.choices.get(texts[one.key], texts[one.key]))) for one in known.inputs),
        took_s=(run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None,
        again=f"{reverse('whatif-model', args=[run.model])}?like={run.pk}",
        as_of=timezone.now(),
    )
    return render(request, "decisions/run.html", {"page": page})


def figure(value: Any) -> str:
    """Return a number as people read it: at most four digits that mean something, — for none."""
    if value is None:
        return "—"
    if isinstance(value, str):
        return str(CELLS.get(value, value))
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.2g}"


def _model(request: HttpRequest, chosen: Model, given: Mapping[str, str], title: str, fault: Fault | None) -> HttpResponse:
    networks = tuple(Network.objects.values_list("key", "name"))
    fields = []
    for one in chosen.inputs:
        choices = networks if one.kind == "network" else tuple(one.choices.items())
        default = "" if one.default is None else f"{one.default:g}" if isinstance(one.default, float) else str(one.default)
        columns = "，".join(str(column.name) for column in one.columns)
        fields.append(Field(one, given.get(one.key, default), choices, columns))
    lacking = not networks and any(one.kind == "network" for one in chosen.inputs)
    page = ModelPage(chosen, title, tuple(fields), lacking, may(actor_of(request), "whatif.run") and not lacking, fault)
    return render(request, "decisions/model.html", {"page": page}, status=fault.status if fault else 200)


def _tables(known: Model, found: Mapping[str, Sequence[Sequence[Any]]]) -> tuple[Table, ...]:
    return tuple(
        Table(name, columns, tuple(tuple(figure(cell) for cell in row) for row in found[key]))
        for key, (name, columns) in known.tables.items() if found.get(key)
    )  # fmt: skip


def _labels(known: Model) -> dict[str, str | Promise]:
    return {column.key: column.name for _name, columns in known.tables.values() for column in columns}


def _seed(given: Mapping[str, str]) -> int | None:
    text = given.get("seed", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(_("随机种子是至多九位的数字；不填则随机选取。"), code="seed")
    return int(text)
