# SPDX-License-Identifier: Apache-2.0
"""One notification: how it is worded, and how it goes out, by HTTP or by MQTT (clauses 5.3.1, 6.3.8, 7)."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from chengyun.errors import Refused, Unavailable
from chengyun.protocols.ngsild.answers import link_header, with_context
from chengyun.protocols.ngsild.documents import Entity, stamp
from chengyun.protocols.ngsild.outbound import Reach, call
from chengyun.protocols.ngsild.rendering import View, features, render
from chengyun.protocols.ngsild.subscribing import port_of
from chengyun.protocols.ngsild.vocabulary import GEO_JSON, JSON, JSON_LD

__all__ = ["Worded", "deliver", "worded"]

WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Worded:
    """A notification as it is sent. link: where its @context is, for JSON."""

    body: dict[str, Any]
    accept: str
    link: str

    @property
    def headers(self) -> dict[str, str]:
        found = {"Content-Type": self.accept}
        if self.accept == JSON:
            found["Link"] = link_header(self.link)
        return found


def worded(
    document: dict[str, Any], name: str, notification_id: str, entities: Sequence[Entity],
    others: Sequence[tuple[Entity, View]], view: View, link: str,
) -> Worded:  # fmt: skip
    """Return a notification. others: linked entities that stand beside the ones it is about."""
    accept = document["notification"]["endpoint"].get("accept", JSON)
    data: Any
    if accept == GEO_JSON:
        data = features(list(entities), view)
    else:
        data = [render(one, view) for one in entities] + [render(one, own) for one, own in others]
        if accept == JSON_LD:
            data = [with_context(one, view.terms) for one in data]
    body = {
        "id": f"urn:ngsi-ld:Notification:{notification_id}",
        "type": "Notification",
        "subscriptionId": name,
        "notifiedAt": stamp(dt.datetime.now(dt.UTC)),
        "data": data,
    }
    return Worded(body, accept, link)


async def deliver(endpoint: dict[str, Any], notification: Worded, reach: Reach) -> None:
    """Send a notification. Raises Unavailable when it may work later, Refused when it never will."""
    scheme, host, port = port_of(endpoint["uri"])
    receiver = {one["key"]: one["value"] for one in endpoint.get("receiverInfo", [])}
    if scheme.startswith("mqtt"):
        await _publish(endpoint, notification, receiver, reach, host, port)
        return
    within = float(endpoint["timeout"]) / 1000 if isinstance(endpoint.get("timeout"), int | float) else WITHIN_S
    answer = await asyncio.to_thread(
        call, "POST", endpoint["uri"], reach, headers={**receiver, **notification.headers},
        body=msgspec.json.encode(notification.body), within_s=min(max(within, 0.1), WITHIN_S),
    )  # fmt: skip
    if not 200 <= answer.status < 300:
        raise Unavailable(f"The endpoint answered {answer.status}.")


async def _publish(
    endpoint: dict[str, Any], notification: Worded, receiver: dict[str, str], reach: Reach, host: str, port: int
) -> None:
    """Publish at QoS 1, whatever is asked for: only an acknowledged message counts as delivered."""
    from chengyun.collect.mqtt.connection import open_connection
    from chengyun.collect.mqtt.settings import Broker

    parts = urlsplit(endpoint["uri"])
    topic = unquote(parts.path.lstrip("/"))
    if not topic or set(topic) & set("+#"):
        raise Refused("The endpoint names no MQTT topic.", code="mqtt_refused")
    settings = {one["key"]: one["value"] for one in endpoint.get("notifierInfo", [])}
    addresses = await asyncio.to_thread(reach.addresses, host, port)
    broker = Broker(
        host=host if parts.scheme == "mqtts" else addresses[0][1],
        port=port,
        tls=parts.scheme == "mqtts",
        client=f"cy-{uuid.uuid4().hex[:16]}",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        version="3.1.1" if settings.get("MQTT-Version") == "mqtt3.1.1" else "5",
    )
    payload = msgspec.json.encode({"metadata": {**notification.headers, **receiver}, "body": notification.body})
    async with asyncio.timeout(WITHIN_S):
        connection = await open_connection(broker, lambda _: None)
        try:
            await connection.publish(topic, payload)
        finally:
            connection.close()
