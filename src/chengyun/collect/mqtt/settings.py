# SPDX-License-Identifier: Apache-2.0
"""How this process reaches the MQTT broker, read from the environment; without CHENGYUN_MQTT_URL there is none.

| variable | meaning | default |
|---|---|---|
| CHENGYUN_MQTT_URL | mqtt:// or mqtts://, user:password@host:port | none: no broker |
| CHENGYUN_MQTT_CA | certificates that sign the broker's, PEM | the system's |
| CHENGYUN_MQTT_CERT, CHENGYUN_MQTT_KEY | our own certificate and key, PEM | none |
| CHENGYUN_MQTT_VERSION | 5 or 3.1.1 | 5 |
| CHENGYUN_MQTT_CLIENT | name of this collector's session at the broker; each collector has its own | chengyun-<city> |
| CHENGYUN_MQTT_SHARE | name of the group several collectors share subscriptions in | none: one collector |
| CHENGYUN_MQTT_IN_FLIGHT | messages the broker may send before the first is acknowledged (MQTT 5) | 10000 |
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chengyun.collect.mqtt.packets import Version
from chengyun.errors import Refused

__all__ = ["Broker", "read_broker"]


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A broker and the session this process keeps there."""

    host: str
    port: int
    tls: bool
    client: str
    username: str | None = None
    password: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    version: Version = "5"
    share: str | None = None
    in_flight: int = 10_000

    @property
    def address(self) -> str:
        """Return what may be shown: no user, no password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken; None without it. Raises Refused naming the file that cannot be used."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (OSError, ssl.SSLError) as wrong:
            raise Refused(f"CHENGYUN_MQTT_CA names {self.ca}, which is no file of certificates: {wrong}.") from wrong
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key)
            except (OSError, ssl.SSLError) as wrong:
                raise Refused(f"CHENGYUN_MQTT_CERT names {self.cert}, which cannot be used with its key: {wrong}.") from wrong
        return context


def read_broker(city: str, env: Mapping[str, str] = os.environ) -> Broker | None:
    """Return the broker the environment names, None without one. Raises Refused naming the variable that is wrong."""
    url = env.get("CHENGYUN_MQTT_URL", "")
    if not url:
        return None
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0:
        raise Refused(
            f"CHENGYUN_MQTT_URL begins {url[:12]!r}; write mqtt://user:password@host:1883, or mqtts:// for TLS.", code="mqtt_url"
        )
    version = env.get("CHENGYUN_MQTT_VERSION") or "5"
    if version not in ("5", "3.1.1"):
        raise Refused(f"CHENGYUN_MQTT_VERSION is {version!r}, expected 5 or 3.1.1.", code="mqtt_version")
    in_flight = env.get("CHENGYUN_MQTT_IN_FLIGHT") or "10000"
    if not (in_flight.isascii() and in_flight.isdigit() and 1 <= int(in_flight[:6]) <= 65535):
        raise Refused(f"CHENGYUN_MQTT_IN_FLIGHT is {in_flight!r}, expected a number from 1 to 65535.", code="mqtt_in_flight")
    share = env.get("CHENGYUN_MQTT_SHARE") or None
    if share and set(share) & set("/+#"):
        raise Refused(f"CHENGYUN_MQTT_SHARE is {share!r}; a group's name has no /, + or #.", code="mqtt_share")
    tls = parts.scheme == "mqtts"

    def file(name: str) -> Path | None:
        return Path(env[name]) if env.get(name) else None

    return Broker(
        host=parts.hostname,
        port=port or (8883 if tls else 1883),
        tls=tls,
        client=env.get("CHENGYUN_MQTT_CLIENT") or f"chengyun-{city}",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca=file("CHENGYUN_MQTT_CA"),
        cert=file("CHENGYUN_MQTT_CERT"),
        key=file("CHENGYUN_MQTT_KEY"),
        version="5" if version == "5" else "3.1.1",
        share=share,
        in_flight=int(in_flight),
    )
