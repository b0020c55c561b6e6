# SPDX-License-Identifier: Apache-2.0
"""The two statements a step costs: one that locks and reads a case with all it hangs on, one that writes what the step did.

Written out once from the models rather than anew by the ORM for every step: a city takes some six million steps a year. The
columns are the models' own, so a field added there is read and written here.
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

__all__ = ["lock_case", "write_step"]

PARTS: Sequence[tuple[str, type[models.Model], str]] = (
    ("c", Case, ""), ("k", CaseClock, "clock"), ("s", CaseStage, "stage"), ("o", Organisation, "owner"),
    ("d", Organisation, "department"),
)  # fmt: skip


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

    One round trip. The event and the stay get their ids.
    """
    written = {name: getattr(stay, name) for name in Stay.__slots__}
    stage = CaseStage(case_id=case.pk, owner_id=case.owner_id, person_id=case.person_id, **written)
    audited = {
        "account_id": actor.account_id, "actor": actor.name[:100], "organisation": actor.organisation or "", "action": action,
        "dataset": "cases", "target": case.number, "purpose": "", "detail": json.dumps(dict(detail), ensure_ascii=False),
    }  # fmt: skip
    sql, params = _write_sql(), [stay.entered_at, case.pk, *_values(stage), *_values(case, without="stage_id"), case.pk]
    params += [*_values(case.clock), case.clock.pk, *_values(event), *audited.values(), told]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.nextset()
        stage.pk = cursor.fetchone()[0]
        cursor.nextset()
        cursor.nextset()
        event.pk = cursor.fetchone()[0]
    case.stage = stage


@functools.cache
def _lock_sql() -> str:
    columns = ", ".join(f'{alias}."{it.column}"' for alias, model, _ in PARTS for it in _fields(model))
    return f"""
        SELECT {columns} FROM cases_case c JOIN cases_caseclock k ON k.case_id = c.id
        LEFT JOIN cases_casestage s ON s.id = c.stage_id JOIN access_organisation o ON o.id = c.owner_id
        LEFT JOIN access_organisation d ON d.id = c.department_id
        WHERE c.number = %s FOR UPDATE OF c
    """  # noqa: S608  columns of our own models


@functools.cache
def _write_sql() -> str:
    """Return the statements in the order that no moment has two open stays."""

    def insert(model: type[models.Model]) -> str:
        names = [it.column for it in _written(model)]
        columns = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608

    def sets(model: type[models.Model], without: str = "") -> str:
        return ", ".join(f'"{it.column}" = %s' for it in _written(model) if it.column != without)

    audit = "account_id, actor, organisation, action, dataset, target, purpose, detail"
    return f"""
        UPDATE cases_casestage SET left_at = %s WHERE case_id = %s AND left_at IS NULL;
        WITH stay AS ({insert(CaseStage)} RETURNING id)
        UPDATE cases_case SET stage_id = stay.id, {sets(Case, "stage_id")} FROM stay WHERE cases_case.id = %s RETURNING stage_id;
        UPDATE cases_caseclock SET {sets(CaseClock)} WHERE id = %s;
        {insert(CaseEvent)} RETURNING id;
        INSERT INTO {AuditRecord._meta.db_table} ({audit}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb);
        SELECT pg_notify('chengyun_live', %s)
    """  # noqa: S608  columns of our own models


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


def _values(row: models.Model, without: str = "") -> list[Any]:
    texts = _json_fields(type(row))
    found = []
    for it in _written(type(row)):
        if it.column != without:
            value = getattr(row, it.attname)
            found.append(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False) if it.attname in texts else value)
    return found


def _converted(fields: Sequence[models.Field[Any, Any]], values: Sequence[Any]) -> list[Any]:
    """Return the values as models hold them: JSON arrives as text here, as it does for the ORM."""
    return [
        json.loads(value) if isinstance(it, models.JSONField) and isinstance(value, str) else value
        for it, value in zip(fields, values, strict=True)
    ]
