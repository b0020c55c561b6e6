# SPDX-License-Identifier: Apache-2.0
"""Answers many readers share, kept for a moment: made once while others wait, never shown to somebody with another view."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from chengyun.access.actors import Actor

T = TypeVar("T")

KEPT_FOR_S = 1.5
"""Short enough that a page is live, long enough that a thousand open boards cost as much as one."""
MOST = 256

_made: dict[Hashable, tuple[float, Any]] = {}
_locks: dict[Hashable, threading.Lock] = {}
_guard = threading.Lock()


def view_of(actor: Actor) -> Hashable:
    """Return what tells apart actors who may see different things: everyone who is not signed in sees the same."""
    return actor.account_id if actor.account_id is not None else (actor.name, actor.roles, actor.areas, actor.posts)


def kept(key: Hashable, make: Callable[[], T], for_s: float | None = None) -> T:
    """Return what was made for the key not longer ago than that (KEPT_FOR_S), or make it: one thread makes, the others wait."""
    for_s = KEPT_FOR_S if for_s is None else for_s
    found = _made.get(key)
    if found and time.monotonic() - found[0] < for_s:
        return found[1]  # type: ignore[no-any-return]
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        found = _made.get(key)
        if found and time.monotonic() - found[0] < for_s:
            return found[1]  # type: ignore[no-any-return]
        try:
            made = make()
        except BaseException:
            with _guard:  # keys come from addresses: one that leads nowhere must leave nothing behind
                _locks.pop(key, None)
            raise
        with _guard:
            if len(_made) >= MOST:
                _forget()
            _made[key] = (time.monotonic(), made)
        return made


def forget_all() -> None:
    """Forget everything, for tests."""
    with _guard:
        _made.clear()
        _locks.clear()


def _forget() -> None:
    """Drop what is no longer shown to anybody."""
    now = time.monotonic()
    for key in [key for key, (since, _value) in _made.items() if now - since > KEPT_FOR_S]:
        del _made[key]
        _locks.pop(key, None)
