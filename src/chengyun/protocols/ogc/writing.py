# SPDX-License-Identifier: Apache-2.0
"""A page of features as the database writes it: one statement, one text, nothing built of it here again.

Only of points, in their own order, and where no mask looks at the row; the rest is put together in items.py. Both say the same
of the same row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chengyun.lake.tables import quote
from chengyun.protocols.ogc.asked import Asked, encode_cursor
from chengyun.protocols.ogc.items import Selection, after_sql, question, run, wanted
from chengyun.protocols.ogc.layers import Column, Seen
from chengyun.protocols.ogc.places import Conn
from chengyun.protocols.ogc.reference import CRS84, SWAPPED

__all__ = ["Written", "is_writable", "write"]

LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL; a longer one would be cut."""


@dataclass(frozen=True, slots=True)
class Written:
    """features: a JSON array of so many. cursor: where the next page begins, None for the last.

    matched: how many features there are on all pages, where they were counted.
    """

    features: msgspec.Raw
    returned: int
    cursor: str | None
    matched: int | None


def is_writable(seen: Seen, asked: Asked) -> bool:
    """Say whether the database can write what is asked for."""
    named = all(len(key.encode()) <= LONGEST_NAME for key in seen.columns)
    plain = asked.reference.uri in (CRS84, *SWAPPED) and not asked.sort
    return seen.geometry == "point" and seen.limited is None and plain and named


async def write(conn: Conn, seen: Seen, asked: Asked, selection: Selection, *, counting: bool) -> Written:
    """Return one page of features. counting: together with how many there are; dear where that is nearly all of a layer."""
    params = dict(selection.params)
    counting = counting and asked.cursor is None
    if counting:
        # Who asks with a condition wants few: one pass over them finds how many they are and which come first.
        hits = f"hit AS MATERIALIZED ({question('r.id', selection.sql)}), "
        first, matched = question("id", "hit ORDER BY id"), f"({question('count(*)', 'hit')})"
    else:
        after = f" AND {after_sql(asked, params)}" if asked.cursor is not None else ""
        hits, first, matched = "", question("r.id", f"{selection.sql}{after} ORDER BY r.id"), "NULL::int8"
    feature = _feature_sql(seen, wanted(seen, asked.properties), asked)
    # Joins are made for the page's rows alone.
    shown = question("id", f"page ORDER BY id LIMIT {asked.limit}")
    told = question(
        f"({question('count(*)', 'page')}), {matched}, max(r.id)::int8, string_agg({feature}, ',' ORDER BY r.id)",
        f"{seen.source} JOIN ({shown}) AS page ON page.id = r.id",
    )
    text = f"WITH {hits}page AS MATERIALIZED ({first} LIMIT {asked.limit + 1}) {told}"
    row: Any = await (await run(conn, text, params)).fetchone()
    more = row[0] > asked.limit
    return Written(
        msgspec.Raw(b"[%b]" % (row[3] or b"")), row[0] - more, encode_cursor([row[2]]) if more else None, row[1]
    )  # fmt: skip


def _feature_sql(seen: Seen, columns: Sequence[Column], asked: Asked) -> str:
    """Return an expression of one feature's text, UTF-8."""
    swapped = asked.reference.uri in SWAPPED
    first, second = (seen.lat, seen.lon) if swapped else (seen.lon, seen.lat)
    place = f"""'{{"type":"Point","coordinates":[' || {first} || ',' || {second} || ']}}'""" if asked.geometry else "NULL"
    values = ", ".join(f"{WRITTEN.get(column.type, '{}').format(column.sql)} AS {quote(column.key)}" for column in columns)
    parts = (
        """'{"type":"Feature","id":'""", f"to_json(({seen.id})::text)", """',"geometry":'""", f"COALESCE({place}, 'null')",
        """',"properties":'""", f"({question('row_to_json(p)', f'(SELECT {values}) AS p')})", "'}'",
    )  # fmt: skip
    return f"convert_to({' || '.join(parts)}, 'UTF8')"


WRITTEN: Mapping[str, str] = {
    "instant": "replace((({}) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'",
    "number": "NULLIF({}, 'NaN')",
}
"""How JSON shows a column: an instant in UTC, a number that is none as unknown."""
