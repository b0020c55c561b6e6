# SPDX-License-Identifier: Apache-2.0
"""Formulas that ask the same rows the same way, as one query: they differ in what they select, and in nothing else.

    SELECT area, day, AVG(pm25) AS v FROM … GROUP BY …  ┐
    SELECT area, day, MAX(no2)  AS v FROM … GROUP BY …  ┘ → SELECT area, day, AVG(pm25) AS m0_v, MAX(no2) AS m1_v FROM …

The rows, their order and every aggregate are what each formula alone would give, so figures are equal to the last bit.
A formula that names one of its own columns in another one cannot be joined; DuckDB then refuses the joined query, and
each is asked alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

__all__ = ["Joined", "joined"]

MOST_COLUMNS = 600
"""Columns of one query, at most."""


@dataclass(frozen=True, slots=True)
class Joined:
    """One query for several formulas. members: for each, the columns of the result that are its own → their names there."""

    sql: str
    members: tuple[tuple[tuple[int, str], ...], ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A formula taken apart. frame: all but what it selects beyond subject and period; own: (expression, name)."""

    frame: str
    keys: tuple[str, ...]
    own: tuple[tuple[str, str], ...]


def joined(formulas: Sequence[str]) -> list[tuple[list[int], Joined | None]]:
    """Return the formulas, by place, put together where they can be; one that cannot stands alone, with None."""
    groups: dict[str, list[int]] = {}
    alone: list[tuple[list[int], Joined | None]] = []
    for place, sql in enumerate(formulas):
        shape = _shape(sql)
        if shape is None:
            alone.append(([place], None))
        else:
            groups.setdefault(shape.frame, []).append(place)
    for frame, places in groups.items():
        alone += [
            (part, _join(frame, tuple(formulas[place] for place in part)) if len(part) > 1 else None)
            for part in _parts(places, formulas)
        ]
    return alone


def _parts(places: Sequence[int], formulas: Sequence[str]) -> Iterable[list[int]]:
    part: list[int] = []
    columns = 0
    for place in places:
        shape = _shape(formulas[place])
        wide = len(shape.own) if shape else 0
        if part and columns + wide > MOST_COLUMNS:
            yield part
            part, columns = [], 0
        part.append(place)
        columns += wide
    if part:
        yield part


@functools.lru_cache(maxsize=256)
def _join(frame: str, formulas: tuple[str, ...]) -> Joined:
    tree = sqlglot.parse_one(frame, dialect="duckdb")
    assert isinstance(tree, exp.Select)  # for the type checker: only a SELECT has a shape
    members = []
    place = len(tree.expressions)
    for number, sql in enumerate(formulas):
        shape = _shape(sql)
        assert shape is not None  # for the type checker: those without stand alone
        columns = list(enumerate(shape.keys))
        for expression, name in shape.own:
            tree.select(f"{expression} AS m{number}_{name}", dialect="duckdb", copy=False)
            columns.append((place, name))
            place += 1
        members.append(tuple(columns))
    return Joined(tree.sql(dialect="duckdb"), tuple(members))


@functools.lru_cache(maxsize=4096)
def _shape(sql: str) -> _Shape | None:
    """Take a formula apart; None when it is no plain SELECT of named columns."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if not isinstance(tree, exp.Select) or len(tree.expressions) < 3 or any(tree.args.get(key) for key in ("distinct", "limit")):
        return None
    selected = list(tree.expressions)
    names = [one.alias_or_name for one in selected]
    if len(set(names)) < len(names) or any(not name or one.is_star for name, one in zip(names, selected, strict=True)):
        return None
    own = tuple((one.unalias().sql(dialect="duckdb"), name) for one, name in zip(selected[2:], names[2:], strict=True))
    tree.set("expressions", selected[:2])
    return _Shape(tree.sql(dialect="duckdb"), tuple(names[:2]), own)
