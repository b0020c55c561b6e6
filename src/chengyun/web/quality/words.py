# SPDX-License-Identifier: Apache-2.0
"""Quality in words: dimensions, the kernel's rules, and what a finding says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from chengyun.access.actors import Actor
from chengyun.city import Band, Scale
from chengyun.collect.quality.models import Finding
from chengyun.collect.quality.queries import newest_total

__all__ = ["SCALE", "Cell", "cell_of", "dimension_names", "quality_of", "rule_name", "sentence"]

SCALE = Scale(
    key="quality", name="数据质量", source="",
    bands=(Band(79.999, "差", "#c0392b"), Band(94.999, gettext_noop("中"), "#d9a400"), Band(None, "好", "#2e8b57")),
)  # fmt: skip
"""Our own classes; no standard draws them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A score as shown: text and class; no class where nothing applies."""

    text: str
    band: Band | None


def cell_of(value: float | None) -> Cell:
    """Return a score of 0 to 100 as shown. Rounded down: 100 is written only where nothing failed."""
    return Cell("—", None) if value is None else Cell(f"{int(value * 10) / 10:g}", SCALE.band(value))


def quality_of(actor: Actor, dataset: str) -> Cell | None:
    """Return a dataset's newest score for whoever may know it."""
    total = newest_total(actor, dataset)
    return None if total is None else cell_of(total)


def dimension_names() -> dict[str, str]:
    """Return the six dimensions of GB/T 36344-2018, in its order."""
    return {
        "conformity": _("规范性"),
        "completeness": _("完整性"),
        "accuracy": _("准确性"),
        "consistency": _("一致性"),
        "timeliness": _("时效性"),
        "accessibility": _("可访问性"),
    }


def rule_name(rule: str) -> str:
    """Return what a rule is called: the kernel's own, or a pack's."""
    if rule in settings.CITY.quality:
        return _(settings.CITY.quality[rule].name)
    return {
        "heard": _("对象有上报"),
        "rows": _("按周期应有的记录"),
        "values": _("字段有值"),
        "late": _("及时到达"),
        "range": _("值在可能的范围内"),
        "stuck": _("值没有长时间不变"),
        "codes": _("代码在代码表内"),
        "unit": _("单位与邻近对象一致"),
        "neighbours": _("与邻近对象相近"),
        "places": _("有位置"),
        "order": _("经度与纬度没有颠倒"),
        "datum": _("坐标系为 WGS-84"),
        "area": _("位置在所属区域内"),
        "judging": _("未能判断"),
    }.get(rule, rule)


def sentence(finding: Finding) -> str:
    """Return what is wrong with a subject, in one sentence."""
    said: dict[str, Any] = finding.said
    match finding.rule:
        case "heard":
            return _("当天没有任何记录。")
        case "rows":
            return str(_("应有 %(expected)s 条记录，只有 %(rows)s 条。") % said)
        case "unit" | "neighbours":
            return str(_("当天中位数为 %(median).4g %(unit)s，邻近对象为 %(neighbours).4g %(unit)s。") % said)
        case "order":
            return str(_("经度 %(lon)s、纬度 %(lat)s 在城市之外，颠倒后在城市之内。") % said)
        case "datum" | "area":
            return str(_("登记在区域 %(said)s，位置却不在其中。") % said)
        case "places":
            return _("没有位置。")
        case _ if finding.rule in settings.CITY.quality:
            return _(settings.CITY.quality[finding.rule].meaning)
        case _:
            return _("%(count)s 个值不符合。") % {"count": finding.count}
