# SPDX-License-Identifier: Apache-2.0
"""What the exchange tells everybody: its keys, its logs' heads and their consistency, and how much is exchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chengyun.access.keystore import public_keys, signing_key, successions_of
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.share import ledger
from chengyun.share.exchange import statistics
from chengyun.share.ledger.services import LOGS

__all__ = ["found"]

Params = Mapping[str, str]


def found(path: str) -> Callable[[Params], Any] | None:
    """Return what answers an address that is open to all; None for the others."""
    if path.startswith("/heads/"):
        return lambda params: _head(path.removeprefix("/heads/"), params)
    return {"/keys": _keys, "/consistency": _consistency, "/statistics": lambda _: statistics.published()}.get(path)


def _keys(_: Params) -> dict[str, Any]:
    signing_key("node")
    return {"node": config().node, "keys": list(public_keys("node")), "successions": successions_of("node")}


def _head(log: str, _: Params) -> dict[str, Any]:
    if log not in LOGS:
        raise NotFound(f"There is no log {log[:40]!r}. There are {', '.join(LOGS)}.")
    head = ledger.head(log) or ledger.sequence(log)
    return {"log": log, "size": head.size, "root": head.root.hex(), "at": head.at, "note": head.note}


def _consistency(params: Params) -> dict[str, Any]:
    log, old, new = params.get("log", "exchange"), params.get("old", ""), params.get("new", "")
    if log not in LOGS:
        raise NotFound(f"There is no log {log[:40]!r}. There are {', '.join(LOGS)}.")
    if not (old.isdigit() and new.isdigit() and len(old) < 19 and len(new) < 19):
        raise Refused("old and new are the sizes of two heads, whole numbers.", code="parameter", status=400)
    proof = ledger.consistency(log, int(old), int(new))
    return {"log": log, "old": int(old), "new": int(new), "hashes": [one.hex() for one in proof.hashes]}
