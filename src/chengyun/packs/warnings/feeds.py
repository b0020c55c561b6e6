# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: messages in the Common Alerting Protocol, alone or inside an Atom feed or EDXL envelope.

A message that breaks the protocol is kept with what is wrong in it: a warning about life is not dropped for a missing scope.
Only one that does not say what it is about, or when it was sent, cannot be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.packs.warnings.streams import CERTAINTY, KIND, STATUS, URGENCY
from chengyun.standards.cap import Alert, Info, read_alerts
from chengyun.standards.safe_xml import MOST_BYTES

SEVERITY = {"Minor": 1, "Moderate": 2, "Severe": 3, "Extreme": 4}
"""CAP 1.2, 3.2.2, severity, least to most; Unknown is unknown."""
LONGEST_KEY = 64


def key_of(identifier: str) -> str:
    """Return a warning's key: its identifier, or where that is too long its beginning and a digest of the whole."""
    if len(identifier) <= LONGEST_KEY:
        return identifier
    return f"{identifier[:47]}…{hashlib.sha256(identifier.encode()).hexdigest()[:16]}"


def read_cap(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read every message of a file."""
    try:
        alerts = list(read_alerts(file.read(MOST_BYTES + 1)))
    except ValueError as wrong:
        yield Malformed(f"{name} cannot be read: {wrong}.", file=name)
        return
    if not alerts:
        yield Malformed(f"{name} holds no message of the Common Alerting Protocol.", file=name)
    for number, alert in enumerate(alerts, 1):
        if not alert.identifier or alert.sent is None:
            lacking = "identifier" if not alert.identifier else "time of sending"
            yield Malformed(f"{name}, message {number}: found no {lacking}, expected one.", file=name)
            continue
        yield from _message(alert, number)


def _message(alert: Alert, number: int) -> Iterator[Row]:
    # An update or end is about the first of the messages it refers to.
    root = alert.references[0][1] if alert.references else alert.identifier
    info = _chosen(alert)
    values: dict[str, Any] = {"sender": (info.sender_name if info else "") or alert.sender}
    if info is not None:
        expires = info.expires
        values |= {
            "name": (info.headline or info.event)[:200],
            "event": info.event[:200],
            "area_text": "; ".join(it.description for it in info.areas)[:500],
            "expires_at": alert.sent if alert.message == "Cancel" else expires,
            **_middle(info),
        }
    values["sender"] = values["sender"][:200]
    yield Registered("warning", key_of(root), values)
    start = (info.onset or info.effective or alert.sent) if info else None
    hours = (info.expires - start).total_seconds() / 3600 if info and info.expires and start else None
    faults = "; ".join(f"{it.path}: {it.found}" for it in alert.faults)
    yield Observation(
        {
            "warning": key_of(root),
            "sent": alert.sent,
            "severity": SEVERITY.get(info.severity) if info else None,
            "duration": hours,
            "status": _known(alert.status, STATUS),
            "kind": _known(alert.message, KIND),
            "urgency": _known(info.urgency, URGENCY) if info else None,
            "certainty": _known(info.certainty, CERTAINTY) if info else None,
            "headline": (info.headline or info.event)[:200] if info else None,
            "faults": faults[:200] or None,
        },
        line=number,
    )


def _chosen(alert: Alert) -> Info | None:
    """Return what is said in Chinese, else what is said first."""
    return next((it for it in alert.infos if it.language.lower().startswith("zh")), alert.infos[0] if alert.infos else None)


def _known(said: str, among: dict[str, str]) -> str | None:
    return said if said in among else None


def _middle(info: Info) -> dict[str, float]:
    """Return the mean of the corners, or the centre, of the first area that is drawn; nothing where none is."""
    for area in info.areas:
        for ring in area.polygons:
            corners = ring[:-1]
            return {"lon": sum(it[0] for it in corners) / len(corners), "lat": sum(it[1] for it in corners) / len(corners)}
        for (lon, lat), _km in area.circles:
            return {"lon": lon, "lat": lat}
    return {}


CAP = Feed("cap", "预警消息（CAP 1.1、1.2）", stream="message", read=read_cap)

FEEDS = (CAP,)
