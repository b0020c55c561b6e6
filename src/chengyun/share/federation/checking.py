# SPDX-License-Identifier: Apache-2.0
"""Mirrors compared with what they should hold, and mended: a copy may be damaged where no version tells of it.

    GET /digests at the mirror's version ─▶ sums of ranges, slice by slice ─▶ those of our rows ─▶ ranges that differ
    ─▶ GET /rows of these ranges, at that version, into a table beside ─▶ in place of theirs, in one transaction

A neighbour of an older version tells no digests; its mirrors stay uncompared.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import sql

from chengyun.errors import Malformed, NotFound, Problem, Refused
from chengyun.share.exchange import digests
from chengyun.share.exchange.client import Client
from chengyun.share.exchange.digests import DEEPEST, Ranges
from chengyun.share.exchange.sources import Column
from chengyun.share.federation import mirrors, neighbours, tables
from chengyun.share.federation.models import Mirror

__all__ = ["check", "check_all"]

ROWS_IN_RANGE = 500
MOST_SLICES = 100_000
BATCH = 5_000

log = logging.getLogger(__name__)


def check_all(name: str = "") -> dict[Mirror, int | str | None]:
    """Compare every mirror, or those of one neighbour, and draw what differs; return what `check` says of each, or why not."""
    found: dict[Mirror, int | str | None] = {}
    every = Mirror.objects.filter(neighbour__active=True, **({"neighbour__name": name} if name else {}))
    for one in every.select_related("neighbour"):
        client = neighbours.client_of(one.neighbour)
        try:
            found[one] = check(one, client)
            if found[one]:
                mirrors.draw(one, client)
        except Problem as wrong:
            log.warning("%s of %s could not be compared: %s", one.dataset, one.neighbour.name, wrong.sentence)
            found[one] = wrong.sentence
            _not_compared(one, mirrors.fault_of(wrong, wrong.sentence))
        except (LookupError, TypeError, ValueError, AttributeError, DatabaseError) as wrong:
            log.exception("%s of %s could not be compared", one.dataset, one.neighbour.name)
            found[one] = f"What the neighbour sent cannot be read: {type(wrong).__name__}."
            _not_compared(one, str(found[one]))
        finally:
            client.close()
    return found


def check(mirror: Mirror, client: Client) -> int | None:
    """Compare a mirror; return in how many ranges it is not what it should be: the next drawing reads these anew.

    None where it cannot be compared: it is not whole, or its neighbour tells no digests of it.
    """
    with mirrors.alone(mirror):
        if not mirror.filled or mirror.redraw:
            _not_compared(mirror, Mirror.Unchecked.PARTIAL)
            return None
        depth = min((mirror.rows // ROWS_IN_RANGE).bit_length(), DEEPEST)
        try:
            columns, theirs = _told(mirror, client, depth)
        except NotFound:
            _not_compared(mirror, Mirror.Unchecked.DIGESTS)
            return None
        except Refused as wrong:
            if wrong.code == "digests":
                _not_compared(mirror, Mirror.Unchecked.DIGESTS)
                return None
            if wrong.code != "anew":
                raise
            with transaction.atomic():
                mirrors.read_anew(mirror)
                _not_compared(mirror, Mirror.Unchecked.ANEW)
            return 1 << depth
        ours, ahead = _held(mirror, columns, depth)
        wrong_ones = {at for at in range(1 << depth) if ours[at] != theirs[at]} | ahead
        with transaction.atomic():
            Mirror.objects.filter(pk=mirror.pk).update(checked_at=timezone.now(), differing=len(wrong_ones), unchecked="")
            if wrong_ones:
                is_few = len(wrong_ones) <= min((1 << depth) // 4, digests.MOST)
                mirrors.read_anew(mirror, Ranges(depth, frozenset(wrong_ones)) if is_few else None)
                log.warning(
                    "%s of %s differs in %s of %s ranges; they are read anew", mirror.dataset, mirror.neighbour.name,
                    len(wrong_ones), 1 << depth,
                )  # fmt: skip
    mirror.refresh_from_db()
    return len(wrong_ones)


def _not_compared(mirror: Mirror, why: str) -> None:
    Mirror.objects.filter(pk=mirror.pk).update(unchecked=why[:300])


def _told(mirror: Mirror, client: Client, depth: int) -> tuple[tuple[Column, ...], list[int]]:
    """Return what the rows should be: their fields, and the sum of each range."""
    asked: dict[str, Any] = {
        "dataset": mirror.dataset, "purpose": mirror.purpose or None, "fields": ",".join(mirror.fields) or None,
        "as_of": mirror.version, "terms": mirror.terms or None, "depth": depth,
    }  # fmt: skip
    found, after = [0] * (1 << depth), None
    for _ in range(MOST_SLICES):
        page = client.get("/digests", after=after, **asked).json()
        said = [int(one, 16) for one in page["sums"]]
        if page["as_of"] != mirror.version or len(said) != len(found):
            raise Malformed("The neighbour tells digests of another version, or of other ranges, than it was asked for.")
        found = [(one + other) % (1 << 128) for one, other in zip(found, said, strict=True)]
        after = page["next"]
        if not after:
            return tables.read_columns(page["fields"]), found
    raise Malformed("The neighbour's digests do not end.")


def _held(mirror: Mirror, columns: Sequence[Column], depth: int) -> tuple[list[int], set[int]]:
    """Return the sums of what is kept, and the ranges in which a row says that it is newer than the mirror."""
    with transaction.atomic():
        tables.ensure(mirror.table, columns)
        ahead: set[str] = set()
        ours = digests.sums(columns, depth, _rows(mirror, columns, ahead))
    return ours, {digests.range_of(key, depth) for key in ahead}


def _rows(mirror: Mirror, columns: Sequence[Column], ahead: set[str]) -> Iterator[tuple[str, list[Any]]]:
    names = sql.SQL(", ").join(sql.Identifier(one.name) for one in columns)
    packed = [at for at, one in enumerate(columns) if one.type == "json"]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql.SQL("SELECT _key, _version, {} FROM {}").format(names, sql.Identifier(tables.SCHEMA, mirror.table)))
        while rows := cursor.fetchmany(BATCH):
            for key, version, *values in rows:
                if version > mirror.version:
                    ahead.add(key)
                for at in packed:
                    if isinstance(values[at], str):
                        values[at] = json.loads(values[at])
                yield key, values
