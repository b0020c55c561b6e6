# SPDX-License-Identifier: Apache-2.0
"""Addresses of boards."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.boards import editing, files, pages, scheduling

urlpatterns: list[URLPattern] = [
    path("boards", pages.listing, name="boards"),
    path("boards/new", editing.new, name="board-new"),
    path("boards/import", editing.bring, name="board-import"),
    path("boards/wall", pages.wall, name="boards-wall"),
    path("boards/reports/<int:report_id>/end", scheduling.end, name="board-report-end"),
    path("boards/<slug:key>", pages.board, name="board-view"),
    path("boards/<slug:key>/tiles", pages.parts, name="board-tiles"),
    path("boards/<slug:key>/tiles.json", pages.parts_json, name="board-tiles-json"),
    path("boards/<slug:key>/edit", editing.edit, name="board-edit"),
    path("boards/<slug:key>/retire", editing.retire, name="board-retire"),
    path("boards/<slug:key>/restore", editing.restore, name="board-restore"),
    path("boards/<slug:key>/file.<slug:suffix>", editing.download, name="board-file"),
    path("boards/<slug:key>/picture.svg", files.drawn, name="board-svg"),
    path("boards/<slug:key>/board.pdf", files.document, name="board-pdf"),
    path("boards/<slug:key>/board.xlsx", files.workbook, name="board-xlsx"),
    path("boards/<slug:key>/notes", pages.annotate, name="board-annotate"),
    path("boards/<slug:key>/notes/<int:annotation_id>/withdraw", pages.withdraw, name="board-withdraw"),
    path("boards/<slug:key>/reports", scheduling.add, name="board-report-add"),
]
