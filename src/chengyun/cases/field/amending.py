# SPDX-License-Identifier: Apache-2.0
"""What people correct in a case beside its steps: its words and its place. Each change leaves an event, and an older value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.cases import hooks
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.records import said, tell, write_event
from chengyun.cases.rights import visible
from chengyun.cases.services import categorise
from chengyun.errors import NotFound, Refused

__all__ = ["FIELDS", "amend", "locked", "note"]

FIELDS = ("title", "description", "address", "category", "condition", "lon", "lat")
LENGTHS = {"title": 200, "address": 200, "description": 4000, "category": 64, "condition": 32}


def locked(number: str, actor: Actor) -> Case:
    """Return a case the actor may read, its row locked. Raises NotFound."""
    rows = Case.objects.select_for_update(of=("self",)).select_related("owner", "department", "clock", "stage")
    held = rows.filter(number=number).first()
    if held is None or not visible(actor, held):
        raise NotFound(_("没有找到案件 %s。") % number)
    return held


def amend(case: Case, fields: Mapping[str, Any], actor: Actor, now: dt.datetime, came: Mapping[str, Any]) -> CaseEvent:
    """Write fields of a locked case. came: what the event keeps of how it came. Raises Refused."""
    require(actor, "case.handle", case.area_code)
    if case.ended:
        raise Refused(_("案件已经结束，不能再修改。"), code="stale_case")
    _check(fields)
    before = {name: getattr(case, name) for name in fields}
    with transaction.atomic():
        if category := str(fields.get("category") or ""):
            categorise(case, category, now)
        for name, value in fields.items():
            setattr(case, name, value)
        case.save(update_fields=[*fields, *(["catalog_version"] if category else [])])
        event = write_event(
            case, "amended", actor, now, before=said(case) | before, after=said(case) | dict(fields), given=Given(data=dict(came))
        )
        audit.record(actor, "case.amend", "cases", case.number, detail={"fields": sorted(fields)})
        _announce(case, event)
    return event


def note(
    case: Case, text: str, actor: Actor, now: dt.datetime, came: Mapping[str, Any], photos: list[int] | None = None
) -> CaseEvent:  # fmt: skip
    """Write a note, with photos, into the history of a locked case; it changes nothing else."""
    require(actor, "case.handle", case.area_code)
    given = Given(note=text.strip(), photos=tuple(photos or ()), data=dict(came))
    with transaction.atomic():
        event = write_event(case, "noted", actor, now, before=said(case), after=said(case), given=given)
        audit.record(actor, "case.note", "cases", case.number)
        _announce(case, event)
    return event


def _check(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name in ("lon", "lat"):
            most = 180 if name == "lon" else 90
            if value is not None and (not isinstance(value, int | float) or not -most <= value <= most):
                raise Refused(_("位置不正确。"), code="place")
        elif not isinstance(value, str) or len(value) > LENGTHS[name] or "\x00" in value:
            raise Refused(_("内容过长或含有无法保存的字符。"), code="text", field=name)
    if "title" in fields and not str(fields["title"]).strip():
        raise Refused(_("标题不能为空。"), code="text", field="title")


def _announce(case: Case, event: CaseEvent) -> None:
    tell(case)
    for told in hooks.after_step:
        told(case, event)
