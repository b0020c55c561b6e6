# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the answers, put together from a few words."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
ANY_OBJECT: Schema = {"type": "object"}


def maybe(schema: Schema) -> Schema:
    """Return the schema of a value that may be unknown: null, never zero."""
    return {**schema, "type": [schema["type"], "null"]}


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def record(optional: dict[str, Schema] | None = None, /, **fields: Schema) -> Schema:
    """Return the schema of an object with these fields, all of them there unless optional."""
    return {"type": "object", "properties": {**fields, **(optional or {})}, "required": list(fields)}


def paged(name: str, item: Schema) -> Schema:
    """Return the schema of a page: its items, and the cursor of the next one; null: this is the last."""
    return record(**{name: listed(item), "next": maybe(TEXT)})


PROBLEM = record({"parameter": TEXT}, code=TEXT, message=TEXT)

AREA = record(
    code=TEXT, level=TEXT, name=TEXT, name_en=TEXT, parent_code=TEXT, valid_from=DAY, valid_to=maybe(DAY), lon=maybe(NUMBER),
    lat=maybe(NUMBER), source=TEXT,
)  # fmt: skip
FEATURE = record(
    type={"const": "Feature"}, id=TEXT, properties=ANY_OBJECT, geometry=record(type=TEXT, coordinates={"type": "array"})
)
FIELD = record({"range": listed(NUMBER)}, key=TEXT, name=TEXT, kind=TEXT, unit=maybe(TEXT))
DATASET = record(
    key=TEXT, name=TEXT, kind=TEXT, owner=TEXT, sharing=TEXT, open=TRUTH, personal=TRUTH, one_row_is=maybe(TEXT),
    fields=listed(FIELD), because=TEXT, links=listed(TEXT),
)  # fmt: skip
ENTITY = record(key=TEXT)
OBSERVATION = record({"seq": INTEGER, "flags": listed(TEXT), "count": INTEGER}, entity=TEXT, time=INSTANT)
FIGURE = record(
    id=maybe(INTEGER), indicator=TEXT, name=TEXT, subject=TEXT, period=TEXT, period_start=maybe(INSTANT), value=maybe(NUMBER),
    unit=TEXT, status={"enum": ["fresh", "partial", "stale", "missing"]}, coverage=maybe(NUMBER), simulated=TRUTH,
    computed_at=maybe(INSTANT), version=TEXT, detail=ANY_OBJECT, source=TEXT,
)  # fmt: skip
ALERT = record(
    id=INTEGER, rule=TEXT, rule_name=TEXT, dataset=TEXT, subject=TEXT, subject_name=TEXT, area_code=TEXT, severity=TEXT,
    state=TEXT, holds=TRUTH, value=maybe(NUMBER), limit=maybe(NUMBER), unit=TEXT, since=INSTANT, last_seen_at=INSTANT,
    opened_at=INSTANT, closed_at=maybe(INSTANT), case=maybe(TEXT), simulated=TRUTH,
)  # fmt: skip
CASE = record(
    number=TEXT, type=TEXT, type_name=TEXT, state=TEXT, state_name=TEXT, ended=TRUTH, title=TEXT, owner=TEXT, area_code=TEXT,
    opened_at=INSTANT, due_at=INSTANT, closed_at=maybe(INSTANT), overdue=TRUTH, simulated=TRUTH,
)  # fmt: skip
WHY = record(
    figure=ANY_OBJECT, formula=ANY_OBJECT, version=TEXT, parameters=listed(ANY_OBJECT), as_of=ANY_OBJECT,
    inputs=listed(ANY_OBJECT), again=record(done=TRUTH, equal=TRUTH, value=maybe(NUMBER)), downwards=listed(ANY_OBJECT),
    upwards=listed(ANY_OBJECT),
)  # fmt: skip
REQUEST = record(
    {"history": listed(record(at=INSTANT, actor=TEXT, deed=TEXT, note=TEXT, detail=ANY_OBJECT)), "answer": TEXT, "basis": TEXT,
     "fields": ANY_OBJECT, "area": TEXT, "ends": maybe(DAY), "grant": maybe(TEXT)},
    number=TEXT, dataset=TEXT, name=TEXT, organisation=TEXT, provider=TEXT, purpose=TEXT, state=TEXT, due_day=maybe(DAY),
    days_left=maybe(INTEGER), made_at=INSTANT, personal=TRUTH, escalated=TRUTH,
)  # fmt: skip
GRANT = record(
    number=TEXT, dataset=TEXT, holder=TEXT, purpose=TEXT, fields=ANY_OBJECT, area=TEXT, since=INSTANT, until=maybe(INSTANT),
    frequency=maybe(INTEGER), state=TEXT, why=TEXT, reads=INTEGER, rows=INTEGER, last_used=maybe(INSTANT), unused=TRUTH,
    request=TEXT,
)  # fmt: skip
