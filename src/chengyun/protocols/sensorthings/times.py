# SPDX-License-Identifier: Apache-2.0
"""Instants and intervals as SensorThings writes them: ISO 8601, with an offset; without one they are UTC."""

from __future__ import annotations

import datetime as dt
import re

from chengyun.errors import Malformed

__all__ = ["Period", "read_instant", "read_period", "read_span", "write_instant", "write_period"]

Period = tuple[dt.datetime, dt.datetime | None]

MORE_THAN_MICRO = re.compile(r"(\.\d{6})\d+")
EARLIEST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
LATEST = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


def read_instant(text: object) -> dt.datetime:
    """Return an instant in UTC. Raises Malformed (400)."""
    if isinstance(text, str) and len(text) <= 40:
        try:
            read = dt.datetime.fromisoformat(text if len(text) < 27 else MORE_THAN_MICRO.sub(r"\1", text))
        except ValueError:
            read = None
        if read is not None and len(text) > 10:
            aware = read if read.tzinfo else read.replace(tzinfo=dt.UTC)
            if EARLIEST < aware < LATEST:
                return aware.astimezone(dt.UTC)
    raise Malformed(f"{str(text)[:40]!r} is not a time. Write e.g. 2026-01-31T08:00:00Z.", code="time", status=400)


def read_span(text: object) -> Period:
    """Return an instant (start, None) or an interval (start, end). Raises Malformed (400)."""
    if isinstance(text, str) and "/" in text:
        return read_period(text)
    return read_instant(text), None


def read_period(text: str) -> tuple[dt.datetime, dt.datetime]:
    """Return an interval `start/end`. Raises Malformed (400) also for one that ends before it starts."""
    first, _, last = text.partition("/")
    start, end = read_instant(first), read_instant(last)
    if end < start:
        raise Malformed(f"The interval {text[:80]!r} ends before it starts.", code="time", status=400)
    return start, end


def write_instant(at: dt.datetime) -> str:
    """Return an instant as it is told."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def write_period(start: dt.datetime, end: dt.datetime | None) -> str:
    """Return an instant or an interval as it is told."""
    return write_instant(start) if end is None else f"{write_instant(start)}/{write_instant(end)}"
