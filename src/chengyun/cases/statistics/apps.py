# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class StatisticsConfig(AppConfig):
    name = "chengyun.cases.statistics"
    label = "statistics"

    def ready(self) -> None:
        # When all tables are there: the triggers stand on one of another app.
        post_migrate.connect(_ensure, sender=self, dispatch_uid="statistics.ensure")


def _ensure(**_signal: object) -> None:
    from django.db import connection

    from chengyun.cases.statistics.folding import ensure
    from chengyun.cases.statistics.models import Cell

    if Cell._meta.db_table in connection.introspection.table_names():
        ensure()
