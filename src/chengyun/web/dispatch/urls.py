# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.urls import path

from chengyun.web.dispatch import board, supervision

urlpatterns = [
    path("dispatch", board.dispatch_board, name="dispatch"),
    path("dispatch/<slug:number>", board.dispatch_board, name="dispatch-case"),
    path("dispatch/<slug:number>/part", board.open_part, name="dispatch-part"),
    path("supervise", supervision.supervision, name="supervision"),
]
