# SPDX-License-Identifier: Apache-2.0
"""Targets with where they stand, and those that do not agree with each other."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.govern.attainment import Aim, Standing, standing
from chengyun.govern.models import Reported, Target
from chengyun.operate.queries import figure_series

__all__ = ["Conflict", "TargetView", "conflicts", "target", "targets"]

ALIKE = 0.72
"""How like two names must be, of 1, to be shown side by side; a person says whether they mean the same."""
SINCE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class TargetView:
    """A target, what is known of it and where it stands. values: (as of, value, source), by day."""

    target: Target
    values: tuple[tuple[dt.date, float, str], ...]
    standing: Standing


@dataclass(frozen=True)
class Conflict:
    """Two numbers for what may be one thing: same unit, year and place, names alike, another value."""

    first: Target
    second: Target
    alike: float


def targets(actor: Actor, today: dt.date) -> list[TargetView]:
    """Return every target in force. Figures of an indicator are read only as far as the actor may see them."""
    require_scope(actor, "targets")
    held = list(Target.objects.filter(withdrawn_at=None))
    reported: dict[int, list[Reported]] = {}
    for one in Reported.objects.filter(target__in=[one.pk for one in held if one.low is not None]):
        reported.setdefault(one.target_id, []).append(one)
    return [_view(one, reported.get(one.pk, []), actor, today) for one in held]


def target(key: str, actor: Actor, today: dt.date) -> TargetView:
    """Return one target. Raises NotFound."""
    require_scope(actor, "targets")
    held = Target.objects.filter(key=key).first()
    if held is None:
        raise NotFound("There is no such target.")
    return _view(held, list(held.reported.all()), actor, today)


def conflicts(held: Sequence[Target]) -> list[Conflict]:
    """Return the pairs of targets that may speak of one thing and name different numbers, the most alike first."""
    groups: dict[tuple[str, str, str], list[Target]] = {}
    for one in held:
        if one.kind == Target.Kind.TARGET and one.low is not None and one.unit != "milestone":
            groups.setdefault((one.unit, one.year, one.place), []).append(one)
    found = []
    for group in groups.values():
        for position, first in enumerate(group):
            for second in group[position + 1 :]:
                if (first.low, first.high) == (second.low, second.high):
                    continue
                alike = difflib.SequenceMatcher(None, first.name, second.name).ratio()
                if alike >= ALIKE:
                    found.append(Conflict(first, second, alike))
    return sorted(found, key=lambda one: -one.alike)


def _view(held: Target, reported: Sequence[Reported], actor: Actor, today: dt.date) -> TargetView:
    values = [(one.day, one.value, one.source) for one in reported]
    if held.indicator:
        values += _figures(held, actor)
    # Of one day the last word counts: reported rows are in the order they came, after them what figures say.
    by_day = {day: (day, value, source) for day, value, source in values}
    ordered = tuple(by_day[day] for day in sorted(by_day))
    aim = Aim(held.kind, held.comparator, held.low, held.high, held.by)
    return TargetView(held, ordered, standing(aim, [(day, value) for day, value, _ in ordered], today))


def _figures(held: Target, actor: Actor) -> list[tuple[dt.date, float, str]]:
    zone = config().zone
    until = dt.datetime.now(dt.UTC)
    found = figure_series(held.indicator, held.subject, SINCE, until, actor)
    return [
        (one.period_start.astimezone(zone).date(), one.value, held.indicator)
        for one in found
        if one.value is not None and one.period_start is not None
    ]
