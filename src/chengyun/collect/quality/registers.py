# SPDX-License-Identifier: Apache-2.0
"""What packs' own rules say of their registers: conditions in PostgreSQL's words, over what is registered today."""

from __future__ import annotations

import functools

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from chengyun.city import City, QualityRule, qualify
from chengyun.collect.quality.checks import MOST_KEPT, Found, Outcome
from chengyun.lake.tables import register_table
from chengyun.standards import identifiers

__all__ = ["declared_outcomes"]

AT_ONCE = 5_000


def declared_outcomes(name: str) -> list[Outcome]:
    """Return what every rule on a register says of its things that have not ended."""
    city: City = settings.CITY
    return [
        _outcome(key, rule, register_table(city, name))
        for key, rule in city.quality.items()
        if qualify(key.split(".")[0], rule.on) == name
    ]


def _outcome(key: str, rule: QualityRule, table: str) -> Outcome:
    """Run one rule; a condition that cannot be run says so and is worth nothing."""
    if rule.check is not None:
        return _identifiers(key, rule, rule.check, table)
    told = sql.SQL(
        "SELECT key, area_code, ({holds}) AS holds FROM {table} WHERE valid_to IS NULL OR valid_to > CURRENT_DATE"
    ).format(
        holds=sql.SQL(rule.holds),  # a pack's own declaration, as trusted as its code
        table=sql.Identifier(table),
    )
    counts = sql.SQL("SELECT count(holds), count(*) FILTER (WHERE NOT holds) FROM ({told}) AS told").format(told=told)
    failing = sql.SQL("SELECT key, area_code FROM ({told}) AS told WHERE NOT holds ORDER BY key LIMIT {most}").format(
        told=told, most=sql.Literal(MOST_KEPT)
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(counts)
            checked, failed = cursor.fetchone()
            cursor.execute(failing)
            found = tuple(Found(thing, area, 1, said={"checked": 1}) for thing, area in cursor.fetchall())
    except DatabaseError as wrong:
        return Outcome(key, rule.dimension, 0, 0, weight=rule.weight, error=str(wrong)[:500])
    return Outcome(key, rule.dimension, checked, failed, found, rule.weight)


def _identifiers(key: str, rule: QualityRule, kind: str, table: str) -> Outcome:
    """Read every text as an identifier; each different text once, however many things bear it."""
    told = sql.SQL(
        "SELECT key, area_code, ({text})::text FROM {table} WHERE (valid_to IS NULL OR valid_to > CURRENT_DATE)"
        " AND ({text})::text <> '' ORDER BY key"
    ).format(
        text=sql.SQL(rule.holds),  # a pack's own declaration, as trusted as its code
        table=sql.Identifier(table),
    )
    checked = failed = 0
    found: list[Found] = []
    known = functools.lru_cache(maxsize=100_000)(lambda text: identifiers.fault(kind, text) is None)
    try:
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(told)
            while rows := cursor.fetchmany(AT_ONCE):
                checked += len(rows)
                wrong = [(thing, area) for thing, area, text in rows if not known(text)]
                failed += len(wrong)
                found += [Found(thing, area, 1, said={"checked": 1}) for thing, area in wrong[: MOST_KEPT - len(found)]]
    except DatabaseError as broken:
        return Outcome(key, rule.dimension, 0, 0, weight=rule.weight, error=str(broken)[:500])
    return Outcome(key, rule.dimension, checked, failed, tuple(found), rule.weight)
