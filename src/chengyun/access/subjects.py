# SPDX-License-Identifier: Apache-2.0
"""Whose rows a recorded reading showed: kept so that each of them can be told, and so that nobody can change it unseen.

A record's `detail` carries {"count", "root", "nonce"}: the root of a Merkle tree (RFC 9162, 2.1) over its subjects. The chain of
the audit log covers the detail, so it covers them. Each leaf is the subject and a salt of its own, made from the nonce: who is
shown the path of one leaf cannot try out who else was read.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import struct
import uuid
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection

Subject = tuple[str, str]
"""A dataset, and the key of one of its rows."""

BATCH = 50_000
_COPY = "COPY access_auditsubject (subject, record_id) FROM STDIN (FORMAT binary)"
_BEGIN, _ROW, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), struct.pack(">hi", 2, 16), struct.pack(">h", -1)
"""PostgreSQL's binary form of rows: head, the start of each row (two fields, the first of sixteen bytes), tail."""
WITH = """made AS ({record} RETURNING id), shown AS (
    INSERT INTO access_auditsubject (subject, record_id)
    SELECT one::uuid, made.id FROM made, string_to_table(%s::text, ',') AS one
)"""
"""Of a statement that keeps a record and its subjects; `record`: an INSERT of one row. Its last value is `listed`."""
_READ = "SELECT record_id, subject FROM access_auditsubject WHERE record_id BETWEEN %s AND %s ORDER BY record_id, subject"


def subject_id(dataset: str, key: str) -> uuid.UUID:
    """Return what a row is called in the log: sixteen bytes that say nothing, the same wherever they are made."""
    return uuid.UUID(bytes=_raw(dataset, key))


def ids_of(subjects: Iterable[Subject]) -> list[uuid.UUID]:
    """Return the subjects' ids, each once, rising."""
    # Sorted as bytes: the order is the same, and comparing UUIDs one by one took most of the time for a million.
    return [uuid.UUID(bytes=raw) for raw in sorted({_raw(dataset, str(key)) for dataset, key in subjects})]


def sealed(ids: Sequence[uuid.UUID]) -> dict[str, object]:
    """Return what a record's detail says of its subjects."""
    nonce = os.urandom(16)
    return {"count": len(ids), "root": root(ids, nonce).hex(), "nonce": nonce.hex()}


def holds(said: str | None, ids: Sequence[uuid.UUID]) -> bool:
    """Say whether subjects are those that a record's detail, as JSON, speaks of."""
    try:
        detail = json.loads(said or "")
        return bool(detail["root"] == root(ids, bytes.fromhex(detail["nonce"])).hex() and detail["count"] == len(ids))
    except (ValueError, KeyError, TypeError):
        return False


def write(record_id: int, ids: Sequence[uuid.UUID]) -> None:
    """Keep the subjects of a record, in the caller's transaction."""
    number = struct.pack(">iq", 8, record_id)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(_BEGIN)
        for start in range(0, len(ids), BATCH):
            copy.write(b"".join([_ROW + one.bytes + number for one in ids[start : start + BATCH]]))
        copy.write(_END)


def write_with(record: str, values: Sequence[str | int | None], ids: Sequence[uuid.UUID]) -> int:
    """Keep a record and its subjects in one statement, which is done whole or not at all; return the record's number.

    record: an INSERT of one row, without RETURNING. ids: at most BATCH.
    """
    with connection.cursor() as cursor:
        cursor.execute(" ".join(("WITH", WITH.format(record=record), "SELECT id FROM made")), [*values, listed(ids)])
        return int(cursor.fetchone()[0])


def listed(ids: Sequence[uuid.UUID]) -> str:
    """Return subjects' ids as WITH takes them."""
    return ",".join(map(str, ids))


def kept(first: int, last: int) -> Iterator[tuple[int, list[uuid.UUID]]]:
    """Yield the records from one number to another that have subjects, with them, rising; one record at a time in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_READ, [first, last])
        rows = itertools.chain.from_iterable(iter(lambda: cursor.fetchmany(BATCH), []))
        for record_id, group in itertools.groupby(rows, key=lambda row: row[0]):
            yield record_id, [subject for _, subject in group]


def _raw(dataset: str, key: str) -> bytes:
    return hashlib.sha256(f"{dataset}\0{key}".encode()).digest()[:16]


def leaf(subject: uuid.UUID, nonce: bytes) -> bytes:
    """Return a subject's leaf: its id and its salt."""
    raw = subject.bytes
    return raw + hmac.digest(nonce, raw, "sha256")


def root(ids: Sequence[uuid.UUID], nonce: bytes) -> bytes:
    """Return the root over the subjects, in rising order. Standard: RFC 9162, 2.1.1."""
    level = [hashlib.sha256(b"\x00" + leaf(one, nonce)).digest() for one in ids]
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        # An odd one out goes up as it is: the largest whole subtree stands on the left, as the standard splits.
        above = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(level) - len(level) % 2 :]
    return level[0]
