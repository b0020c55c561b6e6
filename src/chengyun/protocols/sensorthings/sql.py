# SPDX-License-Identifier: Apache-2.0
"""What a statement is put together in: its parameters, its names, where each kind's rows come from.

Names come from kinds.py alone and values travel as parameters: nothing a visitor wrote becomes part of a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chengyun.access.predicates import Sql
from chengyun.protocols.sensorthings.kinds import Kind, Link, kind_of

__all__ = ["Scope", "Statement", "Store", "literal"]

TALLIED = (
    "(SELECT d.*, y.observations, y.phenomenon_start, y.phenomenon_end, y.result_time_start, y.result_time_end, y.observed"
    " FROM sensorthings_datastream AS d LEFT JOIN sensorthings_tally AS y ON y.datastream_id = d.id)"
)


def literal(text: str) -> str:
    """Return our own text as a literal of SQL, safe beside `%(name)s`."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


COLUMNS = {
    "Thing": "id, name, description, properties",
    "Location": "id, name, description, properties, encoding_type, location, bounds",
    "FeatureOfInterest": "id, name, description, properties, encoding_type, feature, bounds",
    "Sensor": "id, name, description, properties, encoding_type, metadata",
    "ObservedProperty": "id, name, description, properties, definition",
    "Datastream": "id, name, description, properties, unit_of_measurement, observation_type, data_types, thing_id, sensor_id,"
    " observed_property_id, multi, observations, phenomenon_start, phenomenon_end, result_time_start, result_time_end, observed",
    "Observation": "id, datastream_id, feature_id, phenomenon_start, phenomenon_end, result_time, number, result, result_quality,"
    " valid_start, valid_end, parameters, datastream_id & 4294967295 AS of_row",
    "sensorthings_thinglocation": "thing_id, location_id",
}
"""The columns of what the city's own rows are shown beside, in the order city.py gives them. of_row: the row of the register that
the id of a Datastream of the city's own ends with."""


@dataclass(frozen=True)
class Store:
    """Where rows come from.

    posted: whether what neighbours posted is among them. arms: kind or table → a query for rows of the city's own.
    params: what those queries bind. within: stream → what of its rows may be read, for the lake, where a right is for a period.
    """

    posted: bool = True
    arms: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    within: Mapping[str, Sql] = field(default_factory=dict)

    def source(self, kind: Kind) -> str:
        """Return what to select a kind's rows from."""
        return self._united(kind.name, TALLIED if kind.table == "datastream" else kind.sql)

    def through(self, table: str) -> str:
        """Return what to select the pairs of a relation from."""
        return self._united(table, table)

    def _united(self, name: str, table: str) -> str:
        arm = self.arms.get(name)
        if arm is None:
            return table if self.posted else f"(SELECT * FROM {table} AS x WHERE false)"  # noqa: S608 - names from kinds.py
        columns = COLUMNS[name]
        own = f"SELECT {columns} FROM {table} AS x{'' if self.posted else ' WHERE false'}"  # noqa: S608 - names from kinds.py
        return f"({own} UNION ALL {arm})"


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
        self.params: dict[str, Any] = dict(store.params)
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

    def scope(self, kind: Kind) -> Scope:
        return Scope(self, kind, self.alias())


class Scope:
    """Rows of a kind under an alias, with what is joined to them."""

    def __init__(self, statement: Statement, kind: Kind, alias: str) -> None:
        self.statement, self.kind, self.alias = statement, kind, alias
        self.joins: list[str] = []
        self.mounted: dict[tuple[str, ...], tuple[Kind, str]] = {(): (kind, alias)}
        self.where: list[str] = [f"{alias}.{kind.only}".replace(f"{alias}.NOT ", f"NOT {alias}.")] if kind.only else []
        self.source = statement.store.source(kind)

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
            same = f"{self.alias}.{link.column} = {owner}.id"
            if self.kind.name == "Observation" and link.column == "datastream_id" and "Observation" in self.statement.store.arms:
                # An id that is put together has no index, a register's row has: the newest of 1,000 is not 1,000 looks at all.
                return f"{same} AND {self.alias}.of_row = {owner}.id & 4294967295"
            return same
        table, near, far = link.through
        pairs = self.statement.store.through(table)
        return f"{self.alias}.id IN (SELECT m.{far} FROM {pairs} AS m WHERE m.{near} = {owner}.id)"  # noqa: S608 - names from kinds.py

    def body(self) -> str:
        """Return FROM, joins and WHERE."""
        parts = [f"FROM {self.source} AS {self.alias}", *self.joins]
        if self.where:
            parts.append("WHERE " + " AND ".join(self.where))
        return " ".join(parts)
