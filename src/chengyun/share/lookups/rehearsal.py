# SPDX-License-Identifier: Apache-2.0
"""A log as long as a city's after years, made in sets for the measurement; run in an installation of its own alone.

It writes past the triggers, so the chain does not cover it: what is measured is finding, not proving.
"""

from __future__ import annotations

import random
import time

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
INSERT INTO access_auditrecord (at, actor, organisation, action, dataset, target, purpose, detail)
SELECT now() - make_interval(secs => (%(count)s - n) * 20), 'clerk', 'body_' || n %% 40, 'read', %(dataset)s, 'list',
       (ARRAY['case', 'statistics', 'duty'])[1 + n %% 3], '{"fields": ["name", "phone"], "grants": ["G20260001"]}'
FROM generate_series(1, %(count)s) AS n
"""
# The cube makes some persons be looked at thousands of times, as some are; sha256 as access/subjects.py writes it.
_SUBJECTS = """
INSERT INTO access_auditsubject (subject, record_id)
SELECT DISTINCT substring(encode(sha256(convert_to(%(dataset)s, 'UTF8') || '\\x00'::bytea ||
       convert_to('p' || floor(%(persons)s * power(random(), 3))::bigint, 'UTF8')), 'hex') FOR 32)::uuid, r.id
FROM access_auditrecord r, generate_series(1, %(each)s) WHERE r.id BETWEEN %(first)s AND %(last)s AND r.action = 'read'
"""
BATCH = 200_000


def fill(rows: int) -> int:
    """Make so many rows, a little fewer where one person would stand twice in a record; return how many."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("ALTER TABLE access_auditsubject DROP CONSTRAINT access_auditsubject_pkey")
        cursor.execute("SELECT coalesce(max(id), 0) FROM access_auditrecord")
        start = cursor.fetchone()[0]
        cursor.execute(_RECORDS, {"count": rows // EACH, "dataset": DATASET})
        cursor.execute("SELECT max(id) FROM access_auditrecord")
        (last,) = cursor.fetchone()
        people = persons_of(rows)
        for first in range(start + 1, last + 1, BATCH):
            until = min(last, first + BATCH - 1)
            cursor.execute(_SUBJECTS, {"dataset": DATASET, "persons": people, "each": EACH, "first": first, "last": until})
        cursor.execute("ALTER TABLE access_auditsubject ADD PRIMARY KEY (subject, record_id)")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE access_auditsubject")
        cursor.execute("VACUUM ANALYZE access_auditrecord")
        cursor.execute("SELECT count(*) FROM access_auditsubject")
        return int(cursor.fetchone()[0])


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
