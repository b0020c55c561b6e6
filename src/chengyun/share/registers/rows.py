# SPDX-License-Identifier: Apache-2.0
"""The register's row, which everything else of the program reads: what follows from the statements for a day."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql

from chengyun.collect.registering import place
from chengyun.share.registers.declared import authority_name, entity_of, fields_of, python_value, table_of
from chengyun.share.registers.links import Meanings
from chengyun.share.registers.models import Statement
from chengyun.share.registers.resolve import Claim, FieldSaid, resolve

__all__ = ["bring_up_to_date", "claims_of", "holding_on", "write_rows"]


def claims_of(one: Statement) -> tuple[Claim, Mapping[str, Any]]:
    """Return a statement as `resolve` takes it."""
    marks = Claim(None, one.authority, one.key, one.valid_from, one.valid_to, one.received_at, one.load_id)
    return marks, one.values


def holding_on(stated: Iterable[Statement], day: dt.date) -> list[Statement]:
    """Return the statements that hold on a day."""
    return [
        one
        for one in stated
        if (one.valid_from is None or one.valid_from <= day) and (one.valid_to is None or one.valid_to > day)
    ]


def bring_up_to_date(dataset: str, keys: Iterable[str], today: dt.date, *, simulated: bool | None = None) -> int:
    """Bring the rows of some keys to what the statements say for today; return how many changed. In the caller's transaction.

    A thing that has ended, or has not begun, keeps the values of its nearest day. A key that became another's is ended.
    simulated: what a new row is marked as; None: as the statements' own load was.
    """
    meanings = Meanings.read(dataset, keys)
    stated: dict[str, list[Statement]] = {}
    for one in Statement.objects.filter(dataset=dataset, key__in=meanings.keys, known_until=None).order_by("id"):
        stated.setdefault(meanings.leads_to(one.key), []).append(one)
    model, authorities = table_of(dataset), entity_of(dataset).authorities
    fields = fields_of(model)
    rows = {row.key: row for row in model._default_manager.filter(key__in=meanings.keys)}
    wanted: dict[str, dict[str, Any]] = {}
    for key, told in stated.items():
        said = resolve(authorities, [claims_of(one) for one in _nearest(told, today)], key)
        wanted[key] = _wanted(dataset, fields, said, told, key)
    place(wanted)
    fresh, changed, columns = [], [], set[str]()
    for key, values in wanted.items():
        row = rows.get(key)
        if row is None:
            fresh.append(model(key=key, simulated=bool(simulated), **values))
            continue
        if simulated is False and row.simulated:
            values = {**values, "simulated": False}
        if any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                if getattr(row, name) != value:
                    setattr(row, name, value)
                    columns.add(name)
            changed.append(row)
    for key, row in rows.items():
        ended = meanings.ended_on(key)
        if ended is not None and row.valid_to != ended:
            row.valid_to = ended
            columns.add("valid_to")
            changed.append(row)
    write_rows(fresh)
    if changed:
        model._default_manager.bulk_update(changed, sorted(columns), batch_size=500)
    return len(fresh) + len(changed)


def write_rows(rows: Iterable[models.Model]) -> None:
    """Write new rows of one model by COPY, several times as fast as INSERT; triggers see them as they see any."""
    made = iter(rows)
    first = next(made, None)
    if first is None:
        return
    fields = [one for one in first._meta.concrete_fields if not one.primary_key]
    columns = sql.SQL(", ").join([sql.Identifier(str(one.column)) for one in fields])
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(first._meta.db_table), columns)
    with connection.cursor() as cursor, cursor.cursor.copy(copy) as target:
        for row in itertools.chain([first], made):
            target.write_row([one.get_db_prep_save(one.pre_save(row, True), connection) for one in fields])


def _nearest(told: Sequence[Statement], today: dt.date) -> list[Statement]:
    """Return what holds today; of a thing that is over its last day's, of one still to come its first."""
    if found := holding_on(told, today):
        return found
    ends = [one.valid_to for one in told if one.valid_to is not None and one.valid_to <= today]
    day = max(ends) - dt.timedelta(days=1) if ends else min(one.valid_from for one in told if one.valid_from is not None)
    return holding_on(told, day)


def _wanted(
    dataset: str, fields: Mapping[str, Any], said: Mapping[str, FieldSaid], told: Sequence[Statement], key: str
) -> dict[str, Any]:  # fmt: skip
    values = {name: python_value(field, said[name].chosen.value if name in said else None) for name, field in fields.items()}
    values["name"] = values.get("name") or key
    begins = [one.valid_from for one in told]
    ends = [one.valid_to for one in told]
    values["valid_from"] = None if None in begins else min(day for day in begins if day is not None)
    values["valid_to"] = None if None in ends else max(day for day in ends if day is not None)
    names = dict.fromkeys(authority_name(dataset, one.chosen.authority) for one in said.values())
    values["source"] = "、".join(names)[:200]
    return values
