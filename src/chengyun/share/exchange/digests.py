# SPDX-License-Identifier: Apache-2.0
"""Digests of rows by ranges, by which a copy is compared with what it should hold. Pure: the same for who gives and who keeps.

    range of a row    the first `depth` bits of SHA-256(key)
    digest of a row   the first 16 bytes of SHA-256 of canonical JSON [key, value, …], values in the order of the fields, each as

        text             as it is                        boolean     true, false
        integer          a number                        date        2026-11-23
        number           its eight bytes of IEEE 754,    instant     2026-11-23T02:00:00.000000Z
                         highest first, in hex           json        its canonical JSON, as a text
        decimal          its digits, no exponent         none        null

    sum of a range    of its rows' digests as numbers, highest byte first, modulo 2^128

Keys lie in their ranges as evenly as their digests do, pseudonyms too; sums of parts of a dataset add up to those of the whole.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from chengyun.errors import Refused
from chengyun.share.exchange.sources import Column
from chengyun.share.ledger.heads import stamp

__all__ = ["DEEPEST", "MOST", "Ranges", "range_of", "sums", "told"]

DEEPEST = 12
"""Bits of a range at most: 4,096 of them, in an answer of some 140 kB."""
MOST = 1024
"""Ranges that are asked for by name at once."""
_WHOLE = 1 << 128
_NAMED = re.compile(r"(\d{1,2}):([0-9a-f]{1,3}(?:,[0-9a-f]{1,3})*)")


@dataclass(frozen=True, slots=True)
class Ranges:
    """Some ranges of a depth. Written as `11:0,3f,7a2`: the depth, and the ranges in hex."""

    depth: int
    wanted: frozenset[int]

    @classmethod
    def read(cls, text: str) -> Ranges:
        """Return the ranges a text names. Raises Refused."""
        found = _NAMED.fullmatch(text)
        made = cls(int(found[1]), frozenset(int(one, 16) for one in found[2].split(","))) if found else cls(0, frozenset())
        if not made.wanted or len(made.wanted) > MOST or made.depth > DEEPEST or max(made.wanted) >> made.depth:
            said = f"ranges is {text[:40]!r}, expected a depth of at most {DEEPEST} and up to {MOST} ranges of it in hex: 11:0,3f"
            raise Refused(f"{said}.", code="parameter", status=400)
        return made

    def __str__(self) -> str:
        return f"{self.depth}:{','.join(f'{one:x}' for one in sorted(self.wanted))}"

    def __contains__(self, key: str) -> bool:
        return range_of(key, self.depth) in self.wanted


def sums(columns: Sequence[Column], depth: int, rows: Iterable[tuple[str, Sequence[Any]]]) -> list[int]:
    """Return the sums of the ranges of a depth over rows: key and values, in the order of the columns."""
    found = [0] * (1 << depth)
    written = [_WRITTEN[one.type] for one in columns]
    encode, digest = msgspec.json.Encoder().encode, hashlib.sha256
    for key, values in rows:
        said = [key, *(None if it is None else write(it) for write, it in zip(written, values, strict=True))]
        at = range_of(key, depth)
        found[at] += int.from_bytes(digest(encode(said)).digest()[:16])
    return [one % _WHOLE for one in found]


def range_of(key: str, depth: int) -> int:
    """Return which of the ranges of a depth a key lies in, from 0."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) >> (32 - depth)


def told(found: Sequence[int]) -> list[str]:
    """Return sums as they are told, in hex."""
    return [f"{one:032x}" for one in found]


def _text(value: Any) -> str:
    # As it is written where it is exchanged.
    return value if isinstance(value, str) else str(msgspec.to_builtins(value, enc_hook=str))


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "text": _text, "integer": int, "number": lambda value: struct.pack(">d", value).hex(),
    "decimal": lambda value: format(Decimal(value), "f"), "boolean": bool, "date": lambda value: value.isoformat(),
    "instant": stamp, "json": _canonical,
}  # fmt: skip
