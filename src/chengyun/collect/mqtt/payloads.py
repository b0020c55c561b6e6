# SPDX-License-Identifier: Apache-2.0
"""What messages say, gathered by stream into as few bodies as their order allows; one bad message spoils no other.

    rows      objects and plain values, one after the other, whatever columns each has
    columns   arrays with the same columns, joined end to end

Values of one entity that come together (each on a topic of its own) are one observation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chengyun.city import Stream
from chengyun.collect.batch import DeadRow
from chengyun.collect.decode import MOST_ROWS, Dead, Decoded, read_columns, read_objects
from chengyun.collect.mqtt.topics import Way
from chengyun.errors import Malformed, nearest

__all__ = ["Block", "Gathered", "as_number"]

MOST_AHEAD_MS = 60_000
"""A burst may have pushed an entity's newest time ahead of now, by a millisecond a value; further ahead is another clock."""
LONGEST_KEPT = 20_000
"""Characters of an unreadable payload that a dead letter keeps."""

_JSON = msgspec.json.Decoder()


@dataclass(slots=True)
class Block:
    """Rows or columns of one stream that are decoded as one body. topics: of each row. open: newest plain row by entity."""

    rows: list[dict[str, Any]] | None = None
    columns: dict[str, list[Any]] | None = None
    topics: list[str] = field(default_factory=list)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)

    def decode(self, stream: Stream) -> Decoded:
        return read_objects(self.rows, stream) if self.rows is not None else read_columns(self.columns or {}, stream)


class Gathered:
    """What a stretch of messages says about one stream, in order.

    newest: entity → time of its newest stored observation, 0 without one. Times are milliseconds since 1970.
    """

    def __init__(self, stream: Stream, newest: Callable[[str], int]) -> None:
        self.stream = stream
        self._newest = newest
        self._given: dict[str, int] = {}
        self.blocks: list[Block] = []
        self.dead: list[DeadRow] = []

    def plain(self, way: Way, number: float, time_ms: int, *, again: bool, before: Mapping[str, float]) -> int:
        """Add a plain value; return the time it got.

        before: what is known already of the entity at this moment.
        """
        entity, quantity = way.given[self.stream.entity.key], way.quantity or ""
        block = self._rows()
        row = block.open.get(entity)
        if row is not None and quantity not in row and (not again or row[self.stream.time] == time_ms):
            row[quantity] = number
            return int(row[self.stream.time])
        if not again:
            time_ms = self._moment(entity, time_ms)
        block.open[entity] = row = {**way.given, self.stream.time: time_ms, **before, quantity: number}
        block.rows.append(row)  # type: ignore[union-attr]
        block.topics.append(way.name)
        return time_ms

    def row(self, topic: str, row: Mapping[str, Any]) -> None:
        block = self._rows()
        block.rows.append(dict(row))  # type: ignore[union-attr]
        block.topics.append(topic)

    def json(self, way: Way, payload: bytes, time: int, *, again: bool) -> int:
        """Add a JSON message of any of the four forms; return the time that rows without one got. Raises Malformed."""
        try:
            found = _JSON.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise Malformed(f"The message is not JSON: {wrong}.", code="json") from wrong
        match found:
            case {"columns": dict(columns)}:
                return self._columns(way, columns, time, again)
            case {"columns": list(names), "rows": list(rows)}:
                if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
                    raise Malformed("The rows are not all as long as the list of columns.", code="unequal_columns")
                return self._columns(way, {str(name): [row[i] for row in rows] for i, name in enumerate(names)}, time, again)
            case dict():
                return self._objects(way, [found], time, again)
            case list() if found and all(isinstance(row, dict) for row in found):
                return self._objects(way, found, time, again)
            case _:
                raise Malformed("The message is neither an object nor a list of objects.", code="shape")

    def unreadable(self, topic: str, payload: bytes, wrong: Malformed) -> None:
        """Set a whole message aside."""
        kept = payload[:LONGEST_KEPT].decode(errors="replace")
        self.dead.append(
            DeadRow(0, told(Dead(wrong.code, wrong.sentence), topic), {"topic": topic, "payload": kept, "bytes": len(payload)})
        )

    def _moment(self, entity: object, now: int) -> int:
        """Return a time for what came now without one: of one entity no two have the same, or one would replace the other."""
        if not isinstance(entity, str):
            return now
        newest = self._newest(entity)
        given = max(now, self._given.get(entity, 0) + 1, newest + 1 if newest < now + MOST_AHEAD_MS else 0)
        self._given[entity] = given
        return given

    def _time_for(self, entities: Iterable[object], now: int, again: bool) -> int:
        return now if again else max((self._moment(entity, now) for entity in entities), default=now)

    def _objects(self, way: Way, rows: Sequence[Mapping[str, Any]], now: int, again: bool) -> int:
        renamed, key, at = way.route.columns if way.route else {}, self.stream.entity.key, self.stream.time
        named = [{**{renamed.get(name, name): value for name, value in row.items()}, **way.given} for row in rows]
        for row in named:
            self._known(row)
        time = self._time_for((row.get(key) for row in named if at not in row), now, again)
        for row in named:
            row.setdefault(at, time)
            self.row(way.name, row)
        return time

    def _columns(self, way: Way, columns: Mapping[str, Any], now: int, again: bool) -> int:
        renamed = way.route.columns if way.route else {}
        named = {renamed.get(name, name): column for name, column in columns.items()}
        lengths = {len(column) if isinstance(column, list) else -1 for column in named.values()}
        if len(lengths) != 1 or -1 in lengths:
            raise Malformed("The columns are not lists of one length.", code="unequal_columns")
        count = lengths.pop()
        if count > MOST_ROWS:
            raise Malformed(f"The message has {count} rows, at most {MOST_ROWS} go in one.", code="too_many_rows")
        named |= {name: [value] * count for name, value in way.given.items()}
        self._known(named)
        if self.stream.entity.key not in named:
            raise Malformed(f"Neither the message nor its topic says which {self.stream.entity.key}.", code="missing_column")
        time = now
        if self.stream.time not in named:
            time = self._time_for(named[self.stream.entity.key], now, again)
            named[self.stream.time] = [time] * count
        last = self.blocks[-1] if self.blocks else None
        if last is None or last.columns is None or last.columns.keys() != named.keys() or len(last.topics) >= MOST_ROWS - count:
            self.blocks.append(Block(columns={name: list(column) for name, column in named.items()}, topics=[way.name] * count))
            return time
        for name, column in named.items():
            last.columns[name].extend(column)
        last.topics += [way.name] * count
        return time

    def _known(self, names: Mapping[str, Any]) -> None:
        for name in names:
            if name not in self.stream.columns:
                hint = nearest(name, self.stream.columns)
                raise Malformed(
                    f"Column {name[:80]!r} is not known.{hint} Known: {', '.join(self.stream.columns)}.", code="unknown_column"
                )

    def _rows(self) -> Block:
        if not self.blocks or self.blocks[-1].rows is None or len(self.blocks[-1].topics) >= MOST_ROWS:
            self.blocks.append(Block(rows=[]))
        return self.blocks[-1]


def as_number(payload: bytes) -> float:
    """Return a plain payload as a number. Raises Malformed."""
    try:
        return float(payload)
    except ValueError:
        raise Malformed(f"The message {payload[:40]!r} is not a number.", code="type") from None


def told(dead: Dead, topic: str) -> Dead:
    """Return the reason with the topic it came on."""
    return Dead(dead.code, f"{dead.reason} Topic: {topic[:200]}.")
