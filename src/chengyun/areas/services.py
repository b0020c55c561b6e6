# SPDX-License-Identifier: Apache-2.0
"""Loading areas: a city's own from files, the demonstration's on the first start. All or nothing, and twice is once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection, transaction

from chengyun.areas import geometry, nesting
from chengyun.areas.files import Feature, demonstration_files, read_area_file
from chengyun.areas.models import Area, TreeVersion
from chengyun.areas.nesting import Span
from chengyun.areas.queries import today
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.standards.divisions import divisions, spans, successors

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

log = logging.getLogger(__name__)

DIVISION_CODES = "GB/T 2260"
"""Source of rows that come from the codes on record alone, without any file."""

GRID_DEGREES = 0.00001
"""How far a grid's outline may leave its boundary: a metre. A grid is some hundred metres wide, and drawn by its neighbours'."""

_COMPARED = (
    "level", "name", "name_en", "parent_code", "valid_to", "successors", "lon", "lat", "boundary", "outline", "source",
    "source_crs", "demonstration",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did, in rows. notes: what a person should know, a sentence each."""

    added: int
    changed: int
    unchanged: int
    removed: int
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class _Entry:
    """A feature on its way to the table."""

    feature: Feature
    span: Span
    crs: str
    polygon: BaseGeometry | None


def load_areas(
    paths: Path | str | Sequence[Path | str],
    crs: str | None = None,
    *,
    valid_from: dt.date | None = None,
    source: str | None = None,
    demonstration: bool = False,
) -> Loaded:
    """Load files of areas together, as one change.

    crs: coordinate system of the boundaries, where the files do not name it.
    valid_from: first day of the areas, where the files do not say; left out, a code's open span is described anew.
    source: where the areas come from; left out, each file's name.
    demonstration: a city's own areas, loaded later, replace these.
    Raises Refused naming file and feature; then nothing has changed.
    """
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    now = today()
    files = [read_area_file(Path(path), crs, now) for path in given]
    with transaction.atomic():
        _lock()
        stored = list(Area.objects.all())
        opened = {row.code: row.valid_from for row in stored if row.valid_to is None}
        entries = [
            _Entry(
                dataclasses.replace(feature, source=feature.source or source or file.path.name),
                nesting.span_of(feature, opened, valid_from, now),
                file.crs or "",
                _polygon(feature, file.crs),
            )
            for file in files
            for feature in file.features
        ]
        return _write(entries, stored, demonstration=demonstration)


def put_areas(features: Sequence[Feature], crs: str, *, valid_from: dt.date, source: str, demonstration: bool = False) -> Loaded:
    """Write areas that were drawn or read elsewhere, as one change. crs: of the boundaries. Raises Refused as load_areas."""
    now = today()
    with transaction.atomic():
        _lock()
        stored = list(Area.objects.all())
        opened = {row.code: row.valid_from for row in stored if row.valid_to is None}
        entries = [
            _Entry(dataclasses.replace(one, source=one.source or source), span, crs, _polygon(one, crs))
            for one in features
            for span in [nesting.span_of(one, opened, valid_from, now)]
        ]
        return _write(entries, stored, demonstration=demonstration)


def end_area(code: str, day: dt.date) -> None:
    """Let an area end: the day is the first on which it no longer holds. One that began that day or later never was."""
    with transaction.atomic():
        _lock()
        row = Area.objects.filter(code=code, valid_to=None).first()
        if row is None:
            raise Refused(f"No area {code} is in force.", code="area")
        if Area.objects.filter(parent_code=code, valid_to=None).exists():
            raise Refused(f"Area {code} still holds others. End those first.", code="area")
        if row.valid_from >= day:
            row.delete()
        else:
            row.valid_to = day
            row.save(update_fields=["valid_to"])
        TreeVersion.objects.all().delete()
        TreeVersion.objects.create()


def ensure_areas() -> Loaded | None:
    """Give a city that has loaded nothing the areas on record, and the demonstration's boundaries where they are built.

    Returns None when there was nothing to do.
    """
    files = demonstration_files(config().city)
    if not _wanting(files):
        return None
    with transaction.atomic():
        _lock()
        # Asked again: another process may have started at the same moment and been first.
        return _load_first(config().city, files) if _wanting(files) else None


def _wanting(files: Sequence[Path]) -> bool:
    if Area.objects.exclude(source=DIVISION_CODES).exists():
        return False
    return bool(files) or not Area.objects.exists()


def _load_first(city: str, files: Sequence[Path]) -> Loaded | None:
    on_record = _load_divisions(city)
    if files:
        return load_areas(files, demonstration=True)
    if on_record is None:
        log.warning("No areas are known for city %s. Load them with `chengyun areas load FILE --crs …`.", city)
        return None
    log.warning(
        "The demonstration's boundaries are not built, so maps stay empty: districts are known by code and name alone. "
        "Run `make setup`, or load a city's own with `chengyun areas load FILE --crs …`."
    )
    return on_record


def _load_divisions(city: str) -> Loaded | None:
    entries = []
    for division in divisions().values():
        if division.code[:4] != city[:4]:
            continue
        for first, end in spans(division.code):
            feature = Feature(
                at=f"{DIVISION_CODES} {division.code} {division.name}", code=division.code, name=division.name,
                name_en=division.name_en, valid_from=first, valid_to=end, source=DIVISION_CODES,
                successors=successors(division.code, end) if end else (),
            )  # fmt: skip
            entries.append(_Entry(feature, nesting.span_of(feature, {}, None, first), "", None))
    if not entries:
        return None
    return _write(entries, list(Area.objects.all()), demonstration=False)


def _lock() -> None:
    """One load at a time: a second waits until the first has committed, then sees its rows."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE areas_treeversion IN EXCLUSIVE MODE")


def _polygon(feature: Feature, crs: str | None) -> BaseGeometry | None:
    if feature.geometry is None or crs is None:
        return None
    try:
        return geometry.to_wgs84_polygon(geometry.read_polygon(feature.geometry, crs), crs)
    except ValueError as wrong:
        raise Refused(f"{feature.at}: {wrong}.") from wrong


def _write(entries: list[_Entry], stored: list[Area], *, demonstration: bool) -> Loaded:
    new = [entry.span for entry in entries]
    keys = {(span.code, span.valid_from) for span in new}
    replaced = (
        [] if demonstration else _replaced_demonstration(new, [row for row in stored if (row.code, row.valid_from) not in keys])
    )
    gone = {row.pk for row in replaced}
    kept = {row.pk: row for row in stored if row.pk not in gone and (row.code, row.valid_from) not in keys}
    old = [_span(row) for row in kept.values()]
    ends = {(span.code, span.valid_from): end for span, end in nesting.closed_by(new, old)}
    nesting.check_parents(new, old)
    if any(entry.polygon is not None for entry in entries):
        _check_places(entries, kept.values())

    rows = _rows(entries, {(row.code, row.valid_from): row for row in stored}, demonstration=demonstration)
    changed = []
    for row in kept.values():
        if (row.code, row.valid_from) in ends:
            row.valid_to = ends[row.code, row.valid_from]
            changed.append(row)
    before = {(row.code, row.valid_from): row for row in stored}
    added = [row for key, row in rows.items() if key not in before]
    for key, row in rows.items():
        if key in before and _differs(row, before[key]):
            row.pk = before[key].pk
            changed.append(row)

    notes = tuple(f"{row.code} {row.name} of the demonstration was replaced." for row in replaced if row.level == "district")
    if added or changed or replaced:
        Area.objects.filter(pk__in=gone).delete()
        Area.objects.bulk_update(changed, list(_COMPARED), batch_size=500)
        Area.objects.bulk_create(added, batch_size=1000)
        TreeVersion.objects.all().delete()
        TreeVersion.objects.create()
    return Loaded(len(added), len(changed), len(rows) + len(ends) - len(added) - len(changed), len(replaced), notes)


def _replaced_demonstration(new: Sequence[Span], others: Iterable[Area]) -> list[Area]:
    """Return the rows that a city's own areas put out: the demonstration's of the same levels, of other cities, and orphans."""
    levels, cities = {span.level for span in new}, {span.code[:4] for span in new}
    present = {span.code for span in new}
    replaced: list[Area] = []
    left: list[Area] = []
    for row in others:
        foreign = row.code[:4] not in cities and (row.demonstration or row.source == DIVISION_CODES)
        (replaced if foreign or (row.demonstration and row.level in levels) else left).append(row)
    # By code, so that a parent has been judged before its children.
    for row in sorted(left, key=lambda row: (len(row.code), row.code)):
        if row.demonstration and row.parent_code and row.parent_code not in present:
            replaced.append(row)
        else:
            present.add(row.code)
    return replaced


def _check_places(entries: list[_Entry], kept: Iterable[Area]) -> None:
    import shapely

    held = [(_span(row), shapely.from_wkb(bytes(row.boundary))) for row in kept if row.boundary is not None]
    nesting.check_places([(entry.span, entry.polygon) for entry in entries if entry.polygon is not None], held)


def _rows(
    entries: list[_Entry], stored: dict[tuple[str, dt.date], Area], *, demonstration: bool
) -> dict[tuple[str, dt.date], Area]:
    """Return the table's rows for the features. A file without boundaries or English names keeps those that are there."""
    together: dict[tuple[str, dt.date | None], list[_Entry]] = defaultdict(list)
    rows = {}
    for entry in entries:
        span, feature = entry.span, entry.feature
        row = Area(
            code=span.code, level=span.level, name=feature.name, name_en=feature.name_en, parent_code=span.parent_code,
            valid_from=span.valid_from, valid_to=span.valid_to, successors=list(feature.successors), source=feature.source,
            demonstration=demonstration,
        )  # fmt: skip
        known = stored.get((span.code, span.valid_from))
        if known is not None:
            row.name_en = row.name_en or known.name_en
            if entry.polygon is None:
                for name in ("boundary", "outline", "lon", "lat", "source_crs"):
                    setattr(row, name, getattr(known, name))
        if not row.name_en and span.code in divisions():
            row.name_en = divisions()[span.code].name_en
        if entry.polygon is not None:
            row.boundary, row.source_crs = geometry.to_wkb(entry.polygon), entry.crs
            row.lon, row.lat = geometry.label_point(entry.polygon)
            together[span.level, span.valid_to].append(entry)
        rows[span.code, span.valid_from] = row
    for (level, _end), group in together.items():
        shown = geometry.outlines(
            [entry.polygon for entry in group], GRID_DEGREES if level == "grid" else geometry.SCREEN_DEGREES
        )
        for entry, outline in zip(group, shown, strict=True):
            rows[entry.span.code, entry.span.valid_from].outline = outline
    return rows


def _span(row: Area) -> Span:
    return Span(
        at=f"the table's {row.code} {row.name}", code=row.code, level=row.level, parent_code=row.parent_code,
        valid_from=row.valid_from, valid_to=row.valid_to,
    )  # fmt: skip


def _differs(row: Area, known: Area) -> bool:
    def plain(value: object) -> object:
        return bytes(value) if isinstance(value, memoryview) else value

    return any(plain(getattr(row, name)) != plain(getattr(known, name)) for name in _COMPARED)
