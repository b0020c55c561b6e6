# SPDX-License-Identifier: Apache-2.0
"""The description of the data service, OpenAPI 3.1, made from the table of routes that serves it."""

from __future__ import annotations

from typing import Any

from chengyun import __version__
from chengyun.city import City, Quantity, Stream
from chengyun.web.api import schemas as is_
from chengyun.web.api.asked import Param
from chengyun.web.api.routes import ROUTES, Route

PREFIX = "/api/v1"
PROBLEMS = {
    "400": "A parameter is wrong; the message says which and what was expected.",
    "401": "The token is unknown, expired, revoked, or not for reading.",
    "404": "There is nothing here, or you may not see it: the two look the same.",
    "405": "Only GET is possible.",
    "503": "Something is away for a moment; ask again.",
}
INGEST_PROBLEMS = {
    "400": "The body cannot be read.",
    "401": "The token is missing or unknown.",
    "403": "The token is not for this stream.",
    "404": "There is no such stream.",
    "405": "Only POST is possible.",
    "409": "The key was used for another body.",
    "413": "The body is too large.",
    "415": "The encoding is not known.",
    "422": "The body is not one of the shapes.",
    "503": "Too busy; try again after Retry-After.",
}


def description(city: City, stream_url: str) -> dict[str, Any]:
    """Return the whole description. stream_url: where observations are sent to."""
    paths = {f"{PREFIX}{route.path}": {"get": _operation(route)} for route in ROUTES}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "城运 · 数据服务 (chengyun data service)",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": (
                "Reads what the pages show, as far as your account or key may see it. Lists come in pages: hand `next` back as "
                "`cursor` until it is null. Unknown is null, never zero. Instants are ISO 8601 with an offset."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}, {"session": []}],
        "paths": {**paths, **_stream_paths(city, stream_url)},
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key with the scope `read`, from your account page.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            },
            "schemas": {"Problem": is_.PROBLEM},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {"200": {"description": "The answer.", "content": {"application/json": {"schema": route.schema}}}}
    if route.cached:
        answers["304"] = {"description": "Unchanged since the ETag you have."}
    return {
        "operationId": route.name,
        "summary": route.says,
        "tags": [route.path.split("/")[1]],
        "parameters": [_parameter(one) for one in route.params],
        "responses": {**answers, **_problems(PROBLEMS)},
    }


def _parameter(one: Param) -> dict[str, Any]:
    found = {"name": one.name, "in": one.place, "description": one.says, "required": one.required, "schema": one.schema()}
    return found if one.example is None else {**found, "example": one.example}


def _problems(named: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": says, "content": content} for status, says in named.items()}


def _stream_paths(city: City, stream_url: str) -> dict[str, Any]:
    """Return the ways in and out of the stream process, with an example of the first stream."""
    servers = [{"url": stream_url, "description": "The stream process."}]
    name, stream = next(iter(city.streams.items()), ("", None))
    streams = {"name": "stream", "in": "path", "required": True, "schema": {"enum": list(city.streams)}, "example": name}
    accepted = is_.record(
        accepted=is_.INTEGER, dead=is_.listed(is_.record(index=is_.INTEGER, reason=is_.TEXT)), flags=is_.ANY_OBJECT
    )
    return {
        "/ingest/{stream}": {
            "servers": servers,
            "post": {
                "operationId": "ingest",
                "summary": "Send observations. 200 means stored for good; rows that could not be are listed with the reason.",
                "tags": ["stream"],
                "security": [{"key": []}],
                "parameters": [
                    streams,
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "required": False,
                        "schema": {"type": "string", "maxLength": 64},
                        "description": "The same key gets the same answer again, and nothing is stored twice.",
                    },
                ],
                "requestBody": {"required": True, "content": {"application/json": _bodies(stream) if stream else {}}},
                "responses": {
                    "200": {"description": "Stored.", "content": {"application/json": {"schema": accepted}}},
                    **_problems(INGEST_PROBLEMS),
                },
            },
        },
        "/latest/{stream}": {
            "servers": servers,
            "get": {
                "operationId": "stream-latest",
                "summary": "Newest rows as columns, for open pages; needs a ticket that a page was given.",
                "tags": ["stream"],
                "parameters": [
                    streams,
                    {"name": "ticket", "in": "query", "required": True, "schema": is_.TEXT},
                    {"name": "since", "in": "query", "schema": {"type": "integer", "minimum": 0}},
                ],
                "responses": {
                    "200": {"description": "Columns.", "content": {"application/json": {"schema": is_.ANY_OBJECT}}},
                    **_problems(
                        {status: INGEST_PROBLEMS[status] for status in ("400", "401", "403", "404", "405", "422", "503")}
                    ),
                },
            },
        },
        "/health": {
            "servers": servers,
            "get": {
                "operationId": "health",
                "summary": "Whether the stream process answers, and what waits in it.",
                "tags": ["stream"],
                "responses": {
                    "200": {
                        "description": "It does.",
                        "content": {"application/json": {"schema": is_.record(ok=is_.TRUTH, streams=is_.ANY_OBJECT)}},
                    },
                    **_problems({"503": INGEST_PROBLEMS["503"]}),
                },
            },
        },
    }


def _bodies(stream: Stream) -> dict[str, Any]:
    """Return the four shapes of a body, each with an example."""
    quantity: Quantity = stream.quantities[0]
    row = {stream.entity.key: "330203-01", stream.time: "2026-04-01T08:00:00+08:00", quantity.key: quantity.valid[0]}
    value: is_.Schema = {"type": ["string", "number", "null"]}
    one: is_.Schema = {"type": "object", "additionalProperties": value, "minProperties": 1}
    rows = is_.record(columns=is_.listed(is_.TEXT), rows=is_.listed(is_.listed(value)))
    arrays = is_.record(columns={"type": "object", "additionalProperties": is_.listed(value)})
    return {
        "schema": {"oneOf": [one, is_.listed(one), rows, arrays]},
        "examples": {
            "one": {"summary": "One observation", "value": row},
            "list": {"summary": "A list", "value": [row]},
            "rows": {"summary": "Rows under a head", "value": {"columns": list(row), "rows": [list(row.values())]}},
            "arrays": {
                "summary": "Columns, the quickest",
                "value": {"columns": {name: [cell] for name, cell in row.items()}},
            },
        },
    }  # fmt: skip
