# SPDX-License-Identifier: Apache-2.0
"""The graph: places that have columns, and edges between columns. Pure.

    Place ── columns ──▶ Edge ──▶ columns ── Place          a direct edge carries values, an indirect one decides about rows

A place goes by the key of its dataset (`air_quality.station_hour`), or by `<kind>:<key>` where it is no dataset of its own. The
column EVERY at an edge's end stands for all of the place's: what filters the rows of a formula bears on each of its columns.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

__all__ = ["EVERY", "DIRECT", "INDIRECT", "Column", "Edge", "Graph", "How", "Item", "Kind", "Place"]

EVERY = "*"

Kind = Literal[
    "source", "topic", "feed", "form", "entity", "stream", "limit", "indicator", "quality", "alert", "case", "count", "rate",
    "page", "door", "grant",
]  # fmt: skip

How = Literal[
    "identity", "transformation", "aggregation",
    "join", "group_by", "filter", "sort", "window", "conditional",
]  # fmt: skip
"""The kinds of transformation of OpenLineage's column lineage: the first three are direct, the others indirect."""
DIRECT: frozenset[How] = frozenset({"identity", "transformation", "aggregation"})
INDIRECT: frozenset[How] = frozenset({"join", "group_by", "filter", "sort", "window", "conditional"})


class Column(NamedTuple):
    """A column of a place; EVERY: all of them."""

    place: str
    key: str


class Item(msgspec.Struct, frozen=True, gc=False):
    """A column as its place shows it. type: N, C, D …, the letters of the data catalogue; "": not known."""

    key: str
    name: str
    type: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Something with columns.

    decides: the dataset whose scope decides who may see that it is there; "": everybody may.
    at: file and line it is declared in.
    """

    key: str
    kind: Kind
    name: str
    columns: tuple[Item, ...]
    decides: str = ""
    at: str = ""

    def item(self, key: str) -> Item | None:
        return next((one for one in self.columns if one.key == key), None)


class Edge(msgspec.Struct, frozen=True, gc=False):
    """What one column is made of, or chosen by. said: the expression, in the words of the file. at: file and line."""

    source: Column
    target: Column
    how: How
    said: str = ""
    at: str = ""

    @property
    def direct(self) -> bool:
        return self.how in DIRECT


class Graph:
    """Places and edges, found by either end. Frozen once made; one over a `base` adds to it without copying it."""

    def __init__(self, places: Iterable[Place], edges: Iterable[Edge], base: Graph | None = None) -> None:
        own = {one.key: one for one in places}
        self.places: Mapping[str, Place] = ChainMap(own, dict(base.places)) if base else own
        self._base = base
        self._into: dict[str, dict[str, list[Edge]]] = {}
        self._out: dict[str, dict[str, list[Edge]]] = {}
        self.size: int = base.size if base else 0
        for edge in dict.fromkeys(edges):
            if edge.source.place in self.places and edge.target.place in self.places:
                self._into.setdefault(edge.target.place, {}).setdefault(edge.target.key, []).append(edge)
                self._out.setdefault(edge.source.place, {}).setdefault(edge.source.key, []).append(edge)
                self.size += 1

    def has(self, column: Column) -> bool:
        place = self.places.get(column.place)
        return place is not None and (column.key == EVERY or place.item(column.key) is not None)

    def into(self, column: Column) -> Iterator[Edge]:
        """Yield the edges that end at a column, or at all columns of its place."""
        if self._base is not None:
            yield from self._base.into(column)
        yield from _at(self._into, column)

    def out_of(self, column: Column) -> Iterator[Edge]:
        """Yield the edges that begin at a column, or at all columns of its place."""
        if self._base is not None:
            yield from self._base.out_of(column)
        yield from _at(self._out, column)

    def beside(self, place: str, *, up: bool) -> set[str]:
        """Return the places next to one, on the side its data comes from, or goes to."""
        found = self._base.beside(place, up=up) if self._base is not None else set()
        for edges in (self._into if up else self._out).get(place, {}).values():
            found.update((edge.source if up else edge.target).place for edge in edges)
        return found - {place}

    def edges(self) -> Iterator[Edge]:
        if self._base is not None:
            yield from self._base.edges()
        for by_column in self._out.values():
            for edges in by_column.values():
                yield from edges


def _at(ends: Mapping[str, Mapping[str, list[Edge]]], column: Column) -> Iterator[Edge]:
    by_column = ends.get(column.place)
    if by_column is None:
        return
    if column.key == EVERY:
        for edges in by_column.values():
            yield from edges
    else:
        yield from by_column.get(column.key, ())
        yield from by_column.get(EVERY, ())
