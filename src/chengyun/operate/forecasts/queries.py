# SPDX-License-Identifier: Apache-2.0
"""What is asked of forecasts. Who may read what one is about may read it, subject by subject; others see that it is made.

A forecast that did not beat the season before comes back without numbers: `useful` False, and why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.city import City, Forecast, qualify
from chengyun.errors import NotFound
from chengyun.operate.forecasts.models import Issue, Review
from chengyun.operate.forecasts.reading import dataset_of
from chengyun.operate.forecasts.scoring import Tally
from chengyun.operate.queries import subject_names

__all__ = ["Detail", "Horizon", "Standing", "detail", "standings", "visible"]

SCORED_FOR = dt.timedelta(days=60)
"""What came within so long counts for how good a forecast is now."""
PAST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """How a forecast of one subject stands. review: None: not reviewed yet, or too little past. tally: of what has come."""

    forecast: str
    name: str
    unit: str
    decimals: int
    subject: str
    subject_name: str
    review: Review | None
    made_at: dt.datetime | None
    tally: Tally

    @property
    def useful(self) -> bool:
        """Whether it may be shown as a forecast: by its review, unless what came since says otherwise."""
        if self.review is None or not self.review.useful:
            return False
        skill = self.tally.skill
        return skill is None or self.tally.count < 100 or skill > 0.0


@dataclass(frozen=True, slots=True)
class Horizon:
    """How one step ahead turned out: mean absolute error, that of the season before, how often inside nine in ten."""

    ahead: dt.timedelta
    count: int
    mae: float
    naive_mae: float
    covered: float

    @property
    def hours(self) -> float:
        return self.ahead / dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Detail:
    """One subject's forecast. newest: None where it is not shown as one. past: earlier issues, the newest first."""

    standing: Standing
    declared: Forecast
    newest: Issue | None
    past: tuple[Issue, ...]
    horizons: tuple[Horizon, ...]


def visible(key: str, actor: Actor) -> Scope:
    """Return what the actor may read of what a forecast is about."""
    return scope(actor, dataset_of(key))


def standings(actor: Actor, now: dt.datetime, key: str | None = None) -> list[Standing]:
    """Return every forecast the actor may read of, subject by subject, the best first within each."""
    city: City = settings.CITY
    found: list[Standing] = []
    for one in [key] if key else city.forecasts:
        allowed = visible(one, actor)
        if not allowed.allowed or city.forecasts[one].field in allowed.hidden:
            continue
        reviews = _newest_reviews(one)
        issues = _read(one, allowed).filter(since__gte=now - SCORED_FOR)
        kept: dict[str, list[Mapping[str, Any]]] = {}
        made: dict[str, dt.datetime] = {}
        for subject, made_at, score in issues.values_list("subject", "made_at", "score").order_by("made_at"):
            kept.setdefault(subject, []).append(score)
            made[subject] = made_at
        subjects = sorted(_seen(one, {*reviews, *kept}, allowed))
        names = _names(one, subjects)
        unit, decimals = _unit(one)
        rows = [
            Standing(
                one, city.forecasts[one].name, unit, decimals, subject, names.get(subject, subject), reviews.get(subject),
                made.get(subject), Tally.of(kept.get(subject, ())),
            )
            for subject in subjects
        ]  # fmt: skip
        found += sorted(rows, key=lambda row: (not row.useful, -(row.review.skill or 0.0) if row.review else 0.0, row.subject))
    return found


def detail(key: str, subject: str, actor: Actor, now: dt.datetime) -> Detail:
    """Return one subject's forecast. Raises NotFound when there is none the actor may read."""
    city: City = settings.CITY
    if key not in city.forecasts:
        raise NotFound(f"There is no forecast {key!r}.")
    standing = next((one for one in standings(actor, now, key) if one.subject == subject), None)
    if standing is None:
        raise NotFound(f"There is no forecast {key!r} of {subject!r}.")
    allowed = visible(key, actor)
    issues = list(_read(key, allowed).filter(subject=subject, since__gte=now - SCORED_FOR).order_by("-since"))
    past = tuple(one for one in issues if one.score)
    newest = issues[0] if issues and standing.useful else None
    return Detail(standing, city.forecasts[key], newest, past[:PAST_SHOWN], _horizons(past))


def _read(key: str, allowed: Scope) -> QuerySet[Issue]:
    return Issue.objects.filter(allowed.q(), forecast=key)


def _seen(key: str, subjects: Iterable[str], allowed: Scope) -> list[str]:
    """Return the subjects the actor may read of: by where they stand in the register, or by the area they are."""
    city: City = settings.CITY
    name = dataset_of(key)
    if name in city.indicators and city.indicators[name].subject == "area":
        return [subject for subject in subjects if allowed.matches({"area_code": subject})]
    rows = _register(key)._default_manager.filter(allowed.q(), key__in=list(subjects))
    return list(rows.values_list("key", flat=True))


def _names(key: str, subjects: Sequence[str]) -> Mapping[str, str]:
    city: City = settings.CITY
    name = dataset_of(key)
    if name in city.indicators:
        return subject_names(name, subjects)
    return dict(_register(key)._default_manager.filter(key__in=subjects).values_list("key", "name"))


def _register(key: str) -> Any:
    city: City = settings.CITY
    name = dataset_of(key)
    pack = name.split(".")[0]
    entity = qualify(pack, city.streams[name].entity.to if name in city.streams else city.indicators[name].subject)
    return apps.get_model(entity.split(".")[0], city.entities[entity].model)


def _unit(key: str) -> tuple[str, int]:
    city: City = settings.CITY
    name = dataset_of(key)
    if name in city.indicators:
        return city.indicators[name].unit, city.indicators[name].decimals
    quantity = next(one for one in city.streams[name].quantities if one.key == city.forecasts[key].field)
    return quantity.unit, max(quantity.decimals, 1)


def _newest_reviews(key: str) -> dict[str, Review]:
    newest = Review.objects.filter(forecast=key).order_by("subject", "-made_at").distinct("subject")
    return {one.subject: one for one in newest}


def _horizons(past: Sequence[Issue]) -> tuple[Horizon, ...]:
    steps: dict[int, list[tuple[float, float, bool]]] = {}
    for one in past:
        told = zip(one.actual, one.values, one.naive, one.low, one.high, strict=True)
        for step, (actual, value, naive, low, high) in enumerate(told):
            if actual is not None and naive is not None:
                steps.setdefault(step, []).append((abs(actual - value), abs(actual - naive), low <= actual <= high))
    found = []
    for step, rows in sorted(steps.items()):
        count = len(rows)
        mae, before, inside = (sum(column) / count for column in zip(*rows, strict=True))
        found.append(Horizon(dt.timedelta(seconds=past[0].step_s * (step + 1)), count, mae, before, inside))
    return tuple(found)
