# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a made-up city, and how its people deal with it: a pack's file for one type of case.

    [[incidents]]  category · often (a week, in the whole city) · texts (what a reporter writes) · emergency
    [[moves]]      state · step · of_100 · minutes · texts (what is noted) · data: what people do with a case, and how soon

Of the moves from one state one is taken by lot, `of_100` times in a hundred; the last takes what is left of the hundred.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chengyun.city.casework import CaseType
from chengyun.city.scheme import Scheme
from chengyun.errors import Misdeclared, nearest

__all__ = ["Habits", "Incident", "Move"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A kind of thing that goes wrong. often: a week, in the whole city, before anybody reports it."""

    category: str
    often: float
    texts: Sequence[str]
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What somebody does with a case in a state. minutes: how long it takes them on the average, while they are at work."""

    state: str
    step: str
    minutes: float
    of_100: float = 100.0
    texts: Sequence[str] = ()
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """The whole file, checked against the type's states, steps and categories."""

    incidents: Sequence[Incident]
    moves: Sequence[Move]

    def move_from(self, state: str, dice: random.Random) -> Move | None:
        """Return what is done next in a state, by lot; None where nobody does anything."""
        left = dice.uniform(0, 100)
        known = [move for move in self.moves if move.state == state]
        for move in known:
            left -= move.of_100
            if left < 0:
                return move
        return known[-1] if known else None

    @classmethod
    def read(cls, path: Path, declared: CaseType, scheme: Scheme | None) -> Habits:
        """Read a file. Raises Misdeclared, naming the file and the entry."""
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        try:
            found = cls(
                incidents=tuple(Incident(**one) for one in content["incidents"]),
                moves=tuple(Move(**one) for one in content["moves"]),
            )
        except (KeyError, TypeError) as wrong:
            raise Misdeclared(
                [f"{path.name}: {wrong}. Expected tables `incidents` and `moves`; see city/incidents.py."]
            ) from wrong
        for move in found.moves:
            step = declared.step(move.step)
            if step is None or step.source != move.state:
                known = [one.key for one in declared.steps_from(move.state)]
                raise Misdeclared([f"{path.name}: {move.step!r} is no step from {move.state!r}.{nearest(move.step, known)}"])
        for incident in found.incidents:
            if scheme is not None and not any(one.code == incident.category for one in scheme.categories):
                raise Misdeclared([f"{path.name}: no catalogue has the category {incident.category!r}."])
            if not incident.texts or incident.often <= 0:
                raise Misdeclared([f"{path.name}: incident {incident.category!r} needs texts, and to happen now and then."])
        return found
