# SPDX-License-Identifier: Apache-2.0
"""The words of a base register: who may say what of its things, what files say it, and what stands there before any does.

A register that names its authorities keeps what each of them states, with the days it holds for, and shows of every field what
the first of them says that says anything (一数一源). A register that names none is one department's own.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from chengyun.city.declare import declaration, is_key
from chengyun.errors import Malformed

if TYPE_CHECKING:
    from chengyun.city.words import SimulatedArea

__all__ = ["Authority", "RegisterFeed", "Stated", "Synthetic"]


@declaration
class Authority:
    """A body that states facts of a register's things. The order of an entity's authorities is their precedence.

    first_for: fields of which this one is the source, before those named earlier.
    """

    key: str
    name: str
    first_for: Sequence[str] = ()

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."


@dataclass(frozen=True, slots=True)
class Stated:
    """What an authority says of one thing, for the days from since up to until (exclusive).

    entity: of the feed's own pack. values: field → value; None takes back what was said; a field that is absent stays as the
    same authority said it. since None: since when it holds is not known. until None: it still holds.
    line: where in the file it stood, for messages.
    """

    entity: str
    key: str
    values: Mapping[str, Any]
    since: dt.date | None = None
    until: dt.date | None = None
    line: int = 0


@declaration
class RegisterFeed:
    """Bytes in, statements out: no network, no clock.

    entity: the register it fills (it may state of others of the pack too). authority: who says it; a key of each such entity's.
    read: (open binary file, already decompressed; its name) → statements; an unreadable row is yielded as Malformed.
    """

    key: str
    name: str
    entity: str
    authority: str
    read: Callable[[BinaryIO, str], Iterable[Stated | Malformed]]

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not callable(self.read):
            yield "read is not a function."


@declaration
class Synthetic:
    """What stands in a pack's registers while nobody has stated anything: invented, seeded, marked as simulated.

    make: (areas, random source, today) → statements. The same arguments give the same.
    """

    authority: str
    make: Callable[[Sequence[SimulatedArea], random.Random, dt.date], Iterable[Stated]]
