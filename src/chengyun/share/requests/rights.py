# SPDX-License-Identifier: Apache-2.0
"""Who may see, answer and end a request: never for oneself, never further than one's own post reaches."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q
from django.utils.translation import gettext as _

from chengyun.access import delegation
from chengyun.access.actors import Actor, Post
from chengyun.access.grants import database_time
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.access.policy import may
from chengyun.access.predicates import prefix_of
from chengyun.access.rulebook import rulebook
from chengyun.access.services import CENTRE
from chengyun.errors import NotFound, Refused
from chengyun.share.requests.models import Correction, Request

__all__ = [
    "answers", "belongs_to", "require_answer", "require_secure", "require_see", "sees", "stewards_of", "visible",
]  # fmt: skip


def belongs_to(actor: Actor, organisation: Organisation | None) -> bool:
    """Say whether an actor works in a body."""
    keys = {post.organisation for post in actor.posts} | {actor.organisation}
    return organisation is not None and organisation.key in keys


def answers(actor: Actor, asked: Request | Correction) -> bool:
    """Say whether an actor may answer: a steward of the providing body, of its district inside the district alone, or of the
    data bureau once it is overdue; never for their own body."""
    if belongs_to(actor, asked.organisation) or actor.account_id in (_asker(asked), None):
        return False
    return any(_reaches(post, asked) for post in actor.posts)


def sees(actor: Actor, request: Request) -> bool:
    """Say whether an actor may see a request: its own body, whoever answers it, and those who watch over all."""
    watching = may(actor, "request.secure") or delegation.oversees(actor)
    return belongs_to(actor, request.organisation) or answers(actor, request) or watching


def visible(actor: Actor) -> Q:
    """Return the requests, or corrections, that an actor may see, as a condition; `sees` says it of one."""
    if may(actor, "request.secure") or delegation.oversees(actor):
        return Q()
    keys = {post.organisation for post in actor.posts} | {actor.organisation}
    found = Q(organisation__key__in=keys - {None})
    for post in actor.posts:
        if post.role in rulebook().actions["request.answer"][1]:
            inside = Q(area_code__startswith=post.area)
            found |= inside & (Q(provider__key__in=post.bodies) | Q(provider__name__in=post.bodies))
            if _is_bureau(post):
                found |= inside & Q(escalated_at__isnull=False)
            if post.organisation == CENTRE[0]:
                found |= inside & Q(provider=None)
    return found


def require_see(actor: Actor, number: str) -> Request:
    """Return a request. Raises NotFound: absent and not one's own look the same."""
    found = (
        Request.objects.select_related("organisation", "provider", "applicant", "grant", "renews").filter(number=number).first()
    )
    if found is None or not sees(actor, found):
        raise NotFound(_("没有找到这份申请。"))
    return found


def require_answer(actor: Actor, asked: Request | Correction) -> None:
    """Raise Refused unless the actor may answer."""
    if belongs_to(actor, asked.organisation) or actor.account_id == _asker(asked):
        raise Refused(_("不能答复本部门的申请，请由提供部门办理。"), code="not_allowed")
    if not answers(actor, asked):
        raise Refused(_("只有提供部门的数据管理员可以答复，且限于其区域。"), code="not_allowed")


def require_secure(actor: Actor, request: Request) -> None:
    """Raise Refused unless the actor is the second person: a security officer who is neither asker nor first answerer."""
    if not may(actor, "request.secure"):
        raise Refused(_("涉及个人信息的申请须由安全管理员复核。"), code="not_allowed")
    if belongs_to(actor, request.organisation) or actor.account_id in (request.applicant_id, request.agreed_by_id):
        raise Refused(_("复核人不能是申请部门的人员，也不能是作出第一次答复的人。"), code="not_allowed")


def stewards_of(asked: Request | Correction) -> list[Account]:
    """Return those who may answer, to be told: of the provider and its branches there, of the bureau once it is overdue."""
    now = database_time()
    bodies = (
        [asked.provider.pk] if asked.provider else list(Organisation.objects.filter(key=CENTRE[0]).values_list("pk", flat=True))
    )
    known = dict(Organisation.objects.values_list("pk", "parent_id"))
    below = {pk for pk in known if _under(pk, set(bodies), known)}
    if asked.escalated_at:
        below |= set(Organisation.objects.filter(key=rulebook().requests.bureau).values_list("pk", flat=True))
    roles = rulebook().actions["request.answer"][1]
    held = Assignment.objects.filter(in_force_at(now), role__in=roles, organisation_id__in=below).select_related(
        "account", "organisation"
    )
    found = {}
    for one in held:
        area = prefix_of(one.area_code or (one.organisation.area_code if one.organisation else ""))
        if asked.area_code.startswith(area) and one.account.is_active and one.account_id != _asker(asked):
            found[one.account_id] = one.account
    return list(found.values())


def in_force_at(now: object) -> Q:
    return Q(since__lte=now) & (Q(until=None) | Q(until__gt=now))


def _asker(asked: Request | Correction) -> int:
    return asked.applicant_id if isinstance(asked, Request) else asked.reporter_id


def _reaches(post: Post, asked: Request | Correction) -> bool:
    if post.role not in rulebook().actions["request.answer"][1] or not asked.area_code.startswith(post.area):
        return False
    if asked.escalated_at and _is_bureau(post):
        return True
    if asked.provider is None:
        return post.organisation == CENTRE[0]
    return asked.provider.key in post.bodies


def _is_bureau(post: Post) -> bool:
    return post.organisation == rulebook().requests.bureau


def _under(pk: int, roots: set[int], parents: Mapping[int, int | None]) -> bool:
    at: int | None = pk
    seen: set[int] = set()
    while at is not None and at not in seen:
        if at in roots:
            return True
        seen.add(at)
        at = parents.get(at)
    return False
