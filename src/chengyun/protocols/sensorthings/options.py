# SPDX-License-Identifier: Apache-2.0
"""The system query options of a request: `$filter`, `$expand` and the others, nested as deep as they may be.

Standard: OGC 18-088, 9.3.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from chengyun.errors import Malformed, nearest
from chengyun.protocols.sensorthings.filters import Node, parse_expression, parse_filter

__all__ = ["Expand", "Options", "Order", "read_options", "write_token"]

MOST_TOP = 10_000
"""More rows than this come in pages, whatever `$top` says; the nextLink leads on."""
DEEPEST = 5
MOST_EXPANDS = 40
KNOWN = ("$filter", "$expand", "$select", "$orderby", "$top", "$skip", "$count", "$resultFormat", "$skiptoken")


@dataclass(frozen=True, slots=True)
class Order:
    node: Node
    down: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. None: not said.

    after: where the page before ended, from a nextLink: the values of the sort keys of its last row.
    raw: name → text as sent, for the nextLink.
    """

    filter: Node | None = None
    expand: tuple[Expand, ...] = ()
    select: tuple[str, ...] | None = None
    orderby: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    data_array: bool = False
    after: tuple[Any, ...] | None = None
    raw: Mapping[str, str] = field(default_factory=dict)

    def link(self, **changed: str | None) -> str:
        """Return the options as a query string, some changed (`skip="10"`) or left out (None)."""
        pairs = dict(self.raw)
        for name, value in changed.items():
            pairs.pop(f"${name}", None)
            if value is not None:
                pairs[f"${name}"] = value
        return "&".join(f"{quote(name, safe='$')}={quote(value, safe=SAFE)}" for name, value in pairs.items())


SAFE = "$()/:,'=;.-@*"


@dataclass(frozen=True, slots=True)
class Expand:
    """A relation to follow, and what of its entities."""

    link: str
    options: Options


def read_options(query: str) -> Options:
    """Return the options of a query string. Raises Malformed (400) for one that is unknown or cannot be read."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return _read(pairs, 0)


def write_token(keys: tuple[Any, ...]) -> str:
    """Return sort keys as the text a nextLink carries."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def _read(pairs: list[tuple[str, str]], depth: int) -> Options:
    raw: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith("$"):
            if name not in KNOWN:
                raise _wrong(f"There is no option {name[:40]!r}.{nearest(name, KNOWN)}")
            if name in raw:
                raise _wrong(f"{name} stands twice.")
            if "\x00" in value:
                raise _wrong(f"{name} holds a NUL character.")
            raw[name] = value
    made = Options(raw=raw)
    for name, value in raw.items():
        match name:
            case "$filter":
                made = replace(made, filter=parse_filter(value))
            case "$expand":
                made = replace(made, expand=_expands(value, depth + 1))
            case "$select":
                made = replace(made, select=tuple(part.strip() for part in value.split(",") if part.strip()))
            case "$orderby":
                made = replace(made, orderby=tuple(_order(part) for part in _split(value, ",")))
            case "$top":
                made = replace(made, top=min(_whole(name, value), MOST_TOP))
            case "$skip":
                made = replace(made, skip=_whole(name, value))
            case "$count":
                if value not in ("true", "false"):
                    raise _wrong(f"$count is {value[:40]!r}, expected true or false.")
                made = replace(made, count=value == "true")
            case "$resultFormat":
                if value.lower() not in ("dataarray", "default"):
                    raise _wrong(f"$resultFormat is {value[:40]!r}, expected dataArray.")
                made = replace(made, data_array=value.lower() == "dataarray")
            case "$skiptoken":
                made = replace(made, after=_token(value))
    return made


def _order(text: str) -> Order:
    words = text.strip().rsplit(None, 1)
    # In capitals, too: frost-sta-client writes DESC.
    if len(words) == 2 and words[1].lower() in ("asc", "desc"):
        return Order(parse_expression(words[0]), words[1].lower() == "desc")
    return Order(parse_expression(text))


def _expands(text: str, depth: int) -> tuple[Expand, ...]:
    if depth > DEEPEST:
        raise _wrong(f"$expand is nested deeper than {DEEPEST} levels. Follow a navigation link instead.")
    found: dict[str, list[tuple[str, str]]] = {}
    parts = list(_split(text, ","))
    if len(parts) > MOST_EXPANDS:
        raise _wrong(f"$expand names more than {MOST_EXPANDS} relations.")
    for part in parts:
        path, opened, rest = part.strip().partition("(")
        if opened and not rest.rstrip().endswith(")"):
            raise _wrong(f"$expand, {part.strip()[:60]!r}: the bracket is not closed.")
        options = []
        if opened:
            for option in _split(rest.rstrip()[:-1], ";"):
                name, equals, value = option.strip().partition("=")
                if not equals:
                    raise _wrong(f"$expand, {option.strip()[:60]!r}: expected an option, e.g. $top=1.")
                options.append((name.strip(), value))
        first, slash, further = path.strip().partition("/")
        if not first:
            raise _wrong("$expand has an empty part.")
        known = found.setdefault(first, [])
        if slash:
            # A/B(options) says what B is asked for; the same as A($expand=B(options)).
            inner = further + (f"({';'.join(f'{name}={value}' for name, value in options)})" if options else "")
            options = [("$expand", inner)]
        for name, value in options:
            before = next((pair for pair in known if pair[0] == name), None)
            if before is not None and name == "$expand":
                known.remove(before)
                known.append((name, f"{before[1]},{value}"))
            else:
                known.append((name, value))
    return tuple(Expand(link, _read(pairs, depth)) for link, pairs in found.items())


def _split(text: str, sign: str) -> Iterator[str]:
    """Split at a sign that stands outside brackets and quotes."""
    depth, quoted, start = 0, False, 0
    for at, found in enumerate(text):
        if found == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif found == "(":
            depth += 1
        elif found == ")":
            depth -= 1
        elif found == sign and depth == 0:
            yield text[start:at]
            start = at + 1
    if text[start:].strip():
        yield text[start:]


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,15}", value):
        raise _wrong(f"{name} is {value[:40]!r}, expected a whole number, zero or more.")
    return int(value)


def _token(value: str) -> tuple[Any, ...]:
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (ValueError, binascii.Error, msgspec.DecodeError) as wrong:
        raise _wrong("$skiptoken is not one of ours. Start again without it.") from wrong
    if not isinstance(read, list) or not all(it is None or isinstance(it, str | int | float | bool) for it in read):
        raise _wrong("$skiptoken is not one of ours. Start again without it.")
    return tuple(read)


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="query", status=400)
