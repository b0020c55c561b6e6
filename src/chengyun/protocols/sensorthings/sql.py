# SPDX-License-Identifier: Apache-2.0
"""What a statement is put together in: its parameters, its names, where each kind's rows come from.

Names come from kinds.py alone and values travel as parameters: nothing a visitor wrote becomes part of a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chengyun.protocols.sensorthings.kinds import Kind, Link, kind_of

__all__ = ["Scope", "Statement", "Store", "literal"]

TALLIED = (
    "(SELECT d.*, y.observations, y.phenomenon_start, y.phenomenon_end, y.result_time_start, y.result_time_end, y.observed"
    " FROM sensorthings_datastream AS d LEFT JOIN sensorthings_tally AS y ON y.datastream_id = d.id)"
)


def literal(text: str) -> str:
    """Return our own text as a literal of SQL, safe beside `%(name)s`."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


@dataclass(frozen=True)
class Store:
    """Where each kind's rows come from. views: kind → a query in brackets that also shows rows of other tables."""

    views: Mapping[str, str] = field(default_factory=dict)

    def source(self, kind: Kind, posted: bool = False) -> str:
        """Return what to select a kind's rows from. posted: only those neighbours posted."""
        if not posted and kind.name in self.views:
            return self.views[kind.name]
        return TALLIED if kind.table == "datastream" else kind.sql


@dataclass
class GeoTest:
    """A geometric question about every row of a kind, answered before the statement runs.

    ids: name of the parameter that takes the ids; values: of the one that takes their numbers, for a measure.
    """

    function: str
    kind: Kind
    column: str
    wkt: str
    pattern: str
    ids: str
    values: str = ""
    within: float | None = None


class Statement:
    """Parameters and aliases of one statement, and the geometric questions it waits for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.params: dict[str, Any] = {}
        self.geo: list[GeoTest] = []
        self._aliases = 0

    def bind(self, value: Any) -> str:
        """Return the placeholder of a value."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def slot(self) -> str:
        """Return the name of a parameter that is filled later."""
        name = f"p{len(self.params)}"
        self.params[name] = None
        return name

    def alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def scope(self, kind: Kind, posted: bool = False) -> Scope:
        return Scope(self, kind, self.alias(), posted)


class Scope:
    """Rows of a kind under an alias, with what is joined to them."""

    def __init__(self, statement: Statement, kind: Kind, alias: str, posted: bool = False) -> None:
        self.statement, self.kind, self.alias = statement, kind, alias
        self.joins: list[str] = []
        self.mounted: dict[tuple[str, ...], tuple[Kind, str]] = {(): (kind, alias)}
        self.where: list[str] = [f"{alias}.{kind.only}".replace(f"{alias}.NOT ", f"NOT {alias}.")] if kind.only else []
        self.source = statement.store.source(kind, posted)

    def inner(self, prefix: tuple[str, ...], kind: Kind) -> Scope:
        """Return a scope inside this one for a relation to many: it sees what this one sees, and joins for itself."""
        made = Scope(self.statement, kind, self.statement.alias())
        made.mounted = {**self.mounted, prefix: (kind, made.alias)}
        return made

    def follow(self, path: tuple[str, ...], link: Link) -> tuple[Kind, str]:
        """Return kind and alias of what a relation to one leads to, joined once."""
        reached = (*path, link.name)
        if reached not in self.mounted:
            _, alias = self.mounted[path]
            kind, new = kind_of(link), self.statement.alias()
            only = f" AND {new}.{kind.only}".replace(f"{new}.NOT ", f"NOT {new}.") if kind.only else ""
            source = self.statement.store.source(kind)
            self.joins.append(f"LEFT JOIN {source} AS {new} ON {new}.id = {alias}.{link.column}{only}")
            self.mounted[reached] = (kind, new)
        return self.mounted[reached]

    def related(self, link: Link, owner: str) -> str:
        """Return the condition that this scope's rows are what a link to many leads to from the owner's alias."""
        if link.through is None:
            return f"{self.alias}.{link.column} = {owner}.id"
        table, near, far = link.through
        return f"{self.alias}.id IN (SELECT m.{far} FROM {table} AS m WHERE m.{near} = {owner}.id)"  # noqa: S608 - names from kinds.py

    def body(self) -> str:
        """Return FROM, joins and WHERE."""
        parts = [f"FROM {self.source} AS {self.alias}", *self.joins]
        if self.where:
            parts.append("WHERE " + " AND ".join(self.where))
        return " ".join(parts)
