# SPDX-License-Identifier: Apache-2.0
"""CSV files cut into parts and read by column, where the feed says how; what is not plain is read by the feed row by row.

    file ─▶ parts of whole lines ─┬─▶ columns ──────────────────────────────┬─▶ decoded rows in the order of the file
                                  └─▶ lines that are not plain ─▶ feed.read ┘

A part depends on the file alone, so an interrupted load goes on where it stood. Pure: no clock, no register, no network.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from chengyun.city import Columns, Distinct, Feed, Malformed, Number, Observation, Registered, Row, Stream
from chengyun.collect.decode import Decoded, read_columns
from chengyun.collect.load import BROKEN, plain_columns, read_rows
from chengyun.errors import Misdeclared
from chengyun.lake.rows import Bools, Floats

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PART_BYTES", "PART_ROWS", "Part", "Piece", "pieces", "read_piece"]

PART_BYTES = 20 << 20
"""Bytes of text in one part: some 250,000 rows of a dozen columns. A load that was interrupted counts in these."""
PART_ROWS = 100_000
"""Rows of one part where a feed is read row by row."""
CHUNK = 1 << 20
"""Bytes read at a time, so that of a broken file all is kept that came before the break."""
LONGEST_QUOTE = 1 << 20
"""How far a part is lengthened to find the end of a quoted text."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_PLAIN = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
"""Decimal numbers that every reader reads alike."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part as it stands in the file. text: its lines; b"" when `rows` holds what the feed read row by row.

    line: number of its first line. header: the names of the columns.
    """

    number: int
    line: int
    header: bytes
    text: bytes
    rows: Sequence[Row] = ()


@dataclass(slots=True)
class Part:
    """A part read. decoded: its rows in the order of the file; lines: the number of each.

    malformed: rows that could not be read, beside those.
    """

    number: int
    registered: list[Registered]
    decoded: Decoded
    lines: NDArray[np.int64]
    malformed: list[Malformed] = field(default_factory=list)


def pieces(feed: Feed, opened: BinaryIO, name: str) -> Iterator[Piece]:
    """Cut a file, already decompressed, into parts.

    A file whose header is not as declared, or whose quotes do not end, is left to the feed from there on.
    """
    if feed.columns is None:
        yield from _by_row(feed, opened, name, 0, 0)
        return
    lines = _Lines(opened, name)
    header = lines.take(1)
    names = header_names(header)
    if names is None or len(set(names)) < len(names) or not set(feed.columns.needed) <= set(names):
        yield from _by_row(feed, lines.rest(header), name, 0, 0)
        return
    number, line = 0, 2
    while text := lines.take(PART_BYTES):
        while text.count(b'"') % 2 and len(text) < PART_BYTES + LONGEST_QUOTE and (more := lines.take(1)):
            text += more
        if text.count(b'"') % 2 or not _is_utf8(text):
            yield from _by_row(feed, lines.rest(header + text), name, number, line - 2)
            return
        yield Piece(number, line, header, text)
        number, line = number + 1, line + text.count(b"\n")
    if lines.broken is not None:
        yield Piece(number, line, header, b"", [lines.broken])


def read_piece(feed: Feed, stream: Stream, piece: Piece, name: str) -> Part:
    """Read a part into rows. name: of the file, for messages."""
    if not piece.text:
        return _part_of_rows(stream, piece.number, piece.rows)
    assert feed.columns is not None
    parsed = _parsed(piece, feed.columns)
    if parsed is None:
        rows = [_moved(row, piece.line - 2) for row in feed.read(io.BytesIO(piece.header + piece.text), name)]
        return _part_of_rows(stream, piece.number, rows)
    return _Reading(feed, feed.columns, stream, piece, name).read(*parsed)


def header_names(header: bytes) -> list[str] | None:
    """Return the names in a header, or None when it needs a closer look than by commas."""
    try:
        text = header.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        return None
    return None if '"' in text or "\r" in text else [column.strip() for column in text.split(",")]


class _Reading:
    """One part being read by column."""

    def __init__(self, feed: Feed, columns: Columns, stream: Stream, piece: Piece, name: str) -> None:
        self.feed, self.columns, self.stream, self.piece, self.name = feed, columns, stream, piece, name
        self.odd: Bools = np.zeros(0, dtype=np.bool_)

    def read(self, table: pa.Table, odd: Bools) -> Part:
        count, self.odd = len(table), odd
        entities, codes = self._distinct(table, self.columns.entity)
        instants, clock = self._distinct(table, self.columns.time)
        numbers = {
            quantity.key: self._number(table, self.columns.numbers[quantity.key])
            if quantity.key in self.columns.numbers
            else np.full(count, np.nan)
            for quantity in self.stream.quantities
        }
        words = {word.key: self._word(table, word.key) for word in self.stream.words}
        keys = np.array(["" if one is None else one.key for one in entities], dtype=np.object_)[codes].tolist()
        time = np.array([0 if it is None else _microseconds(it) for it in instants], dtype=np.int64)[clock]
        decoded = Decoded(keys, time, numbers, words, {})
        seen = np.unique(codes[~self.odd]).tolist()
        lines = self.piece.line + np.arange(count, dtype=np.int64)
        part = Part(self.piece.number, [entities[code] for code in seen], decoded, lines)
        if self.odd.any():
            self._read_odd(part)
        decoded.raw = _raw(decoded, self.stream)
        return part

    def _distinct(self, table: pa.Table, made: Distinct) -> tuple[list[Any], NDArray[np.int64]]:
        """Return the different values and which of them each row has; None where the texts make none: such rows are odd."""
        import pyarrow as pa

        texts, codes = [], np.zeros(len(table), dtype=np.int64)
        for column in made.columns:
            encoded = table[column].combine_chunks()
            encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
            texts.append(encoded.dictionary.to_pylist())
            codes = codes * max(1, len(texts[-1])) + encoded.indices.to_numpy()
        both = pa.array(codes).dictionary_encode()
        values: list[Any] = []
        for combination in both.dictionary.to_pylist():
            chosen = []
            for column_texts in reversed(texts):
                combination, place = divmod(combination, max(1, len(column_texts)))
                chosen.append(column_texts[place])
            values.append(_made(made, chosen[::-1]))
        index = both.indices.to_numpy().astype(np.int64)
        failed = np.array([value is _ODD for value in values], dtype=np.bool_)
        if failed.any():
            self.odd |= failed[index]
        return [None if value is _ODD else value for value in values], index

    def _number(self, table: pa.Table, number: Number) -> Floats:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[number.column]
        if pa.types.is_floating(column.type) and not number.shift:
            values = np.array(column.to_numpy(), dtype=np.float64)
            nans = np.isnan(values)
            if np.count_nonzero(nans) != column.null_count:
                self.odd |= nans & column.is_valid().to_numpy()
        else:
            texts = column.cast(pa.string()) if not pa.types.is_string(column.type) else column
            texts = pc.utf8_trim_whitespace(texts)
            missing = pc.or_kleene(pc.is_in(texts, pa.array(sorted(self.columns.missing))), pc.is_null(texts)).to_numpy()
            plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), False)
            self.odd |= ~(plain.to_numpy() | missing)
            # A shifted number is read with its exponent, so that it is rounded once, as a decimal that is shifted would be.
            if number.shift:
                texts = pc.binary_join_element_wise(texts, f"e{number.shift}", "")
            read = pc.if_else(pc.and_(plain, pa.array(~missing)), texts, pa.scalar(None, pa.string())).cast(pa.float64())
            values = np.array(read.to_numpy(), dtype=np.float64)
        with np.errstate(invalid="ignore"):
            self.odd |= np.abs(values) >= number.most
        return values

    def _word(self, table: pa.Table, key: str) -> list[str | None]:
        if key not in self.columns.words:
            return [None] * len(table)
        values, index = self._distinct(table, self.columns.words[key])
        # The front door's own judgement of each different word; a wrong one's row goes to the feed and dies with its reason.
        blank = {self.stream.entity.key: ["-"] * len(values), self.stream.time: [0] * len(values)}
        wrong = read_columns({**blank, key: values}, self.stream).dead
        if wrong:
            self.odd |= np.isin(index, list(wrong))
        return np.array([*values, None], dtype=np.object_)[index].tolist()  # type: ignore[no-any-return]

    def _read_odd(self, part: Part) -> None:
        """Let the feed read the odd rows; put what it reads in their places."""
        places = np.flatnonzero(self.odd)
        lines = self.piece.text.split(b"\n")
        text = b"".join(lines[place].rstrip(b"\r") + b"\n" for place in places.tolist())
        header = self.piece.header.rstrip(b"\r\n") + b"\n"
        rows: list[Observation] = []
        index: list[int] = []
        for row in self.feed.read(io.BytesIO(header + text), self.name):
            match row:
                case Registered():
                    part.registered.append(row)
                case Observation():
                    rows.append(row)
                    index.append(int(places[_at(self.feed, row.line, len(places))]))
                case Malformed():
                    at = _at(self.feed, row.fields.get("line"), len(places))
                    moved = _moved(row, self.piece.line + int(places[at]) - at - 2)
                    part.malformed.append(cast("Malformed", moved))
        _place(part.decoded, np.array(index, dtype=np.int64), _decoded(rows, self.stream))
        gone = self.odd.copy()
        gone[index] = False
        if gone.any():
            _without(part, gone)


_ODD = object()


def _made(made: Distinct, texts: Sequence[str]) -> Any:
    try:
        return made.make(*texts)
    except ValueError:
        return _ODD


def _parsed(piece: Piece, columns: Columns) -> tuple[pa.Table, Bools] | None:
    """Return the part's columns, one row a line, and which lines are no rows; None: lines and rows do not agree."""
    import pyarrow as pa

    text = piece.text
    if b'"' in text and any(line.count(b'"') % 2 for line in text.split(b"\n")):
        return None  # a text goes on in the next line
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        return None
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    names = header_names(piece.header) or []
    for as_numbers in (True, False):
        try:
            table = _read_csv(text, names, columns, as_numbers)
        except pa.ArrowInvalid:
            continue
        return (table, np.zeros(lines, dtype=np.bool_)) if len(table) == lines else None
    if b'"' in text:
        return None
    # Lines with too few or too many commas, or empty ones: an empty row stands in for each, so that rows stay in place.
    split = text.removesuffix(b"\n").split(b"\n")
    broken = np.array([line.count(b",") != len(names) - 1 for line in split], dtype=np.bool_)
    blank = b"," * (len(names) - 1)
    mended = b"\n".join(blank if wrong else line for line, wrong in zip(split, broken.tolist(), strict=True)) + b"\n"
    try:
        return _read_csv(mended, names, columns, as_numbers=False), broken
    except pa.ArrowInvalid:
        return None


def _read_csv(text: bytes, names: list[str], columns: Columns, as_numbers: bool) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as csv

    kinds: dict[str, pa.DataType] = dict.fromkeys(columns.needed, pa.string())
    if as_numbers:
        kinds |= {number.column: pa.float64() for number in columns.numbers.values() if not number.shift}
    made = [columns.entity, columns.time, *columns.words.values()]
    kinds |= {name: pa.dictionary(pa.int32(), pa.string()) for one in made for name in one.columns}
    return csv.read_csv(
        pa.BufferReader(text),
        # One block: a dictionary is then one for all rows, and another part is read meanwhile anyway.
        read_options=csv.ReadOptions(column_names=names, block_size=len(text) + 1, use_threads=False),
        parse_options=csv.ParseOptions(ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=kinds, include_columns=columns.needed, null_values=sorted(columns.missing), strings_can_be_null=False,
        ),
    )  # fmt: skip


def _part_of_rows(stream: Stream, number: int, rows: Sequence[Row]) -> Part:
    observations = [row for row in rows if isinstance(row, Observation)]
    return Part(
        number, [row for row in rows if isinstance(row, Registered)], _decoded(observations, stream),
        np.array([row.line for row in observations], dtype=np.int64), [row for row in rows if isinstance(row, Malformed)],
    )  # fmt: skip


def _decoded(rows: Sequence[Observation], stream: Stream) -> Decoded:
    return read_columns(plain_columns(rows, stream), stream)


def _raw(decoded: Decoded, stream: Stream) -> dict[str, Sequence[object]]:
    """Return the rows as a sender would have written them, each cell when it is asked for."""
    raw: dict[str, Any] = {
        stream.entity.key: decoded.keys,
        stream.time: _Cells(decoded.time, lambda us: int(us) // 1000),
    }
    raw |= {
        key: _Cells(values, lambda value: None if np.isnan(value) else float(value)) for key, values in decoded.numbers.items()
    }
    raw |= decoded.words
    return {name: raw[name] for name in stream.columns}


class _Cells(Sequence[object]):
    def __init__(self, values: NDArray[Any], plain: Callable[[Any], object]) -> None:
        self._values, self._plain = values, plain

    def __getitem__(self, index: Any) -> Any:
        return self._plain(self._values[index])

    def __len__(self) -> int:
        return len(self._values)


def _by_row(feed: Feed, opened: BinaryIO, name: str, number: int, offset: int) -> Iterator[Piece]:
    rows: list[Row] = []
    for row in read_rows(feed, opened, name):
        rows.append(_moved(row, offset))
        if len(rows) >= PART_ROWS:
            yield Piece(number, 0, b"", b"", rows)
            number, rows = number + 1, []
    if rows:
        yield Piece(number, 0, b"", b"", rows)


def _moved(row: Row, by: int) -> Row:
    """Return what was read in a cut-out with the line it has in the whole file."""
    if not by or isinstance(row, Registered):
        return row
    if isinstance(row, Observation):
        return dataclasses.replace(row, line=row.line + by) if row.line else row
    line = row.fields.get("line")
    if not isinstance(line, int):
        return row
    sentence = re.sub(rf"\bline {line}\b", f"line {line + by}", row.sentence, count=1)
    return Malformed(sentence, code=row.code, **{**row.fields, "line": line + by})


def _at(feed: Feed, line: object, count: int) -> int:
    """Return which of the lines given to the feed a row stood in."""
    if not isinstance(line, int) or not 2 <= line < count + 2:
        raise Misdeclared([
            f"Feed({feed.key!r}) has columns, but its `read` says that a row stood in line {line!r} of {count + 1}; "
            "it must give the line of every observation and fault."
        ])  # fmt: skip
    return line - 2


def _place(decoded: Decoded, index: NDArray[np.int64], rows: Decoded) -> None:
    """Put rows into their places among others."""
    decoded.time[index] = rows.time
    for key, values in rows.numbers.items():
        decoded.numbers[key][index] = values
    for position, place in enumerate(index.tolist()):
        decoded.keys[place] = rows.keys[position]
        for key, words in rows.words.items():
            decoded.words[key][place] = words[position]
        if position in rows.dead:
            decoded.dead[place] = rows.dead[position]


def _without(part: Part, gone: Bools) -> None:
    """Take rows out that turned out to be none."""
    kept = np.flatnonzero(~gone)
    decoded, chosen = part.decoded, kept.tolist()
    moved = {old: new for new, old in enumerate(chosen)} if decoded.dead else {}
    decoded.keys = [decoded.keys[i] for i in chosen]
    decoded.time = decoded.time[kept]
    decoded.numbers = {key: values[kept] for key, values in decoded.numbers.items()}
    decoded.words = {key: [values[i] for i in chosen] for key, values in decoded.words.items()}
    decoded.dead = {moved[index]: dead for index, dead in decoded.dead.items()}
    part.lines = part.lines[kept]


def _is_utf8(text: bytes) -> bool:
    """Say whether text is UTF-8. As one Arrow string: a quarter of the work of decoding it, and no copy."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(text)], dtype=np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _microseconds(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


class _Lines:
    """Whole lines of an open file. broken: why it could not be read to its end; what came before is taken first."""

    def __init__(self, opened: BinaryIO, name: str) -> None:
        self.broken: Malformed | None = None
        self._opened, self._name = opened, name
        self._buffer = b""

    def take(self, size: int) -> bytes:
        """Return so many bytes, and on to the end of the line; b"" at the end."""
        chunks = [self._buffer]
        length = len(self._buffer)
        while (length < size or b"\n" not in chunks[-1]) and (chunk := self._read()):
            chunks.append(chunk)
            length += len(chunk)
        text = b"".join(chunks)
        end = text.find(b"\n", max(0, size - 1)) + 1
        cut = end or text.rfind(b"\n") + 1 if length >= size else 0
        self._buffer = text[cut:] if cut else b""
        return text[:cut] if cut else text

    def rest(self, taken: bytes) -> BinaryIO:
        """Return what is left as a file, after what was taken from it last."""
        return cast("BinaryIO", io.BufferedReader(_Chained(taken + self._buffer, self._opened)))

    def _read(self) -> bytes:
        if self.broken is not None:
            return b""
        try:
            return self._opened.read(CHUNK)
        except BROKEN as wrong:
            sentence = f"{self._name} is broken: {wrong}. What came before is kept."
            self.broken = Malformed(sentence, code="broken_file", file=self._name)
            return b""


class _Chained(io.RawIOBase):
    """Bytes already read, then the rest of a file. The rest is not closed with it."""

    def __init__(self, before: bytes, rest: BinaryIO) -> None:
        self._before, self._rest = memoryview(before), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._before:
            given = self._rest.read(len(buffer))
            buffer[: len(given)] = given
            return len(given)
        count = min(len(buffer), len(self._before))
        buffer[:count] = self._before[:count]
        self._before = self._before[count:]
        return count
