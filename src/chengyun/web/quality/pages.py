# SPDX-License-Identifier: Apache-2.0
"""The overview by dataset and dimension, a dataset's page, and what can be done about a finding."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.city import City, qualify
from chengyun.collect.quality import queries, services
from chengyun.collect.quality.models import Finding
from chengyun.collect.quality.queries import DatasetScore
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.quality.words import Cell, cell_of, dimension_names, rule_name, sentence

MOST_SHOWN = 200
TREND_DAYS = 30


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One dataset, or one day of it. cells: total first, then the dimensions in their order."""

    name: str
    owner: str
    dataset: str
    day: dt.date
    cells: tuple[Cell, ...]
    offers: int


@dataclass(frozen=True, slots=True)
class RuleRow:
    dimension: str
    name: str
    cell: Cell
    checked: int
    failed: int
    error: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """href: of the subject's page, or "". offer: the recognised mistake in words, or "". deeds: what this person may do."""

    id: int
    day: dt.date
    subject: str
    href: str
    rule: str
    field: str
    says: str
    offer: str
    state: str
    deeds: tuple[str, ...]


@dataclass(frozen=True)
class OverviewPage:
    dimensions: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    as_of: dt.datetime


@dataclass(frozen=True)
class DatasetPage:
    """trend: days, newest first. path: the totals as a line in a box of 100 × 24, or "" for fewer than two."""

    name: str
    dataset: str
    owner: str
    day: dt.date | None
    dimensions: tuple[str, ...]
    rules: tuple[RuleRow, ...]
    trend: tuple[ScoreRow, ...]
    path: str
    findings: tuple[FindingRow, ...]
    fault: Fault | None


@require_safe
@needs("quality.read")
def overview(request: HttpRequest) -> HttpResponse:
    """Show every dataset by dimension."""
    rows = tuple(_row(one) for one in queries.overview(actor_of(request)))
    page = OverviewPage(tuple(dimension_names().values()), rows, timezone.now())
    return render(request, "quality/overview.html", {"page": page})


@require_safe
@needs("quality.read")
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    """Show one dataset: its rules, its days, what failed."""
    return _shown(request, name, None)


@require_POST
@needs("quality.repair")
def do(request: HttpRequest, finding_id: int, deed: str) -> HttpResponse:
    """Accept a repair, undo it, or say that nothing is wrong."""
    actor = actor_of(request)
    finding = queries.access_finding(actor, finding_id)
    deeds = {
        "accept": (services.accept, _("已修正；可随时撤销。")),
        "undo": (services.undo, _("已撤销修正。")),
        "dismiss": (services.dismiss, _("已忽略。")),
    }
    service, said = deeds[deed]
    fault = attempt(request, "finding", lambda: service(actor, finding_id))
    if fault:
        return _shown(request, finding.dataset, fault)
    return done(request, said, reverse("quality-dataset", args=[finding.dataset]))


def _shown(request: HttpRequest, name: str, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    days = queries.day_scores(actor, name, TREND_DAYS)
    newest = days[-1].day if days else None
    names = dimension_names()
    rules = queries.rule_scores(actor, name, newest) if newest else []
    page = DatasetPage(
        name=_name(name),
        dataset=name,
        owner=_owner(name),
        day=newest,
        dimensions=tuple(names.values()),
        rules=tuple(
            RuleRow(
                names[one.dimension], rule_name(one.rule), cell_of(None if one.share is None else 100 * one.share), one.checked,
                one.failed, one.error,
            )
            for one in rules
        ),
        trend=tuple(_row(one) for one in reversed(days)),
        path=_path([one.total for one in days]),
        findings=tuple(_finding(actor, one) for one in queries.findings(actor, name, limit=MOST_SHOWN)),
        fault=fault,
    )  # fmt: skip
    return render(request, "quality/dataset.html", {"page": page}, status=fault.status if fault else 200)


def _row(one: DatasetScore) -> ScoreRow:
    cells = (cell_of(one.total), *(cell_of(one.by[key]) for key in dimension_names()))
    return ScoreRow(_name(one.dataset), _owner(one.dataset), one.dataset, one.day, cells, one.offers)


def _finding(actor: Actor, one: Finding) -> FindingRow:
    deeds: tuple[str, ...] = ()
    if may(actor, "quality.repair", one.area_code or None):
        if one.state == Finding.State.OPEN:
            deeds = ("accept", "dismiss") if one.offer else ("dismiss",)
        elif one.state == Finding.State.REPAIRED:
            deeds = ("undo",)
    city: City = settings.CITY
    stream = city.streams.get(one.dataset)
    entity = qualify(one.dataset.split(".")[0], stream.entity.to) if stream else one.dataset
    field = next((it.name for it in stream.quantities if it.key == one.field), "") if stream else ""
    return FindingRow(
        one.pk, one.day, one.subject, reverse("entity", args=[entity, one.subject]), rule_name(one.rule), field, sentence(one),
        str(one.get_offer_display()) if one.offer else "", str(one.get_state_display()), deeds,
    )  # fmt: skip


def _path(totals: list[float | None]) -> str:
    known = [(place, value) for place, value in enumerate(totals) if value is not None]
    if len(known) < 2:
        return ""
    last = max(1, len(totals) - 1)
    corners = [f"{100 * place / last:.1f} {24 - 0.24 * value:.1f}" for place, value in known]
    return f"M{' L'.join(corners)}"


def _name(name: str) -> str:
    city: City = settings.CITY
    return str(city.streams[name].name if name in city.streams else city.entities[name].name)


def _owner(name: str) -> str:
    return str(settings.CITY.packs[name.split(".")[0]].pack.owner)
