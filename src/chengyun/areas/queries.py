# SPDX-License-Identifier: Apache-2.0
"""What is asked of the area tree: areas on a day, names, which area holds a point, outlines for maps.

A process keeps the tree (a few thousand rows) and, once asked, the boundaries of a level; both are dropped when a load
has changed the table, which one small query tells. A day left out means today.

numpy and the geometry are imported inside the functions that look up points: pages only need names and outlines.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.utils.translation import get_language

from chengyun.areas.models import Area
from chengyun.config import config
from chengyun.standards.divisions import LEVELS, ancestor
from chengyun.standards.times import local_day

NEWEST = "SELECT token FROM areas_treeversion ORDER BY id LIMIT 1"
"""Asked at every look into the tree, so in as few words as possible."""

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from chengyun.areas.geometry import Places


@dataclass(frozen=True, slots=True)
class AreaRow:
    """One area during one span of days.

    valid_from: 0001-01-01 when the source does not say. valid_to: the first day it no longer holds; None: it holds.
    lon, lat: a point inside for its name, WGS-84; None: no boundary is known. bounded: whether a boundary is known.
    successors: codes that took over its territory.
    """

    code: str
    level: str
    name: str
    name_en: str
    parent_code: str
    valid_from: dt.date
    valid_to: dt.date | None
    successors: tuple[str, ...]
    lon: float | None
    lat: float | None
    bounded: bool
    source: str
    source_crs: str
    demonstration: bool

    def holds_on(self, day: dt.date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


_Rows = tuple[tuple[str, dt.date], ...]
"""Which rows something was made of: their codes and first days."""


@dataclass(slots=True)
class _Tree:
    version: uuid.UUID | None
    rows: list[AreaRow]
    by_code: dict[str, list[AreaRow]]
    by_level: dict[str, list[AreaRow]]
    places: dict[_Rows, Places] = field(default_factory=dict)
    outlines: dict[_Rows, dict[str, Any]] = field(default_factory=dict)


_tree: _Tree | None = None
_lock = threading.Lock()


def today() -> dt.date:
    """Return the city's local date."""
    return local_day(dt.datetime.now(dt.UTC), config().zone)


def areas_on(day: dt.date | None = None, level: str | None = None) -> list[AreaRow]:
    """Return the areas valid on a day, of one level or of all, by code."""
    on = day or today()
    tree = _current()
    return [row for row in (tree.rows if level is None else tree.by_level.get(level, [])) if row.holds_on(on)]


def area(code: str, day: dt.date | None = None) -> AreaRow | None:
    """Return the area a code named on a day, or None."""
    on = day or today()
    return next((row for row in _current().by_code.get(code, []) if row.holds_on(on)), None)


def versions(code: str) -> list[AreaRow]:
    """Return every span of days a code has, oldest first."""
    return list(_current().by_code.get(code, []))


def children(code: str, day: dt.date | None = None) -> list[AreaRow]:
    """Return the areas directly inside an area on a day, by code."""
    on = day or today()
    return [row for row in _current().rows if row.parent_code == code and row.holds_on(on)]


def name_of(code: str) -> str:
    """Return the newest name a code has, English where pages are English and one is known; the code when unknown."""
    return names_of([code])[code]


def names_of(codes: Iterable[str]) -> dict[str, str]:
    """Return `name_of` for many codes; the tree is asked once whether it changed, not once a code."""
    known = _current().by_code
    english = (get_language() or "").startswith("en")
    newest = {code: known[code][-1] if code in known else None for code in codes}
    return {code: code if row is None else (row.name_en if english and row.name_en else row.name) for code, row in newest.items()}


def area_of(lon: float, lat: float, level: str = "district", day: dt.date | None = None) -> str | None:
    """Return the code of the area of a level that holds a point (WGS-84), or None."""
    found = area_of_points([lon], [lat], level, day)[0]
    return str(found) or None


def smallest_area_of(lon: float, lat: float, levels: Sequence[str], day: dt.date | None = None) -> tuple[str, bool]:
    """Return the code of the first level's area that holds a point (WGS-84), "" for none, and whether any level has boundaries.

    The tree is looked after once, not once a level: reports come two hundred a second.
    """
    import numpy as np

    tree, on = _current(), day or today()
    x, y = np.array([lon]), np.array([lat])
    bounded = False
    for level in levels:
        places = _places(level, on, tree)
        bounded = bounded or len(places) > 0
        if len(places) and (code := str(places.locate(x, y)[0])):
            return code, True
    return "", bounded


def area_of_points(
    lons: Sequence[float] | npt.NDArray[np.float64],
    lats: Sequence[float] | npt.NDArray[np.float64],
    level: str = "district",
    day: dt.date | None = None,
) -> npt.NDArray[np.str_]:
    """Return for each point (WGS-84) the code of the area of a level that holds it; "" in none, or position unknown.

    Where a level has no boundaries, those of the next level below decide: who is in 海曙区 is in 宁波市.
    """
    import numpy as np

    x, y = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
    for finer in LEVELS[LEVELS.index(level) :]:
        places = _places(finer, day or today())
        if len(places):
            codes = places.locate(x, y)
            return codes if finer == level else _lifted(codes, level)
    return np.zeros(len(x), dtype="U1")


def boundaries(level: str = "district", day: dt.date | None = None) -> dict[str, Any]:
    """Return the outlines of a level's areas as a GeoJSON FeatureCollection in WGS-84, simplified for screens.

    Each feature has the code as `id`, and `code`, `name`, `name_en`, `level`, `lon`, `lat`, `source` as properties.
    Areas without a known boundary are left out. The answer is shared: do not change it.
    """
    tree = _current()
    rows = [row for row in areas_on(day, level) if row.bounded]
    key = tuple((row.code, row.valid_from) for row in rows)
    if key not in tree.outlines:
        stored = Area.objects.filter(level=level).values_list("code", "valid_from", "outline")
        shapes = {(code, since): outline for code, since, outline in stored if outline is not None}
        tree.outlines[key] = {
            "type": "FeatureCollection",
            "features": [_feature(row, shapes[row.code, row.valid_from]) for row in rows if (row.code, row.valid_from) in shapes],
        }
    return tree.outlines[key]


def _feature(row: AreaRow, outline: dict[str, Any]) -> dict[str, Any]:
    known = {name: getattr(row, name) for name in ("code", "name", "name_en", "level", "parent_code", "lon", "lat", "source")}
    return {"type": "Feature", "id": row.code, "properties": known, "geometry": outline}


def _lifted(codes: npt.NDArray[np.str_], level: str) -> npt.NDArray[np.str_]:
    import numpy as np

    known, where = np.unique(codes, return_inverse=True)
    above = [(ancestor(str(code), level) or "") if code else "" for code in known]  # type: ignore[arg-type]
    return np.array(above, dtype=np.str_)[where]


def _places(level: str, day: dt.date, known: _Tree | None = None) -> Places:
    tree = known or _current()
    rows = [row for row in tree.by_level.get(level, []) if row.bounded and row.holds_on(day)]
    key = tuple((row.code, row.valid_from) for row in rows)
    if key not in tree.places:
        from chengyun.areas.geometry import Places

        stored = Area.objects.filter(level=level).values_list("code", "valid_from", "boundary")
        shapes = {(code, since): bytes(boundary) for code, since, boundary in stored if boundary is not None}
        held = [row for row in rows if (row.code, row.valid_from) in shapes]
        tree.places[key] = Places([row.code for row in held], [shapes[row.code, row.valid_from] for row in held])
    return tree.places[key]


def _current() -> _Tree:
    """Return the tree as of the newest load."""
    global _tree
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        found = cursor.fetchone()
    version = found[0] if found else None
    with _lock:
        if _tree is None or _tree.version != version or version is None:
            _tree = _read(version)
        return _tree


def _read(version: uuid.UUID | None) -> _Tree:
    names = [name for name in AreaRow.__slots__ if name not in ("bounded", "successors")]
    rows = [
        AreaRow(**{name: values[name] for name in names}, successors=tuple(values["successors"]), bounded=values["bounded"])
        for values in Area.objects.order_by("code", "valid_from")
        .annotate(bounded=models.ExpressionWrapper(models.Q(boundary__isnull=False), output_field=models.BooleanField()))
        .values(*names, "successors", "bounded")
    ]
    by_code: dict[str, list[AreaRow]] = {}
    by_level: dict[str, list[AreaRow]] = {}
    for row in rows:
        by_code.setdefault(row.code, []).append(row)
        by_level.setdefault(row.level, []).append(row)
    return _Tree(version, rows, by_code, by_level)
