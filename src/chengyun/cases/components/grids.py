# SPDX-License-Identifier: Apache-2.0
"""Unit grids (单元网格): areas of the last level, drawn or imported, checked against each other, given to people by period.

A grid's code is its community's 12 digits and a number of two or three. A grid that is redrawn is a new span of days from
today on; what was inside the old one then is still known.

Standard: GB/T 30428.1 (15 digits); CJ/T 213-2005 (14 digits); about 10 000 m² each, bounded by things that stay.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.areas import queries as areas
from chengyun.areas.files import Feature
from chengyun.areas.models import Area
from chengyun.areas.services import Loaded, end_area, put_areas
from chengyun.cases.components.models import GridWorker
from chengyun.cases.components.register import kind
from chengyun.errors import Refused
from chengyun.standards.divisions import level_of

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["Found", "assign", "check", "draw", "end", "import_grids", "next_code", "place_components", "shapes"]

LEAST_M2 = 1.0
"""What is smaller is two hands drawing one border."""
METRES_PER_DEGREE = 111_195.0
MOST_FOUND = 500
BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """What is not right between grids. kind: overlap, gap or outside. codes: of the grids; a gap's: the area it lies in.
    lon, lat: a point in it."""

    kind: str
    codes: tuple[str, ...]
    area_m2: float
    lon: float
    lat: float


def draw(code: str, name: str, corners: Sequence[tuple[float, float]], actor: Actor) -> str:
    """Write a grid as it was drawn: a ring of corners, WGS-84. code: a grid's, or a community's for a new one in it.

    Returns the grid's code. Raises Refused.
    """
    require(actor, "area.load", code[:12])
    if len(corners) < 3:
        raise Refused(_("网格至少要有 3 个角点。"), code="corners")
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in corners):
        raise Refused(_("位置不正确。"), code="place")
    ring = [[round(lon, 7), round(lat, 7)] for lon, lat in corners]
    known = code if len(code) > 12 else next_code(code)
    title = name.strip()[:100] or _("网格 %s") % known[12:]
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    drawn = Feature(at=_("所画网格"), code=known, name=title, geometry=shape)
    before = _boundaries({known})
    put_areas([drawn], "WGS-84", valid_from=areas.today(), source=actor.name[:100])
    audit.record(actor, "area.load", "areas", known)
    place_components([*before.values(), *_boundaries({known}).values()])
    return known


def import_grids(tree: Mapping[str, Any], crs: str | None, name: str, actor: Actor) -> Loaded:
    """Write the grids of a GeoJSON file as one change. Raises Refused naming the feature."""
    from chengyun.areas.files import read_area_tree

    require(actor, "area.load")
    found = read_area_tree(name, tree, crs, areas.today())
    for feature in found.features:
        try:
            level = level_of(feature.code)
        except ValueError as wrong:
            raise Refused(f"{feature.at}: {wrong}") from wrong
        if level != "grid":
            raise Refused(_("%s：编码应为 14 或 15 位的网格编码。") % feature.at, code="level")
    codes = {feature.code for feature in found.features}
    before = _boundaries(codes)
    loaded = put_areas(found.features, found.crs or "WGS-84", valid_from=areas.today(), source=name[:100])
    audit.record(actor, "area.load", "areas", name[:100], detail={"added": loaded.added, "changed": loaded.changed})
    place_components([*before.values(), *_boundaries(codes).values()])
    return loaded


def end(code: str, actor: Actor) -> None:
    """Let a grid end today."""
    require(actor, "area.load", code[:12])
    if len(code) < 14:
        raise Refused(_("%s 不是网格。") % code, code="level")
    before = _boundaries({code})
    end_area(code, areas.today())
    GridWorker.objects.filter(grid_code=code, until=None, since__lt=areas.today()).update(until=areas.today())
    audit.record(actor, "area.end", "areas", code)
    place_components(list(before.values()))


def next_code(community: str) -> str:
    """Return the next free grid code of a community: three digits, one more than the highest that ever was."""
    if len(community) != 12 or areas.area(community) is None:
        raise Refused(_("请先选择社区。"), code="community")
    used = Area.objects.filter(code__startswith=community, level="grid").values_list("code", flat=True)
    number = max((int(code[12:]) for code in used), default=0) + 1
    if number > 999:
        raise Refused(_("这个社区的网格编码已用完。"), code="community")
    return f"{community}{number:03d}"


def assign(
    code: str, account_id: int, since: dt.date, until: dt.date | None, actor: Actor, now: dt.datetime
) -> GridWorker:  # fmt: skip
    """Make somebody responsible for a grid during a period. Raises Refused."""
    require(actor, "grid.assign", code[:12])
    row = areas.area(code)
    if row is None or row.level != "grid":
        raise Refused(_("没有网格 %s。") % code[:15], code="grid")
    person = Account.objects.filter(pk=account_id, is_active=True).first()
    if person is None:
        raise Refused(_("请选择责任人。"), code="account")
    if until is not None and until <= since:
        raise Refused(_("结束日期应晚于开始日期。"), code="period")
    try:
        with transaction.atomic():
            made = GridWorker.objects.create(
                grid_code=code, account=person, since=since, until=until, by=actor.name[:150], at=now
            )
            audit.record(actor, "grid.assign", "grid_workers", code, detail={"account": person.pk})
    except IntegrityError as twice:
        raise Refused(_("此人在这段时间已经负责这个网格。"), code="period") from twice
    return made


def check(prefix: str = "") -> tuple[Found, ...]:
    """Return where grids of an area lie on one another, leave something out, or reach beyond what they belong to.

    Gaps are looked for where a community's or street's boundary is known, and elsewhere inside the grids' own outline.
    """
    import shapely

    held = shapes(prefix)
    if not held:
        return ()
    codes, polygons = list(held), list(held.values())
    tree = shapely.STRtree(polygons)
    found = []
    first, second = tree.query(polygons, predicate="intersects")
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        if one < other:
            found += _parts("overlap", (codes[one], codes[other]), polygons[one].intersection(polygons[other]))
    above = _boundaries({code[:size] for code in codes for size in (9, 12)})
    for head, inside in _families(codes, above).items():
        union = shapely.union_all([held[code] for code in inside])
        if head in above:
            found += _parts("gap", (head,), above[head].difference(union))
            found += [
                part for code in inside for part in _parts("outside", (code, head), held[code].difference(above[head]))
            ]  # fmt: skip
        else:
            holes = [shapely.Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
            found += [part for hole in holes for part in _parts("gap", (head,), hole)]
    return tuple(sorted(found, key=lambda one: (-one.area_m2, one.codes))[:MOST_FOUND])


def shapes(prefix: str = "") -> dict[str, BaseGeometry]:
    """Return the boundaries of the grids in force, by code."""
    return _boundaries(None, prefix)


def place_components(within: Sequence[BaseGeometry] | None = None) -> int:
    """Say of components which grid they stand in now; return how many changed. within: only those about these shapes."""
    model, found, after = kind().model, 0, 0
    rows = model._default_manager.filter(valid_to=None, lon__isnull=False, lat__isnull=False)
    if within is not None:
        if not within:
            return 0
        bounds = [shape.bounds for shape in within]
        west, south = min(it[0] for it in bounds), min(it[1] for it in bounds)
        east, north = max(it[2] for it in bounds), max(it[3] for it in bounds)
        rows = rows.extra(where=["point(lon, lat) <@ box(point(%s, %s), point(%s, %s))"], params=[west, south, east, north])
    while part := list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", "lon", "lat", "grid_code")[:BATCH]):
        after = part[-1][0]
        codes = areas.area_of_points([it[1] or 0.0 for it in part], [it[2] or 0.0 for it in part], "grid").tolist()
        moved: dict[str, list[int]] = {}
        for (pk, _lon, _lat, before), code in zip(part, codes, strict=True):
            if code != before:
                moved.setdefault(code, []).append(pk)
        for code, keys in moved.items():
            found += model._default_manager.filter(pk__in=keys).update(grid_code=code)
    return found


def _boundaries(codes: set[str] | None, prefix: str = "") -> dict[str, BaseGeometry]:
    import shapely

    day = areas.today()
    rows = Area.objects.filter(valid_from__lte=day, boundary__isnull=False).exclude(valid_to__lte=day)
    rows = rows.filter(level="grid", code__startswith=prefix) if codes is None else rows.filter(code__in=codes)
    held = rows.order_by("code").values_list("code", "boundary")
    return {code: shapely.from_wkb(bytes(shape)) for code, shape in held if shape is not None}


def _families(codes: Sequence[str], above: Mapping[str, BaseGeometry]) -> dict[str, list[str]]:
    """Return the grids by the community, else by the street, whose boundary is known; by the community where none is."""
    found: dict[str, list[str]] = {}
    for code in codes:
        head = next((code[:size] for size in (12, 9) if code[:size] in above), code[:12])
        found.setdefault(head, []).append(code)
    return found


def _parts(kind_of: str, codes: tuple[str, ...], shape: BaseGeometry) -> list[Found]:
    """Return the parts of a shape that are worth a word, each with its size on the ground."""
    import shapely

    found = []
    for part in shapely.get_parts(shape):
        if part.is_empty or part.geom_type != "Polygon":
            continue
        inner = part.representative_point()
        size = part.area * METRES_PER_DEGREE**2 * math.cos(math.radians(inner.y))
        if size >= LEAST_M2:
            found.append(Found(kind_of, codes, round(size, 1), round(inner.x, 6), round(inner.y, 6)))
    return found
