# SPDX-License-Identifier: Apache-2.0
"""A census of components taken into the register: every mistake located, every thing that may be there twice told.

A row is a key of 16 digits with a place; what else it says is taken as it is. Rows that cannot be right are withheld and the
rest is taken. A row that may be right but looks wrong is taken and told. The same file twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.cases.components.queries import Pair, pairs
from chengyun.cases.components.register import KEY, Kind, category_of_key, kind, local_day
from chengyun.city.models import ComponentRegister

__all__ = ["FIELDS", "Mistake", "Taken", "take"]

BATCH = 5_000
MOST_TOLD = 1_000
FIELDS = ("name", "state", "owner", "keeper", "address", "installed", "inspected_at")
"""What a census may say beside key, category and place."""
LENGTHS = {"owner": 100, "keeper": 100, "address": 200}


@dataclass(frozen=True, slots=True)
class Mistake:
    """line: of the file. column: its field. withheld: whether the row was not taken."""

    line: int
    column: str
    found: str
    expected: str
    withheld: bool = True


@dataclass(slots=True)
class Taken:
    """What a census did. mistakes: the first MOST_TOLD of mistake_count. twins: of the rows taken."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    withheld: int = 0
    mistake_count: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    twins: list[Pair] = field(default_factory=list)

    def tell(self, mistake: Mistake) -> None:
        self.mistake_count += 1
        self.withheld += mistake.withheld
        if len(self.mistakes) < MOST_TOLD:
            self.mistakes.append(mistake)


Row = Mapping[str, Any]
"""key, lon, lat (WGS-84) and any of category, catalog_version and FIELDS, as text or as what it is."""


def take(rows: Iterable[tuple[int, Row]], source: str, actor: Actor, now: dt.datetime) -> Taken:
    """Take (line, row)s into the register. Raises Refused where the actor may not; then nothing is taken."""
    require(actor, "component.manage")
    known, taken = kind(), Taken()
    seen: dict[str, int] = {}
    fresh: list[str] = []
    waiting = iter(rows)
    with transaction.atomic():
        while part := list(islice(waiting, BATCH)):
            right = list(_checked(part, known, seen, local_day(now), taken))
            fresh += _write(right, known, source, taken)
        audit.record(
            actor, "component.census", known.dataset, source[:100],
            detail={"added": taken.added, "changed": taken.changed, "withheld": taken.withheld},
        )  # fmt: skip
    if fresh:
        taken.twins = pairs(actor, keys=fresh, limit=MOST_TOLD)
    return taken


class _Wrong(ValueError):
    """A row that cannot be right: column, what was found, what was expected."""


def _checked(
    part: list[tuple[int, Row]], known: Kind, seen: dict[str, int], day: dt.date, taken: Taken
) -> Iterator[dict[str, Any]]:
    """Yield the rows that can be right, as the register keeps them."""
    from chengyun.areas.queries import area_of_points  # loads shapely

    good = []
    for line, row in part:
        try:
            good.append((line, _read(row, known, seen, day)))
            seen[good[-1][1]["key"]] = line
        except _Wrong as wrong:
            column, found, expected = wrong.args
            taken.tell(Mistake(line, column, str(found)[:80], expected))
    if not good:
        return
    lons, lats = [it["lon"] for _line, it in good], [it["lat"] for _line, it in good]
    at = {level: area_of_points(lons, lats, level).tolist() for level in ("district", "street", "community", "grid")}
    for index, (line, it) in enumerate(good):
        if at["district"][index] != it["key"][:6]:
            where = at["district"][index] or _("本市之外")
            taken.tell(Mistake(line, "lon, lat", f"{it['lon']}, {it['lat']}：{where}", it["key"][:6], withheld=False))
        finest = next((at[level][index] for level in ("community", "street", "district") if at[level][index]), it["key"][:6])
        yield it | {"area_code": finest, "grid_code": at["grid"][index]}


def _read(row: Row, known: Kind, seen: Mapping[str, int], day: dt.date) -> dict[str, Any]:
    key = str(row.get("key") or "").strip()
    if not KEY.fullmatch(key):
        raise _Wrong("key", key, _("16 位数字：区划 6、大类 2、小类 2、流水号 6"))
    if key in seen:
        raise _Wrong("key", key, _("与第 %d 行的编码不同") % seen[key])
    version = str(row.get("catalog_version") or "").strip() or known.scheme.version_on(day)
    category = str(row.get("category") or "").strip() or category_of_key(key)
    entry = known.scheme.category(category, version)
    if entry is None:
        raise _Wrong("category", category, _("分类目录 %s 中的部件小类") % version)
    if category != category_of_key(key):
        raise _Wrong("category", category, _("与编码第 7 至 10 位一致：%s") % category_of_key(key))
    lon, lat = _place(row)
    values: dict[str, Any] = {"key": key, "category": category, "catalog_version": version, "lon": lon, "lat": lat}
    values["name"] = str(row.get("name") or "").strip()[:200] or entry.minor
    for name, longest in LENGTHS.items():
        values[name] = text = str(row.get(name) or "").strip()
        if len(text) > longest:
            raise _Wrong(name, text, _("不超过 %d 字") % longest)
    values["state"], values["installed"] = _state(row.get("state")), _day(row.get("installed"))
    if values["installed"] and values["installed"] > day:
        raise _Wrong("installed", values["installed"], _("不晚于今天"))
    if isinstance(looked := row.get("inspected_at"), dt.datetime):
        values["inspected_at"] = looked
    return values


def _place(row: Row) -> tuple[float, float]:
    lon, lat = _degrees(row.get("lon"), 180), _degrees(row.get("lat"), 90)
    if lon is None or lat is None:
        swapped = _degrees(row.get("lat"), 180) is not None and _degrees(row.get("lon"), 90) is not None
        expected = _("经度、纬度，两列似乎颠倒") if swapped else _("经度 -180 至 180、纬度 -90 至 90")
        raise _Wrong("lon, lat", f"{row.get('lon')}, {row.get('lat')}", expected)
    return lon, lat


def _state(given: Any) -> str:
    text = str(given or "").strip()
    words = {str(word): value for value, word in ComponentRegister.State.choices} | {
        it: it for it in ComponentRegister.State.values
    }
    if not text:
        return ComponentRegister.State.INTACT
    if text not in words:
        raise _Wrong("state", text, "、".join(str(word) for _value, word in ComponentRegister.State.choices))
    return words[text]


def _day(given: Any) -> dt.date | None:
    if isinstance(given, dt.datetime):
        return given.date()
    if isinstance(given, dt.date) or given in (None, ""):
        return given or None
    try:
        return dt.date.fromisoformat(str(given).strip()[:10].replace("/", "-"))
    except ValueError:
        raise _Wrong("installed", given, "YYYY-MM-DD") from None


def _degrees(given: Any, most: float) -> float | None:
    try:
        value = float(given)
    except (TypeError, ValueError):
        return None
    return round(value, 7) if -most <= value <= most and value != 0 else None


def _write(rows: list[dict[str, Any]], known: Kind, source: str, taken: Taken) -> list[str]:
    """Write rows; return the keys of those that are new or stand elsewhere than before."""
    model = known.model
    there = {it.key: it for it in model._default_manager.filter(key__in=[row["key"] for row in rows])}
    added, changed, moved = [], [], []
    for row in rows:
        old = there.get(row["key"])
        if old is None:
            added.append(model(simulated=False, source=source[:200], **row))
            moved.append(row["key"])
            continue
        # A census says how things were found: what it leaves open does not empty what is known.
        news = {name: value for name, value in row.items() if value not in ("", None) and getattr(old, name) != value}
        if looked := news.get("inspected_at"):
            news["inspected_at"] = max(looked, old.inspected_at or looked)
        if old.simulated:
            news |= {"simulated": False, "source": source[:200]}
        if not news:
            taken.unchanged += 1
            continue
        if "lon" in news or "lat" in news:
            moved.append(row["key"])
        for name, value in news.items():
            setattr(old, name, value)
        changed.append(old)
    model._default_manager.bulk_create(added, batch_size=1_000)
    columns = ["category", "catalog_version", "lon", "lat", "area_code", "grid_code", "simulated", "source", *FIELDS]
    model._default_manager.bulk_update(changed, columns, batch_size=500)
    taken.added += len(added)
    taken.changed += len(changed)
    return moved
