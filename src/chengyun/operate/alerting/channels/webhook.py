# SPDX-License-Identifier: Apache-2.0
"""A notice as a signed POST, after Standard Webhooks 1.0: webhook-id, webhook-timestamp, webhook-signature.

The address a name leads to is looked up once, checked and spoken to, so that it cannot be answered differently the second time.
Private addresses are refused unless CHENGYUN_WEBHOOK_HOSTS names the host; no redirect is followed.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Callable, Collection
from urllib.parse import quote, urlsplit

from chengyun.config import config
from chengyun.errors import Refused, Unavailable
from chengyun.operate.alerting.models import Delivery

__all__ = ["address_of", "key_of", "payload", "send", "signed"]

TIMEOUT_S = 10.0
WRITTEN = "%/?:@!$&'()*+,;=~[]"
"""Stands in an address as it is; anything else, such as Chinese, is escaped (RFC 3987, 3.1)."""
Lookup = Callable[[str, int], list[str]]


def send(delivery: Delivery, url: str, now: dt.datetime) -> None:
    """Post a notice. Raises Refused for an address that is not allowed, Unavailable when it does not answer with success."""
    body = payload(delivery)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    address = address_of(host, port, allowed_hosts())
    headers = {
        "Content-Type": "application/json", "Host": parts.netloc.rpartition("@")[2], "User-Agent": "chengyun",
        **signed(key_of(config().secret, delivery.target), delivery.key, now, body),
    }  # fmt: skip
    try:
        raw = socket.create_connection((address, port), TIMEOUT_S)
        if parts.scheme == "https":
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        connection.sock = raw
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", quote(target, safe=WRITTEN), body, headers)
            answer = connection.getresponse()
            answer.read(1000)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as wrong:
        raise Unavailable(f"{host} did not take the notice: {wrong}") from wrong
    if not 200 <= answer.status < 300:
        raise Unavailable(f"{host} answered {answer.status} {answer.reason}, expected 2xx.")


def allowed_hosts() -> tuple[str, ...]:
    """Return the hosts in private networks that notices may go to."""
    return tuple(name.strip() for name in os.environ.get("CHENGYUN_WEBHOOK_HOSTS", "").split(",") if name.strip())


def payload(delivery: Delivery) -> bytes:
    """Return what is posted; the same for the same delivery."""
    notice = delivery.notice
    told = {
        "type": f"alerts.{notice.kind}", "timestamp": notice.at.isoformat(),
        "data": {
            "notice": notice.pk, "group": notice.group.labels, "route": notice.group.route, "severity": notice.severity,
            "title": notice.title, **notice.body,
        },
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def key_of(secret: str, webhook: str) -> bytes:
    """Return the key a webhook's notices are signed with, derived from the installation's secret."""
    return hmac.digest(secret.encode(), f"alert webhook {webhook}".encode(), hashlib.sha256)


def signed(key: bytes, ident: str, now: dt.datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body."""
    at = str(int(now.timestamp()))
    digest = hmac.digest(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return {"webhook-id": ident, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(digest).decode()}


def address_of(host: str, port: int, allowed: Collection[str] = (), lookup: Lookup | None = None) -> str:
    """Return an address of a host to connect to. Raises Refused when any of its addresses is not a public one and not allowed."""
    if not host:
        raise Refused("The webhook's address names no host.", code="host")
    try:
        found = (lookup or _lookup)(host, port)
    except (socket.gaierror, UnicodeError) as wrong:
        raise Unavailable(f"The name {host} is not known to the network: {wrong}.") from wrong
    if not {host, f"{host}:{port}"} & set(allowed):
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            if not (mapped or address).is_global or (mapped or address).is_multicast:
                raise Refused(
                    f"{host} leads to {text}, which is no public address. If it is meant, add {host}:{port} to "
                    "CHENGYUN_WEBHOOK_HOSTS.",
                    code="host",
                )
    return found[0]


def _lookup(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(it[4][0]) for it in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
