# SPDX-License-Identifier: Apache-2.0
"""Looks to take along: a table, a document, and JSON with the proof of each; and the program that checks the proofs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.views import public, signed_in
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.share.lookups import queries
from chengyun.share.lookups import verifier as checking
from chengyun.share.lookups.queries import Look
from chengyun.share.lookups.statements import canonical
from chengyun.web.my.data import filters

MOST = 5_000
"""Looks in one file; whoever has more asks for a shorter time."""
MOST_PROOFS = 500
MOST_HASHED = 500_000
"""Persons hashed for one file, about a second's work; what is beyond is proved one by one."""


@require_safe
@never_cache
@signed_in
def download(request: HttpRequest, form: str) -> HttpResponse:
    """Send the looks the page's filters ask for, as csv, json or pdf."""
    made = {
        "csv": (_table, "text/csv; charset=utf-8"),
        "json": (_proofs, "application/json"),
        "pdf": (_document, "application/pdf"),
    }
    if form not in made:
        raise NotFound(_("没有找到。"))
    actor, now = actor_of(request), timezone.now()
    about = queries.identities(actor.account_id)
    most = MOST_PROOFS if form == "json" else MOST
    found = queries.looks(about, filters(request), now, most + 1)
    if len(found) > most:
        raise Refused(_("一次最多下载 %s 条，请缩短时间范围。") % most, code="too_many")
    write, kind = made[form]
    audit.record(actor, "export.own", "audit", detail={"format": form, "looks": len(found)})
    return HttpResponse(
        write(found, about, now), content_type=kind, headers={"Content-Disposition": f'attachment; filename="looks.{form}"'}
    )


@require_safe
@never_cache
@signed_in
def proof(request: HttpRequest, record: int) -> HttpResponse:
    """Send the proof of one look."""
    about = queries.identities(actor_of(request).account_id)
    body = canonical(queries.proof(about, record, timezone.now())) + b"\n"
    name = f'attachment; filename="look-{record}.json"'
    return HttpResponse(body, content_type="application/json", headers={"Content-Disposition": name})


@require_safe
@public
def verifier(request: HttpRequest) -> FileResponse:
    """Send the program that checks a proof; it needs nothing of ours."""
    file = Path(str(checking.__file__))
    return FileResponse(
        file.open("rb"), as_attachment=True, filename="verify_look.py", content_type="text/x-python; charset=utf-8"
    )


def _head() -> list[str]:
    return [_("编号"), _("时间"), _("单位"), _("行为"), _("用途"), _("信息资源"), _("字段"), _("授权"), _("本人")]


def _cells(one: Look) -> list[str]:
    local = timezone.localtime(one.at, config().zone)
    fields, grants = "、".join(one.fields), "、".join(one.grants)
    body = one.organisation or _("未说明单位")
    return [
        str(one.record),
        f"{local:%Y-%m-%d %H:%M:%S}",
        body,
        one.deed,
        one.purpose,
        one.dataset,
        fields,
        grants,
        _("是") if one.own else "",
    ]


def _table(found: list[Look], *_rest: Any) -> bytes:
    whole = io.StringIO()
    rows = csv.writer(whole)
    rows.writerow(_head())
    # A name that begins like a formula is none: spreadsheets would run it.
    rows.writerows([f"'{cell}" if cell[:1] in "=+-@\t" else cell for cell in _cells(one)] for one in found)
    return b"\xef\xbb\xbf" + whole.getvalue().encode()


def _proofs(found: list[Look], about: Any, now: Any) -> bytes:
    looks, left = [], MOST_HASHED
    for one in found:
        told: dict[str, Any] = dict(
            zip(
                ("record", "at", "organisation", "deed", "purpose", "dataset", "fields", "grants", "own"),
                _cells(one),
                strict=True,
            )
        )
        try:
            made = queries.proof(about, one.record, now, left)
            left -= made["person"]["size"]
            looks.append({**told, "proof": made})
        except NotFound as not_yet:
            looks.append({**told, "proof": None, "why": not_yet.sentence})
    how = _("每条的 proof 可用 /my/data/verify_look.py 核验：python verify_look.py looks.json。它只需要 Python 和 cryptography。")
    whole = {"made_at": now.isoformat(), "how_to_verify": how, "looks": looks}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _document(found: list[Look], _about: Any, now: Any) -> bytes:
    try:
        from reportlab.lib import colors, pagesizes, styles, units  # an extra, and heavy
        from reportlab.pdfbase import cidfonts, pdfmetrics
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
    except ModuleNotFoundError as missing:
        raise Refused(_("导出 PDF 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    font = "STSong-Light"
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont(font))
    cell = styles.ParagraphStyle("cell", fontName=font, fontSize=8, leading=10, wordWrap="CJK")
    title = styles.ParagraphStyle("title", fontName=font, fontSize=15, leading=20, wordWrap="CJK")
    body: list[list[Any]] = [[Paragraph(escape(text), cell) for text in _head()]]
    body += [[Paragraph(escape(text), cell) for text in _cells(one)] for one in found]
    widths = [width * units.mm for width in (18, 32, 38, 14, 26, 26, 62, 30, 12)]
    table = Table(body, colWidths=widths, repeatRows=1)
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#d8dddb")), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    table.setStyle(TableStyle(lines))
    local = timezone.localtime(now, config().zone)
    how = _("每条记录都写入了只增不改的日志；JSON 下载附有证明和核验方法。")
    said = _("共 %(count)s 条，制于 %(at)s。") % {"count": len(found), "at": f"{local:%Y-%m-%d %H:%M}"}
    parts = [Paragraph(escape(_("谁看过我的数据")), title), Paragraph(escape(said + how), cell), Spacer(1, 6), table]
    whole = io.BytesIO()
    page = SimpleDocTemplate(
        whole, pagesize=pagesizes.landscape(pagesizes.A4), title=_("谁看过我的数据"), author="chengyun",
        leftMargin=14 * units.mm, rightMargin=14 * units.mm, topMargin=14 * units.mm, bottomMargin=14 * units.mm,
    )  # fmt: skip
    page.build(parts)
    return whole.getvalue()
