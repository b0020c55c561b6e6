# SPDX-License-Identifier: Apache-2.0
"""What changed in a source's columns since a person last agreed to them. Pure: two sets of columns in, changes out.

a column appeared                                   shown; nothing of ours depends on it
a column vanished, or its kind changed              shown; if it is used, the source's policy decides about the run
one vanished and one like it appeared               shown as one change: renamed, or its unit changed
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Change", "changes", "merged"]

_UNIT = re.compile(r"[(\[（【〔].*?[)\]）】〕]|[/_](?:mg|ug|µg|μg|m3|m³|f|c|kmh|km/h|ms|m/s|kw|mw|wan|万|千|%)+$", re.IGNORECASE)
_SPACE = re.compile(r"[\s_\-.:：]+")
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Change:
    """One change. column: the one that was agreed to, or the new one. before, after: kinds, or names for a renaming."""

    kind: Literal["appeared", "vanished", "retyped", "renamed"]
    column: str
    before: str
    after: str
    used: bool


def changes(accepted: Mapping[str, str], found: Mapping[str, str], used: Collection[str], *, whole: bool = True) -> list[Change]:
    """Return what changed. A kind of "" is not known and never differs.

    used: columns that are mapped. whole: whether `found` has every column, and a column that is absent is gone.
    """
    if not accepted:
        return [Change("vanished", name, "", "", True) for name in sorted(set(used) - set(found)) if whole]
    new = [name for name in found if name not in accepted]
    gone = (
        [name for name in accepted if name not in found] if whole else [it for it in used if it in accepted and it not in found]
    )
    told: list[Change] = []
    for name in gone:
        like = _like(name, accepted[name], {it: found[it] for it in new})
        if like is None:
            told.append(Change("vanished", name, accepted[name], "", name in used))
        else:
            new.remove(like)
            told.append(Change("renamed", name, name, like, name in used))
    told += [Change("appeared", name, "", found[name], name in used) for name in new]
    for name, kind in found.items():
        before = accepted.get(name, "")
        if before and kind and kind != before:
            told.append(Change("retyped", name, before, kind, name in used))
    return told


def merged(accepted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Return the accepted columns with kinds that were not known until now."""
    return {name: kind or found.get(name, "") for name, kind in accepted.items()}


def _like(name: str, kind: str, new: Mapping[str, str]) -> str | None:
    base = _base(name)
    for other in new:
        if _base(other) == base and base:
            return other
    same = {_base(other): other for other, other_kind in new.items() if not kind or not other_kind or other_kind == kind}
    found = difflib.get_close_matches(base, list(same), n=1, cutoff=_ALIKE)
    return same[found[0]] if found else None


def _base(name: str) -> str:
    """Return a heading without its unit, spaces and case."""
    return _SPACE.sub("", _UNIT.sub("", name)).casefold()
