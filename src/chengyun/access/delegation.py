# SPDX-License-Identifier: Apache-2.0
"""Who may appoint whom, along the tree of bodies and areas: inside one's own post, never more than it, never oneself.

    whole city's administrator          every role, every body; of the body at the root, or of none, for no area
      └─ a body's or district's         the roles [delegation] lists, in its body and those below, inside its area, no longer
         └─ its steward                 than its own post; a steward moreover only what it could do itself

Separation of powers stays where it was: services.assign looks for two powers in one person whoever appoints.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.grants import database_time
from chengyun.access.models import Account, Assignment, Organisation, Role
from chengyun.access.policy import may, require
from chengyun.access.predicates import prefix_of
from chengyun.access.rulebook import rulebook
from chengyun.errors import Refused

__all__ = [
    "appointable", "audited", "bodies", "managed", "oversees", "posts", "require_account", "require_appointment", "require_body",
    "roles", "whole",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far one post delegates. body: its number; None: all bodies. bodies: it and those below."""

    role: str
    area: str
    body: int | None
    bodies: frozenset[int]
    until: dt.datetime | None

    @property
    def whole(self) -> bool:
        return self.body is None and not self.area and self.role == "administrator"

    def holds(self, organisation: Organisation | None, area_code: str) -> bool:
        """Say whether a post there lies inside: its body below, its area within."""
        if self.whole:
            return True
        area = prefix_of(area_code or (organisation.area_code if organisation else ""))
        below = self.body is None or (organisation is not None and organisation.pk in self.bodies)
        return below and area.startswith(self.area)

    def own(self) -> Q:
        """Return the bodies it reaches, as a condition."""
        if self.whole:
            return Q()
        return Q(area_code__startswith=self.area) if self.body is None else Q(pk__in=self.bodies)


def whole(actor: Actor) -> bool:
    """Say whether an actor administers the whole city."""
    return "system" in actor.roles or any(one.whole for one in _reaches(actor))


def oversees(actor: Actor) -> bool:
    """Say whether an actor checks what everybody did and asked: a role nobody delegates, or the whole city's administrator."""
    checks = rulebook().actions["audit.read"][1]
    return bool(actor.roles & (set(checks) - set(rulebook().delegation))) or (may(actor, "audit.read") and whole(actor))


def audited(actor: Actor) -> Q:
    """Return the audit records an actor checks, as a condition: all, or those of the accounts it administers."""
    if oversees(actor):
        return Q()
    return Q(account_id__in=list(Account.objects.filter(managed(actor)).values_list("pk", flat=True)))


def roles(actor: Actor) -> frozenset[str]:
    """Return the roles an actor may give to somebody somewhere."""
    if whole(actor):
        return frozenset(Role.values)
    return frozenset(role for one in _reaches(actor) for role in _gives(one.role))


def bodies(actor: Actor) -> Q:
    """Return the bodies an actor appoints in, as a condition."""
    return _any(one.own() for one in _reaches(actor)) if not whole(actor) else Q()


def appointable(actor: Actor) -> Q:
    """Return the accounts an actor may give a role to, as a condition: those of the bodies it appoints in."""
    return Q(organisation__in=Organisation.objects.filter(bodies(actor))) if not whole(actor) else Q()


def posts(actor: Actor) -> Q:
    """Return the assignments an actor could have given, and so may end, as a condition."""
    if whole(actor):
        return Q()
    found = []
    for one in _reaches(actor):
        inside = Q(area_code__startswith=one.area) & ~Q(area_code="") | Q(
            area_code="", organisation__area_code__startswith=one.area
        )
        if not one.area:
            inside |= Q(organisation=None)
        if one.body is not None:
            inside &= Q(organisation__in=one.bodies)
        own = Q(account__organisation__in=Organisation.objects.filter(one.own()))
        found.append(Q(role__in=_gives(one.role)) & inside & own)
    return _any(found)


def require_appointment(
    actor: Actor, account: Account, role: str, organisation: Organisation | None, area_code: str, until: dt.datetime | None
) -> None:
    """Raise Refused unless the actor may give this role, there, for so long, to this person."""
    require(actor, "role.assign")
    if whole(actor):
        return
    for one in _reaches(actor):
        if role not in _gives(one.role) or not one.holds(organisation, area_code):
            continue
        if one.until is not None and (until is None or until > one.until):
            raise Refused(_("任命不能长于您自己的任期。"), code="outlasts")
        if account.organisation is None or not Organisation.objects.filter(one.own(), pk=account.organisation.pk).exists():
            raise Refused(_("%s 不是您所辖部门的人员。") % account, code="not_allowed")
        return
    raise Refused(_("只能在您所辖的部门和区域内任命，且不超过您自己的权限。"), code="not_allowed")


def require_account(actor: Actor, account: Account) -> None:
    """Raise Refused unless all an account does lies inside what the actor administers: whoever invites it can become it."""
    require(actor, "account.manage")
    if whole(actor):
        return
    if not Account.objects.filter(managed(actor), pk=account.pk).exists():
        raise Refused(_("%s 不在您所辖的部门和区域内。") % account, code="not_allowed")


def require_body(actor: Actor, organisation: Organisation | None) -> None:
    """Raise Refused unless an account of this body may be made by the actor."""
    require(actor, "account.manage")
    if not whole(actor) and not any(one.role == "administrator" and one.holds(organisation, "") for one in _reaches(actor)):
        raise Refused(_("只能为您所辖的部门建立账号。"), code="not_allowed")


def managed(actor: Actor) -> Q:
    """Return the accounts an administrator administers, as a condition: of bodies inside, and without a post outside."""
    if whole(actor):
        return Q()
    found = Q(pk__in=[])
    now = database_time()
    for one in _reaches(actor):
        if one.role != "administrator":
            continue
        inside = Q(organisation__in=Organisation.objects.filter(one.own()))
        outside = {
            held.account_id
            for held in Assignment.objects.exclude(until__lte=now).select_related("organisation")
            if not one.holds(held.organisation, held.area_code) or held.role not in rulebook().delegation.get(one.role, ())
        }
        found |= inside & ~Q(pk__in=outside)
    return found


def _reaches(actor: Actor) -> list[_Reach]:
    if actor.account_id is None or not may(actor, "role.assign"):
        return []
    now = database_time()
    held = Assignment.objects.filter(account_id=actor.account_id, role__in=rulebook().delegation, since__lte=now)
    parents = dict(Organisation.objects.values_list("pk", "parent_id"))
    found = []
    for one in held.exclude(until__lte=now).select_related("organisation", "account__organisation"):
        body = one.organisation or one.account.organisation
        area = prefix_of(one.area_code or (body.area_code if body else ""))
        # Administrators of the centre stand above no department: with an area alone they reach every body in it.
        below = frozenset(pk for pk in parents if body is not None and _under(pk, body.pk, parents))
        central = body is None or body.parent_id is None
        root = None if one.role == "administrator" and central else body.pk if body else None
        found.append(_Reach(one.role, area, root, below, one.until))
    return found


def _any(conditions: Iterable[Q]) -> Q:
    return functools.reduce(operator.or_, conditions, Q(pk__in=[]))


def _under(pk: int | None, root: int, parents: Mapping[int, int | None]) -> bool:
    seen: set[int] = set()
    while pk is not None and pk not in seen:
        if pk == root:
            return True
        seen.add(pk)
        pk = parents.get(pk)
    return False


def _gives(own: str) -> frozenset[str]:
    """Return the roles a post of a role may give: those [delegation] lists; a steward's none beyond its own powers."""
    given = rulebook().delegation[own]
    return frozenset(role for role in given if own == "administrator" or _powers(role) <= _powers(own))


def _powers(role: str) -> frozenset[str]:
    """Return what a role may do and read, as names."""
    book = rulebook()
    deeds = {key for key, (_name, roles) in book.actions.items() if role in roles}
    return frozenset(deeds | {reading.name for reading, roles in book.readings if role in roles})
