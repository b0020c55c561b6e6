# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.urls import path

from chengyun.web.exchange import desk, keys, published, receipt

urlpatterns = [
    path("exchange", desk.desk, name="exchange"),
    path("exchange/receipts/<uuid:number>", receipt.receipt, name="exchange-receipt"),
    path("exchange/receipts/<uuid:number>.json", receipt.receipt_file, name="exchange-receipt-file"),
    path("exchange/keys", keys.keys, name="exchange-keys"),
    path("exchange/keys/add", keys.add, name="exchange-key-add"),
    path("exchange/keys/<str:thumbprint>/end", keys.end, name="exchange-key-end"),
    path("exchange/statistics", published.statistics_page, name="exchange-statistics"),
    path("exchange/statistics.json", published.statistics_json, name="exchange-statistics-json"),
]
