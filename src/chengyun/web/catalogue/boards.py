# SPDX-License-Identifier: Apache-2.0
"""What a steward looks over: the three lists, second sources, timeliness."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.models import Organisation
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.errors import Refused
from chengyun.share.catalogue import duplicates, freshness, lists
from chengyun.share.catalogue.duplicates import Alike, Conflict
from chengyun.share.catalogue.models import Entry, Resource
from chengyun.share.catalogue.vocabulary import CYCLES
from chengyun.web import shown
from chengyun.web.catalogue.words import Mark, Tab, tabs, verdict_mark
from chengyun.web.desk.deeds import Fault, attempt, done

SHOWN = 200


@dataclass(frozen=True)
class ListsPage:
    """matches: what may answer the line that was asked about. unlisted: resources kept back without a line."""

    tabs: tuple[Tab, ...]
    which: str
    name: str
    names: tuple[tuple[str, str], ...]
    lines: tuple[lists.Line, ...]
    asked: Entry | None
    matches: tuple[lists.Match, ...]
    unlisted: tuple[Resource, ...]
    bodies: tuple[tuple[int, str], ...]
    may_edit: bool
    fault: Fault | None


@dataclass(frozen=True)
class ConflictRow:
    conflict: Conflict
    says: str


@dataclass(frozen=True)
class AlikeRow:
    alike: Alike
    says: str


@dataclass(frozen=True)
class DuplicatesPage:
    tabs: tuple[Tab, ...]
    conflicts: tuple[ConflictRow, ...]
    alike: tuple[AlikeRow, ...]
    more: int


@dataclass(frozen=True)
class StandingRow:
    standing: freshness.Standing
    cycle: str
    mark: Mark


@dataclass(frozen=True)
class TimelinessPage:
    """share: of the resources that promise a cycle, those that keep it; None: none does."""

    tabs: tuple[Tab, ...]
    rows: tuple[StandingRow, ...]
    in_time: int
    total: int
    share: float | None


@require_safe
@needs("desk.read")
def three_lists(request: HttpRequest) -> HttpResponse:
    """Show one of the three lists."""
    return _lists(request, request.GET.get("list", Entry.List.DUTY), None)


@require_POST
@needs("catalogue.edit")
def add_line(request: HttpRequest) -> HttpResponse:
    """Put a line on a list."""
    actor, post = actor_of(request), request.POST
    which = post.get("list", "")

    def do() -> None:
        word = post.get("organisation", "")
        body = Organisation.objects.filter(pk=int(word) if word.isascii() and word.isdigit() else 0).first()
        if body is None:
            raise Refused(_("请选择部门。"), code="organisation", field="organisation")
        wanted = post.get("wanted", "").replace(";", "；").replace("、", "；").split("；")
        lists.add(
            actor, which, post.get("title", ""), body, wanted=wanted, basis=post.get("basis", ""),
            purpose=post.get("purpose", ""), resource_key=post.get("resource", "").strip(),
        )  # fmt: skip

    fault = attempt(request, "add", do)
    return _lists(request, which, fault) if fault else done(request, _("已列入。"), f"{reverse('catalogue-lists')}?list={which}")


@require_POST
@needs("catalogue.edit")
def settle_line(request: HttpRequest, number: int, deed: str) -> HttpResponse:
    """Match, decline or strike off a line."""
    actor, post = actor_of(request), request.POST
    which = Entry.objects.filter(pk=number).values_list("list", flat=True).first() or Entry.List.DUTY
    service = {
        "match": lambda: lists.settle(actor, number, resource_key=post.get("resource", ""), note=post.get("note", "")),
        "decline": lambda: lists.settle(actor, number, note=post.get("note", "")),
        "strike": lambda: lists.strike(actor, number),
    }[deed]
    fault = attempt(request, "settle", service)
    return _lists(request, which, fault) if fault else done(request, _("已记录。"), f"{reverse('catalogue-lists')}?list={which}")


@require_safe
@needs("desk.read")
def second_sources(request: HttpRequest) -> HttpResponse:
    """Show elements whose source is in doubt, and items that look alike."""
    actor = actor_of(request)
    found = duplicates.alike(actor)
    page = DuplicatesPage(
        tabs(actor, "catalogue-duplicates"),
        tuple(ConflictRow(one, _conflict_says(one)) for one in duplicates.conflicts(actor)),
        tuple(AlikeRow(one, _alike_says(one)) for one in found[:SHOWN]),
        max(0, len(found) - SHOWN),
    )
    return render(request, "catalogue/duplicates.html", {"page": page})


@require_safe
@needs("desk.read")
def timeliness(request: HttpRequest) -> HttpResponse:
    """Show how resources stand against the cycle they promise."""
    actor = actor_of(request)
    now = timezone.now()
    found = freshness.standings(actor, now, SHOWN)
    in_time, promised = freshness.punctual(actor, now)
    page = TimelinessPage(
        tabs(actor, "catalogue-timeliness"),
        tuple(StandingRow(one, str(CYCLES[one.cycle]), verdict_mark(one.verdict, one.late)) for one in found),
        in_time,
        promised,
        in_time / promised if promised else None,
    )
    return render(request, "catalogue/timeliness.html", {"page": page})


def _lists(request: HttpRequest, which: str, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    which = which if which in Entry.List.values else Entry.List.DUTY
    editor = may(actor, "catalogue.edit")
    lines = tuple(lists.lines(actor, which))
    wanted = request.GET.get("match", "")
    asked = next((one.entry for one in lines if editor and str(one.entry.pk) == wanted), None)
    page = ListsPage(
        tabs=tabs(actor, "catalogue-lists"),
        which=which,
        name=str(Entry.List(which).label),
        names=tuple((value, str(label)) for value, label in Entry.List.choices),
        lines=lines[:SHOWN],
        asked=asked,
        matches=tuple(lists.matches(actor, asked)) if asked else (),
        unlisted=tuple(lists.unlisted_refusals(actor)[:50]) if which == Entry.List.NEGATIVE else (),
        bodies=tuple(Organisation.objects.order_by("name").values_list("pk", "name")) if editor else (),
        may_edit=editor,
        fault=fault,
    )
    return render(request, "catalogue/lists.html", {"page": page}, status=fault.status if fault else 200)


def _conflict_says(one: Conflict) -> str:
    count = sum(it.source_of_record for it in one.places)
    return {
        "several": _("有 %d 处都称是数据源；只应有一处，其余改为引用。") % count,
        "missing": _("登记的数据源 %s 不在目录里，或未绑定此数据元。") % one.source,
        "elsewhere": _("登记的数据源是 %s，实际标记在别处。") % one.source,
        "none": _("多处采集，没有指定数据源；请选定一处。"),
    }[one.why]


def _alike_says(one: Alike) -> str:
    words = {
        "same_name": _("名称相同"), "synonym": _("数据元词典中的同义词"),
        "same_type": _("类型相同"), "other_type": _("类型不同，可能含义也不同"),
        "one_bound": _("其中一些已绑定数据元"),
    }  # fmt: skip
    said = shown.clauses(words[reason] for reason in one.reasons)
    return f"{said}{shown.mark('；')}{_('建议绑定 %s') % one.suggested}" if one.suggested else said
