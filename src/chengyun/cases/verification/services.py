# SPDX-License-Identifier: Apache-2.0
"""Looking at a case for signs. Steps only note that there is something to look at: the look itself is the jobs process's."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from chengyun.cases.field.places import distance_m
from chengyun.cases.field.tracks import visits_near
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.prepared import fetch
from chengyun.cases.verification import rules
from chengyun.cases.verification.models import Sign, ToLook
from chengyun.cases.verification.rules import Facts, Other, Picture
from chengyun.city import City
from chengyun.config import config

if TYPE_CHECKING:
    from chengyun.cases.intake.models import Photo

__all__ = ["facts_of", "look", "look_at_waiting", "note_step"]

TRACK_REACH_M = 400.0
"""Positions less certain than this say nothing about a visit."""
MOST_ALIKE = 20


NOTE = """
INSERT INTO verification_tolook (case_id, since) VALUES (%s::bigint, %s::timestamptz) ON CONFLICT (case_id) DO NOTHING
"""


def note_step(case: Case, event: CaseEvent) -> None:
    """Note that a case is to be looked at after work was reported or verified, or it was opened again."""
    city: City = settings.CITY
    declared = city.cases.get(case.type)
    step = declared.step(event.transition) if declared is not None and event.kind == "step" else None
    if step is not None and (step.marks is not None or step.counts == "reopened"):
        fetch(NOTE, [case.pk, event.at])


def look_at_waiting(now: dt.datetime, most: int = 500) -> int:
    """Look at the cases that wait, and at those whose reporter has said something lately; return how many."""
    from chengyun.cases.intake.models import Report

    rated = Report.objects.filter(rated_at__gte=now - dt.timedelta(hours=1), case__isnull=False).values_list("case_id", flat=True)
    waiting = list(ToLook.objects.values_list("case_id", flat=True)[:most])
    looked = 0
    for pk in dict.fromkeys([*waiting, *(pk for pk in rated if pk is not None)]):
        with transaction.atomic():
            ToLook.objects.filter(case_id=pk).delete()  # before the look: what happens during it is looked at again
            look(Case.objects.get(pk=pk), now)
        looked += 1
    return looked


def look(case: Case, now: dt.datetime) -> list[Sign]:
    """Find the signs of a case by the rules in force now, and keep those that are new; return all of them."""
    edition = rules.edition_on(now.astimezone(config().zone).date())
    for one in rules.find(facts_of(case), edition):
        Sign.objects.get_or_create(
            case=case, rule=one.rule, subject=one.subject[:64],
            defaults={"edition": edition.in_force, "weight": one.weight, "detail": dict(one.detail), "found_at": now},
        )  # fmt: skip
    return list(Sign.objects.filter(case=case))


def facts_of(case: Case) -> Facts:
    """Return what is known of a case."""
    from chengyun.cases.intake.models import Photo, Report

    photos = list(Photo.objects.filter(case=case).order_by("id"))
    began = _work_began(case)
    pictures = [
        Picture(
            one.pk, one.fingerprint, one.report_id is None and (began is None or one.received_at >= began), one.taken_at,
            _apart(case.lon, case.lat, one.lon, one.lat),
        )
        for one in photos
    ]  # fmt: skip
    ratings = Report.objects.filter(case=case, rating__isnull=False).values_list("rating", flat=True)
    return Facts(
        dispatched_at=began, handled_at=case.handled_at, pictures=pictures, nearest_m=_nearest(case, began),
        others=_others(case, [photo for photo, one in zip(photos, pictures, strict=True) if one.after]),
        rating=min((one for one in ratings if one is not None), default=None), late=case.in_time is False,
        contradicted_at=case.events.filter(kind="contradicted").order_by("-at").values_list("at", flat=True).first(),
    )  # fmt: skip


def _work_began(case: Case) -> dt.datetime | None:
    """Return since when the department had the work it reported last: its dispatch, or the check it did not pass."""
    city: City = settings.CITY
    declared = city.cases.get(case.type)
    begins = [step.key for step in declared.transitions if step.charges or step.counts == "rework"] if declared else []
    events = case.events.filter(kind="step", transition__in=begins)
    if case.handled_at is not None:
        events = events.filter(at__lte=case.handled_at)
    last = events.order_by("-at", "-id").first()
    return last.at if last is not None else case.dispatched_at


def _nearest(case: Case, began: dt.datetime | None) -> float | None:
    if case.lon is None or case.lat is None or began is None or case.handled_at is None or case.handled_by_id is None:
        return None
    return visits_near(case.lon, case.lat, began, case.handled_at, TRACK_REACH_M, case.handled_by_id)


def _others(case: Case, photos: list[Photo]) -> list[Other]:
    """Return earlier photos of other cases that look like one of these. Cases that became one share their photos honestly."""
    from chengyun.cases.intake.photos import look_alikes

    found: dict[int, Other] = {}
    family = {case.pk, case.merged_into_id, case.lead_id}
    for photo in photos:
        for one in look_alikes(photo, MOST_ALIKE):
            other = one.case
            if other is None or other.pk in family or other.merged_into_id == case.pk or one.received_at > photo.received_at:
                continue
            found[one.pk] = Other(one.pk, other.number, one.fingerprint, _apart(case.lon, case.lat, other.lon, other.lat))
    return list(found.values())


def _apart(lon: float | None, lat: float | None, to_lon: float | None, to_lat: float | None) -> float | None:
    if lon is None or lat is None or to_lon is None or to_lat is None:
        return None
    return distance_m(lon, lat, to_lon, to_lat)
