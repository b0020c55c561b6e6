# SPDX-License-Identifier: Apache-2.0
"""A board as a file to take along: a picture, a document to print, a workbook to calculate with. Each taking is audited."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.web import shown
from chengyun.web.boards import picture
from chengyun.web.boards.asking import moment_of, shown_of
from chengyun.web.boards.picture import Circle, Path, Rect, Text
from chengyun.web.boards.shown import BoardView
from chengyun.web.heavy import heavy

__all__ = ["XLSX", "document", "document_of", "drawn", "workbook", "workbook_of"]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FONT = "STSong-Light"
POINTS = 0.75
"""Points of a document to a pixel of the picture: 1,600 pixels are as wide as A3 across."""


@require_safe
@public
@never_cache
def drawn(request: HttpRequest, key: str) -> HttpResponse:
    """Send a board as SVG; the page's script makes a PNG of it."""
    return _sent(request, key, "svg")


@require_safe
@public
@never_cache
def document(request: HttpRequest, key: str) -> HttpResponse:
    """Send a board as PDF."""
    return _sent(request, key, "pdf")


@require_safe
@public
@never_cache
def workbook(request: HttpRequest, key: str) -> HttpResponse:
    """Send a board's figures and lists as xlsx."""
    return _sent(request, key, "xlsx")


def _sent(request: HttpRequest, key: str, suffix: str) -> HttpResponse:
    actor = actor_of(request)
    _saved, view = shown_of(key, actor, moment_of(request))
    if suffix == "svg":
        body, kind = picture.svg(view).encode(), "image/svg+xml"
    else:
        with heavy(actor):
            body, kind = (document_of(view), "application/pdf") if suffix == "pdf" else (workbook_of(view), XLSX)
    if actor.account_id is not None:
        audit.record(actor, "board.exported", "boards", key, detail={"format": suffix, "at": view.at.isoformat()})
    name = f"{key}-{view.at.astimezone(config().zone):%Y%m%dT%H%M%S}.{suffix}"
    return HttpResponse(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def document_of(view: BoardView) -> bytes:
    """Return a board as a PDF of one page, as wide as A3 across and as high as the board. Raises Refused without the extra."""
    try:
        from reportlab.lib.colors import HexColor  # an extra, and heavy
        from reportlab.pdfbase import cidfonts, pdfmetrics
        from reportlab.pdfgen.canvas import Canvas
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 PDF 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont(FONT))
    height = picture.height_of(view)
    whole = io.BytesIO()
    page = Canvas(whole, pagesize=(picture.WIDTH * POINTS, height * POINTS), invariant=True)
    page.setTitle(view.name)
    page.setAuthor("chengyun")
    page.scale(POINTS, POINTS)
    for one in picture.strokes(view):
        match one:
            case Rect():
                page.setFillColor(HexColor(one.fill))
                page.setStrokeColor(HexColor(one.stroke or one.fill))
                page.setLineWidth(1)
                page.rect(one.x, height - one.y - one.h, one.w, one.h, stroke=int(bool(one.stroke)), fill=1)
            case Text():
                page.setFillColor(HexColor(one.colour))
                page.setFont(FONT, one.size)
                draw = {"start": page.drawString, "middle": page.drawCentredString, "end": page.drawRightString}[one.anchor]
                draw(one.x, height - one.y, one.text)
            case Path():
                page.setStrokeColor(HexColor(one.stroke))
                page.setLineWidth(one.width)
                page.setDash([5, 4] if one.dashed else [])
                line = page.beginPath()
                line.moveTo(one.points[0][0], height - one.points[0][1])
                for x, y in one.points[1:]:
                    line.lineTo(x, height - y)
                if one.fill:
                    page.setFillColor(HexColor(one.fill))
                    line.close()
                page.drawPath(line, stroke=1, fill=int(bool(one.fill)))
                page.setDash([])
            case Circle():
                page.setFillColor(HexColor(one.fill))
                page.setStrokeColor(HexColor(one.stroke))
                page.setLineWidth(1)
                page.circle(one.x, height - one.y, one.r, stroke=1, fill=1)
    page.showPage()
    page.save()
    return whole.getvalue()


def workbook_of(view: BoardView) -> bytes:
    """Return a board as xlsx: its figures, its lists, its notes. Raises Refused without the extra."""
    try:
        import xlsxwriter  # an extra, and heavy
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 xlsx 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    whole = io.BytesIO()
    # Names are data: none of them is a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(whole, options) as book:
        # The same board at the same moment is the same file.
        book.set_properties({"title": view.name, "author": "chengyun", "created": view.at.replace(tzinfo=None)})
        bold = book.add_format({"bold": True, "bottom": 1})
        _sheet(book, _("指标"), bold, _figures(view))
        _sheet(book, _("清单"), bold, _lists(view))
        notes = (*view.notes, *(note for tile in view.tiles for note in tile.notes))
        head: list[list[Any]] = [[_("图块"), _("所指时间"), _("批注"), _("作者"), _("写于")]]
        _sheet(
            book,
            _("批注"),
            bold,
            head + [[one.tile, _time(one.at), one.text, one.author, _time(one.written_at)] for one in notes],
        )
        said = _("当时所知") if view.past else _("读取于")
        about: list[list[Any]] = [
            [_("看板"), view.name],
            [said, _time(view.at)],
            [_("版本"), view.version],
            ["", _("“—”表示未知，不是零")],
        ]
        _sheet(book, _("说明"), bold, [[_("名称"), _("内容")], *about])
    return whole.getvalue()


def _figures(view: BoardView) -> list[list[Any]]:
    head = [
        _("图块"),
        _("数值"),
        _("单位"),
        _("状态"),
        _("级别"),
        _("时段"),
        _("截至"),
        _("覆盖率"),
        _("目标"),
        _("阈值"),
        _("模拟"),
        _("来源"),
        _("依据"),
    ]
    rows = [
        [
            one.title,
            one.number,
            shown.unit(one.unit),
            one.status,
            one.band.name if one.band else "",
            one.period,
            _time(one.known_at) if one.known_at else "",
            one.coverage,
            one.target_number,
            one.thresholds,
            _("模拟") if one.simulated else "",
            one.source,
            f"/why/{one.figure}" if one.figure else "",
        ]
        for one in view.tiles
        if one.kind in ("figure", "index")
    ]
    return [head, *rows]


def _lists(view: BoardView) -> list[list[Any]]:
    head = [_("图块"), _("名称"), _("数值"), _("单位"), _("级别"), _("说明"), _("时间"), _("链接")]
    rows = [
        [
            tile.title,
            line.text,
            line.value,
            shown.unit(line.unit),
            line.severity or (line.band.name if line.band else ""),
            " · ".join(line.about),
            _time(line.since) if line.since else "",
            line.why or line.href,
        ]
        for tile in view.tiles
        for line in tile.listed
    ]
    return [head, *rows]


def _sheet(book: Any, name: str, bold: Any, rows: Sequence[Sequence[Any]]) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 1, 26)
    sheet.set_column(2, 12, 16)
    for down, row in enumerate(rows):
        for across, value in enumerate(row):
            if isinstance(value, int | float) and not isinstance(value, bool):
                sheet.write_number(down, across, value)
            elif value is not None:
                sheet.write_string(down, across, str(value), bold if down == 0 else None)


def _time(moment: dt.datetime) -> str:
    return f"{moment.astimezone(config().zone):%Y-%m-%d %H:%M:%S}"
