# SPDX-License-Identifier: Apache-2.0
"""What is shown of reports: to whoever reports, to the reporter afterwards, and to everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope
from chengyun.areas.queries import names_of
from chengyun.cases.intake import embargo, placing
from chengyun.cases.intake.catalogue import name_of_category
from chengyun.cases.intake.dealings import WITHIN
from chengyun.cases.intake.models import Photo, Report
from chengyun.cases.intake.thinking import look_for_twins, suggest
from chengyun.cases.intake.wording import say
from chengyun.cases.models import Case
from chengyun.city import City

__all__ = ["Guess", "Known", "Neighbour", "OwnReport", "PublicReport", "Word", "known_nearby", "own_report", "public_reports"]

SURE_ENOUGH = 0.35
"""Score from which a case is shown to a reporter as perhaps the same."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A case that may be the same problem, with no more than anybody may know. photo: id of an open photo, or None."""

    case: str
    name: str
    distance_m: int | None
    since: dt.datetime
    state: str
    reporters: int
    reasons: tuple[str, ...]
    photo: int | None


@dataclass(frozen=True, slots=True)
class Guess:
    """A category that was thought of. probability: calibrated; None where a person decided."""

    code: str
    name: str
    probability: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about what is being reported: similar cases, and categories, the likeliest first; sure: not abstained."""

    similar: tuple[Neighbour, ...]
    guesses: tuple[Guess, ...]
    sure: bool


@dataclass(frozen=True, slots=True)
class Word:
    """Something said on a reporter's page. own: by the reporter."""

    at: dt.datetime
    text: str
    own: bool


@dataclass(frozen=True, slots=True)
class OwnReport:
    """A report as its reporter sees it. due_at: until when the step it is in must be done, None while no clock runs.

    pause: why no clock runs, "" while one does. photos: ids of copies.

    after: photos of the work done. reach: how the reporter is reached, masked; "" when that was withdrawn or never given.
    """

    number: str
    text: str
    category: str
    address: str
    area: str
    lon: float | None
    lat: float | None
    received_at: dt.datetime
    state: str
    owner: str
    reporters: int
    due_at: dt.datetime | None
    overdue: bool
    pause: str
    ended: bool
    closed_at: dt.datetime | None
    asked: bool
    words: tuple[Word, ...]
    photos: tuple[int, ...]
    after: tuple[int, ...]
    rating: int | None
    may_rate: bool
    may_contradict: bool
    reach: str


@dataclass(frozen=True, slots=True)
class PublicReport:
    """A report as anybody may see it: no words of the reporter, no person, the place of a home only roughly."""

    case: str
    name: str
    headline: str
    area: str
    lon: float | None
    lat: float | None
    rough: bool
    state: str
    ended: bool
    received_at: dt.datetime
    closed_at: dt.datetime | None
    reporters: int
    photos: tuple[int, ...]


def known_nearby(text: str, category: str, lon: float | None, lat: float | None, now: dt.datetime) -> Known:
    """Return what is known about a report before it is filed. Raises Refused for a place outside the city."""
    area = placing.area_at(lon, lat) if lon is not None and lat is not None else ""
    found = look_for_twins(lon=lon, lat=lat, at=now, category=category, text=text)
    near = {one.case: one for one in found if one.score >= SURE_ENOUGH}
    similar = tuple(_neighbour(case, near[case.number]) for case in _tellable(near, now))
    guess = suggest(text=text, lon=lon, lat=lat, area_code=area, at=now, channel="web") if text.strip() else None
    if guess is None:
        return Known(similar, (), False)
    guesses = [Guess(guess.category, name_of_category(guess.category), guess.probability, guess.reasons)]
    guesses += [
        Guess(code, name_of_category(code), chance, ()) for code, chance in guess.alternatives[:3] if code != guess.category
    ]
    return Known(similar, tuple(one for one in guesses if one.name), not guess.abstained)


def own_report(report: Report, now: dt.datetime) -> OwnReport:
    """Return a report with its whole history, as its reporter may read it."""
    case = report.case
    ended = bool(case and case.ended)
    contact = getattr(report, "contact", None)
    reach = [mask for mask in (_half(contact.phone), _half(contact.email)) if mask] if contact else []
    mine = list(Photo.objects.filter(report=report).values_list("pk", flat=True))
    after = [one.pk for one in Photo.objects.filter(case=case, report=None) if shown_to_reporter(one)] if case else []
    recent = bool(case and case.closed_at and now - case.closed_at <= WITHIN)
    return OwnReport(
        number=report.number, text=report.text, category=name_of_category(case.category if case else report.category),
        address=report.address, area=" · ".join(_area_names(report.area_code)), lon=report.lon, lat=report.lat,
        received_at=report.received_at, state=state_name(case), owner=case.owner.name if case else "",
        reporters=case.report_count if case else 1, due_at=None if not case or ended or _stands(case) else case.due_at,
        overdue=bool(case and not ended and not _stands(case) and case.due_at < now),
        pause=case.stage.reason if case and case.stage and _stands(case) else "",
        ended=ended,
        closed_at=case.closed_at if case else None, asked=report.state == Report.State.ASKED,
        words=tuple(Word(one.at, say(one.kind, one.data, one.text), one.from_reporter) for one in report.messages.all()),
        photos=tuple(mine), after=tuple(after), rating=report.rating, may_rate=ended and recent and report.rating is None,
        may_contradict=ended and recent, reach="、".join(reach),
    )  # fmt: skip


def shown_to_reporter(photo: Photo) -> bool:
    """Say whether a reporter may see a photo of the case that is not the reporter's: one of the work done, once it has ended."""
    return photo.report_id is None and photo.case is not None and photo.case.ended


def public_reports(
    actor: Actor, now: dt.datetime, *, limit: int, offset: int = 0, ended: bool | None = None, area: str = "", category: str = ""
) -> list[PublicReport]:  # fmt: skip
    """Return published problems, each once, newest first."""
    rows = _published(actor, now)
    if ended is not None:
        rows = rows.filter(case__ended=ended)
    if area:
        rows = rows.filter(area_code__startswith=area)
    if category:
        rows = rows.filter(category__startswith=category)
    found = list(rows.order_by("-published_at", "-id")[offset : offset + limit])
    names = names_of({one.area_code[:9] for one in found if one.area_code})
    photos: dict[int, list[int]] = {}
    for pk, report in Photo.objects.filter(report__in=found, open=True).order_by("id").values_list("pk", "report_id"):
        if report is not None:
            photos.setdefault(report, []).append(pk)
    return [_public(one, names, tuple(photos.get(one.pk, ()))) for one in found]


def state_name(case: Case | None) -> str:
    """Return where a case stands, in the words of its type."""
    if case is None:
        return _("待受理")
    city: City = settings.CITY
    declared = city.cases.get(case.type)
    found = next((one.name for one in declared.states if one.key == case.state), case.state) if declared else case.state
    return _(found)


def _published(actor: Actor, now: dt.datetime) -> QuerySet[Report]:
    scope = require_scope(actor, "public_reports")
    # One line a problem: the report that opened the case, wherever its case has gone since.
    return Report.objects.filter(scope.q(), published_at__lte=now, home=F("case")).select_related("case")


def _public(report: Report, names: dict[str, str], photos: tuple[int, ...]) -> PublicReport:
    case = report.case
    place = (report.lon, report.lat) if report.lon is not None and report.lat is not None else None
    lon, lat = (placing.coarse(*place) if report.private else place) if place else (None, None)
    return PublicReport(
        case=report.number, name=name_of_category(report.category), headline=report.headline,
        area=names.get(report.area_code[:9], ""), lon=lon, lat=lat, rough=report.private, state=state_name(case),
        ended=bool(case and case.ended), received_at=report.received_at, closed_at=case.closed_at if case else None,
        reporters=case.report_count if case else 1, photos=() if report.private else photos,
    )  # fmt: skip


def _tellable(near: dict[str, Any], now: dt.datetime) -> list[Case]:
    """Return the cases of these that a stranger may be told of, most alike first: no homes, nothing under embargo."""
    cases = Case.objects.filter(number__in=list(near), ended=False).exclude(Q(reports__private=True)).distinct()
    told = [one for one in cases if embargo.public_from(one.category, now) is not None]
    return sorted(told, key=lambda one: -near[one.number].score)


def _neighbour(case: Case, found: Any) -> Neighbour:
    first = Report.objects.filter(home=case).first()
    photo = Photo.objects.filter(case=case, open=True).order_by("id").first()
    name = (first.headline if first else "") or name_of_category(case.category) or _("未归类的问题")
    distance = None if found.distance_m is None else round(found.distance_m)
    return Neighbour(
        case.number, name, distance, case.opened_at, state_name(case), case.report_count, found.reasons,
        photo.pk if photo else None,
    )  # fmt: skip


def _area_names(code: str) -> Sequence[str]:
    codes = [code[:size] for size in (6, 9, 12) if len(code) >= size]
    return [name for one, name in names_of(codes).items() if name != one]


def _stands(case: Case) -> bool:
    return case.stage is not None and case.stage.clock != "runs"


def _half(text: str) -> str:
    """Return enough of an address or a number for its owner to know it again."""
    if "@" in text:
        name, _at, host = text.partition("@")
        return f"{name[:1]}***@{host}"
    return f"{text[:3]}****{text[-4:]}" if len(text) >= 8 else "****" if text else ""
