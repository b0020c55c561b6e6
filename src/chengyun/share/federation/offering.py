# SPDX-License-Identifier: Apache-2.0
"""Catalogues between nodes: ours as everybody may see it, and what neighbours offer."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from chengyun.errors import Malformed, Problem
from chengyun.share.catalogue.models import Resource
from chengyun.share.exchange.client import Client
from chengyun.share.federation import neighbours
from chengyun.share.federation.models import Neighbour, Offered
from chengyun.share.ledger.verifier import canonical

__all__ = ["harvest", "harvest_all", "own"]

PUBLIC = ("key", "kind", "name", "name_en", "summary", "class_code", "code", "sharing", "condition", "open", "cycle", "personal")
"""What of a resource another node is told: that it exists and how it may be had, never contacts, owners or places."""
PAGE = 500

log = logging.getLogger(__name__)


def own(after: str, limit: int = PAGE) -> dict[str, Any]:
    """Return a page of this node's published resources, by key. What is secret does not exist here."""
    found = Resource.objects.filter(state=Resource.State.PUBLISHED, secret=False, origin="", key__gt=after).order_by("key")
    page = list(found.select_related("provider").prefetch_related("items")[: limit + 1])
    return {
        "resources": [_document(one) for one in page[:limit]],
        "next": page[limit - 1].key if len(page) > limit else None,
    }  # fmt: skip


def harvest_all() -> int:
    """Harvest every neighbour; return how many answered."""
    count = 0
    for one in Neighbour.objects.filter(active=True):
        client = neighbours.client_of(one)
        try:
            harvest(one, client)
            count += 1
        except Problem as wrong:
            neighbours.failed(one, wrong.sentence, timezone.now())
        except (LookupError, TypeError, ValueError, AttributeError, DatabaseError) as wrong:
            log.exception("the catalogue of %s could not be kept", one.name)
            neighbours.failed(one, f"Its catalogue cannot be kept: {type(wrong).__name__}.", timezone.now())
        finally:
            client.close()
    return count


def harvest(neighbour: Neighbour, client: Client) -> int:
    """Take a neighbour's catalogue as it is now; return how many resources are new or changed.

    One that it no longer tells of is marked as gone, only when the whole catalogue was read.
    """
    found: dict[str, dict[str, Any]] = {}
    after, seen = "", set[str]()
    while True:
        page = client.get("/catalogue", after=after or None).json()
        for one in page["resources"]:
            found[str(one["key"])[:128]] = _taken(one)
        if not page.get("next"):
            break
        after = str(page["next"])
        if after in seen:
            raise Malformed(f"The pages of {neighbour.name}'s catalogue run in a circle.", code="paging")
        seen.add(after)
    now, changed = timezone.now(), 0
    with transaction.atomic():
        known = {one.key: one for one in Offered.objects.select_for_update().filter(neighbour=neighbour)}
        for key, document in found.items():
            digest = hashlib.sha256(canonical(document)).hexdigest()
            one = known.get(key)
            changed += one is None or one.digest != digest or one.gone_at is not None
            Offered.objects.update_or_create(
                neighbour=neighbour, key=key, defaults={"document": document, "digest": digest, "seen_at": now, "gone_at": None}
            )
        gone = [one.pk for key, one in known.items() if key not in found and one.gone_at is None]
        Offered.objects.filter(pk__in=gone).update(gone_at=now)
        Neighbour.objects.filter(pk=neighbour.pk).update(harvested_at=now)
    neighbours.answered(neighbour)
    return changed


def _document(resource: Resource) -> dict[str, Any]:
    told = {name: getattr(resource, name) for name in PUBLIC}
    told["code"] = told["code"] or ""
    told["provider"] = resource.provider.name if resource.provider else resource.provider_name
    told["items"] = [{"key": it.key, "name": it.name, "type": it.type, "personal": it.personal} for it in resource.items.all()]
    return told


def _taken(document: dict[str, Any]) -> dict[str, Any]:
    """Return of what a neighbour tells what a node may tell, as plain texts of bounded length: it is shown on our pages."""
    told: dict[str, Any] = {}
    for name in (*PUBLIC, "provider"):
        value = document.get(name, "")
        told[name] = value if isinstance(value, bool) else str(value)[:2000]
    items = document.get("items")
    every = [one for one in (items if isinstance(items, list) else []) if isinstance(one, dict)]
    told["items"] = [{name: str(one.get(name, ""))[:200] for name in ("key", "name", "type")} for one in every[:500]]
    return told
