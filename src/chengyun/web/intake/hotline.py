# SPDX-License-Identifier: Apache-2.0
"""The hotline desk: who calls, what they called about, what to answer, what they report, whom to call back; one screen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, reads
from chengyun.cases.intake import knowledge, telephone
from chengyun.cases.intake.catalogue import Category, categories
from chengyun.cases.intake.models import ArticleVersion
from chengyun.cases.intake.persons import clean_phone
from chengyun.cases.intake.services import ReportIn
from chengyun.cases.intake.telephone import LINES, CallBack, Past
from chengyun.errors import NotFound, Refused
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.intake.forms import number
from chengyun.web.maps import CityMap, city_map


@dataclass(frozen=True)
class HotlinePage:
    """phone: who calls. asked: what is looked for in the knowledge base. line: the hotline that was dialled."""

    lines: tuple[str, ...]
    line: str
    phone: str
    past: tuple[Past, ...]
    asked: str
    articles: tuple[ArticleVersion, ...]
    call_backs: tuple[CallBack, ...]
    categories: tuple[tuple[str, tuple[Category, ...]], ...]
    map: CityMap
    may_write: bool
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True)
class ArticlePage:
    """versions: newest first; shown: the one on the page."""

    key: str
    versions: tuple[ArticleVersion, ...]
    shown: ArticleVersion | None
    may_write: bool
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("hotline.serve")
def hotline(request: HttpRequest) -> HttpResponse:
    """Show the desk. The number comes in a form's body, never in an address: addresses are written down along the way."""
    given = request.POST if request.method == "POST" else request.GET
    return _show(request, given.get("phone", "") if request.method == "POST" else "", given.get("line", LINES[0]), None)


@require_POST
@never_cache
@needs("hotline.serve")
def hotline_deed(request: HttpRequest, deed: str) -> HttpResponse:
    """Keep what came of a conversation."""
    actor, now, given = actor_of(request), timezone.now(), request.POST
    line, notes, phone = given.get("line", ""), given.get("notes", ""), given.get("phone", "")
    said: list[str] = []

    def report() -> None:
        filed = telephone.take_report(
            line, notes,
            ReportIn(
                channel="hotline", text=given.get("text", "") or notes, category=given.get("category", ""),
                lon=number(given, "lon"), lat=number(given, "lat"), address=given.get("address", ""), name=given.get("name", ""),
                phone=phone,
                emergency=given.get("emergency") == "1", join=given.get("join", ""), idempotency_key=given.get("key", ""),
            ),
            actor, now, call_back=given.get("call_back") == "1",
        )  # fmt: skip
        joined = _("，已并入 %s") % filed.duplicate_of.number if filed.duplicate_of else ""
        said.append(_("已上报，编号 %(number)s%(joined)s。") % {"number": filed.report.number, "joined": joined})

    def answer() -> None:
        chosen = given.get("answer", "")
        found = ArticleVersion.objects.filter(pk=int(chosen)).first() if chosen.isdigit() else None
        telephone.settle(line, notes, phone, actor, now, answer=found, transferred_to=given.get("transferred_to", ""))
        said.append(_("已记录。"))

    def again() -> None:
        telephone.repeat(line, notes, phone, given.get("report", ""), actor, now)
        said.append(_("已记入原上报，催办一次。"))

    def call_back() -> None:
        stars = given.get("satisfied", "")
        telephone.called_back(
            _id(given.get("call", "")), int(stars) if stars.isdigit() else None, given.get("note", ""), actor, now
        )
        said.append(_("回访已记录。"))

    deeds = {"report": report, "settle": answer, "repeat": again, "call-back": call_back}
    if deed not in deeds:
        raise NotFound(_("没有找到。"))
    fault = attempt(request, deed, deeds[deed])
    return _show(request, phone, line, fault) if fault else done(request, said[0], reverse("hotline"))


@require_safe
@never_cache
@reads("articles")
def article(request: HttpRequest, key: str) -> HttpResponse:
    """Show an article, as it reads now or read before."""
    actor = actor_of(request)
    versions = knowledge.article(key, actor)
    wanted = request.GET.get("version", "")
    shown = next((one for one in versions if str(one.number) == wanted), versions[0])
    page = ArticlePage(key, tuple(versions), shown, may(actor, "article.write"), None)
    return render(request, "intake/article.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("article.write")
def article_write(request: HttpRequest) -> HttpResponse:
    """Write an article, or the next version of one."""
    actor, given = actor_of(request), request.POST
    key = (given.get("key") or request.GET.get("key", ""))[:64]
    fault = None
    if request.method == "POST":
        after = given.get("after", "")
        fault = attempt(
            request, "article",
            lambda: knowledge.write(
                key, given.get("title", ""), given.get("body", ""), given.get("source", ""), actor, timezone.now(),
                after=int(after) if after.isdigit() else None,
            ),
        )  # fmt: skip
        if fault is None:
            return done(request, _("已保存为新版本。"), reverse("article", args=[key]))
    try:
        versions = tuple(knowledge.article(key, actor)) if key else ()
    except NotFound:
        versions = ()
    page = ArticlePage(key, versions, versions[0] if versions else None, True, fault)
    return render(request, "intake/article_write.html", {"page": page}, status=fault.status if fault else 200)


def _show(request: HttpRequest, phone: str, line: str, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    words = (request.POST.get("q") or request.GET.get("q", "")).replace("\x00", "").strip()[:100]
    try:
        phone = clean_phone(phone.replace("\x00", ""))
        past = tuple(telephone.history(phone, actor))
    except Refused as refused:
        past, fault = (), fault or Fault("caller", refused.sentence, 400, {})
    page = HotlinePage(
        LINES, line if line in LINES else LINES[0], phone, past, words, tuple(knowledge.search(words, actor, 8)),
        tuple(telephone.call_backs(actor)), categories(), city_map("report-map", _("选择位置"), ()), may(actor, "article.write"),
        fault, timezone.now(),
    )  # fmt: skip
    return render(request, "intake/hotline.html", {"page": page}, status=fault.status if fault else 200)


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise NotFound(_("没有找到这次回访。"))
    return int(text)
