# SPDX-License-Identifier: Apache-2.0
"""Logs that can only grow, and proofs that they did: Merkle trees in PostgreSQL.

    append(log, leaf)                 in the caller's transaction; what is rolled back was not said
    sequence(log)                     gives what was committed its place, in batches, and signs a head
    inclusion(log, index, size)       that a leaf is in the tree a head speaks of
    consistency(log, old, new)        that a later tree begins with an earlier one
    head(log)                         the newest signed head

Logs: `exchange` (receipts), `audit` (who read about whom). Whoever holds a head can prove later that nothing was cut off,
slipped in or changed. Standard: RFC 9162, 2.1 (the same trees as RFC 6962, 2.1); C2SP tlog-tiles (tiles of 256 hashes),
C2SP signed-note and tlog-checkpoint (heads).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chengyun.share.ledger.heads import SignedHead as SignedHead
    from chengyun.share.ledger.queries import Proof as Proof
    from chengyun.share.ledger.queries import consistency as consistency
    from chengyun.share.ledger.queries import head as head
    from chengyun.share.ledger.queries import inclusion as inclusion
    from chengyun.share.ledger.services import append as append
    from chengyun.share.ledger.services import sequence as sequence

__all__ = ["Proof", "SignedHead", "append", "consistency", "head", "inclusion", "sequence"]

_WHERE = {
    "Proof": "queries", "SignedHead": "heads", "append": "services", "consistency": "queries", "head": "queries",
    "inclusion": "queries", "sequence": "services",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Django imports this package before its models may be loaded, so the names are found when they are asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
