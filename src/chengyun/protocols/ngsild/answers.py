# SPDX-License-Identifier: Apache-2.0
"""Answers: entities and other resources with their @context where the asker wants it, pages with their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from chengyun.protocols.door import Reply
from chengyun.protocols.ngsild.asking import Ask
from chengyun.protocols.ngsild.contexts import Library
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import GEO_JSON, JSON_LD

__all__ = ["NOTHING", "PATH", "created", "link_header", "page", "paging_links", "resource", "with_context"]

PATH = "/ngsi-ld/v1"
NOTHING = Reply(204)


def created(kind: str, name: str, ask: Ask | None = None) -> Reply:
    """Answer that something was made, and where it is."""
    headers = [("Location", f"{PATH}/{kind}/{name}")]
    if ask is not None and ask.tenant:
        headers.append(("NGSILD-Tenant", ask.tenant))
    return Reply(201, headers=tuple(headers))


def link_header(address: str) -> str:
    """Return the Link header that names a @context."""
    return f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def with_context(shown: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """Return a JSON object with its @context inside."""
    return {**shown, "@context": terms.given}


async def resource(ask: Ask, library: Library, shown: Any, *, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Answer with an object or a list, @context inside for JSON-LD and GeoJSON, beside it for JSON."""
    sent = list(headers)
    if ask.tenant:
        sent.append(("NGSILD-Tenant", ask.tenant))
    if ask.accept == JSON_LD:
        if isinstance(shown, list):
            shown = [with_context(one, ask.terms) if isinstance(one, dict) else one for one in shown]
        else:
            shown = with_context(shown, ask.terms)
    elif ask.accept == GEO_JSON and ask.request.headers.get("prefer", "") != "body=json":
        shown = with_context(shown, ask.terms)
    else:
        sent.append(("Link", link_header(await library.link_of(ask.terms, ask.request.root))))
    return Reply(200, msgspec.json.encode(shown), ask.accept, tuple(_joined(sent)))


async def page(ask: Ask, library: Library, shown: Any, total: int | None, links: Sequence[str] = ()) -> Reply:
    """Answer with a list that is one page of more."""
    headers = [("Link", link) for link in links]
    if total is not None:
        headers.append(("NGSILD-Results-Count", str(total)))
    return await resource(ask, library, shown, headers=headers)


def paging_links(ask: Ask, limit: int, offset: int, more: bool) -> list[str]:
    """Return the links to the page before and the page after."""
    kept = [(name, value) for name, value in parse_qsl(ask.request.query) if name not in ("limit", "offset")]

    def link(at: int, rel: str) -> str:
        query = urlencode([*kept, ("limit", str(limit)), ("offset", str(at))])
        return f'<{PATH}{ask.request.raw_path.rstrip("/")}?{query}>;rel="{rel}";type="application/ld+json"'

    links = []
    if offset > 0 and limit > 0:
        links.append(link(max(0, offset - limit), "prev"))
    if more and limit > 0:
        links.append(link(offset + limit, "next"))
    return links


def _joined(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with all Link values in one line, as some clients read no second one."""
    links = [value for name, value in headers if name == "Link"]
    return [(name, value) for name, value in headers if name != "Link"] + ([("Link", ", ".join(links))] if links else [])
