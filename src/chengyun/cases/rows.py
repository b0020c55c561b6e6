# SPDX-License-Identifier: Apache-2.0
"""The statements a step costs: one locks and reads a case with all it hangs on, two write what the step did.

Written out once from the models rather than anew by the ORM for every step: a city takes some six million steps a year. Each
writes fewer than fifty values, up to which the driver keeps a statement it has taken apart.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from chengyun.access.actors import Actor
from chengyun.access.models import AuditRecord, Organisation
from chengyun.cases.course import Stay
from chengyun.cases.models import Case, CaseClock, CaseEvent, CaseStage
from chengyun.city.casework import COUNTERS

__all__ = ["lock_case", "write_opening", "write_step"]

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
    with connection.cursor() as cursor:
        cursor.execute(_lock_sql(), [number])
        row = cursor.fetchone()
    if row is None:
        return None
    found: dict[str, Any] = {}
    at = 0
    for alias, model, _ in PARTS:
        fields = _fields(model)
        values = row[at : at + len(fields)]
        at += len(fields)
        found[alias] = None if values[0] is None else model.from_db("default", _names(model), _converted(fields, values))
    case: Case = found["c"]
    case.clock = found["k"]
    case.stage, case.owner, case.department = found["s"], found["o"], found["d"]
    return case


def write_step(case: Case, stay: Stay, event: CaseEvent, actor: Actor, action: str, detail: Mapping[str, Any], told: str) -> None:
    """Write a step: leave the stay before, begin the next, save case and clock, write event and audit record, tell the pages.

    Two round trips. The event and the stay get their ids.
    """
    written = {name: getattr(stay, name) for name in Stay.__slots__}
    stage = CaseStage(case_id=case.pk, owner_id=case.owner_id, person_id=case.person_id, **written)
    audited = {
        "account_id": actor.account_id, "actor": actor.name[:100], "organisation": actor.organisation or "", "action": action,
        "dataset": "cases", "target": case.number, "purpose": "", "detail": json.dumps(dict(detail), ensure_ascii=False),
    }  # fmt: skip
    case_values = [getattr(case, name) for name in STEP_COLUMNS]
    first, second = _write_sql()
    with connection.cursor() as cursor:
        cursor.execute(first, [stay.entered_at, case.pk, *_values(stage), *case_values, case.pk])
        cursor.nextset()
        stage.pk = cursor.fetchone()[0]
        cursor.execute(second, [*_values(case.clock), case.clock.pk, *audited.values(), told, *_values(event)])
        for _ in range(3):
            cursor.nextset()
        event.pk = cursor.fetchone()[0]
    case.stage = stage


def write_opening(
    case: Case, clock: CaseClock, stay: Stay, event: CaseEvent, actor: Actor, action: str, detail: Mapping[str, Any], told: str
) -> None:  # fmt: skip
    """Write a new case with its clock, first stay, event and audit record, and tell the pages. All get their ids.

    Two round trips: a burst of reports opens hundreds of cases a second, and each waits for the number of the one before.
    """
    with connection.cursor() as cursor:
        cursor.execute(IDS)
        case.pk, stage_pk = cursor.fetchone()
        written = {name: getattr(stay, name) for name in Stay.__slots__}
        stage = CaseStage(pk=stage_pk, case_id=case.pk, owner_id=case.owner_id, person_id=case.person_id, **written)
        # The stay is there by the time the transaction ends, which is when the database looks.
        case.stage, clock.case, event.case = stage, case, case
        kept = json.dumps(dict(detail), ensure_ascii=False)
        audited = [actor.account_id, actor.name[:100], actor.organisation or "", action, "cases", case.number, "", kept]
        first, second = _open_sql()
        cursor.execute(
            f"{first};{second}",
            [case.pk, *_values(case), *_values(clock), stage.pk, *_values(stage), *audited, told, *_values(event)],
        )
        cursor.nextset()
        clock.pk = cursor.fetchone()[0]
        for _ in range(4):
            cursor.nextset()
        event.pk = cursor.fetchone()[0]
    for row in (case, clock, stage, event):
        row._state.adding, row._state.db = False, "default"


@functools.cache
def _lock_sql() -> str:
    columns = ", ".join(f'{alias}."{it.column}"' for alias, model, _ in PARTS for it in _fields(model))
    return f"""
        SELECT {columns} FROM cases_case c JOIN cases_caseclock k ON k.case_id = c.id
        LEFT JOIN cases_casestage s ON s.id = c.stage_id JOIN access_organisation o ON o.id = c.owner_id
        LEFT JOIN access_organisation d ON d.id = c.department_id
        WHERE c.number = %s FOR UPDATE OF c
    """  # noqa: S608  columns of our own models


IDS = """
SELECT nextval(pg_get_serial_sequence('cases_case', 'id')), nextval(pg_get_serial_sequence('cases_casestage', 'id'))
"""


@functools.cache
def _open_sql() -> tuple[str, str]:
    def insert(model: type[models.Model], key: str = "") -> str:
        names = [*([key] if key else []), *(it.column for it in _written(model))]
        columns = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608

    audit = "account_id, actor, organisation, action, dataset, target, purpose, detail"
    first = f"{insert(Case, 'id')};{insert(CaseClock)} RETURNING id"
    second = f"""
        {insert(CaseStage, "id")};
        INSERT INTO {AuditRecord._meta.db_table} ({audit}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb);
        SELECT pg_notify('chengyun_live', %s);
        {insert(CaseEvent)} RETURNING id
    """  # noqa: S608  columns of our own models
    return first, second


@functools.cache
def _write_sql() -> tuple[str, str]:
    """Return the statements in the order that no moment has two open stays."""

    def insert(model: type[models.Model]) -> str:
        names = [it.column for it in _written(model)]
        columns = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608

    changed = ", ".join(f'"{name}" = %s' for name in STEP_COLUMNS)
    clock = ", ".join(f'"{it.column}" = %s' for it in _written(CaseClock))
    audit = "account_id, actor, organisation, action, dataset, target, purpose, detail"
    first = f"""
        UPDATE cases_casestage SET left_at = %s WHERE case_id = %s AND left_at IS NULL;
        WITH stay AS ({insert(CaseStage)} RETURNING id)
        UPDATE cases_case SET stage_id = stay.id, {changed} FROM stay WHERE cases_case.id = %s RETURNING stage_id
    """  # noqa: S608  columns of our own models
    second = f"""
        UPDATE cases_caseclock SET {clock} WHERE id = %s;
        INSERT INTO {AuditRecord._meta.db_table} ({audit}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb);
        SELECT pg_notify('chengyun_live', %s);
        {insert(CaseEvent)} RETURNING id
    """  # noqa: S608  columns of our own models
    return first, second


@functools.cache
def _fields(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(model._meta.concrete_fields)


@functools.cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(it.attname for it in _fields(model))


@functools.cache
def _written(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(it for it in _fields(model) if not it.primary_key)


@functools.cache
def _json_fields(model: type[models.Model]) -> frozenset[str]:
    return frozenset(it.attname for it in _fields(model) if isinstance(it, models.JSONField))


def _values(row: models.Model) -> list[Any]:
    texts = _json_fields(type(row))
    found = []
    for it in _written(type(row)):
        value = getattr(row, it.attname)
        found.append(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False) if it.attname in texts else value)
    return found


def _converted(fields: Sequence[models.Field[Any, Any]], values: Sequence[Any]) -> list[Any]:
    """Return the values as models hold them: JSON arrives as text here, as it does for the ORM."""
    return [
        json.loads(value) if isinstance(it, models.JSONField) and isinstance(value, str) else value
        for it, value in zip(fields, values, strict=True)
    ]
