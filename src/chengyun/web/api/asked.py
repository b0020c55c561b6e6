# SPDX-License-Identifier: Apache-2.0
"""What a program may ask of a route: typed parameters, read from the address or refused with a sentence."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.http import QueryDict

from chengyun.errors import NotFound, Refused, nearest

Kind = Literal["text", "integer", "instant", "day"]
LONGEST_TEXT = 200
FIRST_YEAR, LAST_YEAR = 1900, 2199
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Param:
    """A parameter. says: what it means. among: the words it may be. within: lowest and highest of an integer.

    place: "path" for a part of the address, which is always there; "query" otherwise.
    """

    name: str
    says: str
    kind: Kind = "text"
    place: Literal["path", "query"] = "query"
    required: bool = False
    among: Sequence[str] = ()
    within: tuple[int, int] = (1, LARGEST)
    default: Any = None
    example: Any = None

    def read(self, text: str) -> Any:
        """Return the value. Raises Refused naming the parameter, what came and what was expected."""
        if "\x00" in text or len(text) > LONGEST_TEXT:
            raise Refused(f"{self.name} holds a character or a length that no value has.", code="parameter", parameter=self.name)
        if self.among and text not in self.among:
            said = f"{self.name} is {text!r}, expected one of {', '.join(self.among)}.{nearest(text, self.among)}"
            raise Refused(said, code="parameter", parameter=self.name)
        match self.kind:
            case "integer":
                return self._integer(text)
            case "instant":
                return self._instant(text)
            case "day":
                return self._day(text)
        return text

    def schema(self) -> dict[str, Any]:
        """Return the parameter's JSON Schema."""
        found: dict[str, Any] = {"type": "string"}
        match self.kind:
            case "integer":
                found = {"type": "integer", "minimum": self.within[0], "maximum": self.within[1]}
            case "instant":
                found |= {"format": "date-time"}
            case "day":
                found |= {"format": "date"}
            case _ if self.among:
                found |= {"enum": list(self.among)}
            case _:
                found |= {"minLength": 1, "maxLength": LONGEST_TEXT}
        return found if self.default is None else {**found, "default": self.default}

    def _integer(self, text: str) -> int:
        low, high = self.within
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise Refused(
                f"{self.name} is {text!r}, expected a whole number from {low} to {high}.", code="parameter", parameter=self.name
            )
        return int(text)

    def _instant(self, text: str) -> dt.datetime:
        try:
            # A plus in an address is a space once it is decoded.
            found = dt.datetime.fromisoformat(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            said = f"{self.name} is {text!r}, expected an instant with its offset, as in 2026-04-01T08:00:00+08:00."
            raise Refused(said, code="parameter", parameter=self.name)
        return found.astimezone(dt.UTC)

    def _day(self, text: str) -> dt.date:
        try:
            found = dt.date.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise Refused(f"{self.name} is {text!r}, expected a day, as in 2026-04-01.", code="parameter", parameter=self.name)
        return found


def read_params(declared: Sequence[Param], path: Mapping[str, Any], query: QueryDict) -> dict[str, Any]:
    """Return name → value, defaults filled in. Raises Refused for what is wrong, missing or not known."""
    known = {one.name: one for one in declared}
    for name in query:
        if name not in known or known[name].place != "query":
            wanted = [one.name for one in declared if one.place == "query"]
            raise Refused(
                f"There is no parameter {name[:40]!r} here.{nearest(name, wanted)}", code="parameter", parameter=name[:40]
            )
    values = {}
    for name, one in known.items():
        text = str(path[name]) if one.place == "path" else query.get(name)
        if text is None or text == "":
            if one.required:
                raise Refused(f"{name} is missing. {one.says}", code="parameter", parameter=name)
            values[name] = one.default
            continue
        try:
            values[name] = one.read(text)
        except Refused as wrong:
            if one.place == "path":  # an address nothing can stand at
                raise NotFound(wrong.sentence) from wrong
            raise
    return values


def cursor_of(values: Sequence[object]) -> str:
    """Return where a page ended, as a text to be handed back."""
    return base64.urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")


def read_cursor(text: str | None, *kinds: type) -> list[Any] | None:
    """Return what `cursor_of` was given; None without one. Raises Refused for any other text."""
    if text is None:
        return None
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(found, list) or len(found) != len(kinds):
            raise ValueError
        return [_part(value, kind) for value, kind in zip(found, kinds, strict=True)]
    except (ValueError, binascii.Error, UnicodeDecodeError, RecursionError) as wrong:
        raise Refused("cursor is not one that this address gave out.", code="parameter", parameter="cursor") from wrong


def _part(value: object, kind: type) -> Any:
    if kind is dt.datetime:
        found = dt.datetime.fromisoformat(str(value))
        if found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError
        return found
    if type(value) is not kind or (kind is int and not -LARGEST <= value <= LARGEST):  # type: ignore[operator]
        raise ValueError
    if kind is str and "\x00" in str(value):
        raise ValueError
    return value
