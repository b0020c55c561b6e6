# SPDX-License-Identifier: Apache-2.0
"""Open311 GeoReport v2, under /open311: addresses in, documents out; reading.py decides who sees what.

    /discovery.{json|xml}
    /v2/…         services · services/{code} · requests · requests/{id} · tokens/{token}        .json or .xml
    /test/v2/…    the same with requests of its own, marked as simulated: for trying an app

A key is a token of this city with the scope `report`: api_key=… in the form or the address, or `Authorization: Bearer`.
Filing is finished when it is answered, so a token is only given to whoever asks for one (`Prefer: respond-async`).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

from django.db import close_old_connections
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.config import config
from chengyun.errors import NotFound, Problem, Refused, Unavailable
from chengyun.protocols.door import Door, Given, Reply, Request
from chengyun.protocols.open311.formats import TYPES, Format, write

__all__ = ["Open311Door", "open_door"]

ADDRESS = re.compile(r"(?P<test>/test)?/v2/(?P<what>services|requests|tokens)(?:/(?P<one>[^/]+))?\.(?P<form>json|xml)")
DISCOVERY = re.compile(r"/discovery\.(?P<form>json|xml)")
CHANGED = "2026-11-22T00:00:00+08:00"
"""When what this server speaks changed last."""
LARGEST_PAGE = 500
T = TypeVar("T")


def open_door() -> Door:
    return Open311Door()


class Open311Door:
    """The way from an address to an answer."""

    prefix = "/open311"

    async def open(self, given: Given) -> None:
        """Nothing is needed before the first request."""

    async def close(self) -> None:
        """Nothing is held."""

    async def answer(self, request: Request) -> Reply:
        form: Format = "json" if request.path.endswith(".json") else "xml"
        english = request.headers.get("accept-language", "").lower().startswith("en")

        def work() -> Reply:
            with translation.override("en" if english else "zh-hans"):
                return _answer(request, form, english)

        try:
            return await asyncio.to_thread(_with_database, work)
        except Unavailable:
            raise
        except Problem as problem:
            return _told(problem, form)


def _answer(request: Request, form: Format, english: bool) -> Reply:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if DISCOVERY.fullmatch(request.path):
        _only(request, "GET")
        return _reply("discovery", _discovery(request.root), form)
    found = ADDRESS.fullmatch(request.path)
    if found is None:
        raise NotFound("There is nothing here. discovery.json names the endpoints; every address ends in .json or .xml.")
    test, one = found["test"] is not None, found["one"]
    if request.method == "POST" and found["what"] == "requests" and one is None:
        return _post(request, query, form, test=test, english=english)
    _only(request, "GET")
    _check_jurisdiction(query)
    match found["what"], one:
        case "services", None:
            from chengyun.protocols.open311.catalogue import services

            return _reply("services", [each.as_document() for each in services()], form)
        case "services", code:
            from chengyun.protocols.open311.catalogue import definition, service

            return _reply("service_definition", definition(service(cast("str", code))), form)
        case "requests", _:
            return _reply("service_requests", _requests(request, query, one, test=test), form)
        case "tokens", str(token):
            from chengyun.protocols.open311 import reading

            number = token.removeprefix("T-")
            reading.request(number, _caller(request, query), timezone.now(), test=test, whole=False)
            return _reply("service_requests", [{"service_request_id": number, "token": token}], form)
    raise Refused("A token was not provided: tokens/{token}.", code="token_missing")


def _requests(request: Request, query: dict[str, str], one: str | None, *, test: bool) -> list[dict[str, Any]]:
    from chengyun.protocols.open311 import reading

    caller = _caller(request, query)
    whole = query.get("extensions", "").lower() in ("true", "1", "v1")
    if one is not None:
        return [reading.request(one, caller, timezone.now(), test=test, whole=whole)]
    ids = _listed(query.get("service_request_id", ""))
    since, until = _moment(query, "start_date"), _moment(query, "end_date")
    if since and until and until < since:
        raise Refused("end_date is before start_date.", code="dates")
    if since and (until or timezone.now()) - since > reading.LONGEST:
        if query.get("end_date"):
            raise Refused("start_date and end_date span more than 90 days. Ask in parts.", code="dates")
        until = since + reading.LONGEST
    statuses = frozenset(_listed(query.get("status", ""))) or frozenset({"open", "closed"})
    if not statuses <= {"open", "closed"}:
        raise Refused(f"status is {query['status'][:60]!r}, expected open, closed or both.", code="status")
    asked = reading.Asked(
        ids=ids[:LARGEST_PAGE], codes=_listed(query.get("service_code", "")), statuses=statuses, since=since, until=until,
        updated_since=_moment(query, "updated_after"), page=_number(query, "page", 1, 10_000),
        size=_number(query, "page_size", LARGEST_PAGE if ids else 50, LARGEST_PAGE), test=test, whole=whole,
    )  # fmt: skip
    return reading.requests(asked, caller, timezone.now())


def _post(request: Request, query: dict[str, str], form: Format, *, test: bool, english: bool) -> Reply:
    from chengyun.protocols.open311 import filing

    posted = filing.read_form(request.body, request.headers.get("content-type", ""))
    given = {**query, **posted.fields}
    _check_jurisdiction(given)
    caller = _caller(request, given)
    if caller is None or not may(caller, "report.file"):
        raise Refused("api_key was not provided, or is not valid: a token with the scope `report` is needed.", code="api_key")
    key = request.headers.get("idempotency-key", "")
    told = filing.file(posted, caller, timezone.now(), test=test, key=key, english=english)
    if "respond-async" in request.headers.get("prefer", ""):
        token = f"T-{told.pop('service_request_id')}"
        told = {"token": token, **told}
    return _reply("service_requests", [told], form, status=201)


def _discovery(root: str) -> dict[str, Any]:
    endpoints = [
        {
            "specification": "http://wiki.open311.org/GeoReport_v2", "url": f"{root}{path}/v2", "changeset": CHANGED,
            "type": kind, "formats": ["text/xml", "application/json"],
        }
        for path, kind in (("", "production"), ("/test", "test"))
    ]  # fmt: skip
    return {
        "changeset": CHANGED, "contact": "城市运行中心 / the city's operations centre",
        "key_service": "向城市运行中心申请令牌（范围 report） / Ask the operations centre for a token with the scope `report`",
        "endpoints": endpoints,
    }  # fmt: skip


def _caller(request: Request, given: dict[str, str]) -> Actor | None:
    """Return whose key was shown. Raises Refused for a key that is none, also where none is needed."""
    from chengyun.cases.intake.reporters import reporter_of

    key = given.get("api_key", "")
    shown = f"Bearer {key}" if key else request.headers.get("authorization", "")
    if not shown:
        return None
    caller = reporter_of(shown)
    if caller is None:
        raise Refused("api_key is not valid: unknown, expired, revoked, or without the scope `report`.", code="api_key")
    return caller


def _check_jurisdiction(given: dict[str, str]) -> None:
    """This server speaks for one city, so a jurisdiction need not be named; a wrong one is not found."""
    named = given.get("jurisdiction_id", "")
    if named and named != config().city:
        raise NotFound(f"jurisdiction_id {named[:60]!r} was not found. This server speaks for {config().city} alone.")


def _only(request: Request, method: str) -> None:
    if request.method not in (method, "HEAD"):
        raise Refused(f"Only {method} is possible here.", code="method")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _moment(query: dict[str, str], name: str) -> dt.datetime | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    # A plus sign in an address that was not escaped has become a space.
    try:
        found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        found = None
    if found is None:
        raise Refused(f"{name} is {text[:60]!r}, expected W3C time such as 2026-11-22T08:00:00+08:00.", code="dates")
    return found if found.tzinfo else found.replace(tzinfo=config().zone)


def _number(query: dict[str, str], name: str, otherwise: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise Refused(f"{name} is {text[:40]!r}, expected a number from 1 to {most}.", code="paging")
    return int(text)


def _reply(root: str, document: Any, form: Format, status: int = 200) -> Reply:
    return Reply(status, write(root, document, form), TYPES[form])


def _told(problem: Problem, form: Format) -> Reply:
    """Return a Problem as GeoReport writes one: 403 for a key, 404 for what is not there, 400 for the rest of a request."""
    status = {"api_key": 403, "method": 405, "not_allowed": 403, "too_many": 429}.get(problem.code, 400)
    status = 404 if isinstance(problem, NotFound) else status
    return _reply("errors", [{"code": status, "description": problem.sentence}], form, status)


def _with_database(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
