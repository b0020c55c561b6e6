# SPDX-License-Identifier: Apache-2.0
"""The neighbourhood of a column as shapes: numbers a template puts into SVG. Pure.

Places stand in layers from left to right, sources first; in a layer they are ordered by where their neighbours nearer to the
middle stand, so that few lines cross. A line goes from column to column; a dashed one decides about rows and carries no value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import east_asian_width

from chengyun.share.lineage.queries import Around, Box
from chengyun.share.lineage.shapes import EVERY, Column

__all__ = ["Drawn", "DrawnBox", "DrawnLine", "Row", "draw"]

WIDTH, HEAD, LINE, GAP_X, GAP_Y, EDGE = 200, 40, 20, 84, 18, 14
MOST_ROWS = 9
WHOLE_LINES = 260
"""Beyond so many lines between columns, lines go from place to place: more would be a grey cloth."""


@dataclass(frozen=True, slots=True)
class Row:
    """A column in a box. y: of its middle. name: as read; "": all columns. asked: the one the page is about."""

    key: str
    name: str
    y: int
    href: str
    asked: bool

    @property
    def top(self) -> int:
        return self.y - LINE // 2


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A place. title: its name as far as there is room. more: address that opens what lies beyond, "" for nothing.

    hidden_left, hidden_right: a neighbour that may not be seen.
    """

    key: str
    kind: str
    title: str
    name: str
    x: int
    y: int
    height: int
    middle: bool
    href: str
    rows: tuple[Row, ...]
    rest: int
    more: str
    more_x: int
    hidden_left: bool
    hidden_right: bool

    @property
    def key_said(self) -> str:
        """The key as far as there is room."""
        return fit(self.key, 31)


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """d: an SVG path. dashed: it decides about rows. title: what it says, in words."""

    d: str
    dashed: bool
    title: str


@dataclass(frozen=True, slots=True)
class Drawn:
    width: int
    height: int
    boxes: tuple[DrawnBox, ...]
    lines: tuple[DrawnLine, ...]
    box_width: int = WIDTH
    row_width: int = WIDTH - 2
    row_height: int = LINE


def draw(
    found: Around,
    *,
    said: Callable[[str], str],
    how_said: Callable[[str], str],
    href: Callable[[Column], str],
    open_href: Callable[[str], str],
) -> Drawn:
    """Return the picture. said: how a declared name reads; how_said: how a kind of edge does; href, open_href: addresses."""
    layers = _layers(found)
    first = min(layers)
    placed: dict[str, DrawnBox] = {}
    rows: dict[str, dict[str, int]] = {}
    heights = {side: sum(_height(box) + GAP_Y for box in boxes) - GAP_Y for side, boxes in layers.items()}
    tallest = max(heights.values())
    for side, boxes in sorted(layers.items()):
        y = EDGE + (tallest - heights[side]) // 2
        # Room on the left for the sign that something there may not be seen.
        x = EDGE + 10 + (side - first) * (WIDTH + GAP_X)
        for box in boxes:
            drawn = _box(found, box, x, y, said, href, open_href)
            placed[box.place.key] = drawn
            rows[box.place.key] = {row.key: row.y for row in drawn.rows}
            y += drawn.height + GAP_Y
    lines = _lines(found, placed, rows, said, how_said)
    width = EDGE * 2 + 20 + (max(layers) - first) * (WIDTH + GAP_X) + WIDTH
    return Drawn(width, tallest + EDGE * 2, tuple(placed.values()), tuple(lines))


def _layers(found: Around) -> dict[int, list[Box]]:
    """Return the boxes by layer, those of a layer near to the mean of their neighbours nearer to the middle."""
    layers: dict[int, list[Box]] = defaultdict(list)
    for box in found.boxes.values():
        layers[box.side].append(box)
    beside: dict[str, set[str]] = defaultdict(set)
    for link in found.links:
        beside[link.source.place].add(link.target.place)
        beside[link.target.place].add(link.source.place)
    at: dict[str, float] = {found.start.place: 0.0}
    for side in sorted(layers, key=abs):
        ordered = sorted(
            layers[side], key=lambda box: (_mean([at[one] for one in beside[box.place.key] if one in at]), box.place.key)
        )
        layers[side] = ordered
        for number, box in enumerate(ordered):
            at[box.place.key] = number - (len(ordered) - 1) / 2
    return layers


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _shown(box: Box) -> list[str]:
    return [key for key in box.columns if key != EVERY][:MOST_ROWS]


def _height(box: Box) -> int:
    several = len([key for key in box.columns if key != EVERY])
    return HEAD + LINE * (min(several, MOST_ROWS) + (several > MOST_ROWS)) + (6 if several else 0)


def _box(
    found: Around,
    box: Box,
    x: int,
    y: int,
    said: Callable[[str], str],
    href: Callable[[Column], str],
    open_href: Callable[[str], str],
) -> DrawnBox:
    rows = []
    names = {one.key: one.name for one in box.place.columns}
    for number, key in enumerate(_shown(box)):
        column = Column(box.place.key, key)
        y_middle = y + HEAD + LINE * number + LINE // 2
        rows.append(Row(key, fit(said(names.get(key, key)), 30), y_middle, href(column), column == found.start))
    left = box.side < 0
    return DrawnBox(
        key=box.place.key,
        kind=box.place.kind,
        title=fit(said(box.place.name), 26),
        name=said(box.place.name),
        x=x,
        y=y,
        height=_height(box),
        middle=box.side == 0,
        href=href(Column(box.place.key, EVERY)),
        rows=tuple(rows),
        rest=max(0, len([key for key in box.columns if key != EVERY]) - MOST_ROWS),
        more=open_href(box.place.key) if box.more else "",
        more_x=x - 12 if left else x + WIDTH + 12,
        hidden_left=box.hidden_up,
        hidden_right=box.hidden_down,
    )


def _lines(
    found: Around,
    placed: dict[str, DrawnBox],
    rows: dict[str, dict[str, int]],
    said: Callable[[str], str],
    how_said: Callable[[str], str],
) -> list[DrawnLine]:
    whole = len(found.links) <= WHOLE_LINES
    drawn: dict[tuple[str, int, str, int], tuple[bool, list[str]]] = {}
    for link in found.links:
        a, b = placed.get(link.source.place), placed.get(link.target.place)
        if a is None or b is None or a is b:
            continue
        ya = rows[a.key].get(link.source.key, a.y + HEAD // 2) if whole else a.y + HEAD // 2
        yb = rows[b.key].get(link.target.key, b.y + HEAD // 2) if whole else b.y + HEAD // 2
        dashed, words = drawn.setdefault((a.key, ya, b.key, yb), (True, []))
        source = "" if link.source.key == EVERY else link.source.key
        target = "" if link.target.key == EVERY else link.target.key
        words.append(f"{source} → {target} {how_said(link.how)}".strip())
        drawn[a.key, ya, b.key, yb] = (dashed and not link.direct, words)
    lines = []
    for (first, ya, second, yb), (dashed, words) in drawn.items():
        a, b = placed[first], placed[second]
        title = f"{a.name} → {b.name}: {'; '.join(dict.fromkeys(words))}"[:300]
        lines.append(DrawnLine(_path(a.x + WIDTH, ya, b.x, yb), dashed, title))
    return sorted(lines, key=lambda line: not line.dashed)


def fit(text: str, room: int) -> str:
    """Return a text cut to a width, where a Chinese character takes twice a Latin one's."""
    taken = 0
    for number, character in enumerate(text):
        taken += 2 if east_asian_width(character) in "WF" else 1
        if taken > room:
            return f"{text[: max(0, number - 1)]}…"
    return text


def _path(x: int, y: int, to_x: int, to_y: int) -> str:
    if to_x <= x:  # within a layer, or back: a bow to the right
        return f"M{x} {y}C{x + 60} {y} {x + 60} {to_y} {to_x + WIDTH + 2} {to_y}"
    bend = (to_x - x) // 2
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x - 2} {to_y}"
