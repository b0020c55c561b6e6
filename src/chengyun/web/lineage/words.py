# SPDX-License-Identifier: Apache-2.0
"""Lineage in words: kinds of places, kinds of edges, grades of a hit."""

from __future__ import annotations

from django.utils.translation import gettext as _

__all__ = ["grade_said", "how_said", "kind_said"]


def kind_said(kind: str) -> str:
    return {
        "source": _("数据源"), "topic": _("消息主题"), "feed": _("接入文件"), "form": _("表单"), "entity": _("登记对象"),
        "stream": _("感知流"), "limit": _("限值表"), "indicator": _("指标"), "quality": _("质量规则"), "alert": _("预警规则"),
        "case": _("案件类型"), "count": _("案件计数"), "rate": _("评价指标"), "page": _("页面"), "door": _("数据出口"),
        "grant": _("授权"),
    }[kind]  # fmt: skip


def how_said(how: str) -> str:
    return {
        "identity": _("原样"), "transformation": _("换算"), "aggregation": _("汇总"), "join": _("连接"), "group_by": _("分组"),
        "filter": _("筛选"), "sort": _("排序"), "window": _("窗口"), "conditional": _("条件"),
    }[how]  # fmt: skip


def grade_said(grade: str) -> str:
    return {
        "writes": _("向它写入"), "breaks": _("直接用到，将不能运行"), "loses": _("对外提供，读者将失去它"),
        "starves": _("间接用到，将没有新值"),
    }[grade]  # fmt: skip
