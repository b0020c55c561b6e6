# SPDX-License-Identifier: Apache-2.0
"""Unit grids: on a map and in a list, drawn corner by corner, imported, checked, given to people."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import needs, reads
from chengyun.areas import queries as areas
from chengyun.areas.queries import AreaRow, name_of, names_of
from chengyun.cases.components import grids as service
from chengyun.cases.components import register as registers
from chengyun.cases.components.grids import Found
from chengyun.cases.components.models import GridWorker
from chengyun.cases.components.queries import Asked, visible_rows
from chengyun.errors import NotFound, Refused
from chengyun.standards.coordinates import CRS
from chengyun.web import shown
from chengyun.web.components.asking import Option, component_map
from chengyun.web.components.people import Person, field_people
from chengyun.web.days import day_of
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import asked
from chengyun.web.maps import CityMap, city_map

MOST_BYTES = 32 * 1024 * 1024
PER_PAGE = 300


@dataclass(frozen=True, slots=True)
class GridRow:
    """A grid in a list. people: responsible today."""

    code: str
    name: str
    above: str
    people: str


@dataclass(frozen=True, slots=True)
class FoundRow:
    """What is not right, in words."""

    found: Found
    word: str
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GridsPage:
    """The grids of a part of the city. unheld: how many have nobody."""

    map: CityMap
    streets: tuple[tuple[str, tuple[Option, ...]], ...]
    street: str
    rows: tuple[GridRow, ...]
    total: int
    unheld: int
    found: tuple[FoundRow, ...]
    systems: tuple[str, ...]
    may_draw: bool
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True)
class DrawPage:
    """The editor. code: of the grid that is redrawn, "" for a new one. corners: as typed or as they are, a line each."""

    map: CityMap
    streets: tuple[tuple[str, tuple[Option, ...]], ...]
    street: str
    communities: tuple[Option, ...]
    code: str
    name: str
    corners: str
    fault: Fault | None


@dataclass(frozen=True)
class GridPage:
    """One grid."""

    row: AreaRow
    above: str
    map: CityMap
    held: tuple[GridWorker, ...]
    people: tuple[Person, ...]
    components: int
    spans: tuple[AreaRow, ...]
    today: dt.date
    may_assign: bool
    may_draw: bool
    fault: Fault | None


@require_safe
@reads("grid_workers")
def overview(request: HttpRequest) -> HttpResponse:
    """Show the grids, and what is not right between them."""
    return _overview(request, None)


@require_safe
@reads("grid_workers")
def shapes(request: HttpRequest) -> HttpResponse:
    """Send the grids' boundaries as GeoJSON. ?street= narrows them."""
    (street,) = asked(request, "street")
    import shapely

    found = service.shapes(street if street.isdigit() else "")
    names = names_of(found)
    features = [
        {"type": "Feature", "properties": {"code": code, "name": names[code]}, "geometry": json.loads(shapely.to_geojson(shape))}
        for code, shape in found.items()
    ]
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return HttpResponse(body, content_type="application/geo+json", headers={"Cache-Control": "private, no-cache"})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("area.load")
def draw(request: HttpRequest) -> HttpResponse:
    """Show the editor, or write what was drawn in it."""
    if request.method != "POST":
        return _draw(request, request.GET.get("code", "")[:15], "", None)
    given, made = request.POST, list[str]()
    code = given.get("code", "") or given.get("community", "")
    fault = attempt(
        request,
        "draw",
        lambda: made.append(service.draw(code, given.get("name", ""), _corners(given.get("corners", "")), actor_of(request))),
    )
    if fault:
        return _draw(request, given.get("code", "")[:15], given.get("corners", "")[:20_000], fault)
    return done(request, _("已保存网格 %s。") % made[0], reverse("grid", args=[made[0]]))


@require_POST
@never_cache
@needs("area.load")
def import_file(request: HttpRequest) -> HttpResponse:
    """Write the grids of a GeoJSON file."""
    actor, sent = actor_of(request), request.FILES.get("file")
    said: list[str] = []

    def do() -> None:
        if sent is None:
            raise Refused(_("请选择文件。"), code="file")
        if sent.size is None or sent.size > MOST_BYTES:
            raise Refused(_("文件超过 %d MB，请分开导入。") % (MOST_BYTES // 2**20), code="too_large")
        try:
            tree = json.loads(sent.read())
        except (ValueError, RecursionError) as wrong:
            raise Refused(_("%(name)s 不是 GeoJSON：%(why)s") % {"name": sent.name, "why": wrong}, code="format") from wrong
        loaded = service.import_grids(tree, request.POST.get("crs", "") or None, str(sent.name), actor)
        said.append(_("新增 %(added)d 个，更新 %(changed)d 个。") % {"added": loaded.added, "changed": loaded.changed})

    fault = attempt(request, "import", do)
    return _overview(request, fault) if fault else done(request, said[0], reverse("grids"))


@require_safe
@reads("grid_workers")
def grid(request: HttpRequest, code: str) -> HttpResponse:
    """Show one grid: where it is, whose it was and is, what stands in it."""
    return _grid(request, code, None)


@require_POST
@never_cache
@needs("grid.assign")
def assign(request: HttpRequest, code: str) -> HttpResponse:
    """Make somebody responsible for a grid, or let the grid end."""
    actor, given, now = actor_of(request), request.POST, timezone.now()

    def do() -> None:
        if given.get("deed") == "end":
            service.end(code, actor)
            return
        account = given.get("account", "")
        service.assign(
            code, int(account) if account.isdigit() else 0, _day(given.get("since", "")) or areas.today(),
            _day(given.get("until", "")), actor, now,
        )  # fmt: skip

    fault = attempt(request, "worker", do)
    if fault:
        return _grid(request, code, fault)
    ended = given.get("deed") == "end"
    return done(
        request, _("网格已停用。") if ended else _("已指定责任人。"), reverse("grids") if ended else reverse("grid", args=[code])
    )


def _overview(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    (street,) = asked(request, "street")
    street = street if street.isdigit() else ""
    inside = [row for row in areas.areas_on(None, "grid") if row.code.startswith(street)]
    held = _held(actor, areas.today())
    names = names_of({row.parent_code for row in inside})
    rows = tuple(
        GridRow(row.code, row.name, names[row.parent_code], shown.listed(held.get(row.code, ()))) for row in inside[:PER_PAGE]
    )
    page = GridsPage(
        _map(street), _streets(street), street, rows, len(inside), sum(row.code not in held for row in inside),
        _found(street), CRS, may(actor, "area.load"), fault, now,
    )  # fmt: skip
    return render(request, "parts/grids.html", {"page": page}, status=fault.status if fault else 200)


def _draw(request: HttpRequest, code: str, typed: str, fault: Fault | None) -> HttpResponse:
    row = areas.area(code) if code else None
    if code and (row is None or row.level != "grid"):
        raise NotFound(_("没有网格 %s。") % code)
    street = code[:9] or (request.POST or request.GET).get("street", "")[:9] or (request.POST.get("community", "")[:9])
    chosen = request.POST.get("community", "")
    communities = tuple(Option(one.code, one.name, one.code == chosen) for one in areas.children(street)) if street else ()
    corners = typed or (_ring(code) if code else "")
    made = _map(street, editing=True, code=code)
    page = DrawPage(
        made,
        _streets(street),
        street,
        communities,
        code,
        request.POST.get("name", "") or (row.name if row else ""),
        corners,
        fault,
    )
    return render(request, "parts/draw.html", {"page": page}, status=fault.status if fault else 200)


def _grid(request: HttpRequest, code: str, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    row = areas.area(code)
    if row is None or row.level != "grid":
        raise NotFound(_("没有网格 %s。") % code[:15])
    seen = scope(actor, "grid_workers")
    workers = GridWorker.objects.filter(grid_code=code).select_related("account").order_by("-since") if seen.allowed else ()
    components = visible_rows(actor).filter(grid_code=code).count() if registers.seen_by(actor) else 0
    allowed = may(actor, "grid.assign", code[:12])
    made = component_map(Asked(grid=code)) if registers.seen_by(actor) else city_map("component-map", row.name, ())
    made.settings["grids"] = {"url": f"{reverse('grid-shapes')}?street={code}", "fit": True, "page": ""}
    page = GridPage(
        row, name_of(row.parent_code), made, tuple(workers), field_people(actor) if allowed else (), components,
        tuple(areas.versions(code)), areas.today(), allowed, may(actor, "area.load", code[:12]), fault,
    )  # fmt: skip
    return render(request, "parts/grid.html", {"page": page}, status=fault.status if fault else 200)


def _map(street: str, *, editing: bool = False, code: str = "") -> CityMap:
    made = city_map("grid-map", _("网格图"), ())
    made.settings["grids"] = {
        "url": reverse("grid-shapes") + (f"?street={street}" if street else ""),
        "fit": True,
        "page": reverse("grid", args=["0"]).removesuffix("0") + "{code}",
        "editing": editing,
        "code": code,
        "words": {"corner": _("第 {number} 个角点"), "corners": _("{count} 个角点"), "size": _("约 {area} 平方米")},
    }
    return made


def _found(street: str) -> tuple[FoundRow, ...]:
    words = {"overlap": _("重叠"), "gap": _("空白"), "outside": _("越界")}
    found = service.check(street)
    names = names_of({code for one in found for code in one.codes})
    return tuple(FoundRow(one, words[one.kind], tuple((code, names[code]) for code in one.codes)) for one in found)


def _held(actor: Actor, day: dt.date) -> dict[str, list[str]]:
    if not scope(actor, "grid_workers").allowed:
        return {}
    held: dict[str, list[str]] = {}
    for one in GridWorker.objects.filter(since__lte=day).exclude(until__lte=day).select_related("account"):
        held.setdefault(one.grid_code, []).append(str(one.account))
    return held


def _streets(chosen: str) -> tuple[tuple[str, tuple[Option, ...]], ...]:
    found: dict[str, list[Option]] = {}
    for row in areas.areas_on(None, "street"):
        found.setdefault(row.parent_code, []).append(Option(row.code, row.name, row.code == chosen))
    return tuple((name_of(code), tuple(options)) for code, options in found.items())


def _ring(code: str) -> str:
    shape = service.shapes(code).get(code)
    if shape is None or shape.geom_type != "Polygon":
        return ""
    return "\n".join(f"{lon:.7f}, {lat:.7f}" for lon, lat in list(shape.exterior.coords)[:-1])


def _corners(text: str) -> list[tuple[float, float]]:
    """Return the corners a form gives, a line each. Raises Refused naming the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts: list[Any] = line.replace("，", ",").replace(",", " ").split()
        try:
            lon, lat = (float(part) for part in parts)
        except ValueError:
            raise Refused(_("第 %d 行不是“经度, 纬度”。") % number, code="corners") from None
        found.append((lon, lat))
    return found


def _day(text: str) -> dt.date | None:
    try:
        return day_of(text) if text else None
    except ValueError:
        raise Refused(_("日期 %s 不正确。") % text[:20], code="period") from None
