# SPDX-License-Identifier: Apache-2.0
"""The burden of forms as a workbook."""

from __future__ import annotations

import io

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.errors import Refused
from chengyun.share.askonce import burden
from chengyun.share.askonce.burden import Report

__all__ = ["workbook", "workbook_of"]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


Sheet = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


@require_safe
@needs("burden.read")
def workbook(request: HttpRequest) -> HttpResponse:
    """Send what forms cost as xlsx: by form, by street, and what is asked more than once."""
    actor, now = actor_of(request), timezone.now()
    content = workbook_of(burden.report(actor, now))
    audit.record(actor, "burden.export", "forms", f"{now:%Y-%m-%d}")
    answer = HttpResponse(content, content_type=XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="burden-{now:%Y%m%d}.xlsx"'
    return answer


def workbook_of(report: Report) -> bytes:
    """Return the report as xlsx. Raises Refused without the extra."""
    try:
        import xlsxwriter  # an extra, and heavy
    except ImportError as missing:
        raise Refused(_("导出 xlsx 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    whole = io.BytesIO()
    # Titles of forms are people's words: none of them becomes a formula or a link.
    with xlsxwriter.Workbook(whole, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, number = book.add_format({"bold": True}), book.add_format({"num_format": "0.0"})
        for name, head, rows in (_forms(report), _streets(report), _overlaps(report)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, [str(one) for one in head], bold)
            for place, row in enumerate(rows, 1):
                for column, value in enumerate(row):
                    sheet.write(place, column, value, number if isinstance(value, float) else None)
            sheet.freeze_panes(1, 0)
            sheet.autofit()
            sheet.write(len(rows) + 2, 0, f"{_('用时依据')}：{report.source}")
    return whole.getvalue()


def _forms(report: Report) -> Sheet:
    head = (
        _("编码"), _("名称"), _("每份分钟"), _("题目"), _("已对应数据元"), _("每人每年次数"), _("填报人数"),
        _("全年小时（申报）"), _("近一年份数"), _("近一年小时"), _("重复的题目"),
    )  # fmt: skip
    rows: list[tuple[object, ...]] = [
        (
            one.key, one.title, one.minutes, one.questions, one.bound, one.times_a_year, one.people, one.declared_hours,
            one.filled, one.filled_hours, one.asked_again,
        )
        for one in report.forms
    ]  # fmt: skip
    return _("表单"), head, rows


def _streets(report: Report) -> Sheet:
    head = (_("街道编码"), _("名称"), _("近一年份数"), _("表单数"), _("近一年小时"), _("待填任务"), _("待填小时"))
    rows: list[tuple[object, ...]] = [
        (one.code, one.name, one.filled, one.forms, one.hours, one.waiting, one.waiting_hours) for one in report.streets
    ]
    return _("街道"), head, rows


def _overlaps(report: Report) -> Sheet:
    head = (_("数据元"), _("名称"), _("登记中已有"), _("哪些表单在问"), _("全年小时"), _("已确认"))
    rows: list[tuple[object, ...]] = [
        (
            one.element, one.name, "、".join(one.registers), "、".join(f"{title}（{label}）" for _key, title, label in one.forms),
            one.hours, _("是") if one.certain else _("否"),
        )
        for one in report.overlaps
    ]  # fmt: skip
    return _("重复"), head, rows
