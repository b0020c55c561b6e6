# SPDX-License-Identifier: Apache-2.0
"""$batch as JSON: several requests in one, answered in their order, each as if it had come alone.

A request may speak of one before it: `$1` in an address or a body is what the request with the id 1 made. Requests of an
`atomicityGroup` are one transaction: all of them are done, or none.
Standard: OGC 18-088, 11; the JSON form of OData 4.01, 19.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import groupby
from typing import Any

import msgspec

from chengyun.errors import Malformed
from chengyun.protocols.door import Reply, Request
from chengyun.protocols.sensorthings.bodies import decode

__all__ = ["answer"]

Handle = Callable[[Request], Awaitable[Reply]]

MOST = 1_000
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


async def answer(handle: Handle, together: Callable[[], AbstractAsyncContextManager[None]], request: Request) -> Reply:
    """Answer a batch. Raises Malformed (400) for one whose shape is wrong; a request in it that fails fails alone, or with its
    group. together: what is asked inside is one transaction, which an exception takes back."""
    body = decode(request.body)
    parts = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        raise _wrong('The body of $batch is JSON: {"requests": [{"id": "1", "method": "get", "url": "Things"}]}.')
    if len(parts) > MOST:
        raise _wrong(f"$batch holds more than {MOST:,} requests. Send it in parts.")
    made: dict[str, str] = {}
    answers: list[dict[str, Any]] = []
    ended: set[str] = set()
    for group, held in groupby(parts, _group):
        if group in ended:
            raise _wrong(f"The requests of atomicityGroup {group[:40]!r} do not stand together. Put them one after the other.")
        if not group:
            answers += [await _one(handle, request, part, made) for part in held]
            continue
        ended.add(group)
        answers += await _all_or_none(handle, together, request, list(held), made)
    return Reply(body=msgspec.json.encode({"responses": answers}))


async def _all_or_none(
    handle: Handle, together: Callable[[], AbstractAsyncContextManager[None]], request: Request, parts: list[Any],
    made: dict[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Answer the requests of a group: all of them are done, or, when one fails, none is."""
    answers: list[dict[str, Any]] = []
    mine = dict(made)
    try:
        async with together():
            for part in parts:
                answers.append(await _one(handle, request, part, mine))
                if answers[-1]["status"] >= 400:
                    raise _TakenBack
    except _TakenBack:
        before = [_told(_name(part), 424, "It was taken back: another request of its group failed.") for part in parts]
        after = [_told(_name(part), 424, "A request before it in the same group failed.") for part in parts]
        return [*before[: len(answers) - 1], answers[-1], *after[len(answers) :]]
    made |= mine
    return answers


class _TakenBack(Exception):
    """A request of a group has failed."""


async def _one(handle: Handle, request: Request, part: Any, made: dict[str, str]) -> dict[str, Any]:
    if not isinstance(part, dict):
        return _told("", 400, "A request of $batch is an object with id, method and url.")
    name, method, url = str(part.get("id", "")), str(part.get("method", "")).upper(), part.get("url")
    if method not in METHODS or not isinstance(url, str):
        return _told(name, 400, f"A request of $batch has a method, one of {', '.join(METHODS)}, and a url.")
    url = _filled(url.removeprefix(request.root).lstrip("/"), made)
    path, _, query = url.partition("?")
    if path.endswith("$batch"):
        return _told(name, 400, "A batch holds no batch.")
    content = part.get("body")
    body = b"" if content is None else _filled_body(content, made)
    headers = {str(key).lower(): str(value) for key, value in (part.get("headers") or {}).items()} if isinstance(
        part.get("headers"), dict) else {}  # fmt: skip
    reply = await handle(
        replace(request, method=method, path="/" + path, raw_path="/" + path, query=query, body=body, headers=headers)
    )
    location = next((value for key, value in reply.headers if key == "location"), None)
    if location is not None:
        made[name] = location.removeprefix(request.root).lstrip("/")
    told: dict[str, Any] = {"id": name, "status": reply.status}
    if location is not None:
        told["location"] = location
    if reply.body:
        told["body"] = msgspec.Raw(reply.body) if "json" in reply.content_type else reply.body.decode()
    return told


def _group(part: Any) -> str:
    return str(part.get("atomicityGroup") or "") if isinstance(part, dict) else ""


def _name(part: Any) -> str:
    return str(part.get("id", "")) if isinstance(part, dict) else ""


def _filled(text: str, made: dict[str, str]) -> str:
    """Put the addresses of entities made before in the place of `$<id>`."""
    return re.sub(r"^\$([\w-]+)", lambda found: made.get(found.group(1), found.group(0)), text)


def _filled_body(content: Any, made: dict[str, str]) -> bytes:
    def numbers(it: Any) -> Any:
        if isinstance(it, dict):
            return {
                key: _id(made[value[1:]]) if key == "@iot.id" and isinstance(value, str) and value[1:] in made
                and value.startswith("$") else numbers(value)
                for key, value in it.items()
            }  # fmt: skip
        return [numbers(one) for one in it] if isinstance(it, list) else it

    return msgspec.json.encode(numbers(content))


def _id(address: str) -> int:
    return int(address.rpartition("(")[2].rstrip(")"))


def _told(name: str, status: int, sentence: str) -> dict[str, Any]:
    return {"id": name, "status": status, "body": {"code": status, "type": "error", "message": sentence}}


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="body", status=400)
