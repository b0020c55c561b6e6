# SPDX-License-Identifier: Apache-2.0
"""Dated tables: limits, breakpoints and parameters with the day they came into force and their source.

A pack's limits.toml is a tree of names ending in arrays of tables. Every entry says `in_force` (a date) and
`source`, and `source_zh` where that is not in Chinese; the rest is the entry's own. An entry that has been in force is
never edited: a new one follows it.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from chengyun.city.declare import report
from chengyun.errors import Misdeclared, nearest

__all__ = ["Entry", "Limits"]


@dataclass(frozen=True)
class Entry:
    """One edition of one table.

    values: what the entry says beside in_force, source, unit and note; numbers are int or Decimal, never float.
    source_zh: the source as Chinese pages say it; "": as it stands.
    """

    in_force: dt.date
    source: str
    unit: str | None
    note: str
    values: Mapping[str, Any]
    source_zh: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class Limits:
    """The dated tables of one pack, read once and never changed."""

    def __init__(self, tables: Mapping[str, tuple[Entry, ...]], file: str) -> None:
        self._tables = dict(tables)
        self.file = file

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._tables))

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def editions(self, name: str) -> tuple[Entry, ...]:
        """Return every edition of a table, oldest first. Raises KeyError with the nearest name."""
        if name not in self._tables:
            raise KeyError(f"{self.file} has no table {name!r}.{nearest(name, self._tables)}")
        return self._tables[name]

    def on(self, name: str, day: dt.date) -> Entry:
        """Return the entry in force on a day. Raises LookupError before the first edition."""
        entries = self.editions(name)
        index = bisect_right([entry.in_force for entry in entries], day) - 1
        if index < 0:
            raise LookupError(f"{self.file}, {name}: nothing in force on {day}; the first edition is of {entries[0].in_force}.")
        return entries[index]

    def changes(self, names: list[str], since: dt.date, until: dt.date) -> list[dt.date]:
        """Return the days strictly inside (since, until) on which one of the tables changes, in order."""
        days = {entry.in_force for name in names for entry in self.editions(name)}
        return sorted(day for day in days if since < day < until)

    @classmethod
    def read(cls, path: Path) -> Limits:
        """Read a limits.toml. Faults are reported with file, table and hint, all of them."""
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except (OSError, tomllib.TOMLDecodeError) as wrong:
            raise Misdeclared([f"{path.parent.name}/{path.name}: {wrong}"]) from wrong
        file = f"{path.parent.name}/{path.name}"
        tables: dict[str, tuple[Entry, ...]] = {}
        for name, raw in _leaves(tree, ""):
            entries = [entry for index, item in enumerate(raw) if (entry := _entry(item, f"{file}, {name}[{index}]"))]
            days = [entry.in_force for entry in entries]
            if days != sorted(set(days)):
                report(f"{file}, {name}: in_force must rise from entry to entry, found {', '.join(map(str, days))}.")
            tables[name] = tuple(sorted(entries, key=lambda entry: entry.in_force))
        return cls(tables, file)


def _leaves(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{name}.")
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            yield name, value
        else:
            report(f"limits.toml, {name}: expected [[{name}]] entries with in_force and source.")


def _entry(item: dict[str, Any], at: str) -> Entry | None:
    rest = dict(item)
    in_force = rest.pop("in_force", None)
    source = rest.pop("source", None)
    if not isinstance(in_force, dt.date) or isinstance(in_force, dt.datetime):
        report(f"{at}: in_force {in_force!r} is not a date. Write YYYY-MM-DD.")
        return None
    if not isinstance(source, str) or not source:
        report(f"{at}: source is missing. Name the edition and the table or clause.")
        return None
    chinese = rest.pop("source_zh", "")
    if not isinstance(chinese, str):
        report(f"{at}: source_zh {chinese!r} is no text. Write the source in Chinese, or leave it out.")
        return None
    return Entry(in_force, source, rest.pop("unit", None), rest.pop("note", ""), rest, chinese)
