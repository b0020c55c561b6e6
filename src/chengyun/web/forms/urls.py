# SPDX-License-Identifier: Apache-2.0
"""Addresses of forms."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.forms import fill, form, listing, openrosa, submissions

urlpatterns: list[URLPattern] = [
    path("openrosa/formList", openrosa.form_list, name="openrosa-list"),
    path("openrosa/submission", openrosa.submission, name="openrosa-submission"),
    path("openrosa/forms/<str:key>/<str:version>", openrosa.form, name="openrosa-form"),
    path("openrosa/forms/<str:key>/<str:version>/manifest", openrosa.manifest, name="openrosa-manifest"),
    path("forms", listing.form_list, name="forms"),
    path("forms/submissions", submissions.submission_list, name="form-submissions"),
    path("forms/submissions/<str:instance>", submissions.submission_page, name="form-submission"),
    path("forms/submissions/<str:instance>/review", submissions.review, name="form-review"),
    path("forms/submissions/<str:instance>/files/<int:number>", submissions.photo, name="form-photo"),
    path("forms/fill/", fill.fill_page, name="fill"),
    path("forms/fill/setup.json", fill.fill_setup, name="fill-setup"),
    path("forms/fill/send", fill.fill_send, name="fill-send"),
    path("forms/fill/worker.js", fill.fill_worker, name="fill-worker"),
    path("forms/fill/app.webmanifest", fill.fill_manifest, name="fill-manifest"),
    path("forms/fill/forms/<str:key>/<str:version>", fill.fill_xform, name="fill-xform"),
    path("forms/fill/prefill/<str:key>", fill.fill_prefill, name="fill-prefill"),
    path("forms/fill/<str:key>", fill.fill_page, name="fill-form"),
    path("forms/<str:key>", form.form_page, name="form"),
    path("forms/<str:key>/versions/<int:number>", form.source, name="form-source"),
    path("forms/<str:key>/<slug:deed>", form.do, name="form-deed"),
]
