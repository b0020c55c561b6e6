# SPDX-License-Identifier: Apache-2.0
"""What every connector yields, and the few words all of them share: kinds of values, watermarks, digests of rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from chengyun.standards.times import parse_instant

__all__ = ["Chunk", "Reading", "Row", "SetAside", "digest", "instant", "kind_of", "kinds_of", "mark_of", "plain", "row_key"]

Row = dict[str, Any]
ROWS = 2_000
"""Rows of one chunk, about: what is written at once, and at most read again after a crash."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row a connector could not read, with the reason and what there was of it."""

    code: str
    reason: str
    row: Mapping[str, Any]


@dataclass(slots=True)
class Chunk:
    """Some rows of a source, in the order it gave them.

    columns: name → kind, None: as the rows tell. at: where a person finds them. size: bytes read for them.
    after: where reading goes on once these are settled; None: where it stood. file: the file they stand in, if they do.
    """

    rows: list[Row]
    at: str
    columns: Mapping[str, str] | None = None
    size: int = 0
    after: dict[str, Any] | None = None
    aside: list[SetAside] = field(default_factory=list)
    file: Mapping[str, Any] | None = None


class Reading(Protocol):
    """One reading of a source, from a position on."""

    since_mark: int | None
    """Everything with a watermark from here on is read; None: everything there is."""
    whole: bool
    """After the last chunk: whether all of that was read. False when the source said that nothing changed."""

    def chunks(self) -> Iterator[Chunk]: ...

    def keys(self) -> Iterator[list[str]] | None:
        """Yield the identities of every row there is, or return None where reading tells them all anyway."""
        ...

    def close(self) -> None: ...


def kind_of(value: object) -> str:
    """Return the kind of a value as drift speaks of it; "" for none."""
    match value:
        case None:
            return ""
        case bool():
            return "flag"
        case int() | float() | Decimal():
            return "number"
        case dt.datetime():
            return "time"
        case dt.date():
            return "date"
        case str():
            return "text"
        case bytes() | memoryview():
            return "binary"
        case _:
            return "structure"


def kinds_of(rows: Iterable[Row]) -> dict[str, str]:
    """Return column → kind over all rows; a column whose values differ in kind is "mixed", one without values ""."""
    found: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            kind = kind_of(value)
            before = found.get(name, "")
            found[name] = kind if not before else before if not kind or kind == before else "mixed"
    return found


def instant(value: object, zone: dt.tzinfo, written: str | None = None) -> dt.datetime | None:
    """Return the moment a source's value names, aware; None when it cannot be read as one.

    written: "s" or "ms" since 1970, or a pattern of strptime; None: ISO 8601, a time of the driver's, or milliseconds.
    """
    try:
        match value:
            case dt.datetime():
                return value if value.tzinfo else value.replace(tzinfo=zone)
            case dt.date():
                return dt.datetime.combine(value, dt.time.min, tzinfo=zone)
            case bool() | None:
                return None
            case int() | float() | Decimal():
                return _EPOCH + dt.timedelta(seconds=float(value) / (1 if written == "s" else 1000))
            case str() if written in ("s", "ms"):
                return _EPOCH + dt.timedelta(seconds=float(value) / (1 if written == "s" else 1000))
            case str() if written:
                read = dt.datetime.strptime(value.strip(), written)  # noqa: DTZ007  the zone is given in the next line
                return read if read.tzinfo else read.replace(tzinfo=zone)
            case str():
                return parse_instant(value.strip().replace("/", "-"), zone)
    except (ValueError, OverflowError):
        return None
    return None


def mark_of(value: object, zone: dt.tzinfo) -> int | None:
    """Return a watermark as a whole number that grows with it: µs since 1970, or the number itself."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return int(value) if value == value else None
    moment = instant(value, zone)
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def moment_of(mark: int) -> dt.datetime:
    """Return the moment of a watermark in µs since 1970, in UTC."""
    return _EPOCH + mark * _MICROSECOND


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case Decimal():
            return float(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case bytes() | memoryview():
            return bytes(value).hex()[:200]
        case dict():
            return {str(name): plain(it) for name, it in value.items()}
        case list() | tuple():
            return [plain(it) for it in value]
        case _:
            return str(value)


def row_key(row: Row, identity: Iterable[str]) -> str:
    """Return what tells a row from the others of its source: readable while it is short."""
    text = " · ".join("" if (value := row.get(name)) is None else str(plain(value)) for name in identity)
    return text if len(text) <= 250 else f"{text[:200]}…{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def digest(row: Row, columns: Iterable[str]) -> bytes:
    """Return what changes when one of the columns does."""
    return hashlib.blake2b(msgspec.json.encode([plain(row.get(name)) for name in columns]), digest_size=16).digest()
