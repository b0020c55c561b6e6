# SPDX-License-Identifier: Apache-2.0
"""How a statement fits among those its authority made of the same thing: which end, which it replaces, or why it cannot be. Pure.

A later state ends an open earlier one. The same beginning again is a correction. What would make two states hold on one day is
refused. A statement without a beginning speaks of the day it is received, unless it is the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from chengyun.errors import Refused

__all__ = ["Held", "Settled", "settle", "span"]

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A state an authority holds true for the days from since up to until. id: of its row, None while it has none.

    told: a mark of the load it came with, for messages and to find a load that contradicts itself.
    """

    values: Values
    since: dt.date | None
    until: dt.date | None
    id: int | None = None
    told: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What follows: rows no longer held, states to write, and all that is held afterwards. Nothing to do: both are empty."""

    replaced: tuple[Held, ...] = ()
    written: tuple[Held, ...] = ()
    held: tuple[Held, ...] = field(default=())


def settle(held: Sequence[Held], said: Held, today: dt.date) -> Settled:
    """Fit one statement in.

    Raises Refused (code overlapping_validity, twice_in_one_load, days_out_of_order) with both spans in the sentence.
    """
    if said.since is not None and said.until is not None and said.until <= said.since:
        words = {"since": said.since, "until": said.until}
        raise Refused(_("自 %(since)s 起、到 %(until)s 止，起止颠倒：止期应晚于起期。") % words, code="days_out_of_order")
    known = sorted(held, key=lambda one: one.since or dt.date.min)
    if said.since is None and known:
        said = _dated(known, said, today)
    begins = said.since or dt.date.min
    later = [one for one in known if (one.since or dt.date.min) > begins]
    same = next((one for one in known if one.since == said.since), None)
    before = next((one for one in reversed(known) if (one.since or dt.date.min) < begins), None)
    if said.until is None and later:
        said = replace(said, until=later[0].since)
    _refuse_overlap(said, later, before)
    base = same or before
    said = replace(said, values=_carried(base.values if base else {}, said.values))
    if same is not None:
        if same.values == said.values and same.until == said.until:
            return Settled(held=tuple(known))
        if same.told == said.told:
            raise Refused(_("同一次装载两次陈述了%s；请只留一行。") % span(said), code="twice_in_one_load")
        return _changed(known, (same,), (said,))
    if before is not None and _reaches(before, said.since):
        if before.values == said.values and before.until == said.until:
            return Settled(held=tuple(known))
        return _changed(known, (before,), (replace(before, until=said.since, id=None), said))
    return _changed(known, (), (said,))


def span(one: Held) -> str:
    """Return a state's days as words of a message."""
    words = {"since": one.since, "until": one.until}
    if one.until:
        return (_("自 %(since)s 起、到 %(until)s 止") if one.since else _("到 %(until)s 止，起日不详")) % words
    return _("自 %(since)s 起") % words if one.since else _("起日不详的时段")


def _dated(known: Sequence[Held], said: Held, today: dt.date) -> Held:
    """Return what is said without a beginning, with the one it must mean."""
    last = known[-1]
    if last.until is not None:  # it had ended, and is there again
        return replace(said, since=max(today, last.until))
    same = _carried(last.values, said.values) == last.values
    if same or said.until is not None or (last.since is not None and last.since >= today):
        return replace(said, since=last.since)
    return replace(said, since=today)


def _refuse_overlap(said: Held, later: Sequence[Held], before: Held | None) -> None:
    clash: Held | None = None
    if later and later[0].since is not None and said.until is not None and said.until > later[0].since:
        clash = later[0]
    elif before is not None and _reaches(before, said.since) and before.until is not None:
        follows = bool(later) and later[0].since == before.until
        if not (follows and said.until == before.until):
            clash = before
    if clash is not None:
        words = {"said": span(said), "clash": span(clash), "told": clash.told}
        raise Refused(
            _("%(said)s，与同一来源所述的%(clash)s（装载 %(told)s）重叠；请先终止或更正后者。") % words,
            code="overlapping_validity",
        )


def _reaches(one: Held, day: dt.date | None) -> bool:
    """Say whether a state that began before a day still holds on it."""
    return day is not None and (one.until is None or one.until > day)


def _carried(base: Values, said: Values) -> dict[str, Any]:
    """Return what an authority says in all: what is not mentioned stays, what is None is taken back."""
    return {name: value for name, value in {**base, **said}.items() if value is not None}


def _changed(known: Sequence[Held], replaced: tuple[Held, ...], written: tuple[Held, ...]) -> Settled:
    kept = [one for one in known if one not in replaced]
    return Settled(replaced, written, tuple(sorted([*kept, *written], key=lambda one: one.since or dt.date.min)))
