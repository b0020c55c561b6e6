# SPDX-License-Identifier: Apache-2.0
"""Alerts in the Common Alerting Protocol: messages to values, and what in them breaks the protocol, each with its place.

    alert: identifier, sender, sent, status, msgType, scope, references …
    └── info, one per language: category, event, urgency, severity, certainty, effective, onset, expires, headline …
        ├── resource: description, type, address …
        └── area: description, polygons and circles (WGS-84, latitude first in the file, longitude first here), codes

A message that breaks the protocol is read as far as it goes: an alert about life is not dropped for a missing scope.
Standard: OASIS CAP 1.2 (2010-07-01), 3.2 and 3.4; CAP 1.1 (2005-10-01) differs in what it requires by nothing that is read here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from chengyun.standards.safe_xml import bare, parse_xml, text_of

__all__ = ["Alert", "Area", "Info", "Place", "read_alert", "read_alerts"]

NAMESPACES = {
    "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
}
STATUS = ("Actual", "Exercise", "System", "Test", "Draft")
MESSAGE = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPE = ("Public", "Restricted", "Private")
CATEGORY = ("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other")
URGENCY = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITY = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTY = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_NOT_IN_KEYS = re.compile(r"[\s,<&]")

Point = tuple[float, float]
"""Longitude, latitude, WGS-84."""


@dataclass(frozen=True, slots=True)
class Place:
    """What does not fit: where in the message, what was found, what was expected."""

    path: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Area:
    """circles: centre and radius in km. codes: (system, value)."""

    description: str
    polygons: tuple[tuple[Point, ...], ...]
    circles: tuple[tuple[Point, float], ...]
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Info:
    """What is said in one language. None: not said."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    effective: dt.datetime | None
    onset: dt.datetime | None
    expires: dt.datetime | None
    sender_name: str
    headline: str
    description: str
    instruction: str
    areas: tuple[Area, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. references: (sender, identifier, sent as written) of the earlier messages it updates or cancels.

    signed: whether an XML signature stands in it; it is not checked. faults: what breaks the protocol.
    """

    version: str
    identifier: str
    sender: str
    sent: dt.datetime | None
    status: str
    message: str
    scope: str
    references: tuple[tuple[str, str, str], ...]
    infos: tuple[Info, ...]
    signed: bool
    faults: tuple[Place, ...] = field(default=())


def read_alert(data: bytes) -> Alert:
    """Return the one alert of a message. Raises ValueError with a sentence when there is none."""
    root = parse_xml(data)
    if bare(root) != "alert":
        raise ValueError(f"its root is <{bare(root)}>, expected <alert>")
    return _alert(root)


def read_alerts(data: bytes) -> Iterator[Alert]:
    """Yield every alert of a document: a message itself, or the ones inside an Atom feed or EDXL envelope. Raises ValueError."""
    root = parse_xml(data)
    for element in root.iter():
        if bare(element) == "alert" and element.tag.partition("}")[0].lstrip("{") in NAMESPACES:
            yield _alert(element)


class _Reading:
    """Reads elements of one message and gathers what does not fit."""

    def __init__(self) -> None:
        self.faults: list[Place] = []

    def wrong(self, path: str, found: str, expected: str) -> None:
        self.faults.append(Place(path, found[:80], expected))

    def one(self, element: Element, name: str, path: str, *, required: bool = False) -> str:
        found = [it for it in element if bare(it) == name]
        if len(found) > 1:
            self.wrong(f"{path}/{name}", f"{len(found)} of them", "one")
        text = text_of(found[0]) if found else ""
        if required and not text:
            self.wrong(f"{path}/{name}", "nothing", "a value")
        return text

    def of(self, element: Element, name: str, path: str, allowed: tuple[str, ...]) -> str:
        text = self.one(element, name, path, required=True)
        if text and text not in allowed:
            self.wrong(f"{path}/{name}", repr(text), f"one of {', '.join(allowed)}")
        return text

    def time(self, element: Element, name: str, path: str, *, required: bool = False) -> dt.datetime | None:
        text = self.one(element, name, path, required=required)
        if not text:
            return None
        try:
            instant = dt.datetime.fromisoformat(text)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None or not _TIME.fullmatch(text):
            self.wrong(f"{path}/{name}", repr(text), "a time such as 2002-05-24T16:49:00-07:00")
        return instant if instant is not None and instant.tzinfo is not None else None


def _alert(root: Element) -> Alert:
    reading = _Reading()
    version = NAMESPACES.get(root.tag.partition("}")[0].lstrip("{"), "")
    if not version:
        reading.wrong("alert", "no namespace of CAP", "urn:oasis:names:tc:emergency:cap:1.2")
    identifier = reading.one(root, "identifier", "alert", required=True)
    sender = reading.one(root, "sender", "alert", required=True)
    for name, text in (("identifier", identifier), ("sender", sender)):
        if _NOT_IN_KEYS.search(text):
            reading.wrong(f"alert/{name}", repr(text), "no spaces, commas, < or &")
    message = reading.of(root, "msgType", "alert", MESSAGE)
    said = reading.one(root, "references", "alert")
    references = tuple(_reference(it, reading) for it in said.split())
    if message in ("Update", "Cancel", "Ack", "Error") and not references:
        reading.wrong("alert/references", "nothing", f"the messages that this {message} is about")
    return Alert(
        version=version,
        identifier=identifier,
        sender=sender,
        sent=reading.time(root, "sent", "alert", required=True),
        status=reading.of(root, "status", "alert", STATUS),
        message=message,
        scope=reading.of(root, "scope", "alert", SCOPE),
        references=references,
        infos=tuple(_info(it, f"alert/info[{place}]", reading) for place, it in enumerate(_all(root, "info"), 1)),
        signed=any(bare(it) == "Signature" for it in root),
        faults=tuple(reading.faults),
    )


def _all(element: Element, name: str) -> list[Element]:
    return [it for it in element if bare(it) == name]


def _reference(text: str, reading: _Reading) -> tuple[str, str, str]:
    parts = text.split(",")
    if len(parts) != 3:
        reading.wrong("alert/references", repr(text), "sender,identifier,sent")
        parts = [*parts, "", ""]
    return parts[0], parts[1], parts[2]


def _info(element: Element, path: str, reading: _Reading) -> Info:
    categories = tuple(text_of(it) for it in _all(element, "category"))
    if not categories:
        reading.wrong(f"{path}/category", "nothing", "a value")
    for category in categories:
        if category not in CATEGORY:
            reading.wrong(f"{path}/category", repr(category), f"one of {', '.join(CATEGORY)}")
    return Info(
        language=reading.one(element, "language", path) or "en-US",
        categories=categories,
        event=reading.one(element, "event", path, required=True),
        urgency=reading.of(element, "urgency", path, URGENCY),
        severity=reading.of(element, "severity", path, SEVERITY),
        certainty=reading.of(element, "certainty", path, CERTAINTY),
        effective=reading.time(element, "effective", path),
        onset=reading.time(element, "onset", path),
        expires=reading.time(element, "expires", path),
        sender_name=reading.one(element, "senderName", path),
        headline=reading.one(element, "headline", path),
        description=reading.one(element, "description", path),
        instruction=reading.one(element, "instruction", path),
        areas=tuple(_area(it, f"{path}/area[{place}]", reading) for place, it in enumerate(_all(element, "area"), 1)),
        resources=tuple(reading.one(it, "uri", f"{path}/resource") for it in _all(element, "resource")),
    )


def _area(element: Element, path: str, reading: _Reading) -> Area:
    codes = tuple(
        (reading.one(it, "valueName", f"{path}/geocode"), reading.one(it, "value", f"{path}/geocode"))
        for it in _all(element, "geocode")
    )
    return Area(
        description=reading.one(element, "areaDesc", path, required=True),
        polygons=tuple(it for polygon in _all(element, "polygon") if (it := _polygon(text_of(polygon), path, reading))),
        circles=tuple(found for circle in _all(element, "circle") if (found := _circle(text_of(circle), path, reading))),
        codes=codes,
    )


def _point(text: str, path: str, reading: _Reading) -> Point | None:
    latitude, comma, longitude = text.partition(",")
    try:
        lat, lon = float(latitude), float(longitude)
    except ValueError:
        lat = lon = float("nan")
    if not comma or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        reading.wrong(path, repr(text), "latitude,longitude in degrees")
        return None
    return lon, lat


def _polygon(text: str, path: str, reading: _Reading) -> tuple[Point, ...]:
    if not text:
        return ()
    points = [_point(it, f"{path}/polygon", reading) for it in text.split()]
    ring = tuple(it for it in points if it is not None)
    if len(ring) < len(points):
        return ()
    if len(ring) < 4 or ring[0] != ring[-1]:
        closed = "closed" if ring[0] == ring[-1] else "not closed"
        reading.wrong(f"{path}/polygon", f"{len(ring)} points, {closed}", "at least 4, the last as the first")
        return ()
    return ring


def _circle(text: str, path: str, reading: _Reading) -> tuple[Point, float] | None:
    if not text:
        return None
    centre, _, radius = text.partition(" ")
    point = _point(centre, f"{path}/circle", reading)
    try:
        km = float(radius)
    except ValueError:
        km = -1.0
    if km < 0:
        reading.wrong(f"{path}/circle", repr(text), "latitude,longitude radius in km")
        return None
    return (point, km) if point else None
