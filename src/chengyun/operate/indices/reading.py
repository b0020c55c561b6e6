# SPDX-License-Identifier: Apache-2.0
"""An index as it is read: its value, what it is made of, what moved it since the period before, who stands where and how firmly.

Everything is read from stored figures, so that what a page shows is what `why` explains.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import scope
from chengyun.city import City, Index, Part
from chengyun.city.index import measured_by
from chengyun.errors import NotFound
from chengyun.operate.models import Figure
from chengyun.operate.queries import subject_names
from chengyun.standards.composite import apportioned, contributions

__all__ = ["DimensionRead", "IndexRead", "Moved", "PartRead", "Standing", "changes", "index_of", "indices_for", "read_index"]

LEAGUE_AT_MOST = 200
"""Areas of a league that are shown."""


@dataclass(frozen=True, slots=True)
class PartRead:
    """A part of an index in one figure. value: in the indicator's unit. score: 0 to 100. weight: what it really had.

    missing: nothing was known; score is then None, or 0 where the index says so. indicator: what measures it; empty: nothing.
    """

    key: str
    name: str
    indicator: str
    unit: str
    value: float | None
    score: float | None
    weight: float
    missing: bool


@dataclass(frozen=True, slots=True)
class DimensionRead:
    key: str
    name: str
    score: float | None
    weight: float
    parts: tuple[PartRead, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a part did to the change since the period before. share: as printed; all of them sum to the printed change.

    weights: whether the greater half of it comes from another weight, because something was missing then or now, or because
    weights come out of data.
    """

    part: str
    name: str
    share: Decimal
    weights: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An area in the league of its level. low, high: its rank 5 and 95 times of 100 when weights are others. ranks: under
    other methods, by name; None: it has none there."""

    subject: str
    name: str
    figure: int
    value: float | None
    coverage: float | None
    simulated: bool
    rank: int | None
    low: int | None
    high: int | None
    ranks: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class IndexRead:
    """One figure of an index. before: the figure its change is counted from; None: there is none. change: as printed.

    reason: why there is no value: few_peers, few_for_weights, missing or coverage; empty: there is one.
    """

    key: str
    index: Index
    figure: Figure
    dimensions: tuple[DimensionRead, ...]
    before: Figure | None
    change: Decimal | None
    moved: tuple[Moved, ...]
    league: tuple[Standing, ...]
    reason: str
    editions: Mapping[str, str]


def indices_for(actor: Actor) -> dict[str, Index]:
    """Return the indices whose figures an actor may read."""
    city: City = settings.CITY
    return {key: index for key, index in city.indices.items() if scope(actor, key).allowed}


def index_of(key: str, actor: Actor) -> Index:
    """Return an index. Raises NotFound."""
    known = indices_for(actor)
    if key not in known:
        raise NotFound(_("没有指数 %s。") % key + meant(key, known))
    return known[key]


def read_index(key: str, subject: str, start: dt.datetime | None, actor: Actor) -> IndexRead | None:
    """Return an index of an area and a period; None when there is no figure. start: None: the newest. Raises NotFound."""
    index = index_of(key, actor)
    rows = _rows(key, actor).filter(subject=subject)
    figure = (rows if start is None else rows.filter(period_start=start)).order_by("-period_start").first()
    if figure is None:
        return None
    earlier = rows.filter(period_start__lt=figure.period_start, value__isnull=False)
    before = earlier.order_by("-period_start").first()
    change, moved = changes(index, before, figure)
    return IndexRead(
        key, index, figure, _dimensions(key, index, figure.detail), before, change, moved,
        _league(key, figure, actor), str(figure.detail.get("reason", "")), figure.detail.get("editions", {}),
    )  # fmt: skip


def changes(index: Index, before: Figure | None, after: Figure) -> tuple[Decimal | None, tuple[Moved, ...]]:
    """Return the change between two figures of an index as it is printed, and every part's share of it, which sum to it."""
    if before is None or before.value is None or after.value is None:
        return None, ()
    then, now = (_counted(one.detail) for one in (before, after))
    found = contributions(before.value, after.value, then, now, index.aggregate)
    step = Decimal(1).scaleb(-index.decimals)
    change = Decimal(repr(after.value)).quantize(step) - Decimal(repr(before.value)).quantize(step)
    names = {part.key: part.name for part in index.parts}
    printed = apportioned([one.share for one in found], change, index.decimals)
    moved = (
        Moved(one.part, names.get(one.part, one.part), share, abs(one.weights) > abs(float(one.share)) / 2)
        for one, share in zip(found, printed, strict=True)
    )
    return change, tuple(sorted(moved, key=lambda one: (-abs(one.share), one.part)))


def _rows(key: str, actor: Actor) -> QuerySet[Figure]:
    return Figure.objects.filter(scope(actor, key).q(), indicator=key, superseded_at=None)


def _counted(detail: Mapping[str, Any]) -> dict[str, tuple[float, float | None]]:
    return {part: (float(one["weight"]), one["score"]) for part, one in detail.get("parts", {}).items()}


def _dimensions(key: str, index: Index, detail: Mapping[str, Any]) -> tuple[DimensionRead, ...]:
    city: City = settings.CITY
    parts, dimensions = detail.get("parts", {}), detail.get("dimensions", {})
    missing = set(detail.get("missing", ()))

    def part(one: Part) -> PartRead:
        used = measured_by(one, key.split(".")[0])
        measured = city.indicators.get(used)
        unit = "" if measured is None else measured.unit if one.column is None else measured.columns.get(one.column, ("", ""))[1]
        known = parts.get(one.key, {})
        return PartRead(
            one.key, one.name, used if measured else "", "" if unit == "1" else unit, known.get("value"), known.get("score"),
            known.get("weight", 0.0), one.key in missing,
        )  # fmt: skip

    return tuple(
        DimensionRead(
            one.key, one.name, dimensions.get(one.key, {}).get("score"), dimensions.get(one.key, {}).get("weight", 0.0),
            tuple(map(part, one.parts)),
        )
        for one in index.dimensions
    )  # fmt: skip


def _league(key: str, figure: Figure, actor: Actor) -> tuple[Standing, ...]:
    level = len(figure.subject), figure.subject.endswith("00") and len(figure.subject) == 6
    rows: Sequence[Figure] = [
        row
        for row in _rows(key, actor).filter(period_start=figure.period_start)
        if (len(row.subject), row.subject.endswith("00") and len(row.subject) == 6) == level
    ]
    names = subject_names(key, [row.subject for row in rows])
    standings = [
        Standing(
            row.subject, names.get(row.subject, row.subject), row.pk, row.value, row.coverage, row.simulated,
            row.detail.get("rank"), row.detail.get("rank_low"), row.detail.get("rank_high"), row.detail.get("ranks", {}),
        )
        for row in rows
    ]  # fmt: skip
    ordered = sorted(standings, key=lambda one: (one.rank is None, one.rank or 0, one.subject))
    return tuple(ordered[:LEAGUE_AT_MOST])
