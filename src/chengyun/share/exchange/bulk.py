# SPDX-License-Identifier: Apache-2.0
"""Files in bulk: made in the background from one snapshot, in parts, each with its checksums in a manifest that is signed.

    <data>/exchange/<number>/part-00000.parquet …      parts of some half a million rows
    manifest     dataset, fields, version, for each part: rows, bytes, sha256, and a sha256 for each 16 MB chunk

The receipt is of the manifest's bytes; the manifest is of every byte of the parts. What is interrupted goes on by chunk.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from chengyun.access import grants, pseudonyms
from chengyun.access.policy import Scope
from chengyun.access.rulebook import rulebook
from chengyun.config import config, make_folder
from chengyun.errors import NotFound, Problem, Refused
from chengyun.share.exchange import hooks, reading
from chengyun.share.exchange.hooks import Flow
from chengyun.share.exchange.models import BulkFile, Party
from chengyun.share.exchange.parties import scope_of
from chengyun.share.exchange.sources import Column, Source, kind_of, source_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHUNK", "ask_for", "make", "make_waiting", "manifest_of", "part_path", "sweep"]

CHUNK = 16 * 1024 * 1024
PART_ROWS = 500_000
"""Three parts are in memory at a time: one being read, one masked and recorded, one written."""
KEPT_DAYS = 7
MOST_WAITING = 20
FORMATS = ("parquet", "csv")
_OURS = (Column("_key", "text"), Column("_version", "integer"), Column("_removed", "boolean"))
"""Before a dataset's own columns: what a row is told apart by, its version, and whether the reader has lost it."""

log = logging.getLogger(__name__)


def ask_for(party: Party, dataset: str, purpose: str, format: str, since: int, terms: str = "") -> BulkFile:
    """Note that a party wants a file; the background makes it. terms: of what it has, where it has a version `since`.

    Raises NotFound when it may read nothing of the dataset, Refused (409, `anew`) when what it has is of other terms.
    """
    if format not in FORMATS:
        raise Refused(f"format is {format!r}, expected one of {', '.join(FORMATS)}.", code="parameter", status=400)
    allowed = scope_of(party, dataset, purpose)
    kind_of(dataset)
    if since:
        reading.require_terms(allowed, reading.columns_of(allowed, dataset), terms, since)
    if BulkFile.objects.filter(party=party, state=BulkFile.State.WAITING).count() >= MOST_WAITING:
        raise Refused(f"{MOST_WAITING} files of yours wait already. Ask again when they are made.", code="waiting", status=429)
    return BulkFile.objects.create(
        number=uuid.uuid4(), party=party, dataset=dataset, purpose=purpose, format=format, since_version=since
    )  # fmt: skip


def make_waiting() -> int:
    """Make the files that wait, one after the other; return how many."""
    made = 0
    for one in BulkFile.objects.filter(state=BulkFile.State.WAITING).select_related("party__organisation").order_by("id"):
        try:
            make(one)
            made += 1
        except Problem as wrong:
            _failed(one, wrong, wrong.sentence)
        except Exception as wrong:
            log.exception("the file %s was not made", one.number)
            shutil.rmtree(folder_of(one), ignore_errors=True)
            _failed(one, wrong, "It could not be made; see the log.")
    return made


def _failed(file: BulkFile, wrong: Exception, reason: str) -> None:
    BulkFile.objects.filter(pk=file.pk).update(state=BulkFile.State.FAILED, reason=reason[:300])
    hooks.tell(_flow(file, file.made_at, fault=type(wrong).__name__))


def _flow(file: BulkFile, began: dt.datetime, **said: Any) -> Flow:
    return Flow(
        way="file", with_whom=file.party.organisation.key, dataset=file.dataset, purpose=file.purpose, began=began,
        ended=timezone.now(), **said,
    )  # fmt: skip


def make(file: BulkFile) -> dict[str, Any]:
    """Write a file's parts and its manifest. The policy is asked now, not when the file was asked for."""
    began = timezone.now()
    allowed = scope_of(file.party, file.dataset, file.purpose)
    folder = folder_of(file)
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    at, columns, tables = _rows(allowed, file.dataset, file.since_version)
    parts: list[dict[str, Any]] = []
    writing: Future[dict[str, Any]] | None = None
    # Compressing and digesting a part leaves the interpreter free for the next one's masks and records.
    with ThreadPoolExecutor(1) as writer:
        for number, (keys, table) in enumerate(tables):
            # Before the rows can be fetched, so that no row is ever read without its person being able to know.
            allowed.record_rows(keys.to_pylist() if allowed.personal else (), [one.name for one in columns], way="file")
            if writing is not None:
                parts.append(writing.result())
            writing = writer.submit(_write, folder, number, table, file.format)
            del keys, table
        if writing is not None:
            parts.append(writing.result())
    total = sum(one["rows"] for one in parts)
    manifest = {
        "version": 1, "file": str(file.number), "dataset": file.dataset, "purpose": file.purpose, "format": file.format,
        "since": file.since_version, "as_of": at, "rows": total, "chunk": CHUNK, "parts": parts,
        "fields": [{"name": one.name, "type": one.type} for one in columns], "grants": list(allowed.grants),
        "terms": reading.terms_of(allowed, columns[len(_OURS) :]),
    }  # fmt: skip
    with transaction.atomic():
        allowed.count(total)
        file.state, file.manifest = BulkFile.State.READY, manifest
        file.save(update_fields=["state", "manifest"])
        shown = columns[len(_OURS) :]
        hooks.tell(
            _flow(
                file, began, columns=shown, masked=allowed.masked([one.name for one in shown]), rows=total,
                size=sum(one["bytes"] for one in parts),
            )
        )  # fmt: skip
    return manifest


def manifest_of(party: Party, number: str) -> BulkFile:
    """Return one of a party's files. Raises NotFound."""
    try:
        wanted = uuid.UUID(number)
    except ValueError:
        raise NotFound(f"There is no file {number[:64]!r} of yours.") from None
    found = BulkFile.objects.filter(party__organisation=party.organisation, number=wanted).first()
    if found is None:
        raise NotFound(f"There is no file {number} of yours.")
    return found


def part_path(party: Party, number: str, part: int) -> Path:
    """Return where a part lies, for a party that may still read what is in it. Raises NotFound."""
    file = manifest_of(party, number)
    _require_still(file, party)
    parts = file.manifest.get("parts", [])
    if file.state != BulkFile.State.READY or part >= len(parts):
        raise NotFound(f"The file {number} has no part {part} to be fetched.")
    return folder_of(file) / str(parts[part]["name"])


def _require_still(file: BulkFile, party: Party) -> None:
    """Raise NotFound when one of the grants a file was made under ended since: it takes along what was made under it.

    Another grant that the party still has does not stand in for it. A ceiling that the making itself reached is no end.
    """
    gone = NotFound(f"There is no file {file.number} for you any more: what it was made under has ended.")
    if not grants.stand(file.manifest.get("grants", []), rulebook().datasets.get(file.dataset)):
        raise gone
    try:
        scope_of(party, file.dataset, file.purpose, counted=True)
    except Refused:
        raise gone from None


def folder_of(file: BulkFile) -> Path:
    return config().data / "exchange" / str(file.number)


def sweep(now: dt.datetime | None = None) -> int:
    """Remove files older than a week; return how many."""
    old = BulkFile.objects.filter(made_at__lt=(now or timezone.now()) - dt.timedelta(days=KEPT_DAYS))
    gone = 0
    for one in old.exclude(state=BulkFile.State.GONE):
        shutil.rmtree(folder_of(one), ignore_errors=True)
        one.state = BulkFile.State.GONE
        one.save(update_fields=["state"])
        gone += 1
    return gone


Part = tuple["pa.ChunkedArray", "pa.Table"]
"""The keys that rows have, for the audit; and the rows as they go out."""


def _rows(scope: Scope, dataset: str, since: int) -> tuple[int, tuple[Column, ...], Iterator[Part]]:
    """Return the version, the columns, and the rows in parts of up to PART_ROWS."""
    whole = kind_of(dataset) == "entity" and since == 0 and len(scope.layers) == 1
    if whole:
        source = source_of(dataset)
        at = reading.version_of(dataset)
        shown = reading.chosen(scope, source.columns, ())
        return at, (*_OURS, *shown), _whole(scope, source, shown, at)
    at = reading.version_of(dataset)
    shown = reading.columns_of(scope, dataset)
    return at, (*_OURS, *shown), _paged(scope, dataset, since, at, (*_OURS, *shown))


def _whole(scope: Scope, source: Source, shown: Sequence[Column], at: int) -> Iterator[Part]:
    """Yield a register's rows straight from PostgreSQL as Arrow, masked column by column.

    One statement, so one snapshot, taken after the version was: newer rows come again with the next increment, none is missed.
    """
    import pyarrow as pa

    from chengyun.share.exchange.arrows import batches, masked, selecting

    layer, purpose = scope.layers[0], scope.purpose or ""
    columns = (*_OURS, *shown)
    masks = {**layer.masks, "_key": grants.KEY} if scope.blind else layer.masks
    salt = pseudonyms.order(scope.dataset, purpose)[1] if scope.blind else ""

    def read() -> Iterator[pa.Table]:
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches(selecting(scope, source, shown, at, salt)):
            waiting.append(batch)
            rows += len(batch)
            if rows >= PART_ROWS:
                yield pa.Table.from_batches(waiting)
                waiting, rows = [], 0
        if waiting:
            yield pa.Table.from_batches(waiting)

    for table in _ahead(read()):
        yield table["_key"], masked(table, columns, masks, purpose)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield what an iterator yields, which works on the next one meanwhile, in one thread from beginning to end."""
    reader = ThreadPoolExecutor(1)
    try:
        coming = reader.submit(next, tables, None)
        while (table := coming.result()) is not None:
            coming = reader.submit(next, tables, None)
            yield table
    finally:
        reader.shutdown(wait=True)


def _paged(scope: Scope, dataset: str, since: int, at: int, columns: Sequence[Column]) -> Iterator[Part]:
    import pyarrow as pa

    from chengyun.share.exchange.arrows import schema_of

    schema, after, waiting, keys = schema_of(columns), None, list[dict[str, Any]](), list[str]()
    while True:
        page = reading.rows(
            scope, dataset, after=after, since_version=since, as_of=at, limit=reading.MOST
        )  # fmt: skip
        waiting += [_flat(one, columns) for one in page.rows]
        keys += [one.subject for one in page.rows]
        if len(waiting) >= PART_ROWS or (page.next is None and waiting):
            yield pa.chunked_array([keys], pa.string()), pa.Table.from_pylist(waiting, schema)
            waiting, keys = [], []
        if page.next is None:
            return
        after = page.next


def _flat(row: reading.Row, columns: Sequence[Column]) -> dict[str, Any]:
    told = {"_key": row.key, "_version": row.version, "_removed": row.removed, **row.values}
    for one in columns:
        if one.type == "json" and told.get(one.name) is not None:
            told[one.name] = json.dumps(told[one.name], ensure_ascii=False, default=str)
        elif one.type in ("decimal", "text") and told.get(one.name) is not None:
            told[one.name] = str(told[one.name])
    return told


def _write(folder: Path, number: int, table: pa.Table, format: str) -> dict[str, Any]:
    """Write a part; return its line of the manifest."""
    name = f"part-{number:05}.{format}"
    path = folder / name
    if format == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, path, compression="zstd")
    else:
        import pyarrow.csv as pc

        pc.write_csv(table, path)
    chunks, whole = [], hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            chunks.append(hashlib.sha256(block).hexdigest())
            whole.update(block)
    return {"name": name, "rows": len(table), "bytes": path.stat().st_size, "sha256": whole.hexdigest(), "chunks": chunks}
