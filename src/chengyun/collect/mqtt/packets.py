# SPDX-License-Identifier: Apache-2.0
"""MQTT 3.1.1 and 5 on the wire, as far as a collector speaks it. Pure: bytes in, values out.

Written here because the libraries there are read a packet with several system calls and hand messages over one by one;
a collector takes what one read brought, often a thousand messages, and answers them together (docs/decisions/0140).

Standard: MQTT Version 3.1.1 (ISO/IEC 20922:2016) and MQTT Version 5.0, OASIS; section numbers below are those of 5.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from chengyun.errors import Malformed

__all__ = [
    "DISCONNECT", "PING", "Connack", "Message", "Packet", "Puback", "Suback", "Version", "Will", "acknowledge", "connect",
    "publish", "read_packets", "subscribe", "unsubscribe",
]  # fmt: skip

Version = Literal["3.1.1", "5"]

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90, 0xA2, 0xB0
PING, PINGRESP, DISCONNECT = b"\xc0\x00", 0xD0, b"\xe0\x00"

SESSION_EXPIRY, RECEIVE_MAXIMUM, MESSAGE_EXPIRY, SUBSCRIPTION_IDENTIFIER = 0x11, 0x21, 0x02, 0x0B
"""Properties (2.2.2.2) that are written; those that are read are skipped, because none changes what a message says."""

_ACKNOWLEDGED = struct.Struct(">BBH").pack


class Message(msgspec.Struct, gc=False):
    """An application message. packet: its number, 0 with QoS 0. again: sent before and not acknowledged then."""

    topic: bytes
    payload: bytes
    packet: int
    again: bool
    retained: bool


class Connack(msgspec.Struct):
    """session: whether the broker kept the session. code: 0 when the connection was accepted."""

    session: bool
    code: int


class Suback(msgspec.Struct):
    """codes: one per filter; 0x80 and above are refusals."""

    packet: int
    codes: bytes


class Puback(msgspec.Struct):
    packet: int
    code: int


class Closed(msgspec.Struct):
    """The broker ends the connection (MQTT 5). code: why."""

    code: int


Packet = Message | Connack | Suback | Puback | Closed


class Will(msgspec.Struct):
    """What the broker says for us, retained, when we go without a word."""

    topic: str
    payload: bytes


def read_packets(data: bytes, version: Version) -> tuple[list[Packet], int]:
    """Return the whole packets data begins with, and how many bytes they are. Raises Malformed for what is no MQTT."""
    found: list[Packet] = []
    at, end, five = 0, len(data), version == "5"
    while end - at >= 2:
        head = data[at]
        size = data[at + 1]
        body = at + 2
        if size & 0x80:
            length = _read_length(data, at + 1)
            if length is None:
                break
            size, body = length
        after = body + size
        if after > end:
            break
        kind = head & 0xF0
        if kind == PUBLISH:
            cut = body + 2 + (data[body] << 8 | data[body + 1])
            topic = data[body + 2 : cut]
            packet = 0
            if head & 0x06:
                packet = data[cut] << 8 | data[cut + 1]
                cut += 2
            if five:
                skip = data[cut]
                cut += 1 + skip if skip < 0x80 else _after_properties(data, cut) - cut
            if cut > after:
                raise Malformed("The broker sent a message whose parts do not fit its length.")
            found.append(Message(topic, data[cut:after], packet, bool(head & 0x08), bool(head & 0x01)))
        else:
            known = _read_other(kind, data[body:after], five)
            if known is not None:
                found.append(known)
        at = after
    return found, at


def connect(
    version: Version,
    client: str,
    *,
    username: str | None = None,
    password: str | None = None,
    keep_alive_s: int = 30,
    clean: bool = False,
    receive_maximum: int = 0,
    session_expiry_s: int = 0,
    will: Will | None = None,
) -> bytes:
    """Return CONNECT (3.1). receive_maximum, session_expiry_s: MQTT 5 alone; 0 is not written."""
    flags = 0x02 if clean else 0
    properties = b""
    if receive_maximum:
        properties += struct.pack(">BH", RECEIVE_MAXIMUM, receive_maximum)
    if session_expiry_s:
        properties += struct.pack(">BI", SESSION_EXPIRY, session_expiry_s)
    payload = _text(client)
    if will is not None:
        flags |= 0x04 | 0x08 | 0x20  # will, at QoS 1, retained
        payload += (b"\0" if version == "5" else b"") + _text(will.topic) + _bytes(will.payload)
    if username is not None:
        flags |= 0x80
        payload += _text(username)
    if password is not None:
        flags |= 0x40
        payload += _text(password)
    head = _text("MQTT") + struct.pack(">BBH", 5 if version == "5" else 4, flags, keep_alive_s)
    if version == "5":
        head += _length(len(properties)) + properties
    return _packet(CONNECT, head + payload)


def subscribe(packet: int, filters: Iterable[tuple[str, int]], version: Version) -> bytes:
    """Return SUBSCRIBE (3.8) at QoS 1. filters: topic filter, retain handling (3.8.3.1; MQTT 5 alone)."""
    body = struct.pack(">H", packet) + (b"\0" if version == "5" else b"")
    for name, retain in filters:
        body += _text(name) + bytes([1 | (retain << 4 if version == "5" else 0)])
    return _packet(SUBSCRIBE, body)


def unsubscribe(packet: int, filters: Iterable[str], version: Version) -> bytes:
    """Return UNSUBSCRIBE (3.10)."""
    body = struct.pack(">H", packet) + (b"\0" if version == "5" else b"")
    return _packet(UNSUBSCRIBE, body + b"".join(map(_text, filters)))


def publish(topic: str, payload: bytes, version: Version, *, packet: int = 0, retain: bool = False, expires_s: int = 0) -> bytes:
    """Return PUBLISH (3.3) at QoS 1, or 0 without a packet number. expires_s: MQTT 5 alone; 0: never."""
    body = _text(topic) + (struct.pack(">H", packet) if packet else b"")
    if version == "5":
        properties = struct.pack(">BI", MESSAGE_EXPIRY, expires_s) if expires_s else b""
        body += _length(len(properties)) + properties
    return _packet(PUBLISH | (0x02 if packet else 0) | (0x01 if retain else 0), body + payload)


def acknowledge(packets: Sequence[int]) -> bytes:
    """Return PUBACK (3.4) for each packet number, in their order."""
    return b"".join([_ACKNOWLEDGED(PUBACK, 2, packet) for packet in packets])


def _read_other(kind: int, body: bytes, five: bool) -> Packet | None:
    match kind:
        case 0x20:
            return Connack(bool(body[0] & 1), body[1])
        case 0x40:
            return Puback(body[0] << 8 | body[1], body[2] if len(body) > 2 else 0)
        case 0x90 | 0xB0:
            return Suback(body[0] << 8 | body[1], body[_after_properties(body, 2) :] if five else body[2:])
        case 0xE0:
            return Closed(body[0] if body else 0)
        case 0xD0:
            return None
        case _:
            raise Malformed(f"The broker sent packet type {kind >> 4}, which it never should. Is it an MQTT broker?")


def _read_length(data: bytes, at: int) -> tuple[int, int] | None:
    """Return a variable byte integer (1.5.5) and the position after it; None while it is not whole."""
    value = 0
    for shift in range(4):
        if at + shift >= len(data):
            return None
        byte = data[at + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    raise Malformed("The broker sent a length of more than four bytes. Is it an MQTT broker?")


def _after_properties(data: bytes, at: int) -> int:
    length = _read_length(data, at)
    if length is None:
        raise Malformed("The broker sent a packet whose properties are cut off.")
    return length[0] + length[1]


def _length(value: int) -> bytes:
    coded = bytearray()
    while True:
        value, low = divmod(value, 128)
        coded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(coded)


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _length(len(body)) + body


def _text(text: str) -> bytes:
    return _bytes(text.encode())


def _bytes(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
