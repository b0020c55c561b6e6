# SPDX-License-Identifier: Apache-2.0
"""From what was asked to one SQL statement that answers with JSON already written: a row is a text of the database's.

A page is `$top` rows and one more, which says whether a nextLink is due. The link carries the sort keys of the page's last
row, so that rows that come or go in between neither hide others nor show them twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.errors import Malformed, nearest
from chengyun.protocols.sensorthings.expressions import Value, condition, value
from chengyun.protocols.sensorthings.filters import Literal
from chengyun.protocols.sensorthings.kinds import Form, Kind, Link, Property, kind_of
from chengyun.protocols.sensorthings.options import Expand, Options, Order
from chengyun.protocols.sensorthings.paths import Hop, Target
from chengyun.protocols.sensorthings.sql import Scope, Statement, literal

__all__ = ["PAGE", "ROOT", "Asked", "Term", "arrays", "count", "page", "token_of"]

PAGE = 100
"""Rows of a page when nobody says otherwise."""
BUDGET = 100_000
"""Expanded rows of one answer; deeper collections come in shorter pages when their parents are many."""
ROOT = "\x01"
"""Stands for the address of the API in what the database writes; a JSON text cannot hold it."""
COMPONENTS = ("id", "phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: entities of a kind, which of them, and how.

    target: the path.
    """

    kind: Kind
    options: Options
    target: Target | None = None

    @property
    def one(self) -> bool:
        """Whether an entity is wanted, not a collection."""
        return self.target is not None and self.target.one

    @property
    def limit(self) -> int:
        return 1 if self.one else PAGE if self.options.top is None else self.options.top


@dataclass(frozen=True, slots=True)
class Term:
    """One sort key. sql over the rows' alias; cast: the type a token's value is read as."""

    sql: str
    cast: str
    down: bool
    nullable: bool


def page(asked: Asked, statement: Statement) -> str:
    """Return the statement whose rows are (JSON, sort keys …), one more than the page holds."""
    scope, terms = _chosen(asked, statement)
    row = _row(asked.kind, asked.options, "t", statement, max(asked.limit, 1))
    return _paged(asked, scope, terms, row)


def arrays(asked: Asked, statement: Statement) -> tuple[str, tuple[str, ...]]:
    """Return the statement whose rows are (Datastream's id, JSON array, sort keys …), and what the arrays hold."""
    wanted = asked.options.select or COMPONENTS
    names = tuple("id" if name == "@iot.id" else name for name in wanted)
    parts: list[str] = []
    for name in names:
        it = asked.kind.by_name.get(name)
        if name != "id" and it is None:
            raise _wrong(f"{asked.kind.name} has no property {name[:60]!r}.{nearest(name[:60], asked.kind.by_name)}")
        parts.append("t.id::text" if it is None else f"coalesce({_json(it, 't')}, 'null')")
    scope, terms = _chosen(asked, statement)
    return _paged(asked, scope, terms, "t.datastream_id, '[' || " + " || ',' || ".join(parts) + " || ']'"), names


def count(asked: Asked, statement: Statement) -> str:
    """Return the statement that counts what was asked for, page or not."""
    if asked.kind.name == "Observation" and asked.options.filter is None and asked.target is not None:
        # Kept in the transaction that writes them: counting a hundred million rows takes minutes.
        arm = statement.store.arms.get("Observation")
        match asked.target.hops:
            case (Hop(id=None),) if statement.store.posted:
                own = f" + (SELECT count(*) FROM ({arm}) AS own)" if arm else ""  # noqa: S608 - see city.py
                return f"SELECT coalesce((SELECT sum(observations) FROM sensorthings_tally), 0)::bigint{own}"  # noqa: S608
            case (Hop(kind=Kind(table="datastream" | "feature" as table), id=int(number)), Hop(id=None)) if not arm:
                held = "tally" if table == "datastream" else "featuretally"
                which = f"{table}_id = {statement.bind(number)}"
                return f"SELECT coalesce(sum(observations), 0)::bigint FROM sensorthings_{held} WHERE {which}"  # noqa: S608
    scope = _scope(asked, statement)
    return f"SELECT count(*) {scope.body()}"


def token_of(keys: Sequence[Any]) -> tuple[Any, ...]:
    """Return sort keys as they travel in a nextLink."""
    return tuple(key.isoformat() if isinstance(key, dt.datetime | dt.date | dt.time) else _plain(key) for key in keys)


def _plain(key: Any) -> Any:
    return key if key is None or isinstance(key, str | int | float | bool) else str(key)


# --- which rows, in which order -----------------------------------------------------------------------------------------


def _scope(asked: Asked, statement: Statement) -> Scope:
    scope = statement.scope(asked.kind)
    if asked.target is not None:
        scope.where += asked.target.where(statement, scope.alias)
    if asked.options.filter is not None:
        scope.where.append(condition(asked.options.filter, scope))
    return scope


def _chosen(asked: Asked, statement: Statement) -> tuple[Scope, list[Term]]:
    scope = _scope(asked, statement)
    below = asked.target is not None and len(asked.target.hops) > 1
    terms = _terms(asked.options.orderby, scope, by_time=below)
    if asked.options.after is not None:
        scope.where.append(_beyond(terms, asked.options.after, statement))
    return scope, terms


def _paged(asked: Asked, scope: Scope, terms: list[Term], row: str) -> str:
    keys = ", ".join(f"{term.sql} AS k{position}" for position, term in enumerate(terms))
    order = ", ".join(f"k{position}{' DESC' if term.down else ''}" for position, term in enumerate(terms))
    shown = ", ".join(f"t.k{position}" for position in range(len(terms)))
    # In the text, not a parameter: a plan that does not know it is a plan for a tenth of the table.
    limit = asked.limit + (0 if asked.one else 1)
    skip = f" OFFSET {scope.statement.bind(asked.options.skip)}" if asked.options.skip else ""
    # The order stands twice because only the outer one is promised; the rows are in it already.
    return (
        f"SELECT {row}, {shown} FROM (SELECT {scope.alias}.*, {keys} {scope.body()}"  # noqa: S608 - see sql.py
        f" ORDER BY {order} LIMIT {limit}{skip}) AS t ORDER BY {order.replace('k', 't.k')}"
    )


def _terms(orders: Sequence[Order], scope: Scope, by_time: bool = False) -> list[Term]:
    """Return the sort keys, the id last. by_time: Observations of a Datastream come by time, as their index holds them."""
    terms: list[Term] = []
    if by_time and not orders and scope.kind.name == "Observation":
        terms.append(Term(f"{scope.alias}.phenomenon_start", "timestamptz", False, False))
    for order in orders:
        if isinstance(order.node, Literal):
            raise _wrong("$orderby: a literal stands where a property is expected.")
        found = value(order.node, scope)
        terms += _sorted(found, order.down)
    down = bool(terms) and terms[-1].down
    own = f"{scope.alias}.id"
    if not any(term.sql == own for term in terms):
        terms.append(Term(own, "bigint", down, False))
    return terms


def _sorted(found: Value, down: bool) -> list[Term]:
    match found.form:
        case "number":
            exact = found.sql.endswith(".id")
            sql = found.sql if exact else f"({found.sql})::float8"
            return _nullable(Term(sql, "bigint" if exact else "float8", down, not exact))
        case "text":
            # Names are ordered by code point: the same in every installation.
            return _nullable(Term(f'({found.sql}) COLLATE "C"', "text", down, True))
        case "bool":
            return _nullable(Term(found.sql, "boolean", down, True))
        case "time":
            return _nullable(Term(found.sql, "timestamptz", down, not found.sql.endswith(".time")))
        case "span":
            return _nullable(Term(found.sql, "timestamptz", down, not found.sql.endswith(".phenomenon_start")))
        case "result":
            words = f"({found.end} #>> '{{}}') COLLATE \"C\""
            return [
                *_nullable(Term(found.sql, "float8", down, True)),
                *_nullable(Term(words, "text", down, True)),
            ]
        case "json":
            number = f"(CASE WHEN jsonb_typeof({found.sql}) = 'number' THEN ({found.sql} #>> '{{}}')::float8 END)"
            words = f"({found.sql} #>> '{{}}') COLLATE \"C\""
            return [*_nullable(Term(number, "float8", down, True)), *_nullable(Term(words, "text", down, True))]
        case "geometry" if found.place is not None:
            return _nullable(Term(f'({found.sql}::text) COLLATE "C"', "text", down, True))
        case "day" | "clock":
            return _nullable(Term(found.sql, "date" if found.form == "day" else "time", down, True))
    raise _wrong(f"$orderby: entities cannot be ordered by a {found.form}.")


def _nullable(term: Term) -> list[Term]:
    """Return a key that may be unknown as two: the unknown come last in both directions."""
    if not term.nullable:
        return [term]
    return [Term(f"({term.sql} IS NULL)", "boolean", False, False), term]


def _beyond(terms: list[Term], after: tuple[Any, ...], statement: Statement) -> str:
    """Return the condition that a row comes after the one whose keys are given."""
    if len(after) != len(terms):
        raise _wrong("$skiptoken does not fit $orderby. Start again without it.")
    places = [
        None if key is None else f"{statement.bind(str(key))}::text::{term.cast}" for term, key in zip(terms, after, strict=True)
    ]
    if len({term.down for term in terms}) == 1 and not any(term.nullable for term in terms):
        if None in places:
            raise _wrong("$skiptoken does not fit $orderby. Start again without it.")
        sign = "<" if terms[0].down else ">"
        return f"(({', '.join(term.sql for term in terms)}) {sign} ({', '.join(map(str, places))}))"
    ways, same = [], []
    for term, place in zip(terms, places, strict=True):
        if place is None:
            same.append(f"{term.sql} IS NULL")
            continue
        ways.append(" AND ".join([*same, f"{term.sql} {'<' if term.down else '>'} {place}"]))
        same.append(f"{term.sql} = {place}")
    return "(" + " OR ".join(f"({way})" for way in ways) + ")"


# --- a row as JSON --------------------------------------------------------------------------------------------------------


def _row(kind: Kind, options: Options, alias: str, statement: Statement, parents: int) -> str:
    """Return the SQL of an entity as JSON. parents: of how many rows at most it is one, for the budget of what it expands."""
    chosen = _selected(kind, options)
    me = f"{alias}.id::text"
    parts: list[str] = []
    if chosen is None or chosen & {"id", "@iot.id"}:
        parts.append(f"'\"@iot.id\":' || {me}")
    if chosen is None or "@iot.selfLink" in chosen:
        parts.append(f"'\"@iot.selfLink\":\"{ROOT}/{kind.set}(' || {me} || ')\"'")
    for it in kind.properties:
        if chosen is None or it.name in chosen:
            key = literal(f'"{it.name}":')
            held = _json(it, alias)
            if it.required or it.shown_null or (chosen is not None and not it.kept):
                parts.append(f"{key} || coalesce({held}, 'null')")
            else:
                parts.append(f"{key} || {held}")
    expanded = {expand.link: expand for expand in options.expand}
    for name in expanded:
        if name not in kind.links_by_name:
            raise _wrong(f"$expand: {kind.name} has no relation {name[:60]!r}.{nearest(name[:60], kind.links_by_name)}")
    for link in kind.links:
        if link.name in expanded:
            parts += _expanded(kind, link, expanded[link.name], alias, statement, parents)
        elif (chosen is None and not link.quiet) or (chosen is not None and link.name in chosen):
            parts.append(f"'\"{link.name}@iot.navigationLink\":\"{ROOT}/{kind.set}(' || {me} || ')/{link.name}\"'")
    # concat_ws leaves out what is NULL: an optional property that an entity does not have.
    return "'{' || concat_ws(',', " + ", ".join(parts or ["NULL::text"]) + ") || '}'"


def _selected(kind: Kind, options: Options) -> set[str] | None:
    if options.select is None:
        return None
    for name in options.select:
        if name not in kind.by_name and name not in kind.links_by_name and name not in ("id", "@iot.id", "@iot.selfLink", "*"):
            known = [*kind.by_name, *kind.links_by_name, "id"]
            raise _wrong(f"$select: {kind.name} has no property {name[:60]!r}.{nearest(name[:60], known)}")
    return None if "*" in options.select else set(options.select)


def _json(it: Property, alias: str) -> str:
    """Return the SQL of a property's value as JSON; NULL when there is none."""
    column = f"{alias}.{it.column}"
    match it.form:
        case Form.TEXT:
            return f"to_json({column})::text"
        case Form.INSTANT:
            return _instant(column)
        case Form.SPAN:
            return _span(f"{column}_start", f"{column}_end", always=False)
        case Form.EXTENT:
            return _span(f"{column}_start", f"{column}_end", always=True)
        case Form.RESULT:
            return f"coalesce({alias}.number::text, {alias}.result::text)"
        case Form.AREA:
            return _area(column)
        case _:
            return f"{column}::text"


def _instant(sql: str) -> str:
    # The quickest way PostgreSQL has to write ISO 8601; what is cut off is the closing quotation mark.
    return f"left(to_json({sql} AT TIME ZONE 'UTC')::text, -1) || 'Z\"'"


def _span(start: str, end: str, always: bool) -> str:
    both = f"left(to_json({start} AT TIME ZONE 'UTC')::text, -1) || 'Z/' || right({_instant(end)}, -1)"
    if always:
        return both
    return f"CASE WHEN {end} IS NULL THEN {_instant(start)} ELSE {both} END"


def _area(box: str) -> str:
    """Return the SQL of a rectangle as GeoJSON: a Point when it is one."""
    east, north, west, south = (f"({box}[{corner}])[{axis}]" for corner in (0, 1) for axis in (0, 1))
    ring = f"""'[[[' || concat_ws(',', {west}, {south}) || '],[' || concat_ws(',', {east}, {south}) || '],['
        || concat_ws(',', {east}, {north}) || '],[' || concat_ws(',', {west}, {north}) || '],['
        || concat_ws(',', {west}, {south}) || ']]]'"""
    return (
        f"CASE WHEN {west} = {east} AND {south} = {north} THEN"
        f" '{{\"type\":\"Point\",\"coordinates\":[' || concat_ws(',', {west}, {south}) || ']}}'"
        f' WHEN {box} IS NOT NULL THEN \'{{"type":"Polygon","coordinates":\' || {ring} || \'}}\' END'
    )


# --- what is expanded -------------------------------------------------------------------------------------------------------


def _expanded(
    kind: Kind, link: Link, expand: Expand, alias: str, statement: Statement, parents: int
) -> list[str]:  # fmt: skip
    other = kind_of(link)
    options = expand.options
    if not link.many:
        scope = statement.scope(other)
        row = _row(other, options, scope.alias, statement, parents)
        scope.where.append(f"{scope.alias}.id = {alias}.{link.column}")
        if options.filter is not None:
            scope.where.append(condition(options.filter, scope))
        return [f"'\"{link.name}\":' || (SELECT {row} {scope.body()})"]
    asked = PAGE if options.top is None else options.top
    limit = min(asked, max(1, BUDGET // parents)) if asked else 0
    wanted = Asked(other, options)
    scope = _related(wanted, link, alias, statement)
    terms = _terms(options.orderby, scope, by_time=True)
    keys = ", ".join(f"{term.sql} AS k{position}" for position, term in enumerate(terms))
    order = ", ".join(f"k{position}{' DESC' if term.down else ''}" for position, term in enumerate(terms))
    inner, numbered = statement.alias(), statement.alias()
    row = _row(other, options, inner, statement, parents * max(limit, 1))
    skip = f" OFFSET {options.skip}" if options.skip else ""
    body = (
        f"FROM (SELECT {scope.alias}.*, {keys} {scope.body()} ORDER BY {order} LIMIT {limit + 1}{skip}) AS {inner}"
    )  # fmt: skip
    me = f"{alias}.id::text"
    address = f"'\"{link.name}@iot.nextLink\":\"{ROOT}/{kind.set}(' || {me} || ')/{link.name}?"
    further = (
        options.link(top=str(limit), skip=str(options.skip + limit), skiptoken=None).replace("\\", "%5C").replace('"', "%22")
    )
    rows = f"SELECT {row} AS j, row_number() OVER (ORDER BY {order}) AS n {body}"
    gathered = (
        f"(SELECT '\"{link.name}\":[' || coalesce(string_agg(j, ',' ORDER BY n) FILTER (WHERE n <= {limit}), '') || ']'"  # noqa: S608
        f" || CASE WHEN count(*) > {limit} THEN ',' || {address}' || {literal(further)} || '\"' ELSE '' END"
        f" FROM ({rows}) AS {numbered})"
    )
    parts = [gathered]
    if options.count:
        counted = _related(wanted, link, alias, statement)
        parts.insert(0, f"'\"{link.name}@iot.count\":' || (SELECT count(*) {counted.body()})")
    return parts


def _related(wanted: Asked, link: Link, owner: str, statement: Statement) -> Scope:
    scope = statement.scope(wanted.kind)
    scope.where.append(scope.related(link, owner))
    if wanted.options.filter is not None:
        scope.where.append(condition(wanted.options.filter, scope))
    return scope


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="query", status=400)
