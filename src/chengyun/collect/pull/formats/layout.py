# SPDX-License-Identifier: Apache-2.0
"""Where a table begins in a sheet, what its columns are called, and which of its rows are no records.

2016年7月各站点空气质量月报                          a title: left out, said so
                              单位：µg/m³           the unit of every column that has none of its own
站点 │ 时间 │      浓度        │ 备注               headings on two levels, cells shown as one: 浓度/PM2.5
     │      │ PM2.5 │  PM10   │
──────────────────────────────────────
…                                                   records
合计 │      │  …    │  …      │                    a sum: left out, said so
注：“—”表示未监测                                     a note: left out, said so
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from chengyun.collect.pull.formats.grid import Cell, Grid, Merge
from chengyun.collect.pull.formats.shape import Heading, Match, TableShape, folded, match, read_heading
from chengyun.collect.pull.formats.tables import Aside
from chengyun.standards.chinese_numbers import half_width, read_amount

__all__ = ["Head", "Row", "find_head", "is_note", "is_sum", "merged"]

Row = tuple[int, list[Cell]]

HEAD_ROWS = 60
MOST_LEVELS = 3
MOST_MERGED_CELLS = 2_000_000

_SUM = re.compile(
    r"(?:[本全]?[年月日季周市县区]度?)?(?:总\s*计|合\s*计|小\s*计|累\s*计|共\s*计|总\s*和|汇\s*总|平\s*均\s*值?|均\s*值)(?:[(:].{0,20})?|"
    r"(?:grand )?(?:sub)?-?total|sum|average|mean", re.IGNORECASE,
)  # fmt: skip
_NOTE = re.compile(
    r"\s*(?:注|备注|说明|附注|备\s*注|填\s*表|制\s*表|审\s*核|复\s*核|数据来源|资料来源|来源|单位负责人|负责人|联系人|联系电话|打印|填报|报送|统计人"
    r"|notes?|source)\s*(?:\d{0,2}\s*[:：.、]|人|日期|单位|时间)",
    re.IGNORECASE,
)
_TABLE_UNIT = re.compile(r"(?:计量)?单位\s*[:：]\s*(?P<unit>[^\s,，;；)）]{1,12})")


@dataclass(frozen=True, slots=True)
class Head:
    """headings: of every column. first, last: lines they stand on; 0: there are none. matched: to the shape, when there is one.

    unit: what the sheet says above its headings that all of it is in.
    """

    headings: tuple[Heading, ...]
    first: int
    last: int
    unit: str
    asides: tuple[Aside, ...]
    matched: Match | None


def merged(rows: Iterator[Row], merges: Sequence[Merge]) -> Iterator[Row]:
    """Yield the rows with cells shown as one filled with their first cell's value."""
    within: dict[int, list[Merge]] = {}
    cells = 0
    for merge in merges:
        cells += (merge[2] - merge[0] + 1) * (merge[3] - merge[1] + 1)
        if cells > MOST_MERGED_CELLS:
            break
        for line in range(merge[0], merge[2] + 1):
            within.setdefault(line, []).append(merge)
    firsts: dict[Merge, Cell] = {}
    for line, cells_of in rows:
        for merge in within.pop(line, ()):
            top, left, _bottom, right = merge
            if left >= len(cells_of):
                continue
            if line == top:
                firsts[merge] = cells_of[left]
            for column in range(left, min(right + 1, len(cells_of))):
                cells_of[column] = firsts.get(merge, "")
        yield line, cells_of


def find_head(grid: Grid, shape: TableShape | None) -> tuple[Head, Iterator[Row]]:
    """Return the head of a grid and the rows that follow it. Only the first sixty rows are looked at for it."""
    rows = merged(grid.rows, grid.merges)
    top = list(islice(rows, HEAD_ROWS))
    found = _by_shape(top, shape) if shape is not None else _by_look(top)
    if found is None:
        width = max((len(cells) for _line, cells in top), default=0)
        headings = tuple(Heading(f"column_{number}", f"column_{number}", "") for number in range(1, width + 1))
        matched = match(shape, headings) if shape else None
        return Head(headings, 0, 0, "", (), matched), chain(top, rows)
    first, last = found
    headings = _named(_flat([cells for _line, cells in top[first : last + 1]]))
    titles = [(line, text) for line, cells in top[:first] if (text := " ".join(_distinct(cells)))]
    asides = tuple(Aside(line, "title", text[:200]) for line, text in titles)
    unit = next((it["unit"] for _line, text in reversed(titles) if (it := _TABLE_UNIT.search(text))), "")
    head = Head(headings, top[first][0], top[last][0], unit, asides, match(shape, headings) if shape else None)
    return head, chain(top[last + 1 :], rows)


def _by_shape(top: list[Row], shape: TableShape) -> tuple[int, int] | None:
    """Return the rows that name the most of the declared columns; of equals the first and lowest."""
    best, found = 0, None
    fewest = min(2, len(shape.columns))
    for first in range(len(top)):
        # A title or "单位：万元" stands alone in its row.
        if len(_distinct(top[first][1])) < fewest:
            continue
        for last in range(first, min(first + MOST_LEVELS, len(top))):
            block = [cells for _line, cells in top[first : last + 1]]
            if not all(_textual(cells) for cells in block):
                break
            score = len(match(shape, [read_heading(name) for name in _flat(block)]).places)
            if score > best:
                best, found = score, (first, last)
    required = sum(column.required for column in shape.columns)
    if found is None or best < max(1, required // 2):
        return None
    first, last = found
    while first > 0 and last - first + 1 < MOST_LEVELS and _tops(top[first - 1][1], top[first][1]):
        block = [cells for _line, cells in top[first - 1 : last + 1]]
        if len(match(shape, [read_heading(name) for name in _flat(block)]).places) < best:
            break
        first -= 1
    return first, last


def _by_look(top: list[Row]) -> tuple[int, int] | None:
    """Return the first rows that look like headings: text in most columns, no numbers."""
    width = max((sum(not _blank(cell) for cell in cells) for _line, cells in top), default=0)
    for first, (_line, cells) in enumerate(top):
        if not _textual(cells) or len(_distinct(cells)) < min(2, width):
            continue
        last = first
        while last + 1 < len(top) and last - first + 1 < MOST_LEVELS and _tops(top[last][1], top[last + 1][1]):
            last += 1
        names = _flat([cells for _line, cells in top[first : last + 1]])
        if sum(bool(name) for name in names) >= 0.6 * width:
            return first, last
    return None


def _tops(upper: list[Cell], lower: list[Cell]) -> bool:
    """Say whether a row of text stands over another as its upper level: it has fewer words, and they share a column."""
    if not (_textual(upper) and _textual(lower)) or len(_distinct(upper)) < 2:
        return False
    under = [it for index, it in enumerate(lower) if not _blank(it) and (index >= len(upper) or upper[index] != it)]
    repeated = Counter(str(it) for it in upper if not _blank(it))
    spans = any(count > 1 for count in repeated.values()) or any(_blank(it) for it in upper)
    return bool(under) and spans and len(_distinct(upper)) <= len(_distinct(lower)) + sum(_blank(it) for it in lower)


def _flat(block: Sequence[Sequence[Cell]]) -> list[str]:
    """Return one name a column from one to three rows: the parts from above to below, each once, a stroke between.

    A blank cell of an upper row belongs to the word left of it where the row below has a word.
    """
    width = max((len(cells) for cells in block), default=0)
    parts: list[list[str]] = [[] for _ in range(width)]
    for level, cells in enumerate(block):
        over = ""
        below = block[level + 1] if level + 1 < len(block) else ()
        for column in range(width):
            text = "" if column >= len(cells) or _blank(cells[column]) else " ".join(str(cells[column]).split())
            if text:
                over = text
            elif column < len(below) and not _blank(below[column]) and not parts[column]:
                text = over
            if text and text not in parts[column]:
                parts[column].append(text)
    return ["/".join(it) for it in parts]


def _named(names: list[str]) -> tuple[Heading, ...]:
    """Return the headings, none twice: a second 备注 is 备注_2."""
    while names and not names[-1]:
        names.pop()
    headings: list[Heading] = []
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        heading = read_heading(name) if name else Heading("", f"column_{index + 1}", "")
        seen[folded(heading.name)] += 1
        count = seen[folded(heading.name)]
        headings.append(heading if count == 1 else replace(heading, name=f"{heading.name}_{count}"))
    return tuple(headings)


def _textual(cells: Sequence[Cell]) -> bool:
    """Say whether a row holds words and neither numbers nor dates."""
    words = 0
    for cell in cells:
        if _blank(cell):
            continue
        if not isinstance(cell, str):
            return False
        if _numeric(cell):
            return False
        words += 1
    return words > 0


def _numeric(text: str) -> bool:
    try:
        return read_amount(text).unit == "" and any(it.isdigit() for it in text)
    except ValueError:
        return bool(re.match(r"\s*(?:19|20)\d\d[-/.]\d", text))


def _blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _distinct(cells: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(str(cell).strip() for cell in cells if not _blank(cell)))


def is_sum(text: str) -> bool:
    """Say whether a label is that of a sum or mean of other rows: 合计, 小　计, 总计：, Total."""
    return _SUM.fullmatch(half_width(text).strip()) is not None


def is_note(text: str) -> bool:
    """Say whether a text is a note under a table: 注：…, 制表人：…, 数据来源：…"""
    return _NOTE.match(text) is not None
