# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.urls import path

from chengyun.web.requests import corrections, explain, granted, listing, new, one

urlpatterns = [
    path("requests", listing.request_list, name="requests"),
    path("requests/new", new.new, name="request-new"),
    path("requests/<slug:number>", one.request_page, name="request"),
    path("requests/<slug:number>/<slug:deed>", one.act, name="request-act"),
    path("grants", granted.grant_list, name="grants"),
    path("grants/<slug:number>/deleted", granted.deleted, name="grant-deleted"),
    path("corrections", corrections.correction_list, name="corrections"),
    path("corrections/<slug:number>", corrections.answer, name="correction-answer"),
    path("access/explain", explain.explain_page, name="access-explain"),
]
