# SPDX-License-Identifier: Apache-2.0
"""Reading HTTP services: in pages, only what is new, patiently, and nowhere but where they were declared to be.

The rows of a service come in no order that can be relied on, so the position moves once everything was read; rows known from
the last time are not sent again. A body that is no JSON is read by the readers of files.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import msgspec

from chengyun.collect.pull.chunks import ROWS, Chunk, Row, mark_of, moment_of
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.getting import Getter, Wait, shown
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead, Paging, Spec, floor
from chengyun.errors import Malformed

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpReading"]

MOST_PAGES = 10_000
AHEAD = dt.timedelta(days=1)


class HttpReading:
    """One reading of a service."""

    def __init__(
        self, spec: Spec, read: HttpRead, credentials: Credentials, guard: Guard, position: Mapping[str, Any], zone: dt.tzinfo,
        now: dt.datetime, wait: Wait = time.sleep,
    ) -> None:  # fmt: skip
        self._spec, self._read, self._zone, self._now = spec, read, zone, now
        self._getter = Getter(spec.address, read, guard, now, credentials, wait)
        self._position = dict(position)
        self._mark: int | None = position.get("mark") if read.watermark else None
        self._timed = bool(position.get("timed", True))
        self.since_mark = floor(spec, self._mark, self._timed) if self._mark is not None and read.since else None
        self.whole = False

    def keys(self) -> None:
        """What is asked for with `since` is not everything; what is gone cannot be told then."""
        return

    def close(self) -> None:
        self._getter.close()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of every page. Raises Unavailable, Refused or Malformed."""
        highest = self._mark
        after = dict(self._position)
        for number, (body, answer) in enumerate(self._pages(), start=1):
            if body is None:
                return  # not modified: nothing was read, and nothing is gone
            if number == 1:
                after |= {"etag": answer.get("etag", ""), "modified": answer.get("last-modified", "")}
            for rows, kinds, size in body:
                marks = [it for row in rows if (it := self._mark_in(row)) is not None]
                highest = max([*marks, *([] if highest is None else [highest])], default=None)
                yield Chunk(rows, f"page {number}", kinds, size)
        if highest is not None:
            if self._timed:
                highest = min(highest, mark_of(self._now + AHEAD, dt.UTC) or highest)
            after |= {"mark": highest, "timed": self._timed}
        self.whole = True
        yield Chunk([], "end", after=after)

    def _mark_in(self, row: Row) -> int | None:
        if not self._read.watermark:
            return None
        value = row.get(self._read.watermark)
        if value is not None:
            self._timed = not isinstance(value, int | float) or self._read.since_format in ("s", "ms")
        if self._timed and isinstance(value, int | float):
            value = moment_of(round(value * (1_000_000 if self._read.since_format == "s" else 1_000)))
        return mark_of(value, self._zone)

    def _pages(self) -> Iterator[tuple[_Body | None, Mapping[str, str]]]:
        paging, parameters = self._read.paging, dict(self._read.parameters) | self._since()
        address, size = self._spec.address, 0
        place = paging.first if paging and paging.by == "page" else 0
        asked: set[str] = set()
        for _ in range(MOST_PAGES):
            words = dict(parameters)
            if paging and paging.parameter and paging.by in ("page", "offset"):
                words[paging.parameter] = str(place)
            if paging and paging.size_parameter and paging.size:
                words[paging.size_parameter] = str(paging.size)
            answer, file, size = self._getter.get(address, words, self._position if paging is None and not asked else None)
            if str(answer.url) in asked:
                raise Malformed(f"{shown(answer)} was named as the next page twice; the service runs in a circle.", code="paging")
            asked.add(str(answer.url))
            if file is None:
                yield None, answer.headers
                return
            body = _Body(self._read, file, size, answer, str(self._zone))
            yield body, answer.headers
            following = self._following(paging, body, answer)
            if following is None:
                return
            match following:
                case str() if paging and paging.by == "cursor" and paging.parameter:
                    parameters[paging.parameter] = following
                case str():
                    address, parameters = following, {}
                case int():
                    place += following
        raise Malformed(f"The service gave {MOST_PAGES} pages and no end.", code="paging")

    def _following(self, paging: Paging | None, body: _Body, answer: httpx.Response) -> str | int | None:
        """Return the cursor or address of the next page, or how far to count on; None at the end."""
        if paging is None:
            return None
        if paging.by == "link":
            named = body.at(paging.next) if paging.next else answer.links.get("next", {}).get("url")
            return urljoin(str(answer.url), str(named)) if named else None
        if paging.by == "cursor":
            cursor = body.at(paging.next or "")
            return str(cursor) if cursor not in (None, "", False) and body.count else None
        if not body.count or (paging.size and body.count < paging.size):
            return None
        return 1 if paging.by == "page" else body.count

    def _since(self) -> dict[str, str]:
        if not self._read.since or self.since_mark is None:
            return {}
        if not self._timed:
            return {self._read.since: str(self.since_mark)}
        moment = moment_of(self.since_mark)
        match self._read.since_format:
            case None:
                text = moment.astimezone(self._zone).isoformat(timespec="seconds")
            case "s":
                text = str(int(moment.timestamp()))
            case "ms":
                text = str(int(moment.timestamp() * 1000))
            case pattern:
                text = moment.astimezone(self._zone).strftime(pattern)
        return {self._read.since: text}


class _Body:
    """The body of a page, its rows taken once. count: of rows given so far."""

    def __init__(self, read: HttpRead, file: BinaryIO, size: int, answer: httpx.Response, zone: str) -> None:
        self._read, self._file, self._size, self._answer, self._zone = read, file, size, answer, zone
        self._found: Any = None
        self.count = 0

    def __iter__(self) -> Iterator[tuple[list[Row], dict[str, str] | None, int]]:
        with self._file:
            if self._read.format == "json":
                yield from self._json()
            else:
                yield from self._tables()

    def at(self, path: str) -> Any:
        """Return what stands at a path of the JSON body; None where it ends."""
        return _at(self._found, path)

    def _json(self) -> Iterator[tuple[list[Row], None, int]]:
        try:
            self._found = msgspec.json.decode(self._file.read())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise Malformed(f"{shown(self._answer)} is not JSON: {wrong}.", code="body") from wrong
        rows = _at(self._found, self._read.rows)
        rows = [rows] if isinstance(rows, dict) else rows
        if not isinstance(rows, list):
            told = ", ".join(self._found) if isinstance(self._found, dict) else type(self._found).__name__
            raise Malformed(
                f"{shown(self._answer)} has no list of rows at {self._read.rows!r}; it has {told[:200]}.", code="body"
            )
        self.count = len(rows)
        for start in range(0, len(rows), ROWS):
            part = [_flat(row) if isinstance(row, dict) else {"value": row} for row in rows[start : start + ROWS]]
            yield part, None, self._size if start == 0 else 0

    def _tables(self) -> Iterator[tuple[list[Row], dict[str, str] | None, int]]:
        from chengyun.collect.pull.tables import read_tables

        name = urlsplit(str(self._answer.url)).path.rpartition("/")[2] or "body"
        size = self._size
        for part in read_tables(self._file, name, {"format": self._read.format, "zone": self._zone, **self._read.options}, ""):
            self.count += len(part.rows)
            yield part.rows, part.kinds, size
            size = 0


def _at(found: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.lstrip("-").isdigit() and -len(found) <= int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _flat(row: Mapping[str, Any], prefix: str = "") -> Row:
    """Return an object's values by path, e.g. `location.lat`; lists stay as they are."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
