# SPDX-License-Identifier: Apache-2.0
"""A board as a file: what it must say, and every fault of it at once. Pure but for the city's declarations it is checked against.

    key = "air"                     name = "空气质量"        level = "theme"
    [[tiles]]
    id = "aqi"  kind = "figure"  indicator = "air_quality.area_hour_aqi"  x = 0  y = 0  w = 3  h = 2

TOML and JSON say the same. A grid has COLUMNS columns and rows as high as needed; tiles must not lie upon each other.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chengyun.city import City
from chengyun.city.alerts import SEVERITIES
from chengyun.errors import Refused, nearest

__all__ = ["COLUMNS", "EACH", "KINDS", "BoardSpec", "TileSpec", "as_json", "as_toml", "expanded", "kept", "read", "spec_of"]

COLUMNS = 12
MOST_TILES = 60
DEEPEST = 200
"""Rows a board may have."""
LARGEST = 200_000
"""Characters of a board's file."""
KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
AREA = re.compile(r"[0-9]{6,15}")
BLANK = re.compile(r"\{(\w+)\}")
LEVELS = ("city", "district", "department", "theme")
AUDIENCES = ("everyone", "staff", "department")
SPANS = ("24h", "7d", "30d", "1y")
LEAGUES = ("district", "street", "subject")
"""What a league ranks: areas of a level, or whatever the indicator has figures of."""
EACH = ("district", "department")


@dataclass(frozen=True, kw_only=True)
class TileSpec:
    """One tile. x, y, w, h: in the grid. subject, area: empty: the board's area. limit: lines of a list.

    title_en, text_en: the same in English; empty: as the catalogue of texts says it. department: name of the body whose
    alerts, cases, streams and figures are meant; empty: everybody's.
    target: what the figure is to reach; warn, bad: thresholds from which it needs a look, and is wrong; better: which way is
    good. parts: indicators an index is made of; empty: those its formula uses. layer: `<pack>.<page>.<number>` of a declared
    map layer.
    """

    id: str
    kind: str
    x: int
    y: int
    w: int
    h: int
    title: str = ""
    title_en: str = ""
    indicator: str = ""
    indicators: tuple[str, ...] = ()
    subject: str = ""
    span: str = "24h"
    target: float | None = None
    warn: float | None = None
    bad: float | None = None
    better: str = "lower"
    parts: tuple[str, ...] = ()
    layer: str = ""
    rules: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    area: str = ""
    department: str = ""
    overdue: bool = False
    level: str = "district"
    lowest_first: bool = False
    limit: int = 8
    text: str = ""
    text_en: str = ""


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """A board. level: what it is a board of. area: whose figures its tiles show.

    name_en, note_en: the same in English; empty: as the catalogue of texts says it. department: key or name of the body it
    belongs to. audience: who may open it; what they see in its tiles, the policy says. wall_s: seconds on a wall before the
    next one.
    """

    key: str
    name: str
    name_en: str = ""
    level: str = "theme"
    area: str = ""
    department: str = ""
    audience: str = "staff"
    wall_s: int = 20
    note: str = ""
    note_en: str = ""
    tiles: tuple[TileSpec, ...] = field(default=())

    @property
    def rows(self) -> int:
        return max((tile.y + tile.h for tile in self.tiles), default=1)

    def tile(self, tile_id: str) -> TileSpec | None:
        return next((tile for tile in self.tiles if tile.id == tile_id), None)


PLACE = ("id", "kind", "title", "title_en", "x", "y", "w", "h")
KINDS: Mapping[str, tuple[str, ...]] = {
    "figure": ("indicator", "subject", "span", "target", "warn", "bad", "better"),
    "index": ("indicator", "subject", "parts", "target"),
    "chart": ("indicators", "subject", "span", "target"),
    "map": ("layer",),
    "vitals": ("indicators", "subject", "department", "limit"),
    "alerts": ("rules", "severities", "area", "department", "limit"),
    "cases": ("types", "area", "department", "overdue", "limit"),
    "streams": ("department", "limit"),
    "targets": ("limit",),
    "league": ("indicator", "level", "lowest_first", "limit"),
    "text": ("text", "text_en"),
}
"""Kind of tile → what it may say beside its place."""
NEEDED = {
    "figure": "indicator",
    "index": "indicator",
    "chart": "indicators",
    "map": "layer",
    "league": "indicator",
    "text": "text",
}


def read(body: str, name: str, city: City, layers: Sequence[str], rules: Collection[str] | None = None) -> BoardSpec:
    """Return the board a file says. name: of the file; one that ends in .json is JSON. Raises Refused with every fault.

    rules: keys of the alert rules there are; None: those that packs declare.
    """
    if len(body) > LARGEST:
        raise Refused(f"{name} has {len(body)} characters; a board's file has at most {LARGEST}.", code="board_file")
    try:
        told = json.loads(body) if name.endswith(".json") else tomllib.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise Refused(f"{name} cannot be read: {wrong}", code="board_file") from wrong
    return spec_of(told, name, city, layers, rules)


def spec_of(
    told: object, name: str, city: City, layers: Sequence[str], rules: Collection[str] | None = None
) -> BoardSpec:  # fmt: skip
    """Return the board a mapping says, checked against the city. Raises Refused with every fault, one a line."""
    faults: list[str] = []
    if not isinstance(told, Mapping):
        raise Refused(f"{name} is not a board: it must be a table with key, name and tiles.", code="board_file")
    listed = told.get("tiles", [])
    if not isinstance(listed, list):
        faults.append("tiles is not a list. Write [[tiles]] before each tile.")
        listed = []
    tiles = []
    for number, one in enumerate(listed):
        if not isinstance(one, Mapping):
            faults.append(f"tiles[{number}] is not a table.")
            continue
        tile = _fill(TileSpec, {**one, "kind": one.get("kind", "")}, f"tiles[{number}]", faults, _known_of(one))
        if tile is not None:
            tiles.append(tile)
    rest = {key: value for key, value in told.items() if key != "tiles"}
    board: BoardSpec | None = _fill(
        BoardSpec, rest, "board", faults, [one.name for one in dataclasses.fields(BoardSpec) if one.name != "tiles"]
    )
    if board is not None:
        board = dataclasses.replace(board, tiles=tuple(tiles))
        faults += _board_faults(board)
    for tile in tiles:
        faults += [
            f"tile {tile.id!r}: {fault}" for fault in _tile_faults(tile, city, layers, city.alerts if rules is None else rules)
        ]
    faults += _overlaps(tiles)
    if faults or board is None:
        raise Refused("\n".join(f"{name}: {fault}" for fault in faults), code="board_file", faults=faults)
    return board


def kept(text: Mapping[str, Any]) -> BoardSpec:
    """Return a board as it was saved and checked then, also where it names what this program no longer knows."""
    known = {one.name: one for one in dataclasses.fields(TileSpec)}
    tiles = []
    for one in text["tiles"]:
        said: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in one.items()}
        if one["kind"] in KINDS:
            tiles.append(TileSpec(**{name: value for name, value in said.items() if name in known}))
    own = {one.name for one in dataclasses.fields(BoardSpec)} - {"tiles"}
    return BoardSpec(**{name: value for name, value in text.items() if name in own}, tiles=tuple(tiles))


def expanded(told: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return a file's text for one of the things it is shipped for: `{area}`, `{name}` … in its texts are replaced."""
    filled = _filled({key: value for key, value in told.items() if key != "each"}, values)
    return dict(filled)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return BLANK.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: _filled(one, values) for key, one in value.items()}
    return [_filled(one, values) for one in value] if isinstance(value, list) else value


def as_json(board: BoardSpec) -> dict[str, Any]:
    """Return a board as its file says it, without what is the default or does not belong to a tile's kind."""
    told = _said(board, [one.name for one in dataclasses.fields(BoardSpec) if one.name != "tiles"])
    return {**told, "tiles": [_said(tile, (*PLACE, *KINDS[tile.kind])) for tile in board.tiles]}


def as_toml(board: BoardSpec) -> str:
    """Return a board's file as TOML; `read` gives the same board back."""
    told = as_json(board)
    lines = [f"{key} = {_toml(value)}" for key, value in told.items() if key != "tiles"]
    for tile in told["tiles"]:
        lines += ["", "[[tiles]]", *(f"{key} = {_toml(value)}" for key, value in tile.items())]
    return "\n".join(lines) + "\n"


def _known_of(told: Mapping[str, Any]) -> list[str]:
    return [*PLACE, *KINDS.get(str(told.get("kind")), [one.name for one in dataclasses.fields(TileSpec)])]


def _said(one: BoardSpec | TileSpec, names: Sequence[str]) -> dict[str, Any]:
    said = {}
    for known in dataclasses.fields(one):
        value = getattr(one, known.name)
        if known.name in names and (known.default is dataclasses.MISSING or value != known.default):
            said[known.name] = list(value) if isinstance(value, tuple) else value
    return said


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for the one control character JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


KIND_OF = {
    "str": "text",
    "int": "a whole number",
    "float | None": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of texts",
}


def _fill(kind: Any, told: Mapping[str, Any], where: str, faults: list[str], known: Sequence[str]) -> Any:
    """Return a dataclass filled with what is told; None when it cannot be."""
    values: dict[str, Any] = {}
    fields = {one.name: one for one in dataclasses.fields(kind) if one.name != "tiles"}
    whole = True
    for key, value in told.items():
        if key not in known or key not in fields:
            faults.append(f"{where}: {str(key)[:40]!r} is not known here.{nearest(str(key), known)}")
            continue
        wanted = str(fields[key].type)
        given = _as_wanted(wanted, value)
        if given is None and value is not None:
            faults.append(f"{where}: {key} is {str(value)[:40]!r}, expected {KIND_OF[wanted]}.")
            whole = False
        elif given is not None:
            values[key] = given
    for name, one in fields.items():
        if one.default is dataclasses.MISSING and name not in values and (name not in told or told[name] is None):
            faults.append(f"{where}: {name} is missing.")
            whole = False
    return kind(**values) if whole else None


def _as_wanted(wanted: str, value: object) -> object:
    if wanted == "str":
        return value if isinstance(value, str) and not any(ord(one) < 32 and one != "\n" for one in value) else None
    if wanted == "bool":
        return value if isinstance(value, bool) else None
    if wanted == "int":
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if wanted == "float | None":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
        return float(value) if fits and isinstance(value, int | float) else None
    texts = isinstance(value, list | tuple) and all(_as_wanted("str", one) is not None for one in value)
    return tuple(value) if texts and isinstance(value, list | tuple) and len(value) <= 40 else None


def _board_faults(board: BoardSpec) -> Iterator[str]:
    if not KEY.fullmatch(board.key):
        yield f"key {board.key[:40]!r} is not lower_snake, 1 to 63 characters."
    if not board.name.strip() or max(len(board.name), len(board.name_en)) > 60:
        yield "name must have 1 to 60 characters, and name_en at most as many."
    for word, value, allowed in (("level", board.level, LEVELS), ("audience", board.audience, AUDIENCES)):
        if value not in allowed:
            yield f"{word} {value[:40]!r} is not one of {', '.join(allowed)}."
    if board.area and not AREA.fullmatch(board.area):
        yield f"area {board.area[:20]!r} is not an area's code of 6 to 15 digits."
    if board.level == "district" and not board.area:
        yield "a district's board needs area, the code of the district."
    if (board.level == "department" or board.audience == "department") and not board.department:
        yield "a department's board needs department, its key."
    if not 5 <= board.wall_s <= 3600:
        yield f"wall_s is {board.wall_s}, expected 5 to 3600 seconds."
    if not board.tiles:
        yield "a board needs at least one tile."
    if len(board.tiles) > MOST_TILES:
        yield f"a board has at most {MOST_TILES} tiles, not {len(board.tiles)}."
    ids = [tile.id for tile in board.tiles]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"two tiles have the id {twice!r}."
    if max(len(board.note), len(board.note_en)) > 500 or len(board.department) > 64:
        yield "note has more than 500 characters, or department more than 64."


def _tile_faults(tile: TileSpec, city: City, layers: Sequence[str], rules: Collection[str]) -> Iterator[str]:
    if not KEY.fullmatch(tile.id):
        yield "id is not lower_snake, 1 to 63 characters."
    if tile.kind not in KINDS:
        yield f"kind {tile.kind[:40]!r} is not one of {', '.join(KINDS)}.{nearest(tile.kind, KINDS)}"
        return
    if not (tile.x >= 0 and tile.w >= 1 and tile.x + tile.w <= COLUMNS):
        yield f"x {tile.x} and w {tile.w} do not fit {COLUMNS} columns."
    if not (tile.y >= 0 and 1 <= tile.h <= 24 and tile.y + tile.h <= DEEPEST):
        yield f"y {tile.y} and h {tile.h}: a tile is 1 to 24 rows high and a board {DEEPEST} rows deep."
    needed = NEEDED.get(tile.kind)
    if needed and not getattr(tile, needed):
        yield f"{needed} is missing."
    for one in (*filter(None, (tile.indicator,)), *tile.indicators, *tile.parts):
        if one not in city.indicators:
            yield f"there is no indicator {one[:80]!r}.{nearest(one, city.indicators)}"
    for one in tile.rules:
        if one not in rules:
            yield f"there is no alert rule {one[:80]!r}.{nearest(one, rules)}"
    for one in tile.types:
        if one not in city.cases:
            yield f"there is no kind of case {one[:80]!r}.{nearest(one, city.cases)}"
    if tile.layer and tile.layer not in layers:
        yield f"there is no map layer {tile.layer[:80]!r}.{nearest(tile.layer, layers)}"
    for one in tile.severities:
        if one not in SEVERITIES:
            yield f"severity {one[:20]!r} is not one of {', '.join(SEVERITIES)}."
    for word, value, allowed in (
        ("span", tile.span, SPANS),
        ("better", tile.better, ("lower", "higher")),
        ("level", tile.level, LEAGUES),
    ):
        if value not in allowed:
            yield f"{word} {value[:20]!r} is not one of {', '.join(allowed)}."
    if not 1 <= tile.limit <= 50:
        yield f"limit is {tile.limit}, expected 1 to 50."
    if tile.area and not AREA.fullmatch(tile.area):
        yield f"area {tile.area[:20]!r} is not an area's code of 6 to 15 digits."
    if max(len(tile.title), len(tile.title_en)) > 80 or max(len(tile.text), len(tile.text_en)) > 4000:
        yield "title has more than 80 characters, or text more than 4,000."
    if max(len(tile.subject), len(tile.department)) > 64:
        yield "subject or department has more than 64 characters."


def _overlaps(tiles: Sequence[TileSpec]) -> Iterator[str]:
    for number, one in enumerate(tiles):
        for other in tiles[number + 1 :]:
            apart = (
                one.x + one.w <= other.x or other.x + other.w <= one.x or one.y + one.h <= other.y or other.y + other.h <= one.y
            )
            if not apart:
                yield f"tiles {one.id!r} and {other.id!r} lie upon each other."
