# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages about alerts."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.alerts import duty, history, notices, plan, rules, silences

urlpatterns: list[URLPattern] = [
    path("alerts/history", history.history, name="alert-history"),
    path("alerts/history.xlsx", history.workbook, name="alert-history-xlsx"),
    path("alerts/notices", notices.inbox, name="alert-notices"),
    path("alerts/deliveries", notices.deliveries, name="alert-deliveries"),
    path("alerts/deliveries/<int:key>/<slug:deed>", notices.settle, name="alert-delivery"),
    path("alerts/plan", plan.plan, name="alert-plan"),
    path("alerts/silences", silences.listing, name="alert-silences"),
    path("alerts/silences/<int:key>/end", silences.end, name="alert-silence-end"),
    path("alerts/<int:alert_id>/mute", silences.mute, name="alert-mute"),
    path("duty", duty.rosters, name="duty"),
    path("duty/<slug:key>", duty.roster, name="duty-roster"),
    path("duty/turns/<int:key>/remove", duty.remove, name="duty-remove"),
    path("duty/turns/<int:key>/swap", duty.swap, name="duty-swap"),
    path("duty/swaps/<int:key>/<slug:answer>", duty.answer, name="duty-answer"),
    path("alert-rules", rules.listing, name="alert-rules"),
    path("alert-rules/<str:key>", rules.one, name="alert-rule"),
    path("alert-rules/<str:key>/file", rules.text, name="alert-rule-file"),
    path("alert-rules/<str:key>/<slug:deed>", rules.deed, name="alert-rule-deed"),
]
