# SPDX-License-Identifier: Apache-2.0
"""Devices over HTTP, for those without MQTT; each shows its own secret: `Authorization: Bearer <secret>`.

GET  /things/commands?wait=30    its open commands, at once or as soon as there is one; asked again, the same until it answers
POST /things/commands            {"id": 7, "state": "acknowledged" | "done" | "failed", "answer": …}
POST /things/state               {"battery": 87, "firmware": "1.4.2", …}: what a device says of itself
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from typing import Any

from chengyun.collect.house import House
from chengyun.collect.things import known
from chengyun.collect.wire import Receive, Send, answer, query_of, read
from chengyun.errors import Malformed, NotFound, Refused

__all__ = ["things"]

LONGEST_WAIT_S = 60.0
LOOK_EVERY_S = 1.0
LARGEST = 64 * 1024

_DEVICE = """
SELECT d.id, d.key FROM things_credential c JOIN things_device d ON d.id = c.device_id
WHERE c.digest = %s AND c.digest <> '' AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
  AND d.state = 'active'
"""


async def things(house: House, path: str, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer a device. Raises Refused for an unknown secret, NotFound for another address."""
    device, key = await _device(house, dict(scope["headers"]).get(b"authorization", b""))
    match path, scope["method"]:
        case "commands", "GET":
            orders = await _orders(house, device, _wait(query_of(scope)))
            body = b"[" + b",".join(order.payload() for order in orders) + b"]"
            await answer(send, 200, body)
        case "commands", "POST":
            said = await _body(scope, receive)
            async with house.pool.connection() as conn:
                counted = await known.answer_command(conn, key, said)
            if not counted:
                raise Refused(
                    "No open command of this device has this id, or state is not acknowledged, done or failed. "
                    'Send {"id": 7, "state": "done"}.',
                    code="command",
                    status=409,
                )
            await answer(send, 200, b'{"ok":true}')
        case "state", "POST":
            report = known.read_report(await _body(scope, receive))
            if report is None:
                raise Malformed('The state is not a JSON object such as {"battery": 87}.', code="shape")
            async with house.pool.connection() as conn:
                await known.write_report(conn, key, report, dt.datetime.now(dt.UTC))
            await answer(send, 200, b'{"ok":true}')
        case _:
            raise NotFound("There is nothing here. For devices: /things/commands and /things/state.")


async def _device(house: House, header: bytes) -> tuple[int, str]:
    scheme, _, secret = header.decode("latin-1").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        digest = hashlib.sha256(secret.strip().encode()).hexdigest()
        async with house.pool.connection() as conn:
            row = await (await conn.execute(_DEVICE, [digest])).fetchone()
        if row is not None:
            return int(row[0]), str(row[1])
    raise Refused("The device's secret is missing, unknown, expired or revoked.", code="token", status=401)


def _wait(query: dict[str, str]) -> float:
    text = query.get("wait", "0")
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= LONGEST_WAIT_S):
        raise Refused(f"wait is {text[:20]!r}, expected seconds from 0 to {LONGEST_WAIT_S:.0f}.", code="wait", status=400)
    return float(text)


async def _orders(house: House, device: int, wait_s: float) -> list[known.Order]:
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        async with house.pool.connection() as conn:
            orders = await known.take_orders(conn, "http", device=device, again=True)
        left = end - loop.time()
        if orders or left <= 0:
            return orders
        await asyncio.sleep(min(LOOK_EVERY_S, left))


async def _body(scope: dict[str, Any], receive: Receive) -> bytes:
    body = await read(dict(scope["headers"]).get(b"content-length", b""), receive)
    if len(body) > LARGEST:
        raise Malformed(f"The body is larger than {LARGEST // 1024} kB.", code="body_too_large", status=413)
    return body
