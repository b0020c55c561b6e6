# SPDX-License-Identifier: Apache-2.0
"""The fields of a resource that people set: their names, and their values between forms, files, versions and the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chengyun.share.catalogue.models import Item, Resource

Kind = Literal["text", "words", "flag", "day", "key"]
FIELDS: Mapping[str, tuple[Promise, Kind]] = {
    "class_code": (_("信息资源分类"), "text"),
    "name": (_("信息资源名称"), "text"),
    "name_en": (_("英文名称"), "text"),
    "code": (_("信息资源代码"), "key"),
    "provider": (_("信息资源提供方"), "key"),
    "summary": (_("信息资源摘要"), "text"),
    "keywords": (_("关键词"), "words"),
    "formats": (_("信息资源格式"), "words"),
    "secret": (_("涉密"), "flag"),
    "sharing": (_("共享类型"), "text"),
    "condition": (_("共享条件"), "text"),
    "ways": (_("共享方式"), "words"),
    "basis": (_("不予共享的依据"), "text"),
    "open": (_("是否向社会开放"), "flag"),
    "open_condition": (_("开放条件"), "text"),
    "cycle": (_("更新周期"), "text"),
    "published_on": (_("发布日期"), "day"),
    "related": (_("关联资源代码"), "words"),
    "personal": (_("含个人信息"), "flag"),
    "contact": (_("联系方式"), "text"),
    "owner": (_("责任人"), "key"),
    "url": (_("网址"), "text"),
    "state": (_("状态"), "text"),
}
"""In the order of the guide's thirteen core fields, then this program's own. provider, owner: by primary key."""
ITEM_FIELDS = ("key", "name", "type", "length", "definition", "personal", "element", "source_of_record")
DECLARED_ITEM_FIELDS = ("name", "definition", "personal", "element", "source_of_record")
"""What a person may set of an item whose field is declared; its key, type and length are the data's own."""


def label(name: str) -> str:
    """Return what a field is called."""
    return str(FIELDS[name][0]) if name in FIELDS else str(_("信息项")) if name == "items" else name


def values_of(one: Resource) -> dict[str, Any]:
    """Return a resource's fields as JSON keeps them."""
    found: dict[str, Any] = {}
    for name, (_label, kind) in FIELDS.items():
        value = getattr(one, f"{name}_id" if name in ("provider", "owner") else name)
        found[name] = value.isoformat() if kind == "day" and value is not None else list(value) if kind == "words" else value
    return found


def apply(one: Resource, values: Mapping[str, Any]) -> None:
    """Set fields of a resource from values as JSON keeps them."""
    for name, value in values.items():
        if name == "items":
            continue
        kind = FIELDS[name][1]
        if kind == "day":
            value = dt.date.fromisoformat(value) if value else None
        setattr(one, f"{name}_id" if name in ("provider", "owner") else name, value)


def item_values(items: list[Item]) -> list[dict[str, Any]]:
    """Return items as JSON keeps them, in their order."""
    return [{name: item.element_id if name == "element" else getattr(item, name) for name in ITEM_FIELDS} for item in items]
