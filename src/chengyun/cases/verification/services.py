# SPDX-License-Identifier: Apache-2.0
"""Looking at a case for signs. Steps only note that there is something to look at: the look itself is the jobs process's.

Some signs show only later: somebody reports the same again, a picture is used a second time, a sensor does not recover. So a case
is noted once more when such a thing may have happened.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from chengyun.cases.field.places import distance_m
from chengyun.cases.field.tracks import visits_near
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.prepared import fetch
from chengyun.cases.verification import rules
from chengyun.cases.verification.models import Sign, ToLook
from chengyun.cases.verification.rules import Again, Edition, Facts, Other, Picture
from chengyun.city import City
from chengyun.config import config
from chengyun.operate.models import Alert

if TYPE_CHECKING:
    from chengyun.cases.intake.models import Photo

__all__ = ["facts_of", "look", "look_at_waiting", "note_later", "note_step"]

TRACK_REACH_M = 400.0
"""Positions less certain than this say nothing about a visit."""
MOST_ALIKE = 20
NEAR_DEGREES = 0.001
"""At least as far as an edition's `reported_again` looks, at the latitudes of cities."""
LONGEST_BACK = dt.timedelta(days=14)
"""At least as long as an edition's signs look back."""


RATED = dt.timedelta(hours=1)

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


LATER = """
INSERT INTO verification_tolook (case_id, since)
WITH told AS MATERIALIZED (
    SELECT id FROM cases_case WHERE opened_at > %(since)s AND opened_at <= %(now)s
    UNION
    -- What a case is may be settled long after it was opened.
    SELECT case_id FROM cases_caseevent
    WHERE at > %(since)s AND at <= %(now)s AND (data ? 'category' OR (kind = 'amended' AND after ? 'category'))
)
SELECT DISTINCT done.id, %(now)s::timestamptz
FROM told JOIN cases_case later ON later.id = told.id
CROSS JOIN LATERAL (SELECT floor(later.lon * 1000)::int AS x, floor(later.lat * 1000)::int AS y) square
JOIN cases_case done  -- by squares of a thousandth of a degree, which an index has: index duplicates_recent
  ON floor(done.lon * 1000)::int = ANY(ARRAY[x - 1, x, x + 1]) AND floor(done.lat * 1000)::int = ANY(ARRAY[y - 1, y, y + 1])
 AND done.lon IS NOT NULL AND done.type = later.type AND done.category = later.category AND done.id <> later.id
 AND done.opened_at < later.opened_at
 AND done.handled_at < later.opened_at AND done.handled_at > later.opened_at - make_interval(hours => %(back)s)
 AND abs(done.lon - later.lon) < %(near)s AND abs(done.lat - later.lat) < %(near)s
WHERE later.category <> ''
UNION
SELECT done.id, %(now)s::timestamptz
FROM cases_case done JOIN cases_casealert answers ON answers.case_id = done.id
WHERE done.handled_at > %(since)s - interval '1 day' AND done.handled_at <= %(now)s
ON CONFLICT (case_id) DO NOTHING
"""


def note_later(since: dt.datetime, now: dt.datetime) -> None:
    """Note the cases of which a sign may have shown since: something was reported near them, or was found to be of their
    category, or their sensor can be asked."""
    with connection.cursor() as cursor:
        cursor.execute(LATER, {"now": now, "since": since, "back": LONGEST_BACK // dt.timedelta(hours=1), "near": NEAR_DEGREES})


def look_at_waiting(now: dt.datetime, most: int = 500, edition: Edition | None = None, rated: dt.timedelta = RATED) -> int:
    """Look at the cases that wait, and at those whose reporter has said something lately; return how many.

    edition: the rules; those in force now. rated: how long ago is lately.
    """
    from chengyun.cases.intake.models import Report

    said = Report.objects.filter(rated_at__gte=now - rated, case__isnull=False).values_list("case_id", flat=True)
    waiting = list(ToLook.objects.values_list("case_id", flat=True)[:most])
    looked = 0
    for pk in dict.fromkeys([*waiting, *(pk for pk in said if pk is not None)]):
        with transaction.atomic():
            ToLook.objects.filter(case_id=pk).delete()  # before the look: what happens during it is looked at again
            look(Case.objects.get(pk=pk), now, edition)
        looked += 1
    return looked


def look(case: Case, now: dt.datetime, edition: Edition | None = None) -> list[Sign]:
    """Find the signs of a case by an edition, or by that in force now, and keep those that are new; return all of them."""
    edition = edition or rules.edition_on(now.astimezone(config().zone).date())
    for one in rules.find(facts_of(case), edition):
        if one.rule == "photo_copied" and "photo_used_again" in edition.rules:
            fetch(NOTE, [Case.objects.values_list("pk", flat=True).get(number=one.detail["case"]), now])
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
    others, later = _others(case, [photo for photo, one in zip(photos, pictures, strict=True) if one.after])
    # What was said before the work was reported done again is about the work before.
    told = {"rated_at__gt": case.handled_at} if case.handled_at else {}
    ratings = Report.objects.filter(case=case, rating__isnull=False, **told).values_list("rating", flat=True)
    contradictions = case.events.filter(kind="contradicted", **({"at__gt": case.handled_at} if case.handled_at else {}))
    return Facts(
        dispatched_at=began, handled_at=case.handled_at, pictures=pictures, nearest_m=_nearest(case, began),
        others=others, later=later, again=_again(case), bad_after_h=_bad_after_h(case),
        rating=min((one for one in ratings if one is not None), default=None), late=case.in_time is False,
        contradicted_at=contradictions.order_by("-at").values_list("at", flat=True).first(),
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


def _again(case: Case) -> list[Again]:
    """Return later cases of the same category near this one; those that turned out to be nothing say nothing."""
    if case.handled_at is None or case.lon is None or case.lat is None or not case.category:
        return []
    lons, lats = ((place - NEAR_DEGREES, place + NEAR_DEGREES) for place in (case.lon, case.lat))
    near = Case.objects.filter(
        type=case.type, category=case.category, opened_at__gt=case.handled_at, opened_at__lte=case.handled_at + LONGEST_BACK,
        lon__range=lons, lat__range=lats,
    ).exclude(pk=case.pk).exclude(source=Case.Source.ALERT).exclude(ended=True, handled_at=None)  # fmt: skip
    return [
        Again(
            one.number, distance_m(case.lon, case.lat, one.lon or 0.0, one.lat or 0.0),
            (one.opened_at - case.handled_at) / dt.timedelta(hours=1),
        )
        for one in near.order_by("opened_at", "pk")
    ]  # fmt: skip


def _bad_after_h(case: Case) -> float | None:
    """Return how many hours after the work, 24 at most, the sensor of the case's alert was last seen beyond its limit.

    None: there is no sensor, or it was not.
    """
    alert = case.alert
    if alert is None or case.handled_at is None:
        return None
    day = case.handled_at + dt.timedelta(days=1)
    same = Alert.objects.filter(rule=alert.rule, subject=alert.subject, last_seen_at__gt=case.handled_at, since__lte=day)
    last = same.order_by("-last_seen_at").values_list("last_seen_at", flat=True).first()
    return None if last is None else (min(last, day) - case.handled_at) / dt.timedelta(hours=1)


def _others(case: Case, photos: list[Photo]) -> tuple[list[Other], list[Other]]:
    """Return photos of other cases that look like one of these: earlier ones, and later ones of work.

    Cases that became one share their photos honestly.
    """
    from chengyun.cases.intake.photos import look_alikes

    found: dict[int, Other] = {}
    later: dict[int, Other] = {}
    family = {case.pk, case.merged_into_id, case.lead_id}
    for photo in photos:
        for one in look_alikes(photo, MOST_ALIKE):
            other = one.case
            if other is None or other.pk in family or other.merged_into_id == case.pk:
                continue
            known = found if one.received_at <= photo.received_at else later
            if known is later and one.report_id is not None:  # whoever shows a picture of the city's again proves nothing
                continue
            known[one.pk] = Other(one.pk, other.number, one.fingerprint, _apart(case.lon, case.lat, other.lon, other.lat))
    return list(found.values()), list(later.values())


def _apart(lon: float | None, lat: float | None, to_lon: float | None, to_lat: float | None) -> float | None:
    if lon is None or lat is None or to_lon is None or to_lat is None:
        return None
    return distance_m(lon, lat, to_lon, to_lat)
