# SPDX-License-Identifier: Apache-2.0
"""Duty and where people were while they had it: kept for some days, and never outside duty."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from django.db.models import Q

from chengyun.access.actors import Actor
from chengyun.areas import queries as areas
from chengyun.cases.field import coverage
from chengyun.cases.field.models import Duty, Operation, PatrolTask, Track
from chengyun.cases.field.places import distance_m

__all__ = ["KEEP_DAYS", "Kept", "change_duty", "forget", "keep", "visits_near"]

KEEP_DAYS = 30
"""How long points are kept. What remains afterwards is which cells of a task were seen."""
LONGEST_DUTY = dt.timedelta(hours=16)
"""A duty that nobody ended has ended by then."""

Point = tuple[float, float, float, float]
"""Seconds from the track's start, lon, lat, accuracy in metres."""
Kept = tuple[int, int]
"""Points kept, points thrown away because they are not of a duty."""


def change_duty(operation: Operation, on: bool) -> Duty | None:
    """Begin or end a person's duty at the operation's time. Beginning twice is one duty, ending none is none."""
    at = operation.done_at
    open_one = Duty.objects.filter(account=operation.account, ended_at=None, started_at__lte=at).order_by("-started_at").first()
    if on:
        if open_one is not None and at - open_one.started_at <= LONGEST_DUTY:
            return open_one
        if open_one is not None:
            open_one.ended_at = open_one.started_at + LONGEST_DUTY
            open_one.save(update_fields=["ended_at"])
        return Duty.objects.create(account=operation.account, device=operation.device, started_at=at)
    if open_one is not None:
        open_one.ended_at = min(at, open_one.started_at + LONGEST_DUTY)
        open_one.save(update_fields=["ended_at"])
        _trim(open_one)
    return open_one


def keep(operation: Operation, points: Sequence[Point], task: PatrolTask | None) -> Kept:
    """Keep the points of a duty; the others are thrown away. A point is dated by the operation's corrected time."""
    start = operation.done_at
    duties = list(Duty.objects.filter(account=operation.account).filter(Q(ended_at=None) | Q(ended_at__gte=start)))
    inside: list[Point] = []
    duty: Duty | None = None
    for after, lon, lat, accuracy in sorted(points):
        if not all(map(math.isfinite, (after, lon, lat, accuracy))) or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            continue
        at = start + dt.timedelta(seconds=after)
        found = next((it for it in duties if it.started_at <= at <= (it.ended_at or it.started_at + LONGEST_DUTY)), None)
        if found is not None:
            duty = duty or found
            inside.append((round(after, 1), round(lon, 6), round(lat, 6), round(accuracy, 1)))
    if duty is None:
        return 0, len(points)
    lons, lats = [it[1] for it in inside], [it[2] for it in inside]
    Track.objects.create(
        duty=duty, operation=operation, task=task, account=operation.account, points=[list(it) for it in inside],
        area_code=areas.area_of(lons[0], lats[0], "community") or areas.area_of(lons[0], lats[0]) or "",
        started_at=start + dt.timedelta(seconds=inside[0][0]), ended_at=start + dt.timedelta(seconds=inside[-1][0]),
        west=min(lons), south=min(lats), east=max(lons), north=max(lats),
    )  # fmt: skip
    if task is not None and task.cells:
        _cover(task, inside)
    return len(inside), len(points) - len(inside)


def visits_near(
    lon: float, lat: float, since: dt.datetime, until: dt.datetime, within_m: float, account_id: int | None
) -> float | None:
    """Return how close, in metres, tracks of a time came to a place; None when there is no track at all to judge by.

    account_id: only this person's. Points that have been forgotten say nothing.
    """
    rows = Track.objects.filter(started_at__lte=until, ended_at__gte=since, points__isnull=False)
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    best: float | None = None
    for track in rows:
        begun = track.operation.done_at
        for after, x, y, accuracy in track.points or []:
            if since <= begun + dt.timedelta(seconds=after) <= until:
                far = max(0.0, distance_m(lon, lat, x, y) - min(accuracy, within_m))
                best = far if best is None else min(best, far)
    return best


def forget(now: dt.datetime, days: int = KEEP_DAYS) -> int:
    """Delete the points of tracks older than so many days; return how many tracks. Their cells stay with the task."""
    old = Track.objects.filter(ended_at__lt=now - dt.timedelta(days=days), points__isnull=False)
    return old.update(points=None, west=0, south=0, east=0, north=0)


def on_duty(actor: Actor, now: dt.datetime) -> Duty | None:
    """Return the duty a person has now."""
    rows = Duty.objects.filter(account_id=actor.account_id or 0, ended_at=None, started_at__gte=now - LONGEST_DUTY)
    return rows.order_by("-started_at").first()


def cells_value(task: PatrolTask) -> coverage.Cells | None:
    """Return a task's cells."""
    if not task.cells:
        return None
    kept = task.cells
    wanted = frozenset((x, y) for x, y in kept["wanted"])
    return coverage.Cells(kept["size_m"], kept["west"], kept["south"], kept["nx"], kept["ny"], wanted)


def _trim(duty: Duty) -> None:
    """Throw away what came of a duty before its end was known, and lies after it."""
    for track in duty.tracks.filter(ended_at__gt=duty.ended_at, points__isnull=False).select_related("operation"):
        begun = track.operation.done_at
        kept = [it for it in track.points or [] if duty.ended_at and begun + dt.timedelta(seconds=it[0]) <= duty.ended_at]
        if not kept:
            track.delete()
            continue
        track.points, track.ended_at = kept, begun + dt.timedelta(seconds=kept[-1][0])
        track.save(update_fields=["points", "ended_at"])


def _cover(task: PatrolTask, points: Sequence[Point]) -> None:
    cells = cells_value(task)
    if cells is None:
        return
    seen = {(x, y) for x, y in task.seen} | coverage.seen_by(cells, [(lon, lat, accuracy) for _t, lon, lat, accuracy in points])
    task.seen = sorted(map(list, seen))
    task.save(update_fields=["seen"])
