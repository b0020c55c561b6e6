# SPDX-License-Identifier: Apache-2.0
"""A store filled at once, for measurements: so many Observations of so many Datastreams, as if they had been posted.

Rows go in without indexes and without a log, then the indexes are made: minutes for what posting takes an hour to do.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import Any

import psycopg

__all__ = ["fill"]

BYTES = 250
"""Of one Observation with its two indexes and what making them needs meanwhile."""
MOST_BYTES = 8_000_000_000
"""What a bench may take of the disk."""
EACH = 10
"""Observations of every Datastream that one statement adds."""
INSERTING = 0.6
"""Which part of the time goes to rows, before indexes are made."""
BEFORE = """
ALTER TABLE sensorthings_observation SET UNLOGGED;
ALTER TABLE sensorthings_observation DROP CONSTRAINT sensorthings_observation_pkey;
DROP INDEX sensorthings_observed_at;
INSERT INTO sensorthings_datastream (name, description, unit_of_measurement, observation_type, thing_id, sensor_id,
    observed_property_id)
SELECT 'b' || i, 'd', '{}', 'm', %(thing)s, %(sensor)s, %(property)s FROM generate_series(1, %(streams)s) AS i;
INSERT INTO sensorthings_tally (datastream_id) SELECT id FROM sensorthings_datastream ON CONFLICT DO NOTHING
"""
ROWS = """
INSERT INTO sensorthings_observation (id, datastream_id, feature_id, phenomenon_start, number)
SELECT %(base)s + row_number() OVER (), d.id, %(feature)s, timestamptz '2026-01-01' + (t + %(turn)s) * interval '1 minute', t
FROM generate_series(0, %(each)s - 1) AS t CROSS JOIN sensorthings_datastream AS d
"""
AFTER = """
ALTER TABLE sensorthings_observation ADD PRIMARY KEY (id);
CREATE INDEX sensorthings_observed_at ON sensorthings_observation (datastream_id, phenomenon_start, id);
UPDATE sensorthings_tally SET observations = %(total)s, phenomenon_start = '2026-01-01',
    phenomenon_end = timestamptz '2026-01-01' + %(total)s * interval '1 minute';
INSERT INTO sensorthings_featuretally (datastream_id, feature_id, observations)
SELECT id, %(feature)s, %(total)s FROM sensorthings_datastream;
VACUUM ANALYZE sensorthings_observation;
VACUUM ANALYZE sensorthings_tally;
ANALYZE
"""


def fill(database_url: str, given: Mapping[str, Any], *, rows: int, within_s: float) -> int:
    """Fill an empty store and return how many Observations it holds: fewer than asked where time or disk do not allow.

    given: ids by name: thing, sensor, property, feature; streams: how many Datastreams.
    """
    with psycopg.connect(database_url, autocommit=True) as conn:
        folder: Any = conn.execute("SHOW data_directory").fetchone()
        rows = min(rows, shutil.disk_usage(folder[0]).free // 2 // BYTES, MOST_BYTES // BYTES)
        conn.execute("SET synchronous_commit = off")
        conn.execute("SET maintenance_work_mem = '1GB'")
        _each(conn, BEFORE, given)
        begun, turn = time.monotonic(), 0
        step = EACH * int(given["streams"])
        while turn == 0 or (turn * step < rows and time.monotonic() < begun + INSERTING * within_s):
            conn.execute(ROWS, {**given, "each": EACH, "turn": turn * EACH, "base": turn * step})
            turn += 1
        _each(conn, AFTER, {**given, "total": turn * EACH})
    return turn * step


def _each(conn: psycopg.Connection[Any], statements: str, given: Mapping[str, Any]) -> None:
    for statement in statements.split(";\n"):
        conn.execute(statement.encode(), given if "%(" in statement else None)
