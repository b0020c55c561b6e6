# SPDX-License-Identifier: Apache-2.0
"""Versions of a resource: what each changed, in words, and what stood in the catalogue at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chengyun.access.models import Account, Organisation
from chengyun.errors import Refused
from chengyun.share.catalogue.fields import FIELDS, item_values, label, values_of
from chengyun.share.catalogue.models import Resource, Revision
from chengyun.share.catalogue.vocabulary import CYCLES, SHARING, STATES, WAYS


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a difference. before, after: in words; "" for nothing."""

    field: str
    label: str
    before: str
    after: str


def values_at(one: Resource, number: int) -> dict[str, Any]:
    """Return a resource's fields and items as they were in a version, as JSON keeps them. Raises Refused for none such.

    Walked back from now, over every later change. Items that came or went by declaration are not walked back.
    """
    later = list(one.revisions.filter(state=Revision.State.ACCEPTED, number__gt=number).order_by("-number"))
    if not 1 <= number <= one.version:
        raise Refused(
            _("没有版本 %(number)d；共有 %(last)d 个版本。") % {"number": number, "last": one.version}, code="no_version"
        )
    values = values_of(one)
    values["items"] = item_values(list(one.items.order_by("position", "id")))
    for revision in later:
        for name, (before, _after) in revision.changes.items():
            if (name in FIELDS or name == "items") and before is not None:
                values[name] = before
    return values


def describe_changes(one: Revision) -> list[Change]:
    """Return what a revision changes, field by field, items one by one."""
    changes = one.changes  # PostgreSQL keeps them by the length of their names; they are told in the order of the guide
    found = [Change(name, label(name), *(_words(name, it) for it in changes[name])) for name in FIELDS if name in changes]
    if "items" in changes:
        before, after = changes["items"]
        found += _item_changes(before or [], after or [])
    return found


def _item_changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Change]:
    old, new = {item["key"]: item for item in before}, {item["key"]: item for item in after}
    changed = [
        Change("items", f"{label('items')} {key}", _item(old.get(key)), _item(new.get(key)))
        for key in [*old, *(key for key in new if key not in old)]
        if old.get(key) != new.get(key)
    ]
    if not changed and [*old] != [*new]:
        changed.append(Change("items", label("items"), "、".join(old), "、".join(new)))
    return changed


def _item(item: dict[str, Any] | None) -> str:
    if item is None:
        return ""
    size = f"({item['length']})" if item["length"] else ""
    marks = [
        f"{item['name']} {item['type']}{size}", item["definition"] or "", item["element"] or "",
        _("个人信息") if item["personal"] else "", _("数据源") if item["source_of_record"] else "",
    ]  # fmt: skip
    return " · ".join(mark for mark in marks if mark)


def _words(name: str, value: Any) -> str:
    if value is None:
        return ""
    known = {"sharing": SHARING, "cycle": CYCLES, "state": STATES}.get(name)
    if known is not None:
        return str(known.get(value, value))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if name == "ways":
        return "、".join(str(WAYS.get(one, one)) for one in value)
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    if name == "provider":
        return str(Organisation.objects.filter(pk=value).first() or value)
    if name == "owner":
        return str(Account.objects.filter(pk=value).first() or value)
    return str(value)
