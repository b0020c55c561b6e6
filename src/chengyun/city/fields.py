# SPDX-License-Identifier: Apache-2.0
"""The fields of a stream: what one observation may carry, each with its unit, range and codes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

from chengyun.city.declare import declaration, is_key
from chengyun.errors import nearest
from chengyun.standards.identifiers import KINDS
from chengyun.standards.units import UNITS

__all__ = ["Code", "Field", "Quantity", "Ref", "Text", "Was", "former_keys"]

Was = str | tuple[str, ...]
"""The key a field went by before, or all of them: what is kept under it is the field's."""


def former_keys(was: Was) -> tuple[str, ...]:
    """Return the keys a field went by."""
    return (was,) if isinstance(was, str) else tuple(was)


def _wrong_keys(key: str, was: Was) -> Iterator[str]:
    if not is_key(key):
        yield f"key {key!r} is not lower_snake."
    for old in former_keys(was):
        if not is_key(old) or old == key:
            yield f"was names {old!r}, expected a key the field went by before."


@declaration
class Ref:
    """The entity an observation is about: its key in the entity's register.

    to: the key of an Entity of the same pack.
    """

    key: str
    to: str
    name: str = ""
    was: Was = ()

    def faults(self) -> Iterator[str]:
        yield from _wrong_keys(self.key, self.was)


@declaration
class Quantity:
    """A measured number with a unit.

    unit: a unit of `chengyun.standards.units`, e.g. "µg/m³".
    valid: lowest and highest value that can be real, inclusive; outside, the value is kept and flagged, and
        takes no part in figures.
    spike: the largest change from one observation to the next that is not suspicious, in the unit; None: not watched.
    stuck: how many equal observations in a row are suspicious; None: not watched.
    decimals: how many decimals pages show; nothing is rounded at rest.
    was: the key, or keys, it went by before. formerly: unit it was kept in before → what one of that is in today's unit.
    """

    key: str
    name: str
    unit: str
    valid: tuple[float, float]
    spike: float | None = None
    stuck: int | None = None
    decimals: int = 0
    was: Was = ()
    formerly: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        yield from _wrong_keys(self.key, self.was)
        for unit, factor in self.formerly.items():
            if unit not in UNITS or unit == self.unit:
                yield f"formerly names the unit {unit!r}, expected another known one.{nearest(unit, UNITS)}"
            if not (isinstance(factor, int | float) and math.isfinite(factor) and factor > 0):
                yield f"formerly says that one {unit} is {factor!r} {self.unit}, expected a number above zero."
        if self.unit not in UNITS:
            yield f"unit {self.unit!r} is not known.{nearest(self.unit, UNITS)} See chengyun/standards/units.py."
        if not (isinstance(self.valid, tuple) and len(self.valid) == 2 and self.valid[0] < self.valid[1]):
            yield f"valid is {self.valid!r}, expected (lowest, highest)."
        if self.spike is not None and self.spike <= 0:
            yield f"spike is {self.spike!r}, expected a positive number of {self.unit}."
        if self.stuck is not None and self.stuck < 2:
            yield f"stuck is {self.stuck!r}, expected 2 or more."
        if not 0 <= self.decimals <= 9:
            yield f"decimals is {self.decimals!r}, expected 0 to 9."


@declaration
class Code:
    """A value out of a closed list.

    codes: code → what a person reads.
    """

    key: str
    name: str
    codes: Mapping[str, str]
    was: Was = ()

    def faults(self) -> Iterator[str]:
        yield from _wrong_keys(self.key, self.was)
        if not self.codes:
            yield "codes is empty, expected code → name."


@declaration
class Text:
    """A short text.

    longest: in characters; a longer text is refused.
    check: kind of identifier it must be, of `chengyun.standards.identifiers`, e.g. "uscc"; None: any text.
    """

    key: str
    name: str
    longest: int = 200
    check: str | None = None
    was: Was = ()

    def faults(self) -> Iterator[str]:
        yield from _wrong_keys(self.key, self.was)
        if self.check is not None and self.check not in KINDS:
            yield f"check {self.check!r} is no kind of identifier.{nearest(self.check, KINDS)} See standards/identifiers."


Field = Ref | Quantity | Code | Text
