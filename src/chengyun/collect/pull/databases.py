# SPDX-License-Identifier: Apache-2.0
"""Reading SQL databases through SQLAlchemy: PostgreSQL, MySQL/MariaDB, SQL Server, Oracle.

    lowest = highest watermark settled − overlap
    SELECT … WHERE watermark IS NULL                              every time: such rows have no place in the order
    SELECT … WHERE watermark >= lowest ORDER BY watermark          ties and late commits are read again, known rows not sent

The position moves with every chunk, because the rows come in order of the watermark. Nothing is ever written: the session is
read-only where the dialect knows that, and a query is one SELECT.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chengyun.collect.pull.chunks import ROWS, Chunk, Row, mark_of, moment_of, row_key
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import DatabaseRead, Spec, floor
from chengyun.errors import Refused, Unavailable, nearest

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, FromClause, Select

__all__ = ["DatabaseReading", "select_after"]

DRIVERS = {
    "postgresql": ("postgresql+psycopg", "psycopg"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mysql+pymysql", "pymysql"),
    "mssql": ("mssql+pymssql", "pymssql"),
    "oracle": ("oracle+oracledb", "oracledb"),
}
"""Scheme of an address → (SQLAlchemy's name, module of the driver)."""
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
SQLGLOT = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "mssql": "tsql", "oracle": "oracle"}
STREAMED = {"stream_results": True, "max_row_buffer": ROWS}
"""Rows are taken as they are needed; a driver would otherwise hold the whole table."""
CONNECT_WITHIN_S = 10
ANSWER_WITHIN_S = 300
AHEAD = dt.timedelta(days=1)
"""How far a watermark may be ahead of our clock and still move the position: one row dated 2099 must not hide all others."""


class DatabaseReading:
    """One reading of a table or query."""

    def __init__(
        self, spec: Spec, read: DatabaseRead, credentials: Credentials, guard: Guard, position: dict[str, Any], zone: dt.tzinfo,
        identity: Sequence[str], now: dt.datetime,
    ) -> None:  # fmt: skip
        self._spec, self._read, self._credentials, self._zone, self._now = spec, read, credentials, zone, now
        self._identity = tuple(identity)
        self._scheme = urlsplit(spec.address).scheme.partition("+")[0]
        self._engine = _engine(spec.address, self._scheme, credentials, guard)
        self._mark: int | None = position.get("mark") if read.watermark else None
        self._timed = position.get("timed", True)
        self.since_mark = None if self._mark is None else floor(spec, self._mark, self._timed)
        self.whole = False

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows: those without a watermark first, then in its order. Raises Unavailable or Refused."""
        with self._connected() as conn:
            source, watermark = self._source(conn)
            if watermark is not None:
                yield from self._part(conn, select_after(source, watermark, None, self._identity, null=True), False)
            yield from self._part(conn, select_after(source, watermark, self._parameter(watermark), self._identity), True)
        self.whole = True

    def keys(self) -> Iterator[list[str]] | None:
        """Yield the identities of all rows; None without a watermark, when all are read anyway."""
        return self._keys() if self._read.watermark else None

    def close(self) -> None:
        self._engine.dispose()

    def columns(self) -> dict[str, str]:
        """Return the columns there are, name → kind."""
        with self._connected() as conn:
            source, _ = self._source(conn)
            return {column.name: _kind(column.type) for column in source.columns}

    def _keys(self) -> Iterator[list[str]]:
        from sqlalchemy import select

        with self._connected() as conn:
            source, _ = self._source(conn)
            query = select(*(source.columns[name] for name in self._identity))
            result = conn.execute(query, execution_options=STREAMED)
            for part in result.partitions(ROWS):
                yield [row_key(dict(zip(self._identity, row, strict=True)), self._identity) for row in part]

    def _part(self, conn: Connection, query: Select[Any], ordered: bool) -> Iterator[Chunk]:
        kinds = {column.name: _kind(column.type) for column in query.selected_columns}
        known = all(kinds.values())
        result = conn.execute(query, execution_options=STREAMED)
        count = 0
        for part in result.partitions(ROWS):
            rows = [dict(row._mapping) for row in part]
            count += len(rows)
            at = f"{self._read.table or 'query'}, rows {count - len(rows) + 1} to {count}"
            size = sum(len(str(value)) for row in rows for value in row.values() if value is not None)
            yield Chunk(rows, at, kinds if known else None, size, self._after(rows) if ordered else None)
        if not count and ordered:
            yield Chunk([], self._read.table or "query", kinds if known else None)

    def _after(self, rows: list[Row]) -> dict[str, Any] | None:
        if self._read.watermark is None:
            return None
        last = rows[-1][self._read.watermark]
        mark = mark_of(last, self._zone)
        if mark is None:
            return None
        self._timed = not isinstance(last, int | float) and not hasattr(last, "as_tuple")
        if self._timed:
            mark = min(mark, mark_of(self._now + AHEAD, dt.UTC) or mark)
        self._mark = max(mark, self._mark or mark)
        return {"mark": self._mark, "timed": self._timed}

    def _parameter(self, watermark: Any) -> Any:
        """Return the lowest watermark as the column's own type; None: from the beginning."""
        if watermark is None or self.since_mark is None:
            return None
        if not self._timed:
            return self.since_mark
        moment = moment_of(self.since_mark)
        if _kind(watermark.type) == "date":
            return moment.astimezone(self._zone).date()
        aware = bool(getattr(watermark.type, "timezone", False)) or "OFFSET" in type(watermark.type).__name__.upper()
        return moment if aware else moment.astimezone(self._zone).replace(tzinfo=None)

    def _source(self, conn: Connection) -> tuple[FromClause, Any]:
        from sqlalchemy import MetaData, Table, text
        from sqlalchemy.exc import NoSuchTableError

        if self._read.table:
            try:
                source: FromClause = Table(
                    self._read.table, MetaData(), schema=self._read.db_schema, autoload_with=conn, resolve_fks=False
                )  # fmt: skip
            except NoSuchTableError as wrong:
                raise Refused(f"There is no table {self._read.table!r}.{self._like(conn)}", code="no_table") from wrong
        else:
            # A colon would begin a parameter, as in 'a :b'.
            written = one_select(self._read.query or "", self._scheme).replace(":", "\\:")
            described = conn.execute(text(f"SELECT * FROM ({written}) chengyun_q WHERE 1 = 0"))  # noqa: S608  a steward's own SELECT
            from sqlalchemy import column

            source = text(written).columns(*(column(name) for name in described.keys())).subquery("chengyun_q")  # noqa: SIM118
        names = {column.name for column in source.columns}
        for name in (*self._identity, *([self._read.watermark] if self._read.watermark else [])):
            if name not in names:
                raise Refused(
                    f"{self._read.table or 'The query'} has no column {name!r}.{nearest(name, names)}", code="no_column"
                )
        return source, source.columns[self._read.watermark] if self._read.watermark else None

    def _like(self, conn: Connection) -> str:
        from sqlalchemy import inspect

        return nearest(self._read.table or "", inspect(conn).get_table_names(schema=self._read.db_schema))

    def _connected(self) -> Any:
        return _Connected(self._engine, self._scheme, self._credentials)


class _Connected:
    """A read-only connection, its driver's errors told in our words."""

    def __init__(self, engine: Engine, scheme: str, credentials: Credentials) -> None:
        self._engine, self._scheme, self._credentials = engine, scheme, credentials
        self._conn: Connection | None = None

    def __enter__(self) -> Connection:
        try:
            conn = self._conn = self._engine.connect()
            begin_read_only(conn, self._scheme)
        except Exception as wrong:
            self._tell(wrong)
            raise
        return conn

    def __exit__(self, kind: object, wrong: BaseException | None, trace: object) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        if self._conn is not None:
            try:
                self._conn.close()
            except SQLAlchemyError:
                self._conn.invalidate()
        if isinstance(wrong, Exception):
            self._tell(wrong)

    def _tell(self, wrong: Exception) -> None:
        from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

        if not isinstance(wrong, SQLAlchemyError):
            return
        said = self._credentials.hidden(str(getattr(wrong, "orig", None) or wrong)).strip().splitlines()
        sentence = " ".join(line.strip() for line in said[:2])[:400]
        if isinstance(wrong, OperationalError) or (isinstance(wrong, DBAPIError) and wrong.connection_invalidated):
            raise Unavailable(f"The database does not answer as asked: {sentence}") from wrong
        raise Refused(f"The database refuses the reading: {sentence}", code="source_refuses") from wrong


def select_after(source: FromClause, watermark: Any, lowest: Any, identity: Sequence[str], *, null: bool = False) -> Select[Any]:
    """Return the SELECT of what is to be read: with a watermark in its order, from `lowest` on; null: what has none."""
    from sqlalchemy import select

    query = select(source)
    if watermark is None:
        return query
    if null:
        return query.where(watermark.is_(None))
    query = query.where(watermark.is_not(None) if lowest is None else watermark >= lowest)
    return query.order_by(watermark, *(source.columns[name] for name in identity if name != watermark.name))


def one_select(query: str, scheme: str) -> str:
    """Return a query that is one SELECT, without its semicolon. Raises Refused for anything else."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = sqlglot.parse(query, read=SQLGLOT[scheme])
    except sqlglot.errors.SqlglotError as wrong:
        raise Refused(f"The query cannot be read: {str(wrong).splitlines()[0]}", code="query") from wrong
    writes = (exp.Insert, exp.Update, exp.Delete, exp.Into, exp.Command, exp.Create, exp.Drop, exp.Lock)
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query) or next(parsed[0].find_all(*writes), None):
        raise Refused("The query is not one SELECT. A source is only read.", code="query")
    return query.strip().rstrip(";")


def begin_read_only(conn: Connection, scheme: str) -> None:
    """Make the transaction unable to write where that is not said when connecting; SQL Server has no word for it."""
    from sqlalchemy import text

    if scheme == "oracle":
        conn.execute(text("SET TRANSACTION READ ONLY"))


def _engine(address: str, scheme: str, credentials: Credentials, guard: Guard) -> Engine:
    try:
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.pool import NullPool
    except ImportError as missing:
        raise Refused("Reading databases needs SQLAlchemy: install chengyun[databases].", code="extra") from missing
    name, module = DRIVERS[scheme]
    url = make_url(address)
    if set(url.query) - {"charset", "service_name", "sslmode", "ssl_ca"}:
        raise Refused(
            f"The address carries {', '.join(sorted(url.query))}; charset, service_name, sslmode and ssl_ca may stand there."
        )
    checked = guard.address(url.host or "", url.port or PORTS[scheme])
    url = url.set(drivername=name, username=credentials.user or None, password=credentials.password or None)
    every: dict[str, dict[str, Any]] = {
        "postgresql": {
            "connect_timeout": CONNECT_WITHIN_S,
            "options": f"-c statement_timeout={ANSWER_WITHIN_S}s -c default_transaction_read_only=on",
            "hostaddr": checked,
        },
        "mysql": {
            "connect_timeout": CONNECT_WITHIN_S,
            "read_timeout": ANSWER_WITHIN_S,
            "init_command": "SET SESSION TRANSACTION READ ONLY",
        },
        "mariadb": {
            "connect_timeout": CONNECT_WITHIN_S,
            "read_timeout": ANSWER_WITHIN_S,
            "init_command": "SET SESSION TRANSACTION READ ONLY",
        },
        "mssql": {"login_timeout": CONNECT_WITHIN_S, "timeout": ANSWER_WITHIN_S},
        "oracle": {"tcp_connect_timeout": CONNECT_WITHIN_S},
    }
    if scheme in ("mysql", "mariadb", "mssql", "oracle"):
        url = url.set(host=checked)
    try:
        return create_engine(url, poolclass=NullPool, connect_args=every[scheme])
    except ImportError as missing:
        raise Refused(f"Reading {scheme} needs the driver {module}: install chengyun[databases].", code="extra") from missing


def _kind(type_: Any) -> str:
    """Return the kind of an SQL type as chunks.kind_of names that of its values; "" when it is not told."""
    from sqlalchemy import types

    for known, kind in (
        (types.Boolean, "flag"), (types.DateTime, "time"), (types.Date, "date"), (types.Numeric, "number"),
        (types.Float, "number"), (types.Integer, "number"),
        (types.String, "text"), (types.LargeBinary, "binary"), (types.JSON, "structure"), (types.ARRAY, "structure"),
    ):  # fmt: skip
        if isinstance(type_, known):
            return kind
    return "" if isinstance(type_, types.NullType) else type(type_).__name__.lower()
