# SPDX-License-Identifier: Apache-2.0
"""One datum, one source (一数一源): of what several authorities state of a field, which counts, and what else is said. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.city import Authority

__all__ = ["Claim", "FieldSaid", "resolve"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one authority says of a field: since when and until when it holds, when it was received, and by which load."""

    value: Any
    authority: str
    key: str
    since: dt.date | None
    until: dt.date | None
    received_at: dt.datetime
    load: int


@dataclass(frozen=True, slots=True)
class FieldSaid:
    """A field's value and its source; others: what was said beside it, the next in precedence first."""

    chosen: Claim
    others: tuple[Claim, ...] = ()

    @property
    def disputed(self) -> bool:
        """Whether somebody says otherwise."""
        return any(one.value != self.chosen.value for one in self.others)


Said = tuple[Claim, Mapping[str, Any]]
"""A statement: its marks (the claim's value unused) and its values."""


def resolve(authorities: Sequence[Authority], stated: Iterable[Said], key: str) -> dict[str, FieldSaid]:
    """Return field → what counts of the thing `key`.

    The field's own first source, then the authorities in declared order, then what is no longer declared; of one authority
    (records of one thing under two keys) the one received last, and of two of one load that of the key that stayed.
    """
    rank = {one.key: number for number, one in enumerate(authorities)}
    first = {field: one.key for one in authorities for field in one.first_for}
    claims: dict[str, list[Claim]] = {}
    for marks, values in stated:
        for field, value in values.items():
            claim = Claim(value, marks.authority, marks.key, marks.since, marks.until, marks.received_at, marks.load)
            claims.setdefault(field, []).append(claim)

    def order(field: str, claim: Claim) -> tuple[int, float, int, bool]:
        place = -1 if first.get(field) == claim.authority else rank.get(claim.authority, len(rank))
        return place, -claim.received_at.timestamp(), -claim.load, claim.key != key

    found = {}
    for field, told in claims.items():
        chosen, *others = sorted(told, key=lambda claim: order(field, claim))
        found[field] = FieldSaid(chosen, tuple(others))
    return found
