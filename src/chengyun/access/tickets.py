# SPDX-License-Identifier: Apache-2.0
"""Tickets: what a page's reader may see live, decided by the web process, enforced by the stream process. No Django.

<base64url of the JSON>.<base64url of its HMAC-SHA-256>
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac

import msgspec

from chengyun.errors import Refused


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be seen of one dataset: rows whose area code starts with one of `areas` ("" = all), without `hidden`."""

    areas: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def sees(self, area_code: str | None) -> bool:
        return any((area_code or "").startswith(area) for area in self.areas)


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reader's views, until a time. actor: for the log, e.g. `anonymous` or an account's number."""

    actor: str
    datasets: dict[str, View]
    expires: dt.datetime


def sign(secret: str, ticket: Ticket) -> str:
    """Return a ticket as text for an address."""
    body = msgspec.json.encode(ticket)
    return f"{_text(body)}.{_text(_mac(secret, body))}"


def verify(secret: str, text: str, now: dt.datetime) -> Ticket:
    """Return the ticket. Raises Refused when it is not ours, was changed or has expired."""
    body_text, _, mac_text = text.partition(".")
    try:
        body, mac = _bytes(body_text), _bytes(mac_text)
    except (binascii.Error, ValueError) as wrong:
        raise Refused("The ticket cannot be read; load the page again.", code="ticket_malformed") from wrong
    if not hmac.compare_digest(mac, _mac(secret, body)):
        raise Refused("The ticket was not made here; load the page again.", code="ticket_forged")
    ticket = msgspec.json.decode(body, type=Ticket)
    if ticket.expires <= now:
        raise Refused("The ticket has expired; load the page again.", code="ticket_expired")
    return ticket


def _mac(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), b"chengyun ticket\0" + body, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
