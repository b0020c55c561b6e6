# SPDX-License-Identifier: Apache-2.0
"""Addresses of reports: for residents, for everybody, for the intake desk, for the hotline."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.intake import desk, hotline, public, report

urlpatterns: list[URLPattern] = [
    path("report", report.report_form, name="report"),
    path("report/alike", report.report_alike, name="report-alike"),
    path("report/confirm", report.report_confirm, name="report-confirm"),
    path("report/<slug:number>", report.own_report, name="own-report"),
    path("report/<slug:number>/photos/<int:photo_id>", report.own_photo, name="own-photo"),
    path("report/<slug:number>/<slug:deed>", report.own_deed, name="own-deed"),
    path("reports", public.reports, name="reports"),
    path("reports/points.json", public.points, name="reports-points"),
    path("reports/photos/<int:photo_id>", report.open_photo, name="open-photo"),
    path("intake", desk.intake_desk, name="intake"),
    path("intake/photos/<int:photo_id>", desk.intake_photo, name="intake-photo"),
    path("intake/photos/<int:photo_id>/original", desk.intake_original, name="intake-original"),
    path("intake/<slug:number>", desk.intake_report, name="intake-report"),
    path("intake/<slug:number>/<slug:deed>", desk.intake_deed, name="intake-deed"),
    path("hotline", hotline.hotline, name="hotline"),
    path("hotline/articles/write", hotline.article_write, name="article-write"),
    path("hotline/articles/<slug:key>", hotline.article, name="article"),
    path("hotline/<slug:deed>", hotline.hotline_deed, name="hotline-deed"),
]
