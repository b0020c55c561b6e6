# SPDX-License-Identifier: Apache-2.0
"""Resources as exports carry them: whole, within what the reader may know of, in an order that stands still while paging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chengyun.access.actors import Actor
from chengyun.share.catalogue.models import Item, Provider, Resource
from chengyun.share.catalogue.search import Choices, listings
from chengyun.share.catalogue.sight import visible

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Record:
    """A resource with its items and what its provider says once for all. related: (code, key or "") of each."""

    resource: Resource
    items: tuple[Item, ...]
    provider_code: str
    contact: str
    related: tuple[tuple[str, str], ...]


def records(actor: Actor, *, choices: Choices | None = None, offset: int = 0, limit: int | None = None) -> Iterator[Record]:
    """Yield resources the actor may know of, by their running number, a batch at a time."""
    rows = listings(actor, choices).order_by("pk").values_list("pk", flat=True)
    end = None if limit is None else offset + limit
    while end is None or offset < end:
        pks = list(rows[offset : offset + (BATCH if end is None else min(BATCH, end - offset))])
        if not pks:
            return
        yield from _batch(actor, pks)
        offset += len(pks)


def _batch(actor: Actor, pks: Sequence[int]) -> Iterator[Record]:
    found = {one.pk: one for one in Resource.objects.filter(pk__in=pks).select_related("provider", "owner")}
    items: dict[int, list[Item]] = {}
    for item in Item.objects.filter(resource__in=pks).order_by("resource_id", "position", "id"):
        items.setdefault(item.resource_id, []).append(item)
    providers = {
        one.organisation_id: one for one in Provider.objects.filter(organisation__in={one.provider_id for one in found.values()})
    }
    keys = _keys(actor, {code for one in found.values() for code in one.related})
    for pk in pks:
        one = found[pk]
        provider = providers.get(one.provider_id) if one.provider_id else None
        yield Record(
            one, tuple(items.get(pk, ())), provider.code if provider else "",
            one.contact or (provider.contact if provider else ""),
            tuple((code, keys.get(code, "")) for code in one.related),
        )  # fmt: skip


def _keys(actor: Actor, codes: set[str]) -> Mapping[str, str]:
    rows = list(Resource.objects.filter(code__in=codes).values_list("pk", "code", "key")) if codes else []
    seen = visible(actor, [row[0] for row in rows])
    return {code: key for pk, code, key in rows if pk in seen and code}
