# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 - statements are put together from our own constants and declared names; values are always bound.
"""Operations on subscriptions: /subscriptions (clauses 5.8.1 to 5.8.5)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from urllib.parse import unquote

from psycopg.types.json import Jsonb

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild.answers import NOTHING, created, page, paging_links, resource
from chengyun.protocols.ngsild.asking import Ask, Parameters, read_ask
from chengyun.protocols.ngsild.documents import read_instant, stamp
from chengyun.protocols.ngsild.entities import clock
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.parameters import FARTHEST, LARGEST_PAGE, USUAL_PAGE
from chengyun.protocols.ngsild.problems import absent, bad, exists, too_complex
from chengyun.protocols.ngsild.rendering import plain_instant
from chengyun.protocols.ngsild.subscribing import DEFAULT_TRIGGERS, changed, checked, compacted, kinds_of
from chengyun.protocols.ngsild.terms import CORE
from chengyun.protocols.ngsild.vocabulary import is_uri

__all__ = ["create", "delete", "query", "retrieve", "update"]

MOST = 20_000
"""Subscriptions of one tenant."""

_COLUMNS = """subscription_id, document, context, active, expires_at, created_at, modified_at, times_sent, times_failed,
    last_notification, last_success, last_failure, failures, owner"""
_INSERT = """
INSERT INTO ngsild_subscription
    (tenant, subscription_id, document, context, types, owner, active, expires_at, every_s, throttling_s, created_at, modified_at,
     due_at, times_sent, times_failed, failures)
VALUES (%(tenant)s, %(name)s, %(document)s, %(context)s, %(types)s, %(owner)s, %(active)s, %(expires)s, %(every)s, %(throttling)s,
    %(now)s, %(now)s, %(due)s, 0, 0, 0)
ON CONFLICT (tenant, subscription_id) DO NOTHING RETURNING id
"""
_UPDATE = """
UPDATE ngsild_subscription SET document = %(document)s, context = %(context)s, types = %(types)s, active = %(active)s,
    expires_at = %(expires)s, every_s = %(every)s, throttling_s = %(throttling)s, modified_at = %(now)s,
    due_at = %(due)s, not_before = NULL, failures = 0
WHERE tenant = %(tenant)s AND subscription_id = %(name)s
"""


async def create(house: House, request: Request) -> Reply:
    """POST /subscriptions"""
    Parameters(request.query, ())
    ask = await read_ask(request, house.library, body=True)
    now, _ = clock()
    document = checked(ask.body, ask.terms, house.reach, now)
    await _check_context(house, document)
    name = document.setdefault("id", f"urn:ngsi-ld:Subscription:{uuid.uuid4()}")
    if isinstance(ask.terms.given, list) and len(ask.terms.given) > 1 and "jsonldContext" not in document:
        await house.library.implicit(ask.terms.given)
    owner = {"areas": list((await house.scope_of(request.visitor.actor)).view().areas), "token": request.visitor.token}
    async with house.writing(request.visitor) as conn:
        number: Any = await (
            await conn.execute("SELECT count(*) FROM ngsild_subscription WHERE tenant = %s", [ask.tenant])
        ).fetchone()
        if number[0] >= MOST:
            raise too_complex(f"{MOST} subscriptions are kept here already.")
        row = await (await conn.execute(_INSERT, {**_values(ask, document, now), "name": name, "owner": Jsonb(owner)})).fetchone()
        if row is None:
            raise exists(f"The subscription {name} is here already.")
        await house.audit(conn, request.visitor, "subscribe", [name], ask.tenant)
    return created("subscriptions", name, ask)


async def retrieve(house: House, request: Request, name: str) -> Reply:
    """GET /subscriptions/{id}"""
    params = Parameters(request.query, ())
    system = "sysAttrs" in params.options({"sysAttrs"})
    subscription_id = _require_id(name)
    ask = await read_ask(request, house.library)
    request.visitor.require_write("ngsild")
    row = await _find(house, ask, subscription_id)
    return await resource(ask, house.library, await _shown(house, ask, row, system))


async def query(house: House, request: Request) -> Reply:
    """GET /subscriptions"""
    params = Parameters(request.query, {"limit", "offset", "count"})
    system = "sysAttrs" in params.options({"sysAttrs"})
    ask = await read_ask(request, house.library)
    request.visitor.require_write("ngsild")
    limit = params.number("limit", USUAL_PAGE, 0, LARGEST_PAGE)
    offset = params.number("offset", 0, 0, FARTHEST)
    if limit == 0 and not params.flag("count"):
        raise bad("limit=0 only goes with count=true.")
    text = f"SELECT {_COLUMNS} FROM ngsild_subscription WHERE tenant = %s ORDER BY id LIMIT %s OFFSET %s"
    async with house.reading() as conn:
        rows: Any = await (await conn.execute(text, [ask.tenant, limit + 1, offset])).fetchall()
        number: Any = await (
            await conn.execute("SELECT count(*) FROM ngsild_subscription WHERE tenant = %s", [ask.tenant])
        ).fetchone()
    shown = [await _shown(house, ask, row, system) for row in rows[:limit]]
    links = paging_links(ask, limit, offset, len(rows) > limit)
    return await page(ask, house.library, shown, number[0] if params.flag("count") else None, links)


async def update(house: House, request: Request, name: str) -> Reply:
    """PATCH /subscriptions/{id}"""
    Parameters(request.query, ())
    subscription_id = _require_id(name)
    ask = await read_ask(request, house.library, body=True, patch=True)
    request.visitor.require_write("ngsild")
    row = await _find(house, ask, subscription_id)
    now, _ = clock()
    old = await house.library.terms(row[2])
    # Members the fragment names are read in its own @context, the others stay in theirs.
    terms = ask.terms if ask.terms is not CORE else old
    merged = {**changed(row[1], ask.body, terms), "id": subscription_id}
    renewed = "expiresAt" in ask.body
    if ask.body.get("isActive") is True and not renewed and row[4] is not None and row[4] <= now:
        raise bad("The subscription has expired. Give a later expiresAt with isActive.")
    document = checked(merged, terms, house.reach, now if renewed else None)
    await _check_context(house, document)
    async with house.writing(request.visitor) as conn:
        await conn.execute(_UPDATE, {**_values(ask, document, now), "name": subscription_id, "context": Jsonb(terms.given)})
        await house.audit(conn, request.visitor, "subscription_update", [subscription_id], ask.tenant)
    return NOTHING


async def delete(house: House, request: Request, name: str) -> Reply:
    """DELETE /subscriptions/{id}"""
    Parameters(request.query, ())
    subscription_id = _require_id(name)
    ask = await read_ask(request, house.library)
    async with house.writing(request.visitor) as conn:
        await conn.execute(
            "DELETE FROM ngsild_notification WHERE subscription_id IN"
            " (SELECT id FROM ngsild_subscription WHERE tenant = %s AND subscription_id = %s)",
            [ask.tenant, subscription_id],
        )
        done = await conn.execute(
            "DELETE FROM ngsild_subscription WHERE tenant = %s AND subscription_id = %s", [ask.tenant, subscription_id]
        )
        if not done.rowcount:
            raise absent(f"There is no subscription {subscription_id}.")
        await house.audit(conn, request.visitor, "unsubscribe", [subscription_id], ask.tenant)
    return NOTHING


def _values(ask: Ask, document: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    every = document.get("timeInterval")
    return {
        "tenant": ask.tenant,
        "document": Jsonb(document),
        "context": Jsonb(ask.terms.given),
        "types": kinds_of(document),
        "active": document.get("isActive", True),
        "expires": read_instant(document["expiresAt"], "expiresAt") if document.get("expiresAt") else None,
        "every": every,
        "throttling": document.get("throttling", 0),
        "now": now,
        "due": now + dt.timedelta(seconds=every) if every else None,
    }


async def _find(house: House, ask: Ask, name: str) -> Any:
    text = f"SELECT {_COLUMNS} FROM ngsild_subscription WHERE tenant = %s AND subscription_id = %s"
    async with house.reading() as conn:
        row = await (await conn.execute(text, [ask.tenant, name])).fetchone()
    if row is None:
        raise absent(f"There is no subscription {name}.")
    return row


async def _shown(house: House, ask: Ask, row: Any, system: bool) -> dict[str, Any]:
    document, context, active, expires, made, changed_at = row[1:7]
    shown = compacted(document, ask.terms)
    shown.setdefault("notificationTrigger", list(DEFAULT_TRIGGERS))
    now = dt.datetime.now(dt.UTC)
    shown["status"] = "expired" if expires is not None and expires <= now else "active" if active else "paused"
    notification = shown["notification"]
    for name, value in (("timesSent", row[7]), ("timesFailed", row[8])):
        if value:
            notification[name] = value
    for name, instant in (("lastNotification", row[9]), ("lastSuccess", row[10]), ("lastFailure", row[11])):
        if instant is not None:
            notification[name] = plain_instant(stamp(instant))
    if row[7]:
        notification["status"] = "failed" if row[12] else "ok"
    if "jsonldContext" not in shown and isinstance(context, list) and len(context) > 1:
        shown["jsonldContext"] = await house.library.link_of(await house.library.terms(context), ask.request.root)
    if system:
        shown["createdAt"], shown["modifiedAt"] = plain_instant(stamp(made)), plain_instant(stamp(changed_at))
    return shown


async def _check_context(house: House, document: dict[str, Any]) -> None:
    if "jsonldContext" in document:
        await house.library.terms(document["jsonldContext"])


def _require_id(text: str) -> str:
    name = unquote(text)
    if not is_uri(name):
        raise bad(f"{name[:80]!r} is no subscription id; ids are URIs.")
    return name
