# SPDX-License-Identifier: Apache-2.0
"""The words of a base register: who may say what of its things, what files say it, and what stands there before any does.

A register that names its authorities keeps what each of them states, with the days it holds for, and shows of every field what
the first of them says that says anything (一数一源). A register that names none is one department's own.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from chengyun.city.declare import declaration, is_key
from chengyun.errors import Malformed
from chengyun.standards.lines import malformed, read_lines

if TYPE_CHECKING:
    from chengyun.city.words import SimulatedArea

__all__ = ["Authority", "RegisterFeed", "Stated", "Synthetic", "read_day", "read_statements"]


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
    simulated: False: it is true, and comes with the pack.
    """

    authority: str
    make: Callable[[Sequence[SimulatedArea], random.Random, dt.date], Iterable[Stated]]
    simulated: bool = True


def read_statements(
    file: BinaryIO,
    name: str,
    entity: str,
    columns: Mapping[str, str],
    *,
    since: str | None = None,
    until: str | None = None,
    read: Mapping[str, Callable[[str], Any]] | None = None,
) -> Iterator[Stated | Malformed]:
    """Read statements from a CSV file with a header, in UTF-8. An empty cell says nothing.

    columns: column → field; the one whose field is "key" is the thing's. since, until: columns with days, until exclusive.
    read: field → what makes its value of the cell; it raises ValueError with a sentence.
    """
    days = [column for column in (since, until) if column]
    for line in read_lines(file, name, [*columns, *days]):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            values = {field: _value(row[column], field, read or {}) for column, field in columns.items() if row[column].strip()}
            key = values.pop("key", "")
            if not key:
                raise ValueError("it names no key")
            begin, end = (read_day(row[column]) if column else None for column in (since, until))
            yield Stated(entity, str(key), values, begin, end, at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_day(text: str) -> dt.date | None:
    """Return a day written 2026-03-01, 2026/3/1, 20260301 or 2026年3月1日; None for an empty text. Raises ValueError."""
    bare = text.strip()
    if not bare:
        return None
    found = re.fullmatch(r"(\d{4})(?:-|/|\.|年)?(\d{1,2})(?:-|/|\.|月)?(\d{1,2})日?", bare)
    if found is None or (bare.isdigit() and len(bare) != 8):
        raise ValueError(f"{bare[:40]!r} is not a day, expected e.g. 2026-03-01")
    return dt.date(int(found[1]), int(found[2]), int(found[3]))


def _value(cell: str, field: str, read: Mapping[str, Callable[[str], Any]]) -> Any:
    try:
        return read[field](cell.strip()) if field in read else cell.strip()
    except ValueError as wrong:
        raise ValueError(f"{field}: {wrong}") from None
