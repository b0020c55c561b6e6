# SPDX-License-Identifier: Apache-2.0
"""What follows a change: its line in the audit log, and what subscribers are to be told; and a change written as JSON Patch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jsonpatch
import jsonpointer
import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.errors import Malformed
from chengyun.protocols.door import Visitor
from chengyun.protocols.sensorthings.kinds import Kind

__all__ = ["apply_patch", "leave", "note"]

MOST_STEPS = 200

Connection = AsyncConnection[TupleRow]


def apply_patch(kind: Kind, before: dict[str, Any], steps: Any) -> dict[str, Any]:
    """Return the properties that a JSON Patch (RFC 6902) changes, as they are to be. Raises Malformed (400)."""
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        raise _wrong(f"A JSON Patch is a list of at most {MOST_STEPS} steps.")
    try:
        after = jsonpatch.apply_patch(before, steps, in_place=False)
    except jsonpatch.JsonPatchTestFailed as wrong:
        raise Malformed(f"The patch's test does not hold: {wrong}.", code="body", status=409) from wrong
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        TypeError,
        KeyError,
        ValueError,
        RecursionError,
    ) as wrong:
        raise _wrong(f"The patch cannot be applied: {str(wrong)[:200]}.") from wrong
    if not isinstance(after, dict):
        raise _wrong(f"The patch leaves no {kind.name}.")
    changed = {name: value for name, value in after.items() if name not in before or before[name] != value}
    return changed | {name: None for name in before if name not in after}


async def note(
    conn: Connection,
    visitor: Visitor,
    action: str,
    kind: str,
    number: int,
    told: Sequence[tuple[str, int, list[str] | None]],
    count: int = 1,
) -> None:
    """Record a change in the audit log, once for everything a request did."""
    detail: dict[str, Any] = {"source": visitor.token, "kind": kind}
    if count > 1:
        detail["entities"] = count
    if len(told) > 1:
        detail["with"] = len(told) - 1
    await conn.execute(
        """
        INSERT INTO access_auditrecord (at, account_id, actor, organisation, action, dataset, target, purpose, detail)
        VALUES (clock_timestamp(), %s, %s, %s, %s, 'sensorthings', %s, '', %s::jsonb)
        """,
        [
            visitor.actor.account_id, visitor.actor.name[:100], visitor.actor.organisation or "", action,
            f"{kind}({number})", msgspec.json.encode(detail).decode(),
        ],
    )  # fmt: skip


async def leave(conn: Connection, told: Sequence[tuple[str, int, list[str] | None]]) -> None:
    """Note changes in the outbox, in the caller's transaction. told: kind, id, names of what changed (None: it is new)."""
    await conn.execute(
        "INSERT INTO sensorthings_outbox (kind, entity, changed) SELECT kind, entity, changed::jsonb"
        " FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS t (kind, entity, changed)",
        [
            [kind for kind, _, _ in told], [number for _, number, _ in told],
            [None if changed is None else msgspec.json.encode(changed).decode() for _, _, changed in told],
        ],
    )  # fmt: skip


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="body", status=400)
