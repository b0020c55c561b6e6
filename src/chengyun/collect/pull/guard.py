# SPDX-License-Identifier: Apache-2.0
"""Where a source may lead: never back into this machine, and never to a folder nobody opened for it.

A steward writes addresses, and a remote service writes links and redirects; both could point at our own database, at the
metadata service of a cloud, or at /etc. Departments' own networks (10.*, 172.16.*, 192.168.*) are where sources are.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from chengyun.errors import Refused, Unavailable

__all__ = ["Guard"]


METADATA = frozenset({"100.100.100.200", "fd00:ec2::254"})
"""Where clouds tell a machine its own keys, as far as it is no link-local address: Alibaba Cloud's, and Amazon's over IPv6."""


@dataclass(frozen=True)
class Guard:
    """local: `host` or `host:port` of this machine that may be read all the same. folders: what may be read of its disk."""

    local: Collection[str] = ()
    folders: Collection[Path] = ()

    def address(self, host: str, port: int) -> str:
        """Return an address of a host to connect to, so that the name is not looked up a second time.

        Raises Refused for one of this machine or of no network of the city's, Unavailable when there is no such name.
        """
        if not host:
            raise Refused("The address names no host.", code="host")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as wrong:
            raise Unavailable(f"The name {host} is not known to the network: {wrong}.") from wrong
        addresses = list(dict.fromkeys(str(it[4][0]) for it in found))
        if not {host, f"{host}:{port}"} & set(self.local):
            for text in addresses:
                if _forbidden(text):
                    raise Refused(
                        f"{host} leads to {text}, which is this machine or no network a source may be in. If it is meant, add "
                        f"{host}:{port} to CHENGYUN_SOURCE_HOSTS.",
                        code="host",
                    )
        return addresses[0]

    def folder(self, path: Path) -> Path:
        """Return a folder, links followed. Raises Refused outside the folders that were opened for sources."""
        real = path.resolve()
        if not any(real.is_relative_to(root.resolve()) for root in self.folders):
            told = ", ".join(map(str, self.folders)) or "none yet"
            raise Refused(
                f"{path} is outside the folders sources may read ({told}). Add it to CHENGYUN_SOURCE_FOLDERS.", code="folder"
            )
        return real


def _forbidden(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
        or str(address) in METADATA or str(address) in _own()
    )  # fmt: skip


def _own() -> set[str]:
    """Return the addresses of this machine's interfaces."""
    import psutil  # only a process that reads sources needs it

    return {it.address.partition("%")[0] for found in psutil.net_if_addrs().values() for it in found}
