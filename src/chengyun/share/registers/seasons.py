# SPDX-License-Identifier: Apache-2.0
"""Series with their season taken out, kept: statsmodels is large, and nobody who looks at a series waits for it.

    figures ── digest ── kept of these?  yes: shown      no: asked for; `jobs` starts a process that makes what is due, and ends

What is kept says of which figures it was made, and is shown with these alone: none is stale.
"""

from __future__ import annotations

import contextlib
import enum
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from chengyun.city import City, Plot, qualify
from chengyun.share.registers.declared import table_of
from chengyun.share.registers.models import Season
from chengyun.share.registers.series import Point, adjusted, digest, points, season_of

__all__ = ["Due", "Shown", "State", "due", "make", "shown"]


class State(enum.Enum):
    """NONE: there is no season to take out. WAITING: it was asked for. ABSENT: what takes it out is not installed."""

    KEPT, NONE, WAITING, ABSENT = range(4)


@dataclass(frozen=True, slots=True)
class Shown:
    """values: one for each period, None unless they are kept."""

    state: State
    values: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A series whose figures are others than those its season was last taken out of."""

    dataset: str
    key: str
    known: Sequence[Point]


def shown(dataset: str, key: str, known: Sequence[Point]) -> Shown:
    """Return a series without its season, if that is kept of these very figures; if not, it is asked for."""
    if not season_of(known):
        return Shown(State.NONE)
    values = Season.objects.filter(dataset=dataset, key=key, of=digest(known)).values_list("values", flat=True).first()
    if values is not None:
        return Shown(State.KEPT, values)
    if find_spec("statsmodels") is None:
        return Shown(State.ABSENT)
    _ask()
    return Shown(State.WAITING)


def due(city: City) -> Iterator[Due]:
    """Yield the series of all that is plotted whose season is not kept of the figures that stand."""
    for dataset, panel in _plots(city):
        kept = dict(Season.objects.filter(dataset=dataset).values_list("key", "of"))
        names = (panel.by, panel.period, panel.edition, panel.value)
        rows = table_of(dataset)._default_manager.order_by(panel.by).values_list(*names).iterator(chunk_size=5_000)
        for key, found in itertools.groupby(rows, key=lambda row: str(row[0])):
            known = points(row[1:] for row in found)
            if season_of(known) and kept.get(key) != digest(known):
                yield Due(dataset, key, known)


def make(city: City) -> int:
    """Take out the seasons that are due, and forget those of series that are gone; return how many were made."""
    made = 0
    for one in due(city):
        values = {"of": digest(one.known), "values": adjusted(one.known)}
        Season.objects.update_or_create(dataset=one.dataset, key=one.key, defaults=values)
        made += 1
    for dataset, panel in _plots(city):
        Season.objects.filter(dataset=dataset).exclude(key__in=table_of(dataset)._default_manager.values(panel.by)).delete()
    return made


def _plots(city: City) -> Iterator[tuple[str, Plot]]:
    for name, page in city.pages.items():
        for panel in page.panels:
            if isinstance(panel, Plot):
                yield qualify(name.split(".")[0], panel.entity), panel


def _ask() -> None:
    from chengyun.share.registers.tasks import make_seasons  # the task asks this module what is due

    # A transaction of its own, or a savepoint: that it was asked for already must not spoil the caller's.
    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():
        make_seasons.configure(queueing_lock="registers.seasons").defer(timestamp=0)
