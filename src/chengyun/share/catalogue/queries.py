# SPDX-License-Identifier: Apache-2.0
"""What is asked of one resource: itself, its items, its versions; always within what the actor may know of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from chengyun.access.actors import Actor
from chengyun.share.catalogue.models import DataElement, Item, Resource, Revision
from chengyun.share.catalogue.search import search
from chengyun.share.catalogue.sight import access_resource, visible

__all__ = ["ElementUse", "elements", "items_of", "resource", "revisions", "search", "siblings"]


@dataclass(frozen=True, slots=True)
class ElementUse:
    """A data element and where it is kept: (resource key, its name, field, whether that is the source of record)."""

    element: DataElement
    kept_in: tuple[tuple[str, str, str, bool], ...]


def resource(actor: Actor, key: str) -> Resource:
    """Return a resource. Raises NotFound when there is none, or the actor may not know of it."""
    return access_resource(actor, key)


def items_of(one: Resource) -> list[Item]:
    """Return a resource's items in their order."""
    return list(one.items.select_related("element").order_by("position", "id"))


def revisions(one: Resource, actor: Actor, limit: int = 50) -> list[Revision]:
    """Return a resource's accepted versions, newest first; to its own editors and reviewers also what is under way."""
    rows = one.revisions.filter(Q(state=Revision.State.ACCEPTED) | Q(author=actor.account_id, author__isnull=False))
    return list(rows.order_by("-made_at", "-id")[:limit])


def siblings(actor: Actor, one: Resource) -> list[tuple[str, str]]:
    """Return (key, name) of related resources: those it names by code."""
    rows = list(Resource.objects.filter(code__in=one.related).order_by("key")) if one.related else []
    seen = visible(actor, [it.pk for it in rows])
    return [(it.key, it.name) for it in rows if it.pk in seen]


def elements(actor: Actor, keys: Iterable[str] | None = None, text: str = "", *, withdrawn: bool = False) -> list[ElementUse]:
    """Return data elements with every place they are kept that the actor may know of, by key.

    text: what a key, a name, a synonym or the definition holds. withdrawn: those that are used no more.
    """
    rows = DataElement.objects.filter(withdrawn=withdrawn)
    if keys is not None:
        rows = rows.filter(key__in=list(keys))
    for word in text.split():
        either = Q(synonyms__icontains=word)
        for name in ("key", "name", "name_en", "definition"):
            either |= Q(**{f"{name}__icontains": word})
        rows = rows.filter(either)
    kept: dict[str, list[tuple[int, str, str, str, bool]]] = {}
    bound = (
        Item.objects.filter(element__in=rows).exclude(resource__state=Resource.State.WITHDRAWN).order_by("resource__key", "key")
    )
    for element, pk, key, name, field, source in bound.values_list(
        "element_id", "resource_id", "resource__key", "resource__name", "key", "source_of_record"
    ):
        kept.setdefault(str(element), []).append((pk, key, name, field, source))
    seen = visible(actor, {it[0] for uses in kept.values() for it in uses})
    return [
        ElementUse(row, tuple(it[1:] for it in kept.get(row.key, ()) if it[0] in seen)) for row in rows.order_by("key")
    ]  # fmt: skip
