# SPDX-License-Identifier: Apache-2.0
"""Millions of rows into a mirror: a file is asked for, fetched chunk by chunk and checked, and copied in as columns.

    POST /files ─▶ wait ─▶ manifest with its receipt ─▶ parts, 16 MB at a time, each against its sha256 ─▶ COPY

What is fetched stays on disk until all is in: whoever is killed goes on, with the same file, at the first chunk that is missing.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from chengyun.errors import Malformed, NotFound, Refused, Unavailable
from chengyun.lake import database
from chengyun.share.exchange import hooks, receipts
from chengyun.share.exchange.client import Client, Told
from chengyun.share.exchange.sources import Column
from chengyun.share.federation import mirrors, neighbours, pieces, tables
from chengyun.share.federation.mirrors import HELD, alone
from chengyun.share.federation.models import Mirror
from chengyun.share.federation.pieces import Pieces
from chengyun.share.ledger.services import append

__all__ = ["fill"]

WAIT_S = 3600.0
ASK_EVERY_S = 1.0
STAGE = "_incoming"
MOST_ROWS = 5_000_000
"""A part is in memory whole: ten times what this program sends."""


def fill(mirror: Mirror, client: Client | None = None) -> int:
    """Bring a mirror to the provider's newest version by a file; return how many rows came.

    One that was filled gets changes, or, where it is to be read anew, all rows at once in place of those it has.
    """
    own = client or neighbours.client_of(mirror.neighbour)
    try:
        return _fill(mirror, own, mirror.version if mirror.filled and not mirror.redraw else 0)
    except Refused as wrong:
        if wrong.code != "anew":
            raise
        return _fill(mirror, own, 0)
    finally:
        if client is None:
            own.close()


def _fill(mirror: Mirror, own: Client, since: int) -> int:
    with mirrors.receiving(own):
        held, told = _file_of(mirror, own, since)
        try:
            manifest = pieces.checked(told.json()["manifest"], held.number)
            if since and manifest.get("terms", mirror.terms) != mirror.terms:
                raise Refused("The neighbour's file is under other terms than what is kept here.", code="anew")
            with alone(mirror):
                count = _copy(mirror, manifest, told.leaf, _fetched(own, manifest, held.path))
        except (Malformed, Refused):
            held.remove()  # it would be as wrong the next time
            raise
        except BaseException:
            held.close()
            raise
    own.countersign(told.leaf)
    held.remove()
    return count


def _file_of(mirror: Mirror, client: Client, since: int) -> tuple[Pieces, Told]:
    """Return the folder of a file and the answer with its manifest, once the provider has made it."""
    asked = {"dataset": mirror.dataset, "purpose": mirror.purpose, "format": "parquet", "since": since}
    if since and mirror.terms:
        asked["terms"] = mirror.terms
    of = {**asked, "neighbour": mirror.neighbour.name}
    held = pieces.left_over(of)
    if held is not None:
        try:
            told = client.get(f"/files/{held.number}")
            if told.json()["state"] == "ready":
                return held, told
        except (NotFound, Refused):
            pass  # the provider has forgotten it, or what it was made under has ended
        except BaseException:
            held.close()
            raise
        held.remove()
    held = pieces.begin(str(client.post("/files", asked).json()["file"]), of)
    try:
        return held, _made(client, held.number)
    except BaseException:
        held.close()
        raise


def _made(client: Client, number: str) -> Told:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        told = client.get(f"/files/{number}")
        state = told.json()["state"]
        if state == "ready":
            return told
        if state != "waiting":
            raise Unavailable(f"The neighbour could not make the file: {told.json()['reason']}")
        time.sleep(ASK_EVERY_S)
    raise Unavailable(f"The neighbour did not make the file within {WAIT_S:.0f} s.")


def _fetched(client: Client, manifest: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Yield the parts as they are whole; the next is fetched while one is being copied in."""
    ready: queue.Queue[Path | Exception | None] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def fetch() -> None:
        try:
            for number, part in enumerate(manifest["parts"]):
                path = _part(client, manifest, number, part, folder)
                while not stop.is_set():
                    try:
                        ready.put(path, timeout=1)
                        break
                    except queue.Full:
                        continue
                if stop.is_set():
                    return
            ready.put(None)
        except Exception as wrong:
            ready.put(wrong)

    threading.Thread(target=fetch, daemon=True).start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        stop.set()


def _part(client: Client, manifest: Mapping[str, Any], number: int, part: Mapping[str, Any], folder: Path) -> Path:
    """Fetch what of a part is not here yet. Raises Unavailable when a chunk is not what the manifest says, twice."""
    path, chunk = folder / f"{number:05}", int(manifest["chunk"])
    with path.open("r+b" if path.exists() else "w+b") as file:
        for at, wanted in enumerate(part["chunks"]):
            start, end = at * chunk, min((at + 1) * chunk, int(part["bytes"])) - 1
            file.seek(start)
            if hashlib.sha256(file.read(end - start + 1)).hexdigest() == wanted:
                continue
            for left in (1, 0):
                got = client.part(f"/files/{manifest['file']}/parts/{number}", start, end)
                if hashlib.sha256(got).hexdigest() == wanted:
                    break
                if not left:
                    raise Unavailable(f"Chunk {at} of part {number} is not what its digest says, twice. Fill again to go on.")
            file.seek(start)
            file.write(got)
        file.truncate(int(part["bytes"]))
    return path


def _copy(mirror: Mirror, manifest: Mapping[str, Any], leaf: bytes, parts: Iterator[Path]) -> int:
    import adbc_driver_postgresql.dbapi as adbc
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [one for one in manifest["fields"] if one["name"] in (mirror.fields or (one["name"],)) and one["name"][0] != "_"]
    columns = tables.read_columns(fields)
    receipt, began = str(receipts.parse(leaf)["id"]), timezone.now()
    # A whole file is all there is, whatever was drawn since it was asked for: what it does not name is no more.
    whole = not int(manifest["since"])
    straight = whole and not any(one.type in ("json", "decimal") for one in columns)
    beside = whole and mirror.filled
    table = tables.staged(mirror.table) if beside else mirror.table
    with transaction.atomic():
        if beside:
            mirrors.read_anew(mirror)
        tables.ensure(table, columns)
        if whole and not beside:
            mirrors.begin_anew(mirror)
    names = [one.name for one in columns]
    count = 0
    with adbc.connect(database.url(), autocommit=True) as target, target.cursor() as cursor:
        for number, path in enumerate(parts):
            with pq.ParquetFile(path) as file:
                # Before it is read: a few bytes can say that they are very many rows.
                said = file.metadata.num_rows
                if said != manifest["parts"][number]["rows"] or said > MOST_ROWS:
                    raise Malformed(
                        f"Part {number} holds {said} rows; its manifest says otherwise, or {MOST_ROWS} at most are read."
                    )
                rows = file.read()
            rows = rows.append_column("_receipt", pa.repeat(receipt, len(rows)))
            count += len(rows)
            if straight:
                kept = rows.select(["_key", "_version", "_receipt", *names])
                cursor.adbc_ingest(table, kept, mode="append", db_schema_name=tables.SCHEMA)
            else:
                cursor.adbc_ingest(f"{table[:50]}{STAGE}", rows, mode="replace", db_schema_name=tables.SCHEMA)
                _merge(table, columns)
            del rows
    with transaction.atomic():
        held = Mirror.objects.select_for_update().get(pk=mirror.pk)
        if beside:
            tables.put_in_place(held.table, columns)
        held.version, held.filled, held.as_of, held.after = int(manifest["as_of"]), True, None, ""
        held.terms, held.redraw = str(manifest.get("terms", ""))[:200], ""
        held.rows, held.drawn_at, held.reason, held.failures = tables.count(held.table), timezone.now(), "", 0
        held.save()
        append(receipts.LOG, leaf, f"{HELD}{receipt}")
        if count:
            hooks.tell(mirrors.flow(mirror, began, columns=columns, rows=count))
    mirror.refresh_from_db()
    return count


def _merge(table: str, columns: tuple[Column, ...]) -> None:
    """Bring what was just staged into a mirror; an older version changes nothing."""
    stage = sql.Identifier(tables.SCHEMA, f"{table[:50]}{STAGE}")
    names = [sql.Identifier(one.name) for one in columns]
    casts = [sql.SQL("s.{}::{}").format(sql.Identifier(one.name), sql.SQL(tables.TYPES[one.type])) for one in columns]
    comma = sql.SQL(", ")
    with transaction.atomic():
        _run(
            sql.SQL(
                "DELETE FROM {table} AS kept USING {stage} AS s"
                " WHERE s._removed AND kept._key = s._key AND kept._version < s._version"
            ).format(table=sql.Identifier(tables.SCHEMA, table), stage=stage)
        )
        _run(
            sql.SQL(
                "INSERT INTO {table} AS kept (_key, _version, _receipt, {names})"
                " SELECT s._key, s._version, s._receipt, {casts} FROM {stage} AS s WHERE NOT s._removed"
                " ON CONFLICT (_key) DO UPDATE"
                " SET (_version, _receipt, {names}) = ROW (excluded._version, excluded._receipt, {new})"
                " WHERE kept._version < excluded._version"
            ).format(
                table=sql.Identifier(tables.SCHEMA, table), stage=stage, names=comma.join(names), casts=comma.join(casts),
                new=comma.join(sql.SQL("excluded.{}").format(name) for name in names),
            )
        )  # fmt: skip
        _run(sql.SQL("DROP TABLE {}").format(stage))


def _run(statement: sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
