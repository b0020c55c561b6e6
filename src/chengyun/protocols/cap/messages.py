# SPDX-License-Identifier: Apache-2.0
"""An alert's history as CAP messages. Nothing is stored for it: the history never changes, so the same message comes out
each time it is asked for.

    raised                      Alert
    returned, condition ended   Update    refers to every message before it
    closed                      Cancel    refers to every message before it

What only those see who work on an alert (who acknowledged it, which case answers it) is no message.
Standard: OASIS CAP 1.2 (2010-07-01), 3.2; its errata; geocodes are GB/T 2260 and the statistical codes below it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as xml
from zoneinfo import ZoneInfo

from chengyun.city import AlertRule
from chengyun.operate.models import Alert, AlertEvent

__all__ = ["CAP", "KINDS", "Message", "Place", "clean", "document", "messages_of", "sender_of"]

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
KINDS = {"raised": "Alert", "returned": "Update", "cleared": "Update", "closed": "Cancel"}
SEVERITY = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}
"""The four colours against CAP 1.2, 3.2.2 `severity`, as China's national feed pairs them."""
VALID_FOR = dt.timedelta(hours=24)
"""What an alert says holds so long unless an update or its cancelling says otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert is. point: (lon, lat), None where it is not known or not to be read."""

    name: str
    code: str
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an alert. before: the messages it refers to."""

    alert: Alert
    event: AlertEvent
    kind: str
    before: tuple[Message, ...]

    def identifier(self, city: str) -> str:
        return f"{city}.{self.alert.pk}.{self.event.pk}"


def messages_of(alert: Alert, events: Sequence[AlertEvent]) -> list[Message]:
    """Return an alert's messages in order. events: its whole history; one that was cancelled is alerted anew when it returns."""
    found: list[Message] = []
    for event in sorted(events, key=lambda one: (one.at, one.pk)):
        if (kind := KINDS.get(event.kind)) and (found or kind == "Alert"):
            found.append(Message(alert, event, kind, tuple(found)))
    return found


def sender_of(site: str) -> str:
    """Return who sends, in the form of an address at the host of our pages."""
    return f"alerts@{urlsplit(site).hostname or 'localhost'}"


def document(
    message: Message, rule: AlertRule | None, place: Place, *, city: str, sender: str, sender_name: str, web: str, language: str,
    public: bool, zone: ZoneInfo, words: tuple[str, str],
) -> bytes:  # fmt: skip
    """Return a message as XML. words: headline and description in that language. public: whether anybody may read the alert."""
    alert, event = message.alert, message.event
    root = xml.Element("alert", {"xmlns": CAP})
    ended = event.kind in ("cleared", "closed")
    top = [
        ("identifier", message.identifier(city)), ("sender", sender), ("sent", _time(event.at, zone)),
        ("status", "Exercise" if alert.simulated else "Actual"), ("msgType", message.kind),
        ("scope", "Public" if public else "Restricted"),
    ]  # fmt: skip
    if not public:
        top.append(("restriction", "Holders of an account that may read the alert."))
    if alert.simulated:
        top.append(("note", "Made from simulated observations."))
    if message.before:
        told = (f"{sender},{one.identifier(city)},{_time(one.event.at, zone)}" for one in message.before)
        top.append(("references", " ".join(told)))
    for name, text in top:
        xml.SubElement(root, name).text = clean(text)
    info = xml.SubElement(root, "info")
    facts: list[tuple[str, str]] = [
        ("language", language), ("category", rule.hazard if rule else "Other"), ("event", rule.name if rule else alert.rule),
        ("responseType", "AllClear" if ended else "Assess"), ("urgency", "Past" if ended else "Immediate"),
        ("severity", SEVERITY.get(alert.severity, "Unknown")), ("certainty", "Observed"),
        ("effective", _time(event.at, zone)), ("onset", _time(alert.since, zone)),
        ("expires", _time(event.at + VALID_FOR, zone)), ("senderName", sender_name), ("headline", words[0]),
        ("description", words[1]), ("web", web),
    ]  # fmt: skip
    for name, text in facts:
        if text:
            xml.SubElement(info, name).text = clean(text)
    values = {"rule": alert.rule, "subject": alert.subject, "value": event.value, "limit": alert.limit, "colour": alert.severity}
    for name, value in values.items():
        if value is not None:
            _pair(info, "parameter", name, f"{value:g}" if isinstance(value, float) else str(value))
    area = xml.SubElement(info, "area")
    xml.SubElement(area, "areaDesc").text = clean(place.name or place.code or alert.subject_name)
    if place.point is not None:
        xml.SubElement(area, "circle").text = f"{place.point[1]:.5f},{place.point[0]:.5f} 0"
    if place.code:
        _pair(area, "geocode", "GB/T 2260", place.code)
    written: bytes = xml.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _pair(parent: xml.Element, name: str, key: str, value: str) -> None:
    pair = xml.SubElement(parent, name)
    xml.SubElement(pair, "valueName").text = key
    xml.SubElement(pair, "value").text = clean(value)


def _time(at: dt.datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def clean(text: str) -> str:
    """Return a text without the characters XML cannot hold."""
    return "".join(
        it for it in text if it in "\t\n\r" or (ord(it) >= 32 and not 0xD800 <= ord(it) <= 0xDFFF and ord(it) < 0xFFFE)
    )
