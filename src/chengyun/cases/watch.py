# SPDX-License-Identifier: Apache-2.0
"""What the passing of time does to cases: pauses end, and lateness is told, each once.

beyond 80 %     yellow    event `due_soon`
beyond 100 %    red       event `late`: the case is on the leaders' list; an emergency is put under supervision (督办)
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.cases import hooks
from chengyun.cases.models import Case, CaseStage
from chengyun.cases.records import said, tell, write_event
from chengyun.cases.rights import type_of
from chengyun.cases.services import take_step
from chengyun.errors import Problem

__all__ = ["end_pauses", "tell_lateness"]

YELLOW, RED = 1, 2
AT_A_TIME = 2000

log = logging.getLogger("chengyun.cases")


def end_pauses(now: dt.datetime) -> list[Case]:
    """Take the step a stay's declaration names where its time is up; return the cases."""
    due = CaseStage.objects.filter(left_at=None, due_at__lte=now, clock="paused").select_related("case").order_by("due_at")
    moved = []
    for stage in due[:AT_A_TIME]:
        timeout = type_of(stage.case.type).state(stage.state).timeout
        if timeout is None:
            continue
        try:
            moved.append(take_step(stage.case, timeout, SYSTEM, now, seen=stage.state, reason=_("期限已到，自动恢复计时。")))
        except Problem as problem:  # somebody resumed it meanwhile, or an app objects: the others must not wait for it
            log.warning("case %s was not resumed: %s", stage.case.number, problem.sentence)
    return moved


def tell_lateness(now: dt.datetime) -> int:
    """Note in the history of each case that its time is nearly, or wholly, used up: each once a stay. Return how many."""
    soon = Q(told__lt=YELLOW, case__warn_at__lt=now)
    late = Q(told__lt=RED, case__warn_at__isnull=False, case__due_at__lt=now)
    waiting = CaseStage.objects.filter(soon | late, left_at=None, clock="runs", case__stage=F("id"))
    told = 0
    for pk in list(waiting.order_by("case__due_at").values_list("pk", flat=True)[:AT_A_TIME]):
        with transaction.atomic():
            told += _told(pk, now)
    return told


def _told(pk: int, now: dt.datetime) -> int:
    """Tell of one stay under its case's lock: what another worker told already, or a step ended, is not told again."""
    # The case first, as every step does: who held the stay and waited for the case would stop a step that holds the case.
    owned = Case.objects.select_for_update(of=("self",)).select_related("owner")
    case = owned.filter(pk__in=CaseStage.objects.filter(pk=pk).values("case_id")).first()
    stage = CaseStage.objects.filter(pk=pk, left_at=None).first() if case is not None else None
    if case is None or stage is None:
        return 0
    red = case.warn_at is not None and case.due_at < now
    level = RED if red else YELLOW
    if stage.told >= level or case.stage_id != stage.pk:
        return 0
    stage.told = level
    stage.save(update_fields=["told"])
    event = write_event(case, "late" if red else "due_soon", SYSTEM, now, before=said(case), after=said(case))
    if red and case.emergency and case.supervised_at is None:
        case.supervised_at = now
        case.save(update_fields=["supervised_at"])
        write_event(case, "supervised", SYSTEM, now, before=said(case), after=said(case), note=_("紧急案件超时，自动督办。"))
    audit.record(SYSTEM, "case.late" if red else "case.due_soon", "cases", case.number, detail={"state": case.state})
    tell(case)
    for told in hooks.after_step:
        told(case, event)
    return 1
