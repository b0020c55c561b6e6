# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.urls import path

from chengyun.web.my import data, files, patterns, reversals

urlpatterns = [
    path("my/data", data.looks_page, name="my-data"),
    path("my/data/ask", data.ask, name="my-data-ask"),
    path("my/data/looks.<slug:form>", files.download, name="my-data-file"),
    path("my/data/<int:record>/proof.json", files.proof, name="my-data-proof"),
    path("my/data/verify_look.py", files.verifier, name="my-data-verifier"),
    path("privacy/reads", patterns.reads_page, name="privacy-reads"),
    path("privacy/reversals", reversals.reversals_page, name="privacy-reversals"),
    path("privacy/reversals/<int:number>/<slug:deed>", reversals.act, name="privacy-reversal"),
]
