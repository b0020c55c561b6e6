# SPDX-License-Identifier: Apache-2.0
"""Reading streams: hot and sealed rows as one table of one moment, in a DuckDB of the reader's own.

    with snapshot(["air_quality.station_hour"], since=…, until=…) as lake:
        lake.rows("SELECT station, avg(pm25) AS pm25 FROM station_hour GROUP BY station")

Per stream two views, in a schema named by the pack: `<stream>` is what is held true, one row per entity and time, invalid
values NULL; `<stream>_raw` is every version as sent, with `until_seq`. Per entity a view of its register.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

from chengyun.city import City
from chengyun.errors import Unavailable
from chengyun.lake import engine, iceberg
from chengyun.lake.books import Books, Vanished, look
from chengyun.lake.iceberg import SealedFile
from chengyun.lake.rows import invalid_bit
from chengyun.lake.shape import shaped
from chengyun.lake.tables import StreamTable, names, quote, register_table, stream_table
from chengyun.lake.versions import versions

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Params = Mapping[str, object] | Sequence[object] | None

Keys = tuple[str | None, str | None]

ATTEMPTS = 5


class Snapshot:
    """Streams as they were at one moment; for one thread, until its `with` ends.

    seqs: stream → the highest seq that was there to be seen. Give them as `as_of` to see the same again.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, seqs: dict[str, int]) -> None:
        self.connection = connection
        self.seqs = seqs

    def arrow(self, sql: str, params: Params = None) -> pa.Table:
        """Return a query's rows as an Arrow table. params: by `$name` or `?`."""
        return engine.fetch(self.connection, sql, params)

    def rows(self, sql: str, params: Params = None) -> list[dict[str, Any]]:
        """Return a query's rows as dicts; instants are aware."""
        return self.arrow(sql, params).to_pylist()  # type: ignore[no-any-return]


@contextmanager
def snapshot(
    streams: Sequence[str],
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    as_of: Mapping[str, int] | None = None,
    entities: Sequence[str] | None = None,
    exact: bool = True,
    registers: bool = True,
) -> Iterator[Snapshot]:
    """Open streams as one consistent table each.

    since, until: phenomenon time, [since, until); rows outside are not in the views.
    as_of: stream → seq: show the stream as it was when that was its newest seq.
    entities: keys; only their rows.
    exact: sums come out the same to the last bit however the rows are stored, because the current rows are laid out in
        order of entity and time and one thread adds them; False: faster over many millions of rows, last bits may differ.
    registers: whether to make the views of the packs' registers.
    Raises NotFound for an unknown stream.
    """
    city: City = settings.CITY
    tables = [stream_table(city, qualified) for qualified in streams]
    window = Window(since, until, entities, as_of or {})
    connection = engine.connect(threads=1 if exact else engine.THREADS)
    try:
        for left in reversed(range(ATTEMPTS)):
            try:
                with look() as books:
                    gathered = _gather(books, city if registers else None, tables, window)
                    _open(connection, gathered)
                break
            except (Vanished, FileNotFoundError) as gone:
                if not left:
                    raise Unavailable(f"The tables of {', '.join(streams)} kept changing while being read: {gone}") from gone
        yield _shown(connection, gathered, exact)
    finally:
        connection.close()


def gather(
    streams: Sequence[str], *, since: dt.datetime | None = None, until: dt.datetime | None = None, registers: bool = True
) -> Gathered:
    """Return what a snapshot of streams is made of, to be opened elsewhere, perhaps on another machine, by `opened`."""
    city: City = settings.CITY
    tables = [stream_table(city, qualified) for qualified in streams]
    for left in reversed(range(ATTEMPTS)):
        try:
            with look() as books:
                return _gather(books, city if registers else None, tables, Window(since, until, None, {}))
        except Vanished as gone:
            if not left:
                raise Unavailable(f"The tables of {', '.join(streams)} kept changing while being read: {gone}") from gone
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def opened(gathered: Gathered, *, exact: bool = True) -> Iterator[Snapshot]:
    """Open what was gathered; asks no database. Raises FileNotFoundError or DuckDB's IOException when a file is gone since."""
    connection = engine.connect(threads=1 if exact else engine.THREADS)
    try:
        _open(connection, gathered)
        yield _shown(connection, gathered, exact)
    finally:
        connection.close()


class Window:
    """Which part of the streams is wanted. keys: the first entity's key and the first after the last; None: no bound."""

    def __init__(
        self,
        since: dt.datetime | None,
        until: dt.datetime | None,
        entities: Sequence[str] | None,
        as_of: Mapping[str, int],
        keys: Keys = (None, None),
    ) -> None:
        self.since, self.until, self.entities, self.as_of, self.keys = since, until, entities, as_of, keys
        for name, instant in (("since", since), ("until", until)):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"{name} is {instant}, without a time zone; give an aware datetime")

    def wants(self, file: SealedFile) -> bool:
        since, until = _microseconds(self.since), _microseconds(self.until)
        return (
            (since is None or file.until >= since)
            and (until is None or file.since < until)
            and (self.entities is None or any(file.first <= key <= file.last for key in self.entities))
            and (self.keys[0] is None or file.last >= self.keys[0])
            and (self.keys[1] is None or file.first < self.keys[1])
        )

    def where(self, table: StreamTable, files: Sequence[SealedFile], up_to: int) -> str:
        """Return the condition on the rows of these files; parts that all of them fulfil are left out."""
        since, until = _microseconds(self.since), _microseconds(self.until)
        parts = ["true"]
        if any(file.last_seq > up_to for file in files):
            parts.append(f"seq <= {up_to}")
        time = quote(table.time)
        if self.since is not None and any(file.since < (since or 0) for file in files):
            parts.append(f"{time} >= TIMESTAMPTZ {engine.literal(self.since.isoformat())}")
        if self.until is not None and any(file.until >= (until or 0) for file in files):
            parts.append(f"{time} < TIMESTAMPTZ {engine.literal(self.until.isoformat())}")
        if self.keys[0] is not None:
            parts.append(f"{quote(table.entity)} >= {engine.literal(self.keys[0])}")
        if self.keys[1] is not None:
            parts.append(f"{quote(table.entity)} < {engine.literal(self.keys[1])}")
        if self.entities is not None:
            keys = ", ".join(map(engine.literal, self.entities)) or "NULL"
            parts.append(f"{quote(table.entity)} IN ({keys})")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class Part:
    """One stream of a snapshot: the sealed files and hot rows (None: there are none) that may lie in the window."""

    table: StreamTable
    files: tuple[SealedFile, ...]
    hot: pa.Table | None
    window: Window
    up_to: int

    def narrowed(self, since: dt.datetime, until: dt.datetime, keys: Keys = (None, None)) -> Part:
        """Return the part of a shorter window, without what only planning needs of the files."""
        import pyarrow as pa  # a large library that only reading needs
        import pyarrow.compute as pc

        window = Window(since, until, self.window.entities, self.window.as_of, keys)
        hot = self.hot
        if hot is not None:
            time, entity = hot[self.table.time], hot[self.table.entity]
            wanted = pc.and_(
                pc.greater_equal(time, pa.scalar(since, time.type)), pc.less(time, pa.scalar(until, time.type))
            )  # fmt: skip
            if keys[0] is not None:
                wanted = pc.and_(wanted, pc.greater_equal(entity, pa.scalar(keys[0], entity.type)))
            if keys[1] is not None:
                wanted = pc.and_(wanted, pc.less(entity, pa.scalar(keys[1], entity.type)))
            hot = hot.filter(wanted)
        # Iceberg's own entry of a file is for those who commit, and as large as all the rest.
        files = tuple(replace(file, data_file=cast("Any", None)) for file in self.files if window.wants(file))
        return Part(self.table, files, hot if hot is not None and len(hot) else None, window, self.up_to)

    def rows(self, since: dt.datetime, until: dt.datetime) -> int:
        """Return how many rows the files and hot rows have that may lie in a shorter window."""
        window = Window(since, until, None, {})
        return sum(file.rows for file in self.files if window.wants(file)) + (len(self.hot) if self.hot is not None else 0)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a snapshot is made of. registers: (pack, entity) → its register."""

    parts: tuple[Part, ...]
    registers: Mapping[tuple[str, str], pa.Table]

    @property
    def seqs(self) -> dict[str, int]:
        return {part.table.qualified: part.up_to for part in self.parts}


def _gather(books: Books, city: City | None, tables: list[StreamTable], window: Window) -> Gathered:
    """Take everything of one moment out of the books. city: None leaves the registers out."""
    parts = []
    for qualified, standing in books.standings(tables).items():
        table = next(table for table in tables if table.qualified == qualified)
        up_to = min(standing.seq, window.as_of.get(qualified, standing.seq))
        table = shaped(table, standing.shape)
        sealed = iceberg.read_sealed(standing.metadata_location)
        files = tuple(file for file in sealed.files if window.wants(file))
        # A chunk whose last seq is sealed is done, whatever the books say: the snapshot is what counts.
        chunks = [chunk for chunk, last in standing.chunks if last is None or last > sealed.seq]
        hot = None
        if chunks and up_to > sealed.seq:
            hot = books.hot_rows(table, chunks, sealed.seq, up_to, window.since, window.until, window.entities)
            if not len(hot):
                hot = None
        parts.append(Part(table, files, hot, window, up_to))
    return Gathered(tuple(parts), _registers(books, city, tables) if city else {})


def _registers(books: Books, city: City, tables: list[StreamTable]) -> dict[tuple[str, str], pa.Table]:
    packs = {table.pack for table in tables}
    named = [(pack, key) for pack, key in (entity.split(".") for entity in city.entities) if pack in packs]
    return {(pack, key): books.register(register_table(city, f"{pack}.{key}")) for pack, key in named}


def _open(connection: duckdb.DuckDBPyConnection, gathered: Gathered) -> None:
    """Make the `<stream>_raw` view of each stream, and the registers'."""
    for part in gathered.parts:
        _unite(connection, part.table, list(part.files), part.hot, part.window, part.up_to)
    for (pack, key), rows in gathered.registers.items():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(pack)}")
        connection.register(f"register_{pack}_{key}", rows)
        connection.execute(
            f"CREATE OR REPLACE VIEW {quote(pack)}.{quote(key)} AS SELECT * FROM main.register_{pack}_{key}"  # noqa: S608
        )


def _shown(connection: duckdb.DuckDBPyConnection, gathered: Gathered, exact: bool) -> Snapshot:
    """Make the views of what is held true."""
    tables = [part.table for part in gathered.parts]
    for table in tables:
        _show(connection, table, exact)
    connection.execute(f"SET search_path = '{','.join([*dict.fromkeys(table.pack for table in tables), 'main'])}'")
    return Snapshot(connection, gathered.seqs)


def _unite(
    connection: duckdb.DuckDBPyConnection,
    table: StreamTable,
    files: list[SealedFile],
    hot: pa.Table | None,
    window: Window,
    up_to: int,
) -> None:
    """Make the raw view out of sealed files and hot rows."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.pack)}")
    sealed = _sealed_rows(table, files, window, up_to) if files else None
    fresh = None
    if hot is not None:
        fresh = f"main.hot_{table.name}"
        connection.register(f"hot_{table.name}", hot)
        span = connection.execute(
            f"SELECT epoch_us(min({quote(table.time)})), epoch_us(max({quote(table.time)})), count(*), "  # noqa: S608
            f"count(DISTINCT ({quote(table.entity)}, {quote(table.time)})) FROM {fresh}"
        ).fetchall()
        low, high, count, distinct = span[0]
        near = [file for file in files if file.since <= high and file.until >= low]
        met = _meet(connection, table, near, window, up_to, fresh) if near else 0
        columns = names([table.entity, table.time, "seq", "quality", *table.carried])
        if met:
            connection.execute(
                f"CREATE OR REPLACE TABLE main.united_{table.name} AS "  # noqa: S608
                f"SELECT {columns} FROM {fresh} UNION ALL BY NAME SELECT {columns} FROM main.met_{table.name}"
            )
            fresh = f"main.united_{table.name}"
            sealed = f"(SELECT * FROM {sealed} ANTI JOIN main.met_{table.name} USING (seq))"  # noqa: S608
        if met or distinct < count:
            connection.execute(f"CREATE OR REPLACE TABLE main.fresh_{table.name} AS {versions(table, fresh)}")
            fresh = f"main.fresh_{table.name}"
        else:
            fresh = f"(SELECT *, NULL::BIGINT AS until_seq FROM {fresh})"  # noqa: S608
    values = "".join(f", {table.held(key)} AS {quote(key)}" for key in (*table.quantities, *table.words))
    columns = f"{names([table.entity, table.time])}{values}, quality, seq, until_seq"
    parts = [f"SELECT {columns} FROM {source}" for source in (sealed, fresh) if source]  # noqa: S608
    union = " UNION ALL BY NAME ".join(parts) or _no_rows(table)
    connection.execute(f"CREATE OR REPLACE VIEW {_view(table, '_raw')} AS {union}")


def _meet(
    connection: duckdb.DuckDBPyConnection, table: StreamTable, near: list[SealedFile], window: Window, up_to: int, fresh: str
) -> int:
    """Gather the sealed versions of the entities and times that have hot rows too; return how many."""
    key = names([table.entity, table.time])
    connection.execute(f"""
        CREATE OR REPLACE TABLE main.met_{table.name} AS
        SELECT * FROM {_sealed_rows(table, near, window, up_to)} WHERE ({key}) IN (SELECT ({key}) FROM {fresh})
    """)  # noqa: S608
    return int(connection.execute(f"SELECT count(*) FROM main.met_{table.name}").fetchall()[0][0])  # noqa: S608


def _sealed_rows(table: StreamTable, files: list[SealedFile], window: Window, up_to: int) -> str:
    """Return a subquery over sealed files, as they were at a seq."""
    # Most files have no corrections: theirs is a version each, and two columns less are read.
    groups = [[file for file in files if file.corrected is corrected] for corrected in (False, True)]
    return "(" + " UNION ALL ".join(_sealed_group(table, group, window, up_to) for group in groups if group) + ")"


def _sealed_group(table: StreamTable, files: list[SealedFile], window: Window, up_to: int) -> str:
    ended = f"CASE WHEN until_seq <= {up_to} THEN until_seq END" if files[0].corrected else "NULL::BIGINT"
    have = {name for _, name, _ in files[0].fields}
    columns = ", ".join(
        f"{ended} AS until_seq" if name == "until_seq"
        # The table gains a column when it is sealed next.
        else f"NULL::{'VARCHAR' if name in table.words else 'DOUBLE'} AS {quote(name)}" if name not in have
        else quote(name)
        for name in iceberg.sealed_columns(table)
    )  # fmt: skip
    return f"SELECT {columns} FROM {iceberg.reading(files)} WHERE {window.where(table, files, up_to)}"  # noqa: S608


def _no_rows(table: StreamTable) -> str:
    kinds = {table.entity: "VARCHAR", table.time: "TIMESTAMPTZ"}
    kinds |= dict.fromkeys(table.quantities, "DOUBLE") | dict.fromkeys(table.words, "VARCHAR")
    kinds |= dict.fromkeys(("quality", "seq", "until_seq"), "BIGINT")
    return "SELECT " + ", ".join(f"NULL::{kind} AS {quote(name)}" for name, kind in kinds.items()) + " WHERE false"


def _show(connection: duckdb.DuckDBPyConnection, table: StreamTable, exact: bool) -> None:
    """Make the view of what is held true."""
    values = "".join(
        f", CASE WHEN quality & {invalid_bit(position)} = 0 THEN {quote(key)} END AS {quote(key)}"
        for position, key in enumerate(table.quantities)
    )
    words = "".join(f", {quote(key)}" for key in table.words)
    current = f"""
        SELECT {quote(table.entity)}, {quote(table.time)}{values}{words}, quality, seq
        FROM {_view(table, "_raw")} WHERE until_seq IS NULL
    """  # noqa: S608
    if exact:
        order = names([table.entity, table.time])
        connection.execute(f"CREATE TABLE {_view(table)} AS {current} ORDER BY {order}")
    else:
        connection.execute(f"CREATE VIEW {_view(table)} AS {current}")


def _view(table: StreamTable, suffix: str = "") -> str:
    return f"{quote(table.pack)}.{quote(table.key + suffix)}"


def _microseconds(instant: dt.datetime | None) -> int | None:
    if instant is None:
        return None
    return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
