# SPDX-License-Identifier: Apache-2.0
"""Which reader a file needs, by what is in it before what it is called."""

from __future__ import annotations

import dataclasses
import gzip
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from chengyun.collect.pull.formats.archives import CHUNK, is_zip, open_zip, reading
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.tables import Table
from chengyun.errors import Malformed, Refused, nearest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "format_of", "read_table", "reader_for"]

Reader = Callable[[BinaryIO, str, Options], Iterator[Table]]


def _text(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    from chengyun.collect.pull.formats.delimited import read_delimited
    from chengyun.collect.pull.formats.tabulate import tabulate

    for grid in read_delimited(file, name, options):
        yield tabulate(grid, options)


def _workbook(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    from chengyun.collect.pull.formats.tabulate import tabulate

    try:
        from chengyun.collect.pull.formats.workbook import read_workbook

        for grid in read_workbook(file, name, options):
            yield tabulate(grid, options)
    except ModuleNotFoundError as wrong:
        raise _needs(wrong, "Workbooks") from wrong


def _places(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    try:
        from chengyun.collect.pull.formats.places import read_places

        yield from read_places(file, name, options)
    except ModuleNotFoundError as wrong:
        raise _needs(wrong, "Files of places") from wrong


def _parquet(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    from chengyun.collect.pull.formats.columnar import read_parquet

    yield from read_parquet(file, name, options)


def _timetable(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    from chengyun.collect.pull.formats.mobility import read_timetable

    yield from read_timetable(file, name, options)


def _realtime(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    try:
        from chengyun.collect.pull.formats.mobility import read_realtime

        yield from read_realtime(file, name, options)
    except ModuleNotFoundError as wrong:
        raise _needs(wrong, "GTFS-Realtime messages") from wrong


def _gbfs(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    from chengyun.collect.pull.formats.mobility import read_gbfs

    yield from read_gbfs(file, name, options)


def _cap(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    try:
        from chengyun.collect.pull.formats.news import read_cap

        yield from read_cap(file, name, options)
    except ModuleNotFoundError as wrong:
        raise _needs(wrong, "Alerts") from wrong


def _news(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    try:
        from chengyun.collect.pull.formats.news import read_news

        yield from read_news(file, name, options)
    except ModuleNotFoundError as wrong:
        raise _needs(wrong, "RSS and Atom feeds") from wrong


FORMATS: Mapping[str, Reader] = {
    "csv": _text, "workbook": _workbook, "places": _places, "parquet": _parquet, "gtfs": _timetable, "gtfs-rt": _realtime,
    "gbfs": _gbfs, "cap": _cap, "news": _news,
}  # fmt: skip
"""What a file can be. csv: any text with delimiters. places: GeoJSON, Shapefile (zipped), GeoPackage, KML. news: RSS and Atom."""

_BY_NAME = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv",
    ".xlsx": "workbook", ".xlsm": "workbook", ".xlsb": "workbook", ".xls": "workbook", ".et": "workbook",
    ".geojson": "places", ".gpkg": "places", ".kml": "places", ".parquet": "parquet",
    ".pb": "gtfs-rt", ".pbf": "gtfs-rt", ".cap": "cap", ".rss": "news", ".atom": "news",
}  # fmt: skip


def reader_for(name: str, options: Options | Mapping[str, Any] | None = None) -> Reader:
    """Return the reader of a file by its name and options alone; `read_table` also looks inside. Raises Refused."""
    said = _options(options)
    kind = said.format or _BY_NAME.get(_suffix(name.lower().removesuffix(".gz")))
    if kind is None:
        raise Refused(f"{name}: its name does not say what it is. State the format: {', '.join(FORMATS)}.", code="format")
    if kind not in FORMATS:
        raise Refused(f"There is no format {kind!r}.{nearest(kind, FORMATS)} Formats: {', '.join(FORMATS)}.", code="format")
    return FORMATS[kind]


def read_table(file: BinaryIO, name: str, options: Options | Mapping[str, Any] | None = None) -> Iterator[Table]:
    """Yield the tables of a file; take all batches of one before asking for the next.

    file: open, binary; one that cannot be sought is first kept in a temporary file. name: what it is called; .gz is unpacked.
    Raises Malformed for a file that cannot be read at all, Refused for options that are wrong or missing.
    """
    said = _options(options)
    with tempfile.SpooledTemporaryFile(max_size=16 * 2**20) as spool:
        if name.lower().endswith(".gz"):
            with gzip.open(file) as opened:
                source = _copied(cast("BinaryIO", opened), spool, name, said.most_bytes)
            name = name[:-3]
        elif not file.seekable():
            source = _copied(file, spool, name, said.most_bytes)
        else:
            source = file
            _hold(source, name, said.most_bytes)
        kind = said.format or format_of(source, name)
        source.seek(0)
        with reading(name):
            for table in reader_for(name, dataclasses.replace(said, format=kind))(source, name, said):
                # Rows are read as they are taken, and damage may lie far behind the first.
                table.batches = _taken(table.batches, name)
                yield table


def _taken(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    with reading(name):
        yield from batches


def format_of(file: BinaryIO, name: str) -> str:
    """Return which of FORMATS a file is, by its first bytes and then its name; the file is left at its start. Raises Refused."""
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    by_name = _BY_NAME.get(_suffix(name.lower()))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "workbook"
    if is_zip(file):
        return _of_zip(file, name)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"SQLite format 3\0"):
        return "places"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _of_xml(start)
    if start.startswith(b"{"):
        return "places" if b'"Feature' in start or by_name == "places" else "gbfs"
    if by_name is None:
        raise Refused(
            f"{name}: neither its name nor its first bytes say what it is. State the format: {', '.join(FORMATS)}.", code="format"
        )
    return by_name


def _of_zip(file: BinaryIO, name: str) -> str:
    with open_zip(file, name, 1 << 40) as archive:
        names = [it.lower() for it in archive.namelist()]
    file.seek(0)
    if any(it.startswith("xl/") for it in names):
        return "workbook"
    if any(it.rpartition("/")[2] == "stop_times.txt" for it in names):
        return "gtfs"
    if any(it.endswith((".shp", ".kml", ".geojson", ".gpkg")) for it in names):
        return "places"
    raise Refused(
        f"{name} is a zip without a workbook, timetable or layer of places in it. Unpack it and send its files.", code="format"
    )


def _of_xml(start: bytes) -> str:
    for word, kind in ((b"<kml", "places"), (b"urn:oasis:names:tc:emergency:cap", "cap"), (b"<alert", "cap")):
        if word in start and b"<feed" not in start and b":feed" not in start:
            return kind
    return "news"


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2] if "." in name else ""


def _copied(source: BinaryIO, spool: Any, name: str, most: int) -> BinaryIO:
    total = 0
    try:
        with reading(name):
            while chunk := source.read(CHUNK):
                total += len(chunk)
                if total > most:
                    raise Malformed(
                        f"{name} unpacks to more than {most:,} bytes. Split it, or raise most_bytes.", code="too_large", file=name
                    )
                spool.write(chunk)
    except gzip.BadGzipFile as wrong:
        raise Malformed(f"{name} is broken: {wrong}. Send it again.", code="broken_file", file=name) from wrong
    spool.seek(0)
    return cast("BinaryIO", spool)


def _hold(file: BinaryIO, name: str, most: int) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > most:
        raise Malformed(
            f"{name} has {size:,} bytes, expected at most {most:,}. Split it, or raise most_bytes.", code="too_large", file=name
        )


def _options(said: Options | Mapping[str, Any] | None) -> Options:
    if isinstance(said, Options):
        return said
    return Options.of(said or {})


def _needs(wrong: ModuleNotFoundError, what: str) -> Refused:
    return Refused(f"{what} need the extra `files`: pip install 'chengyun[files]' ({wrong.name} is missing).", code="extra")
