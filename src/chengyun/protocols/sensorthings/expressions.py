# SPDX-License-Identifier: Apache-2.0
"""A tree of `$filter` → SQL. What is NULL is unknown, and an unknown condition shows nothing.

A path to many (`Datastreams/name eq 'x'`) asks whether there is one for which the comparison holds.
Standard: OGC 18-088, 9.3.3.5, tables 22 and 23. Instants against intervals as in 9.3.3.5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.errors import Malformed, nearest
from chengyun.protocols.sensorthings import geometry
from chengyun.protocols.sensorthings.filters import (
    Binary,
    Call,
    Clock,
    Day,
    Geometry,
    In,
    Instant,
    Interval,
    Literal,
    Minus,
    Node,
    Not,
    Path,
    Span,
)  # fmt: skip
from chengyun.protocols.sensorthings.kinds import Form, Kind, kind_of
from chengyun.protocols.sensorthings.sql import GeoTest, Scope

__all__ = ["Value", "condition", "value"]

SIGNS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
BY_CODE = ' COLLATE "C"'
"""Texts are ordered by code point: the same in every installation."""
MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}


@dataclass(frozen=True, slots=True)
class Value:
    """An SQL expression and what it is: number, text, bool, time, span, day, clock, duration, json, result, geometry, null.

    end: the second expression of a span. node: the literal it came from. place: kind and column of a geometry.
    """

    sql: str
    form: str
    end: str = ""
    node: Any = None
    place: tuple[Kind, str, str] | None = None


def condition(node: Node, scope: Scope) -> str:
    """Return a condition as SQL. Raises Malformed (400) saying what does not fit."""
    match node:
        case Binary("and" | "or" as word, left, right):
            return f"({condition(left, scope)} {word.upper()} {condition(right, scope)})"
        case Not(inner):
            return f"(NOT {condition(inner, scope)})"
    many = _first_to_many(node, scope)
    if many is not None:
        prefix, kind = many
        inner_scope = scope.inner(prefix, kind)
        owner_kind, owner = scope.mounted[prefix[:-1]] if prefix[:-1] in scope.mounted else _walk(prefix[:-1], scope)
        inner_scope.where.append(inner_scope.related(owner_kind.links_by_name[prefix[-1]], owner))
        inner_scope.where.append(condition(node, inner_scope))
        return f"EXISTS (SELECT 1 {inner_scope.body()})"
    match node:
        case Binary(op, left, right) if op in SIGNS:
            return _compare(op, left, right, scope)
        case In(inner, choices):
            if not choices:
                return "false"
            return "(" + " OR ".join(_compare("eq", inner, choice, scope) for choice in choices) + ")"
    found = value(node, scope)
    if found.form == "json":
        return f"({found.sql} = 'true'::jsonb)"
    if found.form != "bool":
        raise _wrong(f"$filter: a {found.form} stands where a condition is expected.")
    return found.sql


def value(node: Node, scope: Scope) -> Value:
    """Return an expression as SQL."""
    match node:
        case Literal(it):
            return _literal(it, scope)
        case Path(steps):
            return _path(steps, scope)
        case Call(name, args):
            return _call(name, args, scope)
        case Minus(inner):
            return Value(f"(-{_number(value(inner, scope))})", "number")
        case Binary(op, left, right) if op in ARITHMETIC:
            return _arithmetic(op, value(left, scope), value(right, scope))
        case _:
            return Value(condition(node, scope), "bool")


# --- names ------------------------------------------------------------------------------------------------------------


def _first_to_many(node: Node, scope: Scope) -> tuple[tuple[str, ...], Kind] | None:
    """Return the first relation to many that a comparison walks through and that is not mounted yet."""
    for path in _paths(node):
        kind = scope.mounted[()][0]
        for position, step in enumerate(path.steps):
            link = kind.links_by_name.get(step)
            if link is None:
                break
            kind = kind_of(link)
            prefix = path.steps[: position + 1]
            if link.many and prefix not in scope.mounted:
                return prefix, kind
    return None


def _paths(node: Node) -> Iterator[Path]:
    match node:
        case Path():
            yield node
        case Call(_, args):
            for one in args:
                yield from _paths(one)
        case Binary(_, left, right):
            yield from _paths(left)
            yield from _paths(right)
        case Not(inner) | Minus(inner):
            yield from _paths(inner)
        case In(inner, choices):
            for one in (inner, *choices):
                yield from _paths(one)


def _walk(steps: tuple[str, ...], scope: Scope) -> tuple[Kind, str]:
    """Return kind and alias at the end of a path of links."""
    kind, alias = scope.mounted[()]
    for position, step in enumerate(steps):
        prefix = steps[: position + 1]
        if prefix in scope.mounted:
            kind, alias = scope.mounted[prefix]
        else:
            kind, alias = scope.follow(steps[:position], kind.links_by_name[step])
    return kind, alias


def _path(steps: tuple[str, ...], scope: Scope) -> Value:
    kind = scope.mounted[()][0]
    links = 0
    for step in steps:
        link = kind.links_by_name.get(step)
        if link is None:
            break
        links += 1
        if link.many and steps[:links] not in scope.mounted:
            raise _wrong(f"{'/'.join(steps)[:80]!r} leads to many; this is only possible in a comparison of $filter.")
        kind = kind_of(link)
    kind, alias = _walk(steps[:links], scope)
    rest = steps[links:]
    if not rest:
        raise _wrong(f"{'/'.join(steps)[:80]!r} is a relation, expected a property, e.g. {'/'.join(steps)[:80]}/name.")
    first = rest[0]
    if first in ("id", "@iot.id"):
        return Value(f"{alias}.id", "number")
    it = kind.by_name.get(first)
    if it is None:
        known = [*kind.by_name, *kind.links_by_name, "id"]
        raise _wrong(f"{kind.name} has no property {first[:60]!r}.{nearest(first[:60], known)}")
    column = f"{alias}.{it.column}"
    deeper = rest[1:]
    if deeper and it.form not in (Form.JSON, Form.OBJECT, Form.LIST, Form.RESULT, Form.GEOMETRY):
        raise _wrong(f"{kind.name}.{first} has no parts, so {'/'.join(steps)[:80]!r} leads nowhere.")
    if deeper:
        return Value(f"({column} #> {scope.statement.bind(list(deeper))}::text[])", "json")
    match it.form:
        case Form.TEXT:
            return Value(column, "text")
        case Form.INSTANT:
            return Value(column, "time")
        case Form.SPAN | Form.EXTENT:
            return Value(f"{column}_start", "span", end=f"{column}_end")
        case Form.GEOMETRY | Form.AREA:
            return Value(column, "geometry", place=(kind, it.column, alias))
        case Form.RESULT:
            return Value(f"{alias}.number", "result", end=f"{alias}.result")
        case _:
            return Value(column, "json")


def _literal(it: Any, scope: Scope) -> Value:
    bind = scope.statement.bind
    match it:
        case None:
            return Value("NULL", "null")
        case bool():
            return Value(f"{bind(it)}::boolean", "bool", node=it)
        case int():
            return Value(f"{bind(it)}::bigint", "number", node=it)
        case float():
            return Value(f"{bind(it)}::float8", "number", node=it)
        case str():
            return Value(f"{bind(it)}::text", "text", node=it)
        case Instant(at):
            return Value(f"{bind(at)}::timestamptz", "time", node=it)
        case Interval(start, end):
            return Value(f"{bind(start)}::timestamptz", "span", end=f"{bind(end)}::timestamptz", node=it)
        case Day(day):
            return Value(f"{bind(day)}::date", "day", node=it)
        case Clock(at):
            return Value(f"{bind(at)}::time", "clock", node=it)
        case Span(text):
            return Value(f"{bind(text)}::interval", "duration", node=it)
        case Geometry(text):
            return Value("", "geometry", node=geometry.read_wkt(text))
    raise AssertionError(it)


# --- forms as other forms -----------------------------------------------------------------------------------------------


def _number(it: Value) -> str:
    match it.form:
        case "number" | "result":
            return it.sql
        case "json":
            return f"(CASE WHEN jsonb_typeof({it.sql}) = 'number' THEN ({it.sql} #>> '{{}}')::float8 END)"
        case "null":
            return "NULL::float8"
    if it.form == "text" and isinstance(it.node, str) and _is_number(it.node):
        return f"{it.sql}::float8"
    raise _wrong(f"$filter: a {it.form} stands where a number is expected.")


def _text(it: Value) -> str:
    match it.form:
        case "text":
            return it.sql
        case "json":
            return f"({it.sql} #>> '{{}}')"
        case "result":
            return f"coalesce({it.sql}::text, {it.end} #>> '{{}}')"
        case "null":
            return "NULL::text"
        case "number":
            return f"({it.sql})::text"
    raise _wrong(f"$filter: a {it.form} stands where a text is expected.")


def _time(it: Value) -> str:
    match it.form:
        case "time" | "span":
            return it.sql
        case "day":
            return f"({it.sql}::timestamp AT TIME ZONE 'UTC')"
        case "json" | "text":
            text = _text(it)
            return f"(CASE WHEN pg_input_is_valid({text}, 'timestamptz') THEN ({text})::timestamptz END)"
        case "null":
            return "NULL::timestamptz"
    raise _wrong(f"$filter: a {it.form} stands where a time is expected.")


def _is_number(text: str) -> bool:
    try:
        return float(text) not in (float("inf"), float("-inf")) and text == text.strip() and "n" not in text.lower()
    except ValueError:
        return False


# --- comparisons --------------------------------------------------------------------------------------------------------


def _compare(op: str, left_node: Node, right_node: Node, scope: Scope) -> str:
    near = _nearer(op, left_node, right_node, scope)
    if near:
        return near
    left, right = value(left_node, scope), value(right_node, scope)
    if left.form == "null" or (right.form in ("span", "json", "result") and left.form not in ("span", "json", "result", "null")):
        op, left, right = MIRRORED[op], right, left
    if right.form == "null":
        return _against_null(op, left)
    if "geometry" in (left.form, right.form):
        raise _wrong("$filter: geometries are compared with st_equals, st_within and the like.")
    if left.form == "span":
        return _span_against(op, left, right)
    sign = SIGNS[op]
    if left.form == "result":
        return _result_against(sign, left, right)
    forms = {left.form, right.form}
    if forms <= {"number", "json"} and "number" in forms:
        return f"({_number(left)} {sign} {_number(right)})"
    if forms & {"time", "span"}:
        return f"({_time(left)} {sign} {_time(right)})"
    if forms == {"json"}:
        return f"({left.sql} {sign} {right.sql})"
    if forms == {"json", "bool"}:
        return f"({left.sql} {sign} to_jsonb({right.sql}))"
    if forms == {"json", "day"}:
        return f"({_time(left)} {sign} {_time(right)})"
    if forms <= {"text", "json", "number"}:
        return f"({_text(left)} {sign} {_text(right)}{'' if sign in ('=', '<>') else BY_CODE})"
    if len(forms) == 1:
        return f"({left.sql} {sign} {right.sql})"
    raise _wrong(f"$filter: a {left.form} is compared with a {right.form}.")


def _against_null(op: str, left: Value) -> str:
    if op not in ("eq", "ne"):
        return "false"
    absent = "IS NULL" if op == "eq" else "IS NOT NULL"
    match left.form:
        case "null":
            return "true" if op == "eq" else "false"
        case "result":
            both = f"({left.sql} IS NULL AND coalesce({left.end}, 'null') = 'null')"
            return both if op == "eq" else f"(NOT {both})"
        case "json":
            return f"(nullif({left.sql}, 'null') {absent})"
        case "geometry":
            return f"({left.sql} {absent})" if left.place else "false"
    return f"({left.sql} {absent})"


def _result_against(sign: str, left: Value, right: Value) -> str:
    if right.form in ("number", "result"):
        return f"({left.sql} {sign} {_number(right)})"
    if right.form == "bool":
        return f"({left.end} {sign} to_jsonb({right.sql}))"
    if right.form == "json":
        return f"({left.sql} {sign} {_number(right)} OR (jsonb_typeof({left.end}) = 'string' AND {left.end} {sign} {right.sql}))"
    if right.form == "text":
        # A quoted number is a text: `result gt '3'` finds 4 but not 10, as the standard's own test suite has it.
        return f"({_text(left)} {sign} {_text(right)}{BY_CODE})"
    if right.form in ("time", "day"):
        held = Value(left.end, "json")
        return f"({_time(held)} {sign} {_time(right)})"
    raise _wrong(f"$filter: a result is compared with a {right.form}.")


def _span_against(op: str, left: Value, right: Value) -> str:
    """Compare an instant or interval with another: gt is wholly after, lt wholly before."""
    start, end = left.sql, left.end
    last = f"coalesce({end}, {start})"
    other = _time(right)
    other_last = f"coalesce({right.end}, {right.sql})" if right.form == "span" else other
    match op:
        case "gt":
            # Beside its meaning, a condition that an index on the start can serve.
            return f"({start} > {other_last})"
        case "ge":
            return f"({start} >= {other})"
        case "lt":
            return f"({start} < {other} AND ({end} IS NULL OR {end} <= {other}))"
        case "le":
            return f"({start} <= {other_last} AND ({end} IS NULL OR {end} <= {other_last}))"
        case "eq":
            return f"({start} = {other} AND {last} = {other_last})"
        case _:
            return f"({start} <> {other} OR {last} <> {other_last})"


# --- arithmetic ---------------------------------------------------------------------------------------------------------

ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}


def _arithmetic(op: str, left: Value, right: Value) -> Value:
    times = {"time", "span", "day"}
    sign = ARITHMETIC[op]
    if left.form in times and right.form == "duration" and op in ("add", "sub"):
        return Value(f"({_time(left)} {sign} {right.sql})", "time")
    if left.form == "duration" and right.form in times and op == "add":
        return Value(f"({_time(right)} + {left.sql})", "time")
    if left.form in times and right.form in times and op == "sub":
        return Value(f"({_time(left)} - {_time(right)})", "duration")
    if left.form == right.form == "duration" and op in ("add", "sub"):
        return Value(f"({left.sql} {sign} {right.sql})", "duration")
    if left.form == "duration" and op in ("mul", "div"):
        number = f"({_number(right)})::float8"
        return Value(f"({left.sql} * {number})" if op == "mul" else f"({left.sql} / nullif({number}, 0))", "duration")
    first, second = f"({_number(left)})::float8", f"({_number(right)})::float8"
    match op:
        # Divided by nothing is unknown, not a fault of the whole question.
        case "div":
            return Value(f"({first} / nullif({second}, 0))", "number")
        case "mod":
            return Value(f"mod(({first})::numeric, nullif(({second})::numeric, 0))::float8", "number")
    return Value(f"({first} {sign} {second})", "number")


# --- functions ----------------------------------------------------------------------------------------------------------


def _call(name: str, args: Sequence[Node], scope: Scope) -> Value:
    if name in geometry.FUNCTIONS:
        return _geometric(name, args, scope)
    known = FUNCTIONS.get(name)
    if known is None:
        raise _wrong(f"There is no function {name[:40]!r}.{nearest(name[:40], [*FUNCTIONS, *geometry.FUNCTIONS])}")
    counts, make = known
    if len(args) not in counts:
        raise _wrong(f"{name}() takes {' or '.join(map(str, counts))} argument(s), {len(args)} were given.")
    return make(*(value(one, scope) for one in args))


def _part(name: str) -> Callable[[Value], Value]:
    def make(it: Value) -> Value:
        if it.form == "clock":
            return Value(f"extract({name} FROM {it.sql})::int", "number")
        local = f"({_time(it)} AT TIME ZONE 'UTC')"
        if name == "second":
            return Value(f"floor(extract(second FROM {local}))::int", "number")
        return Value(f"extract({name} FROM {local})::int", "number")

    return make


def _texts(template: str, form: str = "text") -> Callable[..., Value]:
    return lambda *args: Value(template.format(*(_text(one) for one in args)), form)


def _substring(text: Value, start: Value, *length: Value) -> Value:
    begin = f"greatest(({_number(start)})::int, 0) + 1"
    if length:
        return Value(f"substr({_text(text)}, {begin}, greatest(({_number(length[0])})::int, 0))", "text")
    return Value(f"substr({_text(text)}, {begin})", "text")


def _edges(it: Value) -> tuple[str, str]:
    return (it.sql, f"coalesce({it.end}, {it.sql})") if it.form == "span" else (_time(it), _time(it))


def _periods(template: str) -> Callable[[Value, Value], Value]:
    def make(left: Value, right: Value) -> Value:
        (a, b), (c, d) = _edges(left), _edges(right)
        return Value(template.format(a=a, b=b, c=c, d=d), "bool")

    return make


FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[..., Value]]] = {
    "substringof": ((2,), _texts("(strpos({1}, {0}) > 0)", "bool")),
    "contains": ((2,), _texts("(strpos({0}, {1}) > 0)", "bool")),
    "startswith": ((2,), _texts("starts_with({0}, {1})", "bool")),
    "endswith": ((2,), _texts("(right({0}, length({1})) = {1})", "bool")),
    "length": ((1,), _texts("length({0})", "number")),
    # The position from 1, as the example in table 23 counts; 0 when it is not there.
    "indexof": ((2,), _texts("strpos({0}, {1})", "number")),
    "substring": ((2, 3), _substring),
    "tolower": ((1,), _texts("lower({0})")),
    "toupper": ((1,), _texts("upper({0})")),
    "trim": ((1,), _texts("btrim({0}, E' \\t\\n\\r')")),
    "concat": ((2,), _texts("({0} || {1})")),
    "year": ((1,), _part("year")),
    "month": ((1,), _part("month")),
    "day": ((1,), _part("day")),
    "hour": ((1,), _part("hour")),
    "minute": ((1,), _part("minute")),
    "second": ((1,), _part("second")),
    "fractionalseconds": (
        (1,),
        lambda it: Value(f"(extract(second FROM {_time(it)}) - floor(extract(second FROM {_time(it)})))::float8", "number"),
    ),
    "date": ((1,), lambda it: Value(f"({_time(it)} AT TIME ZONE 'UTC')::date", "day")),
    "time": ((1,), lambda it: Value(f"({_time(it)} AT TIME ZONE 'UTC')::time", "clock")),
    # Times are kept in UTC, whatever offset they were sent with.
    "totaloffsetminutes": ((1,), lambda it: Value(f"(CASE WHEN {_time(it)} IS NOT NULL THEN 0 END)", "number")),
    "now": ((0,), lambda: Value("statement_timestamp()", "time")),
    "mindatetime": ((0,), lambda: Value("'-infinity'::timestamptz", "time")),
    "maxdatetime": ((0,), lambda: Value("'infinity'::timestamptz", "time")),
    # Half away from zero, as OData rounds; PostgreSQL rounds floats to even.
    "round": ((1,), lambda it: Value(f"round(({_number(it)})::numeric)::float8", "number")),
    "floor": ((1,), lambda it: Value(f"floor({_number(it)})", "number")),
    "ceiling": ((1,), lambda it: Value(f"ceiling({_number(it)})", "number")),
    "before": ((2,), _periods("({b} < {c})")),
    "after": ((2,), _periods("({a} > {d})")),
    "during": ((2,), _periods("({a} >= {c} AND {b} <= {d})")),
    "overlaps": ((2,), _periods("({a} <= {d} AND {b} >= {c})")),
}


def _nearer(op: str, left: Node, right: Node, scope: Scope) -> str | None:
    """Return `geo.distance(property, literal) lt number` as a search by rectangle; None for any other comparison."""
    match op, left, right:
        case (("lt" | "le"), Call("geo.distance", args), Literal(int() | float() as limit)):
            pass
        case _:
            return None
    places = [value(one, scope) for one in args]
    if len(places) != 2 or any(one.form != "geometry" for one in places):
        return None
    held, given = places if places[0].place else places[::-1]
    if held.place is None or given.place is not None or op == "lt":
        return None
    return _asked("geo.distance", held, given.node, "", scope, within=float(limit)).sql


def _geometric(name: str, args: Sequence[Node], scope: Scope) -> Value:
    count = geometry.FUNCTIONS[name]
    if len(args) != count:
        raise _wrong(f"{name}() takes {count} argument(s), {len(args)} were given.")
    pattern = ""
    if name == "st_relate":
        last = args[2]
        if not isinstance(last, Literal) or not isinstance(last.value, str) or not geometry.is_pattern(last.value):
            raise _wrong("st_relate() takes nine of T, F, 0, 1, 2 and * as its third argument, e.g. 'T********'.")
        pattern, args = last.value, args[:2]
    places = [value(one, scope) for one in args]
    for one in places:
        if one.form != "geometry":
            raise _wrong(f"{name}() takes geometries: location, feature, observedArea or geography'POINT(121.5 29.9)'.")
    held = [one for one in places if one.place]
    if len(held) > 1:
        raise _wrong(f"{name}() takes one property and one literal, e.g. {name}(location, geography'POINT(121.5 29.9)').")
    if not held:
        found = geometry.measure(name, [one.node for one in places], pattern)
        return Value(f"{scope.statement.bind(found)}::{'boolean' if isinstance(found, bool) else 'float8'}",
                     "bool" if isinstance(found, bool) else "number")  # fmt: skip
    given = next((one.node for one in places if not one.place), "")
    turned = bool(given) and places[0].place is None
    return _asked(
        geometry.turned(name) if turned else name, held[0], given, geometry.transpose(pattern) if turned else pattern, scope
    )


def _asked(name: str, held: Value, wkt: str, pattern: str, scope: Scope, within: float | None = None) -> Value:
    """Put a geometric question to be answered before the statement, and return what stands for its answer."""
    assert held.place is not None
    kind, column, alias = held.place
    statement = scope.statement
    test = GeoTest(name, kind, column, wkt, pattern, ids=statement.slot(), within=within)
    statement.geo.append(test)
    if name in geometry.MEASURES and within is None:
        test.values = statement.slot()
        new = statement.alias()
        scope.joins.append(
            f"LEFT JOIN unnest(%({test.ids})s::bigint[], %({test.values})s::float8[]) AS {new} (id, v) ON {new}.id = {alias}.id"
        )
        return Value(f"{new}.v", "number")
    return Value(f"({alias}.id = ANY(%({test.ids})s::bigint[]))", "bool")


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="query", status=400)
