# SPDX-License-Identifier: Apache-2.0
"""How a feed's CSV files may be read by column: for history, by the million rows.

A feed's `read` stays what decides. Columns only say what is plain: which column holds which quantity, and which texts
together make the entity, the time or a code. A row with anything that is not plain goes to `read`, so that both ways give
the same observations and the same reasons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.city.declare import declaration
from chengyun.errors import nearest

if TYPE_CHECKING:
    from chengyun.city.words import Stream

__all__ = ["Columns", "Distinct", "Number"]


@declaration
class Distinct:
    """A value made of the texts of some columns, worked out once for each different combination of them.

    columns: names in the header. make: (one text per column, as it stands) → the value. It raises ValueError for texts it
    cannot make one of, and the row then goes to `read`. The same texts always give the same value.
    """

    columns: Sequence[str]
    make: Callable[..., Any]

    def faults(self) -> Iterator[str]:
        if not self.columns or isinstance(self.columns, str):
            yield f"columns is {self.columns!r}, expected the names of one column or more."
        if not callable(self.make):
            yield "make is not a function."


@declaration
class Number:
    """A quantity as a column of decimal numbers.

    column: its name in the header. shift: the decimal point moves so many places to the right; −3 turns µg into mg.
    most: a number of this size or beyond goes to `read`.
    """

    column: str
    shift: int = 0
    most: float = 1e9

    def faults(self) -> Iterator[str]:
        if not -12 <= self.shift <= 12:
            yield f"shift is {self.shift!r}, expected -12 to 12."


@declaration
class Columns:
    """The columns of a CSV file with a header, in UTF-8 and with commas.

    entity: makes a Registered: its key is the observation's entity. time: makes an aware datetime.
    numbers: quantity → where it stands. words: code or text → what makes it, None for unknown.
    missing: texts that stand for no number, blanks around them apart.
    The feed's `read` gives the line of every observation and fault.
    """

    entity: Distinct
    time: Distinct
    numbers: Mapping[str, Number]
    words: Mapping[str, Distinct] = dataclasses.field(default_factory=dict)
    missing: frozenset[str] = frozenset({""})

    @property
    def needed(self) -> list[str]:
        """The columns a header must have."""
        made = [name for one in (self.entity, self.time, *self.words.values()) for name in one.columns]
        return list(dict.fromkeys([*made, *(number.column for number in self.numbers.values())]))

    def faults(self) -> Iterator[str]:
        if not self.numbers:
            yield "numbers is empty, expected quantity → Number."

    def faults_for(self, stream: Stream) -> Iterator[str]:
        """Yield what does not fit the stream."""
        for given, fields in ((self.numbers, stream.quantities), (self.words, stream.words)):
            known = [field.key for field in fields]
            for key in given:
                if key not in known:
                    yield f"{key!r} is not a field of {stream.key} of that kind.{nearest(key, known)}"
