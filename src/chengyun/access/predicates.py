# SPDX-License-Identifier: Apache-2.0
"""Which rows: a small frozen expression with three readings that agree: Django's, SQL's and Python's.

    Predicate
    ├── Everything, Nothing
    ├── AreaIn(prefixes)           the row's area code starts with one of them
    ├── FieldIn(field, values)     the row's field is one of them
    ├── During(since, until)       the row's time lies in a period; the reader says which column that is, or sees none
    ├── ValidIn(since, until)      the row, of a register, was valid on some day of a period
    └── And(parts), Or(parts)

There is no Not: so an unknown (NULL) field can only ever hide a row, in SQL's three-valued logic as in Python's two; only the
days of a register's validity are open where nothing is written, and a row that does not carry them at all is hidden.
Django and sqlglot are imported where they are needed: the first is absent from the stream process, the second is large.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chengyun.city.declare import is_key

if TYPE_CHECKING:
    from django.db.models import Q
    from sqlglot import exp

Value = str | int | dt.datetime | dt.date


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
class During:
    """since: the first instant; until: the first one after; None: no bound."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ValidIn:
    """since: the first day; until: the first one after; None: no bound."""

    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


Predicate = Everything | Nothing | AreaIn | FieldIn | During | ValidIn | And | Or


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


def whenever(predicate: Predicate) -> Predicate:
    """Return the rows that may be read at one time or another: the condition without its periods of the row's time."""
    match predicate:
        case During():
            return Everything()
        case And(parts):
            return all_of(*map(whenever, parts))
        case Or(parts):
            return any_of(*map(whenever, parts))
    return predicate


def matches(predicate: Predicate, row: Mapping[str, Any], area_field: str = "area_code", time_field: str | None = None) -> bool:
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
        case During(since, until):
            at = row.get(time_field) if time_field else None
            return at is not None and (since is None or at >= since) and (until is None or at < until)
        case ValidIn(since, until):
            if "valid_from" not in row or "valid_to" not in row:
                return False
            first, end = row["valid_from"], row["valid_to"]
            return (since is None or end is None or end > since) and (until is None or first is None or first < until)
        case And(parts):
            return all(matches(part, row, area_field, time_field) for part in parts)
        case Or(parts):
            return any(matches(part, row, area_field, time_field) for part in parts)


def as_q(predicate: Predicate, area_field: str = "area_code", time_field: str | None = None) -> Q:
    """Return the predicate for a Django query; what a relation stands before in area_field stands before every field."""
    from django.db.models import Q

    relation = area_field.rpartition("__")[0]

    def named(field: str) -> str:
        return f"{relation}__{field}" if relation else field

    def bounded(field: str, **bounds: Value | None) -> Q:
        given = {f"{named(field)}__{word}": bound for word, bound in bounds.items() if bound is not None}
        return Q(**given) if given else Q(**{f"{named(field)}__isnull": False})

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
            return Q(**{f"{named(field)}__in": list(values)})
        case During(since, until):
            return bounded(time_field, gte=since, lt=until) if time_field else Q(pk__in=[])
        case ValidIn(since, until):
            days = Q()
            if since is not None:
                days &= Q(**{f"{named('valid_to')}__isnull": True}) | Q(**{f"{named('valid_to')}__gt": since})
            if until is not None:
                days &= Q(**{f"{named('valid_from')}__isnull": True}) | Q(**{f"{named('valid_from')}__lt": until})
            return days
        case And(parts):
            every = Q()
            for part in parts:
                every &= as_q(part, area_field, time_field)
            return every
        case Or(parts):
            # Q() means everything also inside an OR, but Django drops it there: so it must not get there.
            if any(isinstance(part, Everything) for part in parts):
                return Q()
            some = Q(pk__in=[])
            for part in parts:
                one = as_q(part, area_field, time_field)
                if one == Q():
                    return Q()
                some |= one
            return some


def as_sql(
    predicate: Predicate, area_column: str = "area_code", dialect: str = "duckdb", time_column: str | None = None
) -> Sql:  # fmt: skip
    """Return the predicate as text and parameters: `$scope_0` for duckdb, `%(scope_0)s` for postgres.

    area_column, time_column: a column, or `alias.column`; fields of the row are looked for beside the area.
    """
    expression, params = as_expression(predicate, area_column, time_column)
    return Sql(expression.sql(dialect), params)


def as_expression(
    predicate: Predicate, area_column: str = "area_code", time_column: str | None = None
) -> tuple[exp.Expression, dict[str, Value]]:
    """Return the predicate as a sqlglot expression for use inside a larger query, and its parameters."""
    from sqlglot import exp

    params: dict[str, Value] = {}
    table = area_column.rpartition(".")[0]

    def bind(value: Value) -> exp.Expression:
        name = f"scope_{len(params)}"
        params[name] = value
        return exp.Placeholder(this=name)

    def column(name: str) -> exp.Expression:
        alias, _, last = name.rpartition(".")
        return exp.column(last, table=alias or None, quoted=True)

    def beside(field: str) -> exp.Expression:
        return column(f"{table}.{field}" if table else field)

    def reaching(field: str, kind: type[exp.Binary], bound: Value) -> exp.Expression:
        return exp.paren(
            exp.or_(exp.Is(this=beside(field), expression=exp.null()), kind(this=beside(field), expression=bind(bound)))
        )

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
                return exp.In(this=beside(field), expressions=[bind(one) for one in values])
            case During(since, until):
                if time_column is None:
                    return exp.false()
                bounds: list[exp.Expression] = [exp.Not(this=exp.Is(this=column(time_column), expression=exp.null()))]
                if since is not None:
                    bounds.append(exp.GTE(this=column(time_column), expression=bind(since)))
                if until is not None:
                    bounds.append(exp.LT(this=column(time_column), expression=bind(until)))
                return exp.paren(exp.and_(*bounds))
            case ValidIn(since, until):
                days: list[exp.Expression] = [exp.true()]
                if since is not None:
                    days.append(reaching("valid_to", exp.GT, since))
                if until is not None:
                    days.append(reaching("valid_from", exp.LT, until))
                return exp.paren(exp.and_(*days))
            case And(parts):
                return exp.paren(exp.and_(*(build(one) for one in parts)))
            case Or(parts):
                return exp.paren(exp.or_(*(build(one) for one in parts)))

    return build(predicate), params
