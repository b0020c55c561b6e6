# SPDX-License-Identifier: Apache-2.0
"""A case of recorded history, built deed by deed in memory, under the conditions a live one is built under."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from chengyun.access.models import Organisation
from chengyun.cases import clock as clocks
from chengyun.cases import course
from chengyun.cases.course import Stay, clock_of
from chengyun.cases.evidence import missing_needs, needs_no_verification
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case
from chengyun.cases.office import local_day, work_time
from chengyun.cases.owners import find_owner
from chengyun.cases.records import SKEW, came_with, note_limit, work_of
from chengyun.cases.rights import type_of
from chengyun.city import City, State, Transition
from chengyun.config import config
from chengyun.standards.times import parse_instant

__all__ = ["Deed", "Draft", "DraftClock", "History", "Wrong"]

Deed = tuple[int, Mapping[str, str]]
"""A line of a history and its number."""

NOT_YET = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Wrong(Exception):
    """A line that could not have happened."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line, self.sentence = line, sentence


@dataclass(slots=True)
class DraftClock:
    """A case's own clock, as models.CaseClock."""

    limit_s: int = 0
    granted_s: int = 0
    used_s: float = 0.0
    running_since: dt.datetime | None = None
    started_at: dt.datetime | None = None
    basis: str = "continuous"
    edition: dt.date | None = None
    source: str = ""
    limit_text: str = ""


@dataclass(slots=True)
class Draft:
    """A case, as models.Case has it and course.py changes it. stays: with their owners' ids; audit: actor, action, detail."""

    key: str
    type: str
    title: str
    opened_at: dt.datetime
    owner_id: int
    source: str
    evidence: str
    area_code: str = ""
    address: str = ""
    description: str = ""
    component_key: str = ""
    lon: float | None = None
    lat: float | None = None
    category: str = ""
    catalog_version: str = ""
    condition: str = ""
    emergency: bool = False
    department_id: int | None = None
    state: str = ""
    ended: bool = False
    suspended: bool = False
    due_at: dt.datetime = NOT_YET
    warn_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    stage_since: dt.datetime = NOT_YET
    dispatched_at: dt.datetime | None = None
    handled_at: dt.datetime | None = None
    verified_at: dt.datetime | None = None
    returns: int = 0
    rework: int = 0
    extensions: int = 0
    deferrals: int = 0
    suspensions: int = 0
    arbitrations: int = 0
    reopened: int = 0
    in_time: bool | None = None
    number: str = ""
    id: int = 0
    stage_id: int = 0
    clock: DraftClock = field(default_factory=DraftClock)
    stays: list[tuple[Stay, int]] = field(default_factory=list)
    stay_ids: list[int] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    audit: list[tuple[str, str, str]] = field(default_factory=list)


class History:
    """What the lines of one history are read with: the declared type, the city's bodies, and words met before."""

    def __init__(self, type_key: str, name: str) -> None:
        city: City = settings.CITY
        self.type_key, self.name = type_key, name
        self.declared = type_of(type_key)
        self.scheme = city.scheme(type_key)
        self.steps = {step.key: step for step in self.declared.transitions}
        self.states = {state.key: state for state in self.declared.states}
        self.bodies = dict(Organisation.objects.values_list("key", "pk"))
        self.keys = {pk: key for key, pk in self.bodies.items()}
        self._centre = functools.lru_cache(maxsize=65536)(lambda area: find_owner(self.declared.owner, area).organisation.pk)
        self._said = functools.lru_cache(maxsize=65536)(self._as_json)

    def case(self, lines: Sequence[Deed]) -> Draft:
        """Return the case its lines tell of. Raises Wrong naming the first line that could not have happened."""
        draft = self._opened(*lines[0])
        for number, row in lines[1:]:
            try:
                self._step(draft, number, row)
            except ValueError as wrong:
                raise Wrong(number, str(wrong)) from wrong
        return draft

    def _opened(self, number: int, row: Mapping[str, str]) -> Draft:
        if row["step"] != "open":
            raise Wrong(number, f"the first line of a case is {row['step']!r}, expected open")
        try:
            at = parse_instant(row["at"], config().zone)
            area = row.get("area_code") or ""
            draft = Draft(
                key=row["case"], type=self.type_key, title=(row.get("title") or row["case"])[:200], opened_at=at,
                owner_id=self._centre(area), source=row.get("source") or Case.Source.IMPORT, area_code=area,
                evidence=json.dumps({"history": self.name, "case": row["case"]}, ensure_ascii=False),
                address=(row.get("address") or "")[:200], description=row.get("description") or "",
                component_key=row.get("component_key") or "", condition=(row.get("condition") or "")[:32],
                lon=_number(row, "lon"), lat=_number(row, "lat"), emergency=(row.get("emergency") or "") in ("1", "true"),
            )  # fmt: skip
            self._categorise(draft, row.get("category") or "", at)
        except ValueError as wrong:
            raise Wrong(number, str(wrong)) from wrong
        first = self.declared.states[0]
        draft.department_id = None if first.body else draft.owner_id
        draft.stays.append((course.begin(draft, draft.clock, self.declared, first, at), draft.owner_id))
        if row.get("due"):
            self._due(draft, parse_instant(row["due"], config().zone), number)
        actor = (row.get("actor") or self.name)[:100]
        owner = self.keys[draft.owner_id]
        opened = json.dumps({"state": first.key, "owner": owner})
        draft.events.append((at, "opened", "", actor, "{}", opened, "", "", "", "{}"))
        draft.audit.append((actor, "case.open", json.dumps({"type": self.type_key, "owner": owner})))
        return draft

    def _step(self, draft: Draft, number: int, row: Mapping[str, str]) -> None:
        step = self.steps.get(row["step"])
        if step is None:
            raise Wrong(number, f"{row['step']!r} is not a step of {self.type_key}")
        if step.source != draft.state:
            raise Wrong(number, f"{step.key} starts from {step.source}, the case is {draft.state}")
        if step.merges:
            raise Wrong(number, "a merger is not read from history: leave the case out, or give it an end of its own")
        now = parse_instant(row["at"], config().zone)
        if draft.stage_since - now > SKEW:
            raise Wrong(number, f"its time {row['at']} is before the step before it")
        now = max(now, draft.stage_since)
        given = _given(row)
        self._check(draft, step, given, number, now)
        work, granted = work_of(draft), draft.clock.granted_s
        self._categorise(draft, str(given.data.get("category", "")), now)
        draft.condition = str(given.data.get("condition", draft.condition))[:32]
        before = self._said(draft.state, draft.owner_id)
        self._hand_over(draft, step, self.states[step.to], row.get("owner") or "", number)
        stay = course.advance(
            draft,
            draft.clock,
            self.declared,
            step,
            now,
            reason=given.reason,
            until=given.until,
            asked_until=draft.stays[-1][0].until,
            other_work=work_of(draft) != work,
        )
        note_limit(given, work_of(draft) != work, granted, draft.clock)
        draft.stays.append((stay, draft.owner_id))
        actor = (row.get("actor") or self.name)[:100]
        data = json.dumps(came_with(given), cls=DjangoJSONEncoder, ensure_ascii=False)
        draft.events.append((
            now, "step", step.key, actor, before, self._said(draft.state, draft.owner_id), given.reason[:500],
            str(given.data.get("reason_code", ""))[:64], given.note, data,
        ))  # fmt: skip
        draft.audit.append((actor, f"case.{step.key}", json.dumps({"from": step.source, "to": step.to})))

    def _due(self, draft: Draft, due: dt.datetime, number: int) -> None:
        """Give a case the deadline that was recorded for it instead of one by our rules: around the clock, from its opening."""
        clock, seconds = draft.clock, int((due - draft.opened_at).total_seconds())
        if seconds < 0:
            raise Wrong(number, f"its deadline {due.isoformat()} is before its opening")
        clock.limit_s = clock.granted_s = seconds
        clock.basis, clock.edition, clock.source, clock.limit_text = "continuous", None, self.name[:200], "as recorded"
        stay, owner = draft.stays[-1]
        own = clock_of(clock)
        draft.due_at = due
        if not stay.own_limit and stay.clock == "runs" and clock.running_since is not None:
            draft.warn_at = clocks.warn_after(own, work_time())
            draft.stays[-1] = (replace(stay, due_at=due, limit_s=seconds, basis="continuous"), owner)

    def _check(self, draft: Draft, step: Transition, given: Given, number: int, now: dt.datetime) -> None:
        """Ask what evidence.check_step asks. Who acted then has no account here, and no case of a history has parts."""
        if step.when and not step.open_at({name: getattr(draft, name) for name in step.when}):
            raise Wrong(number, f"{step.key} was not open any more, or not yet: {dict(step.when)}")
        if missing := missing_needs(step, draft, given):
            raise Wrong(number, f"{step.key} comes without {', '.join(missing)}")
        if given.until is not None and given.until <= now:
            raise Wrong(number, f"{step.key} asks for a time that is over: {given.until.isoformat()}")
        if "trusted_source" in step.guard and not needs_no_verification(draft.source):
            raise Wrong(number, f"{step.key} is not open to a case from {draft.source}")
        if "overdue" in step.guard and not clocks.view(clock_of(draft.clock), now, work_time()).overdue:
            raise Wrong(number, f"{step.key} is open to late cases only")

    def _hand_over(self, draft: Draft, step: Transition, target: State, owner: str, number: int) -> None:
        if step.charges:
            if owner not in self.bodies:
                raise Wrong(number, f"{step.key} goes to {owner or 'nobody'}, which is no organisation's key")
            draft.department_id = self.bodies[owner]
        if target.body == "department":
            if draft.department_id is None:
                raise Wrong(number, f"{step.key} goes to a department, and none is charged")
            draft.owner_id = draft.department_id
        elif target.body == "centre":
            draft.owner_id = self._centre(draft.area_code)

    def _categorise(self, draft: Draft, category: str, now: dt.datetime) -> None:
        if not category or category == draft.category:
            return
        version = self.scheme.version_on(local_day(now)) if self.scheme else ""
        if self.scheme is not None and self.scheme.category(category, version) is None:
            raise ValueError(f"category {category!r} is not in {version or 'any catalogue of that day'}")
        draft.category, draft.catalog_version = category, version

    def _as_json(self, state: str, owner_id: int) -> str:
        return json.dumps({"state": state, "owner": self.keys[owner_id], "person": None})


def _given(row: Mapping[str, str]) -> Given:
    data = {name: row[name] for name in ("reason_code", "category", "condition") if row.get(name)}
    photos = tuple(row["photos"].split(";")) if row.get("photos") else ()
    until = parse_instant(row["until"], config().zone) if row.get("until") else None
    return Given(
        reason=(row.get("reason") or "").strip(), note=(row.get("note") or "").strip(), photos=photos, lon=_number(row, "lon"),
        lat=_number(row, "lat"), until=until, owner=row.get("owner") or None, data=data,  # type: ignore[arg-type]
    )  # fmt: skip


def _number(row: Mapping[str, str], name: str) -> float | None:
    return float(row[name]) if row.get(name) else None
