# SPDX-License-Identifier: Apache-2.0
"""A resource's page, and what people do about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, public
from chengyun.city.elements import ELEMENT_TYPES
from chengyun.collect.quality import queries as quality
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue import queries, services
from chengyun.share.catalogue.freshness import verdict
from chengyun.share.catalogue.models import Item, Provider, Resource, Revision
from chengyun.share.catalogue.rights import may_edit, may_review, require_edit
from chengyun.share.catalogue.versions import Change, describe_changes
from chengyun.share.catalogue.vocabulary import CYCLES, KINDS, SHARING, WAYS, class_name
from chengyun.web import places, shown
from chengyun.web.catalogue.words import Mark, Tab, tabs, verdict_mark
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.quality.words import Cell, cell_of, dimension_names

MOST_ITEMS = 300


@dataclass(frozen=True)
class ItemRow:
    """An item as shown. type: letter and word."""

    item: Item
    type: str


@dataclass(frozen=True)
class VersionRow:
    """A version. restorable: whether the reader may propose to go back to it."""

    revision: Revision
    changes: tuple[Change, ...]
    restorable: bool


@dataclass(frozen=True)
class ResourcePage:
    """facts: label → value, in the guide's order. quality: total first, then by dimension, None where not the reader's to know.

    faults: what is wrong with the entry, told to those who may mend it. links: (name, address) of what belongs to it elsewhere.
    """

    tabs: tuple[Tab, ...]
    resource: Resource
    kind: str
    state: str
    facts: tuple[tuple[str, str], ...]
    related: tuple[tuple[str, str], ...]
    items: tuple[ItemRow, ...]
    items_left: int
    timeliness: Mark
    quality: tuple[tuple[str, Cell], ...]
    quality_day: dt.date | None
    faults: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    open_revision: Revision | None
    links: tuple[tuple[str, str], ...]
    provider: Provider | None
    may_edit: bool
    fault: Fault | None


@require_safe
@public
def resource(request: HttpRequest, key: str) -> HttpResponse:
    """Show a resource."""
    return _shown(request, key, None)


@require_POST
@needs("catalogue.edit")
def withdraw(request: HttpRequest, key: str) -> HttpResponse:
    """Propose to withdraw a resource."""
    actor = actor_of(request)

    def do() -> None:
        services.submit(actor, services.withdraw(actor, key, request.POST.get("reason", "")).pk)

    fault = attempt(request, "withdraw", do)
    return (
        _shown(request, key, fault)
        if fault
        else done(request, _("已提交撤销，等待审核。"), reverse("catalogue-resource", args=[key]))
    )


@require_POST
@needs("catalogue.edit")
def provider(request: HttpRequest, key: str) -> HttpResponse:
    """Keep the code and contact of a resource's provider, for all its resources."""
    actor, post = actor_of(request), request.POST
    one = queries.resource(actor, key)

    def do() -> None:
        require_edit(actor, one)
        if one.provider is None:
            raise Refused(_("此资源没有提供方；请先在“修改”中选择。"), code="provider")
        services.set_provider(actor, one.provider, post.get("code", ""), post.get("contact", ""))

    fault = attempt(request, "provider", do)
    return (
        _shown(request, key, fault)
        if fault
        else done(request, _("已保存，对该部门的全部资源生效。"), reverse("catalogue-resource", args=[key]))
    )


@require_POST
@needs("catalogue.edit")
def restore(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Propose to go back to a version, as a draft that can be looked at first."""
    actor = actor_of(request)
    made: list[Revision] = []
    fault = attempt(request, "restore", lambda: made.append(services.restore(actor, key, number)))
    if fault:
        return _shown(request, key, fault)
    return done(request, _("已生成恢复草稿，请核对后提交。"), reverse("catalogue-revision", args=[made[0].pk]))


def _shown(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    one = queries.resource(actor, key)
    items = queries.items_of(one)
    editor = may_edit(actor, one)
    said, late = verdict(one.cycle, one.updated_at, now)
    standing = one.revisions.filter(state__in=services.OPEN).first()
    mine = standing is not None and (standing.author_id == actor.account_id or may_review(actor, one))
    day, scores = _quality(actor, key)
    page = ResourcePage(
        tabs=tabs(actor, ""),
        resource=one,
        kind=str(KINDS.get(one.kind, one.kind)),
        state=str(one.get_state_display()),
        facts=_facts(one),
        related=tuple(queries.siblings(actor, one)),
        items=tuple(ItemRow(it, f"{it.type} {places.said(ELEMENT_TYPES.get(it.type, ''))}".strip()) for it in items[:MOST_ITEMS]),  # type: ignore[call-overload]
        items_left=max(0, len(items) - MOST_ITEMS),
        timeliness=verdict_mark(said, late),
        quality=scores,
        quality_day=day,
        faults=tuple(it.sentence for it in services.all_faults(one, timezone.localdate(now)))
        if editor and not one.origin
        else (),
        versions=tuple(_versions(actor, one, editor)) if may(actor, "desk.read") else (),
        open_revision=standing if mine else None,
        links=_links(one),
        provider=Provider.objects.filter(organisation=one.provider_id).first() if editor and one.provider_id else None,
        may_edit=editor,
        fault=fault,
    )
    return render(request, "catalogue/resource.html", {"page": page}, status=fault.status if fault else 200)


def _facts(one: Resource) -> tuple[tuple[str, str], ...]:
    provider = Provider.objects.filter(organisation=one.provider_id).first() if one.provider_id else None
    contact = one.contact or (provider.contact if provider else "")
    rows = [
        (_("信息资源分类"), f"{one.class_code} {class_name(one.class_code)}".strip()),
        (_("信息资源代码"), one.code or ""),
        (_("提供方"), places.said(one.provider_name)),
        (_("提供方代码"), provider.code if provider else ""),
        (_("联系方式"), contact),
        (_("责任人"), str(one.owner or "")),
        (_("信息资源格式"), shown.listed(one.formats)),
        (_("共享类型"), str(SHARING.get(one.sharing, one.sharing))),
        (_("共享条件"), places.said(one.condition)),
        (_("共享方式"), shown.listed([str(WAYS.get(way, way)) for way in one.ways])),
        (_("不予共享的依据"), one.basis),
        (_("是否向社会开放"), _("是") if one.open else _("否")),
        (_("开放条件"), one.open_condition),
        (_("更新周期"), str(CYCLES.get(one.cycle, one.cycle))),
        (_("发布日期"), one.published_on.isoformat() if one.published_on else ""),
        (_("涉密"), _("涉密") if one.secret else _("非涉密")),
        (_("个人信息"), _("含个人信息") if one.personal else _("不含个人信息")),
        (_("关键词"), shown.listed(one.keywords)),
        (_("来源目录"), one.origin),
    ]
    optional = {
        _("共享条件"), _("不予共享的依据"), _("开放条件"), _("责任人"), _("关键词"), _("来源目录"), _("共享方式"),
    }  # fmt: skip
    return tuple((name, value or "—") for name, value in rows if value or name not in optional)


def _quality(actor: Actor, key: str) -> tuple[dt.date | None, tuple[tuple[str, Cell], ...]]:
    if not may(actor, "quality.read"):
        return None, ()
    try:
        days = quality.day_scores(actor, key, 1)
    except NotFound:
        return None, ()
    if not days:
        return None, ()
    found = days[0]
    return found.day, (
        (_("总分"), cell_of(found.total)),
        *((name, cell_of(found.by[it])) for it, name in dimension_names().items()),
    )


def _versions(actor: Actor, one: Resource, editor: bool) -> list[VersionRow]:
    rows = queries.revisions(one, actor, limit=20)
    return [
        VersionRow(it, tuple(describe_changes(it))[:20], editor and it.number is not None and it.number < one.version)
        for it in rows
    ]


def _links(one: Resource) -> tuple[tuple[str, str], ...]:
    """Return pages of other parts that speak of the same dataset."""
    found = []
    if one.kind != "external":
        found.append((_("血缘"), reverse("lineage-place", args=[one.key])))
    if one.kind == "case_type":
        found.append((_("案件类型"), reverse("case-type", args=[one.key])))
    if one.kind != "external" and one.sharing != "none" and one.state == Resource.State.PUBLISHED:
        found.append((_("申请使用"), f"{reverse('request-new')}?{urlencode({'dataset': one.key})}"))
    return tuple(found)
