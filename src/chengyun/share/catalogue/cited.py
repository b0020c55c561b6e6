# SPDX-License-Identifier: Apache-2.0
"""The laws by which resources are kept back (不予共享): told to whoever may know of the resource."""

from __future__ import annotations

from collections.abc import Iterator

from chengyun.access.actors import Actor
from chengyun.share.catalogue.models import Listing, Resource
from chengyun.share.catalogue.sight import listed
from chengyun.share.registers.citations import Source

__all__ = ["of_resources"]

MOST = 2_000


def of_resources(actor: Actor) -> Iterator[Source]:
    """Yield what published resources that are not shared name as their ground."""
    known = Listing.objects.filter(listed(actor), state=Resource.State.PUBLISHED, sharing="none").values("pk")
    rows = Resource.objects.filter(pk__in=known).exclude(basis="").order_by("key")
    for key, basis, since in rows.values_list("key", "basis", "published_on")[:MOST]:
        yield Source("", key, basis, since, "resource")
