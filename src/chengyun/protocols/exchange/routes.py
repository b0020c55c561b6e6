# SPDX-License-Identifier: Apache-2.0
"""Every address that takes signed messages, and what answers there."""

from __future__ import annotations

from typing import Any

from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound
from chengyun.share.exchange import reading, receipts
from chengyun.share.exchange.models import Receipt
from chengyun.share.exchange.parties import actor_of
from chengyun.share.exchange.serving import Asked, Made, Routes, rows_answer
from chengyun.share.exchange.sources import kind_of
from chengyun.share.federation import inbox, offering
from chengyun.share.federation.neighbours import neighbour_of

__all__ = ["ROUTES"]


def datasets(asked: Asked) -> Made:
    """GET /datasets: what the party may read, for a purpose; what it may not read is not there."""
    actor, purpose = actor_of(asked.party), asked.params.get("purpose") or None
    told: list[dict[str, Any]] = []
    for key, facts in rulebook().datasets.items():
        if facts.kind == "kernel":
            continue
        allowed = scope(actor, key, purpose)
        if not allowed.allowed:
            continue
        told.append({
            "key": key, "name": facts.name, "kind": kind_of(key), "owner": facts.owner, "personal": facts.personal,
            "because": allowed.because, "grants": list(allowed.grants), "version": reading.version_of(key),
            "fields": [{"name": one.name, "type": one.type} for one in reading.columns_of(allowed, key)],
        })  # fmt: skip
    return Made({"datasets": told})


def receipt(asked: Asked) -> Made:
    """GET /receipts/{number}: the receipt file of one of the party's own."""
    own = Receipt.objects.filter(consumer=asked.party.organisation.key)
    number = asked.words["number"]
    # The name is looked up as text first: whatever it is, it is nothing of this party's.
    if not any(str(one) == number for one in own.filter(number__in=_uuids(number)).values_list("number", flat=True)):
        raise NotFound(f"There is no receipt {number[:64]!r} of yours.")
    return Made(receipts.bundle(number))


def countersign(asked: Asked) -> Made:
    """POST /receipts/{number}/countersignature."""
    word = asked.json("countersignature", "signature")
    said = word.get("countersignature")
    if not isinstance(said, dict) or said.get("receipt") != asked.words["number"]:
        raise NotFound("The countersignature is of another receipt than the address names.")
    return Made({"countersigned": True, "new": receipts.countersign(asked.party, word, asked.now)})


def disclaim(asked: Asked) -> Made:
    """POST /receipts/{number}/disclaimer: what it speaks of never arrived."""
    word = asked.json("disclaimer", "signature")
    said = word.get("disclaimer")
    if not isinstance(said, dict) or said.get("receipt") != asked.words["number"]:
        raise NotFound("The disclaimer is of another receipt than the address names.")
    return Made({"disclaimed": True, "new": receipts.disclaim(asked.party, word, asked.now)})


def open_receipts(asked: Asked) -> Made:
    """GET /receipts: the numbers of those the party has neither countersigned nor disclaimed."""
    return Made({"receipts": receipts.open_of(asked.party)})


def catalogue(asked: Asked) -> Made:
    """GET /catalogue: what there is, as every node may know."""
    return Made(offering.own(asked.params.get("after", "")))


def messages(asked: Asked) -> Made:
    """POST /messages: what a neighbour tells this node."""
    return Made({"results": inbox.take(neighbour_of(asked.party), asked.json("messages").get("messages"))})


ROUTES: Routes = {
    ("GET", "/receipts"): open_receipts,
    ("POST", "/receipts/{number}/disclaimer"): disclaim,
    ("GET", "/catalogue"): catalogue,
    ("POST", "/messages"): messages,
    ("GET", "/datasets"): datasets,
    ("GET", "/rows"): rows_answer,
    ("GET", "/changes"): rows_answer,
    ("GET", "/receipts/{number}"): receipt,
    ("POST", "/receipts/{number}/countersignature"): countersign,
}


def _uuids(text: str) -> list[str]:
    import uuid

    try:
        return [str(uuid.UUID(text))]
    except ValueError:
        return []
