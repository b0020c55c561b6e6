# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.urls import path

from chengyun.web.exchange import desk, published, receipt

urlpatterns = [
    path("exchange", desk.desk, name="exchange"),
    path("exchange/receipts/<uuid:number>", receipt.receipt, name="exchange-receipt"),
    path("exchange/receipts/<uuid:number>.json", receipt.receipt_file, name="exchange-receipt-file"),
    path("exchange/statistics", published.statistics_page, name="exchange-statistics"),
    path("exchange/statistics.json", published.statistics_json, name="exchange-statistics-json"),
]
