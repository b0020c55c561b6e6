# SPDX-License-Identifier: Apache-2.0
"""What happens to a log: leaves are appended by whoever has something to say, and sequenced in batches.

Several leaves said in one breath may share a row (append_together): each has a place and a proof of its own all the same.
"""

from __future__ import annotations

import binascii
import datetime as dt
import itertools
import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from chengyun.access.keystore import signing_key
from chengyun.cases import prepared
from chengyun.config import config
from chengyun.share.ledger import tiles
from chengyun.share.ledger.heads import SignedHead, sign_head
from chengyun.share.ledger.queries import TileReader, head
from chengyun.share.ledger.tree import EMPTY, leaf_hash, nodes, root_of, value

__all__ = ["LOGS", "append", "append_many", "append_together", "sequence"]

LOGS = ("exchange", "audit")
BATCH = 10_000
"""Rows that are given their place in one transaction: bounds how long others wait for it."""
READ = 200
"""Rows whose leaves are read at once: some 20 MB where each holds many receipts."""

_APPEND = """
WITH added AS (
    INSERT INTO ledger_entry (log, name, leaf) SELECT %s::text, u.name, decode(coalesce(u.leaf, ''), 'base64')
    FROM ROWS FROM (json_array_elements_text(%s::json), string_to_table(%s::text, ',')) AS u (name, leaf) RETURNING id, log
), waits AS (INSERT INTO ledger_waiting (entry_id, log) SELECT id, log FROM added)
SELECT id FROM added ORDER BY id
"""
_TOGETHER = """
WITH added AS (
    INSERT INTO ledger_entry (log, leaf, ends) VALUES (%s::text, %s::bytea, %s::integer[]) RETURNING id, log
), waits AS (INSERT INTO ledger_waiting (entry_id, log) SELECT id, log FROM added)
"""
_TAKE = """
DELETE FROM ledger_waiting WHERE entry_id IN (
    SELECT entry_id FROM ledger_waiting WHERE log = %s ORDER BY entry_id LIMIT %s
) RETURNING entry_id
"""
_LEAVES = "SELECT leaf, ends FROM ledger_entry WHERE id = ANY(%s::bigint[]) ORDER BY id"
"""Hashed here: the database's own SHA-256 takes four times as long as OpenSSL's. `check` hashes them again, by itself."""
_PLACE = "INSERT INTO ledger_place (log, index, entry_id) SELECT %s, unnest(%s::bigint[]), unnest(%s::bigint[])"
_TILE = """
INSERT INTO ledger_tile (log, row, number, hashes) SELECT %s, unnest(%s::int[]), unnest(%s::bigint[]), unnest(%s::bytea[])
ON CONFLICT (log, row, number) DO UPDATE SET hashes = excluded.hashes
"""
_HEAD = "INSERT INTO ledger_head (log, size, root, at, key_id, note) VALUES (%s, %s, %s, %s, %s, %s)"


def append(log: str, leaf: bytes, name: str = "") -> int:
    """Say something in a log, in the caller's transaction; return the entry's number, which is not yet its place.

    name: how the entry is found again, at most 64 characters; need not be unique.
    """
    return append_many(log, [(name, leaf)])[0]


def append_many(log: str, entries: Sequence[tuple[str, bytes]]) -> list[int]:
    """Say several things at once, each a (name, leaf)."""
    _require(log)
    names = json.dumps([name for name, _ in entries], ensure_ascii=False)
    return [int(row[0]) for row in prepared.fetch(_APPEND, [log, names, ",".join(_text(leaf) for _, leaf in entries)])]


def append_together(log: str, leaves: Sequence[bytes], then: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Say several things in one row, and in the same statement write what finds them again; return the statement's rows.

    then: the rest of a statement that begins with WITH, which reads `added (id)`, the row's number; a leaf is found by that and
    its place among `leaves`, from 1 (queries.part). values: then's own, in the order of their places.
    """
    _require(log)
    ends = f"{{{','.join(map(str, itertools.accumulate(map(len, leaves))))}}}"
    return prepared.fetch(_TOGETHER + then, [log, b"".join(leaves), ends, *values])


def _require(log: str) -> None:
    if log not in LOGS:
        raise LookupError(f"log {log!r} is none of {', '.join(LOGS)}")


def _text(leaf: bytes) -> str:
    return binascii.b2a_base64(leaf, newline=False).decode()


def sequence(log: str, now: dt.datetime | None = None) -> SignedHead:
    """Give every committed entry its place and return the newest signed head, which is a new one when anything waited.

    One at a time: an advisory lock orders those who would do the same. What a killed process had begun is begun again.
    """
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('ledger ' || %s, 0))", [log])
            known = head(log)
            cursor.execute(_TAKE, [log, BATCH])
            waiting = sorted(int(row[0]) for row in cursor.fetchall())
            if waiting or known is None:
                known = _place(log, known.size if known else 0, waiting, now or dt.datetime.now(dt.UTC))
        if len(waiting) < BATCH:
            return known


def _place(log: str, size: int, waiting: list[int], now: dt.datetime) -> SignedHead:
    reader = TileReader(log)
    leaves: list[bytes] = []
    first: dict[int, int] = {}
    for start in range(0, len(waiting), READ):
        ids = waiting[start : start + READ]
        rows_of = prepared.fetch(_LEAVES, [f"{{{','.join(map(str, ids))}}}"], binary=True)
        for number, (leaf, ends) in zip(ids, rows_of, strict=True):
            first[number] = size + len(leaves)
            cuts = [0, *ends] if ends else [0, len(leaf)]
            leaves += [leaf_hash(leaf[begin:end]) for begin, end in itertools.pairwise(cuts)]
    with connection.cursor() as cursor:
        grown = tiles.grow(size, leaves, reader.tile)
        after = size + len(leaves)
        if leaves:
            cursor.execute(_PLACE, [log, list(first.values()), list(first)])
            rows = list(grown.items())
            cursor.execute(
                _TILE, [log, [at.row for at, _ in rows], [at.number for at, _ in rows], [hashes for _, hashes in rows]]
            )
        reader.know(grown)
        root = EMPTY
        if after:
            tree = root_of(0, after)
            reader.load(nodes(tree))
            root = value(tree, reader)
        made = sign_head(log, after, root, now, origin(), signing_key("node"))
        cursor.execute(_HEAD, [log, made.size, made.root, made.at, made.key_id, made.note])
    return made


def origin() -> str:
    """Return this node's name in heads."""
    return config().node
