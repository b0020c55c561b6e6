# SPDX-License-Identifier: Apache-2.0
"""Every address that takes signed messages, and what answers there."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused
from chengyun.share.exchange import bulk, entries, following, reading, receipts
from chengyun.share.exchange.models import Receipt, Subscription
from chengyun.share.exchange.parties import actor_of
from chengyun.share.exchange.serving import Asked, Made, Routes, digests_answer, going_on, paged, rows_answer
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
    after = asked.params.get("after", "")
    if "\0" in after:
        raise Refused("after is the key of a resource.", code="parameter", status=400)
    return Made(offering.own(after))


def messages(asked: Asked) -> Made:
    """POST /messages: what a neighbour tells this node."""
    return Made({"results": inbox.take(neighbour_of(asked.party), asked.json("messages").get("messages"))})


def ask_for_file(asked: Asked) -> Made:
    """POST /files: a file is made in the background."""
    value = asked.json("dataset", "purpose", "format", "since", "terms")
    since = value.get("since", 0)
    if type(since) is not int or not 0 <= since < 1 << 63:
        raise Refused("since is a version, a whole number from 0.", code="parameter", status=400)
    dataset, purpose, format = str(value.get("dataset", "")), str(value.get("purpose", "")), str(value.get("format", "parquet"))
    made = bulk.ask_for(asked.party, dataset, purpose, format, since, str(value.get("terms", "")))
    return Made({"file": made.number, "state": made.state}, status=202)


def file_state(asked: Asked) -> Made:
    """GET /files/{number}: how far it is; with the manifest, and a receipt for it, once it is ready."""
    file = bulk.manifest_of(asked.party, asked.words["number"])
    told: dict[str, Any] = {"file": file.number, "state": file.state, "reason": file.reason}
    if file.state != "ready":
        return Made(told)
    scope = asked.known.scope(asked.party, file.dataset, file.purpose, counted=True)
    manifest = file.manifest

    def draft(body: bytes) -> receipts.Draft:
        return receipts.Draft(
            way="file", party=asked.party, consumer=asked.party.organisation.key, dataset=file.dataset, purpose=file.purpose,
            fields=[one["name"] for one in manifest["fields"]], grants=scope.grants, rows=manifest["rows"],
            digest=hashlib.sha256(body).hexdigest(), size=sum(one["bytes"] for one in manifest["parts"]),
            as_of=manifest["as_of"], asked=entries.proof_of(asked.checked),
        )  # fmt: skip

    return Made({**told, "manifest": manifest, "salt": secrets.token_hex(16)}, draft)


def subscribe(asked: Asked) -> Made:
    """POST /subscriptions."""
    value = asked.json("dataset", "purpose", "fields", "url", "since", "terms")
    fields, since = value.get("fields", []), value.get("since")
    if not isinstance(fields, list) or not all(isinstance(one, str) for one in fields):
        raise Refused("fields is a list of field names.", code="parameter", status=400)
    if since is not None and type(since) is not int:
        raise Refused("since is a version, a whole number.", code="parameter", status=400)
    made = following.subscribe(
        asked.party, str(value.get("dataset", "")), str(value.get("purpose", "")), fields=fields, url=str(value.get("url", "")),
        since=since, terms=str(value.get("terms", "")),
    )  # fmt: skip
    return Made(_subscription(made), status=201)


def subscriptions(asked: Asked) -> Made:
    """GET /subscriptions: the party's own."""
    return Made({"subscriptions": [_subscription(one) for one in asked.party.subscriptions.filter(ended_at=None)]})


def followed(asked: Asked) -> Made:
    """GET /subscriptions/{number}/changes: from the version acknowledged, or from any other."""
    one = following.access_subscription(asked.party, asked.words["number"])
    since, limit = asked.whole("from"), asked.whole("limit")
    since = one.version if since is None else since
    going = going_on(asked, one.dataset, one.purpose, since)
    page = following.page_of(one, going, since, 100 if limit is None else limit)
    return paged(asked, going.scope, page, "subscription", since)


def acknowledge(asked: Asked) -> Made:
    """POST /subscriptions/{number}/acknowledge."""
    one = following.access_subscription(asked.party, asked.words["number"])
    value = asked.json("version", "terms")
    version = value.get("version")
    if type(version) is not int:
        raise Refused("version is a whole number.", code="parameter", status=400)
    following.acknowledge(one, version, str(value.get("terms", "")))
    return Made({"version": version})


def unsubscribe(asked: Asked) -> Made:
    """DELETE /subscriptions/{number}."""
    following.end(following.access_subscription(asked.party, asked.words["number"]))
    return Made({"ended": True})


def _subscription(one: Subscription) -> dict[str, Any]:
    names = ("number", "dataset", "purpose", "fields", "url", "version", "terms", "anew", "failures", "reason", "retry_at")
    return {name: getattr(one, name) for name in names}


ROUTES: Routes = {
    ("POST", "/files"): ask_for_file,
    ("GET", "/files/{number}"): file_state,
    ("POST", "/subscriptions"): subscribe,
    ("GET", "/subscriptions"): subscriptions,
    ("GET", "/subscriptions/{number}/changes"): followed,
    ("POST", "/subscriptions/{number}/acknowledge"): acknowledge,
    ("DELETE", "/subscriptions/{number}"): unsubscribe,
    ("GET", "/receipts"): open_receipts,
    ("POST", "/receipts/{number}/disclaimer"): disclaim,
    ("GET", "/catalogue"): catalogue,
    ("POST", "/messages"): messages,
    ("GET", "/datasets"): datasets,
    ("GET", "/rows"): rows_answer,
    ("GET", "/changes"): rows_answer,
    ("GET", "/digests"): digests_answer,
    ("GET", "/receipts/{number}"): receipt,
    ("POST", "/receipts/{number}/countersignature"): countersign,
}


def _uuids(text: str) -> list[str]:
    import uuid

    try:
        return [str(uuid.UUID(text))]
    except ValueError:
        return []
