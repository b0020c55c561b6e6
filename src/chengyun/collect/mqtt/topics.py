# SPDX-License-Identifier: Apache-2.0
"""From a topic to the stream it carries: declared patterns, and what each level of one topic says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chengyun.city import Stream, Topic
from chengyun.city.words import PLACEHOLDER
from chengyun.errors import Malformed

__all__ = ["DEVICES", "Bindings", "Route", "Routes", "Way"]

DEVICES = "things"
"""Root of the topics of registered devices: things/<device>/state, /cmd, /ack, /data/<pack.stream>."""
MOST_KNOWN = 500_000
"""Topics remembered with what they mean."""

Bindings = Mapping[tuple[str, str], str]
"""(device, qualified stream) → key of the entity the device is bound to now."""


@dataclass(frozen=True)
class Route:
    """A declared pattern of a stream. topic filter: as a broker understands it."""

    topic: Topic
    qualified: str
    stream: Stream
    columns: Mapping[str, str] = field(init=False)
    """Name in a message → column, where they differ."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", dict(self.topic.fields))

    @property
    def filter(self) -> str:
        return "/".join("+" if PLACEHOLDER.fullmatch(level) else level for level in self.topic.pattern.split("/"))


@dataclass(frozen=True, slots=True)
class Way:
    """What one topic means. kind: `data`, or `state` and `ack` of a device.

    given: column → text a level says. quantity: what a plain value measures. device: "" when no level names one.
    """

    kind: str
    name: str
    route: Route | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    quantity: str | None = None
    device: str = ""


class Routes:
    """Every pattern of a city and the devices' own, ready to be asked by topic."""

    def __init__(self, routes: Iterable[Route], streams: Mapping[str, Stream], bindings: Bindings) -> None:
        self.routes = tuple(routes)
        self.bindings = bindings
        self._streams = streams
        self._patterns = [(re.compile(_expression(route.topic.pattern), re.DOTALL), route) for route in self.routes]
        self._known: dict[bytes, Way] = {}

    def filters(self, *, sparkplug: bool) -> list[str]:
        """Return the topic filters to subscribe to, those of Sparkplug nodes or all the others."""
        if sparkplug:
            groups = {route.filter.split("/")[1] for route in self.routes if route.topic.payload == "sparkplug"}
            return [f"spBv1.0/{group}/#" for group in sorted(groups)]
        own = [f"{DEVICES}/+/{what}" for what in ("ack", "data/+")]
        found = [*own, *(route.filter for route in self.routes if route.topic.payload != "sparkplug")]
        # A broker may send a message once for every filter that fits it (MQTT 5, 3.3.4), so none lies within another.
        found = list(dict.fromkeys(found))
        return [one for one in found if not any(other != one and _covers(other, one) for other in found)]

    def find(self, topic: bytes) -> Way:
        """Return what a topic means. Raises Malformed when no pattern fits or a level says nothing usable."""
        known = self._known.get(topic)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[topic] = self._find(topic)
        return known

    def matching(self, topic: str) -> list[tuple[Route, dict[str, str]]]:
        """Return every route whose pattern fits, with what the levels say."""
        return [(route, found.groupdict()) for pattern, route in self._patterns if (found := pattern.fullmatch(topic))]

    def _find(self, topic: bytes) -> Way:
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            raise Malformed(f"The topic {topic[:80]!r} is not UTF-8.", code="topic") from None
        levels = name.split("/")
        if levels[0] == DEVICES and len(levels) >= 3:
            return self._device(name, levels)
        if levels[0] == "spBv1.0":
            return Way("sparkplug", name)
        for route, levels_say in self.matching(name):
            return self._way(route, name, levels_say)
        raise Malformed(f"No declared pattern fits the topic {name[:200]!r}.", code="topic")

    def _device(self, name: str, levels: list[str]) -> Way:
        device, what, rest = levels[1], levels[2], levels[3:]
        if what in ("state", "ack") and not rest:
            return Way(what, name, device=device)
        qualified = rest[0] if what == "data" and len(rest) == 1 else ""
        if qualified not in self._streams:
            raise Malformed(
                f"The topic {name[:200]!r} names no stream; write {DEVICES}/<device>/data/<pack.stream>.", code="topic"
            )
        stream = self._streams[qualified]
        topic = Topic(key="device", pattern=f"{DEVICES}/{{device}}/data/{qualified}", stream=qualified)
        return self._way(Route(topic, qualified, stream), name, {"device": device})

    def _way(self, route: Route, name: str, levels: dict[str, str]) -> Way:
        stream, given = route.stream, dict(levels)
        quantity = given.pop("quantity", None)
        if route.topic.payload == "plain":
            quantity = route.columns.get(quantity or "value", quantity)
            if quantity not in stream.columns:
                raise Malformed(
                    f"The topic {name[:200]!r} names the quantity {quantity!r}, which {stream.key} does not have.",
                    code="topic",
                    stream=route.qualified,
                )
        device = given.pop("device", "")
        if device and stream.entity.key not in given:
            entity = self.bindings.get((device, route.qualified))
            if entity is None:
                raise Malformed(
                    f"The topic {name[:200]!r} names the device {device!r}, which is not bound to anything {route.qualified} is "
                    "about. Bind it on its page.",
                    code="unbound_device",
                    stream=route.qualified,
                )
            given[stream.entity.key] = entity
        return Way("data", name, route, given, quantity, device)


def _covers(wide: str, narrow: str) -> bool:
    """Say whether every topic that fits the narrow filter fits the wide one."""
    for one, other in itertools.zip_longest(wide.split("/"), narrow.split("/")):
        if one == "#":
            return True
        if one is None or other is None or other == "#" or (one not in ("+", other)):
            return False
    return True


def _expression(pattern: str) -> str:
    levels = pattern.split("/")
    parts = []
    for level in levels:
        if (name := PLACEHOLDER.fullmatch(level)) is not None:
            parts.append(f"(?P<{name[1]}>[^/]+)")
        else:
            parts.append({"+": "[^/]*", "#": ".*"}.get(level, re.escape(level)))
    return "/".join(parts)
