# SPDX-License-Identifier: Apache-2.0
"""The base registers of the city, and the pairs of records that wait for somebody to say whether they are of one thing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import Scope, may, scope
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.errors import NotFound
from chengyun.share.registers import identity, review
from chengyun.share.registers.declared import authority_name, base_registers, entity_of, table_of
from chengyun.share.registers.models import Candidate, Decision, Load, MatchRun
from chengyun.web import shown
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.registers.panels import cell

LOADS, RUNS, QUEUE, DECIDED = 30, 10, 20, 20
PURPOSE = "quality"
"""For what records of persons are looked at here."""


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """href: of the first page that lists it, or ""; things, simulated: how many the reader may see."""

    name: str
    dataset: str
    authorities: tuple[str, ...]
    things: int
    simulated: int
    loaded: dt.datetime | None


@dataclass(frozen=True, slots=True)
class LoadRow:
    number: int
    name: str
    source: str
    file: str
    at: dt.datetime
    stated: int
    unchanged: int
    refused: int
    reasons: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class RegistersPage:
    rows: tuple[RegisterRow, ...]
    loads: tuple[LoadRow, ...]
    may_match: bool
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class StepRow:
    """One comparison: what it found and what that adds; width: of its bar in percent; against: it speaks against."""

    says: str
    bits: str
    width: int
    against: bool


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two records beside each other. fields: (name, left, right)."""

    number: int
    left: str
    right: str
    left_href: str
    right_href: str
    probability: str
    weight: str
    state: str
    steps: tuple[StepRow, ...]
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class RunRow:
    number: int
    name: str
    left: str
    right: str
    at: dt.datetime
    proposed: int
    waiting: int
    settled: int
    chosen: bool
    failed: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    number: int
    kind: str
    keys: str
    because: str
    actor: str
    at: dt.datetime


@dataclass(frozen=True)
class MatchingPage:
    """run: the one chosen, or None. choices: (dataset, name, ((authority, name), …)) of registers that can be compared."""

    runs: tuple[RunRow, ...]
    run: RunRow | None
    pairs: tuple[PairRow, ...]
    decisions: tuple[DecisionRow, ...]
    choices: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    fault: Fault | None


@require_safe
@needs("desk.read")
def registers(request: HttpRequest) -> HttpResponse:
    """Show the base registers, and what was loaded into them."""
    actor = actor_of(request)
    rows = []
    for dataset, entity in base_registers().items():
        allowed = _scope(actor, dataset)
        if not allowed.allowed:
            continue
        things = table_of(dataset)._default_manager.filter(allowed.q(), _in_force(timezone.localdate()))
        newest = Load.objects.filter(dataset=dataset).order_by("-received_at").values_list("received_at", flat=True).first()
        names = tuple(_(one.name) for one in entity.authorities)
        rows.append(RegisterRow(entity.name, dataset, names, things.count(), things.filter(simulated=True).count(), newest))
    readable = [row.dataset for row in rows]
    loads = Load.objects.filter(dataset__in=readable).prefetch_related("refusals")[:LOADS]
    page = RegistersPage(
        tuple(rows), tuple(_load(one) for one in loads), may(actor, identity.ACTION), timezone.now()
    )  # fmt: skip
    return render(request, "registers/list.html", {"page": page})


@require_safe
@needs(identity.ACTION)
def matching(request: HttpRequest) -> HttpResponse:
    """Show the newest comparison, or the one asked for, with the pairs that wait."""
    return _shown(request)


@require_POST
@needs(identity.ACTION)
def compare(request: HttpRequest) -> HttpResponse:
    """Have what two authorities state compared."""
    actor = actor_of(request)
    dataset = request.POST.get("dataset", "")
    if not _scope(actor, dataset).allowed:
        raise NotFound(_("没有找到。"))
    left, right = request.POST.get("left", ""), request.POST.get("right", "")
    fault = attempt(request, "compare", lambda: review.ask(actor, dataset, left, right))
    if fault:
        return _shown(request, fault)
    return done(request, _("已安排比对，完成后列在下面。"), reverse("registers-matching"))


@require_POST
@needs(identity.ACTION)
def settle(request: HttpRequest, number: int) -> HttpResponse:
    """Say of a pair whether it is of one thing."""
    actor = actor_of(request)
    found = _candidate(actor, number)
    same = request.POST.get("same") == "1"
    fault = attempt(request, "pair", lambda: review.settle(actor, number, same, request.POST.get("because", "")))
    if fault:
        return _shown(request, fault, found.run_id)
    said = _("已合并；可随时撤销。") if same else _("已记下：不是同一对象。")
    return done(request, said, f"{reverse('registers-matching')}?run={found.run_id}")


@require_POST
@needs(identity.ACTION)
def accept(request: HttpRequest, run: int) -> HttpResponse:
    """Merge every pair a comparison proposes."""
    actor = actor_of(request)
    _run(actor, run)
    fault = attempt(request, "accept", lambda: review.accept_proposed(actor, run, request.POST.get("because", "")))
    if fault:
        return _shown(request, fault, run)
    return done(request, _("已合并；可随时撤销。"), f"{reverse('registers-matching')}?run={run}")


@require_POST
@needs(identity.ACTION)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take a decision back."""
    actor = actor_of(request)
    decision = Decision.objects.filter(pk=number).first()
    if decision is None or not _scope(actor, decision.dataset).allowed:
        raise NotFound(_("没有找到。"))
    fault = attempt(request, "undo", lambda: identity.undo(actor, number))
    return _shown(request, fault) if fault else done(request, _("已撤销。"), reverse("registers-matching"))


def _shown(request: HttpRequest, fault: Fault | None = None, wanted: int | None = None) -> HttpResponse:
    actor = actor_of(request)
    asked = request.GET.get("run", "")
    readable = [dataset for dataset in base_registers() if _scope(actor, dataset).allowed]
    runs = list(MatchRun.objects.filter(dataset__in=readable).annotate(all=Count("candidates"))[:RUNS])
    number = (
        wanted
        or (int(asked) if asked.isascii() and asked.isdigit() else 0)
        or next((one.pk for one in runs if not one.failed), 0)
    )
    chosen = next((one for one in runs if one.pk == number), None)
    pairs = _pairs(actor, chosen) if chosen else ()
    decisions = Decision.objects.filter(dataset__in=readable, undone_at=None)[:DECIDED]
    choices = tuple(
        (dataset, entity.name, tuple((one.key, _(one.name)) for one in entity.authorities))
        for dataset, entity in base_registers().items()
        if entity.compared and dataset in readable
    )
    rows = tuple(_run_row(one, one.pk == number) for one in runs)
    page = MatchingPage(
        rows, next((one for one in rows if one.chosen), None), pairs, tuple(_decision(one) for one in decisions), choices, fault
    )
    return render(request, "registers/matching.html", {"page": page}, status=fault.status if fault else 200)


def _scope(actor: Actor, dataset: str) -> Scope:
    facts = rulebook().datasets.get(dataset)
    return scope(actor, dataset, PURPOSE if facts and facts.personal else None).by_key()


def _run(actor: Actor, number: int) -> MatchRun:
    run = MatchRun.objects.filter(pk=number).first()
    if run is None or not _scope(actor, run.dataset).allowed:
        raise NotFound(_("没有找到。"))
    return run


def _candidate(actor: Actor, number: int) -> Candidate:
    found = Candidate.objects.select_related("run").filter(pk=number).first()
    if found is None:
        raise NotFound(_("没有找到。"))
    _run(actor, found.run_id)
    return found


def _pairs(actor: Actor, run: MatchRun) -> tuple[PairRow, ...]:
    """Return the pairs that wait, the doubtful first, as far as the reader may see both records."""
    allowed = _scope(actor, run.dataset)
    waiting = list(run.candidates.filter(state=Candidate.State.WAITING)[:QUEUE])
    keys = {key for one in waiting for key in (one.left_key, one.right_key)}
    model = table_of(run.dataset)
    rows = {row.key: row for row in model._default_manager.filter(allowed.q(), key__in=keys)}
    fields = {one.name: one for one in model._meta.concrete_fields}
    compared = list(entity_of(run.dataset).compared.values())
    allowed.count(len(rows))
    allowed.record_rows(list(rows), compared, f"match run {run.pk}")
    return tuple(
        _pair(run.dataset, one, rows[one.left_key], rows[one.right_key], fields, compared, allowed)
        for one in waiting
        if one.left_key in rows and one.right_key in rows
    )


def _pair(
    dataset: str, one: Candidate, left: Any, right: Any, fields: Mapping[str, Any], compared: list[str], allowed: Scope
) -> PairRow:  # fmt: skip
    seen = [allowed.mask({name: getattr(row, name) for name in {"area_code", *compared}}) for row in (left, right)]
    beside = tuple(
        (str(fields[name].verbose_name), cell(fields[name], seen[0].get(name)), cell(fields[name], seen[1].get(name)))
        for name in compared
    )
    most = max((abs(float(step["bits"])) for step in one.steps), default=1.0) or 1.0
    steps = tuple(
        StepRow(_(str(step["level"])), f"{step['bits']:+.1f}", round(abs(step["bits"]) / most * 100), step["bits"] < 0)
        for step in one.steps
    )
    tail = f"?purpose={PURPOSE}" if allowed.personal else ""
    left_href, right_href = (reverse("entity", args=[dataset, key]) + tail for key in (one.left_key, one.right_key))
    return PairRow(
        one.pk, one.left_key, one.right_key, left_href, right_href,
        f"{one.probability:.1%}", f"{one.weight:+.1f}", one.get_state_display(),
        steps, beside,
    )  # fmt: skip


def _run_row(one: MatchRun, chosen: bool) -> RunRow:
    counts = dict(one.candidates.order_by().values_list("state").annotate(n=Count("id")))
    left, right = (_(authority_name(one.dataset, key)) for key in (one.left, one.right))
    settled = counts.get(Candidate.State.SAME, 0) + counts.get(Candidate.State.APART, 0)
    return RunRow(
        one.pk, entity_of(one.dataset).name, left, right, one.at, counts.get(Candidate.State.PROPOSED, 0),
        counts.get(Candidate.State.WAITING, 0), settled, chosen,
        one.get_failed_display() if one.failed else "",
    )  # fmt: skip


def _decision(one: Decision) -> DecisionRow:
    return DecisionRow(
        one.pk, one.get_kind_display(), shown.listed([str(key) for key in one.keys]), one.because, one.actor, one.at
    )


def _in_force(day: dt.date) -> Q:
    """Return the things that are there on a day: a licence is, though the day it ends is known."""
    return (Q(valid_from=None) | Q(valid_from__lte=day)) & (Q(valid_to=None) | Q(valid_to__gt=day))


def _load(one: Load) -> LoadRow:
    # A reason repeats what was refused, which may be about anybody.
    personal = entity_of(one.dataset).personal
    reasons = tuple((it.line, it.key, it.code if personal else it.reason) for it in list(one.refusals.all())[:5])
    return LoadRow(
        one.pk, entity_of(one.dataset).name, _(authority_name(one.dataset, one.authority)), one.name, one.received_at, one.stated,
        one.unchanged, one.refused, reasons,
    )  # fmt: skip
