# SPDX-License-Identifier: Apache-2.0
"""Addresses of the crews' pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.crews import pages, staff

urlpatterns: list[URLPattern] = [
    path("crews", pages.plan, name="crews"),
    path("crews/plan", pages.ask, name="crews-plan"),
    path("crews/pin", pages.pin, name="crews-pin"),
    path("crews/mine", pages.mine, name="crews-mine"),
    path("crews/kept", staff.crews, name="crews-kept"),
    path("crews/kept/new", staff.new, name="crew-new"),
    path("crews/kept/save", staff.save, name="crew-save"),
    path("crews/kept/<slug:key>", staff.crew, name="crew"),
    path("crews/kept/<slug:key>/shifts", staff.shifts, name="crew-shifts"),
]
