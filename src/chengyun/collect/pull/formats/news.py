# SPDX-License-Identifier: Apache-2.0
"""Alerts (CAP 1.1 and 1.2) and news feeds (RSS and Atom) as tables."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.records import table_of
from chengyun.collect.pull.formats.tables import Column, Fault, Table
from chengyun.errors import Malformed
from chengyun.standards.cap import Alert, read_alerts
from chengyun.standards.safe_xml import parse_xml

__all__ = ["read_cap", "read_news"]

ALERT = (
    Column("identifier", "text"), Column("sender", "text"), Column("sent", "moment"), Column("status", "text"),
    Column("message", "text"), Column("scope", "text"), Column("references", "text"), Column("signed", "flag"),
    Column("language", "text"), Column("categories", "text"), Column("event", "text"), Column("urgency", "text"),
    Column("severity", "text"), Column("certainty", "text"), Column("effective", "moment"), Column("onset", "moment"),
    Column("expires", "moment"), Column("sender_name", "text"), Column("headline", "text"), Column("description", "text"),
    Column("instruction", "text"), Column("area", "text"), Column("geometry", "geometry"), Column("codes", "text"),
)  # fmt: skip
ENTRY = (
    Column("id", "text"), Column("title", "text"), Column("link", "text"), Column("published", "moment"),
    Column("updated", "moment"), Column("summary", "text"), Column("author", "text"),
)  # fmt: skip
CIRCLE_POINTS = 64
KM_PER_DEGREE = 111.195
"""6371.0088 km × π / 180."""


def read_cap(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield the alerts of a file: one row for each language of each message."""
    data = file.read(options.most_bytes)
    try:
        alerts = list(read_alerts(data))
    except ValueError as wrong:
        raise Malformed(f"{name} cannot be read: {wrong}.", file=name) from wrong
    if not alerts:
        raise Malformed(f"{name} holds no alert of the Common Alerting Protocol. Give CAP, or read it as news.", file=name)
    yield table_of("alerts", ALERT, _alerts(alerts, name), rows=options.rows, most_faults=options.most_faults)


def _alerts(alerts: list[Alert], name: str) -> Iterator[Mapping[str, Any] | Fault]:
    for alert in alerts:
        for fault in alert.faults:
            place = f"{alert.identifier or 'without an identifier'}: {fault.path}"
            yield Fault("cap", name, 0, fault.path.rpartition("/")[2], place, fault.found, fault.expected)
        common = {
            "identifier": alert.identifier, "sender": alert.sender, "sent": alert.sent, "status": alert.status,
            "message": alert.message, "scope": alert.scope, "references": " ".join(",".join(it) for it in alert.references),
            "signed": alert.signed,
        }  # fmt: skip
        for info in alert.infos:
            said = {name: getattr(info, name) for name in _SAID}
            areas = info.areas
            yield {
                **common,
                **said,
                "categories": " ".join(info.categories),
                "area": "; ".join(it.description for it in areas),
                "geometry": _geometry(info),
                "codes": " ".join(f"{system}={value}" for area in areas for system, value in area.codes),
            }
        if not alert.infos:
            yield common


_SAID = (
    "language", "event", "urgency", "severity", "certainty", "effective", "onset", "expires", "sender_name", "headline",
    "description", "instruction",
)  # fmt: skip


def _geometry(info: Any) -> bytes | None:
    """Return the areas of a message as one shape; a circle as 64 points on the sphere."""
    from shapely import Polygon, to_wkb, union_all

    polygons = [Polygon(ring) for area in info.areas for ring in area.polygons]
    polygons += [Polygon(_ring(*circle)) for area in info.areas for circle in area.circles if circle[1] > 0]
    return to_wkb(union_all(polygons)) if polygons else None


def _ring(centre: tuple[float, float], km: float) -> list[tuple[float, float]]:
    import math

    wide = km / KM_PER_DEGREE / max(0.01, math.cos(math.radians(centre[1])))
    turns = [2 * math.pi * step / CIRCLE_POINTS for step in range(CIRCLE_POINTS)]
    return [(centre[0] + wide * math.cos(it), centre[1] + km / KM_PER_DEGREE * math.sin(it)) for it in turns]


def read_news(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield the entries of a feed, each once; what feedparser cleans of scripts stays clean."""
    import feedparser

    data = file.read(options.most_bytes)
    try:
        parse_xml(data)
    except ValueError as wrong:
        # Feeds are often no XML by an ampersand; definitions of their own are another matter.
        if re.search(rb"<!(?:DOCTYPE|ENTITY)", data, re.IGNORECASE):
            raise Malformed(f"{name} cannot be read: {wrong}.", file=name) from wrong
    feed = feedparser.parse(data)
    if not feed.get("version"):
        raise Malformed(f"{name} is neither RSS nor Atom. State its format.", file=name)
    yield table_of("entries", ENTRY, _entries(feed, name), rows=options.rows, most_faults=options.most_faults)


def _entries(feed: Any, name: str) -> Iterator[Mapping[str, Any] | Fault]:
    seen: set[str] = set()
    if feed.bozo and not isinstance(feed.bozo_exception, UnicodeError | LookupError):
        line = getattr(feed.bozo_exception, "getLineNumber", lambda: 0)() or 0
        yield Fault(
            "xml",
            name,
            line,
            "",
            f"line {line}",
            str(feed.bozo_exception)[:80],
            "well-formed XML",
            "The rest was read as far as it goes",
        )
    for index, entry in enumerate(feed.entries, 1):
        key = entry.get("id") or entry.get("link")
        if not key:
            yield Fault("entry", name, 0, "id", f"entry {index}", "neither an id nor a link", "one of them")
            continue
        if key in seen:
            continue
        seen.add(key)
        yield {
            "id": key, "title": entry.get("title"), "link": entry.get("link"),
            "published": _instant(dict.get(entry, "published_parsed")),
            "updated": _instant(dict.get(entry, "updated_parsed")), "summary": entry.get("summary"),
            "author": entry.get("author"),
        }  # fmt: skip


def _instant(parts: Any) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(calendar.timegm(parts), dt.UTC) if parts else None
