# SPDX-License-Identifier: Apache-2.0
"""Files of areas, read into features: GeoJSON, CSV of codes, and the `polylines` shape of some map exports.

    GeoJSON     FeatureCollection; code from `code`, `adcode`, `id` or the feature's id, name from `name`;
                optional name_en, parent, valid_from, valid_to, successors, source; `crs` names the system
    CSV         columns code, name[, name_en, parent, valid_from, valid_to, successors (space between)]; no boundaries
    polylines   {"features": [{"county": name, "polylines": [[[lon, lat], …], …] or rings grouped by part}]}

Coordinates are returned as they are in the file. A file with boundaries whose system is stated nowhere is refused:
the two systems in common use here differ by half a kilometre, which puts one point in fifty into the wrong district.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chengyun
from chengyun.errors import Refused
from chengyun.standards.coordinates import CRS, crs_name
from chengyun.standards.divisions import divisions, valid_on

_CODE_NAMES = ("code", "adcode", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One area as a file states it. at: where in the file, for messages. None or "": the file does not say."""

    at: str
    code: str
    name: str
    name_en: str = ""
    parent: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    successors: tuple[str, ...] = ()
    geometry: dict[str, Any] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFile:
    """A file's features and the coordinate system they are in; None: it holds no boundaries."""

    path: Path
    crs: str | None
    features: list[Feature]


def read_area_file(path: Path, crs: str | None = None, today: dt.date | None = None) -> AreaFile:
    """Read a file of areas.

    crs: the system the caller states; it must not contradict what the file states.
    today: for files that give names alone, the day on which those names are looked up in the division codes.
    Raises Refused naming file and feature.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Refused(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise Refused(f"{path.name} cannot be read as UTF-8 text: {wrong}.") from wrong
    if path.suffix.lower() == ".csv":
        return AreaFile(path=path, crs=None, features=list(_csv_features(path.name, text)))
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Refused(f"{path.name} is not JSON: {wrong}. Give GeoJSON, or a .csv of codes.") from wrong
    return read_area_tree(path.name, tree, crs, today)


def read_area_tree(name: str, tree: object, crs: str | None = None, today: dt.date | None = None) -> AreaFile:
    """Read GeoJSON that has been opened already. name: of the file, for messages."""
    if not isinstance(tree, dict) or not isinstance(tree.get("features"), list):
        raise Refused(f"{name} holds no list of features. Give a GeoJSON FeatureCollection.")
    found = list(_json_features(name, tree, today))
    stated = _stated_crs(name, tree, crs)
    if stated is None and any(feature.geometry for feature in found):
        raise Refused(
            f"{name} does not say which coordinate system it is in, so its boundaries cannot be placed. State it with "
            f"--crs ({', '.join(CRS)}): Amap and Tencent maps are GCJ-02, Baidu BD-09, Tianditu CGCS2000, OpenStreetMap WGS-84."
        )
    return AreaFile(path=Path(name), crs=stated, features=found)


def demonstration_files(city: str) -> list[Path]:
    """Return the files of the demonstration city that `make setup` has built, none when they are not there."""
    told = os.environ.get("CHENGYUN_DEMO_AREAS")
    folder = Path(told) if told else Path(chengyun.__file__).parents[2] / "build" / "demo"
    return sorted(path for path in folder.glob(f"{city}_*") if path.suffix in (".geojson", ".csv"))


def _stated_crs(name: str, tree: Mapping[str, Any], told: str | None) -> str | None:
    member = tree.get("crs")
    if isinstance(member, dict):
        member = (member.get("properties") or {}).get("name")
    try:
        in_file = crs_name(member) if isinstance(member, str) else None
        by_caller = crs_name(told) if told else None
    except ValueError as wrong:
        raise Refused(f"{name}: {wrong}") from wrong
    if in_file and by_caller and in_file != by_caller:
        raise Refused(f"{name} says it is in {in_file}, and --crs says {by_caller}. Leave --crs out, or correct the file.")
    return in_file or by_caller


def _json_features(name: str, tree: Mapping[str, Any], today: dt.date | None) -> Iterator[Feature]:
    for number, item in enumerate(tree["features"]):
        at = f"{name}, features[{number}]"
        if not isinstance(item, dict):
            raise Refused(f"{at} is not an object.")
        if "polylines" in item:
            yield _polyline_feature(at, item, today)
            continue
        told = item.get("properties") or {}
        code = next((told[key] for key in _CODE_NAMES if told.get(key) not in (None, "")), item.get("id"))
        if code in (None, ""):
            raise Refused(f"{at} ({told.get('name', 'no name')}) has no code. Give it as `code`, `adcode` or `id`.")
        yield _feature(at, {**told, "code": code}, item.get("geometry"))


def _csv_features(name: str, text: str) -> Iterator[Feature]:
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in ("code", "name") if column not in (rows.fieldnames or [])]
    if missing:
        raise Refused(f"{name} has no column {' and '.join(missing)}. The first line names the columns: code,name[,parent].")
    for row in rows:
        row["successors"] = (row.get("successors") or "").split()
        yield _feature(f"{name}, line {rows.line_num}", row, None)


def _feature(at: str, told: Mapping[str, Any], geometry: Any) -> Feature:
    code, name = str(told["code"] or "").strip(), str(told.get("name") or "").strip()
    if not name:
        raise Refused(f"{at} ({code}) has no name.")
    return Feature(
        at=f"{at} ({code} {name})",
        code=code,
        name=name,
        name_en=str(told.get("name_en") or ""),
        parent=_parent(told),
        valid_from=_date(at, "valid_from", told),
        valid_to=_date(at, "valid_to", told),
        successors=tuple(str(successor) for successor in told.get("successors") or ()),
        geometry=geometry,
        source=str(told.get("source") or ""),
    )


def _parent(told: Mapping[str, Any]) -> str:
    parent = told.get("parent")
    if isinstance(parent, dict):
        parent = parent.get("adcode")
    return str(parent or "")


def _date(at: str, key: str, told: Mapping[str, Any]) -> dt.date | None:
    text = told.get(key)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        raise Refused(f"{at}: {key} is {text!r}, which is not a date. Write YYYY-MM-DD.") from None


def _polyline_feature(at: str, item: Mapping[str, Any], today: dt.date | None) -> Feature:
    name = str(item.get("county") or item.get("name") or "")
    code = str(item.get("code") or "")
    if not code:
        # This shape gives names alone; a name that two codes share on the day is not guessed at.
        named = [row.code for row in divisions().values() if row.name == name and today and valid_on(row.code, today)]
        if len(named) != 1:
            raise Refused(f"{at} ({name or 'no name'}) has no code, and its name alone does not tell one. Add a `code`.")
        code = named[0]
    lines = item["polylines"]
    try:
        # Either a list of rings, each a polygon of its own, or a list of polygons, each a list of rings.
        polygons = [[part] if isinstance(part[0][0], int | float) else part for part in lines]
    except (TypeError, IndexError, KeyError):
        raise Refused(f"{at} ({name}): polylines is not a list of rings of [lon, lat].") from None
    return _feature(at, {"code": code, "name": name}, {"type": "MultiPolygon", "coordinates": polygons})
