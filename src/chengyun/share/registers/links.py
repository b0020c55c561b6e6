# SPDX-License-Identifier: Apache-2.0
"""Which keys mean one thing: links followed both ways, as known at an instant, and the cycle a new one would close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from chengyun.errors import Refused
from chengyun.share.registers.models import Link

__all__ = ["Meanings", "known_at", "refuse_cycle"]

LONGEST = 64
"""Links in a row; more of them is a fault of the data, not a history."""


def known_at(instant: dt.datetime | None) -> Q:
    """Return the condition of what was known at an instant; None: what is known now."""
    if instant is None:
        return Q(known_until=None)
    return Q(known_from__lte=instant) & (Q(known_until=None) | Q(known_until__gt=instant))


@dataclass(frozen=True, slots=True)
class Meanings:
    """The keys asked for, all that mean the same things, and where each leads.

    to: key → the key it was merged into, with the day of that, one link at a time.
    """

    keys: frozenset[str]
    to: Mapping[str, tuple[str, dt.date]]

    @classmethod
    def read(cls, dataset: str, keys: Iterable[str], known: dt.datetime | None = None) -> Meanings:
        """Follow the merges of some keys both ways."""
        found, asked, to = set(keys), set(keys), dict[str, tuple[str, dt.date]]()
        merges = Link.objects.filter(known_at(known), dataset=dataset, on=None)
        while asked:
            rows = merges.filter(Q(old_key__in=asked) | Q(new_key__in=asked)).values_list("old_key", "new_key", "known_from")
            to.update({old: (new, timezone.localdate(since)) for old, new, since in rows})
            reached = {key for old, (new, _day) in to.items() for key in (old, new)}
            asked = reached - found
            found |= reached
        return cls(frozenset(found), to)

    def leads_to(self, key: str) -> str:
        """Return the key a thing has now."""
        for _step in range(LONGEST):
            if key not in self.to:
                return key
            key = self.to[key][0]
        raise Refused(f"{key!r} leads through more than {LONGEST} merges; undo some of them.", code="cycle")

    def ended_on(self, key: str) -> dt.date | None:
        """Return when a key became another's; None: it is its own."""
        return self.to[key][1] if key in self.to else None


def refuse_cycle(dataset: str, old: str, new: Sequence[str]) -> None:
    """Raise Refused, naming the path, when a link from old to one of new would lead back to old."""
    ways: dict[str, list[str]] = {key: [old, key] for key in new}
    if old in ways:
        raise Refused(f"{old} cannot lead to itself.", code="cycle", path=[old, old])
    asked = set(new)
    while asked:
        rows = Link.objects.filter(dataset=dataset, old_key__in=asked, known_until=None).values_list("old_key", "new_key")
        asked = set()
        for here, there in rows:
            if there == old:
                path = [*ways[here], old]
                raise Refused(
                    f"{old} cannot lead to {path[1]}: it would lead back to itself, {' → '.join(path)}. "
                    "Undo one of these steps first.",
                    code="cycle", path=path,
                )  # fmt: skip
            if there not in ways:
                ways[there] = [*ways[here], there]
                asked.add(there)
