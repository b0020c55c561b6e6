# SPDX-License-Identifier: Apache-2.0
"""Requests as anybody may see them, and the whole of those a key's holder filed.

published    what the intake desk let be seen: category, headline, progress, place (a home's only roughly)
by number    a number cannot be guessed (2⁴⁰): whoever holds it sees the progress, and nothing that the reporter wrote
by key       what the holder of the key filed itself, in the reporter's own words
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Prefetch, Q, QuerySet

from chengyun.access.actors import ANONYMOUS, Actor
from chengyun.access.policy import require_scope
from chengyun.cases.intake import embargo, placing, post
from chengyun.cases.intake.catalogue import name_of_category
from chengyun.cases.intake.models import Photo, Report
from chengyun.cases.intake.queries import state_name
from chengyun.cases.models import CaseEvent
from chengyun.city import City
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.protocols.open311.catalogue import category_of, code_of

__all__ = ["Asked", "request", "requests"]

LONGEST = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which requests are wanted. ids: these and no others; page: from 1. updated_since: changed from then on.

    test: those of the test endpoint. whole: with the extended attributes.
    """

    ids: Sequence[str] = ()
    codes: Sequence[str] = ()
    statuses: frozenset[str] = frozenset({"open", "closed"})
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    updated_since: dt.datetime | None = None
    page: int = 1
    size: int = 50
    test: bool = False
    whole: bool = False


def requests(asked: Asked, caller: Actor | None, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the requests that fit, newest first."""
    rows = _visible(caller, now, asked)
    if asked.codes:
        rows = rows.filter(case__category__in=[category_of(code) for code in asked.codes])
    if len(asked.statuses) == 1:
        rows = rows.filter(case__ended="closed" in asked.statuses)
    if not asked.ids:
        until = asked.until or now
        rows = rows.filter(received_at__gte=asked.since or until - LONGEST, received_at__lte=until)
    if asked.updated_since is not None:
        rows = rows.filter(case__stage_since__gte=asked.updated_since)
    first = (asked.page - 1) * asked.size
    found = list(rows.order_by("-received_at", "-id")[first : first + asked.size])
    return [_document(one, caller, now, asked.whole) for one in found]


def request(number: str, caller: Actor | None, now: dt.datetime, *, test: bool, whole: bool) -> dict[str, Any]:
    """Return one request. Raises NotFound: absent or not to be seen, which look the same."""
    found = requests(Asked(ids=(number,), test=test, whole=whole), caller, now)
    if not found:
        raise NotFound(f"service_request_id {number[:80]!r} was not found.")
    return found[0]


def _visible(caller: Actor | None, now: dt.datetime, asked: Asked) -> QuerySet[Report]:
    published = Q(published_at__lte=now, home=F("case")) & require_scope(ANONYMOUS, "public_reports").q()
    if caller is not None and caller.account_id is not None:
        published |= Q(account_id=caller.account_id, channel=Report.Channel.OPEN311)
    rows = Report.objects.filter(simulated=asked.test, case__isnull=False)
    if asked.ids:
        # Whoever holds a number was given it; what it opens of a request nobody has published is in _document.
        rows = rows.filter(number__in=asked.ids).filter(published | Q(channel=Report.Channel.OPEN311))
        rows = rows.exclude(pk__in=[one.pk for one in rows if not published_or_harmless(one, caller, now)])
    else:
        rows = rows.filter(published)
    steps = CaseEvent.objects.filter(kind__in=["opened", "step"])
    events = [Prefetch("case__events", steps, to_attr="steps")] if asked.whole else []
    photos = Prefetch("photos", Photo.objects.filter(open=True), to_attr="shown")
    return rows.select_related("case", "case__owner", "case__clock").prefetch_related(photos, *events)


def published_or_harmless(report: Report, caller: Actor | None, now: dt.datetime) -> bool:
    """Say whether a report may be told of to whoever holds its number: not while its category is under embargo."""
    if _own(report, caller) or (report.published_at is not None and report.published_at <= now):
        return True
    since = embargo.public_from(report.case.category if report.case else report.category, report.received_at)
    return since is not None and since <= now


def _own(report: Report, caller: Actor | None) -> bool:
    return caller is not None and caller.account_id is not None and report.account_id == caller.account_id


def _document(report: Report, caller: Actor | None, now: dt.datetime, whole: bool) -> dict[str, Any]:
    case = report.case
    assert case is not None  # _visible asks for it
    own = _own(report, caller)
    public = report.published_at is not None and report.published_at <= now
    place = (report.lon, report.lat) if (own or public) and report.lon is not None and report.lat is not None else None
    if place and report.private and not own:
        place = placing.coarse(*place)
    category = case.category or report.category
    runs = not case.ended and case.clock.running_since is not None
    photo = next(iter(report.shown), None) if public and not report.private else None  # type: ignore[attr-defined]
    found: dict[str, Any] = {
        "service_request_id": report.number, "status": "closed" if case.ended else "open", "status_notes": state_name(case),
        "service_name": name_of_category(category) or None, "service_code": code_of(category),
        "description": report.text if own else (report.headline or None) if public else None,
        "agency_responsible": case.owner.name, "service_notice": None, "requested_datetime": _time(report.received_at),
        "updated_datetime": _time(max(case.closed_at or case.stage_since, report.received_at)),
        "expected_datetime": _time(case.due_at) if runs else None,
        "address": (report.address or None) if own or (public and not report.private) else None, "address_id": None,
        "zipcode": None, "lat": place[1] if place else None, "long": place[0] if place else None,
        "media_url": f"{post.site()}/reports/photos/{photo.pk}" if photo else None,
    }  # fmt: skip
    if whole:
        found["extended_attributes"] = _extended(report, runs)
    return found


def _extended(report: Report, runs: bool) -> dict[str, Any]:
    """Return what Open311 has no field for: the state among all states, the deadline, every step with its time."""
    case = report.case
    assert case is not None
    city: City = settings.CITY
    declared = city.cases.get(case.type)
    names: Mapping[str, str] = {step.key: step.name for step in declared.transitions} if declared else {}
    history = [
        {"datetime": _time(one.at), "type": one.kind, "summary": names.get(one.transition, one.transition or one.kind)}
        for one in case.steps  # type: ignore[attr-defined]
    ]
    return {
        "state": case.state, "reports": case.report_count, "reopened": case.reopened, "clock": "runs" if runs else "stands",
        "deadline": _time(case.due_at) if runs else None, "channel": report.channel, "history": history,
    }  # fmt: skip


def _time(at: dt.datetime) -> str:
    return at.astimezone(config().zone).isoformat(timespec="seconds")
