# SPDX-License-Identifier: Apache-2.0
"""Who may change what the catalogue says: those who may edit, in the body that provides it or above it; two persons each time."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.access.services import CENTRE
from chengyun.errors import Refused
from chengyun.share.catalogue.models import ElementChange, Resource, Revision

WHOLE_CITY: frozenset[str | None] = frozenset({None, CENTRE[0]})
"""Bodies whose posts reach every body's resources: the centre; None: a post of no body."""


def may_edit(actor: Actor, one: Resource) -> bool:
    """Say whether an actor may propose changes of a resource. A post without a body is the whole city's."""
    if "system" in actor.roles:
        return True
    chain = _chain(one.provider)
    roles = rulebook().actions["catalogue.edit"][1]
    return any(
        post.role in roles and one.area_code.startswith(post.area)
        and (post.organisation is None or not chain or post.organisation in chain)
        for post in actor.posts
    )  # fmt: skip


def may_review(actor: Actor, one: Resource) -> bool:
    """Say whether an actor may let changes of a resource through: of its provider, of a body above it, of the centre, or of the
    data bureau, in an area that holds the resource's. `sight.reviewed` says it of many."""
    if "system" in actor.roles:
        return True
    bodies = WHOLE_CITY | {rulebook().requests.bureau, *_chain(one.provider)}
    roles = rulebook().actions["catalogue.review"][1]
    return any(post.role in roles and one.area_code.startswith(post.area) and post.organisation in bodies for post in actor.posts)


def may_speak_for(actor: Actor, body: Organisation) -> bool:
    """Say whether an actor may put lines of a body on the three lists, settle them and take them off.

    The body itself, those above it, and who keeps the lists for all: the centre and the data bureau.
    """
    if "system" in actor.roles:
        return True
    bodies = WHOLE_CITY | {rulebook().requests.bureau, *_chain(body)}
    roles = rulebook().actions["catalogue.edit"][1]
    return any(
        post.role in roles and post.organisation in bodies and (not body.area_code or body.area_code.startswith(post.area))
        for post in actor.posts
    )


def require_edit(actor: Actor, one: Resource) -> None:
    """Raise Refused when the actor may not change a resource."""
    if not may_edit(actor, one):
        raise Refused(
            _("只有提供方“%s”或其上级的数据管理员和经办人可以修改。") % (one.provider_name or "—"),
            code="not_allowed",
            key=one.key,
        )


def sign_off(actor: Actor, one: Revision | ElementChange, *, accept: bool, note: str, now: dt.datetime) -> None:
    """Put the reviewer's name under a submitted change. Raises Refused for the editor's own, or one returned without a reason."""
    if one.state != type(one).State.SUBMITTED:
        raise Refused(_("此修改不在待审核状态，可能已被他人处理；请刷新。"), code="not_submitted")
    if one.author_id == actor.account_id:
        raise Refused(_("编辑人不能审核自己的修改；请由另一人审核。"), code="four_eyes")
    if not accept and not note.strip():
        raise Refused(_("退回须写明原因。"), code="reason_missing")
    one.reviewer_id, one.reviewer_name, one.reviewed_at = actor.account_id, actor.name[:100], now
    one.note = note.strip()[:500]


def _chain(body: Organisation | None) -> set[str]:
    """Return the keys of a body and of those above it."""
    keys: set[str] = set()
    while body is not None and body.key not in keys:
        keys.add(body.key)
        body = body.parent
    return keys
