# SPDX-License-Identifier: Apache-2.0
"""The Django side of an Entity: the columns every register has, and its history.

A pack's models.py inherits Register and decorates each model with `tracked`; the database then keeps every version
of every row by trigger. The table is named `<pack>_<model in lower case>`; raw SQL in the ingest process relies on it.
"""

from __future__ import annotations

from typing import TypeVar

import pghistory
from django.db import models

M = TypeVar("M", bound=type[models.Model])


class Register(models.Model):
    """One thing the city keeps a register of."""

    key = models.CharField("编码", max_length=64, unique=True)
    name = models.CharField("名称", max_length=200)
    area_code = models.CharField("区域", max_length=12, blank=True, default="", db_index=True)
    """Smallest known area, digits of GB/T 2260 and the statistical codes below it; empty: not known."""
    lon = models.FloatField("经度", null=True, blank=True, help_text="WGS-84")
    lat = models.FloatField("纬度", null=True, blank=True, help_text="WGS-84")
    valid_from = models.DateField("启用日期", null=True, blank=True)
    valid_to = models.DateField("停用日期", null=True, blank=True)
    simulated = models.BooleanField("模拟", default=False)
    source = models.CharField("来源", max_length=200, blank=True, default="")

    class Meta:
        abstract = True
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


def tracked(model: M) -> M:
    """Keep every version of every row in a history table, written by database triggers."""
    return pghistory.track()(model)  # type: ignore[no-any-return]
