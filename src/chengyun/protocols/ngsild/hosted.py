# SPDX-License-Identifier: Apache-2.0
"""@contexts as resources: /jsonldContexts (clause 5.13)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild.answers import NOTHING, created
from chengyun.protocols.ngsild.asking import Parameters, accepted, read_body
from chengyun.protocols.ngsild.contexts import Kept
from chengyun.protocols.ngsild.documents import stamp
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.problems import bad, invalid
from chengyun.protocols.ngsild.vocabulary import JSON, JSON_LD

__all__ = ["add", "delete", "list_all", "serve"]

KINDS = ("Hosted", "Cached", "ImplicitlyCreated")
LARGEST = 1024 * 1024


async def add(house: House, request: Request) -> Reply:
    """POST /jsonldContexts"""
    Parameters(request.query, ())
    request.visitor.require_write("ngsild")
    if len(request.body) > LARGEST:
        raise bad("A @context of more than 1 MB is not kept.")
    document, _ = read_body(request)
    if not isinstance(document, dict) or "@context" not in document:
        raise invalid("The body is a JSON object with @context.")
    async with house.writing(request.visitor) as conn:
        await house.audit(conn, request.visitor, "context", ["jsonldContexts"])
    kept = await house.library.host(document["@context"])
    return created("jsonldContexts", str(kept.id))


async def list_all(house: House, request: Request) -> Reply:
    """GET /jsonldContexts"""
    params = Parameters(request.query, {"details", "kind"})
    accepted(request.headers, (JSON, JSON_LD))
    kind = params.text("kind")
    details = params.flag("details")
    if kind not in ("", *KINDS):
        raise bad(f"kind is {kind[:40]!r}, expected one of {', '.join(KINDS)}.")
    found = await house.library.kept(kind or None)
    shown = [_details(one, request) if details else _address(one, request) for one in found]
    return Reply(200, msgspec.json.encode(shown))


async def serve(house: House, request: Request, name: str) -> Reply:
    """GET /jsonldContexts/{id}"""
    params = Parameters(request.query, {"details"})
    accepted(request.headers, (JSON, JSON_LD))
    found = await house.library.find(unquote(name))
    await house.library.served(found)
    if params.flag("details"):
        return Reply(200, msgspec.json.encode({**_details(found, request), "body": {"@context": found.body}}))
    return Reply(
        200, msgspec.json.encode({"@context": found.body}), JSON_LD if "ld+json" in request.headers.get("accept", "") else JSON
    )


async def delete(house: House, request: Request, name: str) -> Reply:
    """DELETE /jsonldContexts/{id}"""
    params = Parameters(request.query, {"reload"})
    request.visitor.require_write("ngsild")
    reload = params.flag("reload")
    await house.library.delete(unquote(name), reload)
    async with house.writing(request.visitor) as conn:
        await house.audit(conn, request.visitor, "context_delete", [unquote(name)])
    return NOTHING


def _address(kept: Kept, request: Request) -> str:
    return kept.url if kept.kind == "Cached" else f"{request.root}/jsonldContexts/{kept.id}"


def _details(kept: Kept, request: Request) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "URL": _address(kept, request),
        "localId": str(kept.id),
        "kind": kept.kind,
        "createdAt": stamp(kept.created_at),
        "numberOfHits": kept.hits,
    }
    if kept.last_usage is not None:
        shown["lastUsage"] = stamp(kept.last_usage)
    return shown
