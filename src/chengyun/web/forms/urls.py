# SPDX-License-Identifier: Apache-2.0
"""Addresses of forms."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.forms import openrosa

urlpatterns: list[URLPattern] = [
    path("openrosa/formList", openrosa.form_list, name="openrosa-list"),
    path("openrosa/submission", openrosa.submission, name="openrosa-submission"),
    path("openrosa/forms/<str:key>/<str:version>", openrosa.form, name="openrosa-form"),
    path("openrosa/forms/<str:key>/<str:version>/manifest", openrosa.manifest, name="openrosa-manifest"),
]
