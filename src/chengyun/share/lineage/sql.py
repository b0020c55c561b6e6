# SPDX-License-Identifier: Apache-2.0
"""What the columns of one SELECT are made of: sqlglot qualifies the names, and each is followed through CTEs, unions, joins and
windows down to the tables it is read from. Pure.

    column of the result ◀── expression ◀── column of a subquery ◀── … ◀── column of a table

Beside what a column is made of stands what decides about the rows: WHERE, JOIN, GROUP BY, HAVING, ORDER BY, windows. JSON that
is read by path (`detail ->> '$.exact.so2'`) counts as the column of its first step where the table keeps its columns that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from chengyun.share.lineage.shapes import How

__all__ = ["Leaf", "Made", "Resolved", "resolve"]

DEEPEST = 40
_STRENGTH: Mapping[How, int] = {"identity": 0, "transformation": 1, "aggregation": 2}
_AFTER: tuple[tuple[str, How], ...] = (
    ("where", "filter"), ("having", "filter"), ("qualify", "filter"), ("group", "group_by"), ("order", "sort"),
    ("distinct", "group_by"),
)  # fmt: skip


class Leaf(msgspec.Struct, frozen=True, array_like=True):
    """A column of a table, or a parameter (table ""). how: what is done with it on its way."""

    table: str
    column: str
    how: How


class Made(msgspec.Struct, frozen=True, array_like=True):
    """One column of the result. said: its expression. line: of the SQL, from 1; 0: not known."""

    column: str
    said: str
    line: int
    leaves: tuple[Leaf, ...]


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """What decides about rows: where it stands in words, and what it reads."""

    said: str
    line: int
    leaves: tuple[Leaf, ...]


class Resolved(msgspec.Struct, frozen=True, array_like=True):
    """A whole SELECT. lost: columns that lead to no table, as written."""

    made: tuple[Made, ...]
    decided: tuple[Decided, ...]
    lost: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    packed: frozenset[str]
    lost: list[str] = field(default_factory=list)


def resolve(
    sql: str,
    schema: Mapping[str, Mapping[str, Iterable[str]]],
    home: str,
    packed: frozenset[str] = frozenset(),
    dialect: str = "duckdb",
) -> Resolved:
    """Return what a SELECT's columns are made of; of SQL that cannot be followed, only what is lost.

    schema: database → table → columns. home: database of tables named without one. packed: tables whose column `detail` is JSON
    that holds the columns named by the first step of a path.
    """
    typed: dict[str, object] = {
        db: {name: dict.fromkeys(columns, "UNKNOWN") for name, columns in tables.items()} for db, tables in schema.items()
    }
    try:
        tree = qualify(
            sqlglot.parse_one(sql, dialect=dialect), dialect=dialect, schema=typed, db=home, validate_qualify_columns=False,
            allow_partial_qualification=True, quote_identifiers=False, identify=False,
        )  # fmt: skip
        scope = build_scope(tree)
    except SqlglotError as wrong:  # a formula that cannot be followed is told of, and the others go on
        return Resolved((), (), (str(wrong)[:200],))
    if scope is None:
        return Resolved((), (), (sql.strip()[:80],))
    walk = _Walk(packed)
    made = tuple(_made(walk, scope, place) for place in range(len(_names(scope))))
    decided = tuple(_decided(walk, scope))
    return Resolved(made, decided, tuple(dict.fromkeys(walk.lost)))


def _names(scope: Scope) -> list[str]:
    query = scope.expression
    return [str(name) for name in query.named_selects] if isinstance(query, exp.Query) else []


def _selects(scope: Scope) -> list[exp.Expr]:
    query = scope.expression
    return list(query.selects) if isinstance(query, exp.Query) else []


def _made(walk: _Walk, scope: Scope, place: int) -> Made:
    name = _names(scope)[place]
    first = scope
    while first.set_operation_scopes:
        first = first.set_operation_scopes[0]
    projection = _selects(first)[place]
    leaves = _combined(_from_projection(walk, scope, place, 0))
    inner = projection.unalias()
    return Made(name, inner.sql(dialect="duckdb", normalize_functions=False), _line(projection), leaves)


def _from_projection(walk: _Walk, scope: Scope, place: int, depth: int) -> Iterator[Leaf]:
    if scope.set_operation_scopes:
        for part in scope.set_operation_scopes:
            yield from _from_projection(walk, part, place, depth)
        return
    selects = _selects(scope)
    if place < len(selects):
        yield from _from_expression(walk, scope, selects[place].unalias(), depth)


def _from_expression(walk: _Walk, scope: Scope, inner: exp.Expr, depth: int, base: How = "identity") -> Iterator[Leaf]:
    """Yield what an expression reads, each with what the expression does to it."""
    plain = isinstance(inner, exp.Column)
    for node in inner.find_all(exp.Column, exp.Parameter, exp.Placeholder):
        how: How = base if plain and base != "identity" else "identity" if plain else _role(node, inner)
        if isinstance(node, exp.Column):
            if _of_scope(scope, node):
                yield from _from_column(walk, scope, node, how, depth)
        else:
            name = node.name or (str(node.this) if node.this is not None else "")
            yield Leaf("", name, how)
    for nested in scope.subquery_scopes:
        if any(nested.expression is one for one in inner.find_all(exp.Query)):
            for place in range(len(_names(nested))):
                yield from (
                    Leaf(one.table, one.column, _stronger(one.how, "transformation"))
                    for one in _from_projection(walk, nested, place, depth + 1)
                )


def _of_scope(scope: Scope, column: exp.Column) -> bool:
    """Say whether a column stands in the scope itself, not in a subquery below it."""
    return column.table in scope.sources or column.find_ancestor(exp.Query) is scope.expression


def _from_column(walk: _Walk, scope: Scope, column: exp.Column, how: How, depth: int) -> Iterator[Leaf]:
    source = scope.sources.get(column.table)
    if source is None or depth > DEEPEST:
        walk.lost.append(column.sql(dialect="duckdb"))
        return
    path = _path(column)
    if isinstance(source, exp.Table):
        yield from _from_table(walk, source, column, path, how)
        return
    names = [name.lower() for name in _names(source)]
    if column.name.lower() not in names:
        walk.lost.append(column.sql(dialect="duckdb"))
        return
    for leaf in _from_projection(walk, source, names.index(column.name.lower()), depth + 1):
        found = leaf.column
        if path and leaf.table in walk.packed and found == "detail":
            found = path
        yield Leaf(leaf.table, found, _stronger(how, leaf.how) if leaf.how in _STRENGTH else leaf.how)


def _from_table(walk: _Walk, table: exp.Table, column: exp.Column, path: str, how: How) -> Iterator[Leaf]:
    name = f"{table.db}.{table.name}" if table.db else table.name
    yield Leaf(name, path if path and name in walk.packed and column.name == "detail" else column.name.lower(), how)


def _path(column: exp.Column) -> str:
    """Return the first step of the JSON path a column is read by; "" when it is not."""
    above = column.parent
    if isinstance(above, exp.JSONExtract | exp.JSONExtractScalar) and above.this is column:
        steps = list(above.expression.find_all(exp.JSONPathKey))
        if steps:
            return str(steps[0].this)
        text = above.expression.name
        return str(text).removeprefix("$.").split(".")[0].split("[")[0]
    return ""


def _role(node: exp.Expr, top: exp.Expr) -> How:
    """Return what an expression does with something that stands in it."""
    found: How = "transformation"
    child, above = node, node.parent
    while above is not None and child is not top:
        if isinstance(above, exp.Filter) and above.expression is child:
            return "conditional"
        if isinstance(above, exp.Window) and child is not above.this:
            return "window"
        if isinstance(above, exp.If) and above.this is child:
            return "conditional"
        if isinstance(above, exp.Case) and above.args.get("this") is child:
            return "conditional"
        if isinstance(above, exp.Order) and child is not above.this:
            return "sort"
        if isinstance(above, exp.AggFunc) or (isinstance(above, exp.Anonymous) and above.name.lower() in ("list", "arg_min")):
            found = "aggregation"
        child, above = above, above.parent
    return found


def _decided(walk: _Walk, top: Scope) -> Iterator[Decided]:
    """Yield what decides about rows, in every SELECT below the top one."""
    for scope in top.traverse():
        query = scope.expression
        if not isinstance(query, exp.Select):
            continue
        clauses: list[tuple[exp.Expr, How]] = []
        for key, how in _AFTER:
            clause = query.args.get(key)
            # The order of the last result decides nothing where all of it is taken.
            if clause is not None and not (key == "order" and scope is top and not query.args.get("limit")):
                clauses.append((clause, how))
        clauses += [(on, "join") for join in query.args.get("joins") or () if (on := join.args.get("on")) is not None]
        for clause, how in clauses:
            leaves = _combined(
                Leaf(one.table, one.column, how) for one in _from_expression(walk, scope, clause, 0, "transformation")
            )
            if leaves:
                yield Decided(clause.sql(dialect="duckdb", normalize_functions=False), _line(clause), leaves)


def _combined(leaves: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """Return each column once for each way it takes part, the strongest of the direct ones."""
    direct: dict[tuple[str, str], How] = {}
    aside: dict[Leaf, None] = {}
    for leaf in leaves:
        if leaf.how in _STRENGTH:
            key = (leaf.table, leaf.column)
            direct[key] = _stronger(direct.get(key, "identity"), leaf.how)
        else:
            aside[leaf] = None
    return (*(Leaf(*key, how) for key, how in direct.items()), *aside)


def _stronger(one: How, other: How) -> How:
    if one not in _STRENGTH:
        return one
    if other not in _STRENGTH:
        return other
    return one if _STRENGTH[one] >= _STRENGTH[other] else other


def _line(node: exp.Expr) -> int:
    lines = [int(one.meta["line"]) for one in node.find_all(exp.Identifier, exp.Star) if "line" in one.meta]
    return min(lines, default=0)
