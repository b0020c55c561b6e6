# SPDX-License-Identifier: Apache-2.0
"""Transitions into tables, with SQL: no Django, so that the ingest process does it inside the rows' own transaction.

`statements` is the pure step; `write` (async, ingest) and `write_now` (sync, jobs) are its two thin drivers.

A batch's transitions of one subject are always: clear? (raise clear)* (raise update?)?, or an update. So five statements in
this order do all of them, however many there are: close what was open; insert what began and ended inside the batch, or
is history, already closed; open what is still true; refresh what goes on; open what goes on since it was history. An alert
is unique among the open ones of its rule and subject: a raise that meets an open alert whose condition had ended makes it
hold again, and one that meets a holding alert does nothing.

Transitions of a rule on probation become sightings instead: the same course, and nobody is told.

All of them lock alerts in order of id, as does a case that ends with many alerts: two writers never wait for each other.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from chengyun.city import AlertRule, City, Within, qualify
from chengyun.operate.conditions import HISTORY
from chengyun.operate.detectors import kept
from chengyun.operate.probation.standing import ROWS, Standing, standing
from chengyun.operate.rules import Holding, RuleWatch, Transition

if TYPE_CHECKING:
    from psycopg import AsyncConnection

__all__ = [
    "boundaries", "load", "run_rows", "standing_rules", "statement", "statements", "write", "write_now", "write_run_rows",
    "write_runs",
]  # fmt: skip

NEWEST = "SELECT entity_id, time FROM {latest}"

VALUES = "SELECT entity_id, time, {field} FROM {latest} WHERE {field} IS NOT NULL AND quality & %s = 0"


@functools.cache
def statement(name: str) -> LiteralString:
    """Return the text of sql/<name>.sql."""
    text: LiteralString = (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return text


def statements(transitions: Sequence[Transition]) -> list[tuple[str, str]]:
    """Return (statement, its one parameter) in the order they must run. The same transitions give the same statements."""
    loud = _sorted([one for one in transitions if not one.quiet])
    quiet = _sorted([one for one in transitions if one.quiet])
    steps = [(f"alert_{name}", rows) for name, rows in loud.items()]
    steps += [(f"sighting_{name}", rows) for name, rows in quiet.items() if name != "resume"]
    return [(statement(name), json.dumps(rows)) for name, rows in steps if rows]


def _sorted(transitions: Sequence[Transition]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each statement, in the order they must run."""
    clears, episodes, updates, resumes = [], [], [], []
    begun: dict[tuple[str, str], Transition] = {}
    for one in transitions:
        subject = (one.rule, one.subject)
        if one.kind == "raise":
            begun[subject] = one
        elif one.kind == "update":
            if subject in begun:  # it began as history and is still true in the present
                begun[subject] = one
            else:
                updates.append(_row(one))
                if one.now - one.since > HISTORY and not one.historic:
                    resumes.append(_row(one))
        elif subject in begun:
            episodes.append(_row(begun.pop(subject), ended=one))
        else:
            clears.append(_row(one))
    episodes += [_row(one) for one in begun.values() if one.historic]
    raises = [_row(one) for one in begun.values() if not one.historic]
    return {"clear": clears, "episode": episodes, "raise": raises, "update": updates, "resume": resumes}


async def write(conn: AsyncConnection[Any], transitions: Sequence[Transition]) -> None:
    """Write transitions inside the caller's transaction."""
    for text, rows in statements(transitions):
        await conn.execute(text, [rows])


def write_now(cursor: Any, transitions: Sequence[Transition]) -> None:
    """Write transitions inside the caller's transaction; the cursor is psycopg's or Django's."""
    for text, rows in statements(transitions):
        cursor.execute(text, [rows])


async def write_runs(conn: AsyncConnection[Any], watch: RuleWatch, names: Any) -> None:
    """Write the runs that are not alerts yet, as the last judge saw them, inside the caller's transaction.

    names: as for RuleWatch.judge.
    """
    await write_run_rows(conn, run_rows(watch, names))


def run_rows(watch: RuleWatch, names: Any) -> list[dict[str, Any]]:
    """Return the runs that are not alerts yet, as the last judge saw them, for write_run_rows."""
    return [
        {"rule": rule, "subject": names[entity].key, "run": run, "since": since.isoformat()}
        for rule, entity, run, since in watch.runs()
        if entity in names
    ]


async def write_run_rows(conn: AsyncConnection[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write runs inside the caller's transaction."""
    if rows:
        await conn.execute(statement("alert_runs"), [json.dumps(rows)])


async def standing_rules(conn: AsyncConnection[Any], city: City) -> Standing:
    """Return which rules are judged now."""
    return standing(city, await (await conn.execute(ROWS)).fetchall())


async def boundaries(conn: AsyncConnection[Any], rules: Iterable[AlertRule]) -> dict[str, bytes]:
    """Return the boundaries, as WKB, of the areas that rules watch."""
    codes = sorted({rule.when.area for rule in rules if isinstance(rule.when, Within) and rule.when.area})
    found = await conn.execute(statement("area_boundaries"), [codes]) if codes else None
    return {code: bytes(shape) for code, shape in await found.fetchall()} if found else {}


async def load(conn: AsyncConnection[Any], city: City, watch: RuleWatch) -> None:
    """Give a new watch the state its predecessor left in the database."""
    if not watch.rules:
        return
    stream, pack = watch.declared, watch.stream.split(".")[0]
    entity = qualify(pack, stream.entity.to)
    register = sql.Identifier(f"{entity.split('.')[0]}_{city.entities[entity].model.lower()}")
    latest = sql.Identifier("lake", f"latest_{watch.stream.replace('.', '_')}")
    newest = await conn.execute(sql.SQL(NEWEST).format(latest=latest))
    rules = {one.key for one in watch.rules}
    given = {"rules": sorted(rules), "loud": sorted(rules - watch.quiet), "quiet": sorted(rules & watch.quiet)}
    held = await conn.execute(sql.SQL(statement("alert_held")).format(register=register), given)
    watch.restore(
        [(int(entity), time) for entity, time in await newest.fetchall()],
        [
            Holding(rule, int(entity), bool(holds), int(run), since, worst, int(times))
            for rule, entity, holds, run, since, worst, times in await held.fetchall()
        ],
    )
    for position, quantity in enumerate(stream.quantities):
        if any(one.rule.field == quantity.key for one in watch.rules):
            text = sql.SQL(VALUES).format(field=sql.Identifier(quantity.key), latest=latest)
            rows = await conn.execute(text, [1 << (8 + position)])
            watch.remember(quantity.key, [(int(e), time, float(value)) for e, time, value in await rows.fetchall()])
    await kept.load(conn, city, watch)


def _row(one: Transition, ended: Transition | None = None) -> dict[str, Any]:
    last = ended or one
    return {
        "rule": one.rule,
        "dataset": one.dataset,
        "subject": one.subject,
        "subject_name": one.subject_name,
        "area_code": one.area_code,
        "severity": one.severity,
        "value": one.value,
        "worst": last.worst,
        "limit": one.limit,
        "times": last.times,
        "since": one.since.isoformat(),
        "last_seen_at": one.last_seen.isoformat(),
        "now": one.now.isoformat(),
        "simulated": one.simulated,
        "group_key": one.group_key,
        "evidence": {**one.evidence, "worst": last.worst},
        "ended": last.last_seen.isoformat(),
        "because": "condition cleared" if ended else "history",
        "last_value": last.value,
    }
