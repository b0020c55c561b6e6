# SPDX-License-Identifier: Apache-2.0
"""The statements a step costs: one locks and reads a case with all it hangs on, one writes what the step did.

Written out once from the models rather than anew by the ORM for every step, and planned once for each connection: a city takes
some six million steps a year.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models

from chengyun.access.actors import Actor
from chengyun.access.commits import EARLY, let_go_early
from chengyun.access.models import AuditRecord, Organisation
from chengyun.cases import hooks
from chengyun.cases.course import Stay
from chengyun.cases.models import Case, CaseClock, CaseEvent, CaseStage
from chengyun.cases.prepared import cast, fetch, insert, row_of, values_of, written
from chengyun.city.casework import COUNTERS

__all__ = ["lock_case", "lock_open", "new_ids", "write_opening", "write_step"]

PARTS: Sequence[tuple[str, type[models.Model], str]] = (
    ("c", Case, ""), ("k", CaseClock, "clock"), ("s", CaseStage, "stage"), ("o", Organisation, "owner"),
    ("d", Organisation, "department"),
)  # fmt: skip

STEP_COLUMNS = (
    "state", "ended", "owner_id", "person_id", "department_id", "due_at", "warn_at", "closed_at", "in_time", "category",
    "catalog_version", "condition", "emergency", "handled_by_id", "merged_into_id", *COUNTERS, "suspended", "dispatched_at",
    "handled_at", "verified_at", "stage_since",
)  # fmt: skip
"""What a step may change of a case."""


def lock_case(number: str) -> Case | None:
    """Return a case, its row locked, with its clock, open stay, owner and department; None for an unknown number."""
    rows = fetch(_lock_sql(), [number])
    if not rows:
        return None
    found: dict[str, Any] = {}
    at = 0
    for alias, model, _ in PARTS:
        fields = _fields(model)
        values = rows[0][at : at + len(fields)]
        at += len(fields)
        found[alias] = None if values[0] is None else row_of(model, values)
    case: Case = found["c"]
    case.clock = found["k"]
    case.stage, case.owner, case.department = found["s"], found["o"], found["d"]
    return case


def lock_open(number: str, type_key: str) -> Case | None:
    """Return a case of a type that has not ended, its row locked; None where there is none. What hangs on it is not read."""
    rows = fetch(_lock_open_sql(), [number, type_key])
    return row_of(Case, rows[0]) if rows else None


def write_step(case: Case, stay: Stay, event: CaseEvent, actor: Actor, action: str, detail: Mapping[str, Any], told: str) -> None:
    """Write a step: leave the stay before, begin the next, save case and clock, write event and audit record, tell the pages.

    The event and the stay get their ids, and the event what is asked beside it.
    """
    let_go_early()
    asked = tuple(hooks.beside.items())
    written = {name: getattr(stay, name) for name in Stay.__slots__}
    stage = CaseStage(case_id=case.pk, owner_id=case.owner_id, person_id=case.person_id, **written)
    changed = [getattr(case, name) for name in STEP_COLUMNS]
    rows = fetch(
        _step_sql(tuple(expression for _name, expression in asked)),
        [
            stay.entered_at, case.pk, *values_of(stage), *changed, case.pk, *values_of(case.clock), case.clock.pk,
            *_audited(case, actor, action, detail), *values_of(event), told, *(case.pk for _ in asked),
        ],
    )  # fmt: skip
    if not rows:
        raise LookupError(f"case {case.number} has no open stay; a case has one at any time.")
    stage.pk, event.pk, _told, _early, *found = rows[0]
    event.beside = {name: value for (name, _expression), value in zip(asked, found, strict=True)}
    case.stage = stage


def new_ids(year: int) -> tuple[int, int, int]:
    """Return the next number of a year, and ids for a case and its first stay."""
    number, case, stage = fetch(IDS, [year])[0]
    return number, case, stage


def write_opening(
    case: Case, stage_pk: int, clock: CaseClock, stay: Stay, event: CaseEvent, actor: Actor, action: str,
    detail: Mapping[str, Any], told: str,
) -> None:  # fmt: skip
    """Write a new case with its clock, first stay, event and audit record, and tell the pages. Clock and event get their ids.

    case: with its id, of new_ids as stage_pk is.
    """
    let_go_early()
    written = {name: getattr(stay, name) for name in Stay.__slots__}
    stage = CaseStage(pk=stage_pk, case_id=case.pk, owner_id=case.owner_id, person_id=case.person_id, **written)
    # The stay is there by the time the transaction ends, which is when the database looks.
    case.stage, clock.case, event.case = stage, case, case
    rows = fetch(
        _open_sql(),
        [
            case.pk, *values_of(case), *values_of(clock), stage.pk, *values_of(stage), *_audited(case, actor, action, detail),
            *values_of(event), told,
        ],
    )  # fmt: skip
    clock.pk, event.pk = rows[0][:2]
    for row in (case, clock, stage, event):
        row._state.adding, row._state.db = False, "default"


@functools.cache
def _lock_sql() -> str:
    columns = ", ".join(f'{alias}."{it.column}"' for alias, model, _ in PARTS for it in _fields(model))
    return f"""
        SELECT {columns} FROM cases_case c JOIN cases_caseclock k ON k.case_id = c.id
        LEFT JOIN cases_casestage s ON s.id = c.stage_id JOIN access_organisation o ON o.id = c.owner_id
        LEFT JOIN access_organisation d ON d.id = c.department_id
        WHERE c.number = %s::text FOR UPDATE OF c
    """  # noqa: S608  columns of our own models


@functools.cache
def _lock_open_sql() -> str:
    columns = ", ".join(f'"{it.column}"' for it in _fields(Case))
    return f"SELECT {columns} FROM cases_case WHERE number = %s::text AND type = %s::text AND NOT ended FOR UPDATE"  # noqa: S608


IDS = """
SELECT cases_next_number(%s::int), nextval(pg_get_serial_sequence('cases_case', 'id')),
       nextval(pg_get_serial_sequence('cases_casestage', 'id'))
"""

AUDIT = "account_id, actor, organisation, action, dataset, target, detail"
NOTED = f"""
    noted AS (
        INSERT INTO {AuditRecord._meta.db_table} ({AUDIT})
        VALUES (%s::bigint, %s::text, %s::text, %s::text, 'cases', %s::text, %s::jsonb))
"""  # noqa: S608


@functools.cache
def _open_sql() -> str:
    return f"""
        WITH opened AS ({insert(Case, id="%s::bigint")}), clock AS ({insert(CaseClock)} RETURNING id),
        stay AS ({insert(CaseStage, id="%s::bigint")}),
        {NOTED}, event AS ({insert(CaseEvent)} RETURNING id)
        SELECT clock.id, event.id, pg_notify('chengyun_live', %s::text), {EARLY} FROM clock, event
    """  # noqa: S608  columns of our own models


@functools.cache
def _step_sql(beside: tuple[str, ...]) -> str:
    """Return the statement. The new stay is made of the one that was left, so no moment has two open ones.

    beside: what else it asks, see hooks.beside; of the case and all around it as they were before the statement.
    """
    case_fields = {it.attname: it for it in _fields(Case)}
    changed = ", ".join(f'"{name}" = {cast(case_fields[name])}' for name in STEP_COLUMNS)
    clock = ", ".join(f'"{it.column}" = {cast(it)}' for it in written(CaseClock))
    columns = ", ".join(f'"{it.column}"' for it in written(CaseStage))
    places = ", ".join(cast(it) for it in written(CaseStage))
    return f"""
        WITH gone AS (
            UPDATE cases_casestage SET left_at = %s::timestamptz WHERE case_id = %s::bigint AND left_at IS NULL RETURNING id),
        stay AS (INSERT INTO cases_casestage ({columns}) SELECT {places} FROM gone RETURNING id),
        changed AS (UPDATE cases_case SET stage_id = stay.id, {changed} FROM stay WHERE cases_case.id = %s::bigint),
        clock AS (UPDATE cases_caseclock SET {clock} WHERE id = %s::bigint),
        {NOTED}, event AS ({insert(CaseEvent)} RETURNING id)
        SELECT {", ".join(["stay.id", "event.id", "pg_notify('chengyun_live', %s::text)", EARLY, *beside])} FROM stay, event
    """  # noqa: S608  columns of our own models, and expressions of our own apps


def _audited(case: Case, actor: Actor, action: str, detail: Mapping[str, Any]) -> list[Any]:
    kept = json.dumps(dict(detail), ensure_ascii=False)
    return [actor.account_id, actor.name[:100], actor.organisation or "", action, case.number, kept]


@functools.cache
def _fields(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(model._meta.concrete_fields)
