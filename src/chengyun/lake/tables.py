# SPDX-License-Identifier: Apache-2.0
"""What a stream's tables are called and how they are made, derived from its declaration and nothing else.

lake.hot_<sqlname>_<chunk>   observations not yet sealed; the open chunk takes new ones
lake.latest_<sqlname>        the newest observation of every entity
lake.<sqlname>               the sealed table of the Iceberg catalogue (see iceberg.py)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chengyun.city import City, Code, qualify, sql_name
from chengyun.city.fields import former_keys
from chengyun.errors import Misdeclared, NotFound, nearest

SCHEMA = "lake"
LONGEST_NAME = 48
"""PostgreSQL cuts identifiers at 63 bytes; `hot_`, `_` and a chunk's number need the rest."""

CATALOGUE = """
CREATE SCHEMA IF NOT EXISTS lake;
CREATE TABLE IF NOT EXISTS lake.iceberg_tables (
    catalog_name varchar(255), table_namespace varchar(255), table_name varchar(255),
    metadata_location varchar(1000), previous_metadata_location varchar(1000), iceberg_type varchar(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS lake.iceberg_namespace_properties (
    catalog_name varchar(255), namespace varchar(255), property_key varchar(255), property_value varchar(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key));
"""
"""The tables of an Iceberg SQL catalogue, version 1, as every implementation of it expects them."""

REGISTER_CHANNEL = "chengyun_register"
TELL_REGISTER = f"""
CREATE OR REPLACE FUNCTION lake.tell_register() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('{REGISTER_CHANNEL}', TG_TABLE_NAME); RETURN NULL; END $$
"""
"""Whoever writes to a register (a feed, a form, a hand in psql), the processes that keep it in memory hear of it."""


@dataclass(frozen=True, slots=True)
class Former:
    """A column that a field has left behind by changing its unit: its values times the factor are in the unit of today."""

    column: str
    key: str
    factor: float


@dataclass(frozen=True, slots=True)
class StreamTable:
    """The names a stream's tables and columns go by.

    qualified: `pack.stream`. entity: column a reader sees for the entity's key. time: column a reader sees for the time
    (at rest it is `time`). register: Django table of the entity's register. entity_key: the entity's own key.
    units: quantity → unit. kinds: word → code or text. was: field → keys it went by. factors: (quantity, former unit, what
    one of it is in today's). formers: columns at rest beside the declared ones; only the lake's own readers and writers ask
    for them (shape.shaped).
    """

    qualified: str
    pack: str
    key: str
    name: str
    entity: str
    entity_key: str
    register: str
    time: str
    quantities: tuple[str, ...]
    words: tuple[str, ...]
    units: tuple[tuple[str, str], ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    was: tuple[tuple[str, tuple[str, ...]], ...] = ()
    factors: tuple[tuple[str, str, float], ...] = ()
    formers: tuple[Former, ...] = ()

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns of values as sealed files hold them: the declared ones, then those left behind."""
        return (*self.quantities, *self.words, *(one.column for one in self.formers))

    def held(self, key: str) -> str:
        """Return the SQL of a field's value, in its unit, over rows that have all carried columns."""
        parts = [
            quote(one.column) if one.factor == 1 else f"{quote(one.column)} * CAST('{one.factor!r}' AS DOUBLE)"
            for one in self.formers
            if one.key == key
        ]
        return f"coalesce({', '.join([quote(key), *parts])})" if parts else quote(key)

    @property
    def latest(self) -> str:
        return f"lake.latest_{self.name}"

    def chunk(self, number: int) -> str:
        return f"lake.hot_{self.name}_{number}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a chunk, widest first so that PostgreSQL pads nothing."""
        return ("time", "seq", "quality", *self.quantities, "entity_id", *self.words)

    @property
    def types(self) -> dict[str, str]:
        """Column → PostgreSQL type, in the order of `columns`."""
        types = {"time": "timestamptz", "seq": "int8", "quality": "int8"}
        types |= dict.fromkeys(self.quantities, "float8")
        types["entity_id"] = "int4"
        return types | dict.fromkeys(self.words, "text")


def stream_table(city: City, qualified: str) -> StreamTable:
    """Derive the tables of a stream. Raises NotFound with the nearest name."""
    if qualified not in city.streams:
        raise NotFound(f"There is no stream {qualified!r}.{nearest(qualified, city.streams)}", stream=qualified)
    stream = city.streams[qualified]
    pack, key = qualified.split(".")
    name = sql_name(qualified)
    if len(name) > LONGEST_NAME:
        raise Misdeclared(
            [f"{stream.at}: {name!r} is longer than {LONGEST_NAME} characters; shorten the pack's or stream's key."]
        )
    if taken := {"time", "runs"} & {field.key for field in stream.fields}:
        raise Misdeclared([f"{stream.at}: field {min(taken)!r} is a name the kernel's tables use; choose another."])
    entity = qualify(pack, stream.entity.to)
    return StreamTable(
        qualified=qualified,
        pack=pack,
        key=key,
        name=name,
        entity=stream.entity.key,
        entity_key=entity.split(".")[1],
        register=register_table(city, entity),
        time=stream.time,
        quantities=tuple(field.key for field in stream.quantities),
        words=tuple(field.key for field in stream.words),
        units=tuple((field.key, field.unit) for field in stream.quantities),
        kinds=tuple((field.key, "code" if isinstance(field, Code) else "text") for field in stream.words),
        was=(*((field.key, former_keys(field.was)) for field in stream.fields), (stream.time, former_keys(stream.time_was))),
        factors=tuple((field.key, unit, float(factor)) for field in stream.quantities for unit, factor in field.formerly.items()),
    )


def stream_tables(city: City) -> list[StreamTable]:
    """Derive the tables of every stream, in declared order."""
    return [stream_table(city, qualified) for qualified in city.streams]


def register_table(city: City, entity: str) -> str:
    """Return the Django table of an entity's register, by its qualified key."""
    return f"{entity.split('.')[0]}_{city.entities[entity].model.lower()}"


def quote(name: str) -> str:
    """Return an identifier in quotes: field keys may be words of SQL, as `power` and `time` are."""
    return f'"{name}"'


def names(columns: Sequence[str]) -> str:
    """Return a column list for SQL text."""
    return ", ".join(map(quote, columns))


def hot_values(table: StreamTable, have: Collection[str]) -> str:
    """Return the value columns of a chunk for a SELECT, each after a comma. have: its columns, as far as any was left behind."""
    left = {one.column for one in table.formers}
    return "".join(
        f", NULL::float8 AS {quote(name)}" if name in left and name not in have else f", hot.{quote(name)}"
        for name in table.carried
    )


def create_chunk(table: StreamTable, number: int) -> str:
    """Return the statement that makes a chunk: appended to, read whole, then dropped; so no index, and never vacuumed."""
    return f"CREATE TABLE {table.chunk(number)} ({_columns(table.types)}) WITH (autovacuum_enabled = false)"


def create_latest(table: StreamTable) -> str:
    """Return the statement that makes the table of newest rows, with room in every page for updates in place."""
    columns = _columns({name: kind for name, kind in table.types.items() if name != "entity_id"})
    return f"""
        CREATE TABLE {table.latest} (entity_id int4 PRIMARY KEY, runs bytea NOT NULL, {columns})
        WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 1.0, autovacuum_analyze_scale_factor = 1.0);
    """


def keep_runs(table: StreamTable) -> str:
    """Return the statement that brings a table of newest rows from one count of equal values to one per quantity."""
    return f"ALTER TABLE {table.latest} DROP COLUMN IF EXISTS run, ADD COLUMN runs bytea NOT NULL DEFAULT ''"


def watch_register(table: StreamTable) -> str:
    """Return the statement that tells of changes to the columns of a register that are kept in memory."""
    return f"""
        CREATE TRIGGER {REGISTER_CHANNEL} AFTER INSERT OR DELETE OR UPDATE OF key, name, area_code, simulated
        ON {table.register} FOR EACH STATEMENT EXECUTE FUNCTION lake.tell_register()
    """


def additions(table: StreamTable, relation: str, found: Mapping[str, str]) -> list[str]:
    """Return the statements that bring a table up to the declaration.

    found: column → type as the database has it (`format_type`), in the order the columns were added.
    Raises Misdeclared with every difference that adding columns cannot mend.
    """
    long = {"timestamptz": "timestamp with time zone", "int8": "bigint", "int4": "integer", "float8": "double precision"}
    faults = [
        f"{table.qualified}: {name!r} is {found[name]} in {relation}, {kind} as declared; give the changed field a new key."
        for name, kind in table.types.items()
        if name in found and found[name] != long.get(kind, kind)
    ]
    if faults:
        raise Misdeclared(faults)
    return [
        f"ALTER TABLE {relation} ADD COLUMN {quote(name)} {kind}" for name, kind in table.types.items() if name not in found
    ]  # fmt: skip


def _columns(types: Mapping[str, str]) -> str:
    required = {"time", "seq", "quality", "entity_id"}
    return ", ".join(f"{quote(name)} {kind}{' NOT NULL' if name in required else ''}" for name, kind in types.items())
