# SPDX-License-Identifier: Apache-2.0
"""Whose key is whose: parties, and the actor each of them is to the policy."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor, Post, organisation_bodies
from chengyun.access.keystore import SigningKey, signing_key, verify
from chengyun.access.models import Organisation
from chengyun.access.policy import Scope, scope
from chengyun.access.predicates import prefix_of
from chengyun.access.signatures import thumbprint
from chengyun.cases import prepared
from chengyun.errors import NotFound, Refused
from chengyun.share.exchange.messages import SHARED, WINDOW_S, Checked, place_signed, within_window
from chengyun.share.exchange.models import Nonce, Party
from chengyun.share.ledger import queries
from chengyun.share.ledger.heads import SignedHead
from chengyun.share.ledger.shared import Place

__all__ = ["Known", "actor_of", "admit", "admit_many", "end", "read_jwk", "register", "scope_of"]

KNOWN_FOR_S = 1.0
"""How long a grant that was revoked may still be read by: a scope is asked of the policy once a second, not once a message."""


def register(actor: Actor, jwk: Mapping[str, Any], name: str, organisation: Organisation) -> Party:
    """Let a public key speak for an organisation from now on. Raises Refused for a key that is none, or known already."""
    key = read_jwk(jwk)
    try:
        with transaction.atomic():
            made = Party.objects.create(key_id=key["kid"], jwk=key, name=name, organisation=organisation)
            audit.record(actor, "exchange.party", "", key["kid"], detail={"organisation": organisation.key})
    except IntegrityError:
        raise Refused(f"The key {key['kid']} is registered already.", code="party") from None
    return made


def end(actor: Actor, key_id: str) -> None:
    """Take a key's word no longer. What it signed before stays valid."""
    with transaction.atomic():
        if not Party.objects.filter(key_id=key_id, revoked_at=None).update(revoked_at=timezone.now()):
            raise NotFound(f"There is no key {key_id} in force.")
        audit.record(actor, "exchange.party_ended", "", key_id)


def read_jwk(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Return a public key with its thumbprint, nothing else. Raises Refused."""
    kinds = {"OKP": ("kty", "crv", "x"), "EC": ("kty", "crv", "x", "y")}
    words = kinds.get(str(jwk.get("kty")), ()) if isinstance(jwk, Mapping) else ()  # it comes from a file or a stranger
    if not words or not all(isinstance(jwk.get(word), str) for word in words):
        raise Refused("A key is a JWK: kty OKP, crv Ed25519, x; or kty EC, crv SM2, x, y.", code="key", status=400)
    key = {word: str(jwk[word]) for word in words}
    verify(key, b"", b"\0" * 64)
    return {**key, "kid": thumbprint(key)}


def actor_of(party: Party) -> Actor:
    """Return who a party is to the policy: its organisation's system, as the holder of one of its tokens is."""
    organisation = party.organisation
    area = prefix_of(organisation.area_code)
    post = Post("integrator", organisation.key, area, organisation_bodies(organisation))
    return Actor(None, party.name, organisation.key, frozenset({"integrator"}), (area,), (post,))


def scope_of(party: Party, dataset: str, purpose: str, *, counted: bool = False) -> Scope:
    """Return what a party may read. counted: for what is left of a read that was counted, whose grants' ceilings it is below.

    Raises NotFound when that is nothing, Refused where a grant stands still or is used up for today, also beside others: who
    was given their rows alone would take them for all there are, and never ask for the rest again.
    """
    found = scope(actor_of(party), dataset, purpose or None, counted=counted)
    if found.used_up or found.stopped == "frequency":
        raise Refused(found.used_up or found.because, code="frequency", status=429)
    if found.stopped:
        raise Refused(found.because, code=found.stopped)
    if not found.allowed:
        raise NotFound(_("没有找到。"), dataset=dataset)
    return found


def admit(checked: Checked, now: dt.datetime) -> Party:
    """Return who signed a request. Raises Refused (401) for an unknown key, a wrong signature, another time, a repetition."""
    found = admit_many([checked], now, Known())[0]
    if isinstance(found, Refused):
        raise found
    return found


class Known:
    """Parties, scopes, heads and the own key, asked for at most once a second; for one thread."""

    def __init__(self) -> None:
        self._parties: dict[str, tuple[float, Party | None]] = {}
        self._scopes: dict[tuple[str, str, str, bool], tuple[float, Scope]] = {}
        self._heads: dict[str, tuple[float, SignedHead | None]] = {}
        self._key: tuple[float, SigningKey] | None = None

    def party(self, key_id: str) -> Party | None:
        now = time.monotonic()
        known = self._parties.get(key_id)
        if known is None or known[0] < now:
            self._drop(self._parties)
            found = Party.objects.filter(key_id=key_id, revoked_at=None).select_related("organisation").first()
            known = self._parties[key_id] = (now + KNOWN_FOR_S, found)
        return known[1]

    def scope(self, party: Party, dataset: str, purpose: str, *, counted: bool = False) -> Scope:
        """Return what a party may read; see scope_of."""
        now = time.monotonic()
        at = (party.key_id, dataset, purpose, counted)
        known = self._scopes.get(at)
        if known is None or known[0] < now:
            self._drop(self._scopes)
            known = self._scopes[at] = (now + KNOWN_FOR_S, scope_of(party, dataset, purpose, counted=counted))
        return known[1]

    def head(self, log: str) -> SignedHead | None:
        """Return a log's newest signed head; heads are signed once a second."""
        now = time.monotonic()
        known = self._heads.get(log)
        if known is None or known[0] < now:
            known = self._heads[log] = (now + KNOWN_FOR_S, queries.head(log))
        return known[1]

    def key(self) -> SigningKey:
        """Return what this node signs with; the keystore looks at its file each time it is asked."""
        now = time.monotonic()
        if self._key is None or self._key[0] < now:
            self._key = (now + KNOWN_FOR_S, signing_key("node"))
        return self._key[1]

    @staticmethod
    def _drop(kept: dict[Any, Any]) -> None:
        if len(kept) >= 10_000:
            kept.clear()


_ONCE = """
INSERT INTO exchange_nonce AS known (once, at, seen)
SELECT u.once, %s::timestamptz, u.seen FROM unnest(%s::uuid[], %s::varbit[]) AS u (once, seen)
ON CONFLICT (once) DO UPDATE SET seen = known.seen | excluded.seen
WHERE position(B'1' IN known.seen & excluded.seen) = 0
RETURNING encode(uuid_send(once), 'hex')
"""


def admit_many(asked: list[Checked], now: dt.datetime, known: Known) -> list[Party | Refused]:
    """Return for each request who signed it, or why it is not taken. In the caller's transaction, which keeps what was seen."""
    told: list[Party | Refused] = []
    roots: dict[tuple[str, int], dict[int, list[int]]] = {}
    for one in asked:
        try:
            within_window(one, int(now.timestamp()))
            party = known.party(one.key_id)
            place = None if party is None else place_signed(party.jwk, one)
            if party is None or place is None:
                how = " together with others" if one.algorithm.endswith(SHARED) else ""
                raise Refused(
                    f"The key {one.key_id} is not registered here, or did not sign this{how}.", code="signature", status=401
                )  # fmt: skip
            roots.setdefault((once(one.key_id, place), place.size), {}).setdefault(place.index, []).append(len(told))
            told.append(party)
        except Refused as wrong:
            told.append(wrong)
    firsts = {at: list(places) for at, places in roots.items()}
    fresh = _take(firsts, now)
    # One that was seen before stands for all of its root: each is asked for by itself, so that nobody else is refused with it.
    alone = [(at, index) for at, indices in firsts.items() if at not in fresh and len(indices) > 1 for index in indices]
    taken = {(at, index) for at in fresh for index in firsts[at]} | {one for one in alone if _take({one[0]: [one[1]]}, now)}
    for at, places in roots.items():
        for index, found in places.items():
            for number in found[1:] if (at, index) in taken else found:
                told[number] = Refused("This very request was taken before. Sign it anew.", code="replayed", status=401)
    return told


def _take(wanted: Mapping[tuple[str, int], Sequence[int]], now: dt.datetime) -> set[tuple[str, int]]:
    """Note that these messages were seen; return under which roots none of them had been before."""
    # In order, so that two transactions with the same roots cannot lock each other out.
    ordered = sorted(wanted)
    seen = [f"{sum(1 << size - 1 - index for index in wanted[name, size]):0{size}b}" for name, size in ordered]
    names = ",".join(name for name, _ in ordered)
    found = {row[0] for row in prepared.fetch(_ONCE, [now, f"{{{names}}}", f"{{{','.join(seen)}}}"])}
    return {at for at in ordered if at[0] in found}


def once(key_id: str, place: Place) -> str:
    """Return what the root a message is signed under is known again by: 16 bytes in hex, of a key and that root.

    Neither a key's name nor a nonce, which stands for the root of a message alone, holds a comma.
    """
    size = b"%d," % place.size if place.size > 1 else b""
    return hashlib.sha256(b"%s,%s%s" % (key_id.encode(), size, place.root)).hexdigest()[:32]


def forget_nonces(now: dt.datetime) -> int:
    """Drop the nonces of requests that would be refused for their age anyway; return how many."""
    return Nonce.objects.filter(at__lt=now - dt.timedelta(seconds=2 * WINDOW_S + 60)).delete()[0]
