# SPDX-License-Identifier: Apache-2.0
"""Where a read goes on, proved: a grant's daily ceiling counts reads, not pages, so what is left of one must be known as such.

Only cursors of a scope with a ceiling carry a proof: `<version>.<proof>.<place>`, of the version the read is at. Whoever asks
from a place of its own making begins another read, and is counted. A ceiling may be lifted in mid-read: the cursor stays good.
"""

from __future__ import annotations

import hmac
import re

from chengyun.access import ciphers
from chengyun.access.keystore import keystore
from chengyun.access.policy import Scope
from chengyun.share.exchange.models import Party

__all__ = ["is_sealed", "opened", "sealed"]

SECRET = "exchange.cursors"  # noqa: S105  # a name


def sealed(scope: Scope, party: Party, since: int | None, as_of: int, place: str | None) -> str | None:
    """Return the cursor that is given out for a place; None for none. since: of a read of changes."""
    if place is None or not scope.capped:
        return place
    return f"{as_of}.{_proof(scope, party, since, as_of, place)}.{place}"


def is_sealed(cursor: str) -> bool:
    """Say whether a cursor looks as if it carried a proof; `opened` says whether it does."""
    return re.match(r"[0-9]{1,18}\.[0-9a-f]{32}\.", cursor) is not None


def opened(scope: Scope, party: Party, since: int | None, cursor: str) -> tuple[str, int] | None:
    """Return the place and the version of a cursor that was given out for what is now asked; None for any other text."""
    version, _, rest = cursor.partition(".")
    proof, _, place = rest.partition(".")
    if not (version.isascii() and version.isdigit() and len(version) < 19):
        return None
    good = hmac.compare_digest(proof.encode(), _proof(scope, party, since, int(version), place).encode())
    return (place, int(version)) if good else None


def _proof(scope: Scope, party: Party, since: int | None, as_of: int, place: str) -> str:
    # The place last: it alone may hold any character.
    of = ["" if it is None else str(it) for it in (party.organisation.key, scope.dataset, scope.purpose, since, as_of, place)]
    return ciphers.mac(keystore().secret(SECRET), "\n".join(of).encode(), "sha-256").hex()[:32]
