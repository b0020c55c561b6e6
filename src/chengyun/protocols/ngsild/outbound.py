# SPDX-License-Identifier: Apache-2.0
"""Going out: to endpoints of subscribers and to addresses of contexts, and only where the installation says so.

CHENGYUN_NGSILD_HOSTS lists hosts, `*.example.org` for all below one, `*` for any public address. An address on this machine or
in a private network is reached only when its host is listed by name: so nobody makes us ask our own insides.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from chengyun.errors import Refused, Unavailable

__all__ = ["Answer", "Reach", "call"]

LARGEST_ANSWER = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reach:
    """Where this installation may go. hosts: as listed, lower case; a port may follow."""

    hosts: tuple[str, ...] = ()

    def allows(self, host: str, port: int) -> bool:
        """Say whether a host may be called at all."""
        return self._listed(host, port) or any(
            it == "*" or (it.startswith("*.") and host.lower().endswith(it[1:])) for it in self.hosts
        )

    def addresses(self, host: str, port: int) -> list[tuple[int, str]]:
        """Return the addresses of a host that may be called, as (family, address). Raises Refused or Unavailable."""
        if not self.allows(host, port):
            raise Refused(f"{host} is not among the hosts this installation calls. Add it to CHENGYUN_NGSILD_HOSTS.", code="host")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Unavailable(f"The host {host} is not known.") from None
        addresses = [(int(family), str(sockaddr[0])) for family, _, _, _, sockaddr in found]
        if not self._listed(host, port):
            addresses = [(family, it) for family, it in addresses if ipaddress.ip_address(it.partition("%")[0]).is_global]
        if not addresses:
            raise Refused(f"{host} is an address inside this network. List it by name in CHENGYUN_NGSILD_HOSTS.", code="host")
        return addresses

    def _listed(self, host: str, port: int) -> bool:
        return host.lower() in self.hosts or f"{host.lower()}:{port}" in self.hosts


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def call(
    method: str, url: str, reach: Reach, *, headers: Mapping[str, str] | None = None, body: bytes = b"", within_s: float = 5.0
) -> Answer:
    """Send one request and return its answer; redirects are not followed. Blocks: call it in a thread.

    The connection goes to the address that was checked, so a name that changes in between changes nothing.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Refused(f"{url[:120]!r} is no http address.", code="host")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Refused(f"{url[:120]!r} has no such port.", code="host") from None
    host = parts.hostname
    family, address = reach.addresses(host, port)[0]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=within_s)
    try:
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.settimeout(within_s)
        connection.sock = raw
        raw.connect((address, port))
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        connection.request(method, target, body or None, {"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read(LARGEST_ANSWER + 1)
        if len(content) > LARGEST_ANSWER:
            raise Unavailable(f"{host} answered with more than {LARGEST_ANSWER // 1024 // 1024} MB.")
        return Answer(answer.status, content)
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as wrong:
        raise Unavailable(f"{host}:{port} cannot be reached: {type(wrong).__name__}.") from wrong
    finally:
        connection.close()
