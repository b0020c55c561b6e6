# SPDX-License-Identifier: Apache-2.0
"""One unit of a table: what its score is made of, what was adjusted, its signs; and the cases behind each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.cases.evaluation import queries
from chengyun.cases.evaluation.counted import COUNTS
from chengyun.web import shown
from chengyun.web.desk.pages import page_number
from chengyun.web.evaluation.pages import period_of
from chengyun.web.evaluation.shown import Line, axis_of, doubts, line, share
from chengyun.web.titles import titled

PAGE = 100


@dataclass(frozen=True, slots=True)
class RateLine:
    """A rate of a unit. met, due: the counts, and their keys for the cases behind them; missed: those due and not met, None where
    less is better. expected: of its mix of cases."""

    name: str
    weight: str
    low: bool
    verified: bool
    formula: str
    met: int
    due: int
    met_key: str
    due_key: str
    missed: int | None
    plain: str
    limits: str
    expected: str
    adjusted: str
    shrunk: str


@dataclass(frozen=True, slots=True)
class SignLine:
    name: str
    meaning: str
    met: int
    due: int
    met_key: str
    share: str
    others: str
    q: str
    named: bool


@dataclass(frozen=True)
class UnitPage:
    edition_id: int
    period: str
    profile: str
    profile_name: str
    level: str
    doubts: str
    line: Line
    rates: tuple[RateLine, ...]
    signs: tuple[SignLine, ...]
    counts: tuple[tuple[str, str, int], ...]
    best: str


@dataclass(frozen=True)
class CasesPage:
    """hidden: cases counted that this reader may not see."""

    edition_id: int
    period: str
    profile: str
    level: str
    unit: str
    name: str
    count: str
    rows: tuple[tuple[str, str, str, str], ...]
    shown: int
    hidden: int
    number: int
    more: bool
    query: str


@require_safe
@needs("evaluation.read")
def unit(request: HttpRequest, edition_id: int, profile: str, unit_key: str) -> HttpResponse:
    """Show one unit."""
    actor = actor_of(request)
    edition = queries.access_edition(actor, edition_id)
    declared: Mapping[str, Any] = queries.profile_of(edition, profile)
    level = queries.level_of(declared["dimension"], request.GET.get("level", ""))
    row = queries.standing(actor, edition, profile, level, unit_key)
    rates: Mapping[str, Any] = edition.declared["rates"]
    signs: Mapping[str, Any] = edition.declared["signs"]
    weights = {one["key"]: one for one in declared["terms"]}
    best = (row.result.get("ranked") or {}).get("best")
    page = UnitPage(
        edition_id=edition_id,
        period=period_of(edition),
        profile=profile,
        profile_name=declared["name"],
        level=level,
        doubts=doubts(edition, profile),
        line=line(row, axis_of([row]), declared),
        rates=tuple(_rate(one, rates[one["key"]], weights[one["key"]]) for one in row.result["rates"]),
        signs=tuple(_sign(one, signs[one["sign"]]) for one in sorted(row.result["findings"], key=lambda it: it["p"])),
        counts=tuple((key, COUNTS[key], row.result["counts"][key]) for key in COUNTS if key in row.result["counts"]),
        best=share(best),
    )
    return render(request, "evaluation/unit.html", {"page": page})


@require_safe
@needs("evaluation.read")
def cases(request: HttpRequest, edition_id: int, profile: str, unit_key: str) -> HttpResponse:
    """Show the cases a figure was counted from, those this person may see."""
    actor, number = actor_of(request), page_number(request)
    edition = queries.access_edition(actor, edition_id)
    level = queries.level_of(queries.profile_of(edition, profile)["dimension"], request.GET.get("level", ""))
    count, lacks = request.GET.get("count", "handle_due"), request.GET.get("lacks", "")
    row = queries.standing(actor, edition, profile, level, unit_key)
    found, seen, whole = queries.cases_behind(
        actor, edition, profile, level, unit_key, count, lacks=lacks, limit=PAGE, offset=(number - 1) * PAGE
    )  # fmt: skip
    given = request.GET.copy()
    given.pop("page", None)
    named = _(COUNTS[count]) + (_("，不含%s") % _(COUNTS[lacks]) if lacks else "")
    page = CasesPage(
        edition_id, period_of(edition), profile, level, unit_key, row.name, named,
        tuple(
            (one.number, titled(one.title), _said(one.parts), share(one.doubt) if one.doubt > 0.05 else "")
            for one in found
        ),
        seen, whole - seen, number, seen > number * PAGE, given.urlencode(),
    )  # fmt: skip
    return render(request, "evaluation/cases.html", {"page": page})


def _rate(found: Mapping[str, Any], rate: Mapping[str, Any], term: Mapping[str, Any]) -> RateLine:
    return RateLine(
        name=rate["name"], weight=f"{term['weight']:g} %", low=rate["low"], verified=rate["verified"], formula=rate["formula"],
        met=found["met"], due=found["due"], met_key=rate["met"], due_key=rate["due"],
        missed=None if rate["low"] or rate["less"] else found["due"] - found["met"], plain=share(found["plain"]),
        limits=f"{share(found['low'])} – {share(found['high'])}", expected=share(found["expected"]),
        adjusted=share(found["adjusted"]), shrunk=share(found["shrunk"]),
    )  # fmt: skip


def _sign(found: Mapping[str, Any], sign: Mapping[str, Any]) -> SignLine:
    own = found["met"] / found["due"] if found["due"] else None
    q = f"{found['q']:.3f}" if found["q"] >= 0.001 else "< 0.001"
    return SignLine(
        sign["name"], sign["meaning"], found["met"], found["due"], sign["met"], share(own), share(found["others"]), q,
        found["named"],
    )  # fmt: skip


def _said(parts: Sequence[str]) -> str:
    """Return the counts a case is part of, in words."""
    return shown.listed([_(COUNTS[part]) for part in parts])
