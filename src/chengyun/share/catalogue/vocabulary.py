# SPDX-License-Identifier: Apache-2.0
"""The codes of the catalogue guide: classes, sharing, ways, cycles, formats; each beside what a person reads.

Standard: 政务信息资源目录编制指南（试行）, 发改高技〔2017〕1272号; 政务信息资源共享管理暂行办法, 国发〔2016〕51号.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = Mapping[str, Promise]

KINDS: Words = {
    "entity": _("登记库"), "stream": _("感知流"), "indicator": _("指标"), "case_type": _("案件"), "form": _("表单"),
    "kernel": _("平台数据"), "external": _("外部资源"),
}  # fmt: skip
SHARING: Words = {"unconditional": _("无条件共享"), "conditional": _("有条件共享"), "none": _("不予共享")}
WAYS: Words = {
    "interface": _("共享平台：接口"), "table": _("共享平台：库表交换"), "file": _("共享平台：文件下载"),
    "mail": _("邮件"), "disk": _("拷盘"), "medium": _("介质交换"),
}  # fmt: skip
PLATFORM_WAYS = ("interface", "table", "file")
CYCLES: Words = {
    "realtime": _("实时"), "day": _("每日"), "week": _("每周"), "month": _("每月"), "quarter": _("每季度"),
    "half_year": _("每半年"), "year": _("每年"), "irregular": _("不定期"),
}  # fmt: skip
CYCLE_SPANS: Mapping[str, dt.timedelta] = {
    "realtime": dt.timedelta(minutes=15), "day": dt.timedelta(days=1), "week": dt.timedelta(days=7),
    "month": dt.timedelta(days=31), "quarter": dt.timedelta(days=92), "half_year": dt.timedelta(days=184),
    "year": dt.timedelta(days=366),
}  # fmt: skip
"""The longest a cycle can last by the calendar. 实时 has no length in the guide: 15 minutes is this program's choice."""
TOLERANCE = 1.1
"""How much longer than its cycle an update may take: this program's choice."""

FORMATS: Mapping[str, tuple[Promise, tuple[str, ...]]] = {
    "document": (_("电子文件"), ("OFD", "wps", "xml", "txt", "doc", "docx", "html", "pdf", "ppt")),
    "sheet": (_("电子表格"), ("et", "xls", "xlsx", "csv")),
    "database": (
        _("数据库"),
        ("dm", "kingbase", "access", "dbf", "dbase", "sybase", "oracle", "sqlserver", "db2", "mysql", "postgresql", "iceberg"),
    ),
    "image": (_("图形图像"), ("jpg", "gif", "bmp", "png", "tif")),
    "media": (_("流媒体"), ("swf", "rm", "mpg", "mp4")),
    "service": (_("服务接口"), ()),
    "own": (_("自描述格式"), ()),
}

STATES: Words = {"draft": _("草稿"), "review": _("待审核"), "published": _("已发布"), "withdrawn": _("已撤销")}
CLASSES: Words = {"1": _("基础信息资源"), "2": _("主题信息资源"), "3": _("部门信息资源")}
BASE: Words = {
    "101": _("人口"), "102": _("法人单位"), "103": _("自然资源和空间地理"), "104": _("宏观经济"), "105": _("社会信用"),
    "106": _("电子证照"),
}  # fmt: skip
THEMES: Words = {
    "201": _("公共服务"), "202": _("健康保障"), "203": _("社会保障"), "204": _("食品药品安全"), "205": _("安全生产"),
    "206": _("价格监管"), "207": _("能源安全"), "208": _("信用体系"), "209": _("城乡建设"), "210": _("社区治理"),
    "211": _("生态环保"), "212": _("应急维稳"),
}  # fmt: skip
"""The guide names these; the two digits of 项 are numbered here in its order."""
CODE = re.compile(r"[123]\d{2}\d{3}\d*/\d+")
"""类 1 digit, 项 2, 目 3, 细目 any; a slash; the running number: 307012005/000012."""
CLASS_CODE = re.compile(r"[123]\d{2}\d{3}\d*")


def class_name(code: str) -> str:
    """Return what the first digits of a class code mean: 类, or 类 / 项 where the guide names it; "" for no class."""
    top = CLASSES.get(code[:1])
    item = BASE.get(code[:3]) or THEMES.get(code[:3])
    return f"{top} / {item}" if top and item else str(top or "")
