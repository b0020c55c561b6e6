# SPDX-License-Identifier: Apache-2.0
"""What a source is, as it is written down: where it is, how and when it is read, what its columns mean, what if they change.

One shape for the three who write it: a pack (`Source(...)`), a TOML file (`chengyun source add`), the form on the page.
Credentials are no part of it; see credentials.py.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec
from croniter import croniter

from chengyun.city import City
from chengyun.city.declare import is_key
from chengyun.errors import Refused, nearest

__all__ = [
    "Cell", "DatabaseRead", "FilesRead", "HttpRead", "Kind", "Paging", "RegisterMap", "Spec", "StreamMap", "floor", "read_spec",
    "read_toml",     "seconds",
]  # fmt: skip

Kind = Literal["database", "http", "files"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "database": ("postgresql", "mysql", "mariadb", "mssql", "oracle"),
    "http": ("https", "http"),
    "files": ("file", "sftp", "s3"),
}
OVERLAP_NUMBERS = 2_000
SHORTEST_S = 10.0
"""Between two runs by interval; a source that speaks more often should send instead."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a value comes from.

    factor: what a number is multiplied by to be in the declared unit. codes: word of the source → our code.
    format: how a time is written, if not ISO 8601: "s" or "ms" since 1970, or as for strptime.
    """

    column: Text
    factor: float | None = None
    codes: dict[str, str] = {}
    format: str | None = None


class StreamMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """columns: column of the stream → column of the source."""

    to: Text
    columns: dict[str, Text | Cell]


class RegisterMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """key: the source's column that holds the entity's key. columns: field of the register → column of the source."""

    to: Text
    key: Text | Cell
    columns: dict[str, Text | Cell] = {}


class DatabaseRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="database", tag_field="kind"):
    """table (with db_schema), or query: one SELECT.

    watermark: the column that grows with every change; None: everything is read and compared each time.
    overlap: how far behind the highest watermark reading begins again, for rows committed late.
    """

    table: str | None = None
    db_schema: str | None = None
    query: str | None = None
    watermark: str | None = None
    overlap: str = "10m"


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a service hands out its rows in parts.

    by: "page" (counted from `first`), "offset", "cursor" (its value stands at `next` in the body), "link" (the Link header, or an
        address at `next` in the body).
    parameter: of the query string; size_parameter and size: how many rows are asked for.
    """

    by: Literal["page", "offset", "cursor", "link"]
    parameter: str | None = None
    first: int = 1
    size_parameter: str | None = None
    size: int | None = None
    next: str | None = None


class HttpRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="http", tag_field="kind"):
    """rows: path to the list of rows in a JSON body, e.g. "data.items"; "": the body itself.

    format: what the body is: json, or the name of a reader of files (csv, xlsx, geojson …), with its `options`.
    since: query parameter that asks for what is new; since_format: as in Cell, default ISO 8601; watermark: column of its values.
    auth: how the credentials are shown. bearer and key use `secret`; key_name: header, or query parameter with auth = "query".
    hosts: further hosts that links and redirects may lead to. per_second: most requests.
    """

    rows: str = ""
    format: str = "json"
    options: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    headers: dict[str, str] = {}
    paging: Paging | None = None
    watermark: str | None = None
    since: str | None = None
    since_format: str | None = None
    overlap: str = "10m"
    auth: Literal["none", "basic", "bearer", "header", "query"] = "none"
    key_name: str | None = None
    hosts: tuple[str, ...] = ()
    per_second: float = 5.0
    largest_mb: float = 64.0


class FilesRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="files", tag_field="kind"):
    """pattern: which files, e.g. "2026/*.csv"; ** crosses folders. members: which members of a zip archive; "": it is one file.

    table: name of the table or sheet that is read; "": every one. options: of the reader of files.
    settled: how long a file must have been left alone before it is whole. marker: only files beside which
        `<name><marker>` stands. endpoint: of an S3 store that is not Amazon's, e.g. https://store.city:9000.
    """

    pattern: str = "*"
    members: str = ""
    table: str = ""
    options: dict[str, Any] = {}
    settled: str = "10s"
    marker: str = ""
    endpoint: str = ""
    largest_mb: float = 2048.0


Read = DatabaseRead | HttpRead | FilesRead


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One source.

    every, or cron (in the city's time): when it is read. late_after: without success or newer rows for this long is an alarm.
    identity: columns that tell one row from another; empty: those mapped to the entity and the time, or to the register's key.
    deletions: whether a row that is gone from the source ends its entity (register) or is shown (stream).
    drift: what happens when a column that is used changed: "stop" before any row of it, or "go_on" as far as it can.
    time_zone: of times without an offset; "": the city's.
    """

    key: str
    name: Text
    address: Text
    read: Read
    stream: StreamMap | None = None
    register: RegisterMap | None = None
    every: str | None = None
    cron: str | None = None
    late_after: str | None = None
    identity: tuple[str, ...] = ()
    deletions: bool = False
    drift: Literal["stop", "go_on"] = "stop"
    time_zone: str = ""

    @property
    def kind(self) -> Kind:
        return {DatabaseRead: "database", HttpRead: "http", FilesRead: "files"}[type(self.read)]  # type: ignore[return-value]

    @property
    def cells(self) -> dict[str, Cell]:
        """Every column that is used: what it is for (`stream.pm25`, `register.key`) → where it comes from."""
        found: dict[str, str | Cell] = {}
        if self.register:
            found |= {"register.key": self.register.key, **{f"register.{k}": v for k, v in self.register.columns.items()}}
        if self.stream:
            found |= {f"stream.{k}": v for k, v in self.stream.columns.items()}
        return {name: it if isinstance(it, Cell) else Cell(it) for name, it in found.items()}

    @property
    def incremental(self) -> bool:
        """Whether a reading begins where the last one ended, and not with everything there is."""
        match self.read:
            case DatabaseRead():
                return self.read.watermark is not None
            case HttpRead():
                return self.read.since is not None
            case FilesRead():
                return True

    def identity_columns(self, city: City) -> tuple[str, ...]:
        """Return the source's columns that tell its rows apart."""
        if self.identity:
            return self.identity
        cells = self.cells
        if self.stream is None:
            return (cells["register.key"].column,)
        declared = city.streams[self.stream.to]
        return tuple(cells[f"stream.{name}"].column for name in (declared.entity.key, declared.time))

    def essential_columns(self, city: City) -> frozenset[str]:
        """Return the source's columns without which a row means nothing: those of the entity and the time."""
        cells = self.cells
        found = [cells["register.key"].column] if self.register else []
        if self.stream:
            declared = city.streams[self.stream.to]
            found += [cells[f"stream.{name}"].column for name in (declared.entity.key, declared.time)]
        return frozenset(found)

    def next_after(self, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
        """Return when the source is due after now."""
        if self.cron:
            found: dt.datetime = croniter(self.cron, now.astimezone(zone)).get_next(dt.datetime)
            return found.astimezone(dt.UTC)
        return now + dt.timedelta(seconds=seconds(self.every or "1h"))


def seconds(text: str) -> float:
    """Return the length of "90s", "15m", "2h" or "1d". Raises Refused."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise Refused(f"{text!r} is not a length of time. Write a number and s, m, h or d, e.g. 15m.", code="duration")
    return float(found[1]) * _UNITS[found[2]]


def floor(spec: Spec, mark: int, timed: bool) -> int:
    """Return the lowest watermark that is read again after `mark` was reached.

    timed: whether it is µs since 1970. A number has no length of time; what was numbered late is among the last thousands.
    """
    assert not isinstance(spec.read, FilesRead)
    return mark - round(seconds(spec.read.overlap) * 1_000_000) if timed else mark - OVERLAP_NUMBERS


def read_toml(text: str, city: City) -> Spec:
    """Read a source from TOML. Raises Refused with every fault."""
    try:
        return read_spec(tomllib.loads(text), city)
    except tomllib.TOMLDecodeError as wrong:
        raise Refused(f"The file is not TOML: {wrong}.", code="source_invalid") from wrong


def read_spec(given: Mapping[str, Any], city: City) -> Spec:
    """Return a source from plain values, checked whole. Raises Refused with every fault."""
    try:
        spec = msgspec.convert(given, Spec)
    except msgspec.ValidationError as wrong:
        raise Refused(f"The source is not well formed: {wrong}.", code="source_invalid") from wrong
    faults = list(_faults(spec, city))
    if faults:
        raise Refused(" ".join(faults), code="source_invalid", faults=faults)
    return spec


def _faults(spec: Spec, city: City) -> Iterator[str]:
    if not is_key(spec.key):
        yield f"key {spec.key!r} is not lower_snake."
    if spec.time_zone and spec.time_zone not in available_timezones():
        yield f"time_zone {spec.time_zone!r} is no time zone.{nearest(spec.time_zone, available_timezones())}"
    yield from _address_faults(spec)
    yield from _time_faults(spec)
    if spec.stream is None and spec.register is None:
        yield "It leads nowhere: add [stream], [register], or both."
    if spec.stream is not None:
        yield from _stream_faults(spec.stream, city)
    if spec.register is not None:
        yield from _register_faults(spec, spec.register, city)
    match spec.read:
        case DatabaseRead() as read if bool(read.table) == bool(read.query):
            yield "read: give either table or query."
        case HttpRead() as read:
            yield from _http_faults(read)
    match spec.read:
        case HttpRead(since=str()) if spec.deletions:
            yield "deletions: who asks only for what is new cannot see what is gone; leave out read.since."
        case FilesRead() if spec.deletions:
            yield "deletions: a file says what it holds, not what is gone; only databases and services that tell everything do."


def _address_faults(spec: Spec) -> Iterator[str]:
    try:
        parts = urlsplit(spec.address)
        scheme = parts.scheme.partition("+")[0]
        password, host = parts.password, parts.hostname
    except ValueError as wrong:
        yield f"address {spec.address!r} cannot be read: {wrong}."
        return
    known = SCHEMES[spec.kind]
    if scheme not in known:
        yield f"address begins with {scheme!r}, expected {', '.join(known)}.{nearest(scheme, known)}"
    elif scheme != "file" and not host:
        yield f"address {spec.address!r} names no host."
    if password or parts.username:
        yield "address holds a user or password; they are given apart, where they are kept encrypted."


def _time_faults(spec: Spec) -> Iterator[str]:
    for name in ("every", "late_after"):
        text = getattr(spec, name)
        if text is not None and not _DURATION.fullmatch(text):
            yield f"{name} {text!r} is not a length of time, e.g. 15m."
    for name in ("overlap", "settled"):
        text = getattr(spec.read, name, None)
        if text is not None and not _DURATION.fullmatch(text):
            yield f"read.{name} {text!r} is not a length of time, e.g. 15m."
    if spec.every and spec.cron:
        yield "every and cron are both given; one says when."
    if spec.every and _DURATION.fullmatch(spec.every) and seconds(spec.every) < SHORTEST_S:
        yield f"every is {spec.every}, at least {SHORTEST_S:g}s."
    if spec.cron and not croniter.is_valid(spec.cron):
        yield f"cron {spec.cron!r} is not a schedule, e.g. */10 * * * *."


def _stream_faults(mapped: StreamMap, city: City) -> Iterator[str]:
    stream = city.streams.get(mapped.to)
    if stream is None:
        yield f"stream.to {mapped.to!r} does not exist.{nearest(mapped.to, city.streams)}"
        return
    for name in mapped.columns:
        if name not in stream.columns:
            yield f"stream.columns: {mapped.to} has no column {name!r}.{nearest(name, stream.columns)}"
    for name in (stream.entity.key, stream.time):
        if name not in mapped.columns:
            yield f"stream.columns: {name!r} is missing; every observation needs it."


def _register_faults(spec: Spec, mapped: RegisterMap, city: City) -> Iterator[str]:
    from chengyun.collect.registering import model_of  # Django models, which exist only once Django is set up

    if mapped.to not in city.entities:
        yield f"register.to {mapped.to!r} does not exist.{nearest(mapped.to, city.entities)}"
        return
    fields = {field.name for field in model_of(city, mapped.to)._meta.concrete_fields} - {"id", "key", "simulated"}
    for name in mapped.columns:
        if name not in fields:
            known = ", ".join(sorted(fields))
            yield f"register.columns: {mapped.to} has no field {name!r}.{nearest(name, fields)} Fields: {known}."
    if spec.deletions and spec.identity and spec.identity != (spec.cells["register.key"].column,):
        yield "identity: with deletions on a register it is the register's key alone."


def _http_faults(read: HttpRead) -> Iterator[str]:
    if bool(read.since) and not read.watermark:
        yield "read.since needs read.watermark, the column with the values that are asked for."
    if read.auth in ("header", "query") and not read.key_name:
        yield f"read.auth {read.auth!r} needs read.key_name."
    if read.per_second <= 0 or read.largest_mb <= 0:
        yield "read.per_second and read.largest_mb are above zero."
    if any(name.lower() in ("authorization", "cookie", "proxy-authorization") for name in read.headers):
        yield "read.headers: credentials are given apart, where they are kept encrypted."
    if read.paging is not None:
        if read.paging.by in ("page", "offset", "cursor") and not read.paging.parameter:
            yield f"read.paging: by {read.paging.by!r} needs parameter."
        if read.paging.by == "cursor" and not read.paging.next:
            yield "read.paging: by 'cursor' needs next, the path of the cursor in the body."
        if read.paging.by == "offset" and not read.paging.size:
            yield "read.paging: by 'offset' needs size."
