# SPDX-License-Identifier: Apache-2.0
"""What must be true of a resource's fields, each alone and beside each other. Pure: values in, faults out.

Standard: 政务信息资源目录编制指南（试行）, 发改高技〔2017〕1272号, core metadata 1 to 13; 国发〔2016〕51号, 第九条 (sharing
types) and 第五条 (one source of record; base resources are shared without condition). What those leave open is marked as ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from stdnum.cn import uscc

from chengyun.access.hints import meant
from chengyun.city.elements import ELEMENT_KEY, ELEMENT_TYPES
from chengyun.share.catalogue.fields import label
from chengyun.share.catalogue.vocabulary import (
    BASE,
    CLASS_CODE,
    CODE,
    CYCLES,
    FORMATS,
    PLATFORM_WAYS,
    SHARING,
    THEMES,
    WAYS,
)  # fmt: skip

__all__ = ["Fault", "faults", "uscc_fault"]

KNOWN_FORMATS = {name.casefold() for _label, names in FORMATS.values() for name in names} | set(FORMATS)
TABULAR = {name.casefold() for key in ("sheet", "database") for name in FORMATS[key][1]} | {"sheet", "database"}
MOST_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class Fault:
    """field: key of the field. found: what stands there. expected: what should. do: what a person does about it."""

    field: str
    found: str
    expected: str
    do: str

    @property
    def sentence(self) -> str:
        return _("%(field)s：现为“%(found)s”，应为%(expected)s。%(do)s") % {
            "field": label(self.field.partition("[")[0]) + self.field[len(self.field.partition("[")[0]) :],
            "found": self.found or "—", "expected": self.expected, "do": self.do,
        }  # fmt: skip


def faults(values: Mapping[str, Any], items: Sequence[Mapping[str, Any]], today: dt.date) -> list[Fault]:
    """Return everything wrong with a resource's fields, in the order of the fields."""
    return [*_alone(values, today), *_shared(values), *_class(values), *_items(values, items)]


def uscc_fault(code: str) -> Fault | None:
    """Return what is wrong with a provider's code, or None. Standard: GB 32100-2015, with its check character."""
    if uscc.is_valid(code) and code == code.strip().upper():
        return None
    return Fault(
        "provider_code", code, _("18 位统一社会信用代码，末位为校验码（GB 32100-2015）"), _("请核对机构的登记证书。")
    )  # fmt: skip


def _alone(values: Mapping[str, Any], today: dt.date) -> Iterator[Fault]:
    if not values["name"].strip():
        yield Fault("name", "", _("非空的名称"), _("请填写。"))
    if not values["summary"].strip():
        yield Fault("summary", "", _("说明内容、范围和用途的一段话"), _("请填写。"))
    if values["provider"] is None and not values.get("origin"):
        yield Fault("provider", "", _("一个部门"), _("请选择提供方；没有时先在管理后台建立部门。"))
    for name in values["formats"]:
        if name.casefold() not in KNOWN_FORMATS:
            yield Fault("formats", name, _("指南中的格式"), _one_of(name, KNOWN_FORMATS))
    if not values["formats"]:
        yield Fault("formats", "", _("至少一种格式"), _("例如 xlsx、mysql、service。"))
    if values["cycle"] not in CYCLES:
        yield Fault(
            "cycle", values["cycle"], _("实时、每日、每周、每月、每季度、每半年、每年或不定期"), _one_of(values["cycle"], CYCLES)
        )
    day = values["published_on"]
    if day is None:
        yield Fault("published_on", "", _("YYYY-MM-DD 形式的日期（GB/T 7408）"), _("请填写。"))
    elif dt.date.fromisoformat(day) > today:
        yield Fault("published_on", day, _("不晚于今天的日期"), _("请改为实际发布的日期。"))
    for code in values["related"]:
        if not CODE.fullmatch(code):
            yield Fault("related", code, _("信息资源代码，如 307012005/000012"), _("请从被关联的资源页复制。"))
        elif code == values["code"]:
            yield Fault("related", code, _("另一项资源的代码"), _("资源不能关联自身，请删去。"))


def _shared(values: Mapping[str, Any]) -> Iterator[Fault]:
    sharing, condition, ways, basis = values["sharing"], values["condition"].strip(), values["ways"], values["basis"].strip()
    if sharing not in SHARING:
        yield Fault("sharing", sharing, _("无条件共享、有条件共享或不予共享"), _one_of(sharing, SHARING))
        return
    for way in ways:
        if way not in WAYS:
            yield Fault("ways", way, _("共享平台的接口、库表交换、文件下载，或邮件、拷盘、介质交换"), _one_of(way, WAYS))
    if sharing == "unconditional" and condition:
        yield Fault("condition", condition, _("空（无条件共享）"), _("请清空共享条件，或改为有条件共享。"))
    if sharing == "conditional" and not condition:
        yield Fault("condition", "", _("非空的条件（有条件共享）"), _("请写明谁可因何用途使用，或改为无条件共享。"))
    if sharing != "none" and not ways:
        yield Fault("ways", "", _("至少一种共享方式"), _("请选择；共享平台的接口、库表交换或文件下载为先。"))
    if sharing == "none":
        if ways:
            yield Fault("ways", "、".join(ways), _("空（不予共享）"), _("请清空共享方式，或改变共享类型。"))
        if not basis:
            yield Fault(
                "basis",
                "",
                _("法律、行政法规或党中央、国务院政策依据（国发〔2016〕51号）"),
                _("请写明文件和条款；没有依据即应共享。"),
            )
        if values["open"]:
            yield Fault("open", _("是"), _("否（不予共享的不开放）"), _("请改为不开放，或改变共享类型。"))
    elif basis:
        yield Fault("basis", basis, _("空（只有不予共享才需要依据）"), _("请清空，或改为不予共享。"))
    if values["open"] and values["secret"]:
        yield Fault("open", _("是"), _("否（涉密）"), _("涉密资源不得开放，请改正其一。"))
    if values["open"] and values["personal"]:
        yield Fault("open", _("是"), _("否（含个人信息）"), _("含个人信息的资源不得整体开放；可另建去标识化的资源。"))
    if values["open_condition"].strip() and not values["open"]:
        yield Fault("open_condition", values["open_condition"], _("空（不开放）"), _("请清空，或改为开放。"))
    if values["secret"] and values["provider"] is None:
        yield Fault("secret", _("是"), _("有提供方的资源"), _("涉密资源只对其提供方可见，请先选择提供方。"))


def _class(values: Mapping[str, Any]) -> Iterator[Fault]:
    class_code, code = values["class_code"], values["code"]
    if not CLASS_CODE.fullmatch(class_code):
        yield Fault(
            "class_code", class_code, _("类 1 位（1 基础、2 主题、3 部门）＋项 2 位＋目 3 位＋细目"), _("例如 307012005。")
        )
        return
    if class_code[0] in "12" and class_code[:3] not in (BASE if class_code[0] == "1" else THEMES):
        known = "、".join(f"{key} {name}" for key, name in (BASE if class_code[0] == "1" else THEMES).items())
        yield Fault("class_code", class_code, _("指南中的项"), _("可选：%s。") % known)
    if code is not None and (not CODE.fullmatch(code) or code.partition("/")[0] != class_code):
        yield Fault(
            "code",
            code,
            _("分类码、斜杠和顺序码，如 %s/000012") % class_code,
            _("请让斜杠前与信息资源分类一致，或留空由程序编号。"),
        )
    if class_code[0] == "1" and (values["sharing"] != "unconditional" or not set(values["ways"]) & set(PLATFORM_WAYS)):
        yield Fault(
            "sharing", values["sharing"], _("无条件共享，并通过共享平台（基础信息资源）"), _("请改变共享类型和方式，或改变分类。")
        )


def _items(values: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    if (
        not items
        and {name.casefold() for name in values["formats"]} & TABULAR
        and values["sharing"] in ("unconditional", "conditional")
    ):
        yield Fault("items", "", _("每个字段一行（数据库和电子表格格式须列信息项）"), _("请添加信息项。"))
    if len(items) > MOST_ITEMS:
        yield Fault("items", str(len(items)), _("至多 %d 个信息项") % MOST_ITEMS, _("请拆分资源。"))
    seen: set[str] = set()
    for at, item in enumerate(items, 1):
        where = f"items[{at}]"
        if not str(item["name"]).strip():
            yield Fault(where, "", _("非空的信息项名称"), _("请填写。"))
        if not str(item["key"]).strip() or item["key"] in seen:
            yield Fault(where, str(item["key"]), _("资源内唯一的字段名"), _("请改名或删去重复的一行。"))
        seen.add(str(item["key"]))
        if item["type"] not in ELEMENT_TYPES:
            known = "、".join(f"{key} {name}" for key, name in ELEMENT_TYPES.items())
            yield Fault(where, str(item["type"]), _("数据类型的字母"), _("可选：%s。") % known)
        length = item["length"]
        if length is not None and not (isinstance(length, int) and 0 < length < 2**31):
            yield Fault(where, str(length), _("正整数长度，或空"), _("请改正。"))
        if item["element"] and not ELEMENT_KEY.fullmatch(str(item["element"])):
            yield Fault(where, str(item["element"]), _("数据元标识，如 person.name"), _("请从数据元页选择。"))
        if item["source_of_record"] and not item["element"]:
            yield Fault(where, str(item["name"]), _("绑定了数据元的信息项（数据源）"), _("请先绑定数据元，或取消数据源。"))


def _one_of(word: str, known: Mapping[str, Any] | set[str]) -> str:
    return meant(str(word).casefold(), known).strip() or _("可选：%s。") % "、".join(sorted(known)[:40])
