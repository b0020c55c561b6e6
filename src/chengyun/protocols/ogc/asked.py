# SPDX-License-Identifier: Apache-2.0
"""The parameters of a request for features, read and checked; an unknown one is refused, as Part 1 (7.15.8) asks."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec

from chengyun.errors import Refused, nearest
from chengyun.protocols.ogc import filters
from chengyun.protocols.ogc.layers import Column, Seen
from chengyun.protocols.ogc.places import Box, checked_box
from chengyun.protocols.ogc.reference import Reference, reference_of

__all__ = ["LIMIT", "MOST", "Asked", "Span", "encode_cursor", "parameters", "read_asked"]

LIMIT = 10
MOST = 10_000
KNOWN = (
    "f", "limit", "cursor", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs", "sortby", "properties",
    "skipGeometry",
)  # fmt: skip

Span = tuple[dt.datetime | None, dt.datetime | None]


@dataclass(frozen=True)
class Asked:
    """What of a layer is wanted. cursor: row id and sort values of the last feature of the page before; None: the first page.

    equal: property → text as given. sort: column and whether it falls. properties: in the order asked; None: all.
    """

    limit: int
    cursor: list[Any] | None
    box: Box | None
    span: Span | None
    tree: Any
    filter_reference: Reference
    equal: Mapping[str, str]
    sort: Sequence[tuple[Column, bool]]
    properties: Sequence[str] | None
    reference: Reference
    geometry: bool

    @property
    def narrow(self) -> bool:
        """Whether a condition leaves some of the layer's features out."""
        return self.box is not None or self.tree is not None or bool(self.equal)


def parameters(query: str, known: Sequence[str]) -> dict[str, str]:
    """Return the parameters of an address. Raises Refused for one that is not known or given twice."""
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except (ValueError, UnicodeDecodeError) as wrong:
        raise _refused("The address is not readable as UTF-8.") from wrong
    for name, value in pairs:
        if name not in known:
            raise _refused(f"There is no parameter {name[:60]!r} here.{nearest(name, known)} There are {', '.join(known)}.")
        if name in found:
            raise _refused(f"The parameter {name} stands twice.")
        if "\x00" in value:
            raise _refused(f"{name} has a character that no text can have.")
        found[name] = value
    return found


def read_asked(given: Mapping[str, str], seen: Seen, zone: ZoneInfo) -> Asked:
    """Read the parameters of a request for a layer's features. Raises Refused naming the one that is wrong."""
    reference = reference_of(given.get("crs"), "crs")
    columns = {key: one for key, one in seen.columns.items() if one.filterable}
    return Asked(
        limit=_limit(given.get("limit")),
        cursor=_cursor(given.get("cursor")),
        box=_box(given.get("bbox"), reference_of(given.get("bbox-crs"), "bbox-crs")),
        span=_span(given.get("datetime"), zone),
        tree=filters.parse(given["filter"], given.get("filter-lang", "cql2-text")) if "filter" in given else None,
        filter_reference=reference_of(given.get("filter-crs"), "filter-crs"),
        equal={key: value for key, value in given.items() if key in columns and key not in KNOWN},
        sort=_sort(given.get("sortby"), columns),
        properties=_properties(given.get("properties"), seen),
        reference=reference,
        geometry=_flag(given.get("skipGeometry")) is not True,
    )


def encode_cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _cursor(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError) as wrong:
        raise _refused("The cursor cannot be read. Follow the link `next` as it is.") from wrong
    whole = isinstance(read, list) and read and isinstance(read[0], int) and not isinstance(read[0], bool)
    if not whole or not -(2**63) <= read[0] < 2**63:
        raise _refused("The cursor cannot be read. Follow the link `next` as it is.")
    return list(read)


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdigit()) or not int(text[:18]) >= 1:
        raise _refused(f"limit is {text[:20]!r}, expected 1 to {MOST}.")
    return min(int(text[:18]), MOST)


def _box(text: str | None, reference: Reference) -> Box | None:
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as wrong:
        raise _refused(f"bbox is {text[:80]!r}, expected four numbers with commas between.") from wrong
    if len(numbers) == 6:
        del numbers[5], numbers[2]
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise _refused(f"bbox is {text[:80]!r}, expected four (or six) numbers with commas between.")
    return checked_box(reference.read_box(numbers))


def _span(text: str | None, zone: ZoneInfo) -> Span | None:
    if text is None:
        return None
    first, slash, last = text.partition("/")
    since = _moment(first, zone, end=False)
    until = _moment(last if slash else first, zone, end=True)
    if not slash and since is None:
        raise _refused("datetime is empty, expected a time, or an interval with / between.")
    if since and until and since > until:
        raise _refused("datetime begins after its end.")
    return since, until


def _moment(text: str, zone: ZoneInfo, *, end: bool) -> dt.datetime | None:
    if text in ("", ".."):
        return None
    try:
        if len(text) == 10:
            day = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), zone)
            return day + dt.timedelta(days=1, microseconds=-1) if end else day
        read = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as wrong:
        raise _refused(f"datetime has {text[:40]!r}, expected YYYY-MM-DDTHH:MM:SSZ or YYYY-MM-DD.") from wrong
    if read.tzinfo is None:
        raise _refused(f"datetime has {text[:40]!r} without an offset; write YYYY-MM-DDTHH:MM:SSZ.")
    return read


def _sort(text: str | None, columns: Mapping[str, Column]) -> list[tuple[Column, bool]]:
    found: list[tuple[Column, bool]] = []
    for part in (text or "").split(","):
        key = part.strip()
        falls = key.startswith("-")
        key = key.removeprefix("-").removeprefix("+")
        if not key:
            continue
        if key not in columns:
            raise _refused(f"sortby names {key[:60]!r}, which is no property to sort by.{nearest(key, columns)}")
        if any(column.key == key for column, _ in found):
            raise _refused(f"sortby names {key} twice.")
        found.append((columns[key], falls))
    return found


def _properties(text: str | None, seen: Seen) -> list[str] | None:
    if text is None:
        return None
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for key in wanted:
        if key not in seen.columns:
            raise _refused(f"properties names {key[:60]!r}, which is not there.{nearest(key, seen.columns)}")
    return list(dict.fromkeys(wanted))


def _flag(text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise _refused(f"skipGeometry is {text[:20]!r}, expected true or false.")
    return text.lower() == "true"


def _refused(sentence: str) -> Refused:
    return Refused(sentence, code="parameter", status=400)
