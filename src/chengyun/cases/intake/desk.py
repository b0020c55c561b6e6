# SPDX-License-Identifier: Apache-2.0
"""What the intake desk sees: the reports that wait, and one of them with all that helps to settle it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope, scope
from chengyun.areas.queries import names_of
from chengyun.cases.intake import photos as files
from chengyun.cases.intake.catalogue import clause_of, name_of_category
from chengyun.cases.intake.models import Merge, Photo, Report
from chengyun.cases.intake.queries import Guess, Word, state_name
from chengyun.cases.intake.wording import say
from chengyun.cases.models import Case
from chengyun.errors import NotFound

__all__ = ["DeskPhoto", "DeskReport", "QueueLine", "Twin", "desk_report", "queue", "report_for"]

PURPOSE = "case"
FAR_M = 300.0
"""From here on a photo's own place and the reported one contradict each other."""
EARTH_M_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A report that waits. twins: how many similar cases were found when it came."""

    number: str
    title: str
    channel: str
    state: str
    asked: bool
    area: str
    received_at: dt.datetime
    photos: int
    twins: int
    emergency: bool


@dataclass(frozen=True, slots=True)
class DeskPhoto:
    """A photo at the desk. far_m: how far from the reported place it was taken, when it says and that is far. reused: reports
    and cases where a photo like it was used before."""

    id: int
    taken_at: dt.datetime | None
    far_m: int | None
    reused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """A case beside the report. score: 0 to 1. photos: ids of its photos."""

    case: str
    title: str
    category: str
    state: str
    score: float
    distance_m: int | None
    opened_at: dt.datetime
    reporters: int
    reasons: tuple[str, ...]
    photos: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeskReport:
    """A report with all that helps to settle it. guesses: categories, likeliest first; sure: the program did not abstain.

    contact: name, telephone, e-mail as far as this reader may see them; () without any. waits: whether it can be settled now.
    """

    number: str
    case: str
    case_state: str
    text: str
    chosen: str
    chosen_name: str
    address: str
    area: str
    lon: float | None
    lat: float | None
    private: bool
    channel: str
    received_at: dt.datetime
    state: str
    waits: bool
    joined: bool
    merged: bool
    photos: tuple[DeskPhoto, ...]
    guesses: tuple[tuple[Guess, str], ...]
    sure: bool
    twins: tuple[Twin, ...]
    words: tuple[Word, ...]
    contact: tuple[tuple[str, str], ...]
    reporters: int


def queue(actor: Actor, *, text: str = "", state: str = "", limit: int = 50) -> list[QueueLine]:
    """Return the reports that wait, emergencies and the oldest first. A read of what people wrote, and recorded as one."""
    rows = _readable(actor, "queue")
    rows = rows.filter(state=state) if state in Report.State.values else rows.filter(state__in=["waiting", "asked"])
    if text:
        rows = rows.filter(Q(number__icontains=text) | Q(text__icontains=text) | Q(address__icontains=text))
    found = list(rows.select_related("case").order_by("-case__emergency", "received_at", "id")[:limit])
    names = names_of({one.area_code[:9] for one in found if one.area_code})
    counts: dict[int, int] = {}
    for report in Photo.objects.filter(report__in=found).values_list("report_id", flat=True):
        counts[report or 0] = counts.get(report or 0, 0) + 1
    return [
        QueueLine(
            one.number, one.text.splitlines()[0][:80], str(one.get_channel_display()), str(one.get_state_display()),
            one.state == Report.State.ASKED, names.get(one.area_code[:9], ""), one.received_at, counts.get(one.pk, 0),
            len(one.similar), bool(one.case and one.case.emergency),
        )
        for one in found
    ]  # fmt: skip


def report_for(number: str, actor: Actor) -> Report:
    """Return a report the actor may read at the desk. Raises NotFound."""
    found = _readable(actor, number).filter(number=number).select_related("case", "case__owner").first()
    if found is None:
        raise NotFound(_("没有找到这件上报。"))
    return found


def desk_report(report: Report, actor: Actor) -> DeskReport:
    """Return a report with its photos, twins and suggestions side by side."""
    case, told = report.case, report.suggestion
    guesses = [(told["category"], told["probability"], tuple(told["reasons"]))] if told.get("category") else []
    guesses += [(code, chance, ()) for code, chance in told.get("alternatives", ())[:4] if code != told.get("category")]
    codes = [code for size in (6, 9, 12) if len(report.area_code) >= size for code in [report.area_code[:size]]]
    return DeskReport(
        number=report.number, case=case.number if case else "", case_state=state_name(case), text=report.text,
        chosen=report.category, chosen_name=name_of_category(report.category), address=report.address,
        area=" · ".join(name for code, name in names_of(codes).items() if name != code), lon=report.lon, lat=report.lat,
        private=report.private, channel=str(report.get_channel_display()), received_at=report.received_at,
        state=str(report.get_state_display()), waits=report.state in (Report.State.WAITING, Report.State.ASKED),
        joined=report.state == Report.State.JOINED and not Merge.objects.filter(case=report.home, undone_at=None).exists(),
        merged=bool(report.home_id) and Merge.objects.filter(case=report.home_id, undone_at=None).exists(),
        photos=tuple(_photo(one, report) for one in report.photos.all()),
        guesses=tuple(
            (Guess(code, name_of_category(code), chance, reasons), clause_of(code, case)) for code, chance, reasons in guesses
        ),
        sure=not told.get("abstained", True), twins=_twins(report),
        words=tuple(Word(one.at, say(one.kind, one.data, one.text), one.from_reporter) for one in report.messages.all()),
        contact=_contact(report, actor), reporters=case.report_count if case else 1,
    )  # fmt: skip


def _readable(actor: Actor, target: str) -> QuerySet[Report]:
    return require_scope(actor, "reports", PURPOSE).rows_for(Report.objects.all(), target=target)


def _photo(photo: Photo, report: Report) -> DeskPhoto:
    far = None
    if None not in (photo.lon, photo.lat, report.lon, report.lat):
        far = _metres(photo.lon or 0.0, photo.lat or 0.0, report.lon or 0.0, report.lat or 0.0)
    alike = [one for one in files.look_alikes(photo) if one.case_id != photo.case_id]
    cases = Case.objects.filter(pk__in=[one.case_id for one in alike if one.case_id]).values_list("number", flat=True)
    return DeskPhoto(photo.pk, photo.taken_at, round(far) if far is not None and far > FAR_M else None, tuple(sorted(set(cases))))


def _metres(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the distance of two places of one city."""
    import math

    east = (lon - other_lon) * math.cos(math.radians(lat))
    return math.hypot(east, lat - other_lat) * EARTH_M_PER_DEGREE


def _twins(report: Report) -> tuple[Twin, ...]:
    told = {one["case"]: one for one in report.similar}
    cases = Case.objects.filter(number__in=list(told)).exclude(pk=report.case_id or 0)
    photos: dict[int, list[int]] = {}
    for pk, case in Photo.objects.filter(case__in=cases).order_by("id").values_list("pk", "case_id"):
        photos.setdefault(case or 0, []).append(pk)
    found = [
        Twin(
            one.number, one.title, name_of_category(one.category), state_name(one), told[one.number]["score"],
            None if told[one.number]["distance_m"] is None else round(told[one.number]["distance_m"]), one.opened_at,
            one.report_count, tuple(told[one.number]["reasons"]), tuple(photos.get(one.pk, ())[:3]),
        )
        for one in cases
        if not one.ended
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: -one.score))


def _contact(report: Report, actor: Actor) -> tuple[tuple[str, str], ...]:
    contact = getattr(report, "contact", None)
    allowed = scope(actor, "report_contacts", PURPOSE)
    if contact is None or not allowed.allowed:
        return ()
    allowed.record_read(report.number)
    shown = allowed.mask({"name": contact.name, "phone": contact.phone, "email": contact.email, "area_code": report.area_code})
    words = {"name": _("称呼"), "phone": _("电话"), "email": _("邮箱")}
    return tuple((words[key], str(shown[key])) for key in words if shown.get(key))
