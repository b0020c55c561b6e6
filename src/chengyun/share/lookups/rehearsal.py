# SPDX-License-Identifier: Apache-2.0
"""A log as long as a city's after years, made in sets for the measurement; run in an installation of its own alone.

It writes past the triggers, so the chain does not cover it: what is measured is finding, not proving.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.share.lookups import queries
from chengyun.share.lookups.models import Identity
from chengyun.share.lookups.queries import Asked

DATASET = "population.person"
EACH = 10
"""Persons a record shows."""
_RECORDS = """
INSERT INTO access_auditrecord (id, at, actor, organisation, action, dataset, target, purpose, detail) OVERRIDING SYSTEM VALUE
SELECT n, now() - make_interval(secs => (%(last)s - n) * 20), 'clerk', 'body_' || n %% 40, 'read', %(dataset)s, 'list',
       (ARRAY['case', 'statistics', 'duty'])[1 + n %% 3], '{"fields": ["name", "phone"], "grants": ["G20260001"]}'
FROM generate_series(%(first)s::bigint, %(until)s) AS n
"""
# A record's persons are drawn one from each tenth of the chances, so that none stands twice in it and nothing has to look for
# it. The cube makes some persons be looked at thousands of times, as some are; sha256 as access/subjects.py writes it.
_SUBJECTS = """
INSERT INTO access_auditsubject (subject, record_id)
SELECT encode(substring(sha256(%(prefix)s::bytea || (low + least(floor(
           ((bottom + random() * (top - bottom)) ^ 3 - bottom ^ 3) / (top ^ 3 - bottom ^ 3) * (high - low)), high - low - 1)
       )::bigint::text::bytea) FOR 16), 'hex')::uuid, n
FROM generate_series(%(first)s::bigint, %(until)s) AS n CROSS JOIN (
    SELECT at, (at - 1) / %(each)s::float8 AS bottom, at / %(each)s::float8 AS top,
        floor(%(persons)s * ((at - 1) / %(each)s::float8) ^ 3) AS low, floor(%(persons)s * (at / %(each)s::float8) ^ 3) AS high
    FROM generate_series(1, %(each)s) AS at
) AS share
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = ANY('{access_auditrecord, access_auditsubject}'::regclass[]) AND NOT i.indisunique ORDER BY 1
"""
BATCH = 50_000
"""Records made in one transaction."""
SIDE_BY_SIDE = 2
"""Connections that make them: numbers are given out beforehand, so they write apart."""


def fill(rows: int) -> int:
    """Make so many rows, rounded down to whole records; return how many. What follows the numbers already there is theirs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM access_auditrecord")
        (before,) = cursor.fetchone()
        last = before + rows // EACH
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("ALTER TABLE access_auditsubject DROP CONSTRAINT access_auditsubject_pkey")
    given: dict[str, int | str | bytes] = {"last": last, "persons": persons_of(rows), "each": EACH, "dataset": DATASET}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as makers:
        for made in [makers.submit(_make, at, min(last, at + BATCH - 1), given) for at in range(before + 1, last + 1, BATCH)]:
            made.result()
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("ALTER TABLE access_auditsubject ADD PRIMARY KEY (subject, record_id)")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute("SELECT setval(pg_get_serial_sequence('access_auditrecord', 'id'), %s)", [max(last, 1)])
        for table in ("access_auditsubject", "access_auditrecord"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return int(last - before) * EACH


def _make(first: int, until: int, given: Mapping[str, int | str | bytes]) -> None:
    values: dict[str, int | str | bytes] = {**given, "first": first, "until": until, "prefix": f"{DATASET}\0p".encode()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(_RECORDS, values)
        cursor.execute(_SUBJECTS, values)
    connection.close()


def persons_of(rows: int) -> int:
    return max(1000, rows // 20)


def ask(rows: int, questions: int, seed: int = 7) -> tuple[list[float], int]:
    """Ask as the page does: a first page, one of a body, one of a month, the next one. Return seconds each, and looks found."""
    dice, now, took, found = random.Random(seed), timezone.now(), [], 0  # noqa: S311  # a rehearsal
    Organisation.objects.get_or_create(key="body_1", defaults={"name": "公安局"})
    for number in range(questions):
        about = [Identity(dataset=DATASET, key=f"p{int(persons_of(rows) * dice.random() ** 3)}")]
        asked = (
            Asked(), Asked(organisation="body_1"), Asked(since=now - (now - now.replace(year=now.year - 1)) / 12),
            Asked(before=rows // EACH // 2),
        )[number % 4]  # fmt: skip
        begun = time.perf_counter()
        found += len(queries.looks(about, asked, now, 31))
        took.append(time.perf_counter() - begun)
    return took, found


def note(reads: int, persons: int) -> float:
    """Record reads of so many persons each, in a log that is full; return persons noted a second."""
    begun = time.perf_counter()
    for number in range(reads):
        keys = ((DATASET, f"p{number * persons + at}") for at in range(persons))
        audit.record(SYSTEM, "read", DATASET, "list", "case", subjects=keys, fields=["name"])
    return reads * persons / (time.perf_counter() - begun)
