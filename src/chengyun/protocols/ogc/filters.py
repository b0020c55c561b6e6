# SPDX-License-Identifier: Apache-2.0
"""CQL2 to SQL: a condition in text or JSON becomes a condition on a layer's columns, with every value bound.

`cql2` reads both encodings into one tree; this module checks each node against the columns the reader may filter by, and
writes PostgreSQL. What a place relates to is asked of a Relations object first: points against a box are plain SQL, everything
else is decided by GEOS and comes back as the ids that fit, so that it stands inside any AND, OR and NOT.

Standard: OGC 21-065r2 (CQL2). Not offered: ACCENTI, array functions, functions of our own; /conformance says so.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from chengyun.errors import Refused, nearest
from chengyun.protocols.ogc.layers import Column
from chengyun.protocols.ogc.reference import Reference

__all__ = ["SPATIAL", "Condition", "Relate", "parse", "to_sql"]

Kind = Literal["text", "number", "boolean", "date", "instant"]

TIMES = ("date", "instant")
LANGUAGES = ("cql2-text", "cql2-json", "cql-text")
"""The last is what GDAL 3.6 and QGIS beside it call the text; what they write is read the same way."""
LONGEST_FILTER = 8_000
DEEPEST_FILTER = 40
"""Levels of a condition; ours and PostgreSQL's own recursion stay far from their limits."""
COMPARISONS = {"=": "=", "<>": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
ARITHMETIC = {"+", "-", "*", "/", "%", "div", "^"}
SPATIAL = ("s_intersects", "s_disjoint", "s_within", "s_contains", "s_equals", "s_touches", "s_crosses", "s_overlaps")
TEMPORAL = {
    "t_after": "{s1} > {e2}",
    "t_before": "{e1} < {s2}",
    "t_disjoint": "({e1} < {s2} OR {s1} > {e2})",
    "t_intersects": "({s1} <= {e2} AND {e1} >= {s2})",
    "t_equals": "({s1} = {s2} AND {e1} = {e2})",
    "t_contains": "({s1} < {s2} AND {e1} > {e2})",
    "t_during": "({s1} > {s2} AND {e1} < {e2})",
    "t_finishedby": "({s1} < {s2} AND {e1} = {e2})",
    "t_finishes": "({s1} > {s2} AND {e1} = {e2})",
    "t_meets": "{e1} = {s2}",
    "t_metby": "{s1} = {e2}",
    "t_overlappedby": "({s1} > {s2} AND {s1} < {e2} AND {e1} > {e2})",
    "t_overlaps": "({s1} < {s2} AND {e1} > {s2} AND {e1} < {e2})",
    "t_startedby": "({s1} = {s2} AND {e1} > {e2})",
    "t_starts": "({s1} = {s2} AND {e1} < {e2})",
}
"""Table 8 of the standard, on starts and ends."""

Relate = Callable[[str, Any], Awaitable[tuple[str, dict[str, Any]]]]
"""(operator, GeoJSON geometry or {"bbox"} in CRS84) → a condition on the layer's place, and its parameters."""


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL and its parameters."""

    sql: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Value:
    sql: str
    kind: Kind
    literal: bool = False


def parse(text: str, language: str) -> Any:
    """Return the tree of a condition. language: cql2-text or cql2-json. Raises Refused with the reader's own words."""
    import cql2  # 4 MB, for those who filter

    if len(text) > LONGEST_FILTER:
        raise _refused(f"it has {len(text):,} characters, at most {LONGEST_FILTER:,} are read")
    if language not in LANGUAGES:
        raise Refused(
            f"filter-lang {language[:40]!r} is not offered; there are {', '.join(LANGUAGES)}.", code="filter", status=400
        )
    # The reader recurses: brackets are counted before it sees them.
    depth = most = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        most = max(most, depth)
    if most > DEEPEST_FILTER * (4 if language == "cql2-json" else 1) or text.upper().count("NOT") > DEEPEST_FILTER * 4:
        raise _refused("it is nested too deeply")
    try:
        if language == "cql2-json":
            json.loads(text)
            return cql2.parse_json(text).to_json()
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, cql2.ValidationError, ValueError, TypeError) as wrong:
        raise _refused(" ".join(str(wrong).split())[:300]) from wrong


async def to_sql(
    tree: Any, columns: Mapping[str, Column], geometry: str, reference: Reference, relate: Relate, zone: ZoneInfo
) -> Condition:
    """Return a tree as SQL. geometry: what the layer's place is called. reference: of coordinates in the condition."""
    writer = _Writer(columns, geometry, reference, relate, zone)
    found = await writer.condition(tree, 0)
    return Condition(found, writer.params)


@dataclass
class _Writer:
    columns: Mapping[str, Column]
    geometry: str
    reference: Reference
    relate: Relate
    zone: ZoneInfo
    params: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any, cast: str) -> str:
        name = f"f{len(self.params)}"
        self.params[name] = value
        return f"%({name})s::{cast}"

    async def condition(self, node: Any, depth: int) -> str:
        if depth > DEEPEST_FILTER:
            raise _refused("it is nested too deeply")
        if isinstance(node, bool):
            return "true" if node else "false"
        if not isinstance(node, dict) or "op" not in node:
            value = self.value(node, depth)
            if value.kind != "boolean":
                raise _refused(f"{_short(node)} is not a condition; compare it with something")
            return value.sql
        op, args = str(node["op"]), node.get("args", [])
        name = op.lower()
        if name in ("and", "or"):
            _count(op, args, 2, 1000)
            parts = [await self.condition(one, depth + 1) for one in args]
            return f"({f' {name.upper()} '.join(parts)})"
        if name == "not":
            _count(op, args, 1)
            return f"(NOT {await self.condition(args[0], depth + 1)})"
        if name in SPATIAL:
            return await self._spatial(name, args)
        return self._plain(name, op, args, depth)

    def _plain(self, name: str, op: str, args: list[Any], depth: int) -> str:
        if name in COMPARISONS:
            _count(op, args, 2)
            left, right = self._pair(args[0], args[1], depth)
            return f"({left} {COMPARISONS[name]} {right})"
        if name == "like":
            _count(op, args, 2)
            text, pattern = self.value(args[0], depth), self.value(args[1], depth)
            if text.kind != "text" or pattern.kind != "text" or not pattern.literal:
                raise _refused("LIKE compares a text with a pattern in quotes")
            self._check_pattern(args[1])
            return f"({text.sql} LIKE {pattern.sql})"
        if name == "between":
            _count(op, args, 3)
            low, value = self._pair(args[1], args[0], depth)
            high, again = self._pair(args[2], args[0], depth)
            return f"({value} >= {low} AND {again} <= {high})"
        if name == "in":
            _count(op, args, 2)
            if not isinstance(args[1], list) or not args[1]:
                raise _refused("IN needs a list of values")
            pairs = [self._pair(args[0], one, depth) for one in args[1]]
            return f"({' OR '.join(f'{left} = {right}' for left, right in pairs)})"
        if name == "isnull":
            _count(op, args, 1)
            if _property(args[0]) == self.geometry:
                raise _refused(f"IS NULL is asked of a property, not of {self.geometry}")
            return f"({self.value(args[0], depth).sql} IS NULL)"
        if name in TEMPORAL:
            _count(op, args, 2)
            return self._temporal(name, args, depth)
        known = [*COMPARISONS, "and", "or", "not", "like", "between", "in", "isNull", "casei", *SPATIAL, *TEMPORAL]
        raise _refused(f"{op[:60]!r} is not a function here.{nearest(name, known)} /conformance lists what is read")

    def value(self, node: Any, depth: int) -> _Value:
        if depth > DEEPEST_FILTER:
            raise _refused("it is nested too deeply")
        match node:
            case bool():
                return _Value("true" if node else "false", "boolean", literal=True)
            case int() | float():
                return _Value(self.bind(float(node), "float8"), "number", literal=True)
            case str():
                if "\x00" in node:
                    raise _refused("a text has a character that no text can have")
                return _Value(self.bind(node, "text"), "text", literal=True)
            case {"property": str(key)}:
                return self._column(key)
            case {"date": str(text)}:
                return _Value(self.bind(_date(text), "date"), "date", literal=True)
            case {"timestamp": str(text)}:
                return _Value(self.bind(_instant(text), "timestamptz"), "instant", literal=True)
            case {"op": str(op), "args": list(args)} if op.lower() in ARITHMETIC:
                _count(op, args, 2)
                left, right = self.value(args[0], depth + 1), self.value(args[1], depth + 1)
                if left.kind != "number" or right.kind != "number":
                    raise _refused(f"{op} needs numbers on both sides")
                return _Value(_arithmetic(op.lower(), left.sql, right.sql), "number")
            case {"op": str(op), "args": list(args)} if op.lower() == "casei":
                _count(op, args, 1)
                folded = self.value(args[0], depth + 1)
                if folded.kind != "text":
                    raise _refused("CASEI needs a text")
                return _Value(f"lower({folded.sql})", "text", folded.literal)
            case {"op": str(op), "args": list(args)} if op.lower() in COMPARISONS or op.lower() in ("like", "between", "isnull"):
                return _Value(self._plain(op.lower(), op, args, depth + 1), "boolean")
        raise _refused(f"{_short(node)} cannot be read as a value")

    def _column(self, key: str) -> _Value:
        if key == self.geometry:
            raise _refused(f"{key} is a place; ask of it with S_INTERSECTS and its like")
        column = self.columns.get(key)
        if column is None or not column.filterable:
            known = [name for name, one in self.columns.items() if one.filterable]
            raise _refused(f"there is no property {key[:60]!r}.{nearest(key, known)} /queryables lists them")
        match column.type:
            case "integer" | "number":
                return _Value(f"({column.sql})::float8", "number")
            case "text":
                return _Value(f'({column.sql})::text COLLATE "C"', "text")
            case "boolean":
                return _Value(f"({column.sql})", "boolean")
            case "date":
                return _Value(f"({column.sql})", "date")
            case "instant":
                return _Value(f"({column.sql})", "instant")

    def _pair(self, left: Any, right: Any, depth: int) -> tuple[str, str]:
        """Return two values that can be compared; a text beside a time is read as one."""
        one, two = self.value(left, depth), self.value(right, depth)
        if one.kind in TIMES and isinstance(right, str):
            two = self._time(right)
        elif two.kind in TIMES and isinstance(left, str):
            one = self._time(left)
        if one.kind == two.kind:
            return one.sql, two.sql
        if one.kind in TIMES and two.kind in TIMES:
            return self._as_instant(one), self._as_instant(two)
        raise _refused(f"{_short(left)} is a {one.kind}, {_short(right)} a {two.kind}; they cannot be compared")

    def _time(self, text: str) -> _Value:
        if len(text) == 10:
            return _Value(self.bind(_date(text), "date"), "date", literal=True)
        return _Value(self.bind(_instant(text), "timestamptz"), "instant", literal=True)

    def _as_instant(self, value: _Value) -> str:
        """Return when a day began in the city; an instant as it is."""
        return f"(({value.sql})::timestamp AT TIME ZONE '{self.zone.key}')" if value.kind == "date" else value.sql

    def _temporal(self, name: str, args: list[Any], depth: int) -> str:
        (s1, e1), (s2, e2) = self._span(args[0], depth), self._span(args[1], depth)
        return f"({TEMPORAL[name].format(s1=s1, e1=e1, s2=s2, e2=e2)})"

    def _span(self, node: Any, depth: int) -> tuple[str, str]:
        """Return start and end as instants; an unbounded end is infinity."""
        if isinstance(node, dict) and "interval" in node:
            ends = node["interval"]
            if not isinstance(ends, list) or len(ends) != 2:
                raise _refused("INTERVAL needs a start and an end")
            return self._end(ends[0], "-infinity", depth), self._end(ends[1], "infinity", depth)
        at = self._end(node, "", depth)
        return at, at

    def _end(self, node: Any, unbounded: str, depth: int) -> str:
        if isinstance(node, str):
            if node in ("..", "") and unbounded:
                return f"'{unbounded}'::timestamptz"
            value = self._time(node)
        else:
            value = self.value(node, depth)
        if value.kind not in ("date", "instant"):
            raise _refused(f"{_short(node)} is a {value.kind}, expected a time: DATE('2026-01-31') or TIMESTAMP('…Z')")
        return self._as_instant(value)

    async def _spatial(self, name: str, args: list[Any]) -> str:
        _count(name, args, 2)
        swapped = _property(args[0]) != self.geometry
        place, shape = (args[1], args[0]) if swapped else (args[0], args[1])
        if _property(place) != self.geometry or not isinstance(shape, dict) or not {"type", "bbox"} & shape.keys():
            raise _refused(
                f"{name.upper()} relates {self.geometry} to a shape, e.g. S_INTERSECTS({self.geometry}, BBOX(120,29,122,31))"
            )
        turned = {"s_within": "s_contains", "s_contains": "s_within"}
        sql, params = await self.relate(turned.get(name, name) if swapped else name, self._in_degrees(shape))
        for key, value in params.items():
            bound = f"f{len(self.params)}"
            self.params[bound] = value
            sql = sql.replace(f"%({key})s", f"%({bound})s")
        return f"({sql})"

    def _in_degrees(self, shape: dict[str, Any]) -> dict[str, Any]:
        if "bbox" in shape:
            box = shape["bbox"]
            if not isinstance(box, list) or len(box) not in (4, 6) or not all(isinstance(one, int | float) for one in box):
                raise _refused("BBOX needs four numbers")
            flat = box if len(box) == 4 else [box[0], box[1], box[3], box[4]]
            return {"bbox": list(self.reference.read_box(flat))}
        if shape.get("type") == "GeometryCollection":
            parts = [self._in_degrees(one) for one in shape.get("geometries", []) if isinstance(one, dict)]
            return {"type": "GeometryCollection", "geometries": parts}
        try:
            return {"type": shape["type"], "coordinates": self.reference.read(shape["coordinates"])}
        except (KeyError, TypeError, IndexError) as wrong:
            raise _refused(f"{_short(shape)} is not a geometry") from wrong

    def _check_pattern(self, node: Any) -> None:
        text = node["args"][0] if isinstance(node, dict) else node
        if isinstance(text, str) and (len(text) - len(text.rstrip("\\"))) % 2:
            raise _refused(r"a pattern cannot end with \; write \\ for the character itself")


def _arithmetic(op: str, left: str, right: str) -> str:
    match op:
        case "/":
            return f"({left} / NULLIF({right}, 0))"
        case "%":
            return f"mod({left}::numeric, NULLIF({right}, 0)::numeric)::float8"
        case "div":
            return f"trunc({left} / NULLIF({right}, 0))"
        case "^":
            return f"power({left}, {right})"
        case _:
            return f"({left} {op} {right})"


def _property(node: Any) -> str | None:
    return node["property"] if isinstance(node, dict) and isinstance(node.get("property"), str) else None


def _count(op: str, args: Any, least: int, most: int | None = None) -> None:
    if not isinstance(args, list) or not least <= len(args) <= (most or least):
        raise _refused(f"{op} needs {least if most is None else f'at least {least}'} argument{'' if least == 1 else 's'}")


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as wrong:
        raise _refused(f"{text[:40]!r} is not a date; write YYYY-MM-DD") from wrong


def _instant(text: str) -> dt.datetime:
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError as wrong:
        raise _refused(f"{text[:40]!r} is not a time; write YYYY-MM-DDTHH:MM:SSZ") from wrong
    if read.tzinfo is None:
        raise _refused(f"{text[:40]!r} has no offset; write YYYY-MM-DDTHH:MM:SSZ")
    return read


def _short(node: Any) -> str:
    if name := _property(node):
        return name[:60]
    return json.dumps(node, ensure_ascii=False, default=str)[:60]


def _refused(why: str) -> Refused:
    return Refused(f"The filter cannot be read: {why}.", code="filter", status=400)
