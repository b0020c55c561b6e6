# SPDX-License-Identifier: Apache-2.0
"""When a resource's data last really changed, and whether that keeps the promised cycle.

Asked of the data itself: rows received, versions of register rows, figures computed, deeds on cases, forms filled in. What is
kept elsewhere changed when its own catalogue says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps
from django.conf import settings
from django.db.models import Case, Count, DateTimeField, F, IntegerField, Max, Q, QuerySet, When

from chengyun.access.actors import Actor
from chengyun.cases.models import CaseEvent
from chengyun.collect.forms.models import Submission
from chengyun.lake.queries import stream_status
from chengyun.operate.models import Figure
from chengyun.share.catalogue.models import Listing, Resource
from chengyun.share.catalogue.sight import listed
from chengyun.share.catalogue.vocabulary import CYCLE_SPANS, TOLERANCE

OVERDUE, NEVER, IN_TIME = range(3)
"""In this order, whoever has to see to it reads them."""
Punctuality = Literal["in_time", "overdue", "never", "not_promised"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a resource stands against its cycle. late: by how much longer than allowed; None where it is not overdue."""

    key: str
    name: str
    kind: str
    provider: str
    cycle: str
    updated_at: dt.datetime | None
    verdict: Punctuality
    late: dt.timedelta | None


def verdict(cycle: str, updated_at: dt.datetime | None, now: dt.datetime) -> tuple[Punctuality, dt.timedelta | None]:
    """Say whether an update keeps a cycle: overdue when more than the cycle and a tenth has passed. 不定期 promises nothing."""
    span = CYCLE_SPANS.get(cycle)
    if span is None:
        return "not_promised", None
    if updated_at is None:
        return "never", None
    late = now - updated_at - span * TOLERANCE
    return ("overdue", late) if late > dt.timedelta(0) else ("in_time", None)


def standings(actor: Actor, now: dt.datetime, limit: int = 1_000) -> list[Standing]:
    """Return the published resources that promise a cycle and the actor may know of: the latest first, then what never came."""
    found = _promised(actor, now).order_by("group", "due", "key")[:limit].only(
        "key", "name", "kind", "provider_name", "cycle", "updated_at"
    )  # fmt: skip
    all_of_them = []
    for one in found:
        said, late = verdict(one.cycle, one.updated_at, now)
        all_of_them.append(Standing(one.key, one.name, one.kind, one.provider_name, one.cycle, one.updated_at, said, late))
    return all_of_them


def punctual(actor: Actor, now: dt.datetime) -> tuple[int, int]:
    """Return how many of the resources that promise a cycle keep it, and how many there are."""
    found = _promised(actor, now).order_by().aggregate(kept=Count("pk", filter=Q(group=IN_TIME)), promised=Count("pk"))
    return found["kept"], found["promised"]


def _promised(actor: Actor, now: dt.datetime) -> QuerySet[Any]:
    """Return the published resources that promise a cycle, each with when it was due and what `verdict` says of that."""
    rows = Listing.objects.filter(listed(actor), state=Resource.State.PUBLISHED, cycle__in=CYCLE_SPANS).values("pk")
    due = Case(
        *(When(cycle=cycle, then=F("updated_at") + span * TOLERANCE) for cycle, span in CYCLE_SPANS.items()),
        output_field=DateTimeField(),
    )
    group = Case(When(due__lt=now, then=OVERDUE), When(due=None, then=NEVER), default=IN_TIME, output_field=IntegerField())
    return Resource.objects.filter(pk__in=rows).annotate(due=due).annotate(group=group)


def last_updates() -> dict[str, dt.datetime]:
    """Return when each of the city's own datasets last changed, by key; what never had a row is absent. A query a kind."""
    found: dict[str, dt.datetime | None] = {one.stream: one.received for one in stream_status()}
    found |= dict(Figure.objects.order_by().values_list("indicator").annotate(at=Max("computed_at")))
    found |= dict(CaseEvent.objects.order_by().values_list("case__type").annotate(at=Max("at")))
    forms = Submission.objects.order_by().values_list("version__form_id").annotate(at=Max("received_at"))
    found |= {f"form.{key}": at for key, at in forms}
    found |= _registers()
    return {key: at for key, at in found.items() if at is not None}


def _registers() -> Mapping[str, dt.datetime | None]:
    """Return the time of the newest version of any row of each register: its history keeps them all."""
    found: dict[str, dt.datetime | None] = {}
    for qualified, entity in settings.CITY.entities.items():
        model: Any = apps.get_model(qualified.split(".")[0], entity.model)
        events = getattr(model, "pgh_event_model", None)
        if events is not None:
            # By number, not by time: the history has an index of the one and not of the other.
            found[qualified] = events.objects.order_by("-pk").values_list("pgh_created_at", flat=True).first()
    return found


def refresh() -> int:
    """Keep with each of the city's own resources when its data last changed. Returns how many moved."""
    updates = last_updates()
    rows = [
        one
        for one in Resource.objects.exclude(kind="external").only("key", "updated_at")
        if updates.get(one.key) not in (None, one.updated_at)
    ]
    for one in rows:
        one.updated_at = updates[one.key]
    Resource.objects.bulk_update(rows, ["updated_at"], batch_size=500)
    return len(rows)
