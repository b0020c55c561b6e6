# SPDX-License-Identifier: Apache-2.0
"""The dictionary of data elements: what people add to what packs declare, each change let through by somebody else.

    propose ─▶ submitted ─review─▶ accepted (a new version)
                   └─────────────▶ returned, with the reason

What a pack declares of an element (name, type, meaning, source) is the pack's; people add the rest. An element is never deleted:
it is withdrawn, once no field is bound to it any more. Binding a field is a change of its resource, reviewed as any other.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import may, require
from chengyun.city.elements import ELEMENT_KEY, ELEMENT_TYPES
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.catalogue import services
from chengyun.share.catalogue.fields import item_values
from chengyun.share.catalogue.models import DataElement, ElementChange, Item, Resource, Revision
from chengyun.share.catalogue.rights import sign_off
from chengyun.share.catalogue.sight import access_resource

__all__ = [
    "DECLARED", "FIELDS", "access_change", "bind", "discard", "may_propose", "may_review", "propose", "retire", "review",
    "values_of", "waiting_for",
]  # fmt: skip

Kind = Literal["text", "long", "number", "words", "flag", "type"]
FIELDS: Mapping[str, tuple[Promise, Kind]] = {
    "name": (gettext_lazy("名称"), "text"),
    "name_en": (gettext_lazy("英文名称"), "text"),
    "synonyms": (gettext_lazy("同义名称"), "words"),
    "definition": (gettext_lazy("定义"), "long"),
    "object_class": (gettext_lazy("对象类词"), "text"),
    "property_word": (gettext_lazy("特性词"), "text"),
    "representation": (gettext_lazy("表示词"), "text"),
    "type": (gettext_lazy("数据类型"), "type"),
    "length": (gettext_lazy("长度"), "number"),
    "format": (gettext_lazy("数据格式"), "text"),
    "domain": (gettext_lazy("值域"), "long"),
    "unit": (gettext_lazy("计量单位"), "text"),
    "relation": (gettext_lazy("关系"), "text"),
    "source": (gettext_lazy("数据源"), "text"),
    "personal": (gettext_lazy("个人信息"), "flag"),
    "submitter": (gettext_lazy("提交机构"), "text"),
    "note": (gettext_lazy("备注"), "long"),
}
"""What people write of an element, in the order of the standard. Standard: GB/T 19488.1-2004, 6."""
DECLARED = frozenset({"name", "type", "length", "definition", "source", "personal"})
"""What is the declaration's to say, of an element that a pack or the kernel declares."""
END = ("withdrawn", "replaced_by")
FORMAT = re.compile(
    r"[acn]{1,3}(?:\.\.)?(?P<size>[1-9]\d{0,4})(?:,\d{1,2})?|ul"
    r"|YYYY(?:-?MM(?:-?DD)?)?(?:[ T]?hh(?::?mm(?::?ss)?)?)?|hh:?mm(?::?ss)?"
)
"""Letters (a, c for any character, n for digits) with a length, `..` for at most; or how a date is written."""


def propose(actor: Actor, key: str, values: Mapping[str, Any], reason: str = "", now: dt.datetime | None = None) -> ElementChange:
    """Hand a change of an element, or a new element, to review. Raises Refused with the first thing wrong.

    values: fields to set; those left out stay as they are.
    """
    if unknown := next((name for name in values if name not in FIELDS), None):
        raise Refused(f"Field {unknown!r} cannot be set.{nearest(unknown, FIELDS)}", code="unknown_field", field=unknown)
    return _propose(actor, key.strip(), {name: _plain(name, value) for name, value in values.items()}, reason, now)


def retire(actor: Actor, key: str, reason: str, replaced_by: str = "", now: dt.datetime | None = None) -> ElementChange:
    """Propose that an element is used no more. Raises Refused while fields are bound to it, or a pack declares it."""
    if not reason.strip():
        raise Refused(_("停用须写明原因。"), code="reason_missing", field="reason")
    return _propose(actor, key, {"withdrawn": True, "replaced_by": replaced_by.strip()}, reason, now)


def bind(
    actor: Actor,
    element: str,
    resource: str,
    field: str,
    *,
    source: bool = False,
    reason: str = "",
    now: dt.datetime | None = None,
) -> Revision:
    """Propose that a field of a resource is this element; "" that it is none. It waits for review. Raises Refused or NotFound.

    source: the resource says that it is the source of record of the element.
    """
    with transaction.atomic():
        one = access_resource(actor, resource)
        items = item_values(list(one.items.order_by("position", "id")))
        named = next((item for item in items if item["key"] == field), None)
        if named is None:
            keys = [str(item["key"]) for item in items]
            raise Refused(
                _("%(resource)s 没有字段 %(field)s。") % {"resource": one.name, "field": field} + meant(field, keys),
                code="field_unknown", field="field",
            )  # fmt: skip
        named["element"], named["source_of_record"] = element or None, bool(element) and source
        said = reason.strip() or (_("绑定数据元 %s") % element if element else _("解除数据元"))
        draft = services.propose(actor, resource, {}, items, reason=said, now=now)
        return services.submit(actor, draft.pk, now)


def review(actor: Actor, number: int, *, accept: bool, note: str = "", now: dt.datetime | None = None) -> ElementChange:
    """Let a change through, or return it with a reason. Nobody reviews their own. Raises Refused."""
    now = now or timezone.now()
    with transaction.atomic():
        one = access_change(actor, number, lock=True)
        if not may_review(actor):
            require(actor, "catalogue.review", "")
        sign_off(actor, one, accept=accept, note=note, now=now)
        if accept:
            _apply(one, timezone.localdate(now))
        else:
            one.state = ElementChange.State.RETURNED
        one.save()
        deed = "accept" if accept else "return"
        audit.record(actor, f"catalogue.element_{deed}", "catalogue", one.element, detail={"version": one.number})
    return one


def discard(actor: Actor, number: int) -> None:
    """Take one's own change back."""
    with transaction.atomic():
        one = access_change(actor, number, lock=True)
        if one.author_id != actor.account_id or one.state != ElementChange.State.SUBMITTED:
            raise Refused(_("只能撤回自己尚未审核的修改。"), code="not_allowed")
        one.state, one.note = ElementChange.State.RETURNED, _("编辑人撤回。")
        one.save(update_fields=["state", "note"])
        audit.record(actor, "catalogue.element_discard", "catalogue", one.element)


def access_change(actor: Actor, number: int, *, lock: bool = False) -> ElementChange:
    """Return a change that the actor made, may review, or that became a version. Raises NotFound."""
    rows = ElementChange.objects.select_for_update() if lock else ElementChange.objects.all()
    found = rows.filter(pk=number).first()
    if found is not None and (found.state == ElementChange.State.ACCEPTED or _own(actor, found) or may_review(actor)):
        return found
    raise NotFound(_("没有找到。"))


def may_propose(actor: Actor) -> bool:
    return may(actor, "catalogue.edit")


def may_review(actor: Actor) -> bool:
    """Say whether an actor reviews elements: they are the whole city's, and so is the post that lets them through."""
    return may(actor, "catalogue.review", "")


def waiting_for(actor: Actor) -> list[ElementChange]:
    """Return the changes that wait for an actor's review, the longest waiting first."""
    if not may_review(actor):
        return []
    rows = ElementChange.objects.filter(state=ElementChange.State.SUBMITTED).exclude(author=actor.account_id)
    return list(rows.order_by("made_at", "id"))


def values_of(one: DataElement) -> dict[str, Any]:
    """Return an element's fields as JSON keeps them."""
    return {name: list(getattr(one, name)) if kind == "words" else getattr(one, name) for name, (_label, kind) in FIELDS.items()}


def _propose(actor: Actor, key: str, given: Mapping[str, Any], reason: str, now: dt.datetime | None) -> ElementChange:
    require(actor, "catalogue.edit")
    if not ELEMENT_KEY.fullmatch(key):
        raise Refused(_("标识 %s 应为“事物.性质”，小写英文，如 person.name。") % key, code="key", field="key")
    with transaction.atomic():
        one = DataElement.objects.select_for_update().filter(key=key).first()
        before = _all_of(one or DataElement(key=key, type=""))
        changes = {name: [before[name], value] for name, value in given.items() if before[name] != value}
        if not changes:
            raise Refused(_("没有改变任何内容。"), code="nothing_changed")
        _require_sound(one, key, {**before, **given}, changes)
        try:
            with transaction.atomic():
                made = ElementChange.objects.create(
                    element=key, base=one.version if one else 0, changes=changes, reason=reason.strip()[:300],
                    author_id=actor.account_id, author_name=actor.name[:100], made_at=now or timezone.now(),
                )  # fmt: skip
        except IntegrityError as twice:
            raise Refused(_("%s 已有一项修改待审核；请等其审核或撤回后再改。") % key, code="under_review") from twice
        audit.record(actor, "catalogue.element_propose", "catalogue", key, detail={"fields": sorted(changes)})
    return made


def _require_sound(one: DataElement | None, key: str, after: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Raise Refused with the first thing that a change makes wrong."""
    if one is not None and one.declared and (fixed := sorted(changes.keys() & {*DECLARED, *END})):
        said = "、".join(dict.fromkeys(str(FIELDS[name][0]) if name in FIELDS else _("停用") for name in fixed))
        raise Refused(_("%(key)s 由应用包声明，%(said)s 不能在此修改。") % {"key": key, "said": said}, code="declared")
    for rule in (_written, _typed, _formatted, _unique, _sourced, _ended):
        rule(one, key, after, changes)


_Rule = Callable[["DataElement | None", str, Mapping[str, Any], Mapping[str, Any]], None]


def _written(_one: DataElement | None, _key: str, after: Mapping[str, Any], _changes: Mapping[str, Any]) -> None:
    for name in ("name", "definition"):
        if not after[name]:
            raise Refused(_("请填写%s。") % FIELDS[name][0], code="missing", field=name)
    for name, (label, kind) in FIELDS.items():
        longest = getattr(DataElement._meta.get_field(name), "max_length", None) if kind in ("text", "long") else None
        if longest and len(after[name]) > longest:
            raise Refused(_("%(label)s 至多 %(longest)d 字。") % {"label": label, "longest": longest}, code="long", field=name)
    if any(len(word) > 200 for word in after["synonyms"]) or len(after["synonyms"]) > 30:
        raise Refused(_("同义名称至多 30 个，每个至多 200 字。"), code="long", field="synonyms")


def _typed(_one: DataElement | None, _key: str, after: Mapping[str, Any], _changes: Mapping[str, Any]) -> None:
    if after["type"] not in ELEMENT_TYPES:
        raise Refused(_("请选择数据类型。"), code="type", field="type")
    if after["length"] is not None and not 1 <= after["length"] <= 1_000_000:
        raise Refused(_("长度是 1 到 1000000 的整数，或留空。"), code="length", field="length")


def _formatted(_one: DataElement | None, _key: str, after: Mapping[str, Any], _changes: Mapping[str, Any]) -> None:
    if not after["format"]:
        return
    found = FORMAT.fullmatch(after["format"])
    if found is None:
        raise Refused(_("数据格式 %s 应如 c..50、an18、n..10,2 或 YYYYMMDD。") % after["format"], code="format", field="format")
    if found["size"] and after["length"] and int(found["size"]) != after["length"]:
        raise Refused(
            _("数据格式 %(format)s 与长度 %(length)d 不一致。") % {"format": after["format"], "length": after["length"]},
            code="format", field="format",
        )  # fmt: skip


def _unique(_one: DataElement | None, key: str, after: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """One meaning, one element: a name stands once among those in use."""
    if "name" not in changes:
        return
    twin = DataElement.objects.filter(name=after["name"], withdrawn=False).exclude(key=key).first()
    if twin is not None:
        raise Refused(
            _("已有数据元 %(key)s 名为“%(name)s”：请绑定到它，或加以区分。") % {"key": twin.key, "name": twin.name},
            code="name_taken", field="name",
        )  # fmt: skip


def _sourced(_one: DataElement | None, key: str, after: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    if "source" not in changes or not after["source"]:
        return
    dataset, _dot, field = after["source"].rpartition(".")
    if not Item.objects.filter(resource__key=dataset, key=field).exclude(resource__state=Resource.State.WITHDRAWN).exists():
        raise Refused(
            _("数据源 %s 不是目录里的“资源.字段”。") % after["source"], code="source", field="source",
        )  # fmt: skip
    other = DataElement.objects.filter(source=after["source"], withdrawn=False).exclude(key=key).first()
    if other is not None:
        raise Refused(
            _("%(source)s 已是数据元 %(key)s 的数据源。") % {"source": after["source"], "key": other.key},
            code="source_taken", field="source",
        )  # fmt: skip


def _ended(one: DataElement | None, key: str, after: Mapping[str, Any], _changes: Mapping[str, Any]) -> None:
    if not after["withdrawn"]:
        return
    if one is None:
        raise NotFound(_("没有找到。"))
    bound = one.items.exclude(resource__state=Resource.State.WITHDRAWN).count()
    if bound:
        raise Refused(_("%(key)s 还绑定着 %(count)d 个字段；请先改绑或解除。") % {"key": key, "count": bound}, code="bound")
    instead = after["replaced_by"]
    if instead and (instead == key or not DataElement.objects.filter(key=instead, withdrawn=False).exists()):
        known = DataElement.objects.filter(withdrawn=False).values_list("key", flat=True)
        raise Refused(_("没有可以改用的数据元 %s。") % instead + meant(instead, known), code="replaced_by", field="replaced_by")


def _apply(change: ElementChange, today: dt.date) -> None:
    """Make a change the element's next version."""
    one = DataElement.objects.select_for_update().filter(key=change.element).first()
    if (one.version if one else 0) != change.base:
        raise Refused(_("%s 在提交之后又被改过；请退回，在新版本上重做。") % change.element, code="changed_meanwhile")
    made = one or DataElement(key=change.element, type="", version=0)
    after = {name: pair[1] for name, pair in change.changes.items()}
    _require_sound(one, change.element, {**_all_of(made), **after}, change.changes)
    for name, value in after.items():
        setattr(made, name, value)
    made.version, made.approved_on = change.base + 1, today
    made.save()
    change.state, change.number = ElementChange.State.ACCEPTED, made.version


def _all_of(one: DataElement) -> dict[str, Any]:
    return values_of(one) | {name: getattr(one, name) for name in END}


def _plain(name: str, value: Any) -> Any:
    """Return a field's value as it is kept: texts without blanks around them, words without doubles."""
    match FIELDS[name][1]:
        case "words":
            return list(dict.fromkeys(word for it in value if (word := str(it).strip())))
        case "flag":
            return bool(value)
        case "number":
            return value
        case _:
            return str(value).strip()


def _own(actor: Actor, change: ElementChange) -> bool:
    return change.author_id is not None and change.author_id == actor.account_id
