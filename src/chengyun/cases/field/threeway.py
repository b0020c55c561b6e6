# SPDX-License-Identifier: Apache-2.0
"""Three-way merge, field by field: what a person saw, what they want, what holds by now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, slots=True)
class Merged:
    """take: fields to write. same: asked for, and already so. conflicts: changed by both, to different values: nothing is
    written there. kept: changed by others since, and left alone by this person."""

    take: Mapping[str, Any]
    same: tuple[str, ...]
    conflicts: tuple[str, ...]
    kept: tuple[str, ...]


def merge(base: Mapping[str, Any], mine: Mapping[str, Any], now: Mapping[str, Any]) -> Merged:
    """Return how a change joins what holds now. A field of `mine` without a base was seen as it is now by nobody: it conflicts
    unless it agrees."""
    take: dict[str, Any] = {}
    same, conflicts, kept = [], [], []
    for name, wanted in mine.items():
        if now[name] == wanted:
            same.append(name)
        elif name in base and base[name] == now[name]:
            take[name] = wanted
        elif name in base and base[name] == wanted:
            kept.append(name)
        else:
            conflicts.append(name)
    return Merged(take, tuple(same), tuple(conflicts), tuple(kept))
