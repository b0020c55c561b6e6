# SPDX-License-Identifier: Apache-2.0
"""The sealed tables as Apache Iceberg sees them: catalogue, schema, and what one snapshot of a table holds.

The catalogue is Iceberg's own SQL catalogue in schema `lake` of our PostgreSQL, so any engine that reads Iceberg reads
our tables: `lake.<pack>_<stream>`, one row per version of an observation, partitioned by month, sorted by entity and time.

A snapshot's summary says `chengyun.sealed-seq`: every row up to that seq is in the table, later ones are in hot tables.
That number and the files become visible in the same commit, so a reader can never count a row twice or miss one.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chengyun.errors import Misdeclared
from chengyun.lake import database, engine, places
from chengyun.lake.places import location_of, path_of
from chengyun.lake.tables import SCHEMA, StreamTable

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

CATALOGUE = "chengyun"
IO = {"py-io-impl": "chengyun.lake.fileio.PlaceIO"}
SEALED_SEQ = "chengyun.sealed-seq"
SEALED_CHUNK = "chengyun.sealed-chunk"
DUPLICATES = "chengyun.duplicates"

KINDS = {"string": "VARCHAR", "timestamptz": "TIMESTAMPTZ", "long": "BIGINT", "double": "DOUBLE"}
"""Iceberg's types as DuckDB calls them."""

PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One Parquet file of a snapshot and what it spans. Times are microseconds since 1970, UTC, both inclusive.

    first, last: the lowest and highest key of an entity. last_seq: the highest seq.
    corrected: whether any row has an until_seq. fields: (number, name, DuckDB's type) of the table's columns. changed:
    whether columns may be missing in the file, or have other names there.
    """

    path: str
    rows: int
    size: int
    month: int
    first: str
    last: str
    since: int
    until: int
    fields: tuple[tuple[int, str, str], ...]
    changed: bool
    last_seq: int
    corrected: bool
    data_file: DataFile


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one snapshot of a sealed table holds: every row up to seq, in these files."""

    seq: int
    files: tuple[SealedFile, ...]
    snapshot: int | None = None


NOTHING = Sealed(0, ())


@functools.lru_cache(maxsize=4)
def _catalogue(url: str, warehouse: str) -> Catalog:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import CommitTableResponse

    class StagingCatalog(SqlCatalog):
        """Leaves the pointer to who asked for it by `staged`."""

        def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
            staging = _staging.get()
            if staging is None:
                return super().commit_table(table, requirements, updates)
            current = self.load_table(table.name())
            staged = self._update_and_stage_table(current, table.name(), requirements, updates)
            self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
            staging.append(Pointer(current.metadata_location, staged.metadata_location))
            return CommitTableResponse.model_validate(
                {"metadata": staged.metadata, "metadata-location": staged.metadata_location}
            )

    separator = "&" if "?" in url else "?"
    uri = url.replace("postgresql://", "postgresql+psycopg://", 1) + f"{separator}options=-csearch_path%3D{SCHEMA}"
    return StagingCatalog(CATALOGUE, uri=uri, warehouse=warehouse, pool_pre_ping="true", **IO)


class Pointer(NamedTuple):
    """Where the catalogue points for a table, and where it is to point."""

    before: str
    after: str


_staging: contextvars.ContextVar[list[Pointer] | None] = contextvars.ContextVar("staging", default=None)

MOVE_POINTER = """
UPDATE lake.iceberg_tables SET metadata_location = %s, previous_metadata_location = %s
WHERE catalog_name = %s AND table_namespace = %s AND table_name = %s AND metadata_location = %s
"""


@contextlib.contextmanager
def staged() -> Iterator[list[Pointer]]:
    """Let commits of this thread write everything but the catalogue's pointer, which the caller moves in a transaction of
    its own by `MOVE_POINTER` and `pointer_values`: then the sealed table and the books change together or not at all."""
    pointers: list[Pointer] = []
    token = _staging.set(pointers)
    try:
        yield pointers
    finally:
        _staging.reset(token)


def pointer_values(table: StreamTable, pointer: Pointer) -> list[str]:
    """Return the parameters of MOVE_POINTER; it updates no row when somebody else has committed to the table."""
    return [pointer.after, pointer.before, CATALOGUE, SCHEMA, table.name, pointer.before]


def catalogue() -> Catalog:
    """Return the Iceberg catalogue in our database."""
    return _catalogue(database.url(), location_of(places.home().root))


def open_table(table: StreamTable) -> Table:
    """Return a stream's sealed table, making it or adding columns when the declaration has more."""
    from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError

    home = catalogue()
    try:
        found = home.load_table((SCHEMA, table.name))
    except NoSuchTableError:
        with contextlib.suppress(NamespaceAlreadyExistsError):
            home.create_namespace(SCHEMA)
        return _create(home, table)
    _relocate(found, table)
    return _evolve(found, table)


def schema_of(table: StreamTable) -> Schema:
    """Return the Iceberg schema of a stream: the columns by their declared names, then the kernel's own."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import DoubleType, LongType, NestedField, StringType, TimestamptzType

    kinds: list[tuple[str, Any, bool]] = [
        (table.entity, StringType(), True),
        (table.time, TimestamptzType(), True),
        ("seq", LongType(), True),
        ("quality", LongType(), True),
        ("until_seq", LongType(), False),
        *((key, StringType() if key in table.words else DoubleType(), False) for key in table.carried),
    ]
    fields = [NestedField(number, name, kind, required=must) for number, (name, kind, must) in enumerate(kinds, 1)]
    return Schema(*fields)


def sealed_columns(table: StreamTable) -> tuple[str, ...]:
    """Return the columns of the sealed table in the order our files have them."""
    return (table.entity, table.time, "seq", "quality", "until_seq", *table.carried)


def _create(home: Catalog, table: StreamTable) -> Table:
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.table.sorting import SortField, SortOrder
    from pyiceberg.transforms import IdentityTransform, MonthTransform

    return home.create_table(
        (SCHEMA, table.name),
        schema_of(table),
        location=location_of(home_folder(table)),
        partition_spec=PartitionSpec(PartitionField(2, 1000, MonthTransform(), "month")),
        sort_order=SortOrder(SortField(1, IdentityTransform()), SortField(2, IdentityTransform())),
        # Bounds of the entity in full: they decide which files a station's chart opens.
        properties=PROPERTIES | {f"write.metadata.metrics.column.{table.entity}": "full"},
    )


def _relocate(found: Table, table: StreamTable) -> None:
    """Let what is written from now on lie at home, where that has been set anew."""
    from pyiceberg.table.update import SetLocationUpdate

    wanted = location_of(home_folder(table))
    if found.location() != wanted:
        with found.transaction() as transaction:
            transaction._apply((SetLocationUpdate(location=wanted),))


def _evolve(found: Table, table: StreamTable) -> Table:
    from pyiceberg.types import DoubleType, StringType

    known = {field.name: field for field in found.schema().fields}
    for name in (table.entity, table.time):
        if name not in known:
            raise Misdeclared([
                f"{table.qualified}: the sealed table has no column {name!r}; the entity's and the time's names cannot change."
            ])  # fmt: skip
    missing = [name for name in table.carried if name not in known]
    if missing:
        with found.update_schema() as update:
            for name in missing:
                update.add_column(name, StringType() if name in table.words else DoubleType())
    return found


def read_sealed(location: str | None) -> Sealed:
    """Return what the table metadata at a location says. None: nothing has been sealed."""
    return NOTHING if location is None else _read_sealed(location)


@functools.lru_cache(maxsize=64)
def _read_sealed(location: str) -> Sealed:
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(location, IO)
    return sealed_of(table)


def sealed_of(table: Table, snapshot_id: int | None = None) -> Sealed:
    """Return what a snapshot of a loaded table holds, the current one unless another is named."""
    snapshot = table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)
    if snapshot is None or snapshot.summary is None:
        return NOTHING
    tasks = table.scan(snapshot_id=snapshot.snapshot_id).plan_files()
    fields = tuple((field.field_id, field.name, KINDS[str(field.field_type)]) for field in table.schema().fields)
    files = tuple(sorted((_sealed_file(table, task.file, fields) for task in tasks), key=lambda file: file.path))
    return Sealed(int(snapshot.summary[SEALED_SEQ] or 0), files, snapshot.snapshot_id)


def _sealed_file(table: Table, file: DataFile, fields: tuple[tuple[int, str, str], ...]) -> SealedFile:
    entity, time = (table.schema().fields[position].field_id for position in (0, 1))
    number = {field.name: field.field_id for field in table.schema().fields}
    lower, upper = file.lower_bounds, file.upper_bounds
    return SealedFile(
        path=path_of(file.file_path),
        rows=file.record_count,
        size=file.file_size_in_bytes,
        month=int(file.partition[0]),
        first=lower[entity].decode(),
        last=upper[entity].decode(),
        since=int.from_bytes(lower[time], "little", signed=True),
        until=int.from_bytes(upper[time], "little", signed=True),
        fields=fields,
        changed=len(table.metadata.schemas) > 1,
        last_seq=int.from_bytes(upper[number["seq"]], "little", signed=True),
        corrected=file.null_value_counts[number["until_seq"]] < file.record_count,
        data_file=file,
    )


def reading(files: Sequence[SealedFile]) -> str:
    """Return the table function by which DuckDB reads files of one snapshot, each where it can be read on this machine.

    It has every column of the sealed table by its name of today; one that a file lacks is unknown in its rows.
    """
    paths = ", ".join(engine.literal(path) for path in places.local_paths(file.path for file in files))
    named = ""
    if files[0].changed:
        # By number, which stays when a column is renamed.
        known = ", ".join(
            f"{number}: {{name: {engine.literal(name)}, type: '{kind}', default_value: NULL}}"
            for number, name, kind in files[0].fields
        )
        named = f", schema = MAP {{{known}}}"
    return f"read_parquet([{paths}], hive_partitioning = false{named})"


def home_folder(table: StreamTable) -> str:
    """Return where a stream's new files go."""
    return f"{places.home().root}/{table.name}"
