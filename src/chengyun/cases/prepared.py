# SPDX-License-Identifier: Apache-2.0
"""Statements the database takes apart and plans once for each connection, for what is done thousands of times.

Django binds values into the text of a statement, so that each is planned anew; planning those of a step takes longer than
running them. Every value goes as text with a cast beside its place, so that one statement has one plan whatever is in it; bytes
go as they are.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

import psycopg
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, models
from django.db.models.base import ModelState

__all__ = ["ask", "cast", "fetch", "insert", "row_of", "values_of", "written"]

Row = TypeVar("Row", bound=models.Model)


def fetch(text: str, values: Sequence[Any], *, binary: bool = False) -> list[tuple[Any, ...]]:
    """Run a statement in the transaction that is open and return its rows. text: one statement, a cast at each value.

    binary: have the rows sent as the database keeps them: for long bytes, of which text is twice as long.
    """
    opened = connections[DEFAULT_DB_ALIAS]
    opened.ensure_connection()
    opened.validate_no_broken_transaction()
    with opened.wrap_database_errors, psycopg.RawCursor(_preparing(opened.connection)) as cursor:
        cursor.execute(_numbered(text), _texts(values), prepare=True, binary=binary)
        return cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []


def ask(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Do as fetch for a read, the first of a request: a connection that has gone meanwhile is opened anew and asked again.

    What Django sends before it, to see whether the connection is still there, is then not sent any more. In a transaction that
    is open, a connection that has gone took the transaction along, and says so.
    """
    opened: Any = connections[DEFAULT_DB_ALIAS]
    if opened.in_atomic_block or not opened.health_check_enabled or opened.health_check_done:
        return fetch(text, values)
    try:
        rows = fetch(text, values)
    except (OperationalError, InterfaceError):
        if opened.is_usable():
            raise
        opened.close()
        return fetch(text, values)
    opened.health_check_done = True
    return rows


def cast(field: models.Field[Any, Any]) -> str:
    """Return the place of a field's value. Text goes as it is: a cast to its length would cut off what is too long."""
    kind = field.db_type(connection) or "text"
    return f"%s::{'text' if kind.startswith('varchar') else kind}"


@functools.cache
def written(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """Return a model's columns but for its key."""
    return tuple(it for it in model._meta.concrete_fields if not it.primary_key)


def values_of(row: models.Model) -> list[Any]:
    """Return a row's values in the order of `written`."""
    texts = _json_fields(type(row))
    found = []
    for it in written(type(row)):
        value = getattr(row, it.attname)
        found.append(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False) if it.attname in texts else value)
    return found


def row_of(model: type[Row], values: Sequence[Any]) -> Row:
    """Return a model's row of the values of all its columns, in their order, as the database has it. No signal is sent."""
    row = model.__new__(model)
    kept = row.__dict__
    kept.update(zip(_names(model), values, strict=True))
    for name in _json_fields(model):
        # JSON arrives as text here, as it does for the ORM.
        if isinstance(kept[name], str):
            kept[name] = json.loads(kept[name])
    state = kept["_state"] = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    return row


def insert(model: type[models.Model], **given: str) -> str:
    """Return an INSERT of `values_of` a row. given: columns that are not among these values, and what they are.

    Where it names another part of the statement, `source.column`, a row is written for each of that part's.
    """
    kept = [it for it in written(model) if it.column not in given]
    columns = ", ".join(f'"{name}"' for name in (*given, *(it.column for it in kept)))
    places = ", ".join((*given.values(), *(cast(it) for it in kept)))
    sources = sorted({one.partition(".")[0] for one in given.values() if one.partition(".")[2].isidentifier()})
    rows = f"SELECT {places} FROM {', '.join(sources)}" if sources else f"VALUES ({places})"  # noqa: S608
    return f"INSERT INTO {model._meta.db_table} ({columns}) {rows}"


def _preparing(raw: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Return a connection that keeps what it is told to prepare: as Django opens it, it prepares nothing, whatever it is told.

    Nothing is prepared for being sent often; Django's own statements differ each time by the values in their text.
    """
    if raw.prepare_threshold is None:
        raw.prepare_threshold = sys.maxsize
    return raw


@functools.cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(it.attname for it in model._meta.concrete_fields)


@functools.cache
def _json_fields(model: type[models.Model]) -> frozenset[str]:
    return frozenset(it.attname for it in model._meta.concrete_fields if isinstance(it, models.JSONField))


@functools.lru_cache(maxsize=256)
def _numbered(text: str) -> bytes:
    """Return a statement with $1, $2 … as places: the driver would look for them anew in every long one."""
    first, *rest = text.split("%s")
    return (first + "".join(f"${at}{part}" for at, part in enumerate(rest, start=1))).encode()


def _texts(values: Sequence[Any]) -> list[str | bytes | None]:
    """Return values as text, but bytes as they are. Most are text or nothing, and a step has a hundred."""
    return [one if one is None or one.__class__ is str else _text(one) for one in values]


def _text(value: Any) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)  # a datetime is a date
