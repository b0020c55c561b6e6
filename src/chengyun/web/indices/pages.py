# SPDX-License-Identifier: Apache-2.0
"""Indices: all at a glance, and one: value and course, what it is made of, what moved it, who stands where and how firmly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import scope
from chengyun.access.views import public
from chengyun.city import Indicator
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.govern.models import Target
from chengyun.operate.indices.comparing import Comparison, compare
from chengyun.operate.indices.reading import IndexRead, Moved, Standing, index_of, indices_for, read_index
from chengyun.operate.queries import figure_series, newest_figures
from chengyun.web import places, shown
from chengyun.web.days import moment_of
from chengyun.web.figures import tile
from chengyun.web.indices.drawing import Bar, Course, Firm, bars, course, firm
from chengyun.web.places import area_names
from chengyun.web.shell import city_name
from chengyun.web.tiles import Tile

STEPS = 36
"""Periods of a course."""
LENGTH = {
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "month": dt.timedelta(days=31),
    "year": dt.timedelta(days=366),
}

REASONS: Mapping[str, str | Promise] = {
    "few_peers": _("同级区域不足三个，无从比较，不计算指数。"),
    "few_for_weights": _("数据齐全的区域不足三个，无法由数据定权，不计算指数。"),
    "missing": _("有分项缺数据，按声明不计算指数。"),
    "coverage": _("有数据的分项权重不足，按声明不计算指数。"),
}  # fmt: skip
MISSING: Mapping[str, str | Promise] = {
    "withhold": _("缺一项即不计算"), "renormalise": _("缺项的权重由其余分项分担"), "zero": _("缺项计 0 分并注明"),
}  # fmt: skip
AGGREGATES: Mapping[str, str | Promise] = {"arithmetic": _("加权算术平均"), "geometric": _("加权几何平均")}
METHODS: Mapping[str, str | Promise] = {
    "min_max": _("极差法"), "z_score": _("Z 分数"), "percentile": _("百分位"), "arithmetic": _("算术"), "geometric": _("几何"),
}  # fmt: skip
WEIGHINGS: Mapping[str, str | Promise] = {
    "Expert": _("专家赋权"), "AHP": _("层次分析法（AHP）"), "Entropy": _("熵权法"), "PCA": _("主成分"),
}  # fmt: skip
NORMALS: Mapping[str, str | Promise] = {
    "MinMax": _("极差"), "ZScore": _("Z 分数"), "Percentile": _("百分位"), "Distance": _("距目标"),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """An index in the list. tiles: of the city, and of the districts that have a figure. parts, measured: how many."""

    key: str
    name: str
    note: str
    tiles: tuple[Tile, ...]
    parts: int
    measured: int


@dataclass(frozen=True)
class MovedLine:
    moved: Moved
    bar: Bar


@dataclass(frozen=True)
class StandingLine:
    """A row of the league. firm: its rank with its span; ranks: under other methods, as shown."""

    standing: Standing
    value: str
    firm: Firm | None
    ranks: tuple[str, ...]
    here: bool


@dataclass(frozen=True)
class PartLine:
    """A part as a row of the table, as shown."""

    name: str
    value: str
    unit: str
    score: str
    share: float
    weight: str
    normal: str | Promise
    indicator: str
    indicator_name: str
    missing: bool


@dataclass(frozen=True)
class DimensionLine:
    name: str
    score: str
    weight: str
    weighing: str | Promise
    parts: tuple[PartLine, ...]


@dataclass(frozen=True)
class BesideLine:
    """One thing the value is compared with. tone: of a goal: "fresh" reached, "bad" not reached; else empty."""

    name: str | Promise
    value: str
    change: str
    figure: int | None
    tone: str = ""
    source: str = ""


@dataclass(frozen=True)
class OnePage:
    """One index, area and period. read: None: there is no figure. earlier, later: starts of the neighbouring periods."""

    key: str
    name: str
    note: str
    source: str
    subject: str
    subject_name: str
    areas: tuple[tuple[str, str], ...]
    tile: Tile
    read: IndexRead | None
    period: str
    before: str
    change: str
    reason: str | Promise
    facts: tuple[tuple[str | Promise, str | Promise], ...]
    dimensions: tuple[DimensionLine, ...]
    moved: tuple[MovedLine, ...]
    beside: tuple[BesideLine, ...]
    course: Course | None
    course_rows: tuple[tuple[str, str], ...]
    league: tuple[StandingLine, ...]
    methods: tuple[str | Promise, ...]
    earlier: str
    later: str
    decimals: int


@require_safe
@never_cache
@public
def listing(request: HttpRequest) -> HttpResponse:
    """Show every index there is for this reader."""
    actor, now = actor_of(request), timezone.now()
    known, names, city = indices_for(actor), area_names("district"), config().city
    newest = newest_figures(list(known), [city, *names], actor, now)
    entries = [
        Entry(
            key, index.name, index.note,
            (
                tile(newest[key, city], city_name()),
                *(tile(newest[key, code], name) for code, name in names.items() if newest[key, code].id is not None),
            ),
            len(index.parts), len([part for part in index.parts if part.indicator is not None]),
        )
        for key, index in known.items()
    ]  # fmt: skip
    return render(request, "indices/list.html", {"entries": entries, "as_of": now})


@require_safe
@never_cache
@public
def one(request: HttpRequest, key: str) -> HttpResponse:
    """Show one index of an area (`?area=`) and a period (`?at=`, its start); the city's newest when nothing is said."""
    actor, now = actor_of(request), timezone.now()
    index_of(key, actor)
    subject = request.GET.get("area") or config().city
    return render(request, "indices/one.html", {"page": _page(key, subject[:14], _at(request), actor, now)})


def _at(request: HttpRequest) -> dt.datetime | None:
    text = request.GET.get("at", "")
    if not text:
        return None
    try:
        return moment_of(text)
    except ValueError as wrong:
        raise Refused(str(_("时间写作 YYYY-MM-DD 或 YYYY-MM-DDTHH:MM。"))) from wrong


def _page(key: str, subject: str, start: dt.datetime | None, actor: Actor, now: dt.datetime) -> OnePage:
    index, declared = index_of(key, actor), settings.CITY.indicators[key]
    read = read_index(key, subject, start, actor)
    shown_at = read.figure.period_start if read else now
    length = LENGTH[declared.period]
    series = figure_series(key, subject, shown_at - STEPS * length, shown_at + STEPS * length, actor, now)
    view = next((one for one in series if read and one.id == read.figure.pk), None)
    view = view or newest_figures([key], [subject], actor, now)[key, subject]
    until = [one for one in series if one.period_start and one.period_start <= shown_at][-STEPS:]
    starts = [one.period_start for one in series if one.period_start]
    says = [f"{shown.period(one.period_start, declared.period)}{shown.mark('：')}{shown.number(one.value, index.decimals)}"
            for one in until if one.period_start]  # fmt: skip
    names = area_names()
    compared = compare(key, subject, read.figure.period_start, actor) if read else None
    return OnePage(
        key=key, name=index.name, note=index.note, source=index.source, subject=subject, subject_name=names.get(subject, subject),
        areas=tuple((code, names.get(code, code)) for code in _subjects(key, subject, read)),
        tile=tile(view, names.get(subject, subject)), read=read,
        period=shown.period(read.figure.period_start, declared.period) if read else "",
        before=shown.period(read.before.period_start, declared.period) if read and read.before else "",
        change=_signed(float(read.change), index.decimals) if read and read.change is not None else "",
        reason=REASONS.get(read.reason, "") if read else "",
        facts=_facts(read), dimensions=_dimensions(read) if read else (),
        moved=_moved(read.moved) if read else (), beside=beside(compared, declared, key, subject, actor),
        course=course([one.value for one in until], says),
        course_rows=tuple((shown.period(one.period_start, declared.period), shown.number(one.value, index.decimals))
                          for one in reversed(until) if one.period_start),
        league=_league(read, index.decimals) if read else (),
        methods=tuple(METHODS[name] for name in (read.league[0].ranks if read and read.league else ())),
        earlier=_start(max((one for one in starts if one < shown_at), default=None)),
        later=_start(min((one for one in starts if one > shown_at), default=None)), decimals=index.decimals,
    )  # fmt: skip


def _subjects(key: str, subject: str, read: IndexRead | None) -> list[str]:
    """Return the areas to choose from: the city, the districts, and those of the league shown."""
    league = [one.subject for one in read.league] if read else []
    return list(dict.fromkeys([config().city, *area_names("district"), *sorted(league), subject]))


def _facts(read: IndexRead | None) -> tuple[tuple[str | Promise, str | Promise], ...]:
    if read is None:
        return ()
    index = read.index
    facts: list[tuple[str | Promise, str | Promise]] = [
        (_("合成"), AGGREGATES[index.aggregate]),
        (_("维度权重"), WEIGHINGS[type(index.weights).__name__]),
        (_("缺数据"), MISSING[index.missing]),
        (_("名次区间"), str(_("每项权重上下浮动 %(spread)s，抽样 %(draws)s 次，种子 %(seed)s")) % {
            "spread": f"{index.spread:.0%}", "draws": index.draws, "seed": index.seed,
        }),
    ]  # fmt: skip
    if read.editions:
        facts.append((_("版次"), shown.listed([f"{table} {day}" for table, day in sorted(read.editions.items())])))
    return tuple(facts)


def _dimensions(read: IndexRead) -> tuple[DimensionLine, ...]:
    declared = {part.key: part for part in read.index.parts}
    weighings = {one.key: one.weights for one in read.index.dimensions}
    return tuple(
        DimensionLine(
            one.name, shown.number(one.score, 1), f"{one.weight:.1%}", WEIGHINGS[type(weighings[one.key]).__name__],
            tuple(
                PartLine(
                    part.name, shown.number(part.value, 1), part.unit, shown.number(part.score, 1), part.score or 0.0,
                    f"{part.weight:.1%}", NORMALS[type(declared[part.key].normal).__name__], part.indicator,
                    settings.CITY.indicators[part.indicator].name if part.indicator else "", part.missing,
                )
                for part in one.parts
            ),
        )
        for one in read.dimensions
    )  # fmt: skip


def _moved(moved: Sequence[Moved]) -> tuple[MovedLine, ...]:
    return tuple(MovedLine(one, bar) for one, bar in zip(moved, bars([float(one.share) for one in moved]), strict=True))


def _league(read: IndexRead, decimals: int) -> tuple[StandingLine, ...]:
    of = sum(one.rank is not None for one in read.league)
    return tuple(
        StandingLine(
            one, shown.number(one.value, decimals), firm(one.rank, one.low, one.high, of),
            tuple(shown.NOTHING if rank is None else str(rank) for rank in one.ranks.values()),
            one.subject == read.figure.subject,
        )
        for one in read.league
    )  # fmt: skip


def beside(
    compared: Comparison | None, declared: Indicator, key: str, subject: str, actor: Actor
) -> tuple[BesideLine, ...]:  # fmt: skip
    if compared is None:
        return ()
    decimals = declared.decimals
    lines = [
        BesideLine(name, shown.number(one.value, decimals), _signed(one.change, decimals), one.figure)
        for name, one in ((_("上一时段（环比）"), compared.before), (_("去年同期（同比）"), compared.year))
        if one is not None
    ]
    if compared.median is not None and compared.of > 1:
        place = str(_("由高到低第 %(rank)s / %(of)s")) % {"rank": compared.rank, "of": compared.of}
        lines.append(BesideLine(_("同级区域中位数"), shown.number(compared.median, decimals), place, None))
    if (goal := compared.goal) is not None:
        said = _("达到") if goal.reached else _("未达到") if goal.reached is not None else ""
        tone = "fresh" if goal.reached else "bad" if goal.reached is not None else ""
        value = f"{'≥' if goal.sense == 'at least' else '≤'} {goal.value:g}"
        source = places.said(goal.source) + shown.mark("（") + shown.moment(goal.in_force) + shown.mark("）")
        lines.append(BesideLine(_("目标"), value, str(said), None, tone, source))
    if scope(actor, "targets").allowed:
        planned = Target.objects.filter(indicator=key, subject=subject, withdrawn_at=None)
        english = (get_language() or "").startswith("en")
        lines += [
            BesideLine(
                str(_("规划目标")) + (f" {one.year}" if one.year else ""),
                f"{shown.relation(one.comparator)} {one.value} {shown.unit(one.unit)}".strip(),
                one.name_en if english and one.name_en else one.name, None, source=f"{one.document} {one.section}".strip(),
            )
            for one in planned
        ]  # fmt: skip
    return tuple(lines)


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}"


def _start(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(config().zone):%Y-%m-%dT%H:%M}"
