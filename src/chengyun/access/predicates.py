# SPDX-License-Identifier: Apache-2.0
"""Which rows: a small frozen expression with three readings that agree: Django's, SQL's and Python's.

    Predicate
    ├── Everything, Nothing
    ├── AreaIn(prefixes)           the row's area code starts with one of them
    ├── FieldIn(field, values)     the row's field is one of them
    └── And(parts), Or(parts)

There is no Not: so an unknown (NULL) field can only ever hide a row, in SQL's three-valued logic as in Python's two.
Django and sqlglot are imported where they are needed: the first is absent from the stream process, the second is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chengyun.city.declare import is_key

if TYPE_CHECKING:
    from django.db.models import Q
    from sqlglot import exp

Value = str | int


class Sql(NamedTuple):
    """A condition as text, with its named parameters."""

    text: str
    params: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Everything:
    pass


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class AreaIn:
    prefixes: tuple[str, ...]

    def __post_init__(self) -> None:
        # Digits only: so a prefix can carry no wildcard into a LIKE.
        if not all(prefix.isascii() and prefix.isdigit() for prefix in self.prefixes):
            raise ValueError(f"prefixes are {self.prefixes!r}, expected digits; the whole city is Everything.")


@dataclass(frozen=True, slots=True)
class FieldIn:
    field: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not is_key(self.field):
            raise ValueError(f"field {self.field!r} is not lower_snake.")


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


Predicate = Everything | Nothing | AreaIn | FieldIn | And | Or


def prefix_of(area_code: str) -> str:
    """Return the prefix all codes inside an area share: a city's 330200 → 3302, a district's 330203000000 → 330203."""
    code = area_code[:6] if area_code[6:].strip("0") == "" else area_code
    if len(code) == 12 and code.endswith("000"):
        code = code[:9]
    while len(code) in (4, 6) and code.endswith("00"):
        code = code[:-2]
    return code


def area_in(*areas: str) -> Predicate:
    """Return the rows of areas given by prefix; "" is everything, no area is nothing."""
    if "" in areas:
        return Everything()
    shortest = sorted({area for area in areas if not any(area != other and area.startswith(other) for other in areas)})
    return AreaIn(tuple(shortest)) if shortest else Nothing()


def any_of(*parts: Predicate) -> Predicate:
    """Return the rows of any part, in the simplest form."""
    if any(isinstance(part, Everything) for part in parts):
        return Everything()
    areas = [prefix for part in parts if isinstance(part, AreaIn) for prefix in part.prefixes]
    rest = [part for part in dict.fromkeys(parts) if not isinstance(part, AreaIn | Nothing)]
    found = [area_in(*areas), *rest] if areas else rest
    return Nothing() if not found else found[0] if len(found) == 1 else Or(tuple(found))


def all_of(*parts: Predicate) -> Predicate:
    """Return the rows that every part has, in the simplest form."""
    if any(isinstance(part, Nothing) for part in parts):
        return Nothing()
    found = [part for part in dict.fromkeys(parts) if not isinstance(part, Everything)]
    return Everything() if not found else found[0] if len(found) == 1 else And(tuple(found))


def matches(predicate: Predicate, row: Mapping[str, Any], area_field: str = "area_code") -> bool:
    """Say whether a row is among them. The plainest reading: the other two are tested against it."""
    match predicate:
        case Everything():
            return True
        case Nothing():
            return False
        case AreaIn(prefixes):
            code = row.get(area_field)
            return code is not None and any(code.startswith(prefix) for prefix in prefixes)
        case FieldIn(field, values):
            return row.get(field) is not None and row[field] in values
        case And(parts):
            return all(matches(part, row, area_field) for part in parts)
        case Or(parts):
            return any(matches(part, row, area_field) for part in parts)


def as_q(predicate: Predicate, area_field: str = "area_code") -> Q:
    """Return the predicate for a Django query."""
    from django.db.models import Q

    match predicate:
        case Everything():
            return Q()
        case Nothing():
            return Q(pk__in=[])
        case AreaIn(prefixes):
            found = Q(pk__in=[])
            for prefix in prefixes:
                found |= Q(**{f"{area_field}__startswith": prefix})
            return found
        case FieldIn(field, values):
            return Q(**{f"{field}__in": list(values)})
        case And(parts):
            every = Q()
            for part in parts:
                every &= as_q(part, area_field)
            return every
        case Or(parts):
            # Q() means everything also inside an OR, but Django drops it there: so it must not get there.
            if any(isinstance(part, Everything) for part in parts):
                return Q()
            some = Q(pk__in=[])
            for part in parts:
                one = as_q(part, area_field)
                if one == Q():
                    return Q()
                some |= one
            return some


def as_sql(predicate: Predicate, area_column: str = "area_code", dialect: str = "duckdb") -> Sql:
    """Return the predicate as text and parameters: `$scope_0` for duckdb, `%(scope_0)s` for postgres.

    area_column: a column, or `alias.column`.
    """
    expression, params = as_expression(predicate, area_column)
    return Sql(expression.sql(dialect), params)


def as_expression(predicate: Predicate, area_column: str = "area_code") -> tuple[exp.Expression, dict[str, Value]]:
    """Return the predicate as a sqlglot expression for use inside a larger query, and its parameters."""
    from sqlglot import exp

    params: dict[str, Value] = {}

    def bind(value: Value) -> exp.Expression:
        name = f"scope_{len(params)}"
        params[name] = value
        return exp.Placeholder(this=name)

    def column(name: str) -> exp.Expression:
        table, _, last = name.rpartition(".")
        return exp.column(last, table=table or None, quoted=True)

    def build(part: Predicate) -> Any:
        match part:
            case Everything():
                return exp.true()
            case Nothing() | AreaIn(()) | FieldIn(_, ()) | Or(()):
                return exp.false()
            case And(()):
                return exp.true()
            case AreaIn(prefixes):
                return exp.or_(*(exp.StartsWith(this=column(area_column), expression=bind(one)) for one in prefixes))
            case FieldIn(field, values):
                table = area_column.rpartition(".")[0]
                return exp.In(this=column(f"{table}.{field}" if table else field), expressions=[bind(one) for one in values])
            case And(parts):
                return exp.paren(exp.and_(*(build(one) for one in parts)))
            case Or(parts):
                return exp.paren(exp.or_(*(build(one) for one in parts)))

    return build(predicate), params
