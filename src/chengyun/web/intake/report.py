# SPDX-License-Identifier: Apache-2.0
"""Reporting as a resident: the form, a look at what is known already, the receipt, and the page of one's own report.

Works without a script: what is alike is then shown on a page between the form and the receipt.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.cases.intake import dealings, links, photos, queries
from chengyun.cases.intake.catalogue import Category, categories, name_of_category
from chengyun.cases.intake.models import Photo
from chengyun.cases.intake.queries import Known, OwnReport
from chengyun.cases.intake.services import file_report, filed_before, find_report
from chengyun.errors import NotFound, Refused
from chengyun.web.desk.deeds import Fault, attempt
from chengyun.web.intake.forms import Draft, number, read_draft, unsealed
from chengyun.web.maps import CityMap, city_map


@dataclass(frozen=True)
class ReportPage:
    """The form. given: what was typed. key: under which it will be filed, however often it is sent."""

    map: CityMap
    categories: tuple[tuple[str, tuple[Category, ...]], ...]
    draft: Draft
    chosen: str
    fault: Fault | None
    signed_in: bool


@dataclass(frozen=True)
class ReviewPage:
    """What is known already, shown before anything is filed. sealed: the draft, to be handed back."""

    draft: Draft
    sealed: str
    known: Known
    category: str
    fault: Fault | None


@dataclass(frozen=True)
class OwnPage:
    """A reporter's own page. token: of its link, for the forms on it. link: the whole address. new: just filed.

    stars: (value, word) of a rating, the best first.
    """

    report: OwnReport
    token: str
    link: str
    new: bool
    map: CityMap | None
    stars: tuple[tuple[int, str], ...]
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def report_form(request: HttpRequest) -> HttpResponse:
    """Show the form; read it, show what is alike, or file it."""
    if request.method != "POST":
        chosen = request.GET.get("category", "")[:64]
        return _form(request, Draft(category=chosen), None)
    made: list[Draft] = []
    fault = attempt(request, "report", lambda: made.append(read_draft(request, timezone.now())))
    if fault:
        return _form(request, _typed(request), fault)
    draft = made[0]
    actor = actor_of(request)
    if request.POST.get("reviewed") != "1" and not filed_before(draft.report("web", actor, request), actor):
        looked: list[Known] = []
        fault = attempt(request, "report", lambda: looked.append(_look(draft)))
        if fault:
            return _form(request, draft, fault)
        if looked[0].similar:
            page = ReviewPage(draft, draft.sealed(), looked[0], name_of_category(draft.category), None)
            return render(request, "intake/review.html", {"page": page})
    return _file(request, draft, request.POST.get("join", ""), request.POST.get("reviewed") == "1")


@require_POST
@never_cache
@public
def report_confirm(request: HttpRequest) -> HttpResponse:
    """File a draft that was looked at: on its own, or as one more report of what is known."""
    made: list[Draft] = []
    fault = attempt(request, "report", lambda: made.append(unsealed(request.POST.get("draft", ""))))
    if fault:
        return _form(request, Draft(), fault)
    return _file(request, made[0], request.POST.get("join", ""), True)


@require_POST
@never_cache
@public
def report_alike(request: HttpRequest) -> HttpResponse:
    """Return what is alike as a part of the form, while it is being filled in."""
    given = request.POST
    try:
        draft = Draft(
            text=given.get("text", "")[:4000], category=given.get("category", "")[:64], lon=number(given, "lon"),
            lat=number(given, "lat"),
        )  # fmt: skip
        known = _look(draft)
    except Refused as refused:
        return render(request, "intake/alike.html", {"known": None, "why": refused.sentence})
    return render(request, "intake/alike.html", {"known": known, "chosen": draft.category})


@require_safe
@never_cache
@public
def own_report(request: HttpRequest, number: str) -> HttpResponse:
    """Show a reporter the report: where it stands, what happened, what may be done."""
    return _own(request, number, request.GET.get("t", ""), None)


@require_POST
@never_cache
@public
def own_deed(request: HttpRequest, number: str, deed: str) -> HttpResponse:
    """Do what a reporter may do with a report: answer, rate, contradict, take one's data back."""
    given, now, token = request.POST, timezone.now(), request.POST.get("t", "")
    report = find_report(number, token)
    deeds = {
        "answer": (lambda: dealings.answer(report, given.get("text", ""), now), _("已补充。")),
        "rate": (lambda: dealings.rate(report, _stars(given.get("rating", "")), given.get("note", ""), now), _("感谢评价。")),
        "contradict": (lambda: dealings.contradict(report, given.get("text", ""), now), _("已要求重新办理。")),
        "withdraw": (lambda: dealings.withdraw_contact(report, now), _("联系方式已删除。")),
    }
    if deed not in deeds:
        raise NotFound(_("没有找到。"))
    do, said = deeds[deed]
    fault = attempt(request, deed, do)
    if fault:
        return _own(request, number, token, fault)
    messages.success(request, said)
    return HttpResponseRedirect(links.link_of(report.number, report.link_salt), status=303)


@require_safe
@never_cache
@public
def own_photo(request: HttpRequest, number: str, photo_id: int) -> FileResponse:
    """Send the copy of a photo of one's own report."""
    report = find_report(number, request.GET.get("t", ""))
    photo = Photo.objects.filter(pk=photo_id, case_id=report.case_id or 0).first()
    if photo is None or not (photo.report_id == report.pk or queries.shown_to_reporter(photo)):
        raise NotFound(_("没有找到。"))
    return send_copy(photo)


@require_safe
@public
def open_photo(request: HttpRequest, photo_id: int) -> FileResponse:
    """Send the copy of a photo that anybody may see."""
    photo = Photo.objects.filter(pk=photo_id, open=True, report__published_at__lte=timezone.now()).first()
    if photo is None:
        raise NotFound(_("没有找到。"))
    return send_copy(photo)


def send_copy(photo: Photo) -> FileResponse:
    """Send a photo's copy as what it is and nothing else."""
    answer = FileResponse(photos.public_of(photo).open("rb"), content_type="image/jpeg")
    return locked(answer)


def locked(answer: FileResponse) -> FileResponse:
    """Let a browser take a file for a picture only, whatever it finds inside."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer


def _look(draft: Draft) -> Known:
    return queries.known_nearby(draft.text, draft.category, draft.lon, draft.lat, timezone.now())


def _file(request: HttpRequest, draft: Draft, join: str, alone: bool) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    made: list[str] = []

    def do() -> None:
        filed = file_report(draft.report("web", actor, request, join=join, alone=alone and not join), actor, now)
        made.append(links.link_of(filed.report.number, filed.report.link_salt))

    fault = attempt(request, "report", do)
    if fault:
        return _form(request, draft, fault)
    return HttpResponseRedirect(f"{made[0]}&new=1", status=303)


def _form(request: HttpRequest, draft: Draft, fault: Fault | None) -> HttpResponse:
    page = ReportPage(
        city_map("report-map", _("选择位置"), ()), categories(), draft, draft.category, fault, actor_of(request).signed_in
    )  # fmt: skip
    return render(request, "intake/report.html", {"page": page}, status=fault.status if fault else 200)


def _typed(request: HttpRequest) -> Draft:
    """Return what was typed, as far as it can be put back: photos have to be chosen again."""

    def word(name: str) -> str:
        return request.POST.get(name, "")[:4000]

    try:
        lon, lat = number(request.POST, "lon"), number(request.POST, "lat")
    except Refused:
        lon = lat = None
    return Draft(
        text=word("text"), category=word("category"), lon=lon, lat=lat, address=word("address"), name=word("name"),
        phone=word("phone"), email=word("email"), private=word("private") == "1",
    )  # fmt: skip


def _own(request: HttpRequest, number: str, token: str, fault: Fault | None) -> HttpResponse:
    report, now = find_report(number, token), timezone.now()
    shown = queries.own_report(report, now)
    site = request.build_absolute_uri("/").rstrip("/")
    spot = city_map("own-map", _("上报位置"), ()) if shown.lon is not None else None
    if spot is not None:
        spot.settings["spot"] = [shown.lon, shown.lat]
    page = OwnPage(
        shown, token, links.link_of(report.number, report.link_salt, site), request.GET.get("new") == "1", spot, _words(),
        fault, now,
    )  # fmt: skip
    answer = render(request, "intake/own.html", {"page": page}, status=fault.status if fault else 200)
    # The address opens the page: it belongs in no index.
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _words() -> tuple[tuple[int, str], ...]:
    return ((5, _("很满意")), (4, _("满意")), (3, _("一般")), (2, _("不满意")), (1, _("很不满意")))


def _stars(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise Refused(_("请选择 1 到 5 分。"), code="rating")
    return int(text)
