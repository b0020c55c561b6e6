# SPDX-License-Identifier: Apache-2.0
"""What is asked of the graph: what surrounds a column, why one depends on another, who is hit by a change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from chengyun.access.actors import Actor
from chengyun.errors import NotFound, nearest
from chengyun.share.lineage.building import graph
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Graph, Place
from chengyun.share.lineage.sight import Sight

__all__ = ["Around", "Box", "Hit", "Link", "access_place", "around", "impact", "named", "path", "sight_of"]

MOST_BOXES = 80
"""Places of one picture; what lies beyond is opened from there."""


@dataclass(slots=True)
class Box:
    """A place in a picture. side: 0 the one asked for, below 0 where its data comes from, above 0 where it goes.

    columns: those that take part, in the order of the place. more: it has neighbours on that side that are not in the picture.
    hidden_up, hidden_down: a neighbour may not be seen.
    """

    place: Place
    side: int
    columns: dict[str, None] = field(default_factory=dict)
    more: bool = False
    hidden_up: bool = False
    hidden_down: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of a picture. said, at: "" for who may not read code."""

    source: Column
    target: Column
    how: str
    direct: bool
    said: str
    at: str


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a column. cut: there is more than one picture holds."""

    start: Column
    boxes: dict[str, Box]
    links: tuple[Link, ...]
    cut: bool

    @property
    def sources(self) -> list[Box]:
        return sorted((box for box in self.boxes.values() if box.side < 0), key=lambda box: -box.side)

    @property
    def uses(self) -> list[Box]:
        return sorted((box for box in self.boxes.values() if box.side > 0), key=lambda box: box.side)


Grade = Literal["writes", "breaks", "loses", "starves"]


class Hit(NamedTuple):
    """A place hit by a column's end. grade: it writes the column, names it itself, passes it on to readers outside, or is made of
    something that names it.

    through: the place before it. depth: places between it and the column. at: where it is declared.
    """

    place: Place
    columns: tuple[str, ...]
    grade: Grade
    depth: int
    through: str
    at: str


def sight_of(actor: Actor) -> Sight:
    return Sight(actor, graph())


def access_place(sight: Sight, key: str, column: str = "") -> Column:
    """Return the column asked for; EVERY where none is named. Raises NotFound: absent and forbidden look the same."""
    place = sight.graph.places.get(key)
    if place is None or not sight.sees(key):
        raise NotFound(f"There is no {key[:120]!r} in the lineage.")
    asked = Column(key, column or EVERY)
    if not sight.graph.has(asked) or not sight.sees_column(asked):
        raise NotFound(f"{key} has no column {column[:64]!r}.{nearest(column, sight.columns(place))}")
    return asked


def named(graph: Graph, text: str) -> Column:
    """Return what a text names: `pack.key.column`, `kind:key/column`, or a place alone. Raises NotFound with the nearest."""
    for place, column in ((text, EVERY), *(text.rpartition(mark)[::2] for mark in "/.")):
        if place in graph.places and graph.has(Column(place, column)):
            return Column(place, column)
    place, _dot, column = text.rpartition(".")
    if place in graph.places:
        raise NotFound(f"{place} has no column {column!r}.{nearest(column, [one.key for one in graph.places[place].columns])}")
    raise NotFound(f"There is no {text!r} in the lineage.{nearest(text, graph.places)}")


def around(
    sight: Sight, start: Column, up: int = 2, down: int = 2, opened: Iterable[str] = (), *, indirect: bool = True
) -> Around:
    """Return what surrounds a column, so many places far on each side; `opened` places show one more.

    indirect: also what decides about rows: filters, joins, groups.
    """
    middle = Box(sight.graph.places[start.place], 0)
    found = Around(start, {start.place: middle}, (), False)
    links: dict[tuple[Column, Column], Link] = {}
    cut = False
    for direction, far in ((-1, up), (1, down)):
        cut |= _walk(sight, found, links, direction, far, frozenset(opened), indirect)
    for box in found.boxes.values():
        order = {key: number for number, key in enumerate((EVERY, *sight.columns(box.place)))}
        box.columns = dict.fromkeys(sorted(box.columns, key=lambda key: order.get(key, len(order))))
    return Around(start, found.boxes, tuple(links.values()), cut)


def _walk(
    sight: Sight, found: Around, links: dict[tuple[Column, Column], Link], direction: int, far: int, opened: frozenset[str],
    indirect: bool,
) -> bool:  # fmt: skip
    """Walk one way, place by place; return whether something was left out for want of room."""
    depth = {found.start.place: 0}
    waiting = deque([found.start])
    met = {found.start}
    cut = False
    while waiting:
        column = waiting.popleft()
        box = found.boxes[column.place]
        box.columns.setdefault(column.key)
        for edge in sight.graph.into(column) if direction < 0 else sight.graph.out_of(column):
            inside = edge.source.place == edge.target.place
            # What flags a stream's rows is told at the stream itself, not wherever a flag is read.
            if not edge.direct and (not indirect or (inside and column.place != found.start.place)):
                continue
            near, beyond = (edge.target, edge.source) if direction < 0 else (edge.source, edge.target)
            if not sight.sees_column(beyond):
                if direction < 0:
                    box.hidden_up = True
                else:
                    box.hidden_down = True
                continue
            steps = depth[column.place] + (beyond.place != column.place)
            if beyond.place not in depth:
                if steps > far and column.place not in opened:
                    box.more = True
                    continue
                if beyond.place in found.boxes:  # on the other side already: a circle by way of reference is not drawn
                    continue
                if len(found.boxes) >= MOST_BOXES:
                    box.more, cut = True, True
                    continue
                depth[beyond.place] = steps
                found.boxes[beyond.place] = Box(sight.graph.places[beyond.place], direction * steps)
            box.columns.setdefault(near.key)
            found.boxes[beyond.place].columns.setdefault(beyond.key)
            known = links.get((edge.source, edge.target))
            if known is None or (edge.direct and not known.direct):
                code = sight.reads_code(edge)
                links[edge.source, edge.target] = Link(
                    edge.source, edge.target, edge.how, edge.direct, edge.said if code else "", edge.at if code else ""
                )
            # What decides about rows is shown, and followed no further until it is opened.
            if beyond not in met and (edge.direct or inside or beyond.place in opened):
                met.add(beyond)
                waiting.append(beyond)
            elif not edge.direct and beyond not in met and _goes_on(sight, beyond, direction):
                found.boxes[beyond.place].more = True
    return cut


def _goes_on(sight: Sight, column: Column, direction: int) -> bool:
    edges = sight.graph.into(column) if direction < 0 else sight.graph.out_of(column)
    return any(edge.source.place != edge.target.place for edge in edges)


def path(sight: Sight, source: Column, target: Column) -> tuple[Link, ...]:
    """Return why a column depends on another: the shortest way of edges from the first to the second. Raises NotFound."""
    # Each column met → the edge that leads on from it, and the column that edge was met at: for an edge that ends at all columns
    # of a place, the one that was asked about.
    came: dict[Column, tuple[Edge, Column]] = {}
    waiting, met = deque([target]), {target}
    while waiting:
        column = waiting.popleft()
        for edge in sorted(sight.graph.into(column), key=lambda one: not one.direct):
            beyond = edge.source
            if beyond in met or not sight.sees_column(beyond):
                continue
            met.add(beyond)
            came[beyond] = (edge, column)
            if beyond == source or (source.key == EVERY and beyond.place == source.place):
                way, at = [], beyond
                while at != target:
                    edge, at = came[at]
                    way.append(_linked(sight, edge))
                return tuple(way)
            waiting.append(beyond)
    raise NotFound(f"{'.'.join(target)} does not depend on {'.'.join(source)}, as far as it may be seen.")


def _linked(sight: Sight, edge: Edge) -> Link:
    code = sight.reads_code(edge)
    return Link(edge.source, edge.target, edge.how, edge.direct, edge.said if code else "", edge.at if code else "")


def impact(graph: Graph, column: Column) -> list[Hit]:
    """Return who is hit when a column ends, nearest first: what names it cannot go on, what is made of that has nothing new.

    SQL that names a column that is gone does not run: every column of that figure ends with it, whichever was made of it.
    """
    hits: dict[str, Hit] = {}
    for edge in graph.into(column):
        if edge.source.place != column.place:
            _note(graph, hits, edge.source.place, (edge.source.key,), "writes", 1, column.place, edge.at)
    waiting: deque[tuple[Column, int]] = deque([(column, 0)])
    met = {column}
    while waiting:
        at, depth = waiting.popleft()
        for edge in graph.out_of(at):
            if edge.target.place == column.place:
                # Flags and derived columns of the same place are made of it, and do not stop by its end.
                continue
            place = graph.places[edge.target.place]
            whole = place.kind == "indicator"
            outside = place.kind in ("door", "grant")
            if outside and depth:  # whoever reads a figure that stops is not told again for every way it goes out by
                continue
            grade: Grade = "starves" if depth else "loses" if outside else "breaks"
            columns = tuple(one.key for one in place.columns) if whole else (edge.target.key,)
            _note(graph, hits, place.key, columns, grade, depth + 1, at.place, edge.at)
            onward = Column(place.key, EVERY) if whole else edge.target
            if onward not in met:
                met.add(onward)
                waiting.append((onward, depth + 1))
    order = {"writes": 0, "breaks": 1, "loses": 2, "starves": 3}
    return sorted(hits.values(), key=lambda hit: (order[hit.grade], hit.depth, hit.place.key))


def _note(
    graph: Graph, hits: dict[str, Hit], key: str, columns: tuple[str, ...], grade: Grade, depth: int, through: str, at: str
) -> None:
    known = hits.get(key)
    if known is None:
        hits[key] = Hit(graph.places[key], columns, grade, depth, through, at)
    elif known.grade == grade:
        hits[key] = known._replace(columns=tuple(dict.fromkeys((*known.columns, *columns))))
