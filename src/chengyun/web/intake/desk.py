# SPDX-License-Identifier: Apache-2.0
"""The intake desk: what waits, and one report with its photo, its place and its twins side by side, settled with one key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, require_scope, scope
from chengyun.access.views import needs, reads
from chengyun.cases.intake import dealings, merging, photos
from chengyun.cases.intake.catalogue import Category, categories
from chengyun.cases.intake.desk import PURPOSE, DeskReport, QueueLine, desk_report, queue, report_for
from chengyun.cases.intake.models import Photo
from chengyun.errors import NotFound
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import asked
from chengyun.web.intake.forms import number as number_of
from chengyun.web.intake.report import locked, send_copy
from chengyun.web.maps import CityMap, city_map

EVIDENCE = "evidence"


@dataclass(frozen=True)
class DeskPage:
    """shown: the report in work, None when none waits. after: the next one's number, "" without one."""

    queue: tuple[QueueLine, ...]
    shown: DeskReport | None
    after: str
    map: CityMap | None
    categories: tuple[tuple[str, tuple[Category, ...]], ...]
    guessed: str
    text: str
    may_settle: bool
    may_see_originals: bool
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@reads("reports", purpose=PURPOSE)
def intake_desk(request: HttpRequest) -> HttpResponse:
    """Show what waits, and the first of it."""
    return _show(request, "", None)


@require_safe
@never_cache
@reads("reports", purpose=PURPOSE)
def intake_report(request: HttpRequest, number: str) -> HttpResponse:
    """Show one report at the desk."""
    return _show(request, number, None)


@require_POST
@never_cache
@needs("intake.settle")
def intake_deed(request: HttpRequest, number: str, deed: str) -> HttpResponse:
    """Accept, join, refuse or ask; then go on with the next report."""
    actor, now, given = actor_of(request), timezone.now(), request.POST
    report = report_for(number, actor)
    shown = [int(one) for one in given.getlist("show") if one.isdigit()]
    own = report.home.number if report.home else ""
    deeds = {
        "accept": lambda: dealings.accept(
            report, given.get("category", ""), actor, now, headline=given.get("headline", ""), show=shown,
            public=given.get("public") == "1", lon=number_of(given, "lon"), lat=number_of(given, "lat"),
        ),
        "refuse": lambda: dealings.refuse(report, given.get("reason", ""), actor, now),
        "ask": lambda: dealings.ask(report, given.get("question", ""), actor, now),
        "merge": lambda: merging.merge(own, given.get("into", "").strip(), actor, now, given.get("note", "")),
        "unmerge": lambda: merging.unmerge(own, actor, now),
        "separate": lambda: merging.separate(report, actor, now),
    }  # fmt: skip
    if deed not in deeds:
        raise NotFound(_("没有找到。"))
    fault = attempt(request, deed, deeds[deed])
    if fault:
        return _show(request, number, fault)
    said = {
        "accept": _("已受理。"), "refuse": _("已作不受理处理。"), "ask": _("已请上报人补充。"), "merge": _("已并入。"),
        "unmerge": _("已撤销合并。"), "separate": _("已单独立案。"),
    }[deed]  # fmt: skip
    stays = deed in ("unmerge", "separate")
    return done(request, f"{number} {said}", reverse("intake-report", args=[number]) if stays else reverse("intake"))


@require_safe
@never_cache
@reads("reports", purpose=PURPOSE)
def intake_photo(request: HttpRequest, photo_id: int) -> FileResponse:
    """Send the copy of a photo to whoever may read its report, or its case's reports."""
    return send_copy(_photo(photo_id, actor_of(request)))


@require_POST
@never_cache
@reads("report_originals", purpose=EVIDENCE)
def intake_original(request: HttpRequest, photo_id: int) -> FileResponse:
    """Send an original with all it carries: for evidence, to be saved, and recorded."""
    actor = actor_of(request)
    found = _photo(photo_id, actor)
    require_scope(actor, "report_originals", EVIDENCE).record_read(f"photo {found.pk}", sha256=found.sha256)
    answer = FileResponse(
        photos.original_of(found).open("rb"), as_attachment=True, filename=f"{found.sha256[:16]}.{found.kind.rsplit('/')[-1]}",
        content_type=found.kind,
    )  # fmt: skip
    return locked(answer)


def _photo(photo_id: int, actor: Actor) -> Photo:
    found = Photo.objects.select_related("report", "case").filter(pk=photo_id).first()
    about = (found.report or found.case) if found else None
    if found is None or about is None or not scope(actor, "reports", PURPOSE).matches({"area_code": about.area_code}):
        raise NotFound(_("没有找到。"))
    return found


def _show(request: HttpRequest, number: str, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    (text,) = asked(request, "q")
    waiting = queue(actor, text=text)
    number = number or (waiting[0].number if waiting else "")
    shown = desk_report(report_for(number, actor), actor) if number else None
    order = [one.number for one in waiting]
    after = order[order.index(number) + 1] if number in order[:-1] else ""
    spot = None
    if shown is not None and shown.lon is not None:
        spot = city_map("desk-map", _("上报位置"), ())
        spot.settings["spot"] = [shown.lon, shown.lat]
    guessed = shown.chosen or (shown.guesses[0][0].code if shown and shown.guesses and shown.sure else "") if shown else ""
    page = DeskPage(
        tuple(waiting), shown, after, spot, categories(), guessed, text, may(actor, "intake.settle"),
        scope(actor, "report_originals", EVIDENCE).allowed, fault, timezone.now(),
    )  # fmt: skip
    return render(request, "intake/desk.html", {"page": page}, status=fault.status if fault else 200)
