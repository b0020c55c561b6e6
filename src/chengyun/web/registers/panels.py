# SPDX-License-Identifier: Apache-2.0
"""Panels of registers → what their templates show: listings with a search, related things, official series, citations.

A register of persons is read for a purpose the reader chose; whom the rows are about is recorded with the read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.access.rulebook import rulebook
from chengyun.city import Citations, City, Listing, Plot, Related, qualify
from chengyun.share.registers import seasons
from chengyun.share.registers.citations import Found, citations_of, cited_by
from chengyun.share.registers.declared import table_of
from chengyun.share.registers.finding import find_addresses, find_things
from chengyun.share.registers.series import Point, points
from chengyun.web import shown
from chengyun.web.places import area_names, said

__all__ = ["CitationsPanel", "ListingPanel", "PlotPanel", "Purposes", "citations", "listing", "plot", "purposes_for", "related"]

ROWS = 50
"""Rows of one page of a listing."""
RELATED = 200


@dataclass(frozen=True)
class Purposes:
    """Purposes for which a reader may read a register of persons: (key, name, chosen now)."""

    choices: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as shown. href: the page of the thing it names, "" where it names none the reader may see."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class ListedRow:
    """One thing. href: its page. cells: its columns as shown. because: how well it answers what was asked for, or ""."""

    key: str
    name: str
    href: str
    cells: tuple[Cell, ...]
    simulated: bool
    because: str = ""


@dataclass(frozen=True)
class ListingPanel:
    """text: what is asked for; parameter: its name in the address. purposes: those a register of persons may be read for.

    parsed: an address taken apart. more: there are further rows. areas: districts to choose from, as (code, name, chosen now), in
    the parameter `area`. next, first: addresses of the next and of the first page, "" for none.
    """

    id: str
    name: str
    parameter: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[ListedRow, ...]
    search: bool
    purposes: Purposes | None
    hidden: tuple[tuple[str, str], ...] = ()
    parsed: tuple[tuple[str, str], ...] = ()
    more: bool = False
    area: str = ""
    areas: tuple[tuple[str, str, bool], ...] = ()
    next: str = ""
    first: str = ""
    kind: str = "listing"


@dataclass(frozen=True)
class PlotLine:
    period: str
    value: str
    first: str
    growth: str
    smooth: str
    editions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PlotPanel:
    """lines: newest first. path, smooth, first: newest, adjusted and first editions, as SVG paths in a box of 100 × 40."""

    id: str
    name: str
    lines: tuple[PlotLine, ...]
    path: str
    smooth: str
    first: str
    low: str
    high: str
    since: str
    until: str
    note: str
    revised: int
    kind: str = "plot"


@dataclass(frozen=True)
class CitationRow:
    pack: str
    where: str
    text: str
    cited: str
    state: str
    href: str
    name: str


@dataclass(frozen=True)
class CitationsPanel:
    id: str
    name: str
    rows: tuple[CitationRow, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    kind: str = "citations"


def purposes_for(actor: Actor, dataset: str, chosen: str | None) -> Purposes | None:
    """Return the purposes an actor could read a register of persons for; None: it needs none, or nothing would help."""
    facts = rulebook().datasets[dataset]
    if not facts.personal or not actor.posts:
        return None
    names = rulebook().purposes
    found = tuple((key, _(names[key]), key == chosen) for key in names if scope(actor, dataset, key).by_key().allowed)
    return Purposes(found) if found else None


def allowed_for(actor: Actor, dataset: str, purpose: str | None) -> Scope:
    """Return what may be read; a purpose counts only where the register is about persons."""
    personal = rulebook().datasets[dataset].personal
    return scope(actor, dataset, purpose if personal and purpose in rulebook().purposes else None).by_key()


def listing(panel_id: str, pack: str, panel: Listing, actor: Actor, query: Mapping[str, str]) -> ListingPanel | None:
    """Return a register's things, those that answer the text asked for; None where the reader may see none."""
    dataset = qualify(pack, panel.entity)
    purpose, parameter = query.get("purpose"), f"q-{panel.entity}"
    allowed = allowed_for(actor, dataset, purpose)
    purposes = purposes_for(actor, dataset, purpose)
    if not allowed.allowed:
        return _closed(panel_id, panel.name, parameter, purposes) if purposes else None
    text, where, start = query.get(parameter, "")[:200], f"in-{panel.entity}", f"after-{panel.entity}"
    model = table_of(dataset)
    rows = model._default_manager.filter(allowed.q())
    areas = _areas(rows, query.get(where, "")) if allowed.may_filter("area_code") else ()
    if chosen := next((code for code, _name, now in areas if now), ""):
        rows = rows.filter(area_code__startswith=chosen)
    after = query.get(start, "").replace("\x00", "")[:200]
    on, first = "", ""
    parsed: tuple[tuple[str, str], ...] = ()
    if panel.address and text.strip() and all(allowed.may_filter(part) for part, _name in _parts()):
        taken, found = find_addresses(rows, text)
        parsed = tuple((_(name), value) for part, name in _parts() if (value := getattr(taken, part)))
        ties = _ties(actor, dataset, [one.row for one in found], panel.columns, allowed, purpose)
        listed = [
            _row(dataset, one.row, panel.columns, allowed, purpose, ties, f"{one.score:.0%} · {one.because}") for one in found
        ]  # fmt: skip
        more = False
    else:
        page = list(find_things(rows, text, panel.search, allowed).filter(key__gt=after).order_by("key")[: ROWS + 1])
        more = len(page) > ROWS
        ties = _ties(actor, dataset, page[:ROWS], panel.columns, allowed, purpose)
        listed = [_row(dataset, row, panel.columns, allowed, purpose, ties) for row in page[:ROWS]]
        kept = {name: value for name, value in query.items() if name != start}
        on = urlencode({**kept, start: page[ROWS - 1].key}) if more else ""
        first = f"?{urlencode(kept)}#{panel_id}" if after else ""
    _recorded(allowed, "", listed, panel.columns)
    hidden = tuple((name, value) for name, value in query.items() if name not in (parameter, "purpose", where, start))
    return ListingPanel(
        panel_id, panel.name, parameter, text, _names(model, panel.columns), tuple(listed), True, purposes, hidden, parsed, more,
        where, areas, f"?{on}#{panel_id}" if on else "", first,
    )  # fmt: skip


def _areas(rows: QuerySet[Any], chosen: str) -> tuple[tuple[str, str, bool], ...]:
    """Return the districts of the city to choose from; none where the things have no area, or all lie in one."""
    names = area_names("district")
    found = [(code, name) for code, name in names.items() if rows.filter(area_code__startswith=code).exists()]
    return tuple((code, name, code == chosen) for code, name in found) if len(found) > 1 else ()


def related(panel_id: str, pack: str, panel: Related, key: str, actor: Actor, query: Mapping[str, str]) -> ListingPanel | None:
    """Return the things of a register that name the page's thing."""
    dataset = qualify(pack, panel.entity)
    city: City = settings.CITY
    if dataset not in city.entities:
        return None
    purpose = query.get("purpose")
    allowed = allowed_for(actor, dataset, purpose)
    purposes = purposes_for(actor, dataset, purpose)
    if not allowed.allowed:
        return _closed(panel_id, panel.name, "", purposes) if purposes else None
    wanted = Q(pk__in=[])
    for name in panel.by:
        if allowed.may_filter(name):
            wanted |= Q(**{name: key})
    model = table_of(dataset)
    rows: QuerySet[Any] = model._default_manager.filter(allowed.q()).filter(wanted)
    page = list(rows.order_by("key")[: RELATED + 1])
    ties = _ties(actor, dataset, page[:RELATED], panel.columns, allowed, purpose)
    listed = [_row(dataset, row, panel.columns, allowed, purpose, ties) for row in page[:RELATED]]
    _recorded(allowed, key, listed, panel.columns)
    return ListingPanel(
        panel_id, panel.name, "", "", _names(model, panel.columns), tuple(listed), False, purposes, more=len(page) > RELATED
    )


def plot(panel_id: str, pack: str, panel: Plot, key: str, actor: Actor) -> PlotPanel | None:
    """Return a series' figures, newest edition first, with what was published first and with its season taken out."""
    dataset = qualify(pack, panel.entity)
    allowed = scope(actor, dataset)
    if not allowed.allowed:
        return None
    rows = table_of(dataset)._default_manager.filter(allowed.q()).filter(**{panel.by: key})
    known = points(rows.values_list(panel.period, panel.edition, panel.value))
    season = seasons.shown(dataset, key, known)
    smooth = season.values
    note = {
        seasons.State.WAITING: _("季节调整后的数值正在计算，稍后刷新本页即可看到。"),
        seasons.State.ABSENT: _("季节调整需要安装 chengyun[statistics]。"),
    }.get(season.state, "")
    newest, first = [float(one.value) for one in known], [float(one.editions[0][1]) for one in known]
    low, high = (min([*newest, *first]), max([*newest, *first])) if known else (0.0, 0.0)
    revised = sum(one.revised for one in known)
    lines = [_line(one, smooth[at] if smooth else None) for at, one in enumerate(known)]
    return PlotPanel(
        panel_id, panel.name, tuple(reversed(lines)), _path(newest, low, high), _path(smooth, low, high) if smooth else "",
        _path(first, low, high) if revised else "", shown.number(low, 1), shown.number(high, 1),
        known[0].period if known else "", known[-1].period if known else "", note, revised,
    )  # fmt: skip


def citations(panel_id: str, panel: Citations, entity: str, key: str, actor: Actor) -> CitationsPanel:
    """Return who cites a thing; without a thing, every citation of the running packs."""
    found = cited_by(entity, key, actor) if key else citations_of(actor=actor)
    counts: dict[str, int] = {}
    for one in found:
        counts[one.state] = counts.get(one.state, 0) + 1
    # A table of many editions names the same source in each: shown once.
    rows = dict.fromkeys(_citation(one, actor) for one in found if one.state != "own")
    return CitationsPanel(panel_id, panel.name, tuple(rows), counts)


def _citation(one: Found, actor: Actor) -> CitationRow:
    city: City = settings.CITY
    cites = " ".join(filter(None, (one.cited.number, _clause(one.cited.clause)))) or said(one.source.text)
    states = {"article": _("到条款"), "law": _("到法规"), "unresolved": _("未能对应"), "own": _("本市规则")}
    href = reverse("entity", args=[one.dataset, one.key]) if one.dataset and scope(actor, one.dataset).allowed else ""
    where = _place(one.source.where)
    by = {"resource": _("信息资源目录"), "request": _("共享申请")}.get(one.source.kind)
    return CitationRow(
        by or city.packs[one.source.pack].pack.name,
        where,
        one.source.text,
        cites,
        states[one.state],
        href,
        one.name if href else "",
    )


def _clause(clause: str) -> str:
    """Return a clause as the page's language writes it; a heading in English alone is left to the article's own name."""
    if (get_language() or "").startswith("en"):
        return clause
    chinese = re.sub(r"^annex ", "附录 ", re.sub(r"^table (?=\d)", "表 ", clause))
    return "" if re.search(r"[a-z]{3}", chinese) else chinese


def _place(where: str) -> str:
    """Return which declaration cites, in words: "limits gb3095.co_1h" is 限值 gb3095.co_1h."""
    words = {
        "pack": _("应用包"), "limits": _("限值"), "scale": _("分级"), "indicator": _("指标"), "rule": _("规则"),
        "case type": _("案件类型"),
    }  # fmt: skip
    kind = next((one for one in words if where == one or where.startswith(f"{one} ")), "")
    return f"{words[kind]}{where.removeprefix(kind)}" if kind else where


def _closed(panel_id: str, name: str, parameter: str, purposes: Purposes) -> ListingPanel:
    return ListingPanel(panel_id, name, parameter, "", (), (), False, purposes)


def _recorded(allowed: Scope, target: str, listed: Sequence[ListedRow], columns: Sequence[str]) -> None:
    """Count the read, and write down whom its rows were about."""
    allowed.count(len(listed))
    allowed.record_rows([one.key for one in listed], ["name", *columns], target)


def ties_of(actor: Actor, dataset: str, row: Any, visible: Mapping[str, Any], purpose: str | None) -> dict[tuple[str, str], Cell]:
    """Return, for the fields of one thing that name another, (field, key) → that one's name and page."""
    refers = settings.CITY.entities[dataset].refers
    return _named(actor, dataset, {name: {str(visible[name])} for name in refers if visible.get(name)}, purpose)


def _ties(
    actor: Actor, dataset: str, rows: Sequence[Any], columns: Sequence[str], allowed: Scope, purpose: str | None
) -> dict[tuple[str, str], Cell]:  # fmt: skip
    refers = settings.CITY.entities[dataset].refers
    shown_names = [name for name in columns if name in refers and allowed.may_filter(name)]
    return _named(actor, dataset, {name: {str(getattr(row, name)) for row in rows} - {""} for name in shown_names}, purpose)


def _named(
    actor: Actor, dataset: str, keys: Mapping[str, set[str]], purpose: str | None
) -> dict[tuple[str, str], Cell]:  # fmt: skip
    """Return (field, key) → name and page of the things that fields name, as far as the reader may see them.

    A person is named by the key alone: reading the name would be a look of its own.
    """
    city: City = settings.CITY
    found: dict[tuple[str, str], Cell] = {}
    for name, wanted in keys.items():
        target = qualify(dataset.split(".")[0], city.entities[dataset].refers[name])
        if not wanted or target not in city.entities:
            continue
        theirs = allowed_for(actor, target, purpose)
        if not theirs.allowed:
            continue
        tail = f"?purpose={purpose}" if theirs.personal and purpose else ""
        texts = {key: key for key in wanted}
        if not theirs.personal:
            rows = table_of(target)._default_manager.filter(theirs.q(), key__in=wanted).values("key", "name", "area_code")
            texts = {str(row["key"]): str(theirs.mask(row).get("name") or row["key"]) for row in rows}
        found |= {(name, key): Cell(text, reverse("entity", args=[target, key]) + tail) for key, text in texts.items()}
    return found


def _row(
    dataset: str, row: Any, columns: Sequence[str], allowed: Scope, purpose: str | None,
    ties: Mapping[tuple[str, str], Cell], because: str = "",
) -> ListedRow:  # fmt: skip
    fields = {one.name: one for one in row._meta.concrete_fields}
    visible = allowed.mask({name: getattr(row, name) for name in {"key", "name", "area_code", *columns}})
    cells = tuple(
        ties.get((name, str(visible.get(name)))) or Cell(cell(fields[name], visible.get(name))) for name in columns
    )  # fmt: skip
    href = reverse("entity", args=[dataset, row.key]) + (f"?purpose={purpose}" if allowed.personal and purpose else "")
    return ListedRow(row.key, str(visible.get("name") or row.key), href, cells, row.simulated, because)


def cell(one: Any, value: Any) -> str:
    """Return a field's value as a page shows it."""
    if value in (None, ""):
        return shown.NOTHING
    if one.choices:
        return _(str(dict(one.flatchoices).get(value, value)))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if one.name == "area_code":
        return area_said(str(value))
    if one.name == "source":
        return shown.listed([said(part) for part in str(value).split("、")])
    if isinstance(value, float):
        return f"{value:.5f}" if one.name in ("lon", "lat") else f"{value:,.10g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, dt.date | dt.datetime):
        return shown.moment(value)
    return str(value)


def area_said(code: str) -> str:
    """Return an area's name with those of the areas it lies in, and its code."""
    names = area_names()
    path = [names[one] for one in (code[:6], code[:9], code) if one in names]
    return f"{' · '.join(dict.fromkeys(path))} ({code})" if path else code


def _names(model: Any, columns: Sequence[str]) -> tuple[str, ...]:
    fields = {one.name: one for one in model._meta.concrete_fields}
    return tuple(str(fields[name].verbose_name) for name in columns)


def _parts() -> list[tuple[str, str]]:
    from chengyun.standards.addresses import PARTS

    return list(PARTS.items())


def _line(one: Point, smooth: float | None) -> PlotLine:
    decimals = max(0, -int(one.value.normalize().as_tuple().exponent))
    first = shown.number(float(one.editions[0][1]), decimals) if one.revised else ""
    return PlotLine(
        one.period, shown.number(float(one.value), decimals), first,
        f"{one.growth:+.1%}" if one.growth is not None else shown.NOTHING, shown.number(smooth, 1) if smooth is not None else "",
        tuple((shown.moment(day) if day else shown.NOTHING, shown.number(float(value), decimals)) for day, value in one.editions),
    )  # fmt: skip


def _path(values: Sequence[float], low: float, high: float) -> str:
    """Return values as a path in a box of 100 × 40, the highest at the top."""
    if len(values) < 2:
        return ""
    height = (high - low) or 1.0
    return "M" + "L".join(
        f"{at * 100 / (len(values) - 1):.2f},{40 - (value - low) / height * 40:.2f}" for at, value in enumerate(values)
    )
