# SPDX-License-Identifier: Apache-2.0
"""A kind of case as a picture, drawn from its declaration: the usual way down the left, the ways aside and the ends beside it.

SVG without a drawing program, script or font of its own. Inside a page its classes take the page's colours; on its own, with
`alone`, it brings light and dark along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from chengyun.city.casework import CaseType, State

__all__ = ["draw"]

WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE = 96, 34, 34, 26, 14

ALONE = """<style>
.node rect{fill:#fff;stroke:#6b7280;stroke-width:1.5}.node text{fill:#111827}.link{stroke:#9ca3af;fill:none}.tip{fill:#9ca3af}
.link-open{stroke:#1d4ed8;stroke-width:2}
.paused rect{stroke-dasharray:5 3}.ended rect{fill:#e5e7eb}.here rect{stroke:#1d4ed8;stroke-width:3}
@media (prefers-color-scheme:dark){.node rect{fill:#1f2937;stroke:#9ca3af}.node text{fill:#f9fafb}.ended rect{fill:#374151}}
</style>"""


@dataclass(frozen=True, slots=True)
class _Node:
    state: State
    column: int
    row: int

    @property
    def x(self) -> int:
        return EDGE + self.column * (WIDTH + GAP_X)

    @property
    def y(self) -> int:
        return EDGE + self.row * (HEIGHT + GAP_Y)


def draw(declared: CaseType, *, here: str = "", said: Callable[[str], str] = str, alone: bool = False) -> str:
    """Return the picture as SVG text. here: the state a case is in; said: how a name reads in the reader's language."""
    nodes = _placed(declared)
    width = max(node.x for node in nodes.values()) + WIDTH + EDGE
    height = max(node.y for node in nodes.values()) + HEIGHT + EDGE
    links = "".join(_links(declared, nodes, here, said))
    boxes = "".join(_box(node, here, said) for node in nodes.values())
    mark = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="machine" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(said(declared.name))}" font-size="14" font-family="sans-serif">'
        f"{ALONE if alone else ''}{mark}{links}{boxes}</svg>"
    )


def _placed(declared: CaseType) -> dict[str, _Node]:
    """Put the usual way into the first column, each other state beside the place it is left to from, ends last."""
    main = _main(declared)
    nodes = {key: _Node(declared.state(key), 0, row) for row, key in enumerate(main)}
    taken = {(node.column, node.row) for node in nodes.values()}
    for state in sorted(declared.states, key=lambda one: one.clock == "ended"):
        if state.key in nodes:
            continue
        rows = [nodes[step.source].row for step in declared.transitions if step.to == state.key and step.source in nodes]
        column, row = (3 if state.clock == "ended" else 1), (min(rows) if rows else 0)
        while (column, row) in taken:
            column, row = (2, row) if column == 1 else (column if column == 3 else 1, row + 1)
        taken.add((column, row))
        nodes[state.key] = _Node(state, column, row)
    if not any(node.column in (1, 2) for node in nodes.values()):
        nodes = {key: _Node(node.state, min(node.column, 1), node.row) for key, node in nodes.items()}
    return nodes


def _main(declared: CaseType) -> list[str]:
    """Return the shortest way to the end that takes most steps to reach."""
    first = declared.states[0].key
    ways, waiting = {first: [first]}, deque([first])
    while waiting:
        at = waiting.popleft()
        for step in declared.steps_from(at):
            if step.to not in ways:
                ways[step.to] = [*ways[at], step.to]
                waiting.append(step.to)
    return max((ways[state.key] for state in declared.states if state.clock == "ended" and state.key in ways), key=len)


def _links(declared: CaseType, nodes: dict[str, _Node], here: str, said: Callable[[str], str]) -> list[str]:
    names: dict[tuple[str, str], list[str]] = {}
    for step in declared.transitions:
        if step.source != step.to:
            names.setdefault((step.source, step.to), []).append(said(step.name))
    found = []
    for (source, to), words in names.items():
        title = f"{said(nodes[source].state.name)} → {said(nodes[to].state.name)}: {'、'.join(dict.fromkeys(words))}"
        path = _path(nodes[source], nodes[to])
        kind = "link link-open" if source == here else "link"
        found.append(f'<path class="{kind}" d="{path}" marker-end="url(#tip)"><title>{escape(title)}</title></path>')
    return found


def _path(a: _Node, b: _Node) -> str:
    """Return a line from one box to another: straight down the column, else a bow from side to side."""
    if a.column == b.column and b.row == a.row + 1:
        x = a.x + WIDTH // 2
        return f"M{x} {a.y + HEIGHT}V{b.y - 2}"
    if a.column == b.column:
        side = a.x if a.column == 0 else a.x + WIDTH
        bow = side + (-EDGE + 2 if a.column == 0 else GAP_X // 2)
        return f"M{side} {a.y + HEIGHT // 2}C{bow} {a.y + HEIGHT // 2} {bow} {b.y + HEIGHT // 2} {side} {b.y + HEIGHT // 2}"
    forth = b.column > a.column
    start, end = (a.x + WIDTH, b.x - 2) if forth else (a.x, b.x + WIDTH + 2)
    shift = 5 if forth else -5  # there and back do not lie on each other
    ya, yb, bend = a.y + HEIGHT // 2 + shift, b.y + HEIGHT // 2 + shift, (GAP_X if forth else -GAP_X)
    return f"M{start} {ya}C{start + bend} {ya} {end - bend} {yb} {end} {yb}"


def _box(node: _Node, here: str, said: Callable[[str], str]) -> str:
    words = said(node.state.name)
    kind = f"node {node.state.clock}{' here' if node.state.key == here else ''}"
    # A name longer than its box is set narrower: an English word is wider than the two to five characters it stands for.
    room = f' textLength="{WIDTH - 10}" lengthAdjust="spacingAndGlyphs"' if len(words.encode("gb18030")) > 12 else ""
    return (
        f'<g class="{kind}"><rect x="{node.x}" y="{node.y}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{node.x + WIDTH // 2}" y="{node.y + HEIGHT // 2 + 5}" text-anchor="middle"{room}>{escape(words)}</text></g>'
    )
