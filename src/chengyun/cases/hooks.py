# SPDX-License-Identifier: Apache-2.0
"""Where apps beside this one take part in a step, without being imported: each registers in its ready().

guards[name]        a condition transitions name; returns why the step is not open, or None
evidence[need]      a look at what came with the step; returns what is wrong with it, or None
owner_finders       who the duty list charges with a case; the first that knows wins
after_step          told of every event, inside its transaction
beside[name]        what of a case those wish to know: asked in the statement that writes a step, and found in `event.beside`
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chengyun.access.actors import Actor
from chengyun.access.models import Account, Organisation
from chengyun.cases.models import Case, CaseEvent
from chengyun.city import Transition

__all__ = ["Charged", "Given", "after_step", "beside", "evidence", "guards", "owner_finders"]


@dataclass(frozen=True, slots=True)
class Given:
    """What came with a step.

    photos: ids of kept ones; of recorded history, what it calls them. owner: the organisation the work is to go to.
    data: `reason_code`, `target`, `category`, `condition` …
    """

    reason: str = ""
    note: str = ""
    assignee: Account | None = None
    owner: Organisation | None = None
    photos: Sequence[int] | Sequence[str] = ()
    lon: float | None = None
    lat: float | None = None
    until: dt.datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charged:
    """Whom the duty list charges with a case, and by which of its entries."""

    organisation: Organisation
    clause: str


Guard = Callable[[Case, Transition, Given, Actor, dt.datetime], str | None]
guards: dict[str, Guard] = {}
evidence: dict[str, Guard] = {}
owner_finders: list[Callable[[Case, dt.date], Charged | None]] = []
after_step: list[Callable[[Case, CaseEvent], None]] = []
beside: dict[str, str] = {"alerts": "EXISTS (SELECT FROM cases_casealert WHERE case_id = %s::bigint)"}
"""An SQL expression each, of `%s`, the case's id, given once with its cast. It is asked under the case's lock."""
