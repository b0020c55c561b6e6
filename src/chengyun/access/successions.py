# SPDX-License-Identifier: Apache-2.0
"""A key's own word for which key comes after it, or that it was lost: who believes the one may believe the other.

    {"succession": {"at": moment, "from": thumbprint, "key": JWK, "to": thumbprint}, "signature": hex}
    what is signed, by `from`: ff "chengyun-succession-1" 0a ‖ canonical JSON (RFC 8785) of `succession`

A lost key says so with `key` and `to` null. Nothing else that such a key signs begins so: what is signed of messages, receipts
and heads is UTF-8, which has no byte ff; the word of shared signatures goes on otherwise (chengyun.share.ledger.shared).

Words are told on a line that nobody vouches for, so each is believed for its signature alone, and repeated words must do nothing:

    only a key that is pinned and not succeeded yet is asked who comes after it, so what was followed is not followed again;
    a key that says it was lost, or names two that come after it, leads nowhere;
    no key leads to one that was met before, and none before its moment has come.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chengyun.access import signatures
from chengyun.access.signatures import Jwk
from chengyun.errors import Refused

__all__ = ["KEPT", "MOST", "MOST_SAID", "Step", "believed", "follow", "say", "taken"]

WORD = b"\xffchengyun-succession-1\n"
MOST = 16
"""Keys that are followed one after the other at a time: who was away while more were made pins one by hand."""
MOST_SAID = 256
"""Words that are looked at: each may cost the check of a signature."""
AHEAD = dt.timedelta(seconds=300)
"""By which clocks may differ, as for messages."""
KEPT = dt.timedelta(days=7)
"""For so long a key that was succeeded is believed on: as long as files are kept, whose manifests it may have signed."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_WORDS = {"OKP": {"kty", "crv", "x"}, "EC": {"kty", "crv", "x", "y"}}

Pinned = Mapping[str, Mapping[str, Any]]
"""Public keys by thumbprint. Beside its JWK one may say `since` when it was followed, `until` when it is no longer believed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Which key said what. key: that comes after it; None: it was lost."""

    of: str
    key: Jwk | None
    at: dt.datetime


def say(sign: Callable[[bytes], bytes], of: str, key: Jwk | None, at: dt.datetime) -> dict[str, Any]:
    """Return a key's word. sign: by that very key, whose thumbprint is `of`; key: that comes after it, None where it was lost."""
    after = {name: key[name] for name in _WORDS[key["kty"]]} if key is not None else None
    said = {"at": written(at), "from": of, "key": after, "to": None if key is None else signatures.thumbprint(key)}
    return {"succession": said, "signature": sign(_base(said)).hex()}


def written(at: dt.datetime) -> str:
    """Return a moment as words and pins have it: to the second, UTC."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def believed(pinned: Pinned, now: dt.datetime) -> dict[str, Mapping[str, Any]]:
    """Return the keys that are believed at a moment: all but those that were succeeded too long ago."""
    return {name: jwk for name, jwk in pinned.items() if str(jwk.get("until", "9")) > written(now)}


def follow(key: Mapping[str, Any], told: object, now: dt.datetime) -> list[Step]:
    """Return the way from a key to the one that is in use now, or to one that was lost; empty for none.

    told: `successions` of a node's /keys, of any shape.
    """
    if not isinstance(told, list) or len(told) > MOST_SAID:
        return []
    steps: list[Step] = []
    met = {signatures.thumbprint(key)}
    while len(steps) < MOST:
        said = [step for one in told if (step := _checked(key, one)) is not None]
        lost = next((one for one in said if one.key is None), None)
        if lost is not None:
            return [*steps, lost]
        if len({one.key["kid"] for one in said if one.key}) != 1:
            return steps
        step = min(said, key=lambda it: it.at)
        if step.key is None or step.key["kid"] in met or step.at > now + AHEAD:
            return steps
        steps.append(step)
        key = step.key
        met.add(step.key["kid"])
    return steps


def taken(
    pinned: Pinned, told: object, now: dt.datetime, bars: Callable[[Step], bool] = lambda _: False
) -> tuple[dict[str, dict[str, Any]], list[Step]]:  # fmt: skip
    """Return what is pinned once the words of a node's /keys were followed, and the steps that were taken.

    bars: what may not be taken, with all that comes behind it.
    """
    kept = {name: dict(jwk) for name, jwk in pinned.items()}
    done: list[Step] = []
    for name in pinned:
        if name not in kept:
            continue
        succeeded = "until" in kept[name]  # that it was lost is believed all the same
        for step in follow(kept[name], told, now):
            if bars(step) or (step.key and (succeeded or "until" in kept.get(step.key["kid"], {}))):
                break
            if step.key is None:
                del kept[step.of]
            else:
                kept[step.of]["until"] = written(now + KEPT)
                kept.setdefault(step.key["kid"], {**step.key, "since": written(now)})
            done.append(step)
            if step.key and step.key["kid"] in pinned:
                break  # its own way is followed from there
    return kept, done


def _checked(key: Mapping[str, Any], one: object) -> Step | None:
    """Return what a key said, if it did."""
    said = one.get("succession") if isinstance(one, dict) else None
    if not isinstance(said, dict) or said.keys() != {"at", "from", "key", "to"} or said["from"] != signatures.thumbprint(key):
        return None
    after, to, at = said["key"], said["to"], said["at"]
    if not isinstance(at, str) or not _MOMENT.fullmatch(at):
        return None
    try:
        if not signatures.verify(key, _base(said), bytes.fromhex(one["signature"])):  # type: ignore[index]  # it is a dict
            return None
        moment = dt.datetime.fromisoformat(at)
        if after is None and to is None:
            return Step(said["from"], None, moment)
        if not isinstance(after, dict) or after.keys() != _WORDS.get(after.get("kty", "")):
            return None
        signatures.verify(after, b"", b"\0" * 64)
        named = signatures.named(after)
    except (ValueError, TypeError, KeyError, RecursionError, Refused):
        return None
    return Step(said["from"], named, moment) if named["kid"] == to else None


def _base(said: Mapping[str, Any]) -> bytes:
    return WORD + json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
