# SPDX-License-Identifier: Apache-2.0
"""Sparkplug B: births name metrics and give them aliases, data messages use them, deaths end them, sequence numbers show gaps.

    spBv1.0/<group>/NBIRTH|NDATA|NDEATH/<node>              DBIRTH|DDATA|DDEATH/<node>/<device>
    a gap in seq, or data of somebody not born → NCMD "Node Control/Rebirth" → births again

Pure but for what it is told to remember. Standard: Eclipse Sparkplug 3.0.0 (ISO/IEC 20237:2023), sections 5 and 6.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chengyun.errors import Malformed, Refused

__all__ = ["Node", "Nodes", "Reading", "Said", "rebirth_request"]

REBIRTH = "Node Control/Rebirth"
REBIRTH_EVERY_S = 5.0
"""How long a node is given to be born again before it is asked once more."""

BOOLEAN = 11
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types (6.4.16) whose sign hides in an unsigned field → their bits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value. time: milliseconds since 1970. value: None is null."""

    metric: str
    value: Any
    time: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says. topic: of the node's or device's data, the same whatever its type, with + in its place.

    unknown: aliases no birth named. gap: something is missing, and the node should be born again.
    born: a birth, to be remembered. online: what it says about life, None when nothing.
    """

    node: str
    device: str
    readings: tuple[Reading, ...] = ()
    unknown: tuple[int, ...] = ()
    gap: bool = False
    born: bool = False
    online: bool | None = None


@dataclass(slots=True)
class Node:
    """A node as it was born. aliases: device ("" the node itself) → alias → (name, data type). seq: None: not known."""

    aliases: dict[str, dict[int, tuple[str, int]]] = field(default_factory=dict)
    types: dict[str, dict[str, int]] = field(default_factory=dict)
    seq: int | None = None
    birth: int | None = None
    asked: float = -math.inf


class Nodes:
    """Every node heard of, by `group/node`."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def remember(self, name: str, births: Mapping[str, Mapping[str, tuple[str | None, int]]]) -> None:
        """Take over births kept from before: device → metric → (alias or None as text, data type)."""
        node = self.nodes.setdefault(name, Node())
        for device, metrics in births.items():
            node.types[device] = {metric: kind for metric, (_, kind) in metrics.items()}
            node.aliases[device] = {int(alias): (metric, kind) for metric, (alias, kind) in metrics.items() if alias is not None}

    def births(self, name: str) -> dict[str, dict[str, tuple[str | None, int]]]:
        """Return what `remember` takes."""
        node = self.nodes[name]
        kept: dict[str, dict[str, tuple[str | None, int]]] = {}
        for device, types in node.types.items():
            alias_of = {metric: str(alias) for alias, (metric, _) in node.aliases.get(device, {}).items()}
            kept[device] = {metric: (alias_of.get(metric), kind) for metric, kind in types.items()}
        return kept

    def take(self, topic: str, payload: bytes, now_ms: int) -> Said | None:
        """Return what a message says; None for one that is not about readings. Raises Malformed."""
        levels = topic.split("/")
        if len(levels) < 4 or levels[2] not in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"):
            return None
        kind, device = levels[2], levels[4] if len(levels) > 4 else ""
        if (kind[0] == "D") != bool(device):
            raise Malformed(f"{kind} on the topic {topic[:200]!r}: the levels do not fit the message type.", code="topic")
        name = f"{levels[1]}/{levels[3]}"
        message = _payload_class()()
        try:
            message.ParseFromString(payload)
        except Exception as wrong:  # protobuf's DecodeError, whose module is loaded with it
            raise Malformed("The message is not a Sparkplug B payload.", code="sparkplug") from wrong
        node = self.nodes.setdefault(name, Node())
        match kind:
            case "NDEATH":
                return self._death(node, name, message)
            case "NBIRTH":
                node.aliases, node.types, node.birth = {}, {}, _birth(message)
                node.seq = message.seq if message.HasField("seq") else 0
                return Said(name, device, self._born(node, device, message, now_ms), born=True, online=True)
        gap = self._gap(node, message)
        match kind:
            case "DBIRTH":
                return Said(name, device, self._born(node, device, message, now_ms), gap=gap, born=True, online=True)
            case "DDEATH":
                return Said(name, device, gap=gap, online=False)
        readings, unknown = self._data(node, device, message, now_ms)
        return Said(name, device, readings, unknown, gap or bool(unknown) or device not in node.types)

    def _death(self, node: Node, name: str, message: Any) -> Said | None:
        # A will of an earlier life may come after the birth of the next; its bdSeq tells (6.4.19).
        dead = _birth(message)
        if node.birth is not None and dead is not None and dead != node.birth:
            return None
        node.seq = None
        return Said(name, "", online=False)

    def _gap(self, node: Node, message: Any) -> bool:
        if not message.HasField("seq"):
            return False
        expected, node.seq = node.seq, int(message.seq)
        return expected is not None and node.seq != (expected + 1) % 256

    def _born(self, node: Node, device: str, message: Any, now_ms: int) -> tuple[Reading, ...]:
        aliases: dict[int, tuple[str, int]] = {}
        types: dict[str, int] = {}
        for metric in message.metrics:
            types[metric.name] = metric.datatype
            if metric.HasField("alias"):
                aliases[int(metric.alias)] = (metric.name, metric.datatype)
        node.aliases[device], node.types[device] = aliases, types
        return self._data(node, device, message, now_ms)[0]

    def _data(self, node: Node, device: str, message: Any, now_ms: int) -> tuple[tuple[Reading, ...], tuple[int, ...]]:
        aliases, types = node.aliases.get(device, {}), node.types.get(device, {})
        readings, unknown = [], []
        for metric in message.metrics:
            if metric.name:
                name, kind = metric.name, metric.datatype or types.get(metric.name, 0)
            elif metric.HasField("alias") and metric.alias in aliases:
                name, kind = aliases[metric.alias]
            else:
                unknown.append(int(metric.alias))
                continue
            time = metric.timestamp or message.timestamp or now_ms
            readings.append(Reading(name, None if metric.is_null else _value(metric, kind), int(time)))
        return tuple(readings), tuple(unknown)


def rebirth_request(now_ms: int) -> bytes:
    """Return the payload of an NCMD that asks a node to be born again (6.4.24)."""
    message = _payload_class()()
    message.timestamp = now_ms
    metric = message.metrics.add()
    metric.name, metric.timestamp, metric.datatype, metric.boolean_value = REBIRTH, now_ms, BOOLEAN, True
    return bytes(message.SerializeToString())


def _birth(message: Any) -> int | None:
    for metric in message.metrics:
        if metric.name == "bdSeq":
            return int(metric.long_value or metric.int_value)
    return None


def _value(metric: Any, kind: int) -> Any:
    which = metric.WhichOneof("value")
    if which is None:
        return None
    value = getattr(metric, which)
    if which == "boolean_value":
        return int(value)
    if which in ("int_value", "long_value") and kind in _SIGNED:
        bits = _SIGNED[kind]
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    if which in ("float_value", "double_value") and not math.isfinite(value):
        return None
    # A float32 of 12.3 is 12.300000190734863: what the device meant is the shortest decimal that is the same float32.
    return float(f"{value:.7g}") if which == "float_value" else value


@functools.cache
def _payload_class() -> Any:
    """Return the message class of a payload (sparkplug_b.proto), as far as readings need it; the rest is skipped."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # only who reads Sparkplug needs it
    except ModuleNotFoundError:
        raise Refused(
            'Sparkplug topics are declared, and reading them needs the extra "mqtt": pip install "chengyun[mqtt]".', code="extra"
        ) from None
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="org.eclipse.tahu.protobuf", syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    uint64, uint32, double, single, boolean, string, data = 4, 13, 1, 2, 8, 9, 12

    def add(where: Any, number: int, name: str, kind: int, *, value: bool = False) -> None:
        made = where.field.add(name=name, number=number, type=kind, label=1)
        if value:
            made.oneof_index = 0

    for number, name, kind in (
        (1, "name", string), (2, "alias", uint64), (3, "timestamp", uint64), (4, "datatype", uint32),
        (5, "is_historical", boolean), (6, "is_transient", boolean), (7, "is_null", boolean),
    ):  # fmt: skip
        add(metric, number, name, kind)
    for number, name, kind in (
        (10, "int_value", uint32), (11, "long_value", uint64), (12, "float_value", single), (13, "double_value", double),
        (14, "boolean_value", boolean), (15, "string_value", string), (16, "bytes_value", data),
    ):  # fmt: skip
        add(metric, number, name, kind, value=True)
    add(payload, 1, "timestamp", uint64)
    payload.field.add(name="metrics", number=2, type=11, label=3, type_name=".org.eclipse.tahu.protobuf.Payload.Metric")
    add(payload, 3, "seq", uint64)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("org.eclipse.tahu.protobuf.Payload"))
