# SPDX-License-Identifier: Apache-2.0
"""What a person says about a file beforehand, because the file does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chengyun.collect.pull.formats.shape import TableShape
from chengyun.errors import Refused, nearest

__all__ = ["Options"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to read a file; every default means: tell it from the file.

    format: one of FORMATS. encoding, delimiter: of text. layer: of a GeoPackage or KML.
    sheet: the only sheet to read, by name; None: every visible one. hidden: also sheets that are hidden.
    shape: what the columns mean. zone: what a time without an offset is local to. epoch: 1900 or 1904, of serial dates.
    crs: coordinate system of a file of places, e.g. "GCJ-02" or "EPSG:25832"; needed where the file does not state it.
    unit: what numbers are in where neither heading nor cell says.
    most_bytes: how large a file may be, and how large what is packed in it.
    most_cells: of one sheet that has to be held whole. most_faults: how many are kept; the others are counted.
    rows: of one batch.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    hidden: bool = False
    shape: TableShape | None = None
    crs: str | None = None
    layer: str | None = None
    zone: str = "Asia/Shanghai"
    unit: str = ""
    epoch: int | None = None
    most_bytes: int = 2 * 2**30
    most_cells: int = 30_000_000
    most_faults: int = 100_000
    rows: int = 20_000

    def __post_init__(self) -> None:
        if self.epoch not in (None, 1900, 1904):
            raise Refused(f"Option epoch is {self.epoch!r}, expected 1900 or 1904.", code="options")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise Refused(f"Option zone is {self.zone!r}, expected a zone such as Asia/Shanghai.", code="options") from None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Options:
        """Return the options a form or file says. Raises Refused for a name or type that is not one."""
        fields = {it.name: it for it in dataclasses.fields(cls)}
        values = dict(said)
        for name, value in said.items():
            if name not in fields:
                raise Refused(
                    f"There is no option {name!r}.{nearest(name, fields)} Options: {', '.join(fields)}.", code="options"
                )
            if name == "shape" and isinstance(value, Mapping):
                values[name] = TableShape.of(value)
                continue
            wanted = type(fields[name].default) if fields[name].default is not None else (int if name == "epoch" else str)
            if (
                name != "shape"
                and value is not None
                and (not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool))
            ):
                raise Refused(f"Option {name} is {value!r}, expected {wanted.__name__}.", code="options")
        return cls(**values)
