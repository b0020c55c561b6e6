# SPDX-License-Identifier: Apache-2.0
"""What a device is told: its person's tasks, their cases, and the open ones where they work; nothing the policy does not allow.

A device's cursor names what it holds, version by version. The difference to what it should hold is the answer, so a lost
answer, a role that was taken away or a case that was closed all come out right without a log of changes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet

from chengyun.access.actors import Actor
from chengyun.access.models import Role
from chengyun.access.policy import scope
from chengyun.areas import queries as areas
from chengyun.cases.field import tracks
from chengyun.cases.field.models import Operation, PatrolTask
from chengyun.cases.models import Case
from chengyun.cases.rights import steps_of
from chengyun.city import City
from chengyun.config import config

__all__ = ["Told", "cards", "result_of", "setup", "since"]

MOST_OF_AREA, MOST_MINE = 200, 200
CARDS_AT_ONCE = 60
HISTORY = 20
OWN_DAYS = 30
"""How long a person's own reports stay on the device after they have ended."""


@dataclass(frozen=True, slots=True)
class Told:
    """cases, tasks: those that are new or changed. gone: what the device forgets. manifest: what it holds afterwards."""

    cases: tuple[dict[str, Any], ...]
    tasks: tuple[dict[str, Any], ...]
    duty: dict[str, Any] | None
    gone: Mapping[str, list[Any]]
    manifest: Mapping[str, Mapping[str, str]]
    more: bool = False

    def as_json(self, *, reset: bool) -> dict[str, Any]:
        return {
            "cases": list(self.cases), "tasks": list(self.tasks), "duty": self.duty, "gone": dict(self.gone), "reset": reset,
            "more": self.more,
        }  # fmt: skip


def since(actor: Actor, manifest: Mapping[str, Mapping[str, str]] | None, now: dt.datetime) -> Told:
    """Return the difference between what a device holds and what it should. manifest: None: it holds nothing."""
    held = manifest or {"cases": {}, "tasks": {}}
    versions = _case_versions(actor, now)
    changed = [number for number, version in versions.items() if held["cases"].get(number) != version]
    now_told, later = changed[:CARDS_AT_ONCE], set(changed[CARDS_AT_ONCE:])
    tasks = {str(one.pk): one for one in _tasks(actor, now)}
    task_versions = {key: _digest(task_card(one)) for key, one in tasks.items()}
    duty = tracks.on_duty(actor, now)
    kept = {number: version for number, version in versions.items() if number not in later}
    kept |= {number: held["cases"][number] for number in later if number in held["cases"]}
    return Told(
        tuple(cards(now_told, actor)),
        tuple(task_card(one) for key, one in tasks.items() if held["tasks"].get(key) != task_versions[key]),
        {"since": duty.started_at} if duty else None,
        {
            "cases": sorted(set(held["cases"]) - set(versions)),
            "tasks": sorted(int(key) for key in set(held["tasks"]) - set(tasks)),
        },
        {"cases": kept, "tasks": task_versions},
        bool(later),
    )  # fmt: skip


def cards(numbers: Sequence[str], actor: Actor) -> list[dict[str, Any]]:
    """Return cases, which the actor may see, as a device holds them, in this order. As many queries for one as for many."""
    rows = Case.objects.filter(number__in=numbers).select_related("owner__parent__parent", "person", "department")
    found = {row.number: row for row in rows.prefetch_related("events", "photos")}
    own = Operation.objects.filter(case__number__in=numbers, kind="report", account_id=actor.account_id or 0)
    local = {number: str(pk) for pk, number in own.values_list("pk", "case__number")}
    return [_card(found[number], local.get(number, ""), actor) for number in numbers if number in found]


def _card(row: Case, local: str, actor: Actor) -> dict[str, Any]:
    city: City = settings.CITY
    declared = city.cases.get(row.type)
    events = list(row.events.all())
    names = {one.key: one.name for one in declared.transitions} if declared else {}
    return {
        "number": row.number, "version": max((one.pk for one in events), default=0), "type": row.type, "state": row.state,
        "state_name": declared.state(row.state).name if declared else row.state, "title": row.title, "category": row.category,
        "condition": row.condition, "description": row.description, "address": row.address, "lon": row.lon, "lat": row.lat,
        "area_code": row.area_code, "owner": row.owner.name, "person": str(row.person or ""),
        "mine": row.person_id is not None and row.person_id == actor.account_id, "emergency": row.emergency,
        "opened_at": row.opened_at, "due_at": row.due_at, "ended": row.ended,
        "steps": [
            {"key": it.key, "name": it.name, "to": it.to, "needs": list(it.needs)}
            for it in (steps_of(actor, row) if declared else ())
        ],
        "history": [
            {"at": it.at, "name": names.get(it.transition, it.kind), "actor": it.actor, "note": it.note, "reason": it.reason}
            for it in events[-HISTORY:]
        ],
        "photos": [
            {"sha256": it.sha256, "moment": "report" if it.report_id else "", "at": it.taken_at or it.received_at}
            for it in row.photos.all()
        ],
        "local": local,
    }  # fmt: skip


def task_card(task: PatrolTask) -> dict[str, Any]:
    """Return a task as a device holds it."""
    cells = None
    if task.cells:
        cells = {**task.cells, "seen": task.seen}
    return {
        "id": task.pk, "title": task.title, "kind": task.kind, "area_code": task.area_code,
        "area_name": areas.name_of(task.area_code), "note": task.note, "state": task.state,
        "case": task.case.number if task.case else "", "from": task.begins_at, "until": task.until, "cells": cells,
        "outline": None, "share": round(task.share, 4), "wanted_share": task.wanted_share,
    }  # fmt: skip


def result_of(operation: Operation) -> dict[str, Any]:
    """Return what a device is told of an operation."""
    state = "waiting" if operation.state == Operation.State.RECEIVED else operation.state
    return {
        "id": str(operation.pk), "state": state, "sentence": operation.result.get("sentence", ""),
        "case": operation.case.number if operation.case else "", "details": operation.result.get("details", {}),
        "done_at": operation.done_at, "uncertainty_ms": operation.uncertainty_ms,
    }  # fmt: skip


def setup(actor: Actor, held: str, now: dt.datetime) -> dict[str, Any] | None:
    """Return what a device needs to work without network; None when it holds this version already."""
    city: City = settings.CITY
    types: dict[str, Any] = {}
    categories: list[dict[str, Any]] = []
    for key, declared in city.cases.items():
        types[key] = {
            "name": declared.name, "first": declared.states[0].key,
            "states": {one.key: {"name": one.name, "ended": one.clock == "ended"} for one in declared.states},
            "transitions": [
                {
                    "key": one.key, "name": one.name, "source": one.source, "to": one.to, "by": list(one.by),
                    "needs": list(one.needs),
                }
                for one in declared.transitions
            ],
        }  # fmt: skip
        scheme = city.scheme(key)
        if scheme is not None:
            version = scheme.version_on(now.astimezone(config().zone).date())
            categories += [
                {"code": one.code, "name": one.minor, "group": one.major, "type": key}
                for one in scheme.catalogue(version).values()
            ]
    names = [str(Role(role).label) for role in sorted(actor.roles) if role in Role.values]
    codes = sorted({post.area for post in actor.posts if post.area})
    found = {
        "types": types, "categories": categories, "keep_tracks_days": tracks.KEEP_DAYS,
        "area": {"codes": codes, "outlines": _outlines(codes)},
        "person": {"name": actor.name, "roles": sorted(actor.roles), "role_names": names},
    }  # fmt: skip
    version = _digest(found)
    return None if version == held else {"version": version, **found}


def _outlines(codes: list[str]) -> dict[str, Any]:
    """Return the outlines of a person's areas, of the smallest level that has them."""
    features = []
    for code in codes:
        level = {6: "district", 9: "street", 12: "community"}.get(len(code), "grid" if len(code) > 12 else "district")
        features += [one for one in areas.boundaries(level)["features"] if str(one["id"]).startswith(code)]
    return {"type": "FeatureCollection", "features": features}


def _case_versions(actor: Actor, now: dt.datetime) -> dict[str, str]:
    """Return the number and version of every case the device should hold: mine first, then by what is due."""
    open_ones = _readable(actor).filter(ended=False).order_by("due_at", "id")
    wanted = list(open_ones.filter(person_id=actor.account_id or 0).values_list("pk", flat=True)[:MOST_MINE])
    own = Operation.objects.filter(account_id=actor.account_id or 0, kind="report", case__isnull=False)
    recent = own.filter(Q(case__ended=False) | Q(case__closed_at__gte=now - dt.timedelta(days=OWN_DAYS)))
    mine = [pk for pk in recent.order_by("-received_at").values_list("case_id", flat=True)[:MOST_MINE] if pk is not None]
    mine += [one.case_id for one in _tasks(actor, now) if one.case_id is not None]
    wanted += _readable(actor).filter(pk__in=mine).order_by("due_at", "id").values_list("pk", flat=True)
    wanted += open_ones.values_list("pk", flat=True)[:MOST_OF_AREA]
    rows = Case.objects.filter(pk__in=set(wanted))
    rows = rows.annotate(event=Max("events__id"), pictures=Count("photos", distinct=True))
    rights = _digest([sorted(actor.roles), sorted(map(str, actor.posts))])[:6]
    known = {row.pk: (row.number, f"{row.event}.{row.pictures}.{rights}") for row in rows}
    return dict(known[pk] for pk in dict.fromkeys(wanted))


def _readable(actor: Actor) -> QuerySet[Case]:
    city: City = settings.CITY
    allowed = scope(actor, "cases").q()
    for key in city.cases:
        allowed |= Q(type=key) & scope(actor, key).q()
    return Case.objects.filter(allowed)


def _tasks(actor: Actor, now: dt.datetime) -> list[PatrolTask]:
    rows = PatrolTask.objects.filter(account_id=actor.account_id or 0, until__gte=now - dt.timedelta(days=7))
    return list(rows.select_related("case").order_by("until", "id")[:MOST_MINE])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
