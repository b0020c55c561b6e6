# SPDX-License-Identifier: Apache-2.0
"""What is asked of quality, within what the actor may read of the data itself."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import may, require, scope
from chengyun.access.rulebook import rulebook
from chengyun.city import City
from chengyun.city.words import DIMENSIONS
from chengyun.collect.quality.models import Finding, Score
from chengyun.errors import NotFound

__all__ = [
    "DatasetScore",
    "RuleScore",
    "access_finding",
    "day_scores",
    "findings",
    "newest_total",
    "offers_waiting",
    "own_trouble",
    "overview",
    "rule_scores",
]


@dataclass(frozen=True, slots=True)
class DatasetScore:
    """How good a dataset is on its newest judged day. total, by: 0 to 100; None: nothing applies."""

    dataset: str
    day: dt.date
    total: float | None
    by: dict[str, float | None]
    offers: int


@dataclass(frozen=True, slots=True)
class RuleScore:
    """share: of what was looked at that is as it must be, 0 to 1; None: it does not apply."""

    rule: str
    dimension: str
    checked: int
    failed: int
    share: float | None
    error: str


def overview(actor: Actor) -> list[DatasetScore]:
    """Return every dataset the actor may read whose quality was judged, by its newest day, in declared order."""
    newest = dict(Score.objects.order_by().values_list("dataset").annotate(day=Max("day")))
    seen = [name for name in _datasets() if name in newest and _whole(actor, name)]
    offers = dict(
        Finding.objects.filter(dataset__in=seen, state=Finding.State.OPEN).exclude(offer="").order_by().values_list("dataset")
        .annotate(count=Count("pk"))
    )  # fmt: skip
    wanted = Q(pk__in=[])
    for name in seen:
        wanted |= Q(dataset=name, day=newest[name])
    rows: dict[str, list[Score]] = defaultdict(list)
    for one in Score.objects.filter(wanted):
        rows[one.dataset].append(one)
    return [_score(name, newest[name], rows[name], offers.get(name, 0)) for name in seen]


def day_scores(actor: Actor, dataset: str, days: int = 30) -> list[DatasetScore]:
    """Return the newest judged days of a dataset, oldest first. Raises NotFound."""
    _require(actor, dataset)
    chosen = list(Score.objects.filter(dataset=dataset).order_by("-day").values_list("day", flat=True).distinct()[:days])
    rows: dict[dt.date, list[Score]] = defaultdict(list)
    for one in Score.objects.filter(dataset=dataset, day__in=chosen):
        rows[one.day].append(one)
    return [_score(dataset, day, rows[day], 0) for day in sorted(chosen)]


def rule_scores(actor: Actor, dataset: str, day: dt.date) -> list[RuleScore]:
    """Return what each rule says of a day, by dimension. Raises NotFound."""
    _require(actor, dataset)
    rows = sorted(Score.objects.filter(dataset=dataset, day=day), key=lambda one: (DIMENSIONS.index(one.dimension), one.rule))
    return [
        RuleScore(one.rule, one.dimension, one.checked, one.failed, _share(one.checked, one.failed), one.error) for one in rows
    ]  # fmt: skip


def findings(actor: Actor, dataset: str, *, states: Sequence[str] = (), limit: int = 200) -> list[Finding]:
    """Return what failed of a dataset, what can be repaired first, then the newest. Raises NotFound."""
    _require(actor, dataset)
    rows = _readable(actor, dataset)
    if states:
        rows = rows.filter(state__in=states)
    return list(rows.order_by("state", "-day", "-offer", "-count", "subject", "id")[:limit])


def newest_total(actor: Actor, dataset: str) -> float | None:
    """Return a dataset's total on its newest judged day; None: not judged, or not the actor's to know."""
    if not may(actor, "quality.read") or not _whole(actor, dataset):
        return None
    newest = Score.objects.filter(dataset=dataset).order_by("-day").values("day")[:1]
    return score_of(Score.objects.filter(dataset=dataset, day=newest))[0]


def offers_waiting(actor: Actor) -> int:
    """Return how many repairs wait for somebody who may accept them."""
    if not may(actor, "quality.repair"):
        return 0
    waiting = Finding.objects.filter(state=Finding.State.OPEN).exclude(offer="").values_list("dataset", flat=True).distinct()
    return sum(_readable(actor, name).filter(state=Finding.State.OPEN).exclude(offer="").count() for name in waiting)


def own_trouble(actor: Actor) -> dict[str, int]:
    """Return what stands open on the newest judged day of every dataset that the actor's own body answers for, where any does.

    A branch answers with the department above it, for the rows it may see.
    """
    own = _bodies(actor.organisation)
    answered_for = [name for name in _datasets() if own and rulebook().datasets[name].owner in own and _whole(actor, name)]
    newest = dict(
        Score.objects.filter(dataset__in=answered_for).order_by().values_list("dataset").annotate(day=Max("day"))
    )  # fmt: skip
    counts = {
        name: _readable(actor, name).filter(state=Finding.State.OPEN, day=day).count() for name, day in sorted(newest.items())
    }
    return {name: count for name, count in counts.items() if count}


def _bodies(organisation: str | None) -> set[str]:
    """Return the names of a body and of those above it."""
    names: set[str] = set()
    one = Organisation.objects.select_related("parent__parent").filter(key=organisation).first() if organisation else None
    while one is not None and one.name not in names:
        names.add(one.name)
        one = one.parent
    return names


def access_finding(actor: Actor, finding_id: int, *, lock: bool = False) -> Finding:
    """Return a finding the actor may see. Raises NotFound."""
    rows = Finding.objects.select_for_update() if lock else Finding.objects.all()
    found = rows.filter(pk=finding_id).first()
    if found is None or not _readable(actor, found.dataset).filter(pk=found.pk).exists():
        raise NotFound(_("没有找到。"))
    return found


def score_of(rows: Iterable[Score]) -> tuple[float | None, dict[str, float | None]]:
    """Return the total and each dimension's score, 0 to 100.

    A rule's X = A / B; a dimension is the mean of its rules by weight, the total the mean of the dimensions; what does not
    apply is left out and the others count for it.
    Standard: GB/T 36344-2018; equal weights of dimensions are this program's choice.
    """
    parts: dict[str, list[tuple[float, float]]] = {key: [] for key in DIMENSIONS}
    for one in rows:
        share = _share(one.checked, one.failed)
        if share is not None:
            parts[one.dimension].append((one.weight, share))
    by = {
        key: 100 * sum(weight * share for weight, share in found) / sum(weight for weight, _ in found) if found else None
        for key, found in parts.items()
    }
    known = [value for value in by.values() if value is not None]
    return (sum(known) / len(known) if known else None), by


def _score(dataset: str, day: dt.date, rows: Iterable[Score], offers: int) -> DatasetScore:
    total, by = score_of(rows)
    return DatasetScore(dataset, day, total, by, offers)


def _share(checked: int, failed: int) -> float | None:
    return None if checked <= 0 else max(0.0, 1 - failed / checked)


def _datasets() -> list[str]:
    city: City = settings.CITY
    return [*city.streams, *city.entities]


def _whole(actor: Actor, dataset: str) -> bool:
    """Say whether an actor may know how good a dataset is: whoever may read quality and some of its rows."""
    facts = rulebook().datasets.get(dataset)
    return facts is not None and may(actor, "quality.read") and scope(actor, dataset, _purpose(facts.personal)).allowed


def _purpose(personal: bool) -> str | None:
    return "quality" if personal else None


def _require(actor: Actor, dataset: str) -> None:
    require(actor, "quality.read")
    if dataset not in _datasets() or not _whole(actor, dataset):
        raise NotFound(_("没有找到。"))


def _readable(actor: Actor, dataset: str) -> QuerySet[Finding]:
    facts = rulebook().datasets.get(dataset)
    if facts is None or not may(actor, "quality.read"):
        return Finding.objects.none()
    # A finding names its row by its key.
    allowed = scope(actor, dataset, _purpose(facts.personal)).by_key()
    return Finding.objects.filter(allowed.q("area_code"), dataset=dataset)
