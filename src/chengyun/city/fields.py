# SPDX-License-Identifier: Apache-2.0
"""The fields of a stream: what one observation may carry, each with its unit, range and codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chengyun.city.declare import declaration, is_key
from chengyun.errors import nearest
from chengyun.standards.units import UNITS

__all__ = ["Code", "Field", "Quantity", "Ref", "Text"]


@declaration
class Ref:
    """The entity an observation is about: its key in the entity's register.

    to: the key of an Entity of the same pack.
    """

    key: str
    to: str
    name: str = ""

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."


@declaration
class Quantity:
    """A measured number with a unit.

    unit: a unit of `chengyun.standards.units`, e.g. "µg/m³".
    valid: lowest and highest value that can be real, inclusive; outside, the value is kept and flagged, and
        takes no part in figures.
    spike: the largest change from one observation to the next that is not suspicious, in the unit; None: not watched.
    stuck: how many equal observations in a row are suspicious; None: not watched.
    decimals: how many decimals pages show; nothing is rounded at rest.
    """

    key: str
    name: str
    unit: str
    valid: tuple[float, float]
    spike: float | None = None
    stuck: int | None = None
    decimals: int = 0

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
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

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not self.codes:
            yield "codes is empty, expected code → name."


@declaration
class Text:
    """A short text.

    longest: in characters; a longer text is refused.
    """

    key: str
    name: str
    longest: int = 200

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."


Field = Ref | Quantity | Code | Text
