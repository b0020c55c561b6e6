# SPDX-License-Identifier: Apache-2.0
"""Addresses of the desk and of the pages work is done on."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.desk import account, alerts, audit, case_photos, cases, letters, overview, posts, status, why

urlpatterns: list[URLPattern] = [
    path("desk", overview.desk, name="desk"),
    path("desk/parts", overview.desk_parts, name="desk-parts"),
    path("alerts", alerts.alert_list, name="alerts"),
    path("alerts/<int:alert_id>", alerts.alert_page, name="alert"),
    path("alerts/<int:alert_id>/acknowledge", alerts.acknowledge, name="alert-acknowledge"),
    path("alerts/<int:alert_id>/case", alerts.open_case, name="alert-case"),
    path("alerts/<int:alert_id>/close", alerts.close, name="alert-close"),
    path("cases", cases.case_list, name="cases"),
    path("cases/<slug:number>", cases.case_page, name="case"),
    path("cases/<slug:number>/steps/<slug:step>", cases.take_step, name="case-step"),
    path("cases/<slug:number>/photos/<int:photo_id>", case_photos.case_photo, name="case-photo"),
    path("cases/<slug:number>/supervise", cases.supervise, name="case-supervise"),
    path("case-types/<str:key>", cases.case_type, name="case-type"),
    path("cases/<slug:number>/assign", cases.assign, name="case-assign"),
    path("dead-letters", letters.letter_list, name="dead-letters"),
    path("dead-letters/retry", letters.retry_all, name="dead-letters-retry"),
    path("dead-letters/<int:letter_id>", letters.letter_page, name="dead-letter"),
    path("dead-letters/<int:letter_id>/retry", letters.retry, name="dead-letter-retry"),
    path("dead-letters/<int:letter_id>/drop", letters.drop, name="dead-letter-drop"),
    path("why/<int:figure_id>", why.why, name="why"),
    path("status", status.status, name="status"),
    path("audit", audit.audit_list, name="audit"),
    path("posts", posts.posts, name="posts"),
    path("posts/<int:post_id>/end", posts.end, name="post-end"),
    path("accounts/", account.account_page, name="account"),
    path("accounts/keys", account.make_key, name="account-keys"),
    path("accounts/keys/<slug:prefix>/revoke", account.revoke_key, name="account-key-revoke"),
]
