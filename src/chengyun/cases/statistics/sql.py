# SPDX-License-Identifier: Apache-2.0
"""The statements that count: what a case adds to which day, the triggers that note it, and how notes spread over the sheets.

What a case counts for is said once, here, of any row that looks like one: of a trigger's rows, and of all cases when they are
counted anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from chengyun.cases.statistics.models import COUNTED, DIMENSIONS, HOURS
from chengyun.cases.statistics.sheets import SHEETS, Sheet

__all__ = ["ADDED", "CELLS", "DROP", "SPREAD", "create", "ends", "parts", "sums"]

NOTE = f"INSERT INTO statistics_delta ({', '.join((*DIMENSIONS, *COUNTED))})"
PLACES = {4: "city", 6: "district", 9: "street", 12: "community"}
OPENED = ("opened", "simulated", "returned", "reworked", "reopened")


def begins(row: str, zone: str, sign: str = "1") -> str:
    """Return the columns of what a case adds to the day it was opened on. row: its alias."""
    counts = ["1", f"{row}.simulated::int", *(f"({row}.{name} > 0)::int" for name in ("returns", "rework", "reopened"))]
    found = [f"{sign} * {one}" for one in counts] + ["0"] * (len(COUNTED) - len(counts))
    return ", ".join((*_where(row, "opened_at", zone), *found))


def ends(row: str, zone: str, sign: str = "1") -> str:
    """Return the columns of what an ended case adds to the day it ended on."""
    took = f"({row}.closed_at - {row}.opened_at)"
    done = f"({row}.in_time IS NOT NULL)::int"
    bounds: list[tuple[int | None, int | None]] = list(zip((None, *HOURS), (*HOURS, None), strict=True))
    classes = [" AND ".join(filter(None, (_beyond(took, ">", low), _beyond(took, "<=", high)))) for low, high in bounds]
    counts = [
        done, f"coalesce({row}.in_time, false)::int", f"({row}.in_time IS NULL)::int",
        f"{done} * extract(epoch FROM {took})::bigint", *(f"{done} * ({one})::int" for one in classes),
    ]  # fmt: skip
    return ", ".join((*_where(row, "closed_at", zone), *["0"] * len(OPENED), *(f"{sign} * {one}" for one in counts)))


def parts(rows: str, zone: str, sign: str = "1", where: str = "true", ended_where: str = "") -> str:
    """Return a query of all that rows of cases add.

    rows: a table of cases. where: a condition on its alias c; ended_where: another one, for what is of the day they ended on.
    """
    return f"""
        SELECT {begins("c", zone, sign)} FROM {rows} c WHERE {where}
        UNION ALL SELECT {ends("c", zone, sign)} FROM {rows} c WHERE c.ended AND {ended_where or where}
    """  # noqa: S608  words of this module


def _where(row: str, moment: str, zone: str) -> tuple[str, ...]:
    day = f"({row}.{moment} AT TIME ZONE '{zone}')::date"
    return (
        f"{row}.type", day, f"{row}.area_code", f"{row}.category", f"coalesce({row}.department_id, 0)", f"{row}.source",
    )  # fmt: skip


def _beyond(took: str, sign: str, hours: int | None) -> str:
    return "" if hours is None else f"{took} {sign} interval '{hours} hours'"


_DIMS = ("type", "area_code", "category", "department_id", "source")
_BEGUN = (*_DIMS, "opened_at", "simulated", "returns", "rework", "reopened")
_ENDED = (*_DIMS, "opened_at", "ended", "closed_at", "in_time")


def _differ(names: Iterable[str]) -> str:
    kept = tuple(names)
    old, new = (", ".join(f"{row}.{name}" for name in kept) for row in ("OLD", "NEW"))
    return f"({old}) IS DISTINCT FROM ({new})"


def create(zone: str) -> str:
    """Return the statements that make the triggers. zone: of the city, whose days are counted.

    New and lost cases are noted a statement at a time, be it one case or a batch of ten thousand. A changed case is noted by
    itself and only when something counted has changed: most steps change nothing, and for them the database does not even
    call the function. Within a transaction that ends a case, no note is waited for: they are only ever added.
    """
    return f"""
CREATE FUNCTION statistics_note() RETURNS trigger LANGUAGE plpgsql AS $note$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {NOTE} {parts("added", zone)};
    ELSE
        {NOTE} {parts("gone", zone, "-1")};
    END IF;
    RETURN NULL;
END $note$;

CREATE FUNCTION statistics_note_change() RETURNS trigger LANGUAGE plpgsql AS $note$
BEGIN
    IF {_differ(_BEGUN)} THEN
        {NOTE} SELECT {begins("OLD", zone, "-1")} UNION ALL SELECT {begins("NEW", zone)};
    END IF;
    IF {_differ(_ENDED)} THEN
        IF OLD.ended THEN {NOTE} SELECT {ends("OLD", zone, "-1")}; END IF;
        IF NEW.ended THEN {NOTE} SELECT {ends("NEW", zone)}; END IF;
    END IF;
    RETURN NULL;
END $note$;

CREATE TRIGGER statistics_added AFTER INSERT ON cases_case REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION statistics_note();
CREATE TRIGGER statistics_gone AFTER DELETE ON cases_case REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION statistics_note();
CREATE TRIGGER statistics_changed AFTER UPDATE ON cases_case
    FOR EACH ROW WHEN ({_differ(dict.fromkeys(_BEGUN + _ENDED))}) EXECUTE FUNCTION statistics_note_change();
"""


DROP = """
DROP TRIGGER IF EXISTS statistics_added ON cases_case;
DROP TRIGGER IF EXISTS statistics_gone ON cases_case;
DROP TRIGGER IF EXISTS statistics_changed ON cases_case;
DROP FUNCTION IF EXISTS statistics_note();
DROP FUNCTION IF EXISTS statistics_note_change();
"""


def sums(sign: str = "") -> str:
    """Return the columns of counts, added up."""
    return ", ".join(f"sum({sign}{name})::bigint AS {name}" for name in COUNTED)


def _spread() -> str:
    """Return what spreads notes over all sheets in one pass; each is a grouping set, known by what it leaves out."""
    named = ("day", "month", *PLACES.values(), *DIMENSIONS[3:])
    kept = {one.number: _columns(one) for one in SHEETS}
    sets = ", ".join(f"(type, {', '.join(columns)})" for columns in kept.values())
    left_out = {
        number: sum(1 << place for place, name in enumerate(reversed(named)) if name not in columns)
        for number, columns in kept.items()
    }
    places = ", ".join(f"left(area, {digits}) AS {name}" for digits, name in PLACES.items())
    area = f"coalesce({', '.join(PLACES.values())}) AS area"
    which = " ".join(f"WHEN {bits} THEN {number}" for number, bits in left_out.items())
    return f"""
        SELECT (CASE GROUPING({", ".join(named)}) {which} END)::smallint AS sheet, type, coalesce(day, month) AS day,
               {area}, coalesce(category, '') AS category, coalesce(department, 0) AS department,
               coalesce(source, '') AS source, {sums()}
        FROM (SELECT *, date_trunc('month', day)::date AS month, {places} FROM noted) AS placed
        GROUP BY GROUPING SETS ({sets})
    """  # noqa: S608  words of this module


def _columns(sheet: Sheet) -> tuple[str, ...]:
    return ("month" if sheet.monthly else "day", PLACES[sheet.digits], *sorted(sheet.apart))


SPREAD = _spread()
"""What notes, as a table `noted`, add to which cells."""

CELLS = ("sheet", *DIMENSIONS)
ADDED = f"""
    INSERT INTO statistics_cell AS cell ({", ".join((*CELLS, *COUNTED))}) SELECT * FROM spread
    ON CONFLICT ({", ".join(CELLS)}) DO UPDATE SET {", ".join(f"{name} = cell.{name} + excluded.{name}" for name in COUNTED)}
"""  # noqa: S608
"""Adds what was spread, as a table `spread`, to the cells."""
