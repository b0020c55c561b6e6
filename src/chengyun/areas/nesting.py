# SPDX-License-Identifier: Apache-2.0
"""What must hold for a tree of areas: codes of a known shape, one area per code and day, children inside parents.

Pure checks over plain rows; each raises Refused naming the file and the feature, before anything is written.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chengyun.areas.files import Feature
from chengyun.errors import Refused
from chengyun.standards.divisions import divisions, level_of, parent_of, spans, successors, valid_on

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_OUTSIDE_SHARE = 0.02
"""Share of an area that may lie outside its parent or inside a sibling: borders drawn by two hands differ that much."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One area during one span of days, about to be written or already in the table. at: for messages."""

    at: str
    code: str
    level: str
    parent_code: str
    valid_from: dt.date
    valid_to: dt.date | None

    def overlaps(self, other: Span) -> bool:
        ends = self.valid_to is None or other.valid_from < self.valid_to
        return ends and (other.valid_to is None or self.valid_from < other.valid_to)


def span_of(feature: Feature, opened: dict[str, dt.date], default: dt.date | None, today: dt.date) -> Span:
    """Return the feature's place in the tree and in time.

    opened: first day of the span that is open in the table, by code: where the file and the caller are silent, the
        feature describes that span. default: the first day the caller states for a file that states none.
    Raises Refused for a code of the wrong shape, a parent that its code contradicts, or a code not valid then.
    """
    try:
        level, parent = level_of(feature.code), parent_of(feature.code) or ""
    except ValueError as wrong:
        raise Refused(f"{feature.at}: {wrong}") from wrong
    if feature.parent and feature.parent not in (parent, parent.rstrip("0")):
        raise Refused(
            f"{feature.at} says that its parent is {feature.parent}; by its code it is {parent or 'a city, with none'}."
        )
    since = feature.valid_from or default or opened.get(feature.code) or _territory_since(feature.code)
    if feature.valid_to is not None and feature.valid_to <= since:
        raise Refused(f"{feature.at}: valid_to {feature.valid_to} is not after valid_from {since}.")
    if feature.valid_to is None and feature.code in divisions() and valid_on(feature.code, today) is False:
        old = divisions()[feature.code]
        heirs = ", ".join(f"{code} {divisions()[code].name}" for code in successors(feature.code))
        until = f"was withdrawn in {old.until.text}" if old.until else "is not valid yet"
        raise Refused(
            f"{feature.at}: code {old.code} {old.name} {until}{f'; its successor is {heirs}' if heirs else ''}. "
            "Correct the code, or state valid_from and valid_to."
        )
    return Span(at=feature.at, code=feature.code, level=level, parent_code=parent, valid_from=since, valid_to=feature.valid_to)


def closed_by(new: Sequence[Span], kept: Iterable[Span]) -> list[tuple[Span, dt.date]]:
    """Return the spans of the table that end because a new span follows them, each with its new end.

    Raises Refused when a code would name two areas on one day in any other way.
    """
    by_code: dict[str, list[Span]] = defaultdict(list)
    for span in new:
        by_code[span.code].append(span)
    for code, group in by_code.items():
        ordered = sorted(group, key=lambda span: span.valid_from)
        for earlier, later in itertools.pairwise(ordered):
            if earlier.overlaps(later):
                raise Refused(f"{later.at}: code {code} is given twice for the same days, first by {earlier.at}.")
    ends = []
    for old in kept:
        for span in by_code.get(old.code, ()):
            if old.overlaps(span) and old.valid_from != span.valid_from:
                if old.valid_to is not None or span.valid_from < old.valid_from:
                    raise Refused(
                        f"{span.at}: from {span.valid_from} to {span.valid_to or 'now'} overlaps {old.at}, valid from "
                        f"{old.valid_from} to {old.valid_to or 'now'}. State valid_from and valid_to so that they meet."
                    )
                ends.append((old, span.valid_from))
    return ends


def check_parents(new: Sequence[Span], kept: Iterable[Span]) -> None:
    """Raise Refused for a span whose parent exists neither in the files nor in the table on any of its days."""
    known: dict[str, list[Span]] = defaultdict(list)
    for span in (*kept, *new):
        known[span.code].append(span)
    for span in new:
        if span.parent_code and not any(parent.overlaps(span) for parent in known[span.parent_code]):
            raise Refused(
                f"{span.at}: its parent {span.parent_code} is neither in the files nor loaded for those days. "
                "Load the parent first, or give both files at once."
            )


def check_places(new: Sequence[tuple[Span, BaseGeometry]], kept: Sequence[tuple[Span, BaseGeometry]]) -> None:
    """Raise Refused where a boundary lies outside its parent's, or on a sibling's, by more than borders differ."""
    import shapely

    by_code: dict[str, list[tuple[Span, BaseGeometry]]] = defaultdict(list)
    by_level: dict[str, list[tuple[Span, BaseGeometry]]] = defaultdict(list)
    for span, polygon in (*kept, *new):
        by_code[span.code].append((span, polygon))
        by_level[span.level].append((span, polygon))
    trees: dict[str, Any] = {level: shapely.STRtree([polygon for _, polygon in held]) for level, held in by_level.items()}
    for span, polygon in new:
        for parent, around in by_code[span.parent_code]:
            if parent.overlaps(span) and (share := polygon.difference(around).area / polygon.area) > _OUTSIDE_SHARE:
                raise Refused(
                    f"{span.at}: {share:.0%} of its boundary's area lies outside its parent {parent.code}. "
                    "Are both in the coordinate system that was stated?"
                )
        # Grids are drawn one by one, and what is not yet right of them is listed for whoever draws them.
        for index in trees[span.level].query(polygon, predicate="intersects") if span.level != "grid" else ():
            sibling, other = by_level[span.level][index]
            if sibling.code == span.code or not sibling.overlaps(span):
                continue
            if (share := polygon.intersection(other).area / min(polygon.area, other.area)) > _OUTSIDE_SHARE:
                raise Refused(f"{span.at} and {sibling.at} overlap by {share:.0%} of the smaller one's area.")


def _territory_since(code: str) -> dt.date:
    return spans(code)[-1][0] if code in divisions() else dt.date.min
