# SPDX-License-Identifier: Apache-2.0
"""A table as a file: a workbook to calculate with, a document to print. Both say what was adjusted and what is not verified.

The document names Chinese type that readers of PDF bring along (STSong-Light, Adobe-GB1): no font file is needed to write it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import needs
from chengyun.cases.evaluation import queries
from chengyun.cases.evaluation.models import Edition, Standing
from chengyun.errors import Refused
from chengyun.web.evaluation.pages import period_of
from chengyun.web.evaluation.shown import axis_of, doubts, line

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD = (
    gettext_lazy("档"),
    gettext_lazy("名次"),
    gettext_lazy("名次下限"),
    gettext_lazy("名次上限"),
    gettext_lazy("单位"),
    gettext_lazy("可信得分"),
    gettext_lazy("原始得分"),
    gettext_lazy("区间下限"),
    gettext_lazy("区间上限"),
    gettext_lazy("等级"),
    gettext_lazy("原始名次"),
    gettext_lazy("迹象"),
)


@require_safe
@needs("evaluation.read")
def workbook(request: HttpRequest, edition_id: int, profile: str) -> HttpResponse:
    """Send a table as xlsx: the table, every rate, and where the figures come from."""
    edition, level, rows = _asked(request, edition_id, profile)
    return _sent(actor_of(request), edition, profile, level, "xlsx", XLSX, workbook_of(edition, profile, rows))


@require_safe
@needs("evaluation.read")
def document(request: HttpRequest, edition_id: int, profile: str) -> HttpResponse:
    """Send a table as PDF."""
    edition, level, rows = _asked(request, edition_id, profile)
    return _sent(actor_of(request), edition, profile, level, "pdf", "application/pdf", document_of(edition, profile, rows))


def workbook_of(edition: Edition, profile: str, rows: Sequence[Standing]) -> bytes:
    """Return a table as xlsx. Raises Refused without the extra."""
    try:
        import xlsxwriter  # an extra, and heavy
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 xlsx 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    whole = io.BytesIO()
    # Names are data: none of them is a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(whole, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        one, rate = book.add_format({"num_format": "0.0"}), book.add_format({"num_format": "0.0%"})
        _table_sheet(book.add_worksheet(_("排名")), rows, bold, one)
        _rates_sheet(book.add_worksheet(_("指标")), edition, rows, bold, rate)
        sheet = book.add_worksheet(_("说明"))
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 90, book.add_format({"text_wrap": True}))
        for at, (name, said) in enumerate(_notes(edition, profile)):
            sheet.write_string(at, 0, name)
            sheet.write_string(at, 1, said)
    return whole.getvalue()


def document_of(edition: Edition, profile: str, rows: Sequence[Standing]) -> bytes:
    """Return a table as PDF, A4 across, with the intervals drawn. Raises Refused without the extra."""
    try:
        from reportlab.lib import colors, pagesizes, styles, units  # an extra, and heavy
        from reportlab.pdfbase import cidfonts, pdfmetrics
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 PDF 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    font = "STSong-Light"
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont(font))
    soft, thin = colors.HexColor("#4a565b"), colors.HexColor("#d8dddb")
    declared = edition.declared["profiles"][profile]
    axis = axis_of(rows)
    lines = [line(row, axis, declared) for row in rows]
    head = [
        _("档"),
        _("名次"),
        _("单位"),
        f"{axis.first:g} – {axis.last:g}",
        _("可信得分"),
        _("原始得分"),
        _("区间"),
        _("等级"),
        _("迹象"),
    ]
    cell = styles.ParagraphStyle("cell", fontName=font, fontSize=8.5, leading=10.5, wordWrap="CJK")
    drawn = 62 * units.mm
    body: list[list[Any]] = [head]
    for row, shown in zip(rows, lines, strict=True):
        name = Paragraph(_plain(shown.name), cell)
        marks = _drawn(row, axis.first, axis.last, drawn)
        order = "—" if shown.why_not else shown.order
        signs = str(shown.signs or "")
        body.append([shown.place, order, name, marks, shown.fair, shown.plain, shown.limits, shown.grade, signs])
    widths = [
        10 * units.mm,
        24 * units.mm,
        52 * units.mm,
        drawn + 4 * units.mm,
        20 * units.mm,
        20 * units.mm,
        30 * units.mm,
        13 * units.mm,
        None,
    ]
    table = Table(body, colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), font, 8.5), ("TEXTCOLOR", (0, 0), (-1, 0), soft),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black), ("LINEBELOW", (0, 1), (-1, -1), 0.25, thin),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )  # fmt: skip
    title = styles.ParagraphStyle("title", fontName=font, fontSize=15, leading=20, wordWrap="CJK")
    small = styles.ParagraphStyle("small", fontName=font, fontSize=7.5, leading=10, textColor=soft, wordWrap="CJK")
    parts: list[Any] = [
        Paragraph(_plain(f"{_('综合评价')} {period_of(edition)} · {_said(declared, 'name')}"), title),
        Spacer(1, 4),
        table,
        Spacer(1, 6),
    ]
    parts += [Paragraph(_plain(f"{name}：{said}"), small) for name, said in _notes(edition, profile)]
    whole = io.BytesIO()
    margin = 14 * units.mm
    page = SimpleDocTemplate(
        whole, pagesize=pagesizes.landscape(pagesizes.A4), leftMargin=margin, rightMargin=margin, topMargin=margin,
        bottomMargin=margin, title=f"{_('综合评价')} {period_of(edition)}", author="chengyun", invariant=True,
    )  # fmt: skip

    def foot(canvas: Any, _document: Any) -> None:
        canvas.setFont(font, 7.5)
        canvas.drawRightString(page.pagesize[0] - margin, 8 * units.mm, str(canvas.getPageNumber()))

    page.build(parts, onFirstPage=foot, onLaterPages=foot)
    return whole.getvalue()


def _asked(request: HttpRequest, edition_id: int, profile: str) -> tuple[Edition, str, list[Standing]]:
    actor = actor_of(request)
    edition = queries.access_edition(actor, edition_id)
    level = queries.level_of(queries.profile_of(edition, profile)["dimension"], request.GET.get("level", ""))
    return edition, level, queries.league(actor, edition, profile, level)


def _sent(actor: Actor, edition: Edition, profile: str, level: str, suffix: str, kind: str, body: bytes) -> HttpResponse:
    audit.record(actor, "evaluation.exported", "evaluation", f"{edition.pk}/{profile}", detail={"format": suffix, "level": level})
    name = "-".join(part for part in (f"{edition.first:%Y-%m}", str(edition.number), profile, level) if part)
    return HttpResponse(
        body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="evaluation-{name}.{suffix}"'}
    )


def _notes(edition: Edition, profile: str) -> list[tuple[str, str]]:
    """Return where the figures come from, name and sentence."""
    declared = edition.declared["profiles"][profile]
    formula = " ＋ ".join(
        f"{'100−' if one['low'] else ''}{_said(one, 'name')} × {one['weight']:g} %" for one in declared["terms"]
    )
    published = (
        f"{edition.published_at:%Y-%m-%d %H:%M} UTC，{edition.published_by}" if edition.published_at else _("草稿，尚未发布")
    )
    found = [
        (_("评价期"), f"{edition.first} – {edition.last}"), (_("评价方案"), f"{_said(declared, 'name')}：{formula}"),
        (_("来源"), _said(declared, "source")), (_("未经核实"), doubts(edition, profile)),
        (_("区间"), _("原始得分的 95 % 区间：各率 Wilson，合成 MOVER。")),
        (_("名次"), _("后验抽样 2000 次；分不出先后（可能性不足 95 %）的同列一档。")),
        (_("可信得分"), _("按类别、立案条件、区域间接标准化；剔除不可信的结案与评价；按贝塔二项经验贝叶斯收缩。")),
        (_("发布"), published), (_("更正说明"), edition.note), ("SHA-256", edition.digest),
    ]  # fmt: skip
    return [(name, said) for name, said in found if said]


def _table_sheet(sheet: Any, rows: Sequence[Standing], bold: Any, one: Any) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(4, 4, 28)
    for at, name in enumerate(HEAD):
        sheet.write_string(0, at, str(name), bold)
    for down, row in enumerate(rows, start=1):
        ranked = row.result.get("ranked") or {}
        cells = (
            row.place, row.order, ranked.get("rank_low"), ranked.get("rank_high"), row.name, row.fair, row.value, row.low,
            row.high, row.grade, row.plain_order, row.signs or None,
        )  # fmt: skip
        for at, value in enumerate(cells):
            if isinstance(value, str):
                sheet.write_string(down, at, value)
            elif value is not None:
                sheet.write_number(down, at, value, one if isinstance(value, float) else None)


def _rates_sheet(sheet: Any, edition: Edition, rows: Sequence[Standing], bold: Any, rate: Any) -> None:
    head = (
        _("单位"),
        _("指标"),
        _("公式"),
        _("分子"),
        _("分母"),
        _("原始值"),
        _("区间下限"),
        _("区间上限"),
        _("他人办同样案件"),
        _("校正后"),
        _("收缩后"),
    )
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 2, 24)
    for at, name in enumerate(head):
        sheet.write_string(0, at, str(name), bold)
    down = 0
    for row in rows:
        for one in row.result["rates"]:
            down += 1
            declared = edition.declared["rates"][one["key"]]
            for at, text in enumerate((row.name, _said(declared, "name"), declared["formula"])):
                sheet.write_string(down, at, text)
            sheet.write_number(down, 3, one["met"])
            sheet.write_number(down, 4, one["due"])
            for at, key in enumerate(("plain", "low", "high", "expected", "adjusted", "shrunk"), start=5):
                if one[key] is not None:
                    sheet.write_number(down, at, one[key], rate)


def _drawn(row: Standing, first: float, last: float, width: float) -> Any:
    """Return a row's intervals as a drawing: the believed one above, the plain one below."""
    from reportlab.graphics.shapes import Circle, Drawing, Line
    from reportlab.lib import colors

    drawing = Drawing(width, 12)

    def at(value: float) -> float:
        return min(width, max(0.0, width * (value - first) / (last - first)))

    ranked = row.result.get("ranked")
    if row.low is not None and row.high is not None and row.value is not None:
        blue = colors.HexColor("#0a4f8f")
        drawing.add(Line(at(row.low), 3, at(row.high), 3, strokeColor=blue, strokeWidth=0.8, strokeDashArray=[2, 1]))
        drawing.add(Circle(at(row.value), 3, 1.6, fillColor=colors.white, strokeColor=blue, strokeWidth=0.8))
    if ranked:
        drawing.add(Line(at(ranked["low"]), 9, at(ranked["high"]), 9, strokeColor=colors.black, strokeWidth=1.4))
        drawing.add(Circle(at(ranked["score"]), 9, 2, fillColor=colors.black, strokeColor=None))
    return drawing


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _said(declared: Mapping[str, Any], field: str) -> str:
    """Return a text of a declaration in the reader's language."""
    text: str = declared[field]
    return _(text)
