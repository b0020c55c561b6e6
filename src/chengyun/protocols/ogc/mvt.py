# SPDX-License-Identifier: Apache-2.0
"""One layer as a Mapbox Vector Tile: protocol buffers written by hand, because a tile of points is ten lines of them.

    tile  = 3: layer
    layer = 15: version 2, 1: name, 2: feature…, 3: key…, 4: value…, 5: extent
    feature = 1: id, 2: tags (pairs of key and value numbers), 3: type, 4: commands

Standard: Mapbox Vector Tile Specification 2.1, 4.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["EXTENT", "Feature", "encode", "point", "polygons"]

EXTENT = 4096
MOVE_ONE, CLOSE = 9, 15

Kind = Literal[1, 3]
Feature = tuple[int, Kind, Sequence[int], Mapping[str, Any]]
"""Id, 1 for a point or 3 for polygons, commands, properties."""


def encode(name: str, features: Iterable[Feature]) -> bytes:
    """Return a tile with one layer; nothing at all for no features."""
    keys: dict[str, int] = {}
    values: dict[bytes, int] = {}
    known: dict[tuple[type, Any], int] = {}
    body = bytearray()
    for number, kind, commands, properties in features:
        tags: list[int] = []
        for key, value in properties.items():
            if value is None:
                continue
            place = known.get((type(value), value))
            if place is None:
                place = known[type(value), value] = values.setdefault(_value(value), len(values))
            tags += (keys.setdefault(key, len(keys)), place)
        feature = bytearray()
        if number >= 0:
            feature += b"\x08" + _varint(number)
        if tags:
            feature += _part(2, _varints(tags))
        feature += b"\x18" + bytes((kind,)) + _part(4, _varints(commands))
        body += _part(2, feature)
    if not body:
        return b""
    layer = b"\x78\x02" + _part(1, name.encode()) + body
    layer += b"".join(_part(3, key.encode()) for key in keys) + b"".join(_part(4, value) for value in values)
    return _part(3, layer + b"\x28" + _varint(EXTENT))


def point(x: int, y: int) -> tuple[int, int, int]:
    """Return the commands that draw a point, in tile units, y downwards."""
    return MOVE_ONE, _zigzag(x), _zigzag(y)


def polygons(parts: Iterable[Sequence[Sequence[tuple[int, int]]]]) -> list[int]:
    """Return the commands that draw polygons: each an outer ring and its holes, closed, any turn."""
    commands: list[int] = []
    at = (0, 0)
    for rings in parts:
        for number, ring in enumerate(rings):
            corners = list(ring[:-1])
            # Outer rings have a positive area by the surveyor's formula with y downwards, holes a negative one (4.3.4.4).
            if (_area(corners) > 0) != (number == 0):
                corners.reverse()
            commands += (MOVE_ONE, _zigzag(corners[0][0] - at[0]), _zigzag(corners[0][1] - at[1]), (len(corners) - 1) << 3 | 2)
            at = corners[0]
            for corner in corners[1:]:
                commands += (_zigzag(corner[0] - at[0]), _zigzag(corner[1] - at[1]))
                at = corner
            commands.append(CLOSE)
    return commands


def _area(corners: Sequence[tuple[int, int]]) -> int:
    turned = zip(corners, [*corners[1:], corners[0]], strict=True)
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in turned)


def _value(value: Any) -> bytes:
    match value:
        case bool():
            return b"\x38" + bytes((value,))
        case int():
            return b"\x30" + _varint(_zigzag(value))
        case float():
            return b"\x19" + struct.pack("<d", value)
        case dt.datetime():
            return _part(1, value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z").encode())
        case dt.date():
            return _part(1, value.isoformat().encode())
        case _:
            return _part(1, str(value).encode())


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _part(number: int, body: bytes | bytearray) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varints(numbers: Iterable[int]) -> bytearray:
    out = bytearray()
    for number in numbers:
        rest = number
        while rest >= 0x80:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return out
