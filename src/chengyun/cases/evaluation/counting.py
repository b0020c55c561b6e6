# SPDX-License-Identifier: Apache-2.0
"""Cases in, facts out: one set-based pass over the stays of the cases a period touches (count.sql), then what is to be believed
of each closing (doubt.py). Its cost grows with the period's cases, not with the register."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.apps import apps
from django.db import connection

from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.declared import stages_of
from chengyun.cases.evaluation.doubt import SIGNS, believe
from chengyun.cases.evaluation.models import Edition
from chengyun.cases.evaluation.tally import Tally
from chengyun.config import config

__all__ = ["Level", "count_into", "tally_of"]

COUNT = (Path(__file__).parent / "count.sql").read_text(encoding="utf-8")
STAGE_WORDS = ("intake", "verify", "file", "dispatch", "handle", "arbitrate", "check", "closed", "void")

TABLES = """
CREATE TEMPORARY TABLE evaluation_counted (case_id bigint, dimension text, unit text, stratum text, counted bigint, fair bigint,
                                           shown int) ON COMMIT DROP;
CREATE TEMPORARY TABLE evaluation_seen (case_id bigint PRIMARY KEY, photo int, no_visit int) ON COMMIT DROP;
CREATE TEMPORARY TABLE evaluation_doubt (unit text, shown int, doubt double precision, PRIMARY KEY (unit, shown)) ON COMMIT DROP;
"""
SEE = """
INSERT INTO evaluation_seen (case_id, photo, no_visit)
SELECT case_id, bool_or(rule LIKE 'photo%%')::int, bool_or(rule = 'no_visit')::int
FROM verification_sign WHERE found_at >= %(since)s GROUP BY case_id
"""
PATTERNS = """
SELECT unit, shown, count(*) FROM evaluation_counted WHERE shown >= 0 GROUP BY unit, shown ORDER BY unit, shown
"""
KEEP_DOUBT = "INSERT INTO evaluation_doubt SELECT * FROM unnest(%s::text[], %s::int[], %s::double precision[])"
KEEP = """
INSERT INTO evaluation_fact (edition_id, case_id, dimension, unit, stratum, counted, fair, shown, doubt)
SELECT %(edition)s, c.case_id, c.dimension, c.unit, left(c.stratum, 120),
       c.counted | CASE WHEN d.doubt > 0.5 AND c.counted & %(closings)s <> 0 THEN %(doubtful)s ELSE 0 END,
       c.fair, c.shown, coalesce(d.doubt, 0)
FROM evaluation_counted c LEFT JOIN evaluation_doubt d ON d.unit = c.unit AND d.shown = c.shown AND c.dimension = 'department'
ORDER BY c.dimension, c.unit, c.case_id
"""
TALLY = """
SELECT CASE WHEN %(digits)s > 0 THEN left(unit, %(digits)s) ELSE unit END AS unit, stratum, counted, fair, count(*), avg(doubt)
FROM evaluation_fact WHERE edition_id = %(edition)s AND dimension = %(dimension)s
  AND (%(digits)s = 0 OR length(unit) >= %(digits)s)
GROUP BY 1, stratum, counted, fair ORDER BY 1, stratum, counted, fair
"""


@dataclass(frozen=True, slots=True)
class Level:
    """A level areas are compared at; digits of their codes. Of other dimensions there is one, with none."""

    key: str
    digits: int


def count_into(edition: Edition, now: dt.datetime) -> int:
    """Count the edition's period into its facts; return how many cases take part. Call inside a transaction.

    now: nothing after it is known; a period that has not ended is counted as it stands.
    """
    words = stages_of(edition.type, edition.first)
    states: dict[str, list[str]] = {word: list(words[word]) for word in STAGE_WORDS}
    zone = config().zone
    since = dt.datetime.combine(edition.first, dt.time(), zone)
    until = min(dt.datetime.combine(edition.last + dt.timedelta(days=1), dt.time(), zone), now)
    verified = apps.is_installed("chengyun.cases.verification")  # a city may do without; its signs are then not seen
    given: dict[str, Any] = {
        "unseen": 0 if verified else 2,
        "type": edition.type, "since": since, "until": until, "zone": str(zone), "often": int(words["often"]),
        "again_within": dt.timedelta(days=int(words["again_days"])), "hasty": dt.timedelta(minutes=int(words["hasty_min"])),
        "instant_s": int(words["instant_s"]), "hard_least": int(words["hard_least"]),
        **states, **_bits(), "given_back": states["dispatch"] + states["arbitrate"],
        "seen_by_inspectors": states["verify"] + states["check"],
        "post_states": [state for word in ("intake", "verify", "file", "dispatch", "check") for state in states[word]],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(TABLES)
        if verified:
            cursor.execute(SEE, given)
        cursor.execute(COUNT, given)
        cursor.execute("ANALYZE evaluation_counted")
        cursor.execute(PATTERNS)
        _keep_doubt(cursor, cursor.fetchall())
        cursor.execute(
            KEEP, {"edition": edition.pk, "closings": 1 << BIT["closings"], "doubtful": 1 << BIT["closed_doubtful"]}
        )  # fmt: skip
        cursor.execute("SELECT count(DISTINCT case_id) FROM evaluation_counted")
        cases = int(cursor.fetchone()[0])
        # Counted more than once in one transaction, the tables would still be there.
        cursor.execute("DROP TABLE evaluation_counted, evaluation_seen, evaluation_doubt")
    return cases


def tally_of(edition: Edition, dimension: str, level: Level) -> Tally:
    """Return what an edition counted of one kind of unit."""
    with connection.cursor() as cursor:
        cursor.execute(TALLY, {"edition": edition.pk, "dimension": dimension, "digits": level.digits})
        rows = cursor.fetchall()
    units = sorted({row[0] for row in rows})
    strata = sorted({row[1] for row in rows})
    at_unit, at_stratum = ({one: place for place, one in enumerate(found)} for found in (units, strata))
    counted, fair, times = (np.array([row[place] for row in rows], dtype=np.int64) for place in (2, 3, 4))
    return Tally(
        units=units,
        strata=[tuple(one.split("|")) for one in strata],
        unit=np.array([at_unit[row[0]] for row in rows], dtype=np.int64),
        stratum=np.array([at_stratum[row[1]] for row in rows], dtype=np.int64),
        counted=counted,
        fair=fair,
        times=times,
        doubt=np.array([row[5] for row in rows], dtype=float),
        coaxed=np.zeros(len(rows)),
        ghost=np.zeros(len(rows)),
    )


def _bits() -> Mapping[str, int]:
    """Return each count's bit by the name count.sql gives it; "closed" is the states' name there."""
    return {("closed_count" if key == "closed" else key): 1 << bit for key, bit in BIT.items()}


def _keep_doubt(cursor: Any, rows: Sequence[tuple[str, int, int]]) -> None:
    if not rows:
        return
    units = sorted({unit for unit, _, _ in rows})
    at = {unit: place for place, unit in enumerate(units)}
    packed = np.array([shown for _, shown, _ in rows])
    shown = np.stack([(packed >> 2 * place) & 3 for place in range(len(SIGNS))], axis=1).astype(np.int8)
    shown[shown == 2] = -1
    chance, _ = believe(
        np.array([at[unit] for unit, _, _ in rows]), shown, np.array([times for _, _, times in rows]), len(units)
    )  # fmt: skip
    cursor.execute(KEEP_DOUBT, [[row[0] for row in rows], [row[1] for row in rows], [float(one) for one in chance]])
