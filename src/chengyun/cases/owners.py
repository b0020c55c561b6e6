# SPDX-License-Identifier: Apache-2.0
"""Who owns a case: one organisation, always. What a CaseType names, or its branch where the case is; else the centre."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from chengyun.access.models import Assignment, Organisation, Role
from chengyun.access.predicates import prefix_of
from chengyun.errors import Unavailable

__all__ = ["Owner", "branch_of", "find_owner", "organisation", "within"]

KNOWN_FOR_S = 10.0
"""How long an owner found is believed: bodies change by the month, and cases look them up a hundred times a second."""

MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Owner:
    """known: False when nobody fits what the CaseType names, so that the operations centre took the case."""

    organisation: Organisation
    known: bool


_found: dict[tuple[str, str], tuple[float, Owner]] = {}
_bodies: dict[str, tuple[float, Organisation]] = {}


def find_owner(named: str, area_code: str) -> Owner:
    """Return the owner of a case in an area, as it was found in the last few seconds or is found now; see look_up."""
    now = time.monotonic()
    known = _found.get((named, area_code))
    if known is None or known[0] < now:
        if len(_found) >= MOST_KNOWN:
            _found.clear()
        known = _found[named, area_code] = (now + KNOWN_FOR_S, look_up(named, area_code))
    return known[1]


def organisation(key: str) -> Organisation | None:
    """Return an organisation by its key, as it was found in the last few seconds or is found now."""
    now = time.monotonic()
    known = _bodies.get(key)
    if known is None or known[0] < now:
        found = Organisation.objects.filter(key=key).first()
        if found is None:
            return None
        if len(_bodies) >= MOST_KNOWN:
            _bodies.clear()
        known = _bodies[key] = (now + KNOWN_FOR_S, found)
    return known[1]


def forget(**_signal: object) -> None:
    """Forget what was found: an organisation or an assignment was changed in this process."""
    _found.clear()
    _bodies.clear()


for _changed in (post_save, post_delete):
    for _model in (Organisation, Assignment):
        _changed.connect(forget, sender=_model, dispatch_uid=f"cases.owners {_model.__name__}")


def look_up(named: str, area_code: str) -> Owner:
    """Return the owner of a case in an area.

    named: key or name of an organisation, of whose branches the one competent for the area is taken; or a role, for the
    organisation that holds it where the case is. Raises Unavailable when the city has no organisation at all.
    """
    body = Organisation.objects.filter(Q(key=named) | Q(name=named)).order_by("id").first()
    if body is not None:
        return Owner(branch_of(body, area_code), True)
    if named in Role.values:
        holder = _holder(named, area_code)
        if holder is not None:
            return Owner(holder, True)
    centre = Organisation.objects.filter(kind=Organisation.Kind.CENTRE).order_by("id").first()
    if centre is None:
        raise Unavailable("The city has no operations centre, so a case would have no owner. Run `chengyun migrate`.")
    return Owner(centre, False)


def within(organisation_key: str | None, owner: Organisation) -> bool:
    """Say whether an organisation is the owner or stands above it."""
    at: Organisation | None = owner
    while at is not None:
        if at.key == organisation_key:
            return True
        at = at.parent
    return False


def branch_of(body: Organisation, area_code: str) -> Organisation:
    """Return the branch competent for the smallest area the case lies in; the body itself without one."""
    best, reach = body, 0
    for branch in body.children.exclude(area_code="").order_by("id"):
        prefix = prefix_of(branch.area_code)
        if area_code.startswith(prefix) and len(prefix) > reach:
            best, reach = branch, len(prefix)
    return best


def _holder(role: str, area_code: str) -> Organisation | None:
    now = timezone.now()
    held = Assignment.objects.filter(role=role, since__lte=now, organisation__isnull=False).exclude(until__lte=now)
    best: Organisation | None = None
    reach = -1
    for one in held.select_related("organisation").order_by("id"):
        organisation = one.organisation
        prefix = prefix_of(one.area_code or (organisation.area_code if organisation else ""))
        if organisation is not None and area_code.startswith(prefix) and len(prefix) > reach:
            best, reach = organisation, len(prefix)
    return best
