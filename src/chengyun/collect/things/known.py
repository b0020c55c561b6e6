# SPDX-License-Identifier: Apache-2.0
"""What the stream process knows of devices, by SQL: patterns and bindings in, what devices say and answer out. No Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import AsyncConnection

__all__ = ["CHANNEL", "ChannelRow", "Order", "Report", "answer_command", "read_bindings", "read_channels", "read_report",
           "take_orders", "write_report"]  # fmt: skip

CHANNEL = "chengyun_things"
"""Where PostgreSQL tells of changes (migrations/0002_tell.py); the payload is the table's name."""
ENDED = frozenset({"done", "failed"})
_ALIVE = {"online": True, "offline": False, "1": True, "0": False, "true": True, "false": False}
_MOST_TEXT = 80

_BINDINGS = """
SELECT d.key, b.stream, b.entity FROM things_binding b JOIN things_device d ON d.id = b.device_id
WHERE d.state = 'active' AND b.since <= now() AND (b.until IS NULL OR b.until > now())
"""
_SAY = """
INSERT INTO things_devicestate AS old (device_id, seen_at, online, online_at, battery, firmware, detail)
SELECT id, %(at)s::timestamptz, %(online)s::bool,
       CASE WHEN %(online)s::bool IS NULL THEN NULL ELSE %(at)s::timestamptz END,
       %(battery)s::float8, coalesce(%(firmware)s::text, ''), %(detail)s::jsonb
FROM things_device WHERE key = %(device)s
ON CONFLICT (device_id) DO UPDATE SET
    seen_at = CASE WHEN %(online)s::bool IS FALSE THEN old.seen_at ELSE greatest(old.seen_at, excluded.seen_at) END,
    online = coalesce(excluded.online, old.online),
    online_at = CASE WHEN excluded.online IS DISTINCT FROM old.online AND excluded.online IS NOT NULL
                     THEN excluded.online_at ELSE old.online_at END,
    battery = coalesce(excluded.battery, old.battery),
    firmware = CASE WHEN %(firmware)s::text IS NULL THEN old.firmware ELSE excluded.firmware END,
    detail = old.detail || excluded.detail
RETURNING device_id
"""
_FIRMWARE = """
INSERT INTO things_firmware (device_id, version, since, source, note)
SELECT %(device)s::int8, %(version)s::text, %(at)s::timestamptz, 'device', ''
WHERE %(version)s::text IS DISTINCT FROM (SELECT version FROM things_firmware WHERE device_id = %(device)s::int8
                                    ORDER BY since DESC, id DESC LIMIT 1)
"""
_TAKE = """
UPDATE things_command c SET state = 'sent', sent_at = coalesce(c.sent_at, now())
FROM things_device d
WHERE d.id = c.device_id AND d.reach = %(reach)s AND (%(device)s::bigint IS NULL OR d.id = %(device)s)
  AND c.state = ANY(%(states)s) AND c.expires_at > now()
RETURNING c.id, d.key, c.name, c.arguments, c.expires_at
"""
_ANSWER = """
UPDATE things_command c SET state = %(state)s, answer = coalesce(%(answer)s::jsonb, c.answer),
    sent_at = coalesce(c.sent_at, now()), acknowledged_at = coalesce(c.acknowledged_at, now()),
    ended_at = CASE WHEN %(ended)s::bool THEN now() ELSE NULL END
FROM things_device d
WHERE d.id = c.device_id AND d.key = %(device)s AND c.id = %(id)s
  AND c.state IN ('queued', 'sent', 'acknowledged') AND (c.state <> 'acknowledged' OR %(ended)s::bool)
RETURNING c.id
"""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A topic pattern an installation declared itself."""

    key: str
    pattern: str
    stream: str
    payload: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """A command to be given to its device."""

    id: int
    device: str
    name: str
    arguments: Mapping[str, Any]
    expires_at: dt.datetime

    def payload(self) -> bytes:
        return msgspec.json.encode(
            {"id": self.id, "name": self.name, "arguments": self.arguments, "expires_at": self.expires_at.isoformat()}
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a device says of itself. battery: 0–1. None is not said."""

    online: bool | None = None
    battery: float | None = None
    firmware: str | None = None
    detail: Mapping[str, Any] | None = None


async def read_channels(conn: AsyncConnection[Any]) -> list[ChannelRow]:
    cursor = await conn.execute("SELECT key, pattern, stream, payload, fields FROM things_channel WHERE enabled ORDER BY key")
    return [ChannelRow(*row) for row in await cursor.fetchall()]


async def read_bindings(conn: AsyncConnection[Any]) -> dict[tuple[str, str], str]:
    """Return (device, stream) → entity, as bound now, of devices in use."""
    cursor = await conn.execute(_BINDINGS)
    return {(device, stream): entity for device, stream, entity in await cursor.fetchall()}


def read_report(payload: bytes) -> Report | None:
    """Return what a state message says: `online`, `offline`, or an object with online, battery (%), firmware and more.

    None: unreadable. An empty message, by which a retained one is cleared, says nothing.
    """
    text = payload.decode(errors="replace").strip()
    if not text:
        return Report()
    if text.lower() in _ALIVE:
        return Report(online=_ALIVE[text.lower()])
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    online = said.pop("online", said.pop("state", None))
    battery = said.pop("battery", None)
    firmware = said.pop("firmware", None)
    known = _ALIVE.get(str(online).lower())
    share = float(battery) / 100 if isinstance(battery, int | float) and 0 <= battery <= 100 else None
    detail = {
        str(name)[:_MOST_TEXT]: value for name, value in list(said.items())[:50] if isinstance(value, str | int | float | bool)
    }
    return Report(known, share, str(firmware)[:_MOST_TEXT] if firmware else None, detail)


async def write_report(conn: AsyncConnection[Any], device: str, report: Report, at: dt.datetime) -> bool:
    """Keep what a device says; return whether there is such a device."""
    given = {
        "device": device, "at": at, "online": report.online, "battery": report.battery, "firmware": report.firmware,
        "detail": _json(report.detail or {}),
    }  # fmt: skip
    row = await (await conn.execute(_SAY, given)).fetchone()
    if row is not None and report.firmware:
        await conn.execute(_FIRMWARE, {"device": row[0], "version": report.firmware, "at": at})
    return row is not None


async def take_orders(conn: AsyncConnection[Any], reach: str, *, device: int | None = None, again: bool = False) -> list[Order]:
    """Return commands to be given and mark them as sent, in the caller's transaction.

    again: also those sent before that nobody acknowledged, for a device that asks by itself.
    """
    states = ["queued", "sent"] if again else ["queued"]
    cursor = await conn.execute(_TAKE, {"reach": reach, "device": device, "states": states})
    return sorted((Order(*row) for row in await cursor.fetchall()), key=lambda order: order.id)


async def answer_command(conn: AsyncConnection[Any], device: str, payload: bytes) -> bool:
    """Take a device's answer: {"id", "state": acknowledged, done or failed, "answer": anything}; return whether it counted."""
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not isinstance(said, dict) or type(said.get("id")) is not int or said.get("state") not in {"acknowledged", *ENDED}:
        return False
    answer = _json(said["answer"]) if said.get("answer") is not None else None
    given = {"state": said["state"], "answer": answer, "ended": said["state"] in ENDED, "device": device, "id": said["id"]}
    return (await (await conn.execute(_ANSWER, given)).fetchone()) is not None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")[:100_000]
