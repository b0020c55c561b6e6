# SPDX-License-Identifier: Apache-2.0
"""Masks written in PostgreSQL, for readers that ask the database itself: value for value what masks.py makes of it.

None of them can fail, whatever stands in the column: an error would name the value. What SQL has no exact words for (addresses,
dates of birth), and every pseudonym (its key never enters the database), is None here; wall.py looks those up in a list.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from psycopg import sql

from chengyun.access.masks import COMPOUND_SURNAMES

__all__ = ["masked"]

_HIDDEN = "CASE WHEN {v} IS NOT NULL THEN '***' END"
_WHOLE = "repeat('*', char_length({v}))"
_TEXTS = {
    "name": "CASE WHEN char_length({v}) = 1 THEN '*' WHEN char_length({v}) > 2 AND left({v}, 2) = ANY({surnames})"
    " THEN left({v}, 2) || repeat('*', char_length({v}) - 2) ELSE left({v}, 1) || repeat('*', char_length({v}) - 1) END",
    "name_last": "CASE WHEN char_length({v}) > 1 THEN repeat('*', char_length({v}) - 1) || right({v}, 1) ELSE {whole} END",
    "id_number": r"CASE WHEN {v} ~ '^[0-9](\*{{16}}|[0-9]{{16}})[0-9Xx]$' THEN left({v}, 1) || repeat('*', 16) || right({v}, 1)"
    " ELSE {whole} END",
    "id_number_statistical": r"CASE WHEN {v} ~ '^[1-9][0-9]{{3}}[0-9*]{{2}}(18|19|20)[0-9]{{2}}[0-9*]{{7}}[0-9Xx*]$'"
    " THEN left({v}, 4) || '**' || substr({v}, 7, 4) || '********' ELSE {whole} END",
    "phone": r"CASE WHEN {v} ~ '^1[0-9]{{2}}[0-9*]{{4}}[0-9]{{4}}$' THEN left({v}, 3) || '****' || right({v}, 4)"
    r" WHEN {v} ~ '^0[0-9]{{2,3}}-[0-9*]{{3,4}}[0-9]{{4}}$' THEN split_part({v}, '-', 1) || '-'"
    r" || repeat('*', char_length({v}) - strpos({v}, '-') - 4) || right({v}, 4)"
    r" WHEN {v} ~ '^0[0-9]{{2,3}}[0-9*]{{3,4}}[0-9]{{4}}$' THEN left({v}, {code}) || repeat('*', char_length({v}) - {code} - 4)"
    r" || right({v}, 4) ELSE {whole} END",
    "bank_card": r"CASE WHEN {v} ~ '^[0-9* ]{{8,}}[0-9]{{4}}$' THEN '**** **** **** ' || right({v}, 4) ELSE {whole} END",
}
"""Kind → SQL over a text {v}."""
_CODE = r"CASE WHEN {v} ~ '^0[0-9]{{3}}' AND char_length({v}) > 10 THEN 4 ELSE 3 END"
"""Digits of an area code: four, unless fewer than seven would be left or the fourth is none."""


def masked(kind: str, column: sql.Composable, field: models.Field[Any, Any]) -> sql.Composable | None:
    """Return the SQL of a column under a mask; None where it must be looked up."""
    if kind.startswith("pseudonym:"):
        return None
    text = isinstance(field, models.CharField | models.TextField)
    if kind == "coordinate" and isinstance(field, models.FloatField):
        # Halves are rounded as masks.coordinate rounds them: away from zero, of the number as it is written.
        return sql.SQL("round({v}::text::numeric, 3)::double precision").format(v=column)
    if text and kind in _TEXTS:
        parts = {"v": column, "surnames": sql.Literal(sorted(COMPOUND_SURNAMES))}
        parts |= {"whole": sql.SQL(_WHOLE).format(v=column), "code": sql.SQL(_CODE).format(v=column)}
        return sql.SQL(_TEXTS[kind]).format(**parts)
    if kind == "hidden" or (kind in _TEXTS and not text):
        return sql.SQL(_HIDDEN).format(v=column)
    return None
