# SPDX-License-Identifier: Apache-2.0
"""Who may be given a task or a grid, and who has one: people at their posts, read for the purpose of duty and recorded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.cases.components.models import GridWorker
from chengyun.web import places

__all__ = ["Person", "field_people", "workers"]

MOST = 500


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str


def field_people(actor: Actor) -> tuple[Person, ...]:
    """Return the people who work outside, whom the actor may read; none for somebody who may read none."""
    roles = sorted(rulebook().actions["field.work"][1])
    known = scope(actor, "accounts", "case")
    if not known.allowed:
        return ()
    rows = known.rows_for(Account.objects.filter(is_active=True, assignments__role__in=roles), target="field")
    chosen = rows.select_related("organisation").distinct().order_by("name", "username")[:MOST]
    return tuple(
        Person(one.pk, f"{one} · {places.said(one.organisation.name)}" if one.organisation else str(one)) for one in chosen
    )


def workers(grid_code: str, day: dt.date) -> tuple[str, ...]:
    """Return the names of those responsible for a grid on a day."""
    if not grid_code:
        return ()
    held = GridWorker.objects.filter(Q(until=None) | Q(until__gt=day), grid_code=grid_code, since__lte=day)
    return tuple(str(one.account) for one in held.select_related("account"))
