# SPDX-License-Identifier: Apache-2.0
"""The statistics of a page as a workbook to calculate with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.views import signed_in
from chengyun.cases.statistics.models import HOURS
from chengyun.cases.statistics.queries import Counts
from chengyun.errors import Refused
from chengyun.web.shown import moment
from chengyun.web.statistics.pages import StatisticsPage, read_page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@signed_in
def workbook(request: HttpRequest) -> HttpResponse:
    """Send what a page shows as xlsx: its course, what it is made of, how long cases took, and what the words mean."""
    page = read_page(actor_of(request), request.GET)
    body = workbook_of(page)
    question = page.question
    audit.record(actor_of(request), "statistics.exported", "cases", detail={"asked": question.query()})
    name = f"statistics-{question.span.first}-{question.span.last}-{question.by}.xlsx"
    return HttpResponse(body, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def workbook_of(page: StatisticsPage) -> bytes:
    """Return the page as xlsx. Raises Refused without the extra."""
    try:
        import xlsxwriter  # an extra, and heavy
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 xlsx 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    whole = io.BytesIO()
    # Names are data: none of them is a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(whole, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        formats = {"share": book.add_format({"num_format": "0.0%"}), "days": book.add_format({"num_format": "0.00"})}
        for title, first, rows in (
            (_("趋势"), _("时段"), [(one.name, one.now, one.then) for one in page.steps]),
            (page.by_name, page.by_name, [(one.name, one.now, one.then) for one in page.lines]),
        ):
            _sheet(book.add_worksheet(title), first, rows, bold, formats)
        notes = book.add_worksheet(_("说明"))
        notes.set_column(0, 0, 16)
        notes.set_column(1, 1, 100, book.add_format({"text_wrap": True}))
        for at, (name, said) in enumerate(_notes(page)):
            notes.write_string(at, 0, name)
            notes.write_string(at, 1, said)
    return whole.getvalue()


def _sheet(
    sheet: Any, first: str, rows: Sequence[tuple[str, Counts, Counts | None]], bold: Any, formats: dict[str, Any]
) -> None:  # fmt: skip
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 0, 30)
    counted = (
        ("opened", _("立案")), ("closed", _("结案")), ("in_time", _("按期结案")), ("dropped", _("作废或并案")),
        ("returned", _("退单")),         ("reworked", _("返工")), ("reopened", _("重开")),
    )  # fmt: skip
    classes = [f"≤ {hours} h" for hours in HOURS] + [f"> {HOURS[-1]} h"]
    head = [
        first,
        *(name for _key, name in counted),
        _("按期结案率"),
        _("平均用时（天）"),
        _("中位用时（天）"),
        *classes,
        _("对比期立案"),
        _("对比期结案"),
    ]
    for at, name in enumerate(head):
        sheet.write_string(0, at, name, bold)
    for down, (name, now, then) in enumerate(rows, start=1):
        sheet.write_string(down, 0, name)
        figures: list[tuple[float | None, Any]] = [(now[key], None) for key, _name in counted]
        figures += [(now.share_in_time, formats["share"]), (now.days, formats["days"]), (now.median_days, formats["days"])]
        figures += [(now[f"h{at}"], None) for at in range(len(classes))]
        figures += [(then[key] if then is not None else None, None) for key in ("opened", "closed")]
        for at, (value, form) in enumerate(figures, start=1):
            if value is not None:
                sheet.write_number(down, at, value, form)


def _notes(page: StatisticsPage) -> list[tuple[str, str]]:
    span, then = page.question.span, page.compared_with
    chosen = [one.name for group in (page.areas, page.departments, page.sources) for one in group if one.chosen]
    chosen += [one.name for _name, group in page.categories for one in group if one.chosen]
    found = [
        (_("时段"), f"{span.first} – {span.last}"), (_("对比期"), f"{then.first} – {then.last}" if then else ""),
        (_("范围"), "；".join(one.strip() for one in chosen)), (_("读取于"), moment(page.as_of)),
        (_("立案"), _("按上报（立案）日期计；退单、返工、重开为其中至今发生过的件数。")),
        (_("结案"), _("按结案日期计；作废、不予立案、并案不算结案。重开的案件从结案中扣除。")),
        (_("按期"), _("责任部门用时不超过时限，停表时间不计。")),
        (_("中位用时（天）"), _("从立案到结案的日历时间，按时长分档估算。")),
    ]  # fmt: skip
    return [(name, said) for name, said in found if said]
