# SPDX-License-Identifier: Apache-2.0
"""Reading a log: heads, entries, and proofs that cost a dozen rows however long it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from chengyun.cases import prepared
from chengyun.errors import NotFound, Refused
from chengyun.share.ledger import tiles
from chengyun.share.ledger.heads import SignedHead
from chengyun.share.ledger.tiles import Place
from chengyun.share.ledger.tree import Node, Tree, consistency_of, inclusion_of, nodes, value

__all__ = [
    "PART", "PARTS", "Entry", "Proof", "TileReader", "consistency", "entries", "entry", "entry_named", "head", "head_at",
    "inclusion", "part",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proof:
    """Hashes that prove a leaf (index, size) or a prefix (old → size). rows_read: tiles it took."""

    log: str
    index: int
    size: int
    hashes: tuple[bytes, ...]
    rows_read: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf as it was said. number: of its row, which it may share; index: its place, None until it is sequenced."""

    number: int
    index: int | None
    at: dt.datetime
    leaf: bytes


_HEAD = "SELECT log, size, root, at, key_id, note FROM ledger_head WHERE log = %s"
_NEWEST = f"{_HEAD.replace('%s', '%s::text')} ORDER BY size DESC LIMIT 1"
"""Every group of messages asks for it: what a receipt names as the log's former state."""
PARTS = "ledger_entry e CROSS JOIN LATERAL generate_series(1, greatest(cardinality(e.ends), 1)) AS u (part)"
"""What was said: a row each, also where several share one."""
PART = """
CASE cardinality(e.ends) WHEN 0 THEN e.leaf
ELSE substring(e.leaf FROM coalesce(e.ends[u.part - 1], 0) + 1 FOR e.ends[u.part] - coalesce(e.ends[u.part - 1], 0)) END
"""
_ENTRY = " ".join(
    ("SELECT e.id, p.index + u.part - 1, e.at,", PART, "FROM", PARTS, "LEFT JOIN ledger_place p ON p.entry_id = e.id")
)
_PLACED = """
p.log = %(log)s AND p.index < %(start)s + %(count)s
AND p.index >= (SELECT max(index) FROM ledger_place WHERE log = %(log)s AND index <= %(start)s)
AND p.index + u.part - 1 >= %(start)s AND p.index + u.part - 1 < %(start)s + %(count)s
"""
"""From a place on: what stands there may share a row with what stands before it."""


def head(log: str) -> SignedHead | None:
    """Return the newest signed head; None before the first."""
    rows = prepared.fetch(_NEWEST, [log])
    return _signed_head(rows[0]) if rows else None


def head_at(log: str, size: int) -> SignedHead:
    """Return the smallest signed head that covers so many leaves. Raises NotFound when none does yet."""
    found = _one_head(f"{_HEAD} AND size >= %s ORDER BY size LIMIT 1", [log, size])
    if found is None:
        raise NotFound(f"No head of {log} covers {size} entries yet. Ask again in a moment.", log=log)
    return found


def inclusion(log: str, index: int, size: int) -> Proof:
    """Return the path from a leaf to the root over `size` leaves. Raises Refused beyond what is sequenced."""
    _check(log, size)
    if not 0 <= index < size:
        raise Refused(f"index is {index}, expected 0 to {size - 1}.", code="index", status=400)
    return _proof(log, index, size, inclusion_of(index, size))


def consistency(log: str, old: int, new: int) -> Proof:
    """Return what proves that the tree over `old` leaves begins the one over `new`."""
    _check(log, new)
    if not 0 < old <= new:
        raise Refused(f"old is {old}, expected 1 to {new}.", code="index", status=400)
    return _proof(log, old, new, consistency_of(old, new))


def entry(log: str, index: int) -> Entry:
    """Return what stands at a place. Raises NotFound."""
    found = entries(log, index, 1)
    if not found:
        raise NotFound(f"{log} has no entry {index}.")
    return found[0]


def entry_named(log: str, name: str) -> Entry:
    """Return the first entry of a name. Raises NotFound."""
    sql = f"{_ENTRY} WHERE e.log = %s AND e.name = %s AND e.name <> '' ORDER BY e.id LIMIT 1"
    return _one_entry(sql, [log, name], f"{log} has no entry {name!r}.")


def part(log: str, number: int, place: int) -> Entry:
    """Return one of what was said together: by their row's number, and its place among them from 1. Raises NotFound."""
    sql = f"{_ENTRY} WHERE e.log = %s AND e.id = %s AND u.part = %s"
    return _one_entry(sql, [log, number, place], f"{log} has no entry {number}, {place}.")


def entries(log: str, start: int, count: int) -> list[Entry]:
    """Return what stands from a place on, in order."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_ENTRY} WHERE {_PLACED} ORDER BY 2", {"log": log, "start": start, "count": count})
        return [_entry(row) for row in cursor.fetchall()]


class TileReader:
    """Reads nodes of one log; keeps the tiles it has read. Call it as the `read` of tree.value."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._tiles: dict[Place, bytes] = {}
        self.rows_read = 0

    def __call__(self, node: Node) -> bytes:
        return tiles.node_in(node, self.tile(tiles.place_of(node)))

    def know(self, grown: Mapping[Place, bytes]) -> None:
        """Take tiles that were just made."""
        self._tiles.update(grown)

    def load(self, wanted: Iterable[Node]) -> None:
        """Read the tiles of some nodes in one go."""
        missing = sorted(tiles.needed(wanted) - self._tiles.keys())
        if not missing:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT t.row, t.number, t.hashes FROM unnest(%s::int[], %s::bigint[]) AS w (row, number)"
                " JOIN ledger_tile t ON t.log = %s AND t.row = w.row AND t.number = w.number",
                [[at.row for at in missing], [at.number for at in missing], self._log],
            )
            found = cursor.fetchall()
        self.rows_read += len(found)
        self._tiles.update({Place(row, number): bytes(hashes) for row, number, hashes in found})

    def tile(self, at: Place) -> bytes:
        """Return a tile. Raises LookupError when it is gone: then somebody was at the database itself."""
        if at not in self._tiles:
            self.load([Node(at.row * tiles.HEIGHT, at.number * tiles.WIDTH)])
        if at not in self._tiles:
            raise LookupError(f"tile {at.number} of row {at.row} of the log {self._log} is missing")
        return self._tiles[at]


def _proof(log: str, index: int, size: int, trees: list[Tree]) -> Proof:
    reader = TileReader(log)
    reader.load(node for tree in trees for node in nodes(tree))
    return Proof(log, index, size, tuple(value(tree, reader) for tree in trees), reader.rows_read)


def _check(log: str, size: int) -> None:
    known = head(log)
    if known is None or size > known.size:
        raise Refused(f"{log} has {known.size if known else 0} entries, fewer than {size}.", code="size", status=400)


def _one_head(sql: str, params: list[str | int]) -> SignedHead | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return _signed_head(row) if row else None


def _signed_head(row: Sequence[Any]) -> SignedHead:
    return SignedHead(row[0], row[1], bytes(row[2]), row[3], row[4], row[5])


def _one_entry(sql: str, params: list[str | int], otherwise: str) -> Entry:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    if row is None:
        raise NotFound(otherwise)
    return _entry(row)


def _entry(row: tuple[int, int | None, dt.datetime, memoryview]) -> Entry:
    return Entry(row[0], row[1], row[2], bytes(row[3]))
