# SPDX-License-Identifier: Apache-2.0
"""Neighbours: known by keys somebody compared by another way than the network, and spoken with by those keys alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.keystore import older_keys, signing_key
from chengyun.access.models import Organisation
from chengyun.collect.pull import outside
from chengyun.config import config
from chengyun.errors import Malformed, NotFound, Refused, Unavailable, nearest
from chengyun.share.exchange import parties
from chengyun.share.exchange.client import ANSWERED_WITHIN_S, Client, published
from chengyun.share.exchange.models import Party
from chengyun.share.federation import successors
from chengyun.share.federation.models import Neighbour

__all__ = [
    "Line",
    "Statistics",
    "access_neighbour",
    "add",
    "answered",
    "client_of",
    "failed",
    "neighbour_of",
    "pause",
    "statistics_of",
]

ASK_WITHIN_S = 15.0


def add(actor: Actor, name: str, address: str, thumbprints: Sequence[str], title: str = "", area_code: str = "") -> Neighbour:
    """Pin a neighbour's keys and give it a place in our policy.

    thumbprints: of its keys, learnt from its people, not from its address; only keys that have one of them are pinned.
    Raises Refused when its address shows no such key, Unavailable when it does not answer, or not to an end.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,62}", name) or name == config().node:
        raise Refused(f"name is {name!r}, expected the neighbour's own: small letters, digits, dots and hyphens, not ours.")
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?", address):
        raise Refused(f"address is {address!r}, expected that of its exchange, e.g. https://haishu.example/exchange/v1.")
    if not thumbprints:
        raise Refused("No thumbprint is given. Ask the neighbour's people for that of its key: `chengyun federation key`.")
    shown = _keys_at(address.rstrip("/"), name)
    missing = [one for one in thumbprints if one not in shown]
    if missing:
        raise Refused(f"{address} shows no key {missing[0]}; it shows {', '.join(shown) or 'none'}. Compare them again.")
    with transaction.atomic():
        organisation, _ = Organisation.objects.get_or_create(
            key=f"node-{name.replace('.', '-')}",
            defaults={"name": title or name, "kind": Organisation.Kind.CENTRE, "area_code": area_code},
        )
        keys = {one: shown[one] for one in thumbprints}
        made, _ = Neighbour.objects.update_or_create(
            name=name,
            defaults={
                "address": address.rstrip("/"), "keys": keys, "organisation": organisation, "title": title or name,
                "active": True,
            },
        )  # fmt: skip
        for key_id, jwk in keys.items():
            if not Party.objects.filter(key_id=key_id).exists():
                parties.register(actor, jwk, made.title, organisation)
        audit.record(actor, "federation.neighbour", "", name, detail={"keys": list(keys), "address": made.address})
    return made


def pause(actor: Actor, name: str, *, active: bool) -> None:
    """Stop or take up again speaking with a neighbour. Its keys stay pinned; what waits for it waits."""
    with transaction.atomic():
        if not Neighbour.objects.filter(name=name).update(active=active):
            raise NotFound(f"There is no neighbour {name!r}.")
        audit.record(actor, "federation.resumed" if active else "federation.paused", "", name)


def access_neighbour(name: str) -> Neighbour:
    """Return a neighbour by name. Raises NotFound with the nearest."""
    found = Neighbour.objects.filter(name=name).select_related("organisation").first()
    if found is None:
        known = Neighbour.objects.values_list("name", flat=True)
        raise NotFound(f"There is no neighbour {name!r}.{nearest(name, known)}")
    return found


def neighbour_of(party: Party) -> Neighbour:
    """Return the neighbour a key belongs to. Raises NotFound for a key of a department's."""
    found = Neighbour.objects.filter(keys__has_key=party.key_id, active=True).select_related("organisation").first()
    if found is None:
        raise NotFound("Messages between nodes are taken from neighbours alone.")
    return found


def client_of(neighbour: Neighbour) -> Client:
    """Return how a neighbour is spoken with, signed by this node's key."""
    http = outside.client(ASK_WITHIN_S, ANSWERED_WITHIN_S)
    return Client(
        neighbour.address, signing_key("node"), neighbour.keys, http, lambda told: successors.follow(neighbour, told),
        older_keys("node"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """How much a consumer was given of a dataset on a day."""

    consumer: str
    dataset: str
    exchanges: int
    rows: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a neighbour publishes. since, until: local days, the last exclusive, as it writes them."""

    since: str
    until: str
    lines: tuple[Line, ...]


def statistics_of(neighbour: Neighbour) -> Statistics:
    """Return what a neighbour publishes of its exchanges: unsigned, so for people to read. Raises as `published` does."""
    client = client_of(neighbour)
    try:
        told = client.published("/statistics")
        lines = [
            Line(_word(one["consumer"]), _word(one["dataset"]), int(one["exchanges"]), int(one["rows"])) for one in told["days"]
        ]
        return Statistics(_word(told["since"]), _word(told["until"]), tuple(lines))
    except (ValueError, KeyError, TypeError) as wrong:
        raise Malformed(f"{neighbour.name} does not publish statistics as they are written: {type(wrong).__name__}.") from wrong
    finally:
        client.close()


def answered(neighbour: Neighbour) -> None:
    """Note that a neighbour answered."""
    Neighbour.objects.filter(pk=neighbour.pk).update(seen_at=timezone.now(), failing_since=None, reason="")


def failed(neighbour: Neighbour, why: str, now: dt.datetime) -> None:
    """Note that a neighbour did not; the first time counts."""
    Neighbour.objects.filter(pk=neighbour.pk, failing_since=None).update(failing_since=now)
    Neighbour.objects.filter(pk=neighbour.pk).update(reason=why[:300])


def _word(told: object) -> str:
    """Return a word for a terminal: nothing in it that moves what was written before."""
    return "".join(one for one in str(told)[:128] if one.isprintable())


def _keys_at(address: str, name: str) -> dict[str, dict[str, str]]:
    with outside.client(ASK_WITHIN_S, ASK_WITHIN_S) as http:
        found: Any = published(http, f"{address}/keys")
    try:
        keys = [parties.read_jwk(one) for one in found["keys"]]
        called = found["node"]
    except (ValueError, KeyError, TypeError, Refused) as wrong:
        raise Unavailable(f"{address}/keys does not show a node's keys: {type(wrong).__name__}.") from wrong
    if called != name:
        raise Refused(f"The node at {address} calls itself {str(called)[:63]!r}, not {name!r}.")
    return {one["kid"]: one for one in keys}
