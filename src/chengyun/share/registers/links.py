# SPDX-License-Identifier: Apache-2.0
"""Which keys mean one thing: links followed both ways, as known at an instant, and the cycle a new one would close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

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
        words = {"key": key, "count": LONGEST}
        raise Refused(_("%(key)s 经过的合并超过 %(count)d 次，请撤销其中几次。") % words, code="cycle")

    def ended_on(self, key: str) -> dt.date | None:
        """Return when a key became another's; None: it is its own."""
        return self.to[key][1] if key in self.to else None


def refuse_cycle(dataset: str, old: str, new: Sequence[str], *, same: bool = False) -> None:
    """Raise Refused, naming the path, when a link from old to one of new would lead back to old.

    Keys that were merged are one thing, so merges are followed both ways. same: the link is a merge itself, which no succession
    between the two may contradict, in whichever direction.
    """
    if old in new:
        raise Refused(_("%s 不能归到自身。") % old, code="cycle", path=[old, old])
    way = _way(dataset, new, {old})
    path = [old, *way] if way else _way(dataset, [old], set(new)) if same else None
    if path:
        words = {"old": old, "new": path[1] if way else path[-1], "first": path[0], "last": path[-1], "path": " → ".join(path)}
        said = (
            _("%(old)s 不能归到 %(new)s：会绕回自身，%(path)s。请先撤销其中一步。")
            if way else _("%(old)s 不能归到 %(new)s：%(first)s 已由 %(last)s 承继，%(path)s。请先撤销其中一步。")
        )  # fmt: skip
        raise Refused(said % words, code="cycle", path=path)


def _way(dataset: str, starts: Sequence[str], ends: Collection[str]) -> list[str] | None:
    """Return the keys from one of starts to one of ends, along successions and, both ways, merges; None: there is no way."""
    ways: dict[str, list[str]] = {key: [key] for key in starts}
    asked = set(starts)
    while asked:
        rows = Link.objects.filter(Q(old_key__in=asked) | Q(new_key__in=asked, on=None), dataset=dataset, known_until=None)
        links = list(rows.order_by("id").values_list("old_key", "new_key", "on"))
        steps = [(one, other) for one, other, _on in links] + [(other, one) for one, other, on in links if on is None]
        found = set[str]()
        for here, there in steps:
            if here in asked and there not in ways:
                ways[there] = [*ways[here], there]
                if there in ends:
                    return ways[there]
                found.add(there)
        asked = found
    return None
