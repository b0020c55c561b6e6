# SPDX-License-Identifier: Apache-2.0
"""A source's rows as ours: columns of a stream, rows of a register. What does not fit is passed on as it is.

The front door checks observations and keeps what it cannot read as dead letters with its own reasons; deciding here as well
would be deciding twice. Register rows are checked here, against their model, because no door stands before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from chengyun.city import City, Stream
from chengyun.collect.pull.chunks import Row, SetAside, instant, plain
from chengyun.collect.pull.spec import Cell, Spec
from chengyun.collect.registering import model_of

__all__ = ["Mapped", "Mapper"]


@dataclass(slots=True)
class Mapped:
    """columns: of the stream, as its senders write them. register: (key, values as JSON holds them)."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    register: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    aside: list[SetAside] = field(default_factory=list)
    newest: dt.datetime | None = None


class Mapper:
    """The mapping of one source."""

    def __init__(self, spec: Spec, city: City, zone: dt.tzinfo) -> None:
        self._zone = ZoneInfo(spec.time_zone) if spec.time_zone else zone
        self._cells = spec.cells
        self._stream: Stream | None = city.streams[spec.stream.to] if spec.stream else None
        self._fields: dict[str, Any] = {}
        if spec.register:
            model = model_of(city, spec.register.to)
            self._fields = {name: model._meta.get_field(name) for name in ("key", *spec.register.columns)}

    @property
    def zone(self) -> dt.tzinfo:
        """The zone of times without an offset."""
        return self._zone

    @property
    def used(self) -> tuple[str, ...]:
        """The source's columns that are used, each once."""
        return tuple(dict.fromkeys(cell.column for cell in self._cells.values()))

    def map(self, rows: Sequence[Row]) -> Mapped:
        """Return rows as ours."""
        mapped = Mapped()
        if self._stream is not None:
            self._observe(rows, self._stream, mapped)
        if self._fields:
            self._register(rows, mapped)
        return mapped

    def _observe(self, rows: Sequence[Row], stream: Stream, mapped: Mapped) -> None:
        quantities = {quantity.key for quantity in stream.quantities}
        for name in stream.columns:
            cell = self._cells.get(f"stream.{name}")
            if cell is None:
                continue
            values = [row.get(cell.column) for row in rows]
            if name == stream.time:
                mapped.columns[name] = [self._time(value, cell, mapped) for value in values]
            elif name in quantities:
                mapped.columns[name] = [_number(_coded(value, cell), cell.factor) for value in values]
            else:
                mapped.columns[name] = [_word(_coded(value, cell)) for value in values]

    def _time(self, value: Any, cell: Cell, mapped: Mapped) -> Any:
        found = instant(value, self._zone, cell.format)
        if found is None:
            return plain(value)
        if mapped.newest is None or found > mapped.newest:
            mapped.newest = found
        return round(found.timestamp() * 1000)

    def _register(self, rows: Sequence[Row], mapped: Mapped) -> None:
        for row in rows:
            values: dict[str, Any] = {}
            try:
                for name, model_field in self._fields.items():
                    cell = self._cells[f"register.{name}"]
                    value = _coded(row.get(cell.column), cell)
                    if cell.factor is not None or model_field.get_internal_type() in ("FloatField", "IntegerField"):
                        value = _number(value, cell.factor)
                    elif model_field.get_internal_type() == "DateField" and value not in (None, ""):
                        moment = instant(value, self._zone, cell.format)
                        value = moment.astimezone(self._zone).date() if moment else value
                    else:
                        value = _word(value)
                    if value in (None, "") and name != "key":
                        continue
                    values[name] = plain(model_field.clean(value, None))
            except ValidationError as wrong:
                found = str(plain(row.get(cell.column)))[:60]
                reason = f"{cell.column} {found!r} is no {name} of the register: {' '.join(wrong.messages)}"
                mapped.aside.append(SetAside("register", reason, {key: plain(it) for key, it in row.items()}))
                continue
            mapped.register.append((values.pop("key"), values))


def _coded(value: Any, cell: Cell) -> Any:
    return cell.codes.get(str(plain(value)), value) if cell.codes and value is not None else value


def _number(value: Any, factor: float | None) -> Any:
    """Return a number; what is none stays as it is, for the door to say so."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            return text
        if value != value or abs(value) == float("inf"):
            return text  # "NaN" and "inf" are words here, not numbers
    if isinstance(value, Decimal | float):
        value = plain(float(value))
    if factor is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return value * factor
    return plain(value)


def _word(value: Any) -> Any:
    match value:
        case None:
            return None
        case str():
            return value.strip()
        case float() | Decimal() if value == int(value):
            return str(int(value))  # a key that a spreadsheet or a NUMBER column made a number
        case Mapping() | list() | bool():
            return plain(value)
        case _:
            return str(plain(value))
