# SPDX-License-Identifier: Apache-2.0
"""How much waits where, and with whom: counts that stay quick, because what waits is never much beside what has ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Min, Q

from chengyun.access.actors import Actor
from chengyun.cases.queries import visible_cases

__all__ = ["BodyLoad", "by_body", "in_states"]


@dataclass(frozen=True, slots=True)
class BodyLoad:
    """What one organisation must act on now. late, soon: past the limit, past four fifths of it; paused: its clock stands.
    oldest: the earliest time that is or was up."""

    key: str
    name: str
    late: int
    soon: int
    paused: int
    open: int
    oldest: dt.datetime | None


def in_states(actor: Actor, type_key: str, states: Sequence[str]) -> dict[str, int]:
    """Return how many cases the actor may read stand in each state; a state without any is 0."""
    rows = visible_cases(actor).filter(type=type_key, state__in=states).order_by()
    found = dict(rows.values("state").annotate(n=Count("pk")).values_list("state", "n"))
    return {state: found.get(state, 0) for state in states}


def by_body(actor: Actor, now: dt.datetime) -> list[BodyLoad]:
    """Return the organisations whose move it is somewhere, those with most late cases first."""
    late = Q(warn_at__isnull=False, due_at__lt=now)
    rows = visible_cases(actor).filter(ended=False).order_by().values(key=F("owner__key"), name=F("owner__name"))
    counted = rows.annotate(
        late=Count("pk", filter=late),
        soon=Count("pk", filter=Q(warn_at__lt=now, due_at__gte=now)),
        paused=Count("pk", filter=Q(warn_at__isnull=True)),
        open=Count("pk"),
        oldest=Min("due_at", filter=late),
    )
    found = [BodyLoad(**row) for row in counted]
    return sorted(found, key=lambda one: (-one.late, -one.soon, -one.open, one.key))
