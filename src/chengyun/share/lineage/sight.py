# SPDX-License-Identifier: Apache-2.0
"""What a reader may see of the graph: the places whose data the reader may read for some purpose, and their code by right.

That something is there which may not be seen is said, never what or how much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chengyun.access import delegation
from chengyun.access.actors import Actor
from chengyun.access.policy import may, scope
from chengyun.access.rulebook import rulebook
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Graph, Place

__all__ = ["Sight"]

GRANTS = "grants"
"""Stands in for a dataset: who may read what is for those who manage grants, and for those who check."""


@dataclass(slots=True)
class Sight:
    """One reader's view of the graph. For one request: what was found out is remembered."""

    actor: Actor
    graph: Graph
    _open: dict[str, bool] = field(default_factory=dict)
    _hidden: dict[str, frozenset[str]] = field(default_factory=dict)
    _whole: dict[str, bool] = field(default_factory=dict)

    def sees(self, key: str) -> bool:
        """Say whether the reader may know of a place; False for one that is not there."""
        place = self.graph.places.get(key)
        return place is not None and self._reads(place.decides)

    def sees_column(self, column: Column) -> bool:
        place = self.graph.places.get(column.place)
        if place is None or not self._reads(place.decides):
            return False
        return column.key == EVERY or column.key not in self._hidden.get(place.decides, frozenset())

    def reads_code(self, edge: Edge) -> bool:
        """Say whether the reader may see an edge's expression: by right, and only when it names nothing hidden."""
        return self.may_read_code and self._sees_whole(edge.target.place)

    @property
    def may_read_code(self) -> bool:
        return may(self.actor, "lineage.code")

    def _sees_whole(self, place: str) -> bool:
        if place not in self._whole:
            self._whole[place] = self.sees(place) and all(self.sees(one) for one in self.graph.beside(place, up=True))
        return self._whole[place]

    def _reads(self, dataset: str) -> bool:
        if dataset not in self._open:
            self._open[dataset] = self._asked(dataset)
        return self._open[dataset]

    def _asked(self, dataset: str) -> bool:
        if not dataset:
            return True
        if dataset == GRANTS:
            return may(self.actor, "grant.manage") or delegation.oversees(self.actor)
        book = rulebook()
        facts = book.datasets.get(dataset)
        if facts is None:
            return False
        purposes = tuple(book.purposes) if facts.personal else (None,)
        hidden: frozenset[str] | None = None
        for purpose in purposes:
            found = scope(self.actor, dataset, purpose)
            if found.allowed:
                hidden = found.hidden if hidden is None else hidden & found.hidden
                if not hidden:
                    break
        if hidden is not None:
            self._hidden[dataset] = hidden
        return hidden is not None

    def columns(self, place: Place) -> tuple[str, ...]:
        """Return the keys of a place's columns the reader may see, in order."""
        hidden = self._hidden.get(place.decides, frozenset()) if self._reads(place.decides) else frozenset()
        return tuple(one.key for one in place.columns if one.key not in hidden)
