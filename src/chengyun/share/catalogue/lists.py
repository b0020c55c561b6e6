# SPDX-License-Identifier: Apache-2.0
"""The three lists: what a body must provide, what it wants, what is kept back; and which resources answer a line.

A line is made, matched to a resource or declined with a reason, and struck off; never deleted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import may, require
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue.models import Entry, Item, Resource
from chengyun.share.catalogue.rights import may_edit, may_speak_for
from chengyun.share.catalogue.search import search
from chengyun.share.catalogue.sight import access_resource, visible
from chengyun.share.catalogue.text import fold

LEAST = 0.2


@dataclass(frozen=True, slots=True)
class Match:
    """A resource that may answer a line. share: of the wanted items it has, 0 to 1; None: none were named. items: those."""

    key: str
    name: str
    provider: str
    share: float | None
    items: tuple[str, ...]
    named: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list. resource_key, resource_name: what answers it, "" for none or one the reader may not know of.

    mine: whether the reader may settle it and take it off.
    """

    entry: Entry
    resource_key: str
    resource_name: str
    mine: bool


def lines(actor: Actor, which: str) -> list[Line]:
    """Return a list's lines that stand, what is open first, then the newest."""
    rows = list(Entry.objects.filter(list=which, removed_at=None).select_related("organisation__parent__parent", "resource"))
    seen = visible(actor, [one.resource_id for one in rows if one.resource_id])
    order = {Entry.State.OPEN: 0, Entry.State.DECLINED: 1, Entry.State.MATCHED: 2}
    rows.sort(key=lambda one: (order[Entry.State(one.state)], -one.made_at.timestamp(), -one.pk))
    mine = {body.pk: may_speak_for(actor, body) for body in {one.organisation_id: one.organisation for one in rows}.values()}
    return [
        Line(
            one,
            *((one.resource.key, one.resource.name) if one.resource and one.resource_id in seen else ("", "")),
            mine[one.organisation_id],
        )
        for one in rows
        if one.resource_id is None or one.resource_id in seen or which != Entry.List.NEGATIVE
    ]


def unlisted_refusals(actor: Actor) -> list[Resource]:
    """Return the published resources that are not shared and stand in no line of the negative list."""
    rows = list(
        Resource.objects.filter(sharing="none", state=Resource.State.PUBLISHED)
        .exclude(entries__list=Entry.List.NEGATIVE, entries__removed_at=None)
        .order_by("key")[:500]
    )
    seen = visible(actor, [one.pk for one in rows])
    return [one for one in rows if one.pk in seen]


def add(
    actor: Actor, which: str, title: str, organisation: Organisation, *, wanted: Sequence[str] = (), basis: str = "",
    purpose: str = "", resource_key: str = "", now: dt.datetime | None = None,
) -> Entry:  # fmt: skip
    """Put a line on a list. Raises Refused for what the list asks for and is missing."""
    now = now or timezone.now()
    require(actor, "catalogue.edit", organisation.area_code or None)
    if not may_speak_for(actor, organisation):
        raise _not_theirs(organisation)
    if which not in Entry.List.values:
        raise Refused(_("没有清单 %s。") % which, code="list")
    if not title.strip():
        raise Refused(_("请写明内容。"), code="title_missing", field="title")
    if which in (Entry.List.DUTY, Entry.List.NEGATIVE) and not basis.strip():
        raise Refused(_("责任清单和负面清单的每一条须写明依据的文件和条款。"), code="basis_missing", field="basis")
    if which == Entry.List.DEMAND and not purpose.strip():
        raise Refused(_("需求须写明用途。"), code="purpose_missing", field="purpose")
    resource = access_resource(actor, resource_key) if resource_key else None
    with transaction.atomic():
        one = Entry.objects.create(
            list=which, title=title.strip()[:300], organisation=organisation, area_code=organisation.area_code,
            wanted=[word.strip()[:200] for word in wanted if word.strip()][:100], basis=basis.strip()[:500],
            purpose=purpose.strip()[:300], resource=resource, state=Entry.State.MATCHED if resource else Entry.State.OPEN,
            made_by=actor.name[:100], made_at=now, settled_at=now if resource else None,
            settled_by=actor.name[:100] if resource else "",
        )  # fmt: skip
        audit.record(actor, "catalogue.list.add", "catalogue", str(one.pk), detail={"list": which})
    return one


def matches(actor: Actor, entry: Entry, limit: int = 5) -> list[Match]:
    """Return resources that may answer a line, best first: by the items it wants, then by its words.

    A duty is answered by the organisation's own resources alone.
    """
    found: dict[str, None] = {}
    for text in (entry.title, *entry.wanted[:10]):
        found |= dict.fromkeys(hit.key for hit in search(actor, text, limit=20).hits)
    rows = Resource.objects.filter(key__in=list(found), state=Resource.State.PUBLISHED)
    if entry.list == Entry.List.DUTY:
        rows = rows.filter(provider=entry.organisation_id)
    names: dict[int, set[str]] = {}
    chosen = {one.pk: one for one in rows}
    for pk, folded in Item.objects.filter(resource__in=chosen).values_list("resource_id", "folded"):
        names.setdefault(pk, set()).add(folded)
    wanted = {fold(word): word for word in entry.wanted}
    order = list(found)
    made = []
    for pk, one in chosen.items():
        have = tuple(word for folded, word in wanted.items() if any(folded in name for name in names.get(pk, ())))
        share = len(have) / len(wanted) if wanted else None
        named = fold(entry.title) in fold(one.name) or fold(one.name) in fold(entry.title)
        if named or share is None or share >= LEAST:
            made.append(Match(one.key, one.name, one.provider_name, share, have, named))
    return sorted(made, key=lambda it: (-(it.share or 0), not it.named, order.index(it.key)))[:limit]


def settle(actor: Actor, entry_id: int, *, resource_key: str = "", note: str = "", now: dt.datetime | None = None) -> Entry:
    """Match a line to a resource, or decline it with a reason. Raises Refused.

    What somebody wants is also matched by whoever provides it.
    """
    now = now or timezone.now()
    with transaction.atomic():
        one = _standing(actor, entry_id)
        if resource_key:
            one.resource, one.state = access_resource(actor, resource_key), Entry.State.MATCHED
            if not may_speak_for(actor, one.organisation) and not (
                one.list == Entry.List.DEMAND and may_edit(actor, one.resource)
            ):
                raise _not_theirs(one.organisation)
            if one.list == Entry.List.DUTY and one.resource.provider_id != one.organisation_id:
                raise Refused(_("责任清单的一条只能由责任部门自己的资源落实。"), code="other_provider")
        elif not may_speak_for(actor, one.organisation):
            raise _not_theirs(one.organisation)
        elif note.strip():
            one.resource, one.state = None, Entry.State.DECLINED
        else:
            raise Refused(_("请选择对应的信息资源，或写明不能提供的原因。"), code="answer_missing")
        one.note, one.settled_by, one.settled_at = note.strip()[:500], actor.name[:100], now
        one.save()
        audit.record(actor, "catalogue.list.settle", "catalogue", str(one.pk), detail={"state": one.state})
    return one


def strike(actor: Actor, entry_id: int, now: dt.datetime | None = None) -> None:
    """Take a line off its list."""
    with transaction.atomic():
        one = _standing(actor, entry_id)
        if not may_speak_for(actor, one.organisation):
            raise _not_theirs(one.organisation)
        one.removed_at = now or timezone.now()
        one.save(update_fields=["removed_at"])
        audit.record(actor, "catalogue.list.strike", "catalogue", str(one.pk))


def _standing(actor: Actor, entry_id: int) -> Entry:
    found = Entry.objects.select_for_update().filter(pk=entry_id, removed_at=None).first()
    if found is None or not may(actor, "catalogue.edit", found.area_code or None):
        raise NotFound(_("没有找到。"))
    return found


def _not_theirs(body: Organisation) -> Refused:
    return Refused(_("只有%s、其上级和数据主管部门可以这样办理它的清单条目。") % body.name, code="not_allowed")
