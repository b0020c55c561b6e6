# SPDX-License-Identifier: Apache-2.0
"""What the log `audit` says of one read about persons: who, when, what for, which fields, and the root over whose rows.

The one way to write it is RFC 8785's: keys sorted, no space between, UTF-8. The clerk's name and the persons stay out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COLUMNS = """
l.number, l.hash, r.id, to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), r.action, r.dataset, r.organisation,
r.purpose, r.detail
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One read. nonce: what the salts of its persons are made of; it is no part of what is said."""

    said: Mapping[str, Any]
    nonce: bytes

    @property
    def leaf(self) -> bytes:
        return canonical(self.said)


def of_row(row: tuple[Any, ...]) -> Statement:
    """Make the statement of a row of COLUMNS."""
    number, chained, record, at, action, dataset, organisation, purpose, detail = row
    told: dict[str, Any] = detail if isinstance(detail, dict) else json.loads(detail)
    persons = told["subjects"]
    said = {
        "action": action,
        "at": at,
        "dataset": dataset,
        "fields": told.get("fields", []),
        "grants": told.get("grants", []),
        "hash": bytes(chained).hex(),
        "link": number,
        "organisation": organisation,
        "persons": {"count": persons["count"], "root": persons["root"]},
        "purpose": purpose,
        "record": record,
    }
    return Statement(said, bytes.fromhex(persons["nonce"]))


def canonical(value: object) -> bytes:
    """Return the one way to write a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
