# SPDX-License-Identifier: Apache-2.0
"""Whose key is whose: parties, and the actor each of them is to the policy."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor, Post, organisation_bodies
from chengyun.access.keystore import SigningKey, signing_key, verify
from chengyun.access.models import Organisation
from chengyun.access.parts import Part
from chengyun.access.policy import Scope, scope
from chengyun.access.predicates import prefix_of
from chengyun.access.signatures import thumbprint
from chengyun.cases import prepared
from chengyun.errors import NotFound, Problem, Refused
from chengyun.share.exchange.messages import SHARED, WINDOW_S, Checked, place_signed, within_window
from chengyun.share.exchange.models import Nonce, Party
from chengyun.share.ledger import queries
from chengyun.share.ledger.heads import SignedHead

__all__ = [
    "Known", "Replayed", "Seen", "actor_of", "admit", "admit_many", "end", "part", "read_jwk", "register", "require_all",
    "scope_of", "take",
]  # fmt: skip

KNOWN_FOR_S = 1.0
"""How long a grant that was revoked may still be read by: a scope is asked of the policy once a second, not once a message."""
LONGEST_NAMES = 160
"""Characters of a dataset and a purpose, as both are kept: longer ones, which are of nothing, are not remembered."""
LOOKS_FOR_S = 10.0
"""How long after a message that was taken before others like it are looked for, before anything is done for them."""


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
    (found,), seen = admit_many([checked], now, Known(), look=True)
    if isinstance(found, Refused):
        raise found
    try:
        take(seen, now)
    except Replayed:
        raise _replayed() from None
    return found


class Known:
    """Parties, scopes, heads and the own key, asked for at most once a second; for one thread."""

    def __init__(self, *, looks: bool = False) -> None:
        self._parties: dict[str, tuple[float, Party | None]] = {}
        self._scopes: dict[tuple[str, str, str, bool], tuple[float, Scope | Problem]] = {}
        self._heads: dict[str, tuple[float, SignedHead | None]] = {}
        self._key: tuple[float, SigningKey] | None = None
        self._looks_until = math.inf if looks else 0.0

    @property
    def looks(self) -> bool:
        """Whether messages that were taken before are to be looked for first."""
        return time.monotonic() < self._looks_until

    def look_first(self) -> None:
        """Look first from now on, for a while after the last that was found."""
        self._looks_until = max(self._looks_until, time.monotonic() + LOOKS_FOR_S)

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
            # That there is nothing is known as long: who asks for it again and again would hold up the others.
            found: Scope | Problem
            try:
                found = scope_of(party, dataset, purpose, counted=counted)
            except Problem as wrong:
                if len(dataset) + len(purpose) > LONGEST_NAMES:
                    raise
                found = wrong
            self._drop(self._scopes)
            known = self._scopes[at] = (now + KNOWN_FOR_S, found)
        if isinstance(known[1], Problem):
            raise known[1].with_traceback(None)
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


Seen = Mapping[tuple[str, int], Sequence[int]]
"""What one transaction was asked: under which root (`once`, of how many) which messages stand."""

_TAKE = """
INSERT INTO exchange_nonce AS known (once, at, seen)
SELECT u.once, %s::timestamptz, u.seen FROM unnest(%s::uuid[], %s::varbit[]) AS u (once, seen)
ON CONFLICT (once) DO UPDATE SET seen = known.seen | excluded.seen, at = greatest(known.at, excluded.at)
WHERE position(B'1' IN known.seen & excluded.seen) = 0
RETURNING once
"""
_PART = f"taken AS ({_TAKE})"
_LOOK = """
SELECT encode(uuid_send(known.once), 'hex'), (known.seen & u.seen)::text
FROM unnest(%s::uuid[], %s::varbit[]) AS u (once, seen) JOIN exchange_nonce AS known ON known.once = u.once
WHERE position(B'1' IN known.seen & u.seen) > 0
"""


class Replayed(Exception):
    """A message was taken before: by another transaction, since or without that this one looked. Nothing of it may stay."""


def admit_many(
    asked: Sequence[Checked], now: dt.datetime, known: Known, *, look: bool
) -> tuple[list[Party | Refused], Seen]:  # fmt: skip
    """Return for each request who signed it, or why it is not taken; and what is to be taken (`take`) before any answer goes out.

    look: find those that were taken before now, so that nothing is done for them; without, `take` finds that there is one.
    """
    told: list[Party | Refused] = []
    roots: dict[tuple[str, int], dict[int, int]] = {}
    at, names = int(now.timestamp()), _Names()
    for one in asked:
        try:
            within_window(one, at)
            party = known.party(one.key_id)
            place = None if party is None else place_signed(party.jwk, one)
            if party is None or place is None:
                how = " together with others" if one.algorithm.endswith(SHARED) else ""
                raise Refused(
                    f"The key {one.key_id} is not registered here, or did not sign this{how}.", code="signature", status=401
                )  # fmt: skip
            indices = roots.setdefault(names[one.key_id, place.root, place.size], {})
            if place.index in indices:
                raise _replayed()
            indices[place.index] = len(told)
            told.append(party)
        except Refused as wrong:
            told.append(wrong)
    if look and roots:
        for name, both in prepared.fetch(_LOOK, _names_and_bits(roots)):
            for index in (at for at, bit in enumerate(both) if bit == "1"):
                told[roots[name, len(both)].pop(index)] = _replayed()
                known.look_first()
    return told, {at: list(indices) for at, indices in roots.items() if indices}


def take(seen: Seen, now: dt.datetime) -> None:
    """Note messages as taken, in the caller's transaction. Raises Replayed."""
    if seen:
        require_all(seen, len(prepared.fetch(_TAKE, _values(seen, now))))


def part(seen: Seen, now: dt.datetime) -> Part | None:
    """Return what does so with something else: a row of `taken` for each root, of which none may be missing."""
    return Part(_PART, _values(seen, now)) if seen else None


def require_all(seen: Seen, taken: int) -> None:
    """Raise Replayed unless the messages of every root were taken."""
    if taken < len(seen):
        raise Replayed


def _values(seen: Seen, now: dt.datetime) -> list[str]:
    return [now.isoformat(), *_names_and_bits(seen)]


def _names_and_bits(seen: Mapping[tuple[str, int], Iterable[int]]) -> list[str]:
    # In order, so that two transactions with the same roots cannot lock each other out.
    ordered = sorted(seen)
    bits = [f"{sum(1 << size - 1 - index for index in seen[name, size]):0{size}b}" for name, size in ordered]
    return [f"{{{','.join(name for name, _ in ordered)}}}", f"{{{','.join(bits)}}}"]


def _replayed() -> Refused:
    return Refused("This very request was taken before. Sign it anew.", code="replayed", status=401)


class _Names(dict[tuple[str, bytes, int], tuple[str, int]]):
    """(key, root, of how many) → what the root is known again by, 16 bytes in hex, and of how many."""

    def __missing__(self, at: tuple[str, bytes, int]) -> tuple[str, int]:
        key_id, root, size = at
        # Neither a key's name nor a nonce, which stands for the root of a message alone, holds a comma.
        said = b"%s,%s%s" % (key_id.encode(), b"%d," % size if size > 1 else b"", root)
        found = self[at] = hashlib.sha256(said).hexdigest()[:32], size
        return found


def forget_nonces(now: dt.datetime) -> int:
    """Drop the nonces of requests that would be refused for their age anyway; return how many."""
    return Nonce.objects.filter(at__lt=now - dt.timedelta(seconds=2 * WINDOW_S + 60)).delete()[0]
