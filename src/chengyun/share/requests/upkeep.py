# SPDX-License-Identifier: Apache-2.0
"""What the passing of time decides: grants that end, answers overdue, grants whose ground has changed, data to delete."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit, grants
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.grants import database_time
from chengyun.access.models import Grant
from chengyun.access.rulebook import rulebook
from chengyun.cases.office import local_day
from chengyun.errors import NotFound, Refused
from chengyun.share.requests import notices, rights
from chengyun.share.requests.models import Correction, Deletion, Request
from chengyun.share.requests.office import today
from chengyun.share.requests.services import close, step

__all__ = ["confirm_deletion", "tick", "why_suspended"]

State = Request.State


def tick() -> dict[str, int]:
    """Do what is due; return how many of each. Done twice it does nothing new."""
    return {"expired": _expire(), "overdue": _escalate(), "suspended": _watch_ground(), "deletions": _ask_to_delete()}


def why_suspended(grant: Grant) -> str:
    """Say why a grant in force cannot be used, or "": its dataset is gone, or what was declared of it has changed."""
    facts = rulebook().datasets.get(grant.dataset)
    if facts is None:
        return _("信息资源 %s 已不存在，请重新申请。") % grant.dataset
    return grants.changed(grant, facts)


def confirm_deletion(actor: Actor, number: str, how: str) -> Deletion:
    """Say, for the body that read it, that what was read under a grant is deleted, and how."""
    with transaction.atomic():
        found = Deletion.objects.select_for_update(of=("self",)).select_related("grant__organisation")
        owed = found.filter(grant__number=number).first()
        if owed is None or not rights.belongs_to(actor, owed.grant.organisation):
            raise NotFound(_("没有找到这项删除任务。"))
        if owed.confirmed_at is not None:
            raise Refused(_("删除已经确认过。"), code="settled")
        if not how.strip():
            raise Refused(_("请写明怎样删除的，例如：库表与备份均已清除。"), code="how_missing")
        owed.confirmed_at, owed.confirmed_by, owed.how = database_time(), actor.name[:100], how.strip()[:300]
        owed.save()
        audit.record(actor, "grant.deleted", owed.grant.dataset, number, owed.grant.purpose, {"how": owed.how})
    return owed


def _expire() -> int:
    done = 0
    ended = Request.objects.filter(state=State.APPROVED, grant__until__lte=database_time())
    for pk in ended.values_list("pk", flat=True):
        with transaction.atomic():
            request = _still(pk, State.APPROVED)
            if request is not None:
                close(request, SYSTEM, State.EXPIRED, "", "expire")
                done += 1
    return done


def _escalate() -> int:
    done, day = 0, today()
    for pk in Request.objects.filter(state=State.SUBMITTED, due_day__lt=day, escalated_at=None).values_list("pk", flat=True):
        with transaction.atomic():
            request = _still(pk, State.SUBMITTED)
            if request is not None and request.escalated_at is None:
                request.escalated_at = database_time()
                request.save(update_fields=["escalated_at"])
                step(request, SYSTEM, "escalate")
                notices.tell([*rights.stewards_of(request), request.applicant], "overdue", request=request)
                done += 1
    for correction in Correction.objects.filter(state="open", due_day__lt=day, escalated_at=None):
        with transaction.atomic():
            correction.escalated_at = database_time()
            if Correction.objects.filter(pk=correction.pk, escalated_at=None).update(escalated_at=correction.escalated_at):
                notices.tell(rights.stewards_of(correction), "overdue", correction=correction)
                done += 1
    return done


def _watch_ground() -> int:
    """Write down when a grant comes to stand still, and when it goes on; scope() refuses by itself meanwhile."""
    done = 0
    for request in Request.objects.filter(state=State.APPROVED).select_related("grant", "applicant"):
        if request.grant is None:
            continue
        why = why_suspended(request.grant)
        last = request.steps.filter(deed__in=("suspend", "resume")).order_by("-id").first()
        stood = last is not None and last.deed == "suspend"
        if bool(why) != stood:
            with transaction.atomic():
                step(request, SYSTEM, "suspend" if why else "resume", why)
                if why:
                    notices.tell([request.applicant], "suspended", request=request)
            done += bool(why)
    return done


def _ask_to_delete() -> int:
    """Ask for the deletion of what was read under grants that have ended without a successor."""
    done = 0
    ended = Request.objects.filter(state__in=(State.EXPIRED, State.REVOKED), grant__isnull=False, grant__deletion=None)
    for request in ended.select_related("grant", "applicant"):
        grant = request.grant
        facts = rulebook().datasets.get(request.dataset)
        if grant is None or (facts is not None and (facts.open or facts.sharing == "unconditional") and not facts.personal):
            continue
        end = min(at for at in (grant.until, grant.revoked_at) if at is not None)
        due_day = local_day(end) + dt.timedelta(days=grant.retention_days or 0)
        with transaction.atomic():
            _made, new = Deletion.objects.get_or_create(grant=grant, defaults={"due_day": due_day})
            if new:
                notices.tell([request.applicant], "delete", request=request)
                done += 1
    return done


def _still(pk: int, state: str) -> Request | None:
    found = Request.objects.select_for_update(of=("self",)).select_related("applicant", "organisation", "grant", "provider")
    return found.filter(pk=pk, state=state).first()
