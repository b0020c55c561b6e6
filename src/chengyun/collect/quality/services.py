# SPDX-License-Identifier: Apache-2.0
"""What happens to quality: days are judged, mistakes repaired through the front door, repairs undone.

A repair never overwrites: observations get new versions, registers keep their history; both are audited, and what was there
before is kept with the repair. What cannot be judged is written among the scores of its day, and the others have their turn.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.city import City
from chengyun.city.words import DIMENSIONS
from chengyun.collect import front_door
from chengyun.collect.quality.checks import MOST_KEPT, Outcome, Subject, judge_places, judge_stream, merged
from chengyun.collect.quality.models import DueDay, Finding, Repair, Score
from chengyun.collect.quality.queries import access_finding
from chengyun.collect.quality.reading import current_rows, read_day
from chengyun.collect.quality.registers import declared_outcomes
from chengyun.collect.registering import model_of
from chengyun.config import config
from chengyun.errors import NotFound, Problem, Refused
from chengyun.lake.tables import stream_table
from chengyun.standards.coordinates import to_wgs84
from chengyun.standards.times import local_day

__all__ = ["accept", "dismiss", "judge_due", "judge_registers", "undo"]

log = logging.getLogger(__name__)
AT_ONCE = 50
"""Days judged by one call, newest first: a back-load of years must not keep today waiting."""
AGAIN_AT_ONCE = 5
"""Days tried again by one call of those that could not be judged."""
JUDGING = "judging"
"""The rule of a score that only says why a day could not be judged; the next time it can, the score goes."""
AT_A_TIME = 20_000
"""Observations sent in one body."""
PLACES_AT_ONCE = 20_000


def judge_due(now: dt.datetime) -> int:
    """Judge the days that new rows touched; return how many were."""
    city: City = settings.CITY
    fresh = DueDay.objects.filter(failures=0).order_by("-day", "stream")[:AT_ONCE]
    again = DueDay.objects.filter(failures__gt=0).order_by("failures", "-day", "stream")[:AGAIN_AT_ONCE]
    judged = 0
    for one in [*fresh, *again]:
        if one.stream not in city.streams:
            one.delete()
        elif _alone(one.stream, one.day, now, lambda one=one: _judge_day(one, now)):  # type: ignore[misc]
            judged += 1
        else:
            DueDay.objects.filter(pk=one.pk).update(failures=F("failures") + 1)
    return judged


def _judge_day(due: DueDay, now: dt.datetime) -> None:
    groups, own = read_day(due.stream, due.day, now)
    quantities = settings.CITY.streams[due.stream].quantities
    outcomes = [*merged(judge_stream(group, quantities) for group in groups), *own]
    with transaction.atomic():
        _write(due.stream, due.day, outcomes, now)
        DueDay.objects.filter(pk=due.pk, mark=due.mark).delete()


def _alone(dataset: str, day: dt.date, now: dt.datetime, judge: Callable[[], None]) -> bool:
    """Judge one dataset; return whether it could be. What goes wrong is logged, and kept among the scores of the day."""
    try:
        judge()
    except (OperationalError, InterfaceError):
        raise  # nothing can be judged while the database is away
    except Exception as wrong:
        log.exception("%s of %s could not be judged; the others are", dataset, day)
        said = wrong.sentence if isinstance(wrong, Problem) else f"{type(wrong).__name__}: {wrong}"
        Score.objects.update_or_create(
            dataset=dataset, day=day, rule=JUDGING,
            defaults={
                "dimension": DIMENSIONS[0], "weight": 0.0, "checked": 0, "failed": 0, "error": said[:500], "computed_at": now
            },
        )  # fmt: skip
        return False
    return True


def judge_registers(now: dt.datetime) -> int:
    """Judge every register as it is today; return how many could be."""
    import numpy as np  # with the geometry, only where points are looked up

    from chengyun.areas.queries import area_of_points, boundaries

    city: City = settings.CITY
    day = local_day(now, config().zone)
    box = _city_box(boundaries("district"))
    if box is None:
        return 0

    def judged(name: str) -> Iterator[list[Outcome]]:
        fields = ("key", "area_code", "lon", "lat", "simulated", "source")
        known = model_of(city, name)._default_manager.filter(valid_to=None).order_by("area_code", "key").values_list(*fields)
        rows = known.iterator(chunk_size=PLACES_AT_ONCE)
        while part := list(itertools.islice(rows, PLACES_AT_ONCE)):
            subjects = [
                Subject(key, area, lon, lat, simulated, 0, None, 0, {}, {}, {}, {}) for key, area, lon, lat, simulated, _s in part
            ]
            lons = np.array([np.nan if row[2] is None else row[2] for row in part], dtype=np.float64)
            lats = np.array([np.nan if row[3] is None else row[3] for row in part], dtype=np.float64)
            x, y = to_wgs84(lons, lats, "GCJ-02")
            yield judge_places(
                subjects, box, [row[5] for row in part], [row[1][:6] if len(row[1]) >= 6 else "" for row in part],
                area_of_points(lons, lats, "district").tolist(), area_of_points(x, y, "district").tolist(),
            )  # fmt: skip

    def judge(name: str) -> None:
        outcomes = [*merged(judged(name)), *declared_outcomes(name)]
        with transaction.atomic():
            _write(name, day, outcomes, now)

    return sum(_alone(name, day, now, lambda name=name: judge(name)) for name in city.entities)  # type: ignore[misc]


def accept(actor: Actor, finding_id: int) -> Repair:
    """Repair what a finding offers to; return the repair. Raises Refused when there is nothing offered, or it is settled."""
    with transaction.atomic():
        finding = _open(actor, finding_id)
        if not finding.offer:
            raise Refused(_("这一发现没有可自动修正的办法。"), code="nothing_offered")
        city: City = settings.CITY
        stream = finding.dataset in city.streams
        before = _rows_before(finding) if stream else _place_before(finding)
        repair = Repair.objects.create(
            finding=finding, at=timezone.now(), actor=actor.name, account_id=actor.account_id, before=before
        )
        finding.state, finding.settled_at = Finding.State.REPAIRED, repair.at
        finding.save(update_fields=["state", "settled_at"])
        audit.record(
            actor, "quality.repair", finding.dataset, finding.subject, detail={"finding": finding.pk, "offer": finding.offer}
        )
        if stream:
            _send(finding, [_mended(finding, row) for row in before], f"quality-{repair.pk}")
        else:
            _place(finding, _moved(finding, before[0]))
    return repair


def undo(actor: Actor, finding_id: int) -> Finding:
    """Bring back what was there before a repair, as new versions. Raises Refused when it is not repaired."""
    with transaction.atomic():
        finding = access_finding(actor, finding_id, lock=True)
        require(actor, "quality.repair", finding.area_code or None)
        repair = finding.repairs.filter(undone_at=None).first()
        if finding.state != Finding.State.REPAIRED or repair is None:
            raise Refused(_("这一发现没有可撤销的修正。"), code="settled")
        repair.undone_at = timezone.now()
        repair.save(update_fields=["undone_at"])
        finding.state, finding.settled_at = Finding.State.OPEN, None
        finding.save(update_fields=["state", "settled_at"])
        audit.record(actor, "quality.undo", finding.dataset, finding.subject, detail={"finding": finding.pk, "repair": repair.pk})
        if finding.dataset in settings.CITY.streams:
            _send(finding, repair.before, f"quality-{repair.pk}-undo")
        else:
            _place(finding, repair.before[0])
    return finding


def dismiss(actor: Actor, finding_id: int) -> Finding:
    """Say that a finding is no mistake; it stays in the score, and is not offered again."""
    with transaction.atomic():
        finding = _open(actor, finding_id)
        finding.state, finding.settled_at = Finding.State.DISMISSED, timezone.now()
        finding.save(update_fields=["state", "settled_at"])
        audit.record(actor, "quality.dismiss", finding.dataset, finding.subject, detail={"finding": finding.pk})
    return finding


def _open(actor: Actor, finding_id: int) -> Finding:
    finding = access_finding(actor, finding_id, lock=True)
    require(actor, "quality.repair", finding.area_code or None)
    if finding.state != Finding.State.OPEN:
        raise Refused(_("这一发现已处理。"), code="settled")
    return finding


def _write(dataset: str, day: dt.date, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write a day's scores and findings. Settled findings stay; open ones that are no longer found go."""
    Score.objects.bulk_create(
        [
            Score(
                dataset=dataset, day=day, rule=one.rule, dimension=one.dimension, weight=one.weight, checked=one.checked,
                failed=one.failed, error=one.error, computed_at=now,
            )
            for one in outcomes
        ],
        update_conflicts=True, unique_fields=["dataset", "day", "rule"],
        update_fields=["dimension", "weight", "checked", "failed", "error", "computed_at"],
    )  # fmt: skip
    Score.objects.filter(dataset=dataset, day=day).exclude(rule__in=[one.rule for one in outcomes]).delete()
    settled = set(
        Finding.objects.filter(dataset=dataset, day=day).exclude(state=Finding.State.OPEN).values_list("rule", "subject", "field")
    )
    still_open = Finding.objects.filter(dataset=dataset, state=Finding.State.OPEN)
    if dataset in settings.CITY.streams:
        # A register has one state, not one a day: what was open on other days is open now, or it is not.
        still_open = still_open.filter(day=day)
    still_open.filter(repairs=None).delete()
    settled |= _reopened(still_open, outcomes, now)
    fresh = [
        Finding(
            dataset=dataset, rule=one.rule, dimension=one.dimension, subject=found.subject, area_code=found.area_code, day=day,
            field=found.field, count=found.count, said=dict(found.said), offer=found.offer, terms=dict(found.terms), found_at=now,
        )
        for one in outcomes
        for found in sorted(one.found, key=lambda it: (it.offer == "", -it.count, it.subject))[:MOST_KEPT]
        if (one.rule, found.subject, found.field) not in settled
    ]  # fmt: skip
    Finding.objects.bulk_create(fresh, batch_size=1000)


def _reopened(
    still_open: QuerySet[Finding], outcomes: Sequence[Outcome], now: dt.datetime
) -> set[tuple[str, str, str]]:  # fmt: skip
    """Return what is open again because its repair was undone, as (rule, subject, field); its repairs are kept, so it is, too.

    What of it is not found any more was mended otherwise, and is settled here.
    """
    found = {(one.rule, it.subject, it.field): it for one in outcomes for it in one.found}
    kept = {(one.rule, one.subject, one.field): one for one in still_open.exclude(repairs=None).distinct()}
    for key, one in kept.items():
        if key in found:
            one.count, one.said, one.found_at = found[key].count, dict(found[key].said), now
        else:
            one.state, one.settled_at = Finding.State.DISMISSED, now
        one.save(update_fields=["count", "said", "found_at", "state", "settled_at"])
    return set(kept)


def _rows_before(finding: Finding) -> list[dict[str, Any]]:
    return [_written(row) for row in current_rows(finding.dataset, finding.day, finding.subject)]


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, dt.datetime) else value for key, value in row.items()}


def _mended(finding: Finding, row: Mapping[str, Any]) -> dict[str, Any]:
    value = row[finding.field]
    if value is None:
        return dict(row)
    mended = value * finding.terms["factor"] if finding.offer == Finding.Offer.FACTOR else (value - 32) / 1.8
    return {**row, finding.field: float(f"{mended:.9g}")}


def _send(finding: Finding, rows: Iterable[Mapping[str, Any]], key: str) -> None:
    """Send rows through the front door. Raises Refused when any of them was not taken; then nothing is settled."""
    table = stream_table(settings.CITY, finding.dataset)
    columns = [table.entity, table.time, *table.quantities, *table.words]
    given = list(rows)
    for number, start in enumerate(range(0, len(given), AT_A_TIME)):
        part = [[row.get(name) for name in columns] for row in given[start : start + AT_A_TIME]]
        answer = front_door.post(
            config(), finding.dataset, {"columns": columns, "rows": part}, purpose="ingest:*", key=f"{key}-{number}"
        )  # fmt: skip
        if answer["dead"]:
            raise Refused(_("有 %d 行未能入库，修正没有完成。请到问题数据中查看。") % len(answer["dead"]), code="not_taken")


def _register_row(finding: Finding) -> Any:
    row = model_of(settings.CITY, finding.dataset)._default_manager.select_for_update().filter(key=finding.subject).first()
    if row is None:
        raise NotFound(_("没有找到。"))
    return row


def _place_before(finding: Finding) -> list[dict[str, Any]]:
    row = _register_row(finding)
    return [{"lon": row.lon, "lat": row.lat}]


def _moved(finding: Finding, place: Mapping[str, float]) -> dict[str, float]:
    if finding.offer == Finding.Offer.SWAPPED:
        return {"lon": place["lat"], "lat": place["lon"]}
    lon, lat = to_wgs84(place["lon"], place["lat"], "GCJ-02")
    return {"lon": round(float(lon), 6), "lat": round(float(lat), 6)}


def _place(finding: Finding, place: Mapping[str, float]) -> None:
    row = _register_row(finding)
    row.lon, row.lat = place["lon"], place["lat"]
    row.save(update_fields=["lon", "lat"])


def _city_box(shapes: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    corners = [corner for one in shapes["features"] for corner in _corners(one["geometry"]["coordinates"])]
    if not corners:
        return None
    lons, lats = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return min(lons), min(lats), max(lons), max(lats)


def _corners(node: Any) -> Iterable[Sequence[float]]:
    if isinstance(node[0], int | float):
        return [node]
    return [corner for one in node for corner in _corners(one)]
