# SPDX-License-Identifier: Apache-2.0
"""What happens to a resource by people: a change is proposed, submitted, and let through or returned by somebody else.

    propose ─▶ draft ─submit─▶ submitted ─review─▶ accepted (a new version)
                 ▲                  └──────────────▶ returned

A change may not bring in a fault (rules.py); what was wrong before stays listed. Every deed is recorded in the same transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.models import Organisation
from chengyun.access.policy import require
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.catalogue.fields import DECLARED_ITEM_FIELDS, FIELDS, ITEM_FIELDS, apply, item_values, label, values_of
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import DataElement, Item, Provider, Resource, Revision
from chengyun.share.catalogue.rights import may_edit, may_review, may_speak_for, require_edit, sign_off
from chengyun.share.catalogue.rules import Fault, faults, uscc_fault
from chengyun.share.catalogue.sight import access_resource
from chengyun.share.catalogue.text import fold
from chengyun.share.catalogue.versions import describe_changes, values_at

__all__ = [
    "access_revision", "all_faults", "describe_changes", "discard", "others_change", "propose", "register",
    "restore", "review", "set_provider", "submit", "unfinished", "withdraw",
]  # fmt: skip

OPEN = (Revision.State.DRAFT, Revision.State.SUBMITTED)


def propose(
    actor: Actor, key: str, values: Mapping[str, Any], items: Sequence[Mapping[str, Any]] | None = None, *, reason: str = "",
    now: dt.datetime | None = None,
) -> Revision:  # fmt: skip
    """Keep a change of a resource as the actor's draft; a draft of theirs that stands is replaced. Raises Refused.

    values: fields to set, as JSON keeps them. items: the whole list, or None: as it is.
    """
    now = now or timezone.now()
    with transaction.atomic():
        one = access_resource(actor, key, lock=True)
        require_edit(actor, one)
        if one.version == 0:
            values = {"state": Resource.State.PUBLISHED, **values}  # what was never accepted is proposed to be there
        changes = _changes(one, values, items)
        if not changes:
            raise Refused(_("没有改变任何内容。"), code="nothing_changed")
        standing = one.revisions.filter(state__in=OPEN).first()
        if standing is not None and standing.author_id != actor.account_id:
            raise Refused(
                _("%(who)s 已有一项修改待完成；请等其审核或退回，或请审核人搁置其草稿后再改。") % {"who": standing.author_name},
                code="under_change",
            )
        if standing is not None and standing.state == Revision.State.SUBMITTED:
            raise Refused(_("您的修改正在审核；请先撤回。"), code="under_review")
        if standing is not None:
            standing.delete()
        draft = Revision.objects.create(
            resource=one, base=one.version, changes=changes, reason=reason.strip()[:300], author_id=actor.account_id,
            author_name=actor.name[:100], made_at=now,
        )  # fmt: skip
        audit.record(actor, "catalogue.propose", "catalogue", key, detail={"fields": sorted(changes)})
    return draft


def register(
    actor: Actor, values: Mapping[str, Any], items: Sequence[Mapping[str, Any]] = (), *, now: dt.datetime | None = None
) -> Revision:
    """Make a resource that is kept elsewhere, as a draft with its first change. Raises Refused."""
    now = now or timezone.now()
    require(actor, "catalogue.edit")
    name = str(values.get("name", "")).strip()
    with transaction.atomic():
        provider = Organisation.objects.filter(pk=values.get("provider") or 0).first()
        one = Resource(
            key=_free_key(name), kind="external", name=name[:300], provider=provider, version=0,
            provider_name=provider.name if provider else "", area_code=provider.area_code if provider else "",
        )  # fmt: skip
        if not may_edit(actor, one):
            raise Refused(_("您只能登记本部门的信息资源。"), code="not_allowed")
        one.save()
        write_listings([one])
        return propose(actor, one.key, values, list(items) or None, now=now)


def unfinished(actor: Actor, one: Resource) -> Revision | None:
    """Return the actor's own change that they go on with: a draft, or a submission that came back and nothing followed."""
    newest = one.revisions.order_by("-id").first()
    if newest is None or newest.author_id is None or newest.author_id != actor.account_id:
        return None
    came_back = newest.state == Revision.State.RETURNED and newest.submitted_at is not None
    return newest if newest.state == Revision.State.DRAFT or came_back else None


def others_change(actor: Actor, one: Resource) -> str:
    """Return the name of whoever else has a change of a resource under way, so that no other can be proposed; "": nobody."""
    standing = one.revisions.filter(state__in=OPEN).first()
    return standing.author_name if standing is not None and standing.author_id != actor.account_id else ""


def submit(actor: Actor, revision_id: int, now: dt.datetime | None = None) -> Revision:
    """Hand a draft to review. Raises Refused with every fault the change brings in."""
    now = now or timezone.now()
    with transaction.atomic():
        draft = access_revision(actor, revision_id, lock=True)
        require(actor, "catalogue.edit")
        if draft.author_id != actor.account_id or draft.state != Revision.State.DRAFT:
            raise Refused(_("只有编辑人可以提交自己的草稿。"), code="not_allowed")
        _require_sound(draft, timezone.localdate(now))
        draft.state, draft.submitted_at = Revision.State.SUBMITTED, now
        draft.save(update_fields=["state", "submitted_at"])
        if draft.resource.state == Resource.State.DRAFT:
            draft.resource.state = Resource.State.REVIEW
            draft.resource.save(update_fields=["state", "changed_at"])
            write_listings([draft.resource])
        audit.record(actor, "catalogue.submit", "catalogue", draft.resource.key)
    return draft


def discard(actor: Actor, revision_id: int) -> None:
    """Take back one's own draft or submission; a reviewer sets aside a draft that somebody left and that keeps others waiting."""
    with transaction.atomic():
        draft = access_revision(actor, revision_id, lock=True)
        own = draft.author_id == actor.account_id and draft.state in OPEN
        left = draft.state == Revision.State.DRAFT and may_review(actor, draft.resource)
        if not own and not left:
            raise Refused(_("只能撤回自己尚未审核的修改，或由审核人搁置他人未提交的草稿。"), code="not_allowed")
        draft.state = Revision.State.RETURNED
        draft.note = _("编辑人撤回。") if own else _("由 %s 搁置。") % actor.name[:100]
        draft.save(update_fields=["state", "note"])
        _back_to_draft(draft.resource)
        audit.record(actor, "catalogue.discard", "catalogue", draft.resource.key)


def review(actor: Actor, revision_id: int, *, accept: bool, note: str = "", now: dt.datetime | None = None) -> Revision:
    """Let a submitted change through, or return it with a reason. Nobody reviews their own. Raises Refused."""
    now = now or timezone.now()
    with transaction.atomic():
        one = access_revision(actor, revision_id, lock=True)
        require(actor, "catalogue.review")
        if not may_review(actor, one.resource):
            said = _("只有提供方“%s”、其上级、运行中心和数据主管部门的审核人可以审核。")
            raise Refused(said % (one.resource.provider_name or "—"), code="not_allowed")
        sign_off(actor, one, accept=accept, note=note, now=now)
        if accept:
            _require_sound(one, timezone.localdate(now))
            _apply(one)
        else:
            one.state = Revision.State.RETURNED
            _back_to_draft(one.resource)
        one.save()
        audit.record(
            actor, f"catalogue.{'accept' if accept else 'return'}", "catalogue", one.resource.key, detail={"version": one.number}
        )
    return one


def withdraw(actor: Actor, key: str, reason: str, now: dt.datetime | None = None) -> Revision:
    """Propose that a resource is no longer offered. It stays in the catalogue, marked. Raises Refused."""
    if not reason.strip():
        raise Refused(_("撤销须写明原因。"), code="reason_missing")
    return propose(actor, key, {"state": Resource.State.WITHDRAWN}, reason=reason, now=now)


def restore(actor: Actor, key: str, number: int, now: dt.datetime | None = None) -> Revision:
    """Propose that a resource is again as it was in a version. Raises Refused."""
    one = access_resource(actor, key)
    values = values_at(one, number)
    items = values.pop("items", None)
    return propose(actor, key, values, items, reason=_("恢复到版本 %d") % number, now=now)


def set_provider(actor: Actor, organisation: Organisation, code: str, contact: str = "") -> Provider:
    """Keep an organisation's unified social credit code and contact, for all its resources. Raises Refused."""
    require(actor, "catalogue.edit", organisation.area_code or None)
    if not may_speak_for(actor, organisation):
        raise Refused(_("只有%s、其上级和数据主管部门可以改它的代码和联系方式。") % organisation.name, code="not_allowed")
    code = code.strip().upper()
    if code and (wrong := uscc_fault(code)) is not None:
        raise Refused(wrong.sentence, code="uscc", field="provider_code")
    with transaction.atomic():
        taken = (
            Provider.objects.filter(code=code).exclude(pk=organisation.pk).select_related("organisation").first()
            if code
            else None
        )
        if taken is not None:
            raise Refused(
                _("统一社会信用代码 %(code)s 已属于 %(who)s；请核对。") % {"code": code, "who": taken.organisation.name},
                code="uscc_taken",
            )
        one, _made = Provider.objects.update_or_create(
            organisation=organisation, defaults={"code": code, "contact": contact.strip()[:200]}
        )
        audit.record(actor, "catalogue.provider", "catalogue", organisation.key)
    return one


def access_revision(actor: Actor, revision_id: int, *, lock: bool = False) -> Revision:
    """Return a revision that the actor wrote, may review, or that became a version. Raises NotFound."""
    rows = Revision.objects.select_for_update(of=("self", "resource")) if lock else Revision.objects.all()
    found = rows.select_related("resource").filter(pk=revision_id).first()
    if found is not None:
        access_resource(actor, found.resource.key)
        mine = found.author_id is not None and found.author_id == actor.account_id
        if mine or found.state == Revision.State.ACCEPTED or may_review(actor, found.resource):
            return found
    raise NotFound(_("没有找到。"))


def all_faults(one: Resource, today: dt.date) -> list[Fault]:
    """Return everything wrong with a resource as it is, its provider's code included."""
    found = faults({**values_of(one), "origin": one.origin}, item_values(list(one.items.order_by("position", "id"))), today)
    return [*found, *_among_others(one, one.name, one.provider_id)]


def _changes(one: Resource, values: Mapping[str, Any], items: Sequence[Mapping[str, Any]] | None) -> dict[str, list[Any]]:
    for name in values:
        if name not in FIELDS:
            raise Refused(f"Field {name!r} cannot be set.{nearest(name, FIELDS)}", code="unknown_field", field=name)
    before = values_of(one)
    # A code that was left empty is given by the program when the change is accepted.
    given = {name: None if name == "code" and value == "" else value for name, value in values.items()}
    changes = {name: [before[name], value] for name, value in given.items() if before[name] != value}
    if one.kind != "external" and {"secret"} & changes.keys() and one.provider_id is None and given["secret"]:
        raise Refused(_("没有提供方的资源不能标为涉密。"), code="secret")
    if items is not None:
        old = item_values(list(one.items.order_by("position", "id")))
        new = [{name: item.get(name) for name in ITEM_FIELDS} for item in items]
        if one.kind != "external":
            kept = ("key", "type", "length")
            if [[item[name] for name in kept] for item in new] != [[item[name] for name in kept] for item in old]:
                raise Refused(
                    _("字段、数据类型和长度来自数据本身的声明，不能在目录里改；可改名称、说明、个人信息、数据元和数据源。"),
                    code="declared",
                )
        if old != new:
            changes["items"] = [old, new]
    return changes


def _require_sound(one: Revision, today: dt.date) -> None:
    """Raise Refused with what the change makes wrong that was not wrong before."""
    before = values_of(one.resource)
    after = before | {name: pair[1] for name, pair in one.changes.items() if name != "items"}
    old_items = item_values(list(one.resource.items.order_by("position", "id")))
    new_items = one.changes["items"][1] if "items" in one.changes else old_items
    origin = {"origin": one.resource.origin}
    new = faults({**after, **origin}, new_items, today) + _among_others(one.resource, after["name"], after["provider"])
    if one.resource.version > 0:
        known = {(it.field, it.found, it.expected) for it in faults({**before, **origin}, old_items, today)}
        new = [it for it in new if (it.field, it.found, it.expected) not in known]
    named = {item["element"] for item in new_items if item["element"]}
    missing = named - set(DataElement.objects.filter(key__in=named, withdrawn=False).values_list("key", flat=True))
    known_elements = list(DataElement.objects.filter(withdrawn=False).values_list("key", flat=True)) if missing else []
    new += [
        Fault("items", str(key), _("已登记的数据元"), meant(str(key), known_elements).strip() or _("请从数据元页选择。"))
        for key in sorted(missing)
    ]
    if new:
        raise Refused(" ".join(it.sentence for it in new), code="faults", fields=sorted({it.field for it in new}), faults=new)


def _among_others(one: Resource, name: str, provider: int | None) -> list[Fault]:
    """Return what is wrong beside other resources: a name stands once within a provider."""
    twin = (
        Resource.objects.filter(provider=provider, name=name).exclude(pk=one.pk).exclude(state=Resource.State.WITHDRAWN).first()
        if provider is not None else None
    )  # fmt: skip
    return [Fault("name", name, _("提供方内唯一的名称"), _("资源 %s 已用此名，请加以区分。") % twin.key)] if twin else []


def _apply(one: Revision) -> None:
    """Make a revision the resource's next version."""
    resource = one.resource
    current = values_of(resource)
    for name, (before, _after) in one.changes.items():
        under_review = name == "state" and current[name] == Resource.State.REVIEW  # submitting did that
        if name != "items" and not under_review and current[name] != before:
            raise Refused(
                _("“%s”在提交之后又被改过；请退回，由编辑人在新版本上重做。") % label(name), code="changed_meanwhile", field=name
            )
    if "items" in one.changes and item_values(list(resource.items.order_by("position", "id"))) != one.changes["items"][0]:
        raise Refused(_("信息项在提交之后又被改过；请退回，由编辑人在新版本上重做。"), code="changed_meanwhile", field="items")
    apply(resource, {name: pair[1] for name, pair in one.changes.items()})
    if "provider" in one.changes:
        body = Organisation.objects.filter(pk=resource.provider_id or 0).first()
        resource.provider_name, resource.area_code = (body.name, body.area_code) if body else ("", "")
    if "state" in one.changes:
        resource.withdrawn_because = one.reason if resource.state == Resource.State.WITHDRAWN else ""
    if resource.code is None and resource.class_code:
        resource.code = f"{resource.class_code}/{resource.pk:06d}"
    resource.version += 1
    resource.edited = sorted({*resource.edited, *(name for name in one.changes if name != "items")})
    try:
        with transaction.atomic():
            resource.save()
    except IntegrityError as clash:
        raise Refused(
            _("信息资源代码 %s 已被使用；请留空由程序编号。") % resource.code, code="code_taken", field="code"
        ) from clash
    if "items" in one.changes:
        _apply_items(resource, one.changes["items"][1])
    one.state, one.number = Revision.State.ACCEPTED, resource.version
    write_listings([resource])


def _apply_items(resource: Resource, wanted: Sequence[Mapping[str, Any]]) -> None:
    known = {item.key: item for item in resource.items.all()}
    for position, said in enumerate(wanted):
        item = known.pop(said["key"], None) or Item(resource=resource, key=said["key"])
        set_by_hand = set(item.edited)
        for name in ITEM_FIELDS[1:]:
            attribute = "element_id" if name == "element" else name
            if getattr(item, attribute) != (said[name] or None if name == "element" else said[name]):
                setattr(item, attribute, said[name] or None if name == "element" else said[name])
                if name in DECLARED_ITEM_FIELDS:
                    set_by_hand.add(name)
        item.position, item.folded, item.edited = position, fold(item.name)[:200], sorted(set_by_hand)
        item.save()
    Item.objects.filter(pk__in=[item.pk for item in known.values()]).delete()


def _back_to_draft(resource: Resource) -> None:
    if resource.state == Resource.State.REVIEW:
        resource.state = Resource.State.DRAFT
        resource.save(update_fields=["state", "changed_at"])
        write_listings([resource])


def _free_key(name: str) -> str:
    stem = f"ext.{slugify(name, allow_unicode=True)[:100] or 'resource'}"
    taken = set(Resource.objects.filter(key__startswith=stem).values_list("key", flat=True))
    return next(key for number in range(1, len(taken) + 2) if (key := stem if number == 1 else f"{stem}-{number}") not in taken)
