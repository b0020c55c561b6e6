# SPDX-License-Identifier: Apache-2.0
"""Who may know that a resource exists: one condition, used by every list, count, facet, page and export.

That data exists is no secret (国发〔2016〕51号: 目录 is what sharing begins with), so whoever the policy lets read the dataset
`catalogue` sees what is published. A draft is its provider's and the reviewers'; what is marked secret (涉密) is its provider's
alone, and not even counted for others.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import scope
from chengyun.access.predicates import area_in, as_q
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound
from chengyun.share.catalogue.models import Listing, Resource
from chengyun.share.catalogue.rights import WHOLE_CITY

EVERYONE, PROVIDER_AND_REVIEWERS, PROVIDER = 0, 1, 2
NOTHING = Q(pk__in=[])


def listed(actor: Actor) -> Q:
    """Return the condition on Listing of what an actor may know of."""
    public = scope(actor, "catalogue")
    seen = (Q(audience=EVERYONE) & public.q("area_code")) if public.allowed else NOTHING
    if "system" in actor.roles:
        return Q(audience__gte=EVERYONE)
    editing = [post for post in actor.posts if post.role in rulebook().actions["catalogue.edit"][1] and post.organisation]
    if editing:
        very, below = _bodies({str(post.organisation) for post in editing})
        seen |= Q(audience=PROVIDER_AND_REVIEWERS, provider__in=below) | Q(audience=PROVIDER, provider__in=very)
    return seen | (Q(audience=PROVIDER_AND_REVIEWERS) & reviewed(actor))


def reviewed(actor: Actor) -> Q:
    """Return the condition on Listing of what an actor may let changes of through; `rights.may_review` says it of one."""
    if "system" in actor.roles:
        return Q()
    found = NOTHING
    for post in actor.posts:
        if post.role in rulebook().actions["catalogue.review"][1]:
            wide = post.organisation in WHOLE_CITY | {rulebook().requests.bureau}
            if wide and not post.area:
                return Q()
            inside = as_q(area_in(post.area), "area_code")
            found |= inside if wide else inside & Q(provider__in=_bodies({str(post.organisation)})[1])
    return found


def access_resource(actor: Actor, key: str, *, lock: bool = False) -> Resource:
    """Return a resource the actor may know of. Raises NotFound."""
    rows = Resource.objects.select_for_update(of=("self",)) if lock else Resource.objects.select_related("provider", "owner")
    found = rows.filter(key=key).first()
    if found is None or not Listing.objects.filter(listed(actor), pk=found.pk).exists():
        raise NotFound(f"There is no resource {key!r} in the catalogue.", code="not_found")
    return found


def visible(actor: Actor, pks: Iterable[int]) -> set[int]:
    """Return those resources the actor may know of."""
    return set(Listing.objects.filter(listed(actor), pk__in=list(pks)).values_list("pk", flat=True))


def _bodies(keys: set[str]) -> tuple[list[int], list[int]]:
    """Return the organisations of these keys, and those with all that stand below them. A city has hundreds, not millions."""
    rows = {pk: (key, parent) for pk, key, parent in Organisation.objects.values_list("pk", "key", "parent_id")}
    very = [pk for pk, (key, _parent) in rows.items() if key in keys]
    below = []
    for pk in rows:
        at: int | None = pk
        passed: set[int] = set()
        while at is not None and at not in passed:
            if at in very:
                below.append(pk)
                break
            passed.add(at)
            at = rows[at][1]
    return very, below
