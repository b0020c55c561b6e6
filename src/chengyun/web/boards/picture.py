# SPDX-License-Identifier: Apache-2.0
"""A board as strokes: what a picture and a document are both drawn from. Light colours, as paper has; one unit is one pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _

from chengyun.web import shown
from chengyun.web.boards.shown import BoardView, Drawn, Line, Mapped, TileView

__all__ = ["Circle", "Path", "Rect", "Stroke", "Text", "height_of", "strokes", "svg"]

WIDTH, MARGIN, GAP, HEAD, ROW, FOOT = 1600.0, 32.0, 14.0, 84.0, 92.0, 40.0
INK, SOFT, LINE, PAPER, SURFACE = "#12181a", "#4a565b", "#d8dddb", "#f1f3f1", "#ffffff"
GREY, BAD, WARN, GOOD = "#8a989f", "#a8201a", "#8a5a00", "#1c7a45"
LINES = ("#0a4f8f", "#a8201a", "#1c7a45", "#8a5a00", "#5b3fa0", "#12181a")
SEVERITY = {"blue": "#2a78d6", "yellow": "#f0c000", "orange": "#ec7a08", "red": "#d42a23"}
PAD = 14.0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    w: float
    h: float
    fill: str
    stroke: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """anchor: "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    size: float
    colour: str = INK
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Path:
    points: tuple[tuple[float, float], ...]
    stroke: str
    width: float = 1.5
    fill: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Circle:
    x: float
    y: float
    r: float
    fill: str
    stroke: str


Stroke = Rect | Text | Path | Circle


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def foot(self) -> float:
        return self.y + self.h


def height_of(view: BoardView) -> float:
    """Return how high the picture of a board is."""
    return HEAD + view.rows * (ROW + GAP) - GAP + FOOT + MARGIN


def strokes(view: BoardView) -> Iterator[Stroke]:
    """Yield a board's strokes, first those that lie beneath."""
    yield Rect(0, 0, WIDTH, height_of(view), PAPER)
    yield Text(MARGIN, 50, view.name, 30)
    said = _("当时所知") if view.past else _("读取于")
    yield Text(WIDTH - MARGIN, 50, f"{said} {shown.moment(view.at)}:{view.at:%S}", 17, SOFT, "end")
    column = (WIDTH - 2 * MARGIN + GAP) / 12
    for tile in view.tiles:
        box = _Box(MARGIN + tile.x * column, HEAD + tile.y * (ROW + GAP), tile.w * column - GAP, tile.h * (ROW + GAP) - GAP)
        yield from _tile(tile, box)
    foot = _("“—”表示未知，不是零") + f" · {_('版本')} {view.version}"
    yield Text(MARGIN, height_of(view) - MARGIN, foot, 13, SOFT)


def svg(view: BoardView) -> str:
    """Return the picture of a board as SVG."""
    height = height_of(view)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}" height="{height:g}" viewBox="0 0 {WIDTH:g} {height:g}" '
        f'font-family="PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"><title>{escape(view.name)}</title>'
    ]
    for one in strokes(view):
        match one:
            case Rect():
                edge = f' stroke="{one.stroke}"' if one.stroke else ""
                parts.append(
                    f'<rect x="{one.x:.1f}" y="{one.y:.1f}" width="{one.w:.1f}" height="{one.h:.1f}" fill="{one.fill}"{edge}/>'
                )
            case Text():
                at = f'x="{one.x:.1f}" y="{one.y:.1f}" font-size="{one.size:g}" fill="{one.colour}" text-anchor="{one.anchor}"'
                parts.append(f"<text {at}>{escape(one.text)}</text>")
            case Path():
                places = " ".join(f"{x:.1f},{y:.1f}" for x, y in one.points)
                dash = ' stroke-dasharray="5 4"' if one.dashed else ""
                kind, fill = ("polygon", one.fill) if one.fill else ("polyline", "none")
                parts.append(
                    f'<{kind} points="{places}" fill="{fill}" stroke="{one.stroke}" stroke-width="{one.width:g}"{dash}/>'
                )
            case Circle():
                parts.append(f'<circle cx="{one.x:.1f}" cy="{one.y:.1f}" r="{one.r:g}" fill="{one.fill}" stroke="{one.stroke}"/>')
    return "".join(parts) + "</svg>"


def fitted(text: str, size: float, width: float) -> str:
    """Return a text cut to a width, by how wide letters usually are."""
    used, kept = 0.0, 0
    for place, letter in enumerate(text):
        used += size * (1.0 if ord(letter) > 0x2E80 else 0.56)
        if used <= width - size * 0.6:
            kept = place + 1
        if used > width:
            return text[:kept].rstrip() + "…"
    return text


def _tile(tile: TileView, box: _Box) -> Iterator[Stroke]:
    stale = tile.status in ("stale", "missing")
    yield Rect(box.x, box.y, box.w, box.h, SURFACE, LINE)
    edge = {"bad": BAD, "warn": WARN, "good": GOOD}.get(tile.judged) or (tile.band.colour if tile.band else "")
    if edge:
        yield Rect(box.x, box.y, 5, box.h, GREY if stale else edge)
    word = _status_word(tile.status)
    yield Text(box.x + PAD, box.y + 26, fitted(tile.title, 16, box.w - 2 * PAD - (70 if word else 0)), 16)
    if word:
        yield Text(box.right - PAD, box.y + 25, word, 13, GREY if stale else SOFT, "end")
    inside = _Box(box.x + PAD, box.y + 38, box.w - 2 * PAD, box.h - 38 - 10)
    if tile.kind in ("figure", "index"):
        yield from _value(tile, inside, stale)
        inside = _Box(inside.x, inside.y + 46, inside.w, inside.h - 46)
    meta = " · ".join(filter(None, _meta(tile)))
    if meta and inside.h > 20:
        yield Text(inside.x, inside.foot, fitted(meta, 12, inside.w), 12, SOFT)
        inside = _Box(inside.x, inside.y, inside.w, inside.h - 20)
    if tile.kind == "figure" and tile.spark and inside.h > 18:
        yield from _chart(tile.spark, inside, plain=True)
    elif tile.chart:
        yield from _chart(tile.chart, inside)
    elif tile.mapped:
        yield from _map(tile.mapped, inside)
    elif tile.paragraphs:
        yield from _paragraphs(tile.paragraphs, inside)
    elif tile.listed:
        yield from _lines(tile.listed, inside)
    elif tile.empty:
        yield Text(inside.x, inside.y + 18, fitted(tile.empty, 14, inside.w), 14, SOFT)


def _value(tile: TileView, box: _Box, stale: bool) -> Iterator[Stroke]:
    colour = GREY if stale else BAD if tile.judged == "bad" else INK
    yield Text(box.x, box.y + 34, tile.value, 36, colour)
    wide = 36 * 0.58 * len(tile.value) + 10
    said = " ".join(filter(None, (shown.unit(tile.unit), tile.band.name if tile.band else "")))
    if tile.target:
        said += f"  {_('目标')} {tile.target}"
    yield Text(box.x + wide, box.y + 34, fitted(said.strip(), 15, max(0, box.w - wide)), 15, SOFT)


def _meta(tile: TileView) -> tuple[str, ...]:
    covered = f"{_('覆盖')} {tile.coverage * 100:.0f} %" if tile.coverage is not None else ""
    count = f"{_('共')} {tile.count}" if tile.count else ""
    simulated = _("模拟") if tile.simulated else ""
    return (tile.period, tile.age, covered, count, simulated, tile.thresholds, tile.source)


def _chart(drawn: Drawn, box: _Box, *, plain: bool = False) -> Iterator[Stroke]:
    left = 0.0 if plain else 40.0
    low = 0.0 if plain else 18.0
    area = _Box(box.x + left, box.y + 4, box.w - left, box.h - 4 - low)

    def at(x: float, y: float) -> tuple[float, float]:
        return area.x + x * area.w, area.y + y * area.h

    if not plain:
        for height, text in drawn.up:
            yield Path((at(0, height), at(1, height)), LINE, 1)
            yield Text(area.x - 6, at(0, height)[1] + 4, text, 11, SOFT, "end")
        for place, text in drawn.across:
            yield Text(at(place, 1)[0], box.foot - 2, text, 11, SOFT)
    if drawn.target is not None:
        yield Path((at(0, drawn.target), at(1, drawn.target)), SOFT, 1, dashed=True)
    for number, series in enumerate(drawn.series):
        for run in series.points:
            if len(run) > 1:
                yield Path(tuple(at(x, y) for x, y in run), SOFT if plain else LINES[number % len(LINES)])
            else:
                yield Circle(*at(*run[0]), 1.6, SOFT, SOFT)


def _map(mapped: Mapped, box: _Box) -> Iterator[Stroke]:
    scale = min(box.w / 1000, box.h / mapped.height)
    left, top = box.x + (box.w - 1000 * scale) / 2, box.y + (box.h - mapped.height * scale) / 2
    for shape in mapped.shapes:
        for ring in shape.rings:
            yield Path(tuple((left + x * scale, top + y * scale) for x, y in ring), GREY, 0.8, shape.colour or "#f7f8f6")
    for dot in mapped.dots:
        known = dot.status in ("fresh", "partial") and dot.colour
        yield Circle(left + dot.x * scale, top + dot.y * scale, 3.5, dot.colour if known else "#ffffff", INK if known else GREY)
    for shape in mapped.shapes if scale > 0.25 else ():
        yield Text(left + shape.x * scale, top + shape.y * scale, shape.name, 11, INK, "middle")


def _paragraphs(paragraphs: Sequence[str], box: _Box) -> Iterator[Stroke]:
    y = box.y + 18
    for paragraph in paragraphs:
        rest = paragraph
        while rest and y < box.foot:
            line = fitted(rest, 15, box.w)
            taken = len(rest) if line == rest else max(1, len(line) - 1)
            yield Text(box.x, y, rest[:taken] if y + 22 < box.foot else line, 15)
            rest, y = rest[taken:].lstrip(), y + 22
        y += 8


def _lines(lines: Sequence[Line], box: _Box) -> Iterator[Stroke]:
    two = any(line.about or line.age for line in lines) and not any(line.share is not None for line in lines)
    step = 42.0 if two else 25.0
    for number, line in enumerate(lines):
        y = box.y + 18 + number * step
        if y + (18 if two else 0) > box.foot:
            return
        left = box.x
        if line.severity or line.overdue:
            yield Rect(left, y - 13, 4, 16, SEVERITY.get(line.severity, BAD))
            left += 12
        value = " ".join(filter(None, (line.value, shown.unit(line.unit))))
        room = box.w - (left - box.x) - (len(value) * 9 + 16 if value else 0)
        if line.share is not None:
            name = min(150.0, box.w * 0.3)
            yield Text(left, y, fitted(line.text, 14, name), 14)
            wide = (box.w - name - 90) * line.share
            yield Rect(left + name, y - 10, max(1.5, wide), 11, line.band.colour if line.band else GREY, GREY)
        else:
            yield Text(left, y, fitted(line.text, 14, room), 14)
        if value:
            yield Text(box.right, y, value, 14, GREY if line.status in ("stale", "missing") else INK, "end")
        if two:
            yield Text(left, y + 17, fitted(" · ".join(filter(None, (*line.about, line.age))), 12, box.w - 12), 12, SOFT)


def _status_word(status: str) -> str:
    return {"fresh": _("及时"), "partial": _("不全"), "stale": _("过时"), "missing": _("缺数")}.get(status, "")
