# SPDX-License-Identifier: Apache-2.0
"""The SQL that pages through a source: what stands at a version by key, and what changed after one by version.

Names come from declarations and stand in quotes; every value is a parameter.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from psycopg import sql

from chengyun.access.predicates import Sql
from chengyun.share.exchange.digests import Ranges
from chengyun.share.exchange.sources import Source

__all__ = ["PLACE", "SALTED", "after_so_many", "among", "changed", "standing", "together"]

Question = tuple[str, dict[str, Any]]

_PAGE = """
SELECT {columns}, {place} AS at, NULL::bigint AS number, true AS seen
FROM {table} AS r WHERE ({within}){only} AND {place} > %(after)s ORDER BY {place} LIMIT %(count)s
"""
_PAGE_AS_OF = """
WITH later AS MATERIALIZED (SELECT DISTINCT pgh_obj_id FROM {history} WHERE pgh_id > %(as_of)s)
(SELECT {columns}, {place} AS at, NULL::bigint AS number, true AS seen FROM {table} AS r
 WHERE ({within}) AND {place} > %(after)s AND r.id NOT IN (SELECT pgh_obj_id FROM later WHERE pgh_obj_id IS NOT NULL)
 ORDER BY {place} LIMIT %(count)s)
UNION ALL
(SELECT {columns}, {place} AS at, NULL::bigint AS number, true AS seen FROM (
    SELECT DISTINCT ON (pgh_obj_id) * FROM {history}
    WHERE pgh_id <= %(as_of)s AND pgh_obj_id IN (SELECT pgh_obj_id FROM later) ORDER BY pgh_obj_id, pgh_id DESC
 ) AS r WHERE ({within}) AND {place} > %(after)s ORDER BY {place} LIMIT %(count)s)
ORDER BY at LIMIT %(count)s
"""
_PAGE_IN_ORDER = """
SELECT {columns}, encode(p.place, 'hex') AS at, NULL::bigint AS number, true AS seen
FROM exchange_place AS p JOIN {table} AS r ON r.id = p.row_id
WHERE p.order_id = %(order)s AND p.place > decode(%(after)s, 'hex') AND ({within}){only} ORDER BY p.place LIMIT %(count)s
"""
_PAGE_IN_ORDER_AS_OF = """
WITH later AS MATERIALIZED (SELECT DISTINCT pgh_obj_id FROM {history} WHERE pgh_id > %(as_of)s)
(SELECT {columns}, encode(p.place, 'hex') AS at, NULL::bigint AS number, true AS seen
 FROM exchange_place AS p JOIN {table} AS r ON r.id = p.row_id
 WHERE p.order_id = %(order)s AND p.place > decode(%(after)s, 'hex') AND ({within})
    AND r.id NOT IN (SELECT pgh_obj_id FROM later WHERE pgh_obj_id IS NOT NULL)
 ORDER BY p.place LIMIT %(count)s)
UNION ALL
(SELECT {columns}, {place} AS at, NULL::bigint AS number, true AS seen FROM (
    SELECT DISTINCT ON (pgh_obj_id) * FROM {history}
    WHERE pgh_id <= %(as_of)s AND pgh_obj_id IN (SELECT pgh_obj_id FROM later) ORDER BY pgh_obj_id, pgh_id DESC
 ) AS r WHERE ({within}) AND {place} > %(after)s ORDER BY {place} LIMIT %(count)s)
ORDER BY at LIMIT %(count)s
"""
_FIGURES = """
SELECT {columns}, r.id AS at, r.id AS number, true AS seen FROM {table} AS r
WHERE ({within}){only} AND r.id > %(after)s AND r.id <= %(as_of)s AND (r.until_id IS NULL OR r.until_id > %(as_of)s)
ORDER BY r.id LIMIT %(count)s
"""
_CHANGED = """
WITH latest AS MATERIALIZED (
    SELECT e.* FROM {history} AS e
    WHERE e.pgh_id > %(after)s AND e.pgh_id <= %(as_of)s AND NOT EXISTS (
        SELECT 1 FROM {history} AS l WHERE l.pgh_obj_id = e.pgh_obj_id AND l.pgh_id > e.pgh_id AND l.pgh_id <= %(as_of)s)
    ORDER BY e.pgh_id LIMIT %(count)s
)
SELECT {columns}, r.key AS at, r.pgh_id AS number,
    CASE WHEN ({within}) THEN true ELSE (
        SELECT CASE WHEN ({within_former}) THEN false END FROM {history} AS f
        WHERE f.pgh_obj_id = r.pgh_obj_id AND f.pgh_id <= %(since)s ORDER BY f.pgh_id DESC LIMIT 1
    ) END AS seen
FROM latest AS r ORDER BY r.pgh_id
"""
_CASES_CHANGED = """
WITH touched AS (
    SELECT case_id, max(id) AS number FROM cases_caseevent WHERE id > %(after)s AND id <= %(as_of)s GROUP BY case_id
)
SELECT {columns}, r.number AS at, touched.number, true AS seen FROM touched JOIN {table} AS r ON r.id = touched.case_id
WHERE ({within}){only} ORDER BY touched.number LIMIT %(count)s
"""

_AMONG = """({within}) AND (('x' || left(encode(sha256(convert_to({key}, 'UTF8')), 'hex'), 8))::bit(32)::bigint
    >> %(range_shift)s::int) = ANY(%(ranges)s::bigint[])"""

PLACE = sql.SQL("sha256(convert_to({salt} || {key}, 'UTF8'))")
"""Where a row stands among others, without a word of its key."""
SALTED = sql.SQL("encode(sha256(convert_to({salt} || {key}, 'UTF8')), 'hex')")
"""The same in hex."""


def standing(
    source: Source, within: Sql, after: str, as_of: int, count: int, salt: str = "", order: int | None = None
) -> Question:  # fmt: skip
    """Return the question for rows by key, as they stood at a version where there is a history.

    salt: of an order that tells nothing of the keys, and order: its number (orders.py).
    """
    text = _FIGURES if source.kind == "indicator" else _PAGE_AS_OF if source.history else _PAGE
    if order is not None:
        text = _PAGE_IN_ORDER_AS_OF if source.history else _PAGE_IN_ORDER
    start: str | int = after
    if source.kind == "indicator":
        start = int(after or 0)
    return _composed(text, source, within.text, salted=bool(salt)), {
        **_only(source),
        **within.params,
        **({"salt": salt} if salt else {}),
        **({"order": order} if order is not None else {}),
        "after": start,
        "as_of": as_of,
        "count": count,
    }


def among(within: Sql, key: sql.Composable, ranges: Ranges, last: str | None = None) -> Sql:
    """Return a condition for those of its rows whose key lies in some ranges (digests.py). last: none after this key."""
    text = sql.SQL(_AMONG).format(within=sql.SQL(within.text), key=key).as_string(None)
    params: dict[str, Any] = {**within.params, "range_shift": 32 - ranges.depth, "ranges": sorted(ranges.wanted)}
    if last is None:
        return Sql(text, params)
    return Sql(f"{text} AND {key.as_string(None)} <= %(last)s", {**params, "last": last})


def after_so_many(source: Source, after: str, count: int) -> Question:
    """Return the question for the key that stands so many rows on; none where there are fewer."""
    text = sql.SQL("SELECT {key} FROM {table} AS r WHERE {key} > %(after)s ORDER BY {key} OFFSET %(count)s LIMIT 1").format(
        key=sql.Identifier("r", source.key), table=sql.Identifier(source.table)
    )
    return text.as_string(None), {"after": after, "count": count - 1}


def together(
    source: Source, within: Sql, afters: Sequence[str], as_of: int, count: int, salt: str = "", order: int | None = None
) -> Question:  # fmt: skip
    """Return the question for several pages of rows by key, each after one of `afters`; its place, from 1, leads each row."""
    text, params = standing(source, within, "", as_of, count, salt, order)
    del params["after"]
    page = text.replace("%(after)s", "asked.after")
    wanted = "unnest(%(afters)s::text[]) WITH ORDINALITY AS asked (after, place)"
    return f"SELECT asked.place, page.* FROM {wanted} CROSS JOIN LATERAL ({page}) AS page ORDER BY asked.place", {  # noqa: S608
        **params,
        "afters": list(afters),
    }


def changed(source: Source, within: Sql, former: Sql, since: int, after: int, as_of: int, count: int) -> Question:
    """Return the question for what changed, by version. since: where the reader stands; after: where its last page ended.

    former: the same condition as within, of a row named `f`. A row's `seen` is false when the reader saw it at `since` and may
    not see what it has become; None when it is nothing to the reader.
    """
    text = {"entity": _CHANGED, "indicator": _FIGURES, "case": _CASES_CHANGED}[source.kind]
    params = {**_only(source), **within.params, "after": after, "since": since, "as_of": as_of, "count": count}
    return _composed(text, source, within.text, former.text), params


@functools.lru_cache(maxsize=512)
def _composed(text: str, source: Source, within: str, former: str = "false", *, salted: bool = False) -> str:
    """Names and conditions are few: writing them anew for every message took longer than a small read."""
    only: sql.Composable = sql.SQL("")
    if source.only:
        only = sql.SQL(" AND r.{} = %(only)s").format(sql.Identifier(source.only[0]))
    key = sql.Identifier("r", source.key)
    place = SALTED.format(key=key, salt=sql.Placeholder("salt")) if salted else key
    return sql.SQL(text).format(
        columns=source.selected("r"), place=place, table=sql.Identifier(source.table), only=only,
        history=sql.Identifier(source.history or source.table), within=sql.SQL(within), within_former=sql.SQL(former),
    ).as_string(None)  # fmt: skip


def _only(source: Source) -> dict[str, str]:
    return {"only": source.only[1]} if source.only else {}
