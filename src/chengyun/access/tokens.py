# SPDX-License-Identifier: Apache-2.0
"""Keys of machines, without Django: the stream process looks them up by their digest.

    cy_3f9a2c_Jx0…       prefix "cy_3f9a2c" is kept to tell keys apart, the rest is known to the holder alone
    internal.<purpose>.<signature>    derived from the installation's secret: our own processes talking to each other

Scopes: `ingest:<pack.stream>`, `ingest:*`, `simulate`, `read`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Generic, TypeVar

FIND = """
SELECT t.account_id, o.key AS organisation, t.scopes,
       coalesce((SELECT array_agg(DISTINCT a.role ORDER BY a.role) FROM access_assignment a
                 WHERE a.account_id = t.account_id AND a.since <= statement_timestamp()
                   AND (a.until IS NULL OR a.until > statement_timestamp())),
                ARRAY[]::varchar[]) AS roles
FROM access_token t
LEFT JOIN access_account u ON u.id = t.account_id
LEFT JOIN access_organisation o ON o.id = coalesce(t.organisation_id, u.organisation_id)
WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
  AND (u.id IS NULL OR u.is_active)
"""
"""For psycopg; parameter: digest(raw). One row (account id or None, organisation key or None, scopes, roles), or none."""


MOST_REMEMBERED = 10_000
"""Holders remembered, and as many tokens that are nobody's."""

T = TypeVar("T")
V = TypeVar("V")


def new_token() -> tuple[str, str]:
    """Return a new key and the prefix that tells it apart. 256 bits, so a plain digest of it needs no salt."""
    prefix = f"cy_{secrets.token_hex(3)}"
    return f"{prefix}_{secrets.token_urlsafe(32)}", prefix


def digest(raw: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(raw.encode()).hexdigest()


class Remembered(Generic[T]):
    """Whose tokens were, by their digests, so that the database is asked once in for_s seconds and not for every request.

    Tokens that are nobody's are remembered apart: anybody can make them up, and they displace only each other. Never the token
    itself: one may be as long as a header may be. now: seconds of a clock that never goes back.
    """

    def __init__(self, for_s: float) -> None:
        self._for_s = for_s
        self._held: dict[str, tuple[float, T]] = {}
        self._nobodys: dict[str, float] = {}

    def get(self, digest: str, now: float) -> tuple[bool, T | None]:
        """Return whether it is known whose a token is, and whose; None: nobody's."""
        held = self._held.get(digest)
        if held is not None and held[0] + self._for_s > now:
            return True, held[1]
        asked = self._nobodys.get(digest)
        return asked is not None and asked + self._for_s > now, None

    def last(self, digest: str, now: float, within_s: float) -> T | None:
        """Return whose a token was when that was last known, at most so long ago: for when the database cannot be asked."""
        held = self._held.get(digest)
        return held[1] if held is not None and held[0] + within_s > now else None

    def keep(self, digest: str, found: T | None, now: float) -> None:
        """Remember whose a token is; None: nobody's."""
        if found is None:
            self._held.pop(digest, None)
            self._newest(self._nobodys, digest, now)
        else:
            self._nobodys.pop(digest, None)
            self._newest(self._held, digest, (now, found))

    def _newest(self, kept: dict[str, V], digest: str, value: V) -> None:
        kept.pop(digest, None)
        kept[digest] = value
        if len(kept) > MOST_REMEMBERED:
            del kept[next(iter(kept))]


def allows(scopes: Iterable[str], stream: str) -> bool:
    """Say whether the scopes let their holder send observations of a stream (`pack.stream`)."""
    held = set(scopes)
    return f"ingest:{stream}" in held or "ingest:*" in held or "simulate" in held


def internal_token(secret: str, purpose: str) -> str:
    """Return the key our own processes use for a purpose. Nothing is stored: whoever holds the secret can make it."""
    return f"internal.{purpose}.{_sign(secret, purpose)}"


def verify_internal(secret: str, raw: str) -> str | None:
    """Return the purpose of a genuine internal key; None for anything else."""
    parts = raw.split(".")
    if len(parts) != 3 or parts[0] != "internal":
        return None
    genuine = hmac.compare_digest(parts[2].encode(), _sign(secret, parts[1]).encode())
    return parts[1] if genuine else None


def _sign(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), b"chengyun internal token\0" + purpose.encode(), hashlib.sha256).hexdigest()
