# SPDX-License-Identifier: Apache-2.0
"""Where a dataset's rows come from in PostgreSQL: its table, its history, and the SQL that reads both under a condition.

entity      the pack's register and its history table: rows as of any version, exactly
indicator   figures: each names until which number it was current
case        cases by number; a version is the newest of its events
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps
from django.conf import settings
from django.db import models
from psycopg import sql

from chengyun.city import City
from chengyun.errors import NotFound, nearest
from chengyun.share.exchange import horizon

__all__ = ["Column", "Kind", "Source", "ensure_horizons", "kind_of", "source_of"]

Kind = Literal["entity", "stream", "indicator", "case"]
Type = Literal["text", "integer", "number", "decimal", "boolean", "date", "instant", "json"]

_TYPES: tuple[tuple[type[models.Field[Any, Any]], Type], ...] = (
    (models.BooleanField, "boolean"), (models.FloatField, "number"), (models.DecimalField, "decimal"),
    (models.DateTimeField, "instant"), (models.DateField, "date"), (models.JSONField, "json"), (models.IntegerField, "integer"),
    (models.AutoField, "integer"), (models.ForeignKey, "integer"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One field as it is exchanged. column: what it is called at rest."""

    name: str
    type: Type
    column: str = ""

    def at(self, alias: str) -> sql.Composable:
        """Return the column of a row named `alias`. An array's own text, {a,b}, is read by no one but PostgreSQL."""
        column = sql.Identifier(alias, self.column)
        return sql.SQL("to_jsonb({})").format(column) if self.type == "json" else column


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset's tables. key: the column rows are told apart and ordered by. sequence: what numbers its versions.

    only: a condition on every row, of the dataset among others of its table. history: table of versions, or "".
    """

    dataset: str
    kind: Kind
    table: str
    columns: tuple[Column, ...]
    key: str
    sequence: str
    history: str = ""
    only: tuple[str, str] | None = None

    def selected(self, alias: str) -> sql.Composed:
        """Return the columns of a SELECT, in order: what is json as the database writes it, its arrays, too."""
        return sql.SQL(", ").join(one.at(alias) for one in self.columns)


_FIGURE = (
    ("subject", "text"), ("area_code", "text"), ("period_start", "instant"), ("value", "number"), ("detail", "json"),
    ("coverage", "number"), ("quality", "json"), ("simulated", "boolean"), ("version", "text"), ("computed_at", "instant"),
)  # fmt: skip
_CASE = (
    ("number", "text"), ("type", "text"), ("state", "text"), ("ended", "boolean"), ("title", "text"), ("area_code", "text"),
    ("lon", "number"), ("lat", "number"), ("opened_at", "instant"), ("due_at", "instant"), ("closed_at", "instant"),
    ("in_time", "boolean"), ("source", "text"), ("category", "text"), ("catalog_version", "text"), ("address", "text"),
    ("component_key", "text"), ("emergency", "boolean"), ("priority", "integer"), ("report_count", "integer"),
    ("simulated", "boolean"),
)  # fmt: skip
"""What is exchanged of a case. Its free text stays: nobody can promise that no person is named in it."""


def kind_of(dataset: str) -> Kind:
    """Return what a dataset is. Raises NotFound for what cannot be exchanged."""
    city: City = settings.CITY
    for kind, found in (
        ("entity", city.entities),
        ("stream", city.streams),
        ("indicator", city.indicators),
        ("case", city.cases),
    ):
        if dataset in found:
            return kind  # type: ignore[return-value]
    every = [*city.entities, *city.streams, *city.indicators, *city.cases]
    raise NotFound(f"There is no dataset {dataset!r} to be exchanged.{nearest(dataset, every)}", dataset=dataset)


@functools.cache
def source_of(dataset: str) -> Source:
    """Return the tables of an entity, indicator or case type."""
    city: City = settings.CITY
    match kind_of(dataset):
        case "entity":
            model: Any = apps.get_model(dataset.split(".")[0], city.entities[dataset].model)
            columns = tuple(
                Column(field.name, _type(field), field.column) for field in model._meta.concrete_fields if field.name != "id"
            )
            table = model._meta.db_table
            event = getattr(model, "pgh_event_model", None)
            if event is None:
                # A register without a history is told whole every time: its version is that of nothing.
                return Source(dataset, "entity", table, columns, "key", "")
            history = event._meta.db_table
            return Source(dataset, "entity", table, columns, "key", horizon.sequence_of(history, "pgh_id"), history)
        case "indicator":
            sequence = horizon.sequence_of("operate_figure", "id")
            return Source(dataset, "indicator", "operate_figure", _columns(_FIGURE), "id", sequence, only=("indicator", dataset))
        case "case":
            sequence = horizon.sequence_of("cases_caseevent", "id")
            return Source(dataset, "case", "cases_case", _columns(_CASE), "number", sequence, only=("type", dataset))
    raise LookupError(f"{dataset} is a stream; chengyun.share.exchange.streams reads those")


def ensure_horizons() -> None:
    """Make every table's writers tell which versions are under way; called whenever the database is brought up to date."""
    city: City = settings.CITY
    horizon.renew()
    for dataset in city.entities:
        source = source_of(dataset)
        if source.sequence:
            horizon.ensure(source.table, source.sequence)
    for table in ("operate_figure", "cases_caseevent"):
        horizon.ensure(table, horizon.sequence_of(table, "id"))


def _columns(given: tuple[tuple[str, str], ...]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, name) for name, kind in given)  # type: ignore[arg-type]


def _type(field: models.Field[Any, Any]) -> Type:
    for kind, word in _TYPES:
        if isinstance(field, kind):
            return word
    return "json" if field.get_internal_type() == "ArrayField" else "text"
