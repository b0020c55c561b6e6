# SPDX-License-Identifier: Apache-2.0
"""Rows as they were last read: which of a chunk are new, and which are gone. Set-based SQL, a chunk at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from chengyun.collect.pull.models import KnownRow

__all__ = ["Seen", "count_gone", "forget", "gone_keys", "keep", "mark_gone", "refresh", "unchanged"]

PAGE = 2_000

_KEEP = """
INSERT INTO pull_knownrow (source_id, key, digest, mark, run, gone_at)
SELECT DISTINCT ON (key) %s, key, digest, mark, %s, NULL
FROM unnest(%s::text[], %s::bytea[], %s::bigint[]) WITH ORDINALITY AS seen (key, digest, mark, place)
ORDER BY key, place DESC
ON CONFLICT (source_id, key) DO UPDATE
SET digest = excluded.digest, mark = excluded.mark, run = excluded.run, gone_at = NULL
"""

_REFRESH = "UPDATE pull_knownrow SET run = %s WHERE source_id = %s AND key = ANY(%s) AND run <> %s AND gone_at IS NULL"


@dataclass(frozen=True, slots=True)
class Seen:
    """A row that was read: what it is known by, and what changes with it."""

    key: str
    digest: bytes
    mark: int | None


def unchanged(source_id: int, seen: Sequence[Seen], *, whole: bool = True) -> set[int]:
    """Return the places of rows that are known just as they are; when not whole, of all that are known at all."""
    keys = [it.key for it in seen]
    found = KnownRow.objects.filter(source_id=source_id, key__in=keys, gone_at=None).values_list("key", "digest")
    known = {key: bytes(digest) for key, digest in found}
    same: set[int] = set()
    for place, it in enumerate(seen):
        if it.key in known and (not whole or known[it.key] == it.digest):
            same.add(place)
        elif whole:
            known[it.key] = it.digest  # the same row may stand twice in a chunk, and change between
    return same


def keep(source_id: int, run: int, seen: Sequence[Seen]) -> None:
    """Remember rows as read by a run; of rows with one key, the last."""
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [source_id, run, [it.key for it in seen], [it.digest for it in seen], [it.mark for it in seen]])


def refresh(source_id: int, run: int, keys: Sequence[str]) -> None:
    """Note that rows are there still."""
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, [run, source_id, list(keys), run])


def count_gone(source_id: int, run: int, since: int | None) -> tuple[int, int]:
    """Return how many known rows a run did not find again, and how many are known. since: lowest watermark it read from."""
    rows = KnownRow.objects.filter(source_id=source_id, gone_at=None)
    return _gone(source_id, run, since).count(), rows.count()


def gone_keys(source_id: int, run: int, since: int | None) -> Iterator[list[str]]:
    """Yield the keys of known rows a run did not find again, page by page; each page is settled before the next is asked for."""
    while page := list(_gone(source_id, run, since).order_by("key").values_list("key", flat=True)[:PAGE]):
        yield page


def mark_gone(source_id: int, keys: Sequence[str], now: dt.datetime) -> None:
    """Note that rows are gone; they are shown, and their like may come back."""
    KnownRow.objects.filter(source_id=source_id, key__in=list(keys)).update(gone_at=now)


def forget(source_id: int, run: int, below: int | None) -> None:
    """Drop rows that will not be read again: below a watermark, or, without one, those a run did not find."""
    rows = KnownRow.objects.filter(source_id=source_id, gone_at=None)
    (rows.exclude(run=run) if below is None else rows.filter(mark__lt=below)).delete()


def _gone(source_id: int, run: int, since: int | None):  # type: ignore[no-untyped-def]  # a QuerySet, told by its use
    rows = KnownRow.objects.filter(source_id=source_id, gone_at=None).exclude(run=run)
    if since is not None:
        from django.db.models import Q

        rows = rows.filter(Q(mark=None) | Q(mark__gte=since))
    return rows
