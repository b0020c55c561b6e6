# SPDX-License-Identifier: Apache-2.0
"""A body of JSON → columns and links of one kind, or the sentence that says what is wrong with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chengyun.errors import Malformed, nearest
from chengyun.protocols.sensorthings.geometry import bounds
from chengyun.protocols.sensorthings.kinds import Form, Kind, Link, Property
from chengyun.protocols.sensorthings.times import read_span

__all__ = ["Entity", "Reference", "decode", "read_entity", "reference_of"]

ID = "@iot.id"


@dataclass(frozen=True, slots=True)
class Reference:
    """An entity that is there already."""

    id: int


@dataclass
class Entity:
    """columns: of the kind's table, JSON as text. links: what hangs on it: References and bodies still to be read."""

    kind: Kind
    columns: dict[str, Any] = field(default_factory=dict)
    links: dict[str, list[Reference | dict[str, Any]]] = field(default_factory=dict)


def decode(body: bytes) -> Any:
    """Return a body's JSON. Raises Malformed (400)."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _wrong(f"The body is not JSON: {wrong}.") from wrong


def reference_of(it: Any) -> Reference | None:
    """Return what `{"@iot.id": 1}` refers to, whatever stands beside the number; None without one."""
    found = it.get(ID) if isinstance(it, dict) else None
    if found is None:
        return None
    return Reference(read_id(found))


def read_id(found: Any) -> int:
    """Return an id. Raises Malformed (400)."""
    if isinstance(found, str) and found.lstrip("-").isdigit() and len(found) < 19:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not -(2**62) < found < 2**62:
        raise _wrong(f"{ID} is {str(found)[:40]!r}, expected a whole number.")
    return found


def read_entity(kind: Kind, body: Any, *, whole: bool, relink: bool = False, given: frozenset[str] = frozenset()) -> Entity:
    """Read an entity's body.

    whole: everything required must be there, and what is absent becomes null. relink: links may only refer to what is there.
    given: links the path has already given.
    Raises Malformed (400) naming the property.
    """
    if not isinstance(body, dict):
        raise _wrong(f"A {kind.name} is a JSON object, found {type(body).__name__}.")
    made = Entity(kind)
    for name, value in body.items():
        it, link = kind.by_name.get(name), kind.links_by_name.get(name)
        if it is not None:
            if not it.kept:
                made.columns |= _columns(kind, it, value)
        elif link is not None:
            made.links[name] = _links(kind, link, value, relink)
        elif not name.startswith("@iot.") and "@iot." not in name:
            known = [*kind.by_name, *kind.links_by_name]
            raise _wrong(f"{kind.name} has no property {name[:60]!r}.{nearest(name[:60], known)}")
    if whole:
        for it in kind.properties:
            if it.required and (it.name not in body or (body[it.name] is None and it.form is not Form.RESULT)):
                raise _wrong(f"{kind.name} needs {it.name!r}.")
            if it.name not in body and not it.kept and it.name != "phenomenonTime":
                made.columns |= _columns(kind, it, None)
        for link in kind.links:
            if link.required and link.name not in made.links and link.name not in given and not relink:
                raise _wrong(f"{kind.name} needs a {link.name}: an object, or {{{ID!r}: number}}.")
    return made


def _links(kind: Kind, link: Link, value: Any, relink: bool) -> list[Reference | dict[str, Any]]:
    values = value if link.many else [value]
    if not isinstance(values, list):
        raise _wrong(f"{kind.name}.{link.name} is a list, found {type(value).__name__}.")
    found: list[Reference | dict[str, Any]] = []
    for one in values:
        reference = reference_of(one)
        if reference is None and not isinstance(one, dict):
            raise _wrong(f"{kind.name}.{link.name}: expected an object, or {{{ID!r}: number}}.")
        if reference is None and relink:
            raise _wrong(f"{kind.name}.{link.name}: an update only links what is there, by {{{ID!r}: number}}.")
        found.append(reference or one)
    return found


def _columns(kind: Kind, it: Property, value: Any) -> dict[str, Any]:
    def expected(what: str) -> Malformed:
        return _wrong(f"{kind.name}.{it.name} is {str(value)[:40]!r}, expected {what}.")

    column = it.column
    if value is None and it.form is Form.SPAN:
        return {f"{column}_start": None, f"{column}_end": None}
    if value is None and it.form is Form.RESULT:
        return {"number": None, "result": None}
    if value is None and it.form is not Form.GEOMETRY:
        if it.required:
            raise expected("a value")
        return {column: None}
    match it.form:
        case Form.TEXT:
            if not isinstance(value, str):
                raise expected("a text")
            return {column: value}
        case Form.OBJECT:
            if not isinstance(value, dict):
                raise expected("an object")
            return {column: _text(value)}
        case Form.LIST:
            if not isinstance(value, list):
                raise expected("a list")
            return {column: _text(value)}
        case Form.JSON:
            return {column: _text(value)}
        case Form.INSTANT:
            # An interval sent where an instant is due: its end is when the value was there.
            start, end = _span(kind, it, value)
            return {column: end or start}
        case Form.SPAN:
            start, end = _span(kind, it, value)
            return {f"{column}_start": start, f"{column}_end": end}
        case Form.RESULT:
            return result_columns(value)
        case Form.GEOMETRY:
            if value is None:
                raise expected("a geometry, e.g. {'type': 'Point', 'coordinates': [121.5, 29.9]}")
            return {column: _text(value), "bounds": box(value)}
    raise AssertionError(it)


def _span(kind: Kind, it: Property, value: Any) -> tuple[dt.datetime, dt.datetime | None]:
    try:
        return read_span(value)
    except Malformed as wrong:
        raise _wrong(f"{kind.name}.{it.name}: {wrong.sentence}") from wrong


def result_columns(value: Any) -> dict[str, Any]:
    """Return a result as it is kept: a number that fits exactly in its own column."""
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53):
        return {"number": float(value), "result": None}
    return {"number": None, "result": _text(value)}


def box(geojson: Any) -> str | None:
    """Return the rectangle around a geometry as PostgreSQL writes it."""
    found = bounds(geojson)
    return f"(({found[2]!r},{found[3]!r}),({found[0]!r},{found[1]!r}))" if found else None


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="body", status=400)
