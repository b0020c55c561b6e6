# SPDX-License-Identifier: Apache-2.0
"""The shape of a stream at rest, and what must be done when its declaration changes. Pure.

A value is never changed: a field that changes its unit leaves its column behind, as `<key>@<n>`, and gets a new one; whoever
reads sees the old values times the declared factor. A field that changes its key keeps its column under the new name.

    shape (lake_stream.shape) + declaration → Plan: renames, columns left behind, or sentences that say why it cannot be
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from chengyun.errors import Misdeclared
from chengyun.lake.tables import Former, StreamTable

__all__ = ["Behind", "Plan", "Shape", "plan", "shaped"]

LONGEST_KEY = 58
"""Characters of a key that leaves room for `@` and a number in PostgreSQL's 63 bytes."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A column left behind by a change of unit. key: of the field it belongs to."""

    column: str
    key: str
    unit: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tables of a stream hold.

    quantities: key → unit, None where it was never written down, in the order of their quality bits. words: key → code or
    text. changes: how many units have changed so far.
    """

    entity: str
    time: str
    quantities: dict[str, str | None]
    words: dict[str, str]
    behind: tuple[Behind, ...] = ()
    changes: int = 0

    @classmethod
    def of(cls, table: StreamTable) -> Self:
        """Return the shape that a declaration alone comes to."""
        units = dict(table.units)
        return cls(table.entity, table.time, {key: units.get(key) for key in table.quantities}, dict(_kinds(table)))

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Self:
        """Return the shape that `written` made."""
        behind = tuple(Behind(*one) for one in kept["behind"])
        quantities, words = (dict(kept[part]) for part in ("quantities", "words"))
        return cls(kept["entity"], kept["time"], quantities, words, behind, kept["changes"])

    def written(self) -> dict[str, Any]:
        """Return the shape as JSON that keeps the order of fields."""
        return {
            "entity": self.entity, "time": self.time,
            "quantities": [list(pair) for pair in self.quantities.items()],
            "words": [list(pair) for pair in self.words.items()],
            "behind": [[one.column, one.key, one.unit] for one in self.behind],
            "changes": self.changes,
        }  # fmt: skip


@dataclass(slots=True)
class Plan:
    """What brings tables from one shape to another.

    shape: the one after. fields: (old, new) key of quantities and words; columns left behind by an earlier change are in it
    too. entity, time: their old and new names, None: the same. left: (key, column it leaves behind, factor from there).
    """

    shape: Shape
    fields: list[tuple[str, str]] = field(default_factory=list)
    entity: tuple[str, str] | None = None
    time: tuple[str, str] | None = None
    left: list[tuple[str, str, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fields or self.entity or self.time or self.left)


def shaped(table: StreamTable, kept: dict[str, Any] | None) -> StreamTable:
    """Return a stream's tables with the columns its changes have left behind. kept: lake_stream.shape.

    Raises Misdeclared when the declaration does not say what such a column's values are worth.
    """
    if not kept or not kept["behind"]:
        return table
    formers, faults = [], []
    for one in Shape.read(kept).behind:
        factor = _factor(table, one)
        if factor is None:
            faults.append(_unsaid(table, one.key, one.unit))
        else:
            formers.append(Former(one.column, one.key, factor))
    if faults:
        raise Misdeclared(faults)
    return replace(table, formers=tuple(formers))


def plan(shape: Shape, table: StreamTable) -> Plan:
    """Return what must be done for tables of a shape to hold what is declared now; its faults say what cannot be."""
    was = dict(table.was)
    made = Plan(shape)
    entity = _carrier(made, table, shape.entity, table.entity, was)
    time = _carrier(made, table, shape.time, table.time, was)
    made.entity, made.time = entity, time
    units = dict(table.units)
    origin = {key: _origin(key, was, shape.quantities) for key in table.quantities}
    _check_order(made, table, shape, [old for old in origin.values() if old])
    kinds = dict(_kinds(table))
    for key in table.quantities:
        if key in shape.words or any(old in shape.words for old in was.get(key, ())):
            made.faults.append(
                f"{table.qualified}: {key!r} is text in {table.latest}, float8 as declared; give the changed field a new key."
            )
    quantities: dict[str, str | None] = {}
    behind = list(shape.behind)
    changes = shape.changes
    for key, old in origin.items():
        unit = units.get(key)
        quantities[key] = unit
        if old is None:
            continue
        if old != key:
            made.fields.append((old, key))
            for index, one in enumerate(behind):
                if one.key == old:
                    renamed = replace(one, key=key, column=f"{key}@{one.column.rpartition('@')[2]}")
                    made.fields.append((one.column, renamed.column))
                    behind[index] = renamed
        before = shape.quantities[old]
        if unit is None or before is None or before == unit:
            quantities[key] = unit or before
            continue
        changes += 1
        left = Behind(f"{key}@{changes}", key, before)
        factor = _factor(table, left)
        if factor is None:
            made.faults.append(_unsaid(table, key, before))
        elif len(key) > LONGEST_KEY:
            made.faults.append(
                f"{table.qualified}: {key!r} is too long to change its unit; give the field a shorter key with was."
            )
        else:
            made.left.append((key, left.column, factor))
        behind.append(left)
    made.faults += [
        fault for fault in (_unsaid(table, one.key, one.unit) for one in behind if _factor(table, one) is None)
        if fault not in made.faults
    ]  # fmt: skip
    words = {key: kind for key, kind in shape.words.items() if key not in {old for olds in was.values() for old in olds}}
    for key, kind in kinds.items():
        old = _origin(key, was, shape.words)
        if key in shape.quantities or any(one in shape.quantities for one in was.get(key, ())):
            made.faults.append(
                f"{table.qualified}: {key!r} is double precision in {table.latest}, text as declared; "
                "give the changed field a new key."
            )
        if old is not None and (shape.words[old], kind) == ("text", "code"):
            made.faults.append(
                f"{table.qualified}: {key!r} was any text and is now one of its codes, which what is kept need not be; "
                "leave it a Text, or give the changed field a new key."
            )
        if old not in (None, key):
            made.fields.append((str(old), key))
        words[key] = kind
    made.shape = Shape(table.entity, table.time, quantities, words, tuple(behind), changes)
    return made


def _carrier(made: Plan, table: StreamTable, old: str, new: str, was: dict[str, tuple[str, ...]]) -> tuple[str, str] | None:
    if old == new:
        return None
    if old not in was.get(new, ()):
        made.faults.append(
            f"{table.qualified}: the sealed table has no column {new!r}; what is {new!r} now was {old!r}: say so with was."
        )
    return old, new


def _check_order(made: Plan, table: StreamTable, shape: Shape, found: list[str]) -> None:
    before = list(shape.quantities)
    kept = list(table.quantities[: len(before)])
    if found != before or len(found) > len(kept) or any(_is_new(key, table, shape) for key in kept):
        made.faults.append(
            f"{table.qualified}: quantities were declared as {', '.join(before)}, now as {', '.join(table.quantities)}; quality "
            "flags count quantities by position, so keep the old ones first, in their order, and add new ones after them. "
            "A quantity with a new key says by was which one it is."
        )


def _is_new(key: str, table: StreamTable, shape: Shape) -> bool:
    return _origin(key, dict(table.was), shape.quantities) is None


def _origin(key: str, was: dict[str, tuple[str, ...]], known: dict[str, Any]) -> str | None:
    """Return which known field a declared one is: itself, or one it was; None: it is new."""
    if key in known:
        return key
    return next((old for old in was.get(key, ()) if old in known), None)


def _factor(table: StreamTable, one: Behind) -> float | None:
    if dict(table.units).get(one.key) == one.unit:
        return 1.0
    return next((factor for key, unit, factor in table.factors if (key, unit) == (one.key, one.unit)), None)


def _unsaid(table: StreamTable, key: str, unit: str) -> str:
    now = dict(table.units).get(key)
    return (
        f"{table.qualified}: {key!r} is kept in {unit} and declared in {now}; say what one {unit} is in {now}, as in "
        f'Quantity("{key}", …, unit="{now}", formerly={{"{unit}": 1000.0}}).'
    )


def _kinds(table: StreamTable) -> tuple[tuple[str, str], ...]:
    told = dict(table.kinds)
    return tuple((key, told.get(key, "text")) for key in table.words)
