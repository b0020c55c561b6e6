# SPDX-License-Identifier: Apache-2.0
"""What a request says beside its resource: media types, @context, parameters (clause 6.3)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from chengyun.protocols.door import Request
from chengyun.protocols.ngsild.contexts import Library
from chengyun.protocols.ngsild.problems import bad, invalid
from chengyun.protocols.ngsild.terms import CORE, Terms
from chengyun.protocols.ngsild.vocabulary import JSON, JSON_LD, MERGE_PATCH

__all__ = ["Ask", "Parameters", "accepted", "context_of", "link_context", "read_ask", "read_body", "tenant_of"]

LONGEST_PARAMETERS = 64 * 1024
_LINK = re.compile(r"<([^<>]*)>\s*;([^,]*)")
_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_COMMON = {"options", "format", "local", "via", "tenant", "doNotCompact"}


class Parameters:
    """The query parameters of a request, each known to the operation. Raises InvalidRequest for one that is not."""

    def __init__(self, query: str, known: Collection[str]) -> None:
        if len(query) > LONGEST_PARAMETERS:
            raise invalid("The address is longer than 64 kB. Use POST /entityOperations/query.", status=414)
        try:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100, errors="strict")
        except (ValueError, UnicodeDecodeError):
            raise invalid("The parameters are not valid UTF-8, or more than 100.") from None
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name not in known and name not in _COMMON:
                raise invalid(f"{name[:60]!r} is no parameter of this operation. Known: {', '.join(sorted(known))}.")
            self._values[name] = f"{self._values[name]},{value}" if name in self._values and name != "q" else value
            if "\x00" in value:
                raise bad(f"{name} holds a NUL.")

        if "count" in known and "count" in self.many("options"):  # as NGSIv2 had it; clients still ask so
            self._values["options"] = ",".join(one for one in self.many("options") if one != "count")
            self._values["count"] = "true"

    def text(self, name: str) -> str:
        """Return a parameter, "" when it is not given."""
        return self._values.get(name, "")

    def given(self, name: str) -> bool:
        return name in self._values

    def many(self, name: str) -> list[str]:
        """Return a parameter's parts, comma between."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false."""
        value = self.text(name)
        if value not in ("", "true", "false"):
            raise bad(f"{name} is {value[:40]!r}, expected true or false.")
        return value == "true"

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not re.fullmatch(r"-?\d{1,9}", value) or not low <= int(value) <= high:
            raise bad(f"{name} is {value[:40]!r}, expected a number from {low} to {high}.")
        return int(value)

    def options(self, known: Collection[str]) -> set[str]:
        """Return `options`, each known. Raises InvalidRequest."""
        found = set(self.many("options"))
        if unknown := sorted(found - set(known)):
            raise invalid(f"options: {unknown[0][:40]!r} is not offered here. Known: {', '.join(sorted(known))}.")
        return found


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, read: what it is about, in which words, and how the answer is wanted. given: by a Link header or the body."""

    request: Request
    terms: Terms
    accept: str
    body: Any = None
    tenant: str = ""


def tenant_of(headers: Mapping[str, str]) -> str:
    """Return the tenant a request is for; "" is the city's own."""
    name = headers.get("ngsild-tenant", "")
    if name and not _TENANT.fullmatch(name):
        raise bad("NGSILD-Tenant takes up to 64 letters, digits, dots, dashes and underscores.")
    return name


def accepted(headers: Mapping[str, str], offered: Collection[str]) -> str:
    """Return the media type to answer with; JSON when nothing is asked for. Raises InvalidRequest (406)."""
    header = headers.get("accept", "")
    if not header:
        return JSON
    ranked: list[tuple[float, int, str]] = []
    for at, part in enumerate(header.split(",")[:50]):
        name, *params = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in params if piece.startswith("q=")), "1")
        try:
            ranked.append((-float(quality), at, name.lower()))
        except ValueError:
            continue
    for weight, _, name in sorted(ranked):
        if not weight:
            continue
        if name in ("*/*", "application/*"):
            return JSON
        if name in offered:
            return name
    raise invalid(f"Accept is {header[:80]!r}; offered are {', '.join(sorted(offered))}.", status=406)


def link_context(headers: Mapping[str, str]) -> str:
    """Return the address of the @context a Link header names, or ""."""
    header = headers.get("link", "")
    found = [
        target
        for target, params in _LINK.findall(header)
        if "http://www.w3.org/ns/json-ld#context" in params.replace(" ", "").replace('rel="', "rel=")
    ]
    if len(found) > 1:
        raise bad("The Link header names more than one @context.")
    return found[0].strip() if found else ""


def read_body(request: Request, *, patch: bool = False) -> tuple[Any, bool]:
    """Return the body and whether it is JSON-LD. Raises InvalidRequest for what is no JSON, 415 for another type."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    known = (JSON, JSON_LD, MERGE_PATCH) if patch else (JSON, JSON_LD)
    if kind not in known:
        raise invalid(f"Content-Type is {kind[:60]!r}, expected {' or '.join(known)}.", status=415)
    try:
        return msgspec.json.decode(request.body), kind == JSON_LD
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise invalid(f"The body is no JSON: {str(wrong)[:120]}.") from None


async def read_ask(
    request: Request, library: Library, *, offered: Collection[str] = (JSON, JSON_LD), body: bool = False, patch: bool = False
) -> Ask:
    """Return a request, read. Raises BadRequestData where media type and @context do not go together (clause 6.3.5)."""
    accept = accepted(request.headers, offered)
    tenant = tenant_of(request.headers)
    linked = link_context(request.headers)
    if not body:
        return Ask(request, await library.terms(linked) if linked else CORE, accept, None, tenant)
    document, is_ld = read_body(request, patch=patch)
    given = context_of(document, linked, is_ld)
    terms = await library.terms(given) if given is not None else CORE
    return Ask(request, terms, accept, document, tenant)


def context_of(document: Any, linked: str, is_ld: bool) -> Any:
    """Return what stands for the @context of a document; None: the core alone."""
    inside = document.get("@context") if isinstance(document, dict) else None
    if is_ld:
        if linked:
            raise bad("A JSON-LD body brings its @context inside; a Link header cannot name another.")
        if isinstance(document, dict) and inside is None:
            raise bad("A JSON-LD body needs a @context.")
        return inside
    if isinstance(document, dict) and "@context" in document:
        raise bad("A JSON body has no @context inside. Send application/ld+json, or name it in a Link header.")
    return linked or None
