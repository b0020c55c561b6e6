# SPDX-License-Identifier: Apache-2.0
"""Who may change what the catalogue says of a resource: those who may edit, in the body that provides it or above it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.errors import Refused
from chengyun.share.catalogue.models import Resource


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


def require_edit(actor: Actor, one: Resource) -> None:
    """Raise Refused when the actor may not change a resource."""
    if not may_edit(actor, one):
        raise Refused(
            _("只有提供方“%s”或其上级的数据管理员和经办人可以修改。") % (one.provider_name or "—"),
            code="not_allowed",
            key=one.key,
        )


def _chain(body: Organisation | None) -> set[str]:
    """Return the keys of a body and of those above it."""
    keys: set[str] = set()
    while body is not None and body.key not in keys:
        keys.add(body.key)
        body = body.parent
    return keys
